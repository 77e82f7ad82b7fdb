"""Accepts connections and has somebody else serve them, each in a greenlet: what this server does not speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, Protocol

from brubeck_wsgi.concurrency.hub import Greenlet, Hub, current_greenlet

_PAUSE_SECONDS = 1.0


class Listening(Protocol):
    """A listening socket that does not block."""

    family: int
    type: int

    def fileno(self) -> int: ...

    def setblocking(self, flag: bool, /) -> None: ...

    def getsockname(self) -> Any: ...

    def _accept(self) -> tuple[int, Any]: ...

    def close(self) -> None: ...


class Bound(NamedTuple):
    """What is left to ask of a listener that may have been closed.

    Attributes:
        name: the address that it listens on.
    """

    name: Any

    def getsockname(self) -> Any:
        """Return the address, as the listener did."""
        return self.name


class Handover:
    """The face of `brubeck_wsgi.gateway.server.Server`, over somebody who serves whole connections.

    Args:
        hub: the scheduler.
        listeners: where to accept.
        serve: called with a socket of the hub's, the address of the peer and where it was accepted; closes the
            socket.
        most_connections: how many are open at a time; more wait to be accepted.

    Attributes:
        open_connections: how many are open.
    """

    def __init__(
        self,
        hub: Hub,
        listeners: Sequence[Listening],
        serve: Callable[[Any, Any, Bound], None],
        most_connections: int,
    ) -> None:
        self._hub = hub
        self._listeners = [(listener, Bound(listener.getsockname())) for listener in listeners]
        self._serve = serve
        self._most = most_connections
        self._watches: list[Callable[[], None]] = []
        self._idle: set[Greenlet] = set()
        self.open_connections = 0

    def start(self) -> None:
        """Begin to accept."""
        for listener, _ in self._listeners:
            listener.setblocking(False)
        self._watch()

    def stop(self, keeps_accepting: bool = False) -> None:
        """Stop accepting; who serves ends its connections as it sees fit."""
        if not keeps_accepting:
            self.stop_accepting()

    def stop_accepting(self) -> None:
        """Accept what waits already, and nothing after that."""
        self._unwatch()
        for listener, bound in self._listeners:
            while self.open_connections < self._most and self._accept_one(listener, bound):
                pass
            listener.close()  # here: other processes may go on listening
        self._listeners.clear()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Let `end_idle` leave this context, in which this greenlet waits for a request."""
        serving = current_greenlet()
        self._idle.add(serving)
        with suppress(_Ended):
            try:
                yield
            finally:
                self._idle.discard(serving)

    def end_idle(self) -> None:
        """Let connections that wait for a request wait no longer."""
        for serving in self._idle:
            self._hub.soon(partial(self._end_waiting, serving))

    def close(self) -> None:
        """Stop accepting; what is still being served ends with the process."""
        self.stop_accepting()

    def _watch(self) -> None:
        for listener, bound in self._listeners:
            accept = partial(self._accept_one, listener, bound)
            self._watches.append(self._hub.watch(listener.fileno(), accept))

    def _unwatch(self) -> None:
        for end in self._watches:
            end()
        self._watches.clear()

    def _accept_one(self, listener: Listening, bound: Bound) -> bool:
        """Accept a connection; return whether there may be another to accept."""
        try:
            descriptor, address = listener._accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        except OSError:
            # Out of descriptors or memory: what waits to be accepted would wake us in vain.
            self._unwatch()
            self._hub.spawn(self._resume)
            return False
        client = self._hub.cooperative_socket(listener.family, listener.type, descriptor)
        self.open_connections += 1
        if self.open_connections >= self._most:
            self._unwatch()
        self._hub.spawn(self._serve_one, client, address, bound)
        return True

    def _resume(self) -> None:
        self._hub.sleep(_PAUSE_SECONDS)
        if not self._watches and self.open_connections < self._most:
            self._watch()

    def _end_waiting(self, serving: Greenlet) -> None:
        if serving in self._idle:
            serving.throw(_Ended)

    def _serve_one(self, client: Any, address: Any, bound: Bound) -> None:
        try:
            self._serve(client, address, bound)
        finally:
            self.open_connections -= 1
            if not self._watches:
                self._watch()


class _Ended(BaseException):
    """No request is waited for any more; for nobody to catch but who waits."""
