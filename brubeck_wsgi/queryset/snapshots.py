"""A file that has all objects of a store in memory, as one JSON object by their ids."""

from __future__ import annotations

import os
import tempfile
from _thread import allocate_lock
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from brubeck_wsgi.errors import ConfigurationError


class SnapshotFile:
    """The file; whoever reads it sees all of one snapshot, and so does who starts after a crash.

    Args:
        path: its name. The directory has to exist, and the file need not.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = allocate_lock()  # writing a file lets no greenlet run

    def read(self) -> dict[str, bytes]:
        """Return the objects as JSON by their ids; `ConfigurationError` if the file holds something else."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=dict[str, msgspec.Raw])
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeError) as error:
            raise ConfigurationError(f"expected a snapshot in {self._path}: {error}") from error
        return {key: bytes(data) for key, data in found.items()}

    def write(self, objects: Callable[[], Mapping[str, bytes]]) -> None:
        """Replace what the file has by what *objects* returns then, in one step."""
        with self._lock:
            self._replace(msgspec.json.encode({key: msgspec.Raw(data) for key, data in objects().items()}))

    def _replace(self, content: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        try:
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise
