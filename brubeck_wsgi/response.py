"""A response: status, headers and a body, and how they are handed to the server (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias, TypeGuard, cast

from brubeck_wsgi.cookies import Secret, serialize_cookie, sign
from brubeck_wsgi.headers import Headers, HeaderSource
from brubeck_wsgi.interfaces import Environ, HeaderList, StartResponse
from brubeck_wsgi.requestid import KEPT, SENT, identity_header, new_identity

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BINARY = "application/octet-stream"

# The phrases of RFC 9110 where the Python versions that we support still have older ones.
_NEWER_PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
PHRASES: dict[int, str] = {status.value: status.phrase for status in HTTPStatus} | _NEWER_PHRASES
"""The reason phrase of each registered status (RFC 9110 §15)."""

_STATUS_LINES = {status: f"{status} {phrase}" for status, phrase in PHRASES.items()}
_new: Callable[[type[Response]], Response] = object.__new__
_BODILESS = frozenset({204, 304})
_BODY_LINES = {status: line for status, line in _STATUS_LINES.items() if status >= 200 and status not in _BODILESS}
# The headers of small bodies, made beforehand (benchmarks/framework.py: 0.06 µs of 2 a request).
_SMALL = 1024
_SMALL_LENGTHS = [("Content-Length", str(size)) for size in range(_SMALL)]
_FILE_BLOCK = 64 * 1024


class ReadableFile(Protocol):
    """A file that may be a body: read in blocks, by ``wsgi.file_wrapper`` where the server has it."""

    def read(self, size: int = -1, /) -> bytes: ...


Body: TypeAlias = str | bytes | ReadableFile | Iterable[bytes | str]


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
            exactly once.
        status_code: 200 to 599.
        headers: by name; checked.
        content_type: the Content-Type header; by default plain text for text, ``application/octet-stream``
            for all else. Text is not taken for HTML: it could hold what a client sent.
        status_msg: the reason phrase.

    Attributes:
        status_code, status_msg, body: as given; text has become bytes.
        header_list: the headers as pairs, without Content-Length, which is worked out when sent.
    """

    __slots__ = ("_on_close", "body", "header_list", "status_code", "status_msg")

    def __init__(
        self,
        body: Body = b"",
        status_code: int = 200,
        headers: HeaderSource = (),
        content_type: str | None = None,
        status_msg: str | None = None,
    ) -> None:
        status_line(status_code, status_msg)
        self.status_code = status_code
        self.status_msg = status_msg
        self._on_close: list[Callable[[], object]] | None = None
        self.header_list: HeaderList = Headers(headers).pairs if headers else []
        if content_type is not None:
            self.headers["Content-Type"] = content_type
        elif body != b"" and "content-type" not in self.headers:
            self.header_list.insert(0, ("Content-Type", TEXT if isinstance(body, str) else BINARY))
        self.body: bytes | ReadableFile | Iterable[bytes | str] = body.encode() if isinstance(body, str) else body

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

    def delete_cookie(self, name: str, *, path: str | None = "/", domain: str | None = None) -> None:
        """Tell the browser to forget a cookie; *path* and *domain* as they were when it was set."""
        self.set_cookie(name, "", path=path, domain=domain, max_age=0, expires=0)

    def on_close(self, callback: Callable[[], object]) -> None:
        """Call *callback* once the body of this response has been sent, or given up."""
        if self._on_close is None:
            self._on_close = []
        self._on_close.append(callback)

    def start(self) -> None:
        """Wait for the first piece of a streamed body, so that an error before it can still be answered."""
        if not isinstance(self.body, bytes | Stream) and not _is_file(self.body):
            self.body = Stream(cast("Iterable[bytes | str]", self.body))

    def copy(self) -> Response:
        """Return a response with headers of its own; the body is shared."""
        copy = made(self.body, list(self.header_list))
        copy.status_code, copy.status_msg = self.status_code, self.status_msg
        copy._on_close = self._on_close
        return copy

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application does; a response with a body of bytes may be sent any number of times."""
        return self.send(environ, start_response)

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Do what calling the response does."""
        body = self.body
        line = _BODY_LINES.get(self.status_code)
        if line is None or body.__class__ is not bytes or self.status_msg is not None or self._on_close is not None:
            return self._send_other(environ, start_response)
        size = len(body)
        length = _SMALL_LENGTHS[size] if size < _SMALL else ("Content-Length", str(size))
        if environ.get(KEPT) is None and environ.get(SENT) is None:
            identity = new_identity()
        else:
            identity = identity_header(environ)
        headers = self.header_list
        if len(headers) < 2:
            start_response(line, [*headers, length, identity])
        else:
            start_response(line, self._sent_headers(length, identity, environ))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _send_other(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send what is no plain body with a plain status."""
        identity = identity_header(environ)
        bodiless = self.status_code in _BODILESS
        if bodiless:
            headers = [*_without_content(self.header_list), identity]
        elif isinstance(self.body, bytes):
            headers = self._sent_headers(("Content-Length", str(len(self.body))), identity, environ)
        else:
            headers = [*self.header_list, identity]
            if _is_file(self.body):
                self.body = _file_iterable(self.body, environ)
            else:
                self.start()
        start_response(status_line(self.status_code, self.status_msg), headers)
        if bodiless or environ["REQUEST_METHOD"] == "HEAD":
            self.close()
            return []
        pieces = [self.body] if isinstance(self.body, bytes) else cast("Iterable[bytes]", self.body)
        return pieces if self._on_close is None else _Closing(pieces, self.close)

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
        for callback in callbacks:
            callback()

    def _sent_headers(self, length: tuple[str, str], identity: tuple[str, str], environ: Environ) -> HeaderList:
        headers = [pair for pair in self.header_list if pair[0].lower() not in ("content-length", "x-request-id")]
        if not self.body and environ["REQUEST_METHOD"] == "HEAD" and "content-length" in self.headers:
            length = ("Content-Length", self.headers["content-length"])  # a handler's own HEAD knows GET's
        return [*headers, length, identity]

    def __repr__(self) -> str:
        return f"<Response {status_line(self.status_code, self.status_msg)}>"


def made(body: bytes | ReadableFile | Iterable[bytes | str], header_list: HeaderList) -> Response:
    """Return a response with status 200, of parts that are known to be good; the constructor of hot paths."""
    response = _new(Response)
    response.status_code = 200
    response.status_msg = None
    response.header_list = header_list
    response.body = body
    response._on_close = None
    return response


class WebObResponse(Response):
    """A `webob.Response` taken as it is, with its own ways of sending (conditional answers, ranges).

    Args:
        foreign: the response; header changes made here are made there.
    """

    __slots__ = ("_foreign",)

    def __init__(self, foreign: Any) -> None:
        self._foreign = foreign
        self.status_code = foreign.status_code
        self.status_msg = None
        self.header_list = foreign.headerlist
        self.body = foreign.app_iter
        self._on_close = None

    def copy(self) -> Response:
        """Return this response itself: a `webob.Response` is made for one request."""
        return self

    def start(self) -> None:
        """Do nothing: WebOb decides while sending whether there will be a body."""

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Have WebOb send it."""
        if self.status_code != self._foreign.status_code:
            self._foreign.status_code = self.status_code

        def start(status: str, headers: HeaderList, exc_info: Any = None) -> Any:
            if int(status[:3]) in _BODILESS:
                headers = _without_content(headers)
            headers = [*headers, identity_header(environ)]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        self.body = self._foreign(environ, start)
        return _Closing(cast("Iterable[bytes]", self.body), self.close)


class Stream:
    """The pieces of a streamed body as bytes, the first of them waiting; closed exactly once.

    Args:
        pieces: bytes or text (sent as UTF-8).

    Attributes:
        on_error: called with the exception that ends a body which has begun; it goes on to the server,
            which has to break off the connection, so that the client does not take the rest for complete.

    Raises:
        Exception: whatever *pieces* raises before its first piece.
    """

    __slots__ = ("_close", "_first", "_pieces", "on_error")

    def __init__(self, pieces: Iterable[bytes | str]) -> None:
        self.on_error: Callable[[Exception], object] | None = None
        self._close: Callable[[], object] | None = getattr(pieces, "close", None)
        try:
            self._pieces = iter(pieces)
            first = next(self._pieces, None)
            self._first: bytes | None = None if first is None else _octets(first)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._first
        if piece is not None:
            self._first = None
            return piece
        try:
            return _octets(next(self._pieces))
        except StopIteration:
            raise
        except Exception as error:
            if self.on_error is not None:
                self.on_error(error)
            raise

    def close(self) -> None:
        """Stop: the generator's ``finally`` blocks run."""
        close, self._close = self._close, None
        if close is not None:
            close()


class _Closing:
    """An iterable whose ``close`` is another one."""

    __slots__ = ("_close", "_pieces")

    def __init__(self, pieces: Iterable[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self._close: Callable[[], None] | None = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            close()


def _octets(piece: bytes | str) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes):
        raise TypeError(f"expected bytes or text as a piece of a body, got {type(piece).__name__}")
    return piece


def _without_content(headers: HeaderList) -> HeaderList:
    """Leave out the length and the type of what is not there (RFC 9110 §8.6; PEP 3333's checkers insist)."""
    return [pair for pair in headers if pair[0].lower() not in ("content-length", "content-type")]


def _is_file(body: object) -> TypeGuard[ReadableFile]:
    return hasattr(body, "read")


def _file_iterable(file: ReadableFile, environ: Environ) -> Iterable[bytes]:
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None:
        wrapped: Iterable[bytes] = wrapper(file, _FILE_BLOCK)
        return wrapped
    return Stream(_Blocks(file))


class _Blocks:
    """A file in blocks; closing it closes the file."""

    def __init__(self, file: ReadableFile) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(_FILE_BLOCK), b"")

    def close(self) -> None:
        close = getattr(self._file, "close", None)
        if close is not None:
            close()
