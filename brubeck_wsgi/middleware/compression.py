"""Middleware that compresses answers for the clients that take it (RFC 9110 §8.4, §8.8 and §12.5)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.headers import Headers, with_vary
from brubeck_wsgi.interfaces import Environ, HeaderList, StartResponse, WSGIApplication
from brubeck_wsgi.middleware.codings import preferred_codings
from brubeck_wsgi.middleware.compressors import Compressor, checked_codings, make_compressor
from brubeck_wsgi.middleware.heads import HeldHead, begun, close_body

# Beside text/…, …+json and …+xml. What is not here is compressed already, or not known.
_TYPES = frozenset(
    {
        *("application/json", "application/javascript", "application/xml", "application/wasm"),
        *("application/x-ndjson", "application/rtf", "application/x-tar", "application/vnd.ms-fontobject"),
        *("font/ttf", "font/otf", "image/bmp", "image/vnd.microsoft.icon", "image/x-icon"),
    }
)
# Content-Encoding and Content-Range say that it is encoded, or a part; digests would be wrong for what it becomes
# (RFC 9530).
_UNTOUCHED = ("Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5")
_NO_TRANSFORM = re.compile(r"(?:\A|,)\s*no-transform\s*(?:,|\Z)", re.IGNORECASE)
_WITHOUT_CONTENT = ("204", "205", "206", "304")


class Compression:
    """WSGI middleware that compresses what is worth it.

    Left as they are: answers that are short, of a kind that does not get smaller, encoded already, a range, or marked
    ``Cache-Control: no-transform``; and streams, which are answers of unknown length.

    Args:
        application: the WSGI application to wrap.
        codings: what to offer, best first: ``"zstd"``, ``"br"`` and ``"gzip"``. None for all whose library is
            installed.
        minimum_size: the fewest bytes that are compressed.
        streams: whether streams are compressed too; each of their pieces is sent as it comes.
        types: more media types that are worth it.

    Raises:
        ConfigurationError: a coding that is not known.
        MissingLibrary: a coding whose library is not installed.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        codings: Sequence[str] | None = None,
        minimum_size: int = 1024,
        streams: bool = False,
        types: Collection[str] = (),
    ) -> None:
        if isinstance(codings, str) or isinstance(types, str):
            raise ConfigurationError("expected lists of codings and of media types, got text")
        self._application = application
        self._codings = checked_codings(codings)
        self._minimum_size = minimum_size
        self._streams = streams
        self._types = _TYPES.union(map(str.lower, types))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        head = HeldHead(start_response)
        body = begun(self._application(environ, head.start), head)
        if head.status is None or head.is_sent:  # by write(): a stream
            return body
        try:
            return self._answer(environ, head, body)
        except BaseException:
            close_body(body)
            raise

    def _answer(self, environ: Environ, head: HeldHead, body: Iterable[bytes]) -> Iterable[bytes]:
        size = _size(environ, head.headers, body)
        if self._is_worth_it(environ, head, size):
            head.headers = with_vary(head.headers, "Accept-Encoding")
            codings = preferred_codings(environ.get("HTTP_ACCEPT_ENCODING", ""), self._codings)
            if codings:
                body = _encoded(environ, head, body, size, codings[0])
        elif head.status is not None and head.status.startswith("304"):
            head.headers = _recognized(environ, head.headers)
        head.send()
        return body

    def _is_worth_it(self, environ: Environ, head: HeldHead, size: int | None) -> bool:
        headers = Headers.over(head.headers)
        if head.status is None or head.status[:3] in _WITHOUT_CONTENT:
            return False
        if (not self._streams) if size is None else size < max(self._minimum_size, 1):
            return False
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in self._types and not kind.startswith("text/") and not kind.endswith(("+json", "+xml")):
            return False
        if any(name in headers for name in _UNTOUCHED):
            return False
        orders = [*headers.get_all("Cache-Control"), environ.get("HTTP_CACHE_CONTROL", "")]
        return not any(map(_NO_TRANSFORM.search, orders))


class _EncodedPieces:
    """A body compressed piece by piece, each of which can be read when it arrives.

    Args:
        size: what the application said that it has, in bytes; None for a stream.
    """

    def __init__(self, body: Iterable[bytes], compressor: Compressor, size: int | None) -> None:
        self._body = body
        self._compressor = compressor
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        compressor = self._compressor
        taken = 0
        for piece in self._body:
            taken += len(piece)
            # One for one, even if empty (PEP 3333, "Middleware Handling of Block Boundaries").
            yield compressor.compress(piece) + compressor.flush() if piece else b""
        if self._size is not None and taken != self._size:
            # Ended properly, what is too short would pass for all of it: the server cannot tell any more.
            raise RuntimeError(f"expected {self._size} bytes as Content-Length has it, got {taken}")
        yield compressor.finish()

    def close(self) -> None:
        close_body(self._body)


def _size(environ: Environ, headers: HeaderList, body: Iterable[bytes]) -> int | None:
    """Return how many bytes the body has, or would have for GET; None if that is not known."""
    if isinstance(body, list | tuple) and environ["REQUEST_METHOD"] != "HEAD":
        return sum(map(len, body))
    declared = Headers.over(headers).get("Content-Length", "")
    return int(declared) if declared.isdecimal() else None


def _encoded(environ: Environ, head: HeldHead, body: Iterable[bytes], size: int | None, coding: str) -> Iterable[bytes]:
    """Return the compressed body, and have the head say so; both as they are if that made it longer."""
    headers = Headers.over(head.headers[:])
    headers["Content-Encoding"] = coding
    for name in ("Content-Length", "Accept-Ranges"):  # ranges would be of the body as it was
        headers.pop(name, None)
    if "ETag" in headers:
        headers["ETag"] = _weak(headers["ETag"])
    if environ["REQUEST_METHOD"] == "HEAD":
        head.headers = headers.pairs
        return body
    compressor = make_compressor(coding)
    if not isinstance(body, list | tuple):
        head.headers = headers.pairs
        return _EncodedPieces(body, compressor, size)
    content = b"".join(body)
    encoded = compressor.compress(content) + compressor.finish()
    if len(encoded) >= len(content):
        return body
    headers["Content-Length"] = len(encoded)
    head.headers = headers.pairs
    return [encoded]


def _recognized(environ: Environ, headers: HeaderList) -> HeaderList:
    """Return the headers of a 304 with the entity tag by which the client knows what it has.

    A cache updates what it has under the same tag only (RFC 9111 §4.3.4), and that is the weak one, if it was
    compressed.
    """
    tag = Headers.over(headers).get("ETag", "")
    if not tag.startswith('"') or _weak(tag) not in environ.get("HTTP_IF_NONE_MATCH", ""):
        return headers
    weakened = Headers.over([*with_vary(headers, "Accept-Encoding")])
    weakened["ETag"] = _weak(tag)
    return weakened.pairs


def _weak(tag: str) -> str:
    return tag if tag.startswith("W/") else f"W/{tag}"
