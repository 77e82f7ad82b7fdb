"""How the processes of an application hear each other over ZeroMQ: all, in order, and nothing twice.

Every process publishes, and listens to every other. Whoever begins to listen asks what there was before; whoever
finds a gap in the numbers of a publisher holds back what comes behind it, and asks for what is missing. When one has
ended, each asks all others what they have heard of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from time import monotonic

import msgspec

from brubeck_wsgi.channels.frames import (
    ALL,
    BYE,
    LIVE,
    Answer,
    Ask,
    Happening,
    decode_answer,
    decode_happening,
    encode,
)
from brubeck_wsgi.channels.inquiries import Inquiries
from brubeck_wsgi.channels.joining import Joining
from brubeck_wsgi.channels.meeting import Meeting
from brubeck_wsgi.channels.peers import Peer
from brubeck_wsgi.channels.readiness import Readiness
from brubeck_wsgi.channels.station import Station
from brubeck_wsgi.channels.wire import Wire
from brubeck_wsgi.concurrency import Event, sleep

logger = logging.getLogger("brubeck.channels")

_BATCH = 200
_BEAT_SECONDS = 1.0
_TICK_SECONDS = 0.2
_JOINING_TICK_SECONDS = 0.02
_ASK_AGAIN_SECONDS = 2.0
_SILENT_SECONDS = 10.0
_LEFT_SECONDS = 2.0
_AFTERMATH_SECONDS = 0.5  # in which what a process has sent last arrives


class Mesh:
    """One process among others.

    Args:
        token: its name.
        meeting: where it finds the others.
        station: what it does with what it hears.
        lock: held while the station, or the socket that publishes, is used.
        join_seconds: how long it waits for the others in the beginning.

    Attributes:
        has_joined: happens when all others have answered, or that time is over.
        is_over: happens when nothing is heard any more.
    """

    def __init__(
        self,
        token: str,
        meeting: Meeting,
        station: Station,
        lock: AbstractContextManager[object],
        join_seconds: float,
    ) -> None:
        self.has_joined = Event()
        self.is_over = Event()
        self._token = token
        self._meeting = meeting
        self._station = station
        self._lock = lock
        self._joining = Joining(meeting, join_seconds)
        self._is_stopping = False
        self._nonce = 0
        self._peers: dict[str, Peer] = {}
        self._connected: dict[str, str] = {}  # endpoints, and what is known of who publishes there
        self._next_beat = 0.0
        self._next_look = 0.0
        self._wake: Callable[[], None] = _wake_nobody
        self._wire = Wire()
        try:
            self._endpoint = meeting.bind(token, self._wire.bind)
        except BaseException:
            self._wire.close()
            raise
        self._to_recall: list[Ask] = []  # once all that has come has been read
        self._inquiries = Inquiries(token, self._endpoint, self._wire, station)
        self._wire.subscribe(LIVE)
        self._hello = Ask(token, ALL, 0, 0, self._endpoint).topic()
        self._wire.subscribe(self._hello)  # asked again by itself with each connection
        self._meet()

    @property
    def knows_all(self) -> bool:
        """Whether all that is known to be kept somewhere has been heard; with the lock held."""
        return not self._joining.unheard and not self._inquiries.matter

    def send(self, happening: Happening) -> None:
        """Tell all others; with the lock held."""
        if not self._is_stopping:
            self._wire.publish(LIVE, encode(happening))

    def run(self) -> None:
        """Hear the others until told to stop."""
        readiness = Readiness(self._wire.descriptors)
        self._wake = readiness.wake
        try:
            while not self._is_stopping:
                if self._turn_or_log():
                    sleep(0)  # let others run
                else:
                    readiness.wait(_TICK_SECONDS if self._joining.is_over else _JOINING_TICK_SECONDS)
        finally:
            with self._lock:
                self._wake = _wake_nobody
            readiness.close()
            self.has_joined.set()
            self.is_over.set()

    def stop(self) -> None:
        """Say that this process ends, and hear nothing more; with the lock held.

        What only this process knows is left to those that come later.
        """
        if not self._is_stopping:
            self._bequeath()
            happening = self._station.beat()
            happening.kind = BYE
            self.send(happening)
            self._is_stopping = True
            self._wake()

    def _bequeath(self) -> None:
        estate = self._meeting.estate
        if estate is None or not self._joining.is_over:
            return
        estate.begin_to_leave(self._token)
        # Of two that leave at once one sees the other leave, and does not rely on it; and what this process has
        # published last, nobody may have heard yet.
        is_last = all(estate.is_leaving(token) for token in self._meeting.others())
        estate.bequeath(self._token, list(self._station.bequest(is_last)))

    def close(self) -> None:
        """Free what is used; after `run` is over."""
        self._meeting.leave()
        self._wire.close()

    def abandon(self) -> None:
        """Do nothing any more: this process is a child of the one whose sockets these are."""
        self._is_stopping = True
        self._meeting.abandon()

    # -- one turn

    def _turn_or_log(self) -> bool:
        try:
            with self._lock:
                return self._turn(monotonic())
        except Exception:  # a bug, or a system without room: what comes next may go well
            logger.exception("channels: error while hearing other processes")
            sleep(_BEAT_SECONDS)
            return False

    def _turn(self, now: float) -> bool:
        if self._is_stopping:
            return False
        for is_begun, topic in self._wire.subscribed():
            ask = Ask.parse(topic)
            if ask is not None and ask.asker != self._token:
                self._note_ask(ask, is_begun, now)
        count = 0
        for topic, body in self._wire.receive(_BATCH):
            count += 1
            try:
                self._take(topic, body, now)
            except msgspec.DecodeError as error:  # ValidationError is one
                logger.warning("channels: cannot read what another process says: %s", error)
        if now >= self._next_beat:
            self._next_beat = now + _BEAT_SECONDS
            self.send(self._station.beat())
            self._look_after(now)
        is_more = count == _BATCH
        if not is_more:
            asks, self._to_recall = self._to_recall, []
            for ask in asks:
                self._recall(ask)
        self._inquiries.end(now)
        if not self._joining.is_over:
            if self._joining.may_end(self._peers.values(), now):
                self._end_joining(now)
        elif not is_more and now >= self._next_look:
            self._next_look = now + _BEAT_SECONDS / 2
            self._look_for_dead(now)
        self._tell_joined()
        return is_more

    def _meet(self) -> None:
        for known, endpoint in self._meeting.others().items():
            self._connect(known, endpoint)

    def _connect(self, known: str, endpoint: str) -> None:
        if endpoint not in self._connected:
            self._connected[endpoint] = known
            self._wire.connect(endpoint)

    def _peer(self, token: str, now: float) -> Peer:
        peer = self._peers.get(token)
        if peer is None:
            peer = self._peers[token] = Peer(token, now)
        return peer

    def _note_ask(self, ask: Ask, is_begun: bool, now: float) -> None:
        if not is_begun:
            if ask.target == ALL and ask.asker in self._peers:
                self._peers[ask.asker].left_at = now
            return
        if ask.absent is None and ask.target not in (ALL, self._token):
            return
        endpoint = self._meeting.endpoint(ask.asker, ask.endpoint)
        if endpoint is None:
            return  # it has ended since
        peer = self._peer(ask.asker, now)
        peer.left_at, peer.is_listening = None, True
        self._connect(ask.asker, endpoint)
        if ask.absent is not None:
            self._to_recall.append(ask)
            return
        living = {token for token in self._peers if self._meeting.is_alive(token) is not False}
        self._reply(ask, self._station.answer(ask.after, ask.target == ALL, {self._token, *living}))

    def _recall(self, ask: Ask) -> None:
        """Tell what is known here of one that has ended, also what waits for something that came before it."""
        assert ask.absent is not None
        peer = self._peers.get(ask.absent)
        held = self._inquiries.held_messages(ask.absent) if peer is None else peer.held_messages()
        self._reply(ask, self._station.recall(ask.absent, ask.after, held))

    def _reply(self, ask: Ask, answers: Iterable[Answer]) -> None:
        for answer in answers:
            self._wire.publish(ask.topic(), encode(answer))

    def _take(self, topic: bytes, body: bytes, now: float) -> None:
        if topic != LIVE:
            self._take_answer(topic, decode_answer(body), now)
            return
        happening = decode_happening(body)
        if happening.publisher == self._token:
            return
        if happening.kind == BYE:
            if not self._joining.is_over:
                self._joining.left.append(happening.publisher)
            else:
                peer = self._peers.get(happening.publisher)
                self._lose(happening.publisher, now, has_told_all=peer is None or peer.last == happening.number)
            return
        peer = self._peer(happening.publisher, now)
        peer.heard_at = now
        taken = peer.take(happening, not self._joining.is_over)
        if taken is not None:
            self._station.hear(taken)
        elif peer.has_gap and self._joining.is_over:
            self._ask(peer, now)

    def _take_answer(self, topic: bytes, answer: Answer, now: float) -> None:
        if self._inquiries.take(topic, answer):
            return
        peer = self._peer(answer.publisher, now)
        peer.heard_at = now
        if not peer.add(answer):
            return
        if peer.ask is not None and topic == peer.ask.topic():
            self._wire.unsubscribe(topic)
        whole, kept = peer.settle()
        if not self._joining.is_over:
            self._joining.answers.append((whole, kept))
            return
        self._station.learn(whole, kept)
        self._joining.unheard.discard(peer.token)
        self._release(peer, now)

    def _release(self, peer: Peer, now: float, is_giving_up: bool = False) -> None:
        for happening in peer.release(is_giving_up):
            self._station.hear(happening)
        if peer.has_gap:
            self._ask(peer, now)

    def _ask(self, peer: Peer, now: float) -> None:
        is_asked = peer.ask is not None or not peer.is_synced  # at first by itself
        if is_asked and now - peer.asked_at < _ASK_AGAIN_SECONDS and not peer.holds_too_much:
            return
        if peer.ask is not None:
            self._wire.unsubscribe(peer.ask.topic())
        if peer.holds_too_much:
            peer.ask = None
            self._station.miss()
            self._release(peer, now, is_giving_up=True)
            return
        self._nonce += 1
        peer.ask = Ask(self._token, peer.token, peer.last, self._nonce, self._endpoint)
        peer.asked_at = now
        self._wire.subscribe(peer.ask.topic())

    # -- who is there

    def _look_after(self, now: float) -> None:
        for peer in list(self._peers.values()):
            if self._joining.is_over and (peer.has_gap or not peer.is_synced):
                self._ask(peer, now)
        if self._meeting.joins_at_once:
            self._meet()

    def _look_for_dead(self, now: float) -> None:
        for token in self._joining.unheard - self._peers.keys():
            if not self._meeting.is_alive(token):
                self._lose(token, now)
        for peer in list(self._peers.values()):
            if self._has_ended(peer, now):
                self._lose(peer.token, now)

    def _has_ended(self, peer: Peer, now: float) -> bool:
        is_alive = self._meeting.is_alive(peer.token)
        if is_alive is not None:
            return not is_alive and now - peer.heard_at > _AFTERMATH_SECONDS
        patience = _SILENT_SECONDS if peer.left_at is None else _LEFT_SECONDS
        return now - peer.heard_at > patience

    def _lose(self, token: str, now: float, has_told_all: bool = False) -> None:
        """Give up a process that has ended, and ask the others about it; one that nothing was heard of too."""
        peer = self._peers.pop(token, None) or Peer(token, now)
        self._joining.forget(token)
        self._inquiries.expect_no_more(token)
        if peer.ask is not None:
            self._wire.unsubscribe(peer.ask.topic())
        if self._meeting.joins_at_once:
            for endpoint in [endpoint for endpoint, known in self._connected.items() if known == token]:
                del self._connected[endpoint]
                self._wire.disconnect(endpoint)
        self._station.lose(token)
        if not has_told_all:
            others = [other.token for other in self._peers.values() if other.is_synced]
            self._inquiries.begin(peer, others, now)

    def _end_joining(self, now: float) -> None:
        self._joining.end(self._station, self._peers.values())
        for peer in list(self._peers.values()):
            if peer.is_synced:
                self._release(peer, now)
        for token in self._joining.left:
            self._lose(token, now)
        for token in self._joining.vanished - self._peers.keys():  # of the others, more may still arrive
            self._lose(token, now)

    def _tell_joined(self) -> None:
        """Let those begin that wait for it, once what others know of those that have ended is known here."""
        is_done = self._joining.is_over and not self._joining.vanished and not self._inquiries
        if is_done and not self.has_joined.is_set():
            self.has_joined.set()


def _wake_nobody() -> None:
    """Do nothing: nobody waits."""
