"""The strand that reads all streams which a process listens to, and comes back whenever Redis does."""

from __future__ import annotations

import logging
from _thread import LockType
from collections.abc import Iterable
from time import monotonic
from typing import Protocol

from brubeck_wsgi.channels.messages import Record
from brubeck_wsgi.channels.streams import BEGINNING, Streams, parse_id, record, text
from brubeck_wsgi.concurrency import sleep

logger = logging.getLogger("brubeck.channels")

_COUNT = 500
_IDLE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.1
_MOST_PAUSE_SECONDS = 5.0


class Listener(Protocol):
    """What hears what is read."""

    def wanted(self) -> Iterable[str]:
        """Return the channels that somebody listens to; with the lock held."""
        ...

    def hear(self, record: Record) -> None:
        """Take a message; with the lock held."""
        ...

    def miss(self, name: str) -> None:
        """Take note that messages of a channel may have been missed; with the lock held."""
        ...

    def begin_again(self, name: str) -> None:
        """Take note that a channel has lost all its messages; with the lock held."""
        ...

    def note_presence(self, names: set[str]) -> None:
        """Take note that somebody has come to channels, or has left them."""
        ...


class Reader:
    """Reads streams until nobody has listened for a while.

    Args:
        streams: to read.
        listener: what hears what is read.
        lock: held while it is told.
        wake_key: of a stream of its own; what is added there has it look again what is wanted.
        changes_key: of the stream that tells of presence.
        block_milliseconds: how long it waits at a time.

    Attributes:
        cursors: the last entries that were read, by names of channels; whoever holds the lock may add one.
        is_over: whether it reads no more; with the lock held.
    """

    def __init__(
        self,
        streams: Streams,
        listener: Listener,
        lock: LockType,
        wake_key: str,
        changes_key: str,
        block_milliseconds: int,
    ) -> None:
        self.cursors: dict[str, str] = {}
        self.is_over = False
        self._streams = streams
        self._listener = listener
        self._lock = lock
        self._others = {wake_key: BEGINNING, changes_key: BEGINNING}
        self._changes_key = changes_key
        self._block = block_milliseconds
        self._wanted_at: dict[str, float] = {}
        self._used_at = monotonic()

    def run(self) -> None:
        """Read."""
        pause = 0.0
        while self._is_wanted(monotonic()):
            try:
                if pause:
                    self._come_back()
                    logger.info("channels: Redis is back")
                    pause = 0.0
                self._read()
            except Exception as error:  # of the client's library, whichever that is
                if self.is_over:
                    return
                if not pause:
                    logger.warning("channels: Redis is away, trying again: %s", error)
                pause = min(_MOST_PAUSE_SECONDS, 2 * pause or _FIRST_PAUSE_SECONDS)
                sleep(pause)

    def _is_wanted(self, now: float) -> bool:
        """Forget what nobody has wanted for a while; return whether there is anything left to do."""
        with self._lock:
            wanted = set(self._listener.wanted())
            for name in wanted:
                self._wanted_at[name] = now
            for name in list(self.cursors):
                if now - self._wanted_at.setdefault(name, now) > _IDLE_SECONDS:
                    del self.cursors[name], self._wanted_at[name]
            if wanted:
                self._used_at = now
            self.is_over = self.is_over or now - self._used_at > _IDLE_SECONDS
            return not self.is_over

    def _read(self) -> None:
        changed: set[str] = set()
        with self._lock:
            cursors = dict(self.cursors)
        for name, entries in self._streams.read(cursors, self._others, _COUNT, self._block):
            if name in self._others:
                self._others[name] = text(entries[-1][0])
                if name == self._changes_key:
                    changed |= {text(next(iter(fields.values()))) for _, fields in entries}
                continue
            # After so much at once something may have been cut off before it was read.
            is_cut = len(entries) == _COUNT and self._streams.oldest(name) == text(entries[0][0])
            with self._lock:
                if is_cut:
                    self._listener.miss(name)
                for entry in entries:
                    self._listener.hear(record(name, *entry))
                self.cursors[name] = text(entries[-1][0])
        if changed:
            self._listener.note_presence(changed)

    def _come_back(self) -> None:
        """Begin anew with streams that are younger than what was read of them: Redis has lost them meanwhile."""
        with self._lock:
            cursors = dict(self.cursors)
        for name, cursor in cursors.items():
            newest = self._streams.newest(name)
            if newest != BEGINNING and (parse_id(newest) or (0, 0)) < (parse_id(cursor) or (0, 0)):
                with self._lock:
                    self.cursors[name] = BEGINNING
                    self._listener.begin_again(name)
