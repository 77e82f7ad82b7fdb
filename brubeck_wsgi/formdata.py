"""Forms as browsers send them: urlencoded text and multipart bodies, to values and files.

Sources: WHATWG URL §5.1 (application/x-www-form-urlencoded), RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Protocol, TypeAlias, cast
from urllib.parse import parse_qsl

from brubeck_wsgi.errors import BadRequest, ContentTooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from multipart import MultipartPart

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

MOST_FIELDS = 1000
"""The most fields that one query or form may have: each costs memory before anyone has seen it."""

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
        file: the content, open for reading in binary; in memory or a temporary file that goes with it.
    """

    def __init__(self, part: MultipartPart) -> None:
        self.name: str = part.name
        self.filename: str = (part.filename or "").replace("\\", "/").rpartition("/")[2]
        self.content_type: str = part.content_type
        self.size: int = part.size
        self.file: IO[bytes] = part.file
        self._part = part

    @property
    def body(self) -> bytes:
        """The whole content; mind its `size`."""
        return cast(bytes, self._part.raw)

    def save_as(self, path: str) -> int:
        """Write the content to *path*; return its size in bytes."""
        return cast(int, self._part.save_as(path))

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
    for name, value in _pairs(text):
        if name in arguments:
            arguments[name].append(value)
        else:
            arguments[name] = [value]
    return arguments


def _pairs(text: str) -> list[tuple[str, str]]:
    if "%" not in text and "+" not in text and text.isascii() and text.count("&") < MOST_FIELDS:
        # Nothing to decode: a third of parse_qsl's time (benchmarks/framework.py, query argument).
        return [(name, value) for name, _, value in [piece.partition("=") for piece in text.split("&") if piece]]
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
    from multipart import MultipartError, MultipartParser, ParserLimitReached, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary:
        raise UnsupportedMediaType("expected a boundary in the Content-Type of a multipart form")
    arguments: Arguments = {}
    files: dict[str, list[UploadedFile]] = {}
    try:
        for part in MultipartParser(
            stream,
            boundary,
            strict=True,
            part_limit=MOST_FIELDS,
            spool_limit=_SPOOL_BYTES,
            memory_limit=limit,
            disk_limit=limit,
        ):
            if part.filename is not None:
                files.setdefault(part.name, []).append(UploadedFile(part))
            else:
                arguments.setdefault(part.name, []).append(part.value)
    except ParserLimitReached as error:
        raise ContentTooLarge(f"multipart form: {error}") from None
    except (MultipartError, UnicodeError, LookupError) as error:
        raise BadRequest(f"expected a multipart form: {str(error)[:200]}") from None
    return arguments, files
