"""What stands for a server in tests: a request is answered beside the test, as a worker would have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from brubeck_wsgi.concurrency import Empty, Event, Queue, current, spawn
from brubeck_wsgi.handlers.noting import ON_FAILURE
from brubeck_wsgi.interfaces import Environ, ExceptionInfo, HeaderList, WSGIApplication

_MOST_PIECES = 1024


class Head(NamedTuple):
    """What stands before the body of an answer."""

    status: str
    headers: HeaderList


class Pipe:
    """Bytes one way. Whoever sends waits where much is on its way already, until the other side takes it or leaves."""

    def __init__(self) -> None:
        self._pieces: Queue[bytes] = Queue(_MOST_PIECES)
        self._is_closed = False

    def put(self, data: bytes) -> None:
        """Send *data*; `ConnectionResetError` if nobody takes it any more."""
        if self._is_closed:
            raise ConnectionResetError("the other side has left")
        self._pieces.put(data)

    def end(self) -> None:
        """Let the other side have ``b""`` for ever, once it has what was sent before."""
        if not self._is_closed:
            self._pieces.put(b"")

    def get(self, timeout: float | None) -> bytes:
        """Wait for what comes, ``b""`` for the end; `TimeoutError` if that is not so within *timeout* seconds."""
        try:
            data = self._pieces.get(timeout)
        except Empty:
            raise TimeoutError(f"nothing came in {timeout} seconds") from None
        if not data:
            self._pieces.put(b"")
        return data

    def close(self) -> None:
        """Take nothing any more."""
        self._is_closed = True
        try:
            while True:
                self._pieces.get(0)  # whoever waits for room
        except Empty:
            self._pieces.put(b"")


class Departure:
    """``brubeck.disconnected``, as our workers have it."""

    def __init__(self) -> None:
        self._event = Event()
        self.calls = current().calls

    def is_set(self) -> bool:
        """Tell whether the client has left."""
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has, for *timeout* seconds at most; return whether it has."""
        return self._event.wait(timeout)

    def happen(self) -> None:
        """Let the client leave."""
        self._event.set()
        self.calls.leave(self)


class Way:
    """What ``brubeck.upgrade`` returns, as our workers have it: bytes both ways.

    Attributes:
        to_handler, to_client: where they go.
    """

    def __init__(self) -> None:
        self.to_handler = Pipe()
        self.to_client = Pipe()

    def receive(self, size: int = 65536, timeout_seconds: float | None = None) -> bytes | None:
        """Wait for bytes; ``b""`` at the end, None if the time is over."""
        try:
            return self.to_handler.get(timeout_seconds)
        except TimeoutError:
            return None

    def send(self, data: bytes) -> None:
        """Send *data*; a `ConnectionError` if the client has left."""
        self.to_client.put(data)

    def abort(self) -> None:
        """End it at once, on both sides."""
        self.to_handler.close()
        self.to_client.close()


class Answering:
    """A request that is being answered.

    Args:
        application: what answers.
        environ: of the request; what servers add for those who go on talking is added.
        timeout: for how many seconds to wait for anything.

    Attributes:
        body: of the answer; not of one that is a WebSocket.
        way: the WebSocket, if it has become one.
    """

    def __init__(self, application: WSGIApplication, environ: Environ, timeout: float) -> None:
        self.body = Pipe()
        self.way = Way()
        self.timeout = timeout
        self._application = application
        self._environ = environ
        self._departure = Departure()
        self._head: Head | None = None
        self._has_begun = Event()
        self._failure: Exception | None = None
        environ[ON_FAILURE] = self._note_failure
        environ["brubeck.disconnected"] = self._departure
        environ["brubeck.upgrade"] = self._upgrade
        self._task = spawn(self._run)

    def head(self) -> Head:
        """Wait for the head of the answer; raise what the application raises instead."""
        if not self._has_begun.wait(self.timeout):
            raise TimeoutError(f"no answer in {self.timeout} seconds")
        if self._head is None:
            self._task.result(self.timeout)
            raise AssertionError("expected the application to call start_response")
        return self._head

    def leave(self) -> None:
        """Be a client that leaves without a word."""
        self._departure.happen()
        self.body.close()
        self.way.abort()

    def join(self) -> None:
        """Wait until the request is over; raise what the application or a handler has raised."""
        self._task.result(self.timeout)
        if self._failure is not None:
            raise self._failure

    def _note_failure(self, error: Exception) -> None:
        self._failure = self._failure or error

    def _run(self) -> None:
        try:
            pieces = self._application(self._environ, self._start_response)
            try:
                for piece in pieces:
                    self._has_begun.set()
                    if self._departure.is_set():
                        break
                    if piece:
                        self.body.put(piece)
            except ConnectionResetError:
                if not self._departure.is_set():
                    raise
            finally:
                close: Callable[[], object] = getattr(pieces, "close", lambda: None)
                close()
        finally:
            self._has_begun.set()
            self.body.end()
            self.way.to_client.end()

    def _start_response(
        self, status: str, headers: HeaderList, exc_info: ExceptionInfo | None = None, /
    ) -> Callable[[bytes], object]:
        self._head = Head(status, headers)
        return self.body.put

    def _upgrade(self, protocol: str, headers: Sequence[tuple[str, str]] = ()) -> Way:
        self._head = Head("101 Switching Protocols", [("Upgrade", protocol), ("Connection", "Upgrade"), *headers])
        self._has_begun.set()
        return self.way
