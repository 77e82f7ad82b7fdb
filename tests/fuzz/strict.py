"""RFC 9110 and RFC 9112 by the letter: an oracle for the parsers that serve, slow, and without a line in common.

Where the standards leave a choice, the stricter one is taken: bare LF and CR, obsolete folding, two framings and
lists of lengths are forbidden, and so is any transfer coding but chunked. Nothing is limited. In one place it is
kinder than RFC 3986: a target may have any visible ASCII but ``#``, since browsers send it, and nobody reads it in
two ways.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
DIGIT = frozenset(b"0123456789")
HEXDIG = frozenset(b"0123456789ABCDEFabcdef")
VISIBLE = frozenset(range(0x21, 0x7F))
FIELD = VISIBLE | frozenset(b"\t ") | frozenset(range(0x80, 0x100))
UNRESERVED = frozenset(b"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
SUB_DELIMS = frozenset(b"!$&'()*+,;=")
NOT_IN_TRAILERS = frozenset(
    b"authorization content-encoding content-length content-range content-type cookie expect host te trailer "
    b"transfer-encoding".split()
)


class Forbidden(Exception):
    """No request may begin like this."""


class Incomplete(Exception):
    """More has to arrive."""


@dataclass
class Head:
    """The head of a request.

    Attributes:
        length: of the body in bytes; None if it is chunked.
        size: of the head in bytes, an empty line before it included.
    """

    method: bytes
    target: bytes
    minor_version: int
    fields: list[tuple[bytes, bytes]]
    length: int | None
    size: int


def read_head(data: bytes) -> Head:
    """Read the head that *data* begins with (RFC 9112 §2.1)."""
    position = 2 if data[:2] == b"\r\n" else 0
    line, position = _read_line(data, position)
    method, target, minor_version = _read_request_line(line)
    fields = []
    while True:
        line, position = _read_line(data, position)
        if not line:
            break
        fields.append(_read_field(line))
    _check_target(method, target)
    _check_host(minor_version, _values(fields, b"host"))
    _demand(len(_values(fields, b"content-type")) <= 1)  # RFC 9110 §5.3: no list
    return Head(method, target, minor_version, fields, _read_framing(minor_version, fields), position)


def read_chunks(data: bytes) -> tuple[bytes, int]:
    """Read the chunked body that *data* begins with (RFC 9112 §7.1); return it, and how many bytes it took."""
    body = b""
    position = 0
    while True:
        line, position = _read_line(data, position)
        size = _read_chunk_line(line)
        if size == 0:
            break
        if len(data) < position + size:
            raise Incomplete
        body += data[position : position + size]
        line, position = _read_line(data, position + size)
        _demand(not line)
    while True:
        line, position = _read_line(data, position)
        if not line:
            return body, position
        name, _ = _read_field(line)
        _demand(name.lower() not in NOT_IN_TRAILERS)


def _demand(fact: bool) -> None:
    if not fact:
        raise Forbidden


def _read_line(data: bytes, position: int) -> tuple[bytes, int]:
    """Read up to CR LF, with neither of them alone (RFC 9112 §2.2)."""
    start = position
    while position < len(data):
        if data[position] == 0x0D:
            if position + 1 == len(data):
                break
            _demand(data[position + 1] == 0x0A)
            return data[start:position], position + 2
        _demand(data[position] != 0x0A)
        position += 1
    raise Incomplete


def _read_request_line(line: bytes) -> tuple[bytes, bytes, int]:
    parts = line.split(b" ")
    _demand(len(parts) == 3)
    method, target, version = parts
    _demand(_is_token(method))
    _demand(len(target) > 0 and all(byte in VISIBLE and byte != ord("#") for byte in target))
    _demand(len(version) == 8 and version[:7] == b"HTTP/1." and version[7] in b"01")
    return method, target, version[7] - ord("0")


def _read_field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    _demand(colon == b":" and _is_token(name))
    _demand(all(byte in FIELD for byte in value))
    return name, value.strip(b" \t")


def _is_token(text: bytes) -> bool:
    return len(text) > 0 and all(byte in TOKEN for byte in text)


def _values(fields: list[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    return [value for name, value in fields if name.lower() == wanted]


def _check_target(method: bytes, target: bytes) -> None:
    """Check the form of a target (RFC 9112 §3.2), and the escapes of its path (RFC 3986 §2.1)."""
    _demand(method != b"CONNECT")
    if target == b"*":
        _demand(method == b"OPTIONS")
        return
    path = target.split(b"?")[0]
    if target[0] != ord("/"):
        scheme, delimiter, rest = path.partition(b"://")
        _demand(delimiter == b"://" and scheme.lower() in (b"http", b"https"))
        authority, _, path = rest.partition(b"/")
        _demand(len(authority) > 0)
        _check_authority(authority)
    for following in path.split(b"%")[1:]:
        _demand(len(following) >= 2 and following[0] in HEXDIG and following[1] in HEXDIG)


def _check_host(minor_version: int, values: list[bytes]) -> None:
    """Check that Host is there once and says a host (RFC 9112 §3.2); it may be empty (RFC 9110 §7.2)."""
    _demand(len(values) <= 1)
    _demand(len(values) == 1 or minor_version == 0)
    if values and values[0]:
        _check_authority(values[0])


def _check_authority(text: bytes) -> None:
    """Check a host and perhaps a port (RFC 3986 §3.2.2 and §3.2.3), without a user."""
    if text[0] == ord("["):
        address, bracket, port = text[1:].partition(b"]")
        _demand(bracket == b"]" and address.isascii())
        try:
            socket.inet_pton(socket.AF_INET6, address.decode())
        except (OSError, ValueError):
            raise Forbidden from None
    else:
        host, colon, port = text.partition(b":")
        port = colon + port
        _demand(len(host) > 0)
        position = 0
        while position < len(host):
            if host[position] == ord("%"):
                _demand(len(host) > position + 2 and host[position + 1] in HEXDIG and host[position + 2] in HEXDIG)
            else:
                _demand(host[position] in UNRESERVED or host[position] in SUB_DELIMS)
            position += 1
    _demand(not port or (port[0] == ord(":") and all(byte in DIGIT for byte in port[1:])))


def _read_framing(minor_version: int, fields: list[tuple[bytes, bytes]]) -> int | None:
    """Return the length of the body, None if it is chunked (RFC 9112 §6.3)."""
    lengths, codings = _values(fields, b"content-length"), _values(fields, b"transfer-encoding")
    if codings:
        _demand(not lengths and minor_version == 1)
        _demand(len(codings) == 1 and codings[0].lower() == b"chunked")
        return None
    if not lengths:
        return 0
    _demand(len(lengths) == 1 and len(lengths[0]) > 0 and all(byte in DIGIT for byte in lengths[0]))
    return int(lengths[0])


def _read_chunk_line(line: bytes) -> int:
    """Read the size of a chunk, and check its extensions (RFC 9112 §7.1.1)."""
    position = 0
    while position < len(line) and line[position] in HEXDIG:
        position += 1
    _demand(position > 0)
    size = int(line[:position], 16)
    while position < len(line):
        position = _skip_space(line, position)
        _demand(line[position : position + 1] == b";")
        position = _skip_token(line, _skip_space(line, position + 1))
        after_space = _skip_space(line, position)
        if line[after_space : after_space + 1] == b"=":
            position = _skip_space(line, after_space + 1)
            skip = _skip_quoted if line[position : position + 1] == b'"' else _skip_token
            position = skip(line, position)
    return size


def _skip_space(line: bytes, position: int) -> int:
    while line[position : position + 1] in (b" ", b"\t"):
        position += 1
    return position


def _skip_token(line: bytes, position: int) -> int:
    start = position
    while position < len(line) and line[position] in TOKEN:
        position += 1
    _demand(position > start)
    return position


def _skip_quoted(line: bytes, position: int) -> int:
    """Skip a quoted-string (RFC 9110 §5.6.4)."""
    position += 1
    while True:
        _demand(position < len(line) and line[position] in FIELD)
        if line[position] == ord('"'):
            return position + 1
        if line[position] == ord("\\"):
            position += 1
            _demand(position < len(line) and line[position] in FIELD)
        position += 1
