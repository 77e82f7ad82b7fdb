"""Opening the files of a folder, and nothing outside of it, whatever the path says and the links point to."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Collection, Sequence
from typing import NamedTuple

from brubeck_wsgi.errors import ConfigurationError, Forbidden, NotFound

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_PATH", 0)
# Not blocking: to open a named pipe would otherwise wait for who writes to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_LINKED = (errno.ELOOP, errno.ENOTDIR)  # what a link is refused with: as the last segment, and before it
_ABSENT = (*_LINKED, errno.ENOENT, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENXIO, errno.ENODEV)


class OpenFile(NamedTuple):
    """What a path leads to, open for reading.

    Attributes:
        file: to be closed by who asked; None for a folder.
        status: its size, and when it was changed.
        ending: which of the endings that were asked for its name has; ``""`` for none.
    """

    file: io.FileIO | None
    status: os.stat_result
    ending: str = ""


class Folder:
    """A folder and what is in it.

    A link may lead to another place of the folder; one that leads out of it is as good as not there. Who can
    exchange files for links while they are served gains nothing: what was resolved is opened without following any.

    Args:
        root: the folder; a link, such as a deployment may exchange, is followed anew each time.
        dotfiles: names that begin with a dot and are there all the same.

    Raises:
        ConfigurationError: *root* is no folder.
    """

    def __init__(self, root: str | os.PathLike[str], dotfiles: Collection[str] = ()) -> None:
        self.root = os.path.abspath(root)
        if not os.path.isdir(self.root):
            raise ConfigurationError(f"expected a folder to serve, got {os.fspath(root)!r}")
        if isinstance(dotfiles, str) or any(not name.startswith(".") or name in (".", "..") for name in dotfiles):
            raise ConfigurationError(f"expected names like '.well-known' as dotfiles, got {dotfiles!r}")
        self._dotfiles = frozenset(dotfiles)

    def open(self, path: str, endings: Sequence[str] = ()) -> OpenFile:
        """Open what *path* leads to, or a file beside it.

        Args:
            path: below the folder, with slashes between its segments and none at the ends; ``""`` for itself.
            endings: of files beside it that may be opened instead, ``(".gz",)``, best first. One that is older
                than the file itself was made of another and is left alone.

        Raises:
            NotFound: nothing is there that may be served.
            Forbidden: the process may not read it.
        """
        segments = path.split("/") if path else []
        if not all(map(self._is_served, segments)):
            raise NotFound("nothing is there")
        try:
            try:
                return _open_below(self.root, segments, endings)
            except OSError as error:
                if error.errno not in _LINKED:
                    raise
            return _open_below(self.root, self._resolved(segments), endings)
        except PermissionError:
            raise Forbidden("it may not be read") from None
        except OSError as error:
            if error.errno not in _ABSENT:  # out of descriptors, for example: no fault of the path
                raise
            raise NotFound("nothing is there") from None
        except ValueError:  # a name that the file system cannot have
            raise NotFound("nothing is there") from None

    def _is_served(self, segment: str) -> bool:
        if not segment or "\0" in segment or "\\" in segment or "/" in segment:
            return False
        return segment[0] != "." or segment in self._dotfiles

    def _resolved(self, segments: Sequence[str]) -> list[str]:
        """Return the segments of where the links of *segments* lead."""
        root = os.path.realpath(self.root)
        place = os.path.relpath(os.path.realpath(os.path.join(root, *segments), strict=True), root)
        resolved = [] if place == "." else place.split("/")
        if not all(map(self._is_served, resolved)):  # ".." too, which is what leads out
            raise NotFound("nothing is there")
        return resolved


def _open_below(root: str, segments: Sequence[str], endings: Sequence[str]) -> OpenFile:
    """Open a file by its segments, following no link; an `OSError` of `_LINKED` where there is one."""
    folder = os.open(root, _FOLDER)
    try:
        for segment in segments[:-1]:
            inner = os.open(segment, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        name = segments[-1] if segments else "."
        found = _open(folder, name, "")
        return found if found.file is None else _beside(folder, name, found, endings)
    finally:
        os.close(folder)


def _open(folder: int, name: str, ending: str) -> OpenFile:
    """Open a file or a folder; pipes, sockets and devices are as good as not there."""
    descriptor = os.open(name + ending, _FILE, dir_fd=folder)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return OpenFile(io.FileIO(descriptor), status, ending)
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        return OpenFile(None, status, ending)
    raise FileNotFoundError(errno.ENOENT, "expected a file or a folder", name)


def _beside(folder: int, name: str, original: OpenFile, endings: Sequence[str]) -> OpenFile:
    """Return the best file beside *original*, or itself."""
    for ending in endings:
        try:
            found = _open(folder, name, ending)
        except OSError:
            continue
        if found.file is None:
            continue
        if int(found.status.st_mtime) >= int(original.status.st_mtime):
            original.file.close()  # type: ignore[union-attr]  # it is no folder
            return found
        found.file.close()
    return original
