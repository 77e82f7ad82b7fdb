"""One edge-triggered epoll for all connections, itself a single descriptor of the hub's loop.

No watcher is made or stopped when somebody waits, and an idle connection costs nothing but its registration.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Protocol

from brubeck_wsgi.concurrency.hub import Hub
from brubeck_wsgi.gateway.runners import Runners

# gevent takes epoll out of the module when it patches it; there is none on macOS and BSD.
epoll = getattr(select, "epoll", None)

# As in <sys/epoll.h>; the module has no names for them where there is no epoll.
READABLE = 0x001  # EPOLLIN
WRITABLE = 0x004  # EPOLLOUT
GONE = 0x2018  # EPOLLRDHUP | EPOLLHUP | EPOLLERR
RESET = 0x018  # EPOLLHUP | EPOLLERR
_INTEREST = READABLE | WRITABLE | 0x2000 | 0x80000000  # … EPOLLRDHUP | EPOLLET
_EXCLUSIVELY_READABLE = READABLE | 0x10000000  # EPOLLEXCLUSIVE: one of several processes is woken

_MOST_EVENTS = 256
_MOST_ROUNDS = 4  # before the loop has its turn again, for timers and other descriptors


class Pollable(Protocol):
    """A connection, as the poller knows it.

    Attributes:
        is_busy: whether it waits for a runner or has one.
        has_left: whether the peer has closed or reset it.
    """

    is_busy: bool
    has_left: bool

    def serve(self) -> bool: ...

    def notice(self, flags: int) -> None:
        """Take note of an event, flags of epoll's, while a runner serves the connection; called in the loop."""
        ...


class Poller:
    """Tells connections what happens to them.

    Args:
        hub: the scheduler.
        runners: serve what becomes ready.
    """

    def __init__(self, hub: Hub, runners: Runners) -> None:
        if epoll is None:
            raise NotImplementedError("expected an operating system with epoll")
        self._epoll = epoll()
        self._runners = runners
        self._connections: dict[int, Pollable] = {}
        self._listeners: dict[int, Callable[[], None]] = {}
        self._end = hub.watch(self._epoll.fileno(), self._poll)

    def add(self, descriptor: int, connection: Pollable) -> None:
        """Look after *connection* from now on."""
        self._connections[descriptor] = connection
        self._epoll.register(descriptor, _INTEREST)

    def remove(self, descriptor: int) -> None:
        """Forget a connection; called before its descriptor is closed, which ends the registration."""
        self._connections.pop(descriptor, None)

    def release(self, descriptor: int) -> None:
        """Forget a connection whose descriptor stays open."""
        self.remove(descriptor)
        self._epoll.unregister(descriptor)

    def listen(self, descriptor: int, accept: Callable[[], None]) -> None:
        """Call *accept*, which must not block, in the loop while there is something to accept."""
        self._listeners[descriptor] = accept
        self._epoll.register(descriptor, _EXCLUSIVELY_READABLE)

    def unlisten(self, descriptor: int) -> None:
        """Stop calling what `listen` was given."""
        if self._listeners.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Stop looking after anything."""
        self._end()
        self._epoll.close()

    def _poll(self) -> None:
        """Find out what has happened; called in the loop."""
        poll, connections, ready = self._epoll.poll, self._connections, self._runners.ready
        for _ in range(_MOST_ROUNDS):
            events = poll(0, _MOST_EVENTS)
            for descriptor, flags in events:
                connection = connections.get(descriptor)
                if connection is None:
                    accept = self._listeners.get(descriptor)
                    if accept is not None:
                        accept()
                elif connection.is_busy:
                    connection.notice(flags)
                elif flags != WRITABLE:
                    if flags & GONE:
                        connection.has_left = True
                    connection.is_busy = True
                    ready.append(connection)
            if ready:
                self._runners.run_ready()
            elif not events:
                break
