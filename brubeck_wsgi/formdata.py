"""Forms as browsers send them: urlencoded text and multipart bodies, to values and files.

Sources: WHATWG URL §5.1 (application/x-www-form-urlencoded), RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import parse_qsl

from brubeck_wsgi.errors import BadRequest, ContentTooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from multipart import MultipartSegment

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

MOST_FIELDS = 1000
"""The most fields that one query or form may have: each costs memory before anyone has seen it."""

_BLOCK = 64 * 1024
_SPOOL_BYTES = 64 * 1024  # a larger part of a multipart body goes to a temporary file

Arguments: TypeAlias = dict[str, list[str]]


class Readable(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes: ...


class UploadedFile:
    """A file that a client uploaded.

    Attributes:
        name: the name of the form's field.
        filename: as the client says it, without folders; never use it as a path unchecked.
        content_type: as the client says it.
        size: in bytes.
        file: the content, open for reading in binary; in memory, or a temporary file that goes with it.
    """

    def __init__(self, segment: MultipartSegment, file: SpooledTemporaryFile[bytes]) -> None:
        self.name: str = segment.name
        self.filename: str = segment.filename.replace("\\", "/").rpartition("/")[2]
        self.content_type: str = segment.content_type or "application/octet-stream"
        self.size: int = segment.size
        self.file = file

    @property
    def body(self) -> bytes:
        """The whole content; mind its `size`."""
        place = self.file.tell()
        self.file.seek(0)
        content = self.file.read()
        self.file.seek(place)
        return content

    def save_as(self, path: str) -> int:
        """Write the content to *path*; return its size in bytes."""
        place = self.file.tell()
        self.file.seek(0)
        with open(path, "wb") as target:
            shutil.copyfileobj(self.file, target)
        self.file.seek(place)
        return self.size

    def __repr__(self) -> str:
        return f"<UploadedFile {self.filename!r} {self.content_type} {self.size} bytes>"


def parse_urlencoded(text: str) -> Arguments:
    """Read a query string or a urlencoded form.

    Args:
        text: as WSGI gives it, each character one byte.

    Returns:
        Every name with its values, both in order; empty values are kept.

    Raises:
        BadRequest: it is not UTF-8, or has more than `MOST_FIELDS` fields.
    """
    arguments: Arguments = {}
    if len(text) < MOST_FIELDS and "%" not in text and "+" not in text and text.isascii():
        # Nothing to decode: a fifth of parse_qsl's time (benchmarks/framework.py, query argument).
        for piece in text.split("&"):
            if piece:
                name, _, value = piece.partition("=")
                if name in arguments:
                    arguments[name].append(value)
                else:
                    arguments[name] = [value]
    else:
        for name, value in _decoded_pairs(text):
            arguments.setdefault(name, []).append(value)
    return arguments


def _decoded_pairs(text: str) -> list[tuple[str, str]]:
    try:
        decoded = text if text.isascii() else text.encode("latin-1").decode()
        return parse_qsl(decoded, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeError:
        raise BadRequest("expected UTF-8 in the query or the form") from None
    except ValueError:
        raise BadRequest(f"expected at most {MOST_FIELDS} fields in the query or the form") from None


def parse_multipart(stream: Readable, content_type: str, limit: int) -> tuple[Arguments, dict[str, list[UploadedFile]]]:
    """Read a multipart form to its end.

    Args:
        stream: ends where the body ends.
        content_type: the whole header, with its boundary.
        limit: the most bytes that all parts together may have.

    Returns:
        The values of the fields by name, and the files by name.

    Raises:
        BadRequest: the body is malformed, or a field is not text of its charset.
        ContentTooLarge: it has too many parts, or too large ones.
        UnsupportedMediaType: the boundary is missing.
    """
    from multipart import ParserLimitReached, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary:
        raise UnsupportedMediaType("expected a boundary in the Content-Type of a multipart form")
    arguments: Arguments = {}
    files: dict[str, list[UploadedFile]] = {}
    try:
        for segment, content in _segments(stream, boundary, limit):
            if not segment.name:
                raise BadRequest("expected a name for each part of a multipart form")
            if segment.filename is not None:
                files.setdefault(segment.name, []).append(UploadedFile(segment, content))
            else:
                value = content.read().decode(segment.charset or "utf-8")
                arguments.setdefault(segment.name, []).append(value)
    except ParserLimitReached as error:
        raise ContentTooLarge(f"multipart form: {error}") from None
    except (ValueError, LookupError) as error:  # MultipartError is a ValueError; LookupError: an unknown charset
        raise BadRequest(f"expected a multipart form: {str(error)[:200]}") from None
    return arguments, files


class _Content(SpooledTemporaryFile[bytes]):
    """The content of a part; closed, without a ResourceWarning, when nobody has it any more."""

    def __del__(self) -> None:
        self.close()


def _segments(stream: Readable, boundary: str, limit: int) -> Iterator[tuple[MultipartSegment, _Content]]:
    """Read the parts of a multipart form: what stands at the head of each, and its content."""
    from multipart import MultipartSegment, ParserLimitReached, PushMultipartParser

    taken = 0
    content = _Content()
    # Not its strict mode, which refuses the line break after the last boundary if that is read by itself.
    with PushMultipartParser(boundary, max_segment_count=MOST_FIELDS) as parser:
        while not parser.closed:
            for event in parser.parse(stream.read(_BLOCK)):
                if isinstance(event, MultipartSegment):
                    segment = event
                    content = _Content(_SPOOL_BYTES)
                elif event:
                    taken += len(event)
                    if taken > limit:
                        raise ParserLimitReached(f"expected at most {limit} bytes")
                    content.write(event)
                else:
                    content.seek(0)
                    yield segment, content
