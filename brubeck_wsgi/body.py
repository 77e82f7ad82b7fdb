"""How long a request's body is, and how it is read no further than that (PEP 3333, RFC 9110 §8.6)."""

from __future__ import annotations

import io
import sys
from typing import Any

from brubeck_wsgi.errors import BadRequest, ContentTooLarge
from brubeck_wsgi.interfaces import Environ

MAX_BODY_SIZE = 10 * 1024 * 1024
"""The largest body that is read by default, in bytes."""

_BLOCK = 64 * 1024


def content_length(environ: Environ) -> int | None:
    """Return the declared length of the body in bytes, None if none is declared.

    Raises:
        BadRequest: it is no number (RFC 9110 §8.6).
    """
    text = environ.get("CONTENT_LENGTH")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(f"expected a number of bytes as Content-Length, got {text[:40]!r}")
    return int(text)


class LimitedBody:
    """``wsgi.input`` up to the end of the body, refusing one that is too long or too short.

    Args:
        environ: the request; without a declared length only a server that marks the end itself
            (``wsgi.input_terminated``) is read from.
        limit: the most bytes to take.

    Raises:
        ContentTooLarge: more is declared than *limit*.
    """

    def __init__(self, environ: Environ, limit: int) -> None:
        self._remaining = content_length(environ)
        if self._remaining is None and not environ.get("wsgi.input_terminated"):
            self._remaining = 0
        if self._remaining is not None and self._remaining > limit:
            raise _too_large(limit)
        self._stream: Any = environ["wsgi.input"] if self._remaining != 0 else io.BytesIO()
        self._limit = limit
        self._taken = 0

    def read(self, size: int) -> bytes:
        """Return 1 to *size* bytes; ``b""`` at the end of the body.

        Raises:
            BadRequest: the client sent less than it declared, or what the server cannot take apart.
            ContentTooLarge: it sent more than the limit, which it had not declared.
        """
        if self._remaining is not None:
            size = min(size, self._remaining)
        if size <= 0:
            return b""
        try:
            piece: bytes = self._stream.read(size)
        except _server_errors() as error:
            raise BadRequest("expected the rest of the body, which is malformed or did not come") from error
        self._taken += len(piece)
        if self._taken > self._limit:
            raise _too_large(self._limit)
        if self._remaining is not None:
            if not piece:
                raise BadRequest(f"expected {self._remaining} more bytes of the declared Content-Length")
            self._remaining -= len(piece)
        return piece

    def read_all(self) -> bytes:
        """Return the rest of the body; errors as `read` has them."""
        first = self.read(_BLOCK)
        if not self._remaining and self._remaining is not None:
            return first  # as most bodies are: there by now, and small
        return first + b"".join(iter(lambda: self.read(_BLOCK), b""))


class BodyFile(io.RawIOBase):
    """A body as a file that can be read, errors as `LimitedBody` has them; for `io.BufferedReader`."""

    def __init__(self, body: LimitedBody) -> None:
        self._body = body

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill *buffer* as far as one `LimitedBody.read` goes; return how far that is, in bytes."""
        view = memoryview(buffer).cast("B")
        piece = self._body.read(len(view))
        view[: len(piece)] = piece
        return len(piece)


def _server_errors() -> tuple[type[Exception], ...]:
    """Return what servers raise where a body breaks off or is malformed."""
    # Gunicorn's for a malformed chunk or trailer is no OSError; if it serves us, it is loaded.
    gunicorn = sys.modules.get("gunicorn.http.errors")
    return (OSError,) if gunicorn is None else (OSError, gunicorn.ParseException)


def _too_large(limit: int) -> ContentTooLarge:
    return ContentTooLarge(f"expected a body of at most {limit} bytes")
