"""``wsgi.file_wrapper``: a file as a body, sent by the kernel where it can (PEP 3333, "Optional
Platform-Specific File Handling")."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol


class Readable(Protocol):
    """A file open for reading in binary."""

    def read(self, size: int, /) -> bytes: ...


class FileWrapper:
    """A file in blocks.

    Args:
        filelike: a file, or anything that can be read like one; closed with the wrapper.
        block_size: bytes to read at a time.
    """

    def __init__(self, filelike: Readable, block_size: int = 64 * 1024) -> None:
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.filelike.read(self.block_size), b"")


class FileRegion(NamedTuple):
    """A part of a regular file.

    Attributes:
        descriptor: of the open file.
        offset: where it begins, in bytes.
        size: how many bytes it has.
    """

    descriptor: int
    offset: int
    size: int


def find_region(filelike: Any) -> FileRegion | None:
    """Return what is left to read of a regular file; None for anything else."""
    try:
        descriptor = filelike.fileno()
        offset = filelike.tell()
        status = os.fstat(descriptor)
    except (AttributeError, OSError, ValueError):
        return None
    if not isinstance(descriptor, int) or not stat.S_ISREG(status.st_mode) or offset > status.st_size:
        return None
    return FileRegion(descriptor, offset, status.st_size - offset)
