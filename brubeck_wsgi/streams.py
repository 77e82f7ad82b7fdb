"""Bodies of answers that are not bytes yet: streams and files, in pieces, closed once.

The response that sends them decides when; see `brubeck_wsgi.response`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeGuard

FILE_BLOCK = 64 * 1024
"""How much of a file is read at a time, in bytes."""

_END = object()


class ReadableFile(Protocol):
    """A file that may be a body: read in blocks, by ``wsgi.file_wrapper`` where the server has it."""

    def read(self, size: int = -1, /) -> bytes: ...


def is_file(body: object) -> TypeGuard[ReadableFile]:
    """Tell a file that is read in blocks; one that is open as text is an iterable of lines."""
    return hasattr(body, "read") and not hasattr(body, "encoding")


class Stream:
    """The pieces of a streamed body as bytes, the first of them waiting; closed exactly once.

    Args:
        pieces: bytes or text (sent as UTF-8).

    Attributes:
        on_error: called with the exception that ends a body which has begun; it goes on to the server,
            which has to break off the connection, so that the client does not take the rest for complete.
            An exception while closing is told here, and goes no further.

    Raises:
        Exception: whatever *pieces* raises before its first piece.
    """

    __slots__ = ("_close", "_first", "_pieces", "on_error")

    def __init__(self, pieces: Iterable[bytes | str]) -> None:
        self.on_error: Callable[[Exception], object] | None = None
        self._close: Callable[[], object] | None = getattr(pieces, "close", None)
        try:
            self._pieces = iter(pieces)
            first = next(self._pieces, _END)
            self._first: bytes | None = None if first is _END else _octets(first)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._first
        if piece is not None:
            self._first = None
            return piece
        try:
            return _octets(next(self._pieces))
        except StopIteration:
            raise
        except Exception as error:
            if self.on_error is not None:
                self.on_error(error)
            raise

    def close(self) -> None:
        """Stop: the generator's ``finally`` blocks run."""
        close, self._close = self._close, None
        if close is not None:
            try:
                close()
            except Exception as error:
                if self.on_error is None:
                    raise
                self.on_error(error)


class ClosingPieces:
    """An iterable whose ``close`` is another one."""

    __slots__ = ("_close", "_pieces")

    def __init__(self, pieces: Iterable[bytes], close: Callable[[], None]) -> None:
        self._pieces = pieces
        self._close: Callable[[], None] | None = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            close()


class ClosingFile:
    """A file whose ``close`` is another one."""

    def __init__(self, file: ReadableFile, close: Callable[[], None]) -> None:
        self._file = file
        self.close = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Blocks:
    """A file in blocks; closing it closes the file."""

    def __init__(self, file: ReadableFile) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(FILE_BLOCK):
            yield block

    def close(self) -> None:
        close = getattr(self._file, "close", None)
        if close is not None:
            close()


def _octets(piece: object) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes):
        raise TypeError(f"expected bytes or text as a piece of a body, got {type(piece).__name__}")
    return piece
