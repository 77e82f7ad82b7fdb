"""The head of a response as bytes (RFC 9112 §4 and §5), and which framing its body gets (§6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from brubeck_wsgi.protocols.errors import LocalProtocolError

# Those below 200 are not the answer (RFC 9110 §15.2): the client would take the next one for it.
_STATUS = re.compile(r"[2-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# RFC 9110 §7.6.1 and PEP 3333: these are between the server and the client, and not the application's.
_HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    )
)
_MOST_REMEMBERED = 1024
_LONGEST_REMEMBERED = 256

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


ResponseHead: TypeAlias = tuple[list[bytes], int, int | None, bool]
"""The head of a response, but for the framing and the empty line at its end.

The status line with Server and Date, and the header lines, each with its line end; the status code; what
Content-Length says, which is not in the lines, None if it is not there; and whether the application asked for the
connection to be closed.
"""


class HeadWriter:
    """Writes heads; what it has written and checked before, it remembers within bounds.

    Args:
        server: the value of the Server header.
    """

    def __init__(self, server: str) -> None:
        self._server = _line("Server", server)
        self._date = b""
        self._statuses: dict[str, tuple[bytes, int]] = {}
        # What a header becomes: its line, or the length that it declares.
        self._known: dict[tuple[str, str], bytes | int] = {}
        self._names: dict[str, tuple[bytes, str]] = {}

    def renew(self, date: str) -> None:
        """Use *date*, ``Tue, 24 Nov 2026 22:59:00 GMT``, from now on; call it every second."""
        self._date = _line("Date", date)
        self._statuses.clear()

    def write(self, status: str, headers: Sequence[tuple[str, str]]) -> ResponseHead:
        """Return the head of a response.

        Args:
            status: ``"200 OK"``.
            headers: (name, value) pairs; those between the server and the client are left out.

        Raises:
            LocalProtocolError: status or headers cannot be sent.
        """
        first, status_code = self._statuses.get(status) or self._begin(status)
        lines = [first]
        length = None
        closes = False
        known = self._known
        for pair in headers:
            try:
                line = known.get(pair)
            except TypeError:  # lists as pairs, which PEP 3333 does not allow
                line = None
            if line is None:
                line, kind = self._check(*_as_pair(pair))
                if kind == "connection":
                    closes = closes or "close" in pair[1].lower()
                elif kind in ("server", "date"):  # the application's own
                    lines[0] = lines[0].replace(self._server if kind == "server" else self._date, b"", 1)
            if line.__class__ is bytes:
                lines.append(line)
            else:
                if length is not None:
                    raise LocalProtocolError("expected one Content-Length, got two")
                length = line
        return lines, status_code, length, closes  # type: ignore[return-value]  # what is no bytes is a length

    def _begin(self, status: str) -> tuple[bytes, int]:
        if not isinstance(status, str) or not _STATUS.fullmatch(status):
            raise LocalProtocolError(f"expected a status like '200 OK', got {status!r:.80}")
        begun = b"HTTP/1.1 %b\r\n%b%b" % (status.encode("latin-1"), self._server, self._date), int(status[:3])
        if len(status) == 3:
            begun = begun[0].replace(b"\r\n", b" \r\n", 1), begun[1]  # RFC 9112 §4: the space stays
        if len(self._statuses) < _MOST_REMEMBERED:
            self._statuses[status] = begun
        return begun

    def _check(self, name: str, value: str) -> tuple[bytes | int, str]:
        """Return the line of a header, which is empty if it is not sent, and its kind; for a length the length."""
        start, kind = self._names.get(name) or self._check_name(name)
        if kind == "content-length":
            digits = value.strip(" \t")
            if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
                raise LocalProtocolError(f"expected digits as Content-Length, got {value!r:.40}")
            line: bytes | int = int(digits)
        else:
            _check_value(name, value)
            if kind in _HOP_BY_HOP:
                # RFC 9110 §15.5.22: 426 has to say what to upgrade to, and §7.8 how.
                return (b"Upgrade: websocket\r\nConnection: upgrade\r\n" if _is_offer(kind, value) else b""), kind
            line = start + value.strip(" \t").encode("latin-1") + b"\r\n"
            if kind in ("server", "date") or len(line) > _LONGEST_REMEMBERED:
                return line, kind
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[name, value] = line
        return line, kind

    def _check_name(self, name: str) -> tuple[bytes, str]:
        """Return how the line of a header begins, and its name in lower case."""
        if not _NAME.fullmatch(name):
            raise LocalProtocolError(f"expected a header name made of token characters, got {name!r:.80}")
        known = f"{name}: ".encode("ascii"), name.lower()
        if len(self._names) < _MOST_REMEMBERED:
            self._names[name] = known
        return known


def _is_offer(kind: str, value: str) -> bool:
    return kind == "upgrade" and value.strip(" \t").lower() == "websocket"


def forbids_body(status_code: int) -> bool:
    """Tell whether a response of this status has no body, whatever its head says (RFC 9110 §6.4.1)."""
    return status_code < 200 or status_code in (204, 304)


def chunk(data: bytes) -> bytes:
    """Return *data*, which is not empty, as a chunk (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def early_hints(headers: Sequence[tuple[str, str]]) -> bytes:
    """Return the whole of a 103 response (RFC 8297); errors as `serialize_headers` has them."""
    return b"HTTP/1.1 103 Early Hints\r\n%b\r\n" % serialize_headers(headers)


def switching_protocols(protocol: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return the whole of a 101 response (RFC 9110 §15.2.2); errors as `serialize_headers` has them.

    Args:
        protocol: for the Upgrade header.
        headers: what else is to be in it.
    """
    lines = serialize_headers([("Upgrade", protocol), ("Connection", "Upgrade"), *headers])
    return b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % lines


def serialize_headers(headers: Sequence[tuple[str, str]]) -> bytes:
    """Return header lines, checked; `LocalProtocolError` if they cannot be sent."""
    lines = []
    for pair in headers:
        name, value = _as_pair(pair)
        if not _NAME.fullmatch(name):
            raise LocalProtocolError(f"expected a header name made of token characters, got {name!r:.80}")
        _check_value(name, value)
        lines.append(_line(name, value.strip(" \t")))
    return b"".join(lines)


def _check_value(name: str, value: str) -> None:
    if not (value.isascii() and value.isprintable()) and not _VALUE.fullmatch(value):
        # The name alone: the value may be a secret, and this message goes into logs.
        raise LocalProtocolError(f"expected latin-1 without control characters as the value of header {name}")


def _as_pair(pair: Any) -> tuple[str, str]:
    try:
        name, value = pair
    except (TypeError, ValueError):
        raise LocalProtocolError(f"expected (name, value) pairs as headers, got {pair!r:.80}") from None
    if not isinstance(name, str) or not isinstance(value, str):
        raise LocalProtocolError(f"expected text as name and value of a header, got {pair!r:.80}")
    return name, value


def _line(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("latin-1")
