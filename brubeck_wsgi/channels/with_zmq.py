"""Channels between processes over ZeroMQ, with no server between them."""

from __future__ import annotations

import atexit
import importlib.util
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from brubeck_wsgi.channels.frames import BEAT, ENTER, LEAVE, MESSAGE, Answer, Gone, Happening, Kept, in_parts
from brubeck_wsgi.channels.in_memory import LoggedChannels
from brubeck_wsgi.channels.logs import Entry
from brubeck_wsgi.channels.meeting import Addresses, Directory, Meeting, default_directory, make_private, sweep
from brubeck_wsgi.channels.subscriptions import Subscription
from brubeck_wsgi.concurrency import Event, shield, spawn
from brubeck_wsgi.errors import ConfigurationError, MissingLibrary

if TYPE_CHECKING:
    from brubeck_wsgi.channels.mesh import Mesh

_JOIN_SECONDS = 2.0
_JOIN_ADDRESSES_SECONDS = 0.5
_CLOSE_SECONDS = 2.0
_MOST_HEARD_TOLD = 512


class ZMQChannels(LoggedChannels):
    """Channels between all processes of a machine that meet in one directory, or of several at given addresses.

    The messages of a publisher arrive in the order in which it has published them. Lost is what a process that is
    killed has sent to nobody yet, and what has left the history of its publisher before another has missed it; then
    subscriptions are not complete. Each process keeps history as it has heard it, and has that of others to begin with.

    Args:
        name: what an application is called, so that other processes of its user find it; None for the workers of one
            server, which find each other by themselves.
        directory: where the processes meet, in place of one that the name leads to.
        addresses: where they meet instead, ``tcp://address:port`` as all can reach them; each process takes the first
            that is its machine's and free. What is said there is neither secret nor signed.
        join_seconds: how long a process waits for the others when it begins.
        options: as `LoggedChannels` has them.

    Raises:
        MissingLibrary: pyzmq is not installed.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        directory: str | Path | None = None,
        addresses: Sequence[str] | None = None,
        join_seconds: float | None = None,
        **options: Any,
    ) -> None:
        if importlib.util.find_spec("zmq") is None:
            raise MissingLibrary("pyzmq", "zmq")
        if sum(one is not None for one in (name, directory, addresses)) > 1:
            raise ConfigurationError("expected one of name, directory and addresses")
        self._name = name
        self._directory = None if directory is None else Path(directory)
        self._addresses = None if addresses is None else Addresses(addresses)
        usual = _JOIN_SECONDS if addresses is None else _JOIN_ADDRESSES_SECONDS
        self._join_seconds = usual if join_seconds is None else join_seconds
        self._mesh: Mesh | None = None
        self._started: Event | None = None
        self._is_ready = False
        super().__init__(**options)

    def close(self) -> None:
        """Do as `Channels.close`; what has been published still leaves."""
        super().close()
        with self._lock:
            mesh, self._mesh = self._mesh, None
            self._is_ready = False
            self._started = None
            if mesh is not None:
                mesh.stop()
        if mesh is not None and mesh.is_over.wait(_CLOSE_SECONDS):
            mesh.close()
        if mesh is not None:
            self._reset()

    # -- beginning

    def _reset(self) -> None:
        if self._mesh is not None:
            self._mesh.abandon()
            _abandoned.append(self._mesh)
        super()._reset()
        self._mesh = None
        self._is_ready = False
        self._started = None

    def _begin(self) -> None:
        while not self._is_ready:
            with self._lock:
                started = self._started
                if started is None:
                    self._started = Event()
            if started is None:
                self._start()
            else:
                started.wait()

    def _start(self) -> None:
        from brubeck_wsgi.channels.mesh import Mesh  # which needs pyzmq

        started = self._started
        assert started is not None
        try:
            with shield():  # others wait for it too
                mesh = self._mesh = Mesh(self._token, self._meeting(), self, self._lock, self._join_seconds)
                spawn(mesh.run)
                mesh.has_joined.wait()
                _open.add(self)
                self._is_ready = True
        except BaseException:
            self._started = None
            raise
        finally:
            started.set()

    def _meeting(self) -> Meeting:
        if self._addresses is not None:
            return self._addresses
        if self._directory is not None:
            return Directory(self._directory)
        path = default_directory(self._name)
        make_private(path.parent)  # in a directory where anybody may make others
        sweep(path.parent)
        return Directory(path, is_lasting=False)

    def _begin_in(self, subscription: Subscription, name: str, text: str | None) -> list[Entry]:
        if text is not None and self._mesh is not None and not self._mesh.knows_all:
            subscription.miss()
        return super()._begin_in(subscription, name, text)

    # -- telling others

    def _send(self, entry: Entry) -> None:
        assert self._mesh is not None
        self._mesh.send(Happening(MESSAGE, entry.publisher, entry.number, entry.stamp, entry.channel, json=entry.json))

    def _send_presence(self, name: str, member: str, is_present: bool) -> None:
        self._number += 1
        kind, info = (ENTER, self._headcount.members[name][member]) if is_present else (LEAVE, None)
        if self._mesh is not None:
            happening = Happening(kind, self._token, self._number, 0, name, member, msgspec.json.encode(info))
            self._mesh.send(happening)

    def beat(self) -> Happening:
        """See `brubeck_wsgi.channels.station.Station`."""
        return Happening(BEAT, self._token, self._number)

    def answer(self, after: int, is_first: bool, living: set[str]) -> Iterable[Answer]:
        """See `brubeck_wsgi.channels.station.Station`."""
        archive = self._archive
        others = {publisher for publisher in archive.heard if publisher not in living} if is_first else set()
        publishers = {self._token, *others}
        kept = [one for one in _kept(archive.entries(publishers)) if one.publisher != self._token or one.number > after]
        gone = [Gone(*one) for one in archive.gone(publishers) if one[1] != self._token or one[2] > after]
        heard = {}
        if is_first:  # of those that live each tells by itself: more than it has told, and it would not be heard
            latest = list(archive.heard.items())[-_MOST_HEARD_TOLD:]
            heard = {publisher: number for publisher, number in latest if publisher in publishers}
        return in_parts(Answer(self._token, self._number, True, kept, gone, heard, self._headcount.members))

    def recall(self, publisher: str, after: int, held: list[Kept]) -> Iterable[Answer]:
        """See `brubeck_wsgi.channels.station.Station`."""
        archive = self._archive
        kept = [one for one in held if one.number > after]
        gone: list[Gone] = []
        heard: dict[str, int] = {}
        if archive.heard.get(publisher, 0) > after:  # hardly ever; to look through all logs takes 30 ms
            kept += [one for one in _kept(archive.entries({publisher})) if one.number > after]
            gone = [Gone(*one) for one in archive.gone({publisher}) if one[2] > after]
            heard = {publisher: archive.heard[publisher]}
        return in_parts(Answer(self._token, 0, True, kept, gone, heard))

    def bequest(self, is_last: bool) -> Iterable[Answer]:
        """See `brubeck_wsgi.channels.station.Station`."""
        for answer in self.answer(0, is_last, {self._token}):
            answer.members = {}
            if answer.is_last and self._token in self._archive.heard:
                answer.heard[self._token] = self._archive.heard[self._token]
            yield answer

    # -- hearing others

    def hear(self, happening: Happening) -> None:
        """See `brubeck_wsgi.channels.station.Station`."""
        publisher, channel, member = happening.publisher, happening.channel, happening.member
        if happening.kind == MESSAGE:
            self._add(Kept(channel, happening.json, publisher, happening.number, happening.stamp))
        elif happening.kind == ENTER:
            info = msgspec.json.decode(happening.json)
            self._tell_changes(self._roster.enter(publisher, channel, member, info))
        elif happening.kind == LEAVE:
            self._tell_changes(self._roster.leave(publisher, channel, member))

    def learn(self, answer: Answer, kept: list[Kept]) -> None:
        """See `brubeck_wsgi.channels.station.Station`."""
        self.inherit(answer, kept)
        self._tell_changes(self._roster.replace(answer.publisher, answer.members))

    def inherit(self, answer: Answer, kept: list[Kept]) -> None:
        """See `brubeck_wsgi.channels.station.Station`."""
        missed = self._archive.note_gone((one.channel, one.publisher, one.number, one.stamp) for one in answer.gone)
        for channel in missed:
            for subscription in self._hearers.get(channel, ()):
                subscription.miss()
        for one in kept:
            self._add(one)
        own = answer.heard.get(answer.publisher, 0)
        self._archive.note_heard({answer.publisher: own}, set())

    def begin(self, answers: list[tuple[Answer, list[Kept]]], living: set[str]) -> None:
        """See `brubeck_wsgi.channels.station.Station`."""
        for answer, _ in answers:
            self._archive.note_gone((one.channel, one.publisher, one.number, one.stamp) for one in answer.gone)
        found = {(one.publisher, one.number): one for _, kept in answers for one in kept}
        for one in sorted(found.values(), key=lambda one: (one.stamp, one.publisher, one.number)):
            self._add(one)
        for answer, _ in answers:
            self._archive.note_heard(answer.heard, living - {answer.publisher})
            self._tell_changes(self._roster.replace(answer.publisher, answer.members))

    def miss(self) -> None:
        """See `brubeck_wsgi.channels.station.Station`."""
        for hearers in self._hearers.values():
            for subscription in hearers:
                subscription.miss()

    def lose(self, token: str) -> None:
        """See `brubeck_wsgi.channels.station.Station`."""
        self._tell_changes(self._roster.remove(token))

    def _add(self, kept: Kept) -> None:
        if kept.publisher != self._token and self._archive.is_new(kept.publisher, kept.number):
            entry = Entry(kept.channel, kept.json, kept.publisher, kept.number, kept.stamp)
            self._archive.add(entry)
            self._tell(entry)


def _kept(entries: Iterable[Entry]) -> Iterator[Kept]:
    for entry in entries:
        yield Kept(entry.channel, entry.json, entry.publisher, entry.number, entry.stamp)


_open: weakref.WeakSet[ZMQChannels] = weakref.WeakSet()
_abandoned: list[Mesh] = []
"""Of parents; kept, since what they use must not be freed here."""


@atexit.register
def _close_all() -> None:
    """Let what has been published leave before the process ends."""
    for channels in list(_open):
        channels.close()
