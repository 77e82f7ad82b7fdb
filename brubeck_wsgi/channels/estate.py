"""History across the end of all processes: those that leave in order write down what nobody else would know.

All workers of a server may be replaced at once, and the old ones be gone before the new ones have begun.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from brubeck_wsgi.channels.frames import Answer

logger = logging.getLogger("brubeck.channels")

_ENDING = ".left"
_JOINING_SECONDS = 10.0  # more than a process waits for others when it begins
_decode = msgspec.msgpack.Decoder(list[Answer]).decode
_encode = msgspec.msgpack.Encoder().encode


class Estate:
    """What processes have left in a directory, a file of each; an empty one is of a process that is about to leave.

    Args:
        path: of the directory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: set[str] = set()

    def begin_to_leave(self, token: str) -> None:
        """Let others know that they cannot rely on a process any more."""
        with suppress(OSError):
            self._file(token).touch(0o600)

    def is_leaving(self, token: str) -> bool:
        """Tell whether a process is about to leave, or has left something."""
        return self._file(token).exists()

    def bequeath(self, token: str, answers: list[Answer]) -> None:
        """Leave *answers*, as a process would give them; the files of those that were read are its own by now."""
        try:
            if any(answer.kept or answer.gone for answer in answers):
                hidden = self._path / f".{token}{_ENDING}"
                hidden.touch(0o600)
                hidden.write_bytes(_encode(answers))
                hidden.rename(self._file(token))
            else:
                self._file(token).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("channels: cannot leave history to the next process: %s", error)

    def inherit(self) -> list[Answer]:
        """Return what was left since this was asked last."""
        found: list[Answer] = []
        for file in sorted(self._path.glob(f"*{_ENDING}")):
            if file.name in self._read or file.name.startswith("."):
                continue
            with suppress(OSError):  # somebody else has it, or it cannot be read
                data = file.read_bytes()
                if data:
                    self._read.add(file.name)
                    found.extend(_read(data))
        return found

    def forget(self) -> None:
        """Remove what has been read, but for what others that begin just now may still have to read."""
        latest = time.time() - _JOINING_SECONDS
        for name in self._read:
            file = self._path / name
            with suppress(OSError):
                if file.stat().st_mtime < latest:
                    file.unlink()
        self._read.clear()

    def sweep(self, is_alive: Callable[[str], bool]) -> None:
        """Remove what is of no use: of processes that were killed while they left."""
        for file in self._path.glob(f"*{_ENDING}"):
            token = file.name.removeprefix(".").removesuffix(_ENDING)
            with suppress(OSError):
                if not is_alive(token) and (file.name.startswith(".") or not file.stat().st_size):
                    file.unlink()

    def _file(self, token: str) -> Path:
        return self._path / f"{token}{_ENDING}"


def _read(data: bytes) -> list[Answer]:
    try:
        return _decode(data)
    except msgspec.DecodeError as error:  # another version has written it
        logger.warning("channels: cannot read the history that another process has left: %s", error)
        return []
