"""The head of a request, taken out of the bytes that have arrived (RFC 9112 §2 to §6).

Gunicorn's parser in C does the work. What it lets through, or reads more kindly than is safe between a proxy and
an application, is refused here, before anybody has seen it.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol, cast

from gunicorn_h1c import (  # type: ignore[import-untyped]  # it has no annotations
    InvalidHTTPVersion,
    LimitRequestHeaders,
    LimitRequestLine,
    _parser_fast,
)

from brubeck_wsgi.protocols.errors import RemoteProtocolError

_MOST_BYTES = 64 * 1024
_FRAGMENT = ord("#")  # bytes find a byte by its number ten times as fast
_MOST_FIELDS = 256  # what the parser has room for
_REQUEST_LINE = "expected METHOD SP TARGET SP VERSION as the request line"
_VERSION = re.compile(rb"(?:\r\n)?[^ \r\n]+ [^ \r\n]+ HTTP/[0-9]\.[0-9]\r")
_TRANSFER_ENCODING = re.compile(rb"^Transfer-Encoding:([^\r\n]*)", re.I | re.M)
_STATUSES: list[tuple[type[Exception], int]] = [
    (LimitRequestLine, 414),
    (LimitRequestHeaders, 431),
    (InvalidHTTPVersion, 505),
]


class Limits(NamedTuple):
    """How large a head may be.

    Attributes:
        request_line: bytes of the request line.
        fields: number of header fields, 256 at most.
        field_size: bytes of one field, its name and line end counted.
    """

    request_line: int = 4094
    fields: int = 100
    field_size: int = 8190


DEFAULT_LIMITS = Limits()


class RequestHead(Protocol):
    """A request's head, as the parser gives it.

    Attributes:
        method: a token, ``b"GET"``.
        path: the request target, visible ASCII.
        minor_version: 0 or 1.
        headers: (name, value) pairs as they were sent, in order.
        header_count: how many they are.
        consumed: the length of the head in bytes.
        content_length: of the body; -1 if it is not declared.
        has_chunked: whether the body is chunked.
        connection_close: 1 if the client asks for the connection to be closed afterwards, 0 to be kept, -1 if
            it says nothing.
    """

    method: bytes
    path: bytes
    minor_version: int
    headers: tuple[tuple[bytes, bytes], ...]
    header_count: int
    consumed: int
    content_length: int
    has_chunked: bool
    connection_close: int


class HeadParser:
    """Finds heads in bytes.

    Args:
        limits: how large a head may be.
        permits_any_method: let methods pass that are not three to twenty capital letters.
        permits_any_version: let minor versions pass that are neither 0 nor 1.

    Attributes:
        most_bytes: how much of a head that is not complete may be kept; after that it is refused.
    """

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, permits_any_method: bool = False, permits_any_version: bool = False
    ) -> None:
        self.limits = limits
        self.most_bytes = min(
            limits.request_line + limits.fields * limits.field_size,
            max(_MOST_BYTES, limits.request_line + 2 * limits.field_size),
        )
        self._options = (*limits, permits_any_method, permits_any_version)
        self._parse = _parser_fast.parse_request

    def parse(self, data: bytes, scanned: int = 0) -> RequestHead | None:
        """Return the head that *data* begins with; None while it is not complete.

        Args:
            data: all that has arrived and was not taken yet.
            scanned: how much of it was given before, and had no complete head in it.

        Raises:
            RemoteProtocolError: it is no head that may be answered otherwise than with the error's status.
        """
        try:
            head = self._parse(data, scanned, *self._options)
        except _parser_fast.IncompleteError:
            self._check_beginning(data, scanned)
            return None
        except Exception as error:
            raise self._refusal(error, data) from None
        target = head.path
        # One space each, and the version: the parser passes over more of them (RFC 9112 §3).
        end = len(head.method) + 1 + len(target)
        if data[end : end + 8] != b" HTTP/1.":
            return self._parse_after_empty_line(data)
        if not target.isascii() or _FRAGMENT in target:  # control characters have been refused already
            raise RemoteProtocolError("expected visible ASCII without a fragment as the request target")
        return head  # type: ignore[no-any-return]  # see RequestHead

    def _check_beginning(self, data: bytes, scanned: int) -> None:
        """Refuse the beginning of a head that cannot become one, or is too large (RFC 6585 §5)."""
        if data.find(b"\r\n\r\n", max(scanned - 3, 2)) >= 0:  # the parser waits for a version, and this is its end
            raise RemoteProtocolError(_REQUEST_LINE)
        if len(data) > self.most_bytes:
            raise RemoteProtocolError(f"expected a head of at most {self.most_bytes} bytes", 431)
        longest = self.limits.request_line
        if len(data) > longest + 4 and b"\r\n" not in data[2 : longest + 4]:
            raise RemoteProtocolError(f"expected a request line of at most {longest} bytes", 414)

    def _refusal(self, error: Exception, data: bytes) -> RemoteProtocolError:
        message = str(error)
        status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)
        if message == "Unsupported Transfer-Encoding":
            return _unknown_coding(_TRANSFER_ENCODING.findall(data))
        if status == 505 and not _VERSION.match(data):
            status = 400  # a version that is written wrongly
        elif data.count(b"\r\n", 0, data.find(b"\r\n\r\n")) > _MOST_FIELDS:
            status = 431  # the parser does not say so beyond what it has room for
        elif data.startswith(b"\r\n") and data.find(b"\r\n", 2) - 2 > self.limits.request_line:
            status = 414  # it looks at the first line only, which is empty
        return RemoteProtocolError(message[:1].lower() + message[1:200], status)

    def _parse_after_empty_line(self, data: bytes) -> RequestHead | None:
        """Allow the one empty line that old clients send after a body (RFC 9112 §2.2)."""
        if not data.startswith(b"\r\n") or data.startswith(b"\r\n\r\n"):
            raise RemoteProtocolError(_REQUEST_LINE)
        head = self.parse(data[2:])
        return None if head is None else cast(RequestHead, _Shifted(head))


class _Shifted:
    """A head that began two bytes late."""

    def __init__(self, head: RequestHead) -> None:
        self._head = head
        self.consumed = head.consumed + 2

    def __getattr__(self, name: str) -> object:
        return getattr(self._head, name)


def check_transfer_encoding(value: bytes, head: RequestHead) -> None:
    """Raise `RemoteProtocolError` unless *value* is the one transfer coding that requests may have.

    Args:
        value: of a Transfer-Encoding field.
        head: the head that has it.
    """
    if value.lower() != b"chunked":
        raise _unknown_coding([value for name, value in head.headers if name.lower() == b"transfer-encoding"])
    if not head.has_chunked or head.content_length >= 0 or head.minor_version == 0:
        # RFC 9112 §6.3: both framings in one request is how requests are smuggled past a proxy, so it is
        # refused instead of letting Transfer-Encoding win.
        raise RemoteProtocolError("expected one way of framing the body, got two")


def _unknown_coding(values: list[bytes]) -> RemoteProtocolError:
    """Return what is wrong with transfer codings that are not the one: *values* of all Transfer-Encoding fields."""
    value = b",".join(values)
    # RFC 9112 §6.3: without chunked at the end nobody knows how long the body is, which is 400; with it the coding
    # is only not understood, which is 501 (§6.1).
    is_framed = value.rpartition(b",")[2].strip(b" \t").lower() == b"chunked"
    return RemoteProtocolError(f"expected Transfer-Encoding: chunked, got {value[:60]!r}", 501 if is_framed else 400)
