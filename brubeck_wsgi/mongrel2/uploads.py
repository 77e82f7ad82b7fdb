"""Bodies that Mongrel2 has put into files: which of them are genuine, and reading them."""

from __future__ import annotations

import io
import os
import stat
import time
from contextlib import suppress
from typing import Any

from brubeck_wsgi.mongrel2.settings import Settings
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.mongrel2 import Headers

STARTED = "x-mongrel2-upload-start"
DONE = "x-mongrel2-upload-done"
LARGEST = 2_147_483_647
"""Mongrel2 stores no larger body, and delivers nothing of it: who says that there is one has forged it."""

_ABANDONED_SECONDS = 24 * 3600.0
_BUFFER = 64 * 1024


def stored_path(headers: Headers, length: int | None, settings: Settings) -> str | None:
    """Return the path of the file that a finished upload is in; None if that is not what the headers say.

    Clients can send both headers themselves. Believed is only what Mongrel2 would say of a body that it cannot
    deliver in the message, and only about the directory that it was given.

    Args:
        headers: of a message without a body in it.
        length: what Content-Length says; None if the body is chunked.
        settings: of this handler.
    """
    path = _path_of(headers, DONE, settings)
    if path is None or headers[DONE] != headers.get(STARTED) or length == 0:
        return None
    return path


def is_beginning(headers: Headers, length: int | None, settings: Settings) -> bool:
    """Tell whether the message says that an upload has begun, of which another will tell the end."""
    return _path_of(headers, STARTED, settings) is not None and length != 0


def _path_of(headers: Headers, name: str, settings: Settings) -> str | None:
    sent = headers.get(name)
    if settings.upload_directory is None or not isinstance(sent, str) or "\0" in sent:
        return None
    path = os.path.normpath(settings.chroot + sent)
    directory, file_name = os.path.split(path)
    prefix = settings.upload_prefix
    if directory != settings.upload_directory or not file_name.startswith(prefix) or file_name == prefix:
        return None
    return path


def open_stored(path: str, length: int | None) -> tuple[io.BufferedReader, int]:
    """Open a finished upload for reading, and remove it: from now on nothing but the open file keeps it.

    Args:
        path: what `stored_path` returned.
        length: how many bytes are the body's, the file may have more; None for all.

    Returns:
        The body, and how many bytes it has.

    Raises:
        RemoteProtocolError: there is no such file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RemoteProtocolError("expected the body in a file, there is none") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or (length is not None and status.st_size < length):
        os.close(descriptor)
        raise RemoteProtocolError("expected the whole body in a file")
    with suppress(OSError):
        os.unlink(path)
    # What a client sends behind its body Mongrel2 writes into the same file.
    size = status.st_size if length is None else length
    return io.BufferedReader(_Part(descriptor, size), _BUFFER), size


class _Part(io.RawIOBase):
    """The first bytes of a file, read in order."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._left)
        count = os.readv(self._descriptor, [memoryview(buffer)[:wanted]]) if wanted else 0
        self._left -= count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def sweep(settings: Settings, now: float | None = None) -> int:
    """Remove uploads of yesterday and before, whose handler was killed; return how many.

    Args:
        settings: of this handler.
        now: seconds since the epoch; the present by default.
    """
    directory, prefix = settings.upload_directory, settings.upload_prefix
    if directory is None or not prefix:  # without a prefix, others' files may be there
        return 0
    oldest = (time.time() if now is None else now) - _ABANDONED_SECONDS
    removed = 0
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(OSError):
                is_ours = entry.name.startswith(prefix) and entry.is_file(follow_symlinks=False)
                if is_ours and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)
                    removed += 1
    return removed
