"""WebTest's client, for handlers that go on talking too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from typing import Any  # environs, and what WebTest takes
from urllib.request import Request as Asked

from brubeck_wsgi.concurrency.stopping import STOPPING, Stopping
from brubeck_wsgi.errors import MissingLibrary
from brubeck_wsgi.interfaces import HeaderList
from brubeck_wsgi.protocols.sse import CONTENT_TYPE
from brubeck_wsgi.protocols.websocket_client import ClientHandshake
from brubeck_wsgi.testing.serving import Answering
from brubeck_wsgi.testing.sockets import TestSocket
from brubeck_wsgi.testing.streams import TestStream

try:
    from webtest import AppError, TestApp
except ImportError:
    raise MissingLibrary("webtest", "testing") from None


class TestClient(TestApp):  # type: ignore[misc]  # WebTest has no types
    """WebTest's ``TestApp``, with WebSockets and streams of events; cookies are the same for all of them.

    Handlers run beside the test: in a thread, or in a greenlet where gevent or eventlet has patched the process.

    Attributes:
        timeout: for how many seconds to wait for anything that an application does.
        stopping: set it to be a server that begins to stop: ``client.stopping.set()``.
    """

    __test__ = False  # for pytest: it is none
    timeout: float = 5.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and isinstance(args[0], str):
            raise TypeError(f"expected a WSGI application, got {args[0]!r:.80}")
        super().__init__(*args, **kwargs)
        self.stopping = Stopping()

    @contextmanager
    def websocket(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        extra_environ: Mapping[str, Any] | None = None,
    ) -> Iterator[TestSocket]:
        """Talk over a WebSocket; after the ``with`` block it is closed, and its handler over.

        Args:
            url: the path, with or without a query.
            subprotocols: what the client can speak, best first.
            headers: more of them.
            extra_environ: more for the environ.

        Raises:
            AppError: the application answers with something else than a WebSocket.
            TimeoutError: it does not answer in time, or its handler is not over in time.
            Exception: what the application raises.
        """
        handshake = ClientHandshake(subprotocols)
        answering = self._begin(url, {**handshake.headers, **(headers or {})}, extra_environ)
        try:
            status, found = answering.head()
            if not status.startswith("101 "):
                raise _app_error("a WebSocket, 101", status, answering)
            socket = TestSocket(answering, handshake.finish({name.lower(): value for name, value in found}))
            yield socket
            socket.close()
        finally:
            answering.leave()

    @contextmanager
    def events(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        last_event_id: str | None = None,
        extra_environ: Mapping[str, Any] | None = None,
    ) -> Iterator[TestStream]:
        """Listen to a stream of events; after the ``with`` block the client has left, and the handler is over.

        Args:
            url: the path, with or without a query.
            headers: more of them.
            last_event_id: what a client that comes back says it had last.
            extra_environ: more for the environ.

        Raises:
            AppError: the application answers with something else than a stream of events.
            TimeoutError: it does not answer in time, or its handler is not over in time.
            Exception: what the application raises.
        """
        sent = {"Accept": CONTENT_TYPE, **(headers or {})}
        if last_event_id is not None:
            sent["Last-Event-ID"] = last_event_id
        answering = self._begin(url, sent, extra_environ)
        try:
            status, found = answering.head()
            kind = next((value for name, value in found if name.lower() == "content-type"), "")
            if not status.startswith("200 ") or not kind.startswith(CONTENT_TYPE):
                raise _app_error("a stream of events, 200", status, answering)
            stream = TestStream(answering)
            yield stream
            stream.leave()
        finally:
            answering.leave()

    def _begin(self, url: str, headers: Mapping[str, str], extra_environ: Mapping[str, Any] | None) -> Answering:
        request = self.RequestClass.blank(url, self._make_environ(extra_environ))
        request.http_version = "HTTP/1.1"
        request.headers.update(headers)
        asked = Asked(request.url)  # noqa: S310  # it asks the cookie jar, and nobody else
        self.cookiejar.add_cookie_header(asked)
        request.headers.update(asked.unredirected_hdrs)
        request.environ[STOPPING] = self.stopping
        answering = Answering(self.app, request.environ, self.timeout)
        try:
            self.cookiejar.extract_cookies(_Answered(answering.head().headers), asked)
        except BaseException:
            answering.leave()
            raise
        return answering


class _Answered:
    """An answer as cookie jars want it."""

    def __init__(self, headers: HeaderList) -> None:
        self._headers = Message()
        for name, value in headers:
            self._headers.add_header(name, value)

    def info(self) -> Message:
        return self._headers


def _app_error(expected: str, status: str, answering: Answering) -> AppError:
    body = b""
    while piece := answering.body.get(answering.timeout):
        body += piece
    return AppError("Bad response: expected %s, got %s\n%s", expected, status, body)
