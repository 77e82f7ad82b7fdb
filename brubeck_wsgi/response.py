"""A response: status, headers and a body, and how they are handed to the server (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any, TypeAlias, cast

import brubeck_wsgi.requestid as requestid
from brubeck_wsgi.cookies import Secret, deletion, serialize_cookie, sign
from brubeck_wsgi.headers import Headers, HeaderSource
from brubeck_wsgi.interfaces import Environ, HeaderList, StartResponse
from brubeck_wsgi.requestid import HEADER, KEPT, SENT, identity_header, request_id
from brubeck_wsgi.streams import FILE_BLOCK, Blocks, ClosingFile, ClosingPieces, ReadableFile, Stream, is_file

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BINARY = "application/octet-stream"

# The phrases of RFC 9110 where the Python versions that we support still have older ones; and what nginx calls 499.
_NEWER_PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    499: "Client Closed Request",
}
PHRASES: dict[int, str] = {status.value: status.phrase for status in HTTPStatus} | _NEWER_PHRASES
"""The reason phrase of each registered status (RFC 9110 §15), and of 499."""

_STATUS_LINES = {status: f"{status} {phrase}" for status, phrase in PHRASES.items()}
_new: Callable[[type[Response]], Response] = object.__new__
_BODILESS = frozenset({204, 304})
_BODY_LINES = {status: line for status, line in _STATUS_LINES.items() if status >= 200 and status not in _BODILESS}
# The headers of small bodies, made beforehand (benchmarks/framework.py: 0.06 µs of 2 a request).
_SMALL = 1024
_SMALL_LENGTHS = [("Content-Length", str(size)) for size in range(_SMALL)]
_OWN = ("x-request-id",)
_OF_CONTENT = ("content-length", "content-type")  # not without content (RFC 9110 §8.6; PEP 3333's checkers insist)


Body: TypeAlias = str | bytes | bytearray | memoryview | ReadableFile | Iterable[bytes | str]


def status_line(status_code: int, status_msg: str | None = None) -> str:
    """Return the status as WSGI wants it, ``"200 OK"``.

    Args:
        status_code: 200 to 599; an informational status cannot be the answer.
        status_msg: the reason phrase; the registered one by default.

    Raises:
        ValueError: the code is out of range, or the phrase could break the status line.
    """
    if status_msg is None and status_code in _STATUS_LINES and status_code >= 200:
        return _STATUS_LINES[status_code]
    if not isinstance(status_code, int) or not 200 <= status_code <= 599:
        raise ValueError(f"expected a status from 200 to 599, got {status_code!r}")
    phrase = status_msg or PHRASES.get(status_code, "Unknown")
    if not phrase.isprintable():
        raise ValueError(f"expected a reason phrase in printable characters, got {phrase[:60]!r}")
    return f"{status_code} {phrase.encode('latin-1', 'replace').decode('latin-1')}"


class Response:
    """What the client gets.

    Args:
        body: text (sent as UTF-8), bytes, a file, or an iterable of pieces that is streamed and closed
            exactly once. A file open as text is sent line by line.
        status_code: 200 to 599.
        headers: by name; checked.
        content_type: the Content-Type header; by default plain text for text and for an empty body,
            ``application/octet-stream`` for all else. Text is not taken for HTML: it could hold what a client sent.
        status_msg: the reason phrase.

    Attributes:
        body: as given; text has become bytes.
        header_list: the headers as pairs, without Content-Length, which is worked out when sent.
    """

    __slots__ = ("_on_close", "_status_code", "_status_msg", "body", "header_list")

    def __init__(
        self,
        body: Body = b"",
        status_code: int = 200,
        headers: HeaderSource = (),
        content_type: str | None = None,
        status_msg: str | None = None,
    ) -> None:
        status_line(status_code, status_msg)
        self._status_code = status_code
        self._status_msg = status_msg
        self._on_close: list[Callable[[], object]] | None = None
        self.header_list: HeaderList = Headers(headers).pairs if headers else []
        self.body: bytes | ReadableFile | Iterable[bytes | str] = _sendable(body)
        if content_type is not None:
            self.headers["Content-Type"] = content_type
        elif "content-type" not in self.headers:
            is_text = isinstance(body, str) or self.body == b""
            self.header_list.insert(0, ("Content-Type", TEXT if is_text else BINARY))

    @property
    def status_code(self) -> int:
        """The status, 200 to 599; setting another number raises a `ValueError`."""
        return self._status_code

    @status_code.setter
    def status_code(self, status_code: int) -> None:
        status_line(status_code, self._status_msg)
        self._status_code = status_code

    @property
    def status_msg(self) -> str | None:
        """The reason phrase; None for the registered one."""
        return self._status_msg

    @status_msg.setter
    def status_msg(self, status_msg: str | None) -> None:
        status_line(self._status_code, status_msg)
        self._status_msg = status_msg

    @property
    def headers(self) -> Headers:
        """The headers by name; changes are the response's own."""
        return Headers.over(self.header_list)

    @property
    def is_streamed(self) -> bool:
        """Whether the body is still to be made, piece by piece."""
        return not isinstance(self.body, bytes)

    def set_cookie(self, name: str, value: object, *, secret: Secret | None = None, **attributes: Any) -> None:
        """Add a Set-Cookie header; signed if there is a *secret*. For *attributes* see `serialize_cookie`."""
        if secret is not None:
            value = sign(name, value, secret)
            attributes = {"httponly": True, "samesite": "Lax"} | attributes
        self.headers.add("Set-Cookie", serialize_cookie(name, value, **attributes))  # type: ignore[arg-type]

    def delete_cookie(self, name: str, **attributes: Any) -> None:
        """Tell the browser to forget a cookie; *attributes* as they were when it was set."""
        self.set_cookie(name, "", **deletion(name, attributes))

    def on_close(self, callback: Callable[[], object]) -> None:
        """Call *callback* once the body of this response has been sent, or given up."""
        if self._on_close is None:
            self._on_close = []
        self._on_close.append(callback)

    def start(self, environ: Environ) -> Response:
        """Wait for the first piece of a streamed body, so that an error before it can still be answered.

        Returns:
            This response.

        Raises:
            Exception: whatever the body raises before its first piece; the response is closed then.
        """
        self.body = body = _sendable(self.body)
        if not isinstance(body, bytes | Stream) and not (is_file(body) and "wsgi.file_wrapper" in environ):
            try:
                self.body = Stream(Blocks(body) if is_file(body) else cast("Iterable[bytes | str]", body))
            except BaseException:
                self.body = b""
                self._closed()
                raise
        return self

    def copy(self) -> Response:
        """Return a response with headers of its own; it shares the body, and what waits for its end goes along."""
        copy = made(self.body, list(self.header_list))
        copy._status_code, copy._status_msg = self._status_code, self._status_msg
        copy._on_close, self._on_close = self._on_close, None
        return copy

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application does; a response with a body of bytes may be sent any number of times."""
        return self.send(environ, start_response)

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Do what calling the response does."""
        body = self.body
        line = _BODY_LINES.get(self._status_code)
        if line is None or body.__class__ is not bytes or self._status_msg is not None or self._on_close is not None:
            return self._send_other(environ, start_response)
        size = len(body)
        length = _SMALL_LENGTHS[size] if size < _SMALL else ("Content-Length", str(size))
        identity = identity_header(environ) if KEPT in environ or SENT in environ else next(requestid.identities)
        headers = self.header_list
        if len(headers) == 1:  # the Content-Type, which every response is made with
            start_response(line, [headers[0], length, identity])
        else:
            start_response(line, self._sent_headers(length, identity, environ))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _send_other(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send what is no plain body with a plain status."""
        self.start(environ)
        identity = (HEADER, request_id(environ))  # kept: the log names it again when the body has been sent
        bodiless = self._status_code in _BODILESS
        if bodiless:
            headers = [*_without(self.header_list, _OF_CONTENT + _OWN), identity]
        elif isinstance(self.body, bytes):
            headers = self._sent_headers(("Content-Length", str(len(self.body))), identity, environ)
        else:
            headers = [*_without(self.header_list, _OWN), identity]
        start_response(status_line(self._status_code, self._status_msg), headers)
        if bodiless or environ["REQUEST_METHOD"] == "HEAD":
            # What waits for the end waits until the server closes this: it has sent the head by then.
            return [] if isinstance(self.body, bytes) and self._on_close is None else ClosingPieces((), self.close)
        return self._pieces(environ)

    def _pieces(self, environ: Environ) -> Iterable[bytes]:
        """Return what the server iterates over and closes."""
        body = self.body
        if is_file(body):
            # The server recognizes what its wrapper made, and can send the file by a shorter way; so the wrapper
            # must be outermost, and what waits for the end is called when it closes the file.
            file = body if self._on_close is None else ClosingFile(body, self.close)
            return cast("Iterable[bytes]", environ["wsgi.file_wrapper"](file, FILE_BLOCK))
        pieces = [body] if isinstance(body, bytes) else cast("Iterable[bytes]", body)
        return pieces if self._on_close is None else ClosingPieces(pieces, self.close)

    def close(self) -> None:
        """Close the body and run what waits for its end; needed only if the response is never sent."""
        close = getattr(self.body, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._closed()

    def _closed(self) -> None:
        callbacks, self._on_close = self._on_close or (), None
        with ExitStack() as stack:  # it calls all of them, also when one raises
            for callback in reversed(callbacks):
                stack.callback(callback)

    def _sent_headers(self, length: tuple[str, str], identity: tuple[str, str], environ: Environ) -> HeaderList:
        headers = _without(self.header_list, ("content-length", "x-request-id"))
        if not self.body and environ["REQUEST_METHOD"] == "HEAD" and "content-length" in self.headers:
            length = ("Content-Length", self.headers["content-length"])  # a handler's own HEAD knows GET's
        return [*headers, length, identity]

    def __repr__(self) -> str:
        return f"<Response {status_line(self._status_code, self._status_msg)}>"


def made(body: bytes | ReadableFile | Iterable[bytes | str], header_list: HeaderList) -> Response:
    """Return a response with status 200, of parts that are known to be good; the constructor of hot paths."""
    response = _new(Response)
    response._status_code = 200
    response._status_msg = None
    response.header_list = header_list
    response.body = body
    response._on_close = None
    return response


class WebObResponse(Response):
    """A `webob.Response`, with its own ways of sending (conditional answers, ranges); they decide when it starts.

    Args:
        foreign: the response; header changes made here are made there.
    """

    __slots__ = ("_foreign",)

    def __init__(self, foreign: Any) -> None:
        self._foreign = foreign
        self._status_code = foreign.status_code
        self._status_msg = None
        self.header_list = foreign.headerlist
        self.body = foreign.app_iter
        self._on_close = None

    def copy(self) -> Response:
        """Return this response itself until it starts: a `webob.Response` is made for one request."""
        return self if self._foreign is not None else super().copy()

    def start(self, environ: Environ) -> Response:
        """Have WebOb say what it would send, and wait for the first piece of it; errors as `Response.start` has them.

        Raises:
            ValueError: a header that may not be sent.
        """
        foreign, self._foreign = self._foreign, None
        if foreign is not None:
            try:
                self._ask(foreign, environ)
            except BaseException:
                self.close()
                raise
        return super().start(environ)

    def _ask(self, foreign: Any, environ: Environ) -> None:
        if self._status_code != foreign.status_code:
            foreign.status_code = self._status_code
        head: list[Any] = []
        # Asked for GET, since webob.exc has other headers for HEAD.
        asked = {**environ, "REQUEST_METHOD": "GET"} if environ["REQUEST_METHOD"] == "HEAD" else environ
        body = foreign(asked, lambda *arguments: head.extend(arguments))
        self.body = b"".join(body) if isinstance(body, list | tuple) else body
        self.header_list = Headers(head[1]).pairs
        self.status_code, self.status_msg = int(head[0][:3]), head[0][4:]


def _sendable(body: Any) -> Any:
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray | memoryview) else body


def _without(headers: HeaderList, names: tuple[str, ...]) -> HeaderList:
    return [pair for pair in headers if pair[0].lower() not in names]
