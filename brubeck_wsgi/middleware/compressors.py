"""Compressing a body piece by piece: gzip, and Brotli and Zstandard where their libraries are installed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Protocol

from brubeck_wsgi.errors import ConfigurationError, MissingLibrary

# For answers that are made as they are sent: fast enough to be worth it, and small enough.
_GZIP_LEVEL = 6
_BROTLI_QUALITY = 4
_ZSTD_LEVEL = 3
_GZIP_FORMAT = 31  # what zlib calls its largest window with gzip's head and end (RFC 1952)


class Compressor(Protocol):
    """A body on its way."""

    @property
    def compress(self) -> Callable[[bytes], bytes]:
        """Take a piece; return what there is to send."""
        ...

    def flush(self) -> bytes:
        """Return all that was taken, so that the client can read it now."""
        ...

    def finish(self) -> bytes:
        """Return the end."""
        ...


class _Gzip:
    def __init__(self) -> None:
        self._object = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)
        self.compress = self._object.compress

    def flush(self) -> bytes:
        return self._object.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._object.flush()


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped, import-not-found, unused-ignore]  # it has no types

        self._object = brotli.Compressor(quality=_BROTLI_QUALITY)
        self.compress = self._object.process
        self.flush = self._object.flush
        self.finish = self._object.finish


class _Zstandard:
    def __init__(self) -> None:
        import zstandard  # type: ignore[import-not-found, unused-ignore]  # the linters do without it

        self._object = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
        self._block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self.compress = self._object.compress
        self.finish = self._object.flush

    def flush(self) -> bytes:
        return self._object.flush(self._block)


# Of codings that a client likes equally the first is taken.
_MAKERS: dict[str, Callable[[], Compressor]] = {"zstd": _Zstandard, "br": _Brotli, "gzip": _Gzip}
_LIBRARIES = {"zstd": "zstandard", "br": "brotli"}


def checked_codings(codings: Sequence[str] | None) -> tuple[str, ...]:
    """Return *codings*, all that can be made if it is None.

    Raises:
        ConfigurationError: one of them is not known.
        MissingLibrary: the library of one of them is not installed.
    """
    if codings is None:
        return tuple(coding for coding in _MAKERS if _missing_library(coding) is None)
    for coding in codings:
        if coding not in _MAKERS:
            raise ConfigurationError(f"expected codings out of {', '.join(_MAKERS)}, got {coding!r}")
        missing = _missing_library(coding)
        if missing is not None:
            raise MissingLibrary(missing, "compression")
    return tuple(codings)


def make_compressor(coding: str) -> Compressor:
    """Return what compresses one body; *coding* has been checked."""
    return _MAKERS[coding]()


def _missing_library(coding: str) -> str | None:
    library = _LIBRARIES.get(coding)
    return library if library is not None and find_spec(library) is None else None
