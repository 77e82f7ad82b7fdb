"""Multipart forms to their end: the values of their fields, and their files in memory or on disk (RFC 7578)."""

from __future__ import annotations

import io
import os
import shutil
from tempfile import TemporaryFile
from typing import Any, TypeAlias

from brubeck_wsgi.formdata.streaming import DEFAULT_LIMITS, FormLimits, Readable, StreamedPart, stream_parts
from brubeck_wsgi.formdata.urlencoded import Arguments

Content: TypeAlias = io.BytesIO | io.BufferedReader
"""What was uploaded, as a file."""


class UploadedFile:
    """A file that a client uploaded.

    ``file["body"]``, ``["filename"]`` and ``["content_type"]`` are the attributes, as Brubeck 0.4 had them.

    Attributes:
        name: the name of the form's field.
        filename: as the client says it, without folders; never use it as a path unchecked.
        content_type: as the client says it.
        size: in bytes.
        file: the content, open for reading in binary; in memory, or in a temporary file that goes with it.
    """

    def __init__(self, part: StreamedPart, file: Content, size: int) -> None:
        self.name = part.name
        self.filename = part.filename or ""
        self.content_type = part.content_type
        self.size = size
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

    def __getitem__(self, key: str) -> Any:
        if key not in ("body", "filename", "content_type"):
            raise KeyError(key)
        return getattr(self, key)

    def __repr__(self) -> str:
        return f"<UploadedFile {self.filename!r} {self.content_type} {self.size} bytes>"


def parse_multipart(
    stream: Readable, content_type: str, limit: int, limits: FormLimits = DEFAULT_LIMITS
) -> tuple[Arguments, dict[str, list[UploadedFile]]]:
    """Read a multipart form to its end.

    Args:
        stream: ends where the body ends.
        content_type: the whole header, with its boundary.
        limit: the most bytes that all parts together may have.
        limits: of the parts.

    Returns:
        The values of the fields by name, and the files by name.

    Raises:
        BadRequest: the body is malformed, or a field is not text of its charset.
        ContentTooLarge: it has too many parts, or too large ones.
        UnsupportedMediaType: the boundary is missing.
    """
    arguments: Arguments = {}
    files: dict[str, list[UploadedFile]] = {}
    spool = _Spool(limits.memory_bytes)
    room = limits.fields_bytes
    for part in stream_parts(stream, content_type, limit, limits):
        if part.filename is None:
            content = part.read(room)
            room -= len(content)
            arguments.setdefault(part.name, []).append(part.decode(content))
        else:
            file, size = spool.keep(part)
            files.setdefault(part.name, []).append(UploadedFile(part, file, size))
    return arguments, files


class _Spool:
    """Keeps the files of one form: small ones in memory, all others in one temporary file.

    One for each would let a client use up the descriptors of a worker with a few requests.
    """

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._disk: _TemporaryFile | None = None

    def keep(self, part: StreamedPart) -> tuple[Content, int]:
        """Take the content of *part*; return it as a file, and its size in bytes."""
        pieces = []
        size = 0
        for piece in part:
            pieces.append(piece)
            size += len(piece)
            if size > self._memory_bytes:
                return self._keep_on_disk(pieces, part)
        return io.BytesIO(b"".join(pieces)), size

    def _keep_on_disk(self, pieces: list[bytes], rest: StreamedPart) -> tuple[Content, int]:
        if self._disk is None:
            self._disk = _TemporaryFile()
        disk = self._disk
        start = disk.size
        for piece in pieces:
            disk.append(piece)
        for piece in rest:
            disk.append(piece)
        size = disk.size - start
        return io.BufferedReader(_DiskSlice(disk, start, size)), size


class _TemporaryFile:
    """A file that is closed when nobody has it any more.

    It has a descriptor and no file object, which the garbage collector might find first, and warn of.
    """

    descriptor = -1  # there may be no more of them

    def __init__(self) -> None:
        with TemporaryFile(buffering=0) as file:
            self.descriptor = os.dup(file.fileno())
        self.size = 0

    def append(self, piece: bytes) -> None:
        while piece:
            written = os.write(self.descriptor, piece)
            self.size += written
            piece = piece[written:]

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class _DiskSlice(io.RawIOBase):
    """A part of a temporary file; it keeps it alive."""

    def __init__(self, disk: _TemporaryFile, start: int, size: int) -> None:
        self._disk = disk
        self._start = start
        self._size = size
        self._place = 0
        self.name = disk.descriptor

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._place))
        # Without moving the place of the descriptor, which the other files of the form share.
        piece = os.pread(self._disk.descriptor, wanted, self._start + self._place)
        view[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def seek(self, place: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if base + place < 0:
            raise ValueError(f"expected a place in the file, got {base + place}")
        self._place = base + place
        return self._place
