"""Multipart forms part by part, read while they arrive (RFC 7578), and never more of them in memory than a block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias, cast

from brubeck_wsgi.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from brubeck_wsgi.formdata.urlencoded import MOST_FIELDS

if TYPE_CHECKING:
    from multipart import MultipartSegment

_BLOCK = 64 * 1024
# What browsers know (WHATWG Encoding §4.2), and not all that Python does: it decodes Punycode in the square of its
# length, minutes for some hundred kilobytes, and remembers for good each name that it was asked for in vain.
_CHARSETS = frozenset(
    {
        *("utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii", "latin-1", "latin1", "macintosh"),
        *(f"iso-8859-{number}" for number in range(1, 17) if number != 12),
        *(f"windows-{number}" for number in range(1250, 1259)),
        *("koi8-r", "koi8-u", "gbk", "gb2312", "gb18030", "big5", "big5-hkscs", "tis-620"),
        *("euc-jp", "iso-2022-jp", "shift-jis", "euc-kr"),
    }
)

Event: TypeAlias = "MultipartSegment | bytes | None"
"""What stands at the head of a part, a piece of its content, or its end."""


class Readable(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes: ...


class FormLimits(NamedTuple):
    """What a multipart form may have; beyond it the answer is 413.

    Attributes:
        parts: how many fields and files.
        part_bytes: how large one of them; None for as large as the body.
        fields_bytes: how large all fields that are no files together: they are held in memory.
        head_bytes: how long a line at the head of a part, where its name and its filename stand.
        memory_bytes: how large a file that is held in memory; all larger ones of a form go to one temporary file.
    """

    parts: int = MOST_FIELDS
    part_bytes: int | None = None
    fields_bytes: int = 10 * 1024 * 1024
    head_bytes: int = 4 * 1024
    memory_bytes: int = 64 * 1024


DEFAULT_LIMITS: Final = FormLimits()


class StreamedPart:
    """A field or a file of a multipart form, read while it arrives.

    Going on to the next part skips what is left of it. Iterating over it gives its pieces.

    Attributes:
        name: the name of the form's field.
        filename: as the client says it, without folders; None for a field that is no file.
        content_type: as the client says it.
    """

    def __init__(self, segment: MultipartSegment, events: Iterator[Event]) -> None:
        self.name: str = segment.name
        filename = segment.filename
        self.filename = None if filename is None else filename.replace("\\", "/").rpartition("/")[2]
        self.content_type: str = segment.content_type or "application/octet-stream"
        self._charset: str = segment.charset or "utf-8"
        self._events: Iterator[Event] = events

    def __iter__(self) -> Iterator[bytes]:
        while True:
            piece = next(self._events, None)
            if piece is None:
                self._events = iter(())
                return
            yield cast(bytes, piece)

    def read(self, limit: int) -> bytes:
        """Return the rest of it; `ContentTooLarge` if that is more than *limit* bytes."""
        pieces = []
        for piece in self:
            limit -= len(piece)
            if limit < 0:
                raise ContentTooLarge(f"multipart form: expected less in {self.name[:40]!r}")
            pieces.append(piece)
        return b"".join(pieces)

    def text(self, limit: int = _BLOCK) -> str:
        """Return the rest of it as text of the charset that it says, UTF-8 if it says none.

        Raises:
            ContentTooLarge: it has more than *limit* bytes.
            BadRequest: it is no such text.
        """
        return self.decode(self.read(limit))

    def decode(self, content: bytes) -> str:
        """Return what was read of it as text; `BadRequest` if it is none."""
        try:
            return decode_text(content, self._charset)
        except (ValueError, LookupError) as error:  # LookupError: an unknown charset
            raise BadRequest(f"expected a multipart form: {str(error)[:200]}") from None

    def save_as(self, path: str) -> int:
        """Write the rest of it to *path*; return how many bytes that were."""
        with open(path, "wb") as target:
            return sum(map(target.write, self))


def stream_parts(
    stream: Readable, content_type: str, limit: int, limits: FormLimits = DEFAULT_LIMITS
) -> Iterator[StreamedPart]:
    """Return the parts of a multipart form, each read when it is asked for; errors as `parse_multipart` has them."""
    from multipart import parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary:
        raise UnsupportedMediaType("expected a boundary in the Content-Type of a multipart form")
    return _parts(_events(stream, boundary, limit, limits))


def _parts(events: Iterator[Event]) -> Iterator[StreamedPart]:
    for segment in events:
        part = StreamedPart(cast("MultipartSegment", segment), events)
        if not part.name:
            raise BadRequest("expected a name for each part of a multipart form")
        yield part
        for _ in part:
            pass  # what nobody has read of it


def _events(stream: Readable, boundary: str, limit: int, limits: FormLimits) -> Iterator[Event]:
    """Yield what stands at the head of each part, the pieces of its content, and None at its end."""
    from multipart import ParserLimitReached, PushMultipartParser

    taken = 0
    try:
        # Not its strict mode, which refuses the line break after the last boundary if that is read by itself.
        with PushMultipartParser(
            boundary,
            max_segment_count=limits.parts,
            max_segment_size=math.inf if limits.part_bytes is None else limits.part_bytes,
            max_header_size=limits.head_bytes,
        ) as parser:
            while not parser.closed:
                for event in parser.parse(stream.read(_BLOCK)):
                    if isinstance(event, bytes):
                        taken += len(event)
                        if taken > limit:
                            raise ParserLimitReached(f"expected at most {limit} bytes")
                    yield event
    except ParserLimitReached as error:
        raise ContentTooLarge(f"multipart form: {error}") from None
    except ValueError as error:  # MultipartError is one
        raise BadRequest(f"expected a multipart form: {str(error)[:200]}") from None


def decode_text(content: bytes, charset: str) -> str:
    """Return *content* as text.

    Args:
        charset: as the client says it; none but those that browsers know are taken.

    Raises:
        UnicodeError: it is none of this charset.
        LookupError: there is no such charset.
    """
    if charset.lower().replace("_", "-") not in _CHARSETS:
        raise LookupError(f"expected a charset that browsers know, got {charset[:40]!r}")
    return content.decode(charset)
