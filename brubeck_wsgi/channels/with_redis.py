"""Channels through Redis, for processes of any number of machines."""

from __future__ import annotations

import heapq
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from brubeck_wsgi.channels.base import (
    HISTORY_MESSAGES,
    HISTORY_SECONDS,
    MESSAGE_BYTES,
    WAITING_BYTES,
    Channels,
    checked_limit,
    checked_name,
)
from brubeck_wsgi.channels.messages import Batch, Message, Record
from brubeck_wsgi.channels.presence import changes
from brubeck_wsgi.channels.redis_presence import RedisPresence
from brubeck_wsgi.channels.redis_reader import Reader
from brubeck_wsgi.channels.streams import BEGINNING, StreamCursor, Streams, parse_id, stream_id
from brubeck_wsgi.channels.subscriptions import Subscription
from brubeck_wsgi.concurrency import Event, Semaphore, spawn
from brubeck_wsgi.errors import ConfigurationError

logger = logging.getLogger("brubeck.channels")

_LEAST_LENGTH = 1000  # so that a burst is read before it is cut off
_BLOCK_SECONDS = 2.0
_MOST_CALLS = 16
_KEPT_CONNECTIONS = 2  # for the reader, and for waking it


class RedisChannels(Channels):
    """Channels whose messages and history are Redis Streams.

    The messages of a channel arrive in one order everywhere. What `publish` has returned for is lost only with the data
    of Redis, or in a burst of which the first is cut off before it was read; then subscriptions are not complete. If
    `publish` raises, nobody knows whether the message is there; a client that tries again may have added it twice.

    Each process reads with one connection, whatever it listens to. Redis 6.2 or newer, no cluster.

    Args:
        client: as the library redis has it, ``redis.Redis.from_url(…)``; it must not give up waiting for an answer
            too soon.
        prefix: stands before each key, and keeps applications of one database apart.
        history: how many messages of a channel are kept at the least.
        history_seconds: for how long.
        max_message_bytes: how long a message may be as JSON.
        presence_seconds: after how many the members of a process that has died are gone.
    """

    def __init__(
        self,
        client: Any,
        prefix: str = "brubeck:",
        *,
        history: int = HISTORY_MESSAGES,
        history_seconds: float = HISTORY_SECONDS,
        max_message_bytes: int = MESSAGE_BYTES,
        presence_seconds: float = 10.0,
    ) -> None:
        if not hasattr(client, "pipeline"):
            raise ConfigurationError(f"expected a client, redis.Redis.from_url(…), got {client!r:.80}")
        # Any: the library's own types have every answer as awaitable too.
        self._client = client
        self._prefix = prefix
        self._presence_seconds = checked_limit("presence_seconds", presence_seconds, 0.1)
        self._length = max(checked_limit("history", history, 0), _LEAST_LENGTH)
        pool = getattr(client, "connection_pool", None)
        # A crowd that comes back at once would take more connections than the pool of the client has.
        self._most_calls = max(1, min(_MOST_CALLS, getattr(pool, "max_connections", _MOST_CALLS) - _KEPT_CONNECTIONS))
        limit = getattr(pool, "connection_kwargs", {}).get("socket_timeout") or 2 * _BLOCK_SECONDS
        self._block_milliseconds = max(1, int(min(_BLOCK_SECONDS, limit / 2) * 1000))
        self._reader: Reader | None = None
        self._is_closed = Event()
        super().__init__(history=history, history_seconds=history_seconds, max_message_bytes=max_message_bytes)

    def history(self, name: str, after: str | None = None, limit: int | None = None) -> Batch:
        """Do as `Channels.history`; as many messages as were asked to be kept, if no *limit* is given."""
        checked_name(name)
        begin = BEGINNING if after is None else stream_id(after) or after
        most = self._history if limit is None else limit
        kept, is_complete = self._streams.after(name, begin, WAITING_BYTES, most)
        is_complete = is_complete and self._streams.reaches(name, begin)
        messages = [Message(one.id, name, one.json, one.position) for one in kept]
        position = messages[-1].position if messages else begin if parse_id(begin) else BEGINNING
        return Batch(messages, position, is_complete)

    def members(self, name: str) -> dict[str, Any]:
        """Do as `Channels.members`."""
        return self._presence.members(name)

    def close(self) -> None:
        """Do as `Channels.close`."""
        super().close()
        with self._lock:
            reader, self._reader = self._reader, None
            self._is_closed.set()
            if reader is not None:
                reader.is_over = True
            mine = [(name, member) for name, found in self._headcount.members.items() for member in found]
        with suppress(Exception):  # Redis may be away, and forgets by itself
            if mine:
                self._presence.leave(mine)
            if reader is not None:
                self._wake()
        self._reset()

    def _reset(self) -> None:
        super()._reset()
        self._token = secrets.token_hex(4)
        turn = Semaphore(self._most_calls)
        self._streams = Streams(self._client, f"{self._prefix}channel:", self._length, self._history_seconds, turn)
        self._presence = RedisPresence(self._client, self._prefix, self._token, self._presence_seconds, turn)
        self._reader = None
        self._is_beating = False
        self._is_closed = Event()
        self._watched: dict[str, dict[str, Any]] = {}
        self._owed: set[tuple[str, str]] = set()

    # -- messages

    def _publish(self, name: str, json: bytes) -> str:
        return self._streams.add(name, json)

    def _attach(self, subscription: Subscription, after: dict[str, str | None]) -> None:
        if subscription.wants_presence:
            self._watch(subscription.names)
        if self._listen(subscription, after):
            self._wake()
        missed = [self._missed(subscription, name, text) for name, text in after.items() if text is not None]
        # The subscription leaves out what it has had, whether it comes from here or was read since.
        merged: Iterator[Record] = heapq.merge(*missed, key=_number)
        subscription.replay(merged, True)

    def _listen(self, subscription: Subscription, after: dict[str, str | None]) -> bool:
        """Have *subscription* hear what is read from now on; return whether something is read that was not before."""
        newest: dict[str, str] = {}
        while True:
            with self._lock:
                reader = self._reader
                known = {} if reader is None or reader.is_over else reader.cursors
                unknown = [name for name in after if name not in known]
                if newest.keys() >= set(unknown):
                    if reader is None or reader.is_over:
                        reader = self._reader = self._make_reader()
                    reader.cursors.update({name: newest[name] for name in unknown})
                    for name, text in after.items():
                        start = reader.cursors[name] if text is None else stream_id(text) or BEGINNING
                        subscription.begin(name, StreamCursor(start), start)
                    self._add_hearer(subscription)
                    return bool(unknown)
            newest = {name: self._streams.newest(name) for name in unknown}

    def _missed(self, subscription: Subscription, name: str, after: str) -> list[Record]:
        after = stream_id(after) or after
        found, is_complete = self._streams.after(name, after, subscription.limit_bytes)
        if not is_complete or not self._streams.reaches(name, after):
            subscription.miss()
        return found

    def _make_reader(self) -> Reader:
        reader = Reader(
            self._streams, self, self._lock, self._wake_key, self._presence.changes_key, self._block_milliseconds
        )
        spawn(reader.run)
        return reader

    @property
    def _wake_key(self) -> str:
        return f"{self._prefix}wake:{self._token}"

    def _wake(self) -> None:
        """Have the reader look again what it is to read."""
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(self._wake_key, {"wake": "1"}, maxlen=1)
            pipeline.pexpire(self._wake_key, 60_000)
            pipeline.execute()

    def wanted(self) -> Iterable[str]:
        """See `brubeck_wsgi.channels.redis_reader.Listener`."""
        return self._hearers

    def hear(self, record: Record) -> None:
        """See `brubeck_wsgi.channels.redis_reader.Listener`."""
        self._tell(record)

    def miss(self, name: str) -> None:
        """See `brubeck_wsgi.channels.redis_reader.Listener`."""
        for subscription in self._hearers.get(name, ()):
            subscription.miss()

    def begin_again(self, name: str) -> None:
        """See `brubeck_wsgi.channels.redis_reader.Listener`."""
        for subscription in self._hearers.get(name, ()):
            subscription.miss()
            subscription.begin(name, StreamCursor(BEGINNING), BEGINNING)

    # -- presence

    def _enter(self, name: str, member: str, info: Any) -> None:
        with self._lock:
            self._headcount.enter(name, member, info)
            self._owed.discard((name, member))
        try:
            self._presence.enter(name, member, info)
        except BaseException:
            self._leave(name, member)
            raise
        self._beat_on()

    def _leave(self, name: str, member: str) -> None:
        with self._lock:
            if not self._headcount.leave(name, member):
                return
        try:
            self._presence.leave([(name, member)])
        except Exception as error:  # of the client's library; it ends a block that may have an error of its own
            logger.warning("channels: %r leaves %r when Redis is back: %s", member, name, error)
            with self._lock:
                self._owed.add((name, member))

    def _watch(self, names: Iterable[str]) -> None:
        for name in names:
            found = self._presence.members(name)
            with self._lock:
                self._watched.setdefault(name, found)
        self._beat_on()

    def _beat_on(self) -> None:
        with self._lock:
            is_beating, self._is_beating = self._is_beating, True
        if not is_beating:
            spawn(self._beat, self._is_closed)

    def _beat(self, is_closed: Event) -> None:
        """Say again and again that this process lives, and look for others that do not."""
        while not is_closed.wait(self._presence_seconds / 3):
            try:
                with self._lock:
                    members = {name: dict(found) for name, found in self._headcount.members.items()}
                    owed, self._owed = self._owed, set()
                    names = set(self._watched)
                self._presence.refresh(members)
                if owed:
                    self._presence.leave(owed)
                self.note_presence(names)
            except Exception as error:  # of the client's library; the reader tells that Redis is away
                logger.debug("channels: presence is not told: %s", error)
                with self._lock:
                    self._owed |= owed

    def note_presence(self, names: set[str]) -> None:
        """See `brubeck_wsgi.channels.redis_reader.Listener`."""
        for name in names & self._watched.keys():
            found = self._presence.members(name)
            with self._lock:
                if any(subscription.wants_presence for subscription in self._hearers.get(name, ())):
                    self._tell_changes(changes(name, self._watched.get(name, {}), found))
                    self._watched[name] = found
                else:
                    self._watched.pop(name, None)


def _number(record: Record) -> tuple[int, int]:
    return parse_id(record.id) or (0, 0)
