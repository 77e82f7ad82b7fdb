"""The connections of one process: accepted, served, watched over, and ended in order."""

from __future__ import annotations

import errno
import time
from _socket import socket as Socket  # noqa: N812  # the plain one, which no hub has replaced
from collections.abc import Callable, Sequence
from typing import NamedTuple

from brubeck_wsgi.concurrency.hub import Hub
from brubeck_wsgi.gateway.connection import Connection
from brubeck_wsgi.gateway.environ import EnvironMaker
from brubeck_wsgi.gateway.exchange import FailureLog, called_directly
from brubeck_wsgi.gateway.observer import Log, Observer
from brubeck_wsgi.gateway.poller import Poller
from brubeck_wsgi.gateway.runners import Runners
from brubeck_wsgi.interfaces import WSGIApplication
from brubeck_wsgi.protocols.http1.head import HeadParser
from brubeck_wsgi.protocols.http1.response import HeadWriter
from brubeck_wsgi.timekeeping import http_date

HEAD_SECONDS = 20.0
"""How long a client may take for the head of a request."""

LINGER_SECONDS = 2.0
"""How long a connection stays for the client to read the last answer; and an idle one when the server stops."""

_SWEEP_SECONDS = 1.0
_ACCEPTED_AT_ONCE = 64
_ACCEPTED_AT_ONCE_AMONG_OTHERS = 4  # or one process takes all, and the others have none
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener(NamedTuple):
    """A listening socket, and what makes the environ of the requests that come through it."""

    socket: Socket
    maker: EnvironMaker


class Settings(NamedTuple):
    """How a server behaves.

    Attributes:
        keepalive_seconds: how long an idle connection is kept; 0 for one request a connection.
        most_connections: how many are open at a time; more wait to be accepted.
        is_alone: whether no other process accepts on the same listeners.
        most_requests: after how many `on_limit` is called.
        on_limit: called once, by whoever serves the last of them; it must not block.
    """

    keepalive_seconds: float
    most_connections: int
    is_alone: bool = True
    most_requests: float = float("inf")
    on_limit: Callable[[], None] = lambda: None


