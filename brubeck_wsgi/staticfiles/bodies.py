"""A file, or parts of it, as the body of an answer (PEP 3333; RFC 9110 §14.6)."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator, Sequence

from brubeck_wsgi.staticfiles.ranges import Range

_BLOCK = 64 * 1024


class FileSlice:
    """A part of an open file that reads like a file which ends there.

    A server that sends files by a shorter way (``wsgi.file_wrapper``) finds the descriptor at the place where the
    part begins, and takes its length from Content-Length.

    Args:
        file: closed with this.
        part: where it begins and ends.
    """

    def __init__(self, file: io.FileIO, part: Range) -> None:
        start, self._stop = part
        file.seek(start)
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        """Return up to *size* bytes, all that is left if it is negative; ``b""`` at the end."""
        left = max(0, self._stop - self.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def tell(self) -> int:
        """Return where in the file the next byte is."""
        return self._file.tell()

    def seek(self, place: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to another place of the file; servers that read it themselves do (`socket.socket.sendfile`)."""
        return self._file.seek(place, whence)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ByteRanges:
    """Several parts of a file as ``multipart/byteranges``.

    Args:
        file: closed with this.
        parts: two or more.
        size: of the file, in bytes.
        content_type: of the file.

    Attributes:
        content_type: of the whole.
        length: of the whole, in bytes.
    """

    def __init__(self, file: io.FileIO, parts: Sequence[Range], size: int, content_type: str) -> None:
        boundary = secrets.token_hex(16)
        self._file = file
        self._parts = [
            (
                f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n"
                f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n\r\n".encode("latin-1"),
                start,
                stop,
            )
            for start, stop in parts
        ]
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self.length = len(self._end) + sum(len(head) + stop - start for head, start, stop in self._parts)

    def __iter__(self) -> Iterator[bytes]:
        for head, start, stop in self._parts:
            yield head
            while start < stop:
                piece = os.pread(self._file.fileno(), min(stop - start, _BLOCK), start)
                if not piece:
                    raise OSError("the file became shorter while it was sent")
                start += len(piece)
                yield piece
        yield self._end

    def close(self) -> None:
        """Close the file."""
        self._file.close()
