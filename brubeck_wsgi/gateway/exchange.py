"""One call of the application: its answer, framed and handed to a transport (PEP 3333; RFC 9112 §6, §7 and §9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import getattr_static
from types import FunctionType, MethodType
from typing import Protocol

from brubeck_wsgi.concurrency.hub import GreenletExit
from brubeck_wsgi.gateway.errors import BrokenBody, ClientLeft
from brubeck_wsgi.gateway.files import FileRegion, FileWrapper, find_region
from brubeck_wsgi.interfaces import AnswerAborted, Environ, ExceptionInfo, HeaderList, WSGIApplication
from brubeck_wsgi.protocols.errors import LocalProtocolError
from brubeck_wsgi.protocols.http1.response import LAST_CHUNK, HeadWriter, ResponseHead, chunk, forbids_body

_SMALL = 1024
_LENGTH_LINES = [b"Content-Length: %d\r\n" % size for size in range(_SMALL)]
_JOINED = 64 * 1024  # up to this a copy costs less than a second buffer in the system call
_END = b"\r\n"
_CLOSE_END = b"Connection: close\r\n\r\n"
_KEEP_END = b"Connection: keep-alive\r\n\r\n"


class Transport(Protocol):
    """The way to the client.

    Attributes:
        is_reset: whether the client has reset the connection. One that has only closed its sending side, as
            some do after their request, gets its answer.
        is_upgraded: whether the application has taken the connection over.
        persists: whether it may be used for another request; set to False if not.
        body: the body of the request; None if it has none.
    """

    is_reset: bool
    is_upgraded: bool
    persists: bool

    @property
    def body(self) -> object: ...

    def settle(self) -> None:
        """Decide whether the connection persists although the body of the request has not been read."""
        ...

    def send(self, data: bytes, /) -> None:
        """Send all of *data*; `ClientLeft` if that is not possible."""
        ...

    def send_parts(self, head: bytes, body: bytes, /) -> None:
        """Send *head* and *body*, which is large, in as few packets as they need."""
        ...

    def send_file(self, head: bytes, region: FileRegion, /) -> None:
        """Send *head* and a part of a file."""
        ...


class FailureLog(Protocol):
    """Where the exceptions of applications go."""

    def __call__(self, message: str, environ: Environ, /, *, with_traceback: bool) -> None: ...


def called_directly(application: WSGIApplication) -> WSGIApplication:
    """Return what calls *application* as Python calls a function.

    An object that can be called is called by C, which has a frame on its stack as long as a request lasts: 450 bytes
    that are kept for each greenlet that waits, and copied each time.
    """
    call = getattr_static(type(application), "__call__", None)
    return MethodType(call, application) if isinstance(call, FunctionType) else application


class Exchange:
    """A request and its response.

    Args:
        transport: the way to the client.
        environ: the request.
        writer: writes the head.
        is_modern: whether the client speaks HTTP/1.1, and so understands chunks.
        log_failure: where exceptions of the application go.

    Attributes:
        status: what the application said, ``"200 OK"``; None before it said anything.
        headers: its headers.
        sent: how many bytes of the body have been sent.
        is_started: whether the head has been sent.
    """

    __slots__ = (
        *("environ", "headers", "is_started", "sent", "status"),
        *("_head", "_is_bodiless", "_is_chunked", "_is_modern", "_log_failure", "_transport", "_writer"),
    )

    def __init__(
        self, transport: Transport, environ: Environ, writer: HeadWriter, is_modern: bool, log_failure: FailureLog
    ) -> None:
        self._transport = transport
        self.environ = environ
        self._writer = writer
        self._is_modern = is_modern
        self._log_failure = log_failure
        self.status: str | None = None
        self.headers: HeaderList = []
        self.sent = 0
        self.is_started = False
        self._head: ResponseHead | None = None

    def start_response(
        self, status: str, headers: HeaderList, exc_info: ExceptionInfo | None = None, /
    ) -> Callable[[bytes], None]:
        """Begin the response; what PEP 3333 has the application call.

        Raises:
            LocalProtocolError: status or headers cannot be sent, or it was called before.
        """
        if self.status is not None:
            if self._transport.is_upgraded:
                return self.write  # nobody would read it: 101 was the answer
            if exc_info is None:
                raise LocalProtocolError("expected start_response to be called once")
            if self.is_started:
                try:
                    raise exc_info[1].with_traceback(exc_info[2])  # type: ignore[union-attr]  # never None then
                finally:
                    exc_info = None
        self._head = self._writer.write(status, headers)
        self.status = status
        self.headers = headers
        return self.write

    def run(self, application: WSGIApplication) -> None:
        """Call the application and send what it answers; exceptions of it are logged and answered with 500.

        Raises:
            ClientLeft: the answer could not be sent.
        """
        try:
            answer = application(self.environ, self.start_response)
            kind = answer.__class__
            if kind is list or kind is tuple:
                self._send_whole(answer)  # type: ignore[arg-type]  # it is a list or a tuple
            else:
                self._send_and_close(answer)
        except ClientLeft:
            raise
        except BrokenBody as error:
            self.refuse(error.status, str(error))
        except AnswerAborted:
            self.refuse(500, "")
        except GreenletExit:
            raise
        except BaseException as error:
            if self._transport.is_upgraded and isinstance(error, StopIteration):
                return  # what libraries that take the socket over raise to end the request under Gunicorn
            # SystemExit too: an application that calls sys.exit() must not end the process for all others.
            # And the time-outs of the hubs, which are none of Exception's.
            self._log_failure("error while answering", self.environ, with_traceback=True)
            self.refuse(500, "")

    def write(self, data: bytes) -> None:
        """Send a piece of the body at once; what `start_response` returns."""
        if not isinstance(data, bytes):
            raise TypeError(f"expected bytes to write, got {type(data).__name__}")
        self._send_piece(data)

    def refuse(self, status_code: int, detail: str) -> None:
        """Answer with an error if nothing was sent yet; the connection ends in any case."""
        transport = self._transport
        transport.persists = False
        if self.is_started or transport.is_upgraded:
            return
        self.status, self.headers, body = error_response(status_code, detail)
        self._head = self._writer.write(self.status, self.headers)
        self._send_whole([body])

    def _send_and_close(self, answer: Iterable[bytes]) -> None:
        try:
            if self._transport.is_upgraded:
                return
            region = find_region(answer.filelike) if isinstance(answer, FileWrapper) else None
            if region is not None and not self.is_started:
                self._send_region(region)
            else:
                self._send_pieces(answer)
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()

    def _send_whole(self, pieces: list[bytes] | tuple[bytes, ...]) -> None:
        """Send the body whose pieces are all there, with its head."""
        if self._transport.is_upgraded:
            return
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        head = self._head
        size = len(body)
        if (
            head is None
            or self.is_started
            or body.__class__ is not bytes
            or (head[2] != size and head[2] is not None)
            or forbids_body(head[1])
            or self.environ["REQUEST_METHOD"] == "HEAD"
        ):
            self._send_pieces(pieces)
            return
        lines, _, _, closes = head
        self.is_started = True
        self.sent = size
        transport = self._transport
        if closes:
            transport.persists = False
        if transport.body is not None:
            transport.settle()
        end = (_END if self._is_modern else _KEEP_END) if transport.persists else _CLOSE_END
        lines.append(_LENGTH_LINES[size] if size < _SMALL else b"Content-Length: %d\r\n" % size)
        lines.append(end)
        if size > _JOINED:
            transport.send_parts(b"".join(lines), body)
        else:
            lines.append(body)
            transport.send(b"".join(lines))

    def _send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send each piece before the next is asked for."""
        transport = self._transport
        for piece in pieces:
            if transport.is_upgraded:
                return
            if transport.is_reset:
                raise ClientLeft("the client left while the answer was sent")
            if not isinstance(piece, bytes):
                raise TypeError(f"expected bytes as a piece of the body, got {type(piece).__name__}")
            if piece:
                self._send_piece(piece)
        if not transport.is_upgraded:
            self._end()

    def _send_piece(self, piece: bytes) -> None:
        begin = b"" if self.is_started else self._begin(None)
        if self._is_bodiless:
            if begin:
                self._transport.send(begin)
            return
        length = self._head[2]  # type: ignore[index]  # it is there since _begin
        if length is not None and self.sent + len(piece) > length:
            self._log_failure(
                f"the answer has more than the {length} bytes of its Content-Length", self.environ, with_traceback=False
            )
            self._transport.persists = False
            piece = piece[: length - self.sent]
        self.sent += len(piece)
        if self._is_chunked:
            piece = chunk(piece)
        if begin and len(piece) > _JOINED:
            self._transport.send_parts(begin, piece)
        elif begin or piece:
            self._transport.send(begin + piece)

    def _send_region(self, region: FileRegion) -> None:
        length = self._head[2] if self._head is not None else None
        if length is not None:
            region = region._replace(size=min(length, region.size))
        begin = self._begin(region.size)
        if self._is_bodiless:
            self._transport.send(begin)
            return
        self._transport.send_file(begin, region)
        self.sent = region.size
        self._end()

    def _end(self) -> None:
        """End the body as its framing has it."""
        if not self.is_started:
            head = self._head
            is_short = head is not None and head[2] and not self._forbids_body(head)
            begin = self._begin(None if is_short else 0)
            self._transport.send(begin)
        elif self._is_chunked:
            self._transport.send(LAST_CHUNK)
        length = self._head[2]  # type: ignore[index]  # it is there since _begin
        if length is not None and self.sent < length and not self._is_bodiless:
            # The client has to see that something is missing: nothing but the end of the connection says so.
            self._log_failure(
                f"the answer has {self.sent} of the {length} bytes of its Content-Length",
                self.environ,
                with_traceback=False,
            )
            self._transport.persists = False

    def _forbids_body(self, head: ResponseHead) -> bool:
        return self.environ["REQUEST_METHOD"] == "HEAD" or forbids_body(head[1])

    def _begin(self, size: int | None) -> bytes:
        """Return the head, and decide on the framing.

        Args:
            size: of the body in bytes; None if that is not known.
        """
        head = self._head
        if head is None:
            raise LocalProtocolError("expected start_response to be called before the first piece of the body")
        lines, status_code, length, closes = head
        transport = self._transport
        self.is_started = True
        self._is_bodiless = self._forbids_body(head)
        self._is_chunked = False
        if length is not None:
            size = length
        if self._is_bodiless and not (size and (status_code == 304 or not forbids_body(status_code))):
            pass  # RFC 9110 §8.6: no length without a body, unless it is the one that GET would have
        elif size is not None:
            lines.append(b"Content-Length: %d\r\n" % size)
        elif self._is_modern:
            self._is_chunked = True
            lines.append(b"Transfer-Encoding: chunked\r\n")
        else:
            closes = True
        if transport.body is not None:
            transport.settle()
        if closes:
            transport.persists = False
        if transport.persists:
            lines.append(_END if self._is_modern else _KEEP_END)
        else:
            lines.append(_CLOSE_END)
        return b"".join(lines)


def error_response(status_code: int, detail: str) -> tuple[str, HeaderList, bytes]:
    """Return status, headers and body of an answer that the server itself gives.

    Args:
        status_code: 400 to 599.
        detail: for the client; nothing secret.
    """
    from http import HTTPStatus

    try:
        phrase = HTTPStatus(status_code).phrase
    except ValueError:
        phrase = "Error"
    body = f"{phrase}: {detail}\n" if detail else f"{phrase}\n"
    headers = [("Content-Type", "text/plain; charset=utf-8")]
    return f"{status_code} {phrase}", headers, body.encode()
