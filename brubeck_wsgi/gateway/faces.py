"""What a connection shows to applications in the environ, made so that a request that asks for none pays for none."""

from __future__ import annotations

from _socket import socket as Socket  # noqa: N812  # the plain one, which no hub has replaced
from typing import Any, Protocol

from brubeck_wsgi.concurrency.finding import current
from brubeck_wsgi.concurrency.hub import Event, Hub

# What can be asked of the socket while the server still reads and writes it.
_HARMLESS = frozenset(
    ("family", "fileno", "getpeername", "getsockname", "getsockopt", "proto", "setsockopt", "timeout", "type")
)


class Taken(Protocol):
    """A connection, as these faces know it."""

    has_left: bool

    @property
    def plain_socket(self) -> Socket: ...

    def take_over(self) -> Any: ...


class Disconnected:
    """``brubeck.disconnected``: an event that is set as soon as the client has closed or reset the connection.

    Nobody has to read for that. A client that only closes its sending side counts as one that has left, as with
    other servers; what is answered is sent to it all the same.

    Attributes:
        calls: where the calls stand that are stopped then; here they are found sooner than by asking for the scheduler.
    """

    __slots__ = ("_connection", "_event", "_hub", "calls")

    def __init__(self, connection: Taken, hub: Hub) -> None:
        self.calls = current().calls
        self._connection = connection
        self._hub = hub
        self._event: Event | None = None

    def is_set(self) -> bool:
        """Tell whether the client has left."""
        return self._connection.has_left

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the client has left, for *timeout* seconds at most; return whether it has."""
        if not self.is_set():
            self._event = self._event or self._hub.event()
            self._event.wait(timeout)
        return self.is_set()

    def happen(self) -> None:
        """Stop calls that are to be stopped, and let those go on that wait; called in the loop."""
        self.calls.leave(self)
        if self._event is not None:
            self._event.set()


class SocketFace:
    """``gunicorn.socket``: a socket of the hub's, once something is asked of it that the server does itself.

    From then on the connection is the application's, and the server sends nothing more; libraries that speak
    WebSocket under Gunicorn do that.
    """

    __slots__ = ("_connection", "_taken")

    def __init__(self, connection: Taken) -> None:
        self._connection = connection
        self._taken: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._taken is None:
            if name in _HARMLESS:
                return getattr(self._connection.plain_socket, name)
            self._taken = self._connection.take_over()
        return getattr(self._taken, name)
