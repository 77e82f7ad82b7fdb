"""Where the body of a request ends (RFC 9112 §6 and §7): bytes in, the body's own bytes out."""

from __future__ import annotations

import re
from enum import Enum
from typing import Protocol

from brubeck_wsgi.protocols.errors import RemoteProtocolError

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_EXTENSION = rb"[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?"
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:" + _EXTENSION + rb")*")
_TRAILER_LINE = re.compile(rb"(" + _TOKEN + rb"):[ \t]*[\t\x20-\x7e\x80-\xff]*")

_LONGEST_CHUNK_LINE = 1024
_LONGEST_TRAILERS = 16 * 1024
_LONGEST_EXTENSIONS = 16 * 1024  # of all chunks of a body
# RFC 9110 §6.5.1: what decides on framing, routing or access has no business after the body.
_NO_TRAILERS = frozenset(
    (
        *(b"authorization", b"content-encoding", b"content-length", b"content-range", b"content-type", b"cookie"),
        *(b"expect", b"host", b"te", b"trailer", b"transfer-encoding"),
    )
)


class BodyDecoder(Protocol):
    """Takes a body out of what arrives.

    Attributes:
        is_complete: whether the body is over.
        rest: what arrived after it: the beginning of the next request.
    """

    is_complete: bool
    rest: bytes

    def receive(self, data: bytes) -> bytes:
        """Return the bytes of the body that are in *data*, which came after all that was given before.

        Raises:
            RemoteProtocolError: they are framed wrongly.
        """
        ...


class LengthDecoder:
    """A body whose length Content-Length declares (RFC 9112 §6.2).

    Args:
        length: in bytes, 0 or more.
    """

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.is_complete = length == 0
        self.rest = b""

    def receive(self, data: bytes) -> bytes:
        remaining = self.remaining
        if len(data) < remaining:
            self.remaining = remaining - len(data)
            return data
        self.remaining = 0
        self.is_complete = True
        self.rest = data[remaining:]
        return data[:remaining] if self.rest else data


class _Expects(Enum):
    """What comes next in a chunked body."""

    SIZE = "the size of a chunk"
    DATA = "the bytes of a chunk"
    DATA_END = "the line end after a chunk"
    TRAILER = "a trailer field, or the empty line after them"


# Python 3.11 takes 0.2 µs to look up a member of an enumeration, ten times as long as for a global name.
_SIZE, _DATA, _DATA_END, _TRAILER = _Expects


class ChunkedDecoder:
    """A body in chunks (RFC 9112 §7.1); extensions and trailers are checked and left out."""

    def __init__(self) -> None:
        self.is_complete = False
        self.rest = b""
        self._expects = _SIZE
        self._remaining = 0
        self._partial = b""
        self._trailer_bytes = 0
        self._extension_bytes = 0

    def receive(self, data: bytes) -> bytes:
        if self._partial:
            data, self._partial = self._partial + data, b""
        pieces = []
        position = 0
        while position < len(data) and not self.is_complete:
            if self._expects is _DATA:
                piece = data[position : position + self._remaining]
                pieces.append(piece)
                position += len(piece)
                self._remaining -= len(piece)
                if not self._remaining:
                    self._expects = _DATA_END
                continue
            end = data.find(b"\r\n", position)
            if end < 0:
                self._keep(data[position:])
                break
            self._take_line(data[position:end])
            position = end + 2
        if self.is_complete:
            self.rest = data[position:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _keep(self, partial: bytes) -> None:
        """Keep the beginning of a line, if it can still become one."""
        if self._expects is _DATA_END:
            if partial != b"\r":
                raise RemoteProtocolError(f"expected a line end after the chunk, got {partial[:20]!r}")
        elif self._expects is _SIZE:
            if len(partial) > _LONGEST_CHUNK_LINE:
                raise RemoteProtocolError(f"expected a chunk size in {_LONGEST_CHUNK_LINE} bytes")
        elif self._trailer_bytes + len(partial) > _LONGEST_TRAILERS:
            raise _too_many_trailers()
        if b"\n" in partial or b"\r" in partial[:-1]:
            raise RemoteProtocolError("expected CR LF as line end")
        self._partial = partial

    def _take_line(self, line: bytes) -> None:
        if self._expects is _DATA_END:
            if line:
                raise RemoteProtocolError(f"expected a line end after the chunk, got {line[:20]!r}")
            self._expects = _SIZE
        elif self._expects is _SIZE:
            match = _CHUNK_LINE.fullmatch(line) if len(line) <= _LONGEST_CHUNK_LINE else None
            if match is None:
                raise RemoteProtocolError(f"expected the size of a chunk, got {line[:20]!r}")
            self._remaining = int(match[1], 16)
            if match.end(1) != len(line):
                self._take_extensions(len(line) - match.end(1))
            self._expects = _DATA if self._remaining else _TRAILER
        elif line:
            self._take_trailer(line)
        else:
            self.is_complete = True

    def _take_extensions(self, size: int) -> None:
        """Bound what comes beside a body, which whoever limits the body does not see (RFC 9112 §7.1.1)."""
        self._extension_bytes += size
        if self._extension_bytes > _LONGEST_EXTENSIONS:
            raise RemoteProtocolError(f"expected at most {_LONGEST_EXTENSIONS} bytes of chunk extensions", 413)

    def _take_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line) + 2
        if self._trailer_bytes > _LONGEST_TRAILERS:
            raise _too_many_trailers()
        match = _TRAILER_LINE.fullmatch(line)
        if match is None or match[1].lower() in _NO_TRAILERS:
            raise RemoteProtocolError(f"expected a trailer field, got {line[:40]!r}")


def _too_many_trailers() -> RemoteProtocolError:
    return RemoteProtocolError(f"expected at most {_LONGEST_TRAILERS} bytes of trailers", 431)
