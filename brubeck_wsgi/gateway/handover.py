"""Accepts connections and has somebody else serve them, each in a greenlet: what this server does not speak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from brubeck_wsgi.concurrency.hub import Hub


class Listening(Protocol):
    """A listening socket that does not block."""

    family: int
    type: int

    def fileno(self) -> int: ...

    def setblocking(self, flag: bool, /) -> None: ...

    def _accept(self) -> tuple[int, Any]: ...

    def close(self) -> None: ...


class Handover:
    """The face of `brubeck_wsgi.gateway.server.Server`, over somebody who serves whole connections.

    Args:
        hub: the scheduler.
        listeners: where to accept.
        serve: called with a socket of the hub's, the address of the peer and the listener; closes the socket.
        most_connections: how many are open at a time; more wait to be accepted.
    """

    def __init__(
        self,
        hub: Hub,
        listeners: Sequence[Listening],
        serve: Callable[[Any, Any, Listening], None],
        most_connections: int,
    ) -> None:
        self._hub = hub
        self._listeners = list(listeners)
        self._serve = serve
        self._most = most_connections
        self._watches: list[Callable[[], None]] = []
        self.open_connections = 0

    def start(self) -> None:
        """Begin to accept."""
        for listener in self._listeners:
            listener.setblocking(False)
        self._watch()

    def stop(self, keeps_accepting: bool = False) -> None:
        """Stop accepting; who serves ends its connections as it sees fit."""
        if not keeps_accepting:
            self.stop_accepting()

    def stop_accepting(self) -> None:
        """Accept nothing more, and close the listeners."""
        self._unwatch()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def end_idle(self) -> None:
        """Do nothing: which connections are idle, only who serves them knows."""

    def close(self) -> None:
        """Stop accepting; what is still being served ends with the process."""
        self.stop_accepting()

    def _watch(self) -> None:
        for listener in self._listeners:
            self._watches.append(self._hub.watch(listener.fileno(), lambda listener=listener: self._accept(listener)))  # type: ignore[misc]  # mypy cannot tell the type of a default of a lambda

    def _unwatch(self) -> None:
        for end in self._watches:
            end()
        self._watches.clear()

    def _accept(self, listener: Listening) -> None:
        try:
            descriptor, address = listener._accept()
        except OSError:
            return  # taken by another process, or given up by the client
        client = self._hub.cooperative_socket(listener.family, listener.type, descriptor)
        self.open_connections += 1
        if self.open_connections >= self._most:
            self._unwatch()
        self._hub.spawn(self._serve_one, client, address, listener)

    def _serve_one(self, client: Any, address: Any, listener: Listening) -> None:
        try:
            self._serve(client, address, listener)
        finally:
            self.open_connections -= 1
            if not self._watches:
                self._watch()
