"""Where the processes of an application find each other: in a directory of their machine, or at known addresses."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from brubeck_wsgi.channels.estate import Estate
from brubeck_wsgi.errors import ConfigurationError

_MOST_PATH_BYTES = 100  # sockaddr_un has room for 108
_STALE_SECONDS = 3600.0
_MOST_TRIES = 3

Bind = Callable[[str], bool]
"""Begins to publish at an endpoint; returns whether that was possible."""


class Meeting(Protocol):
    """How a process gets to know others.

    Attributes:
        joins_at_once: whether `others` are those that live, so that one can wait for them.
        estate: where those that leave can leave something to those that come; None if there is no such place.
    """

    joins_at_once: bool
    estate: Estate | None

    def bind(self, token: str, bind: Bind) -> str:
        """Find a place to publish at, and return its endpoint; from then on others find it."""
        ...

    def others(self) -> dict[str, str]:
        """Return the endpoints of others, by what is known of them: their tokens, or the endpoints again."""
        ...

    def endpoint(self, token: str, said: str) -> str | None:
        """Return where a process publishes that says to do it at *said*; None if that cannot be."""
        ...

    def is_alive(self, token: str) -> bool | None:
        """Tell whether a process lives; None if that is not known."""
        ...

    def leave(self) -> None:
        """Free the place."""
        ...

    def abandon(self) -> None:
        """Free what a child has of its parent's place."""
        ...


class Directory:
    """A directory in which each process has a socket, and a file that it has locked as long as it lives.

    Args:
        path: of the directory, which is made, for this user only.
        is_lasting: whether it stays when the last process leaves it.
    """

    joins_at_once = True

    def __init__(self, path: Path, is_lasting: bool = True) -> None:
        self._path = path
        self._is_lasting = is_lasting
        self._token = ""
        self._lock: int | None = None
        self.estate: Estate | None = Estate(path)
        if len(os.fsencode(path)) + 14 > _MOST_PATH_BYTES:
            raise ConfigurationError(f"expected a shorter path for sockets, got {str(path)!r}")

    def bind(self, token: str, bind: Bind) -> str:
        self._token = token
        endpoint = self._socket(token)
        for _ in range(_MOST_TRIES):
            make_private(self._path)
            self._remove_dead()
            if bind(endpoint):  # or the last process has just taken the directory with it
                break
        else:
            raise ConfigurationError(f"expected to make a socket in {str(self._path)!r}")
        # Locked before it has its name: nobody takes it for one of a dead process.
        hidden = self._path / f".{token}"
        self._lock = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        hidden.rename(self._path / f"{token}.lock")
        return endpoint

    def others(self) -> dict[str, str]:
        tokens = [file.stem for file in self._path.glob("*.lock")]
        return {token: self._socket(token) for token in tokens if token != self._token and self.is_alive(token)}

    def endpoint(self, token: str, said: str) -> str | None:
        return self._socket(token) if token.isalnum() and self.is_alive(token) else None

    def is_alive(self, token: str) -> bool:
        return _is_locked(self._path / f"{token}.lock")

    def leave(self) -> None:
        for ending in ("lock", "sock"):
            (self._path / f"{self._token}.{ending}").unlink(missing_ok=True)
        if not self._is_lasting:
            with suppress(OSError):  # others are there
                self._path.rmdir()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the lock of a process whose child this is; it keeps it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _socket(self, token: str) -> str:
        return f"ipc://{self._path / token}.sock"

    def _remove_dead(self) -> None:
        for file in self._path.glob("*.lock"):
            if not _is_locked(file):
                file.with_suffix(".sock").unlink(missing_ok=True)
                file.unlink(missing_ok=True)
        assert self.estate is not None
        self.estate.sweep(self.is_alive)


class Addresses:
    """Endpoints that all processes of an application know; each publishes at one that is free.

    Args:
        endpoints: ``tcp://address:port``, as many as there may be processes.
    """

    joins_at_once = False

    def __init__(self, endpoints: Sequence[str]) -> None:
        self._endpoints = list(dict.fromkeys(endpoints))
        self._own = ""
        self.estate: Estate | None = None
        for endpoint in self._endpoints:
            if not isinstance(endpoint, str) or not endpoint.startswith("tcp://") or "*" in endpoint:
                raise ConfigurationError(f"expected addresses like 'tcp://10.0.0.1:7000', got {endpoint!r:.80}")

    def bind(self, token: str, bind: Bind) -> str:
        self._own = next((endpoint for endpoint in self._endpoints if bind(endpoint)), "")
        if not self._own:
            raise ConfigurationError("expected one of the addresses to be of this machine and free; there is none")
        return self._own

    def others(self) -> dict[str, str]:
        return {endpoint: endpoint for endpoint in self._endpoints if endpoint != self._own}

    def endpoint(self, token: str, said: str) -> str | None:
        return said if said in self._endpoints else None

    def is_alive(self, token: str) -> None:
        return None

    def leave(self) -> None:
        """Do nothing: who closes the socket frees the address."""

    def abandon(self) -> None:
        """Do nothing."""


def default_directory(name: str | None) -> Path:
    """Return where the processes meet that are called *name*.

    Without a name it is those that a parent has started in one place with one command line: the workers of a server.
    """
    base = Path(tempfile.gettempdir()) / f"brubeck-{os.getuid()}"
    if name is not None:
        return base / hashlib.sha256(f"name {name}".encode()).hexdigest()[:16]
    identity = [str(os.getppid()), _began(os.getppid()), os.getcwd(), *sys.argv]
    return base / hashlib.sha256("\0".join(identity).encode(errors="surrogateescape")).hexdigest()[:16]


def make_private(path: Path) -> None:
    """Make a directory for this user only.

    Raises:
        ConfigurationError: something else is there, or somebody else's.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"expected to make the directory {str(path)!r}: {error}") from error
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigurationError(f"expected {str(path)!r} to be a directory that only this user may use")


def sweep(base: Path) -> None:
    """Remove the directories of applications that have long ended."""
    for path in base.iterdir() if base.is_dir() else ():
        with suppress(OSError):
            is_old = time.time() - path.stat().st_mtime > _STALE_SECONDS
            if is_old and not any(_is_locked(file) for file in path.glob("*.lock")):
                for file in path.iterdir():
                    file.unlink()
                path.rmdir()


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _began(pid: int) -> str:
    """Return when a process began, as Linux tells it (proc(5)), so that one with the same id later is another."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