class Server:
    """Serves a WSGI application on listening sockets.

    Args:
        hub: the scheduler.
        application: what answers.
        listeners: where to accept.
        parser: reads heads.
        writer: writes heads.
        settings: how to behave.
        log: where to say what happens.
        log_failure: where exceptions of the application go.
        observer: is there when a request is answered; None if nobody needs to.
        hand_over: takes accepted connections, (plain socket, address, listener), instead of serving them here.
        clock: seconds that never go back.

    Attributes:
        persists: whether connections may be kept for another request.
        now: the time of the last sweep, by *clock*.
        requests: how many have been served.
    """

    def __init__(
        self,
        hub: Hub,
        application: WSGIApplication,
        listeners: Sequence[Listener],
        parser: HeadParser,
        writer: HeadWriter,
        settings: Settings,
        log: Log,
        log_failure: FailureLog,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hub = hub
        self.application = called_directly(application)
        self.parser = parser
        self.writer = writer
        self.log = log
        self.log_failure = log_failure
        self.observer = observer
        self.clock = clock
        self.persists = settings.keepalive_seconds > 0
        self.requests = 0
        self._settings = settings
        self._listeners = list(listeners)
        self._connections: dict[int, Connection] = {}
        self._is_accepting = False
        self._is_draining = False  # of the listen queues, beyond what may be open otherwise
        self._runners = Runners(hub)
        self.poller = Poller(hub, self._runners)
        self._tick()

    def start(self) -> None:
        """Begin to accept."""
        for listener in self._listeners:
            listener.socket.setblocking(False)
        self._accept_more()
        self.hub.every(_SWEEP_SECONDS, self._sweep)

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def stop(self, keeps_accepting: bool = False) -> None:
        """Let no connection persist after its next answer, and begin to end those that are idle.

        Args:
            keeps_accepting: whether new connections are still taken, until `end_idle`.
        """
        self.persists = False
        for connection in self._connections.values():
            connection.answer_last()
        if not keeps_accepting:
            self.stop_accepting()

    def stop_accepting(self) -> None:
        """Accept what waits already, and nothing after that."""
        self._is_draining = True
        for listener in self._listeners:
            while self._accept_one(listener):
                pass
        self._pause()
        for listener in self._listeners:
            listener.socket.close()  # here: other processes may go on listening
        self._listeners.clear()
        self.hub.soon(self._runners.run_ready)  # in the loop: nobody would switch back to who calls this

    def end_idle(self) -> None:
        """Close the connections on which nothing has begun to arrive."""
        for connection in list(self._connections.values()):
            if connection.is_idle:
                connection.close()

    def close(self) -> None:
        """Close everything at once."""
        self._pause()
        for connection in list(self._connections.values()):
            connection.close()

    # -- for connections

    def count_request(self) -> None:
        """Count a request that is about to be answered."""
        self.requests += 1
        if self.requests == self._settings.most_requests:
            self._settings.on_limit()

    def make_ready(self, connection: Connection) -> None:
        """Have a runner serve *connection*, for which the poller has no more to tell."""
        connection.is_busy = True
        self._runners.ready.append(connection)

    def forget(self, connection: Connection) -> None:
        """Take note that *connection* is closed."""
        self.poller.remove(connection.descriptor)
        self._connections.pop(connection.descriptor, None)
        if not self._is_accepting and len(self._connections) < self._settings.most_connections:
            self._accept_more()

    def release(self, connection: Connection) -> None:
        """Stop looking after the socket of *connection*, which the application has taken over."""
        self.poller.release(connection.descriptor)

    # -- accepting

    def _accept_more(self) -> None:
        self._is_accepting = True
        for listener in self._listeners:
            self.poller.listen(listener.socket.fileno(), self._acceptor(listener))

    def _pause(self) -> None:
        self._is_accepting = False
        for listener in self._listeners:
            self.poller.unlisten(listener.socket.fileno())

    def _acceptor(self, listener: Listener) -> Callable[[], None]:
        at_once = _ACCEPTED_AT_ONCE if self._settings.is_alone else _ACCEPTED_AT_ONCE_AMONG_OTHERS

        def accept() -> None:
            for _ in range(at_once):
                if not self._accept_one(listener):
                    break

        return accept

    def _accept_one(self, listener: Listener) -> bool:
        """Accept a connection; return whether there may be another to accept."""
        try:
            descriptor, address = listener.socket._accept()  # type: ignore[attr-defined]  # as socket.accept does
        except (BlockingIOError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno not in _OUT_OF_RESOURCES:
                raise
            self.log.warning("cannot accept connections: %s", error)
            self._pause()  # until the next sweep: what waits to be accepted would wake us in vain
            return False
        family, kind = listener.socket.family, listener.socket.type
        connected = Socket(family, kind, 0, descriptor)
        connection = Connection(self, connected, address, listener.maker)
        self._connections[descriptor] = connection
        self.poller.add(descriptor, connection)
        if len(self._connections) >= self._settings.most_connections and not self._is_draining:
            self._pause()
            return False
        return True

    # -- time

    def _tick(self) -> None:
        now = self.now = self.clock()
        self.head_deadline = now + HEAD_SECONDS + _SWEEP_SECONDS
        self.idle_deadline = now + self._settings.keepalive_seconds + _SWEEP_SECONDS
        self.linger_deadline = now + LINGER_SECONDS
        self.writer.renew(http_date(time.time()))

    def _sweep(self) -> None:
        """End what has taken too long; called in the loop, every second."""
        self._tick()
        now = self.now
        if not self._is_accepting and len(self._connections) < self._settings.most_connections:
            self._accept_more()
        expired = [connection for connection in self._connections.values() if connection.deadline < now]
        for connection in expired:
            connection.expire()
        self._runners.run_ready()
