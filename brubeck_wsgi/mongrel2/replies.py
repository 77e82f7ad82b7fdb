"""A worker's own connection to Mongrel2, for its answers."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from brubeck_wsgi.concurrency.hub import Event, Hub
from brubeck_wsgi.gateway.poller import GONE, READABLE, WRITABLE, Poller
from brubeck_wsgi.mongrel2.streams import FrontStream
from brubeck_wsgi.protocols.errors import RemoteProtocolError

logger = logging.getLogger("brubeck.mongrel2")

_RETRY_SECONDS = 0.1
_RETRY_FOREIGN_SECONDS = 10.0
_TOGETHER_SECONDS = 0.0005
"""Answers that come in so short a time leave together: one system call for many."""

_MOST_BACKLOG = 16 * 1024 * 1024


class Listener(Protocol):
    """Who wants to know when a Mongrel2 comes and goes."""

    def front_opened(self, identity: bytes, front: Replies, /) -> None: ...

    def front_closed(self, identity: bytes, /) -> None: ...


class Replies:
    """A connection from the attempt on; the face of `brubeck_wsgi.mongrel2.front.Front` too.

    Args:
        hub: the scheduler.
        poller: calls when something happens.
        address: Mongrel2's ``recv_spec``.
        listener: is told.
        clock: seconds that never go back.

    Raises:
        OSError: there is nothing to connect to.

    Attributes:
        is_alive: whether Mongrel2 takes answers.
        has_ended: whether the connection is over.
        is_foreign: whether it was no Mongrel2.
    """

    is_busy = True  # for the poller: it is never served, only notified
    has_left = False

    def __init__(self, hub: Hub, poller: Poller, address: str, listener: Listener, clock: Callable[[], float]) -> None:
        self.is_alive = False
        self.has_ended = self.is_foreign = False
        self._hub = hub
        self._poller = poller
        self._listener = listener
        self._clock = clock
        self._identity: bytes | None = None
        self._is_due = False
        self._flushed = 0.0
        self._room: Event | None = None
        self._stream = FrontStream(address, b"PUB")
        poller.add(self._stream.fileno(), self)

    @property
    def backlog(self) -> int:
        """How many bytes have not left."""
        return self._stream.backlog

    def publish(self, message: bytes, /) -> None:
        """Send *message* at once, or together with others that come now."""
        if not self.is_alive:
            return
        self._stream.queue(message)
        now = self._clock()
        if now - self._flushed > _TOGETHER_SECONDS:
            self._flushed = now
            self.flush()
        elif not self._is_due:
            self._is_due = True
            self._hub.soon(self.flush)

    @property
    def is_full(self) -> bool:
        """Whether Mongrel2 takes answers more slowly than they are made; who makes them should `wait`."""
        return self._stream.backlog > _MOST_BACKLOG

    def wait(self) -> None:
        """Wait until Mongrel2 has taken some."""
        while self.is_full and self.is_alive:
            self._room = self._room or self._hub.event()
            self._room.wait()

    def flush(self) -> None:
        """Send what can be sent."""
        self._is_due = False
        if self.has_ended:
            return
        try:
            self._stream.flush()
        except OSError:
            self.end()
            return
        if self._room is not None and not self.is_full:
            room, self._room = self._room, None
            room.set()

    def serve(self) -> bool:
        """Never called."""
        return False

    def notice(self, flags: int) -> None:
        """Take note of what epoll says; called in the loop."""
        if flags & (WRITABLE | GONE):
            self.flush()
        if flags & (READABLE | GONE):
            self._read()

    def end(self) -> None:
        """Close, and tell who wants to know."""
        if self.has_ended:
            return
        self.has_ended = True
        self.is_alive = False
        self._poller.remove(self._stream.fileno())
        self._stream.close()
        if self._room is not None:
            self._room.set()
        if self._identity is not None:
            self._listener.front_closed(self._identity)

    def _read(self) -> None:
        try:
            while not self.has_ended:
                messages = self._stream.read()
                if messages is None:
                    return
                for message in messages:
                    self._take(message)
        except OSError:
            self.end()
        except RemoteProtocolError as error:
            logger.error("expected a Mongrel2 to answer to: %s", error)
            self.is_foreign = True
            self.end()

    def _take(self, message: bytes) -> None:
        """Take a subscription: from now on answers arrive."""
        if message[:1] == b"\1" and self._identity is None:
            self._identity = message[1:]
            self.is_alive = True
            self._listener.front_opened(self._identity, self)


class ReplyKeeper:
    """Keeps a connection to each Mongrel2, however often it is started again.

    Args:
        hub, poller, listener, clock: for each connection.
        addresses: where to connect.
    """

    def __init__(
        self, hub: Hub, poller: Poller, addresses: list[str], listener: Listener, clock: Callable[[], float]
    ) -> None:
        self._make = functools.partial(_connected, hub, poller, listener, clock)
        self._clock = clock
        self._connections: dict[str, Replies | None] = dict.fromkeys(addresses)
        self._due = dict.fromkeys(addresses, float("-inf"))
        self._is_ending = False
        self.tick()
        hub.every(_RETRY_SECONDS, self.tick)

    @property
    def backlog(self) -> int:
        """How many bytes have not left."""
        return sum(replies.backlog for replies in self._connections.values() if replies and not replies.has_ended)

    def tick(self) -> None:
        """Connect what is not connected."""
        now = self._clock()
        for address, replies in self._connections.items():
            if replies is not None and replies.is_foreign:
                self._due[address] = now + _RETRY_FOREIGN_SECONDS
                self._connections[address] = None
            elif (replies is None or replies.has_ended) and not self._is_ending and now >= self._due[address]:
                with suppress(OSError):
                    self._connections[address] = self._make(address)

    def close(self) -> None:
        """End all."""
        self._is_ending = True
        for replies in self._connections.values():
            if replies is not None:
                replies.end()


def _connected(hub: Hub, poller: Poller, listener: Listener, clock: Callable[[], float], address: str) -> Replies:
    return Replies(hub, poller, address, listener, clock)
