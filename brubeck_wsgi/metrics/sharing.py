"""Figures that several processes count together: in a directory that is made before they are forked.

Each process has files of its own there, which `prometheus_client` writes and adds up (its multiprocess mode). A process
shows that it lives by a lock that ends with it, however it ends. What a dead one has counted is added to one file for
all of them, so that a server whose workers come and go for weeks has no more files than workers; what only meant
something while it lived is forgotten.
"""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from brubeck_wsgi.concurrency import sleep
from brubeck_wsgi.errors import ConfigurationError

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of the environment that names the directory; `prometheus_client` reads it when it is imported."""

_PREFIX = "brubeck-metrics-"
_IN_USE = "in-use"  # locked as long as the process that made the directory lives, or a child of it
_SCRAPED = "scraped"  # locked while somebody adds up
_ALIVE = "alive_"
_ADDED_UP = ("counter", "histogram", "summary")
_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.005
_kept: list[int] = []  # descriptors whose locks this process holds until it ends


def share_metrics(directory: str | None = None) -> str:
    """Have all workers count together; to be called in gunicorn.conf.py, or anywhere before workers are forked.

    It imports nothing but the standard library. Called again, as when Gunicorn reloads, it changes nothing.

    Args:
        directory: where; it is made if it is not there, must be writable for the workers, and is for this server alone
            and empty when that starts. None for one that is made, and removed when this process ends.

    Returns:
        The path of the directory.
    """
    known = os.environ.get(VARIABLE)
    if known:
        Path(known).mkdir(parents=True, exist_ok=True)
        return known
    if directory is None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        directory = tempfile.mkdtemp(prefix=_PREFIX)
        _kept.append(_locked(Path(directory, _IN_USE)))
        atexit.register(_remove, directory, os.getpid())
    Path(directory).mkdir(parents=True, exist_ok=True)
    os.environ[VARIABLE] = directory
    return directory


def shared_directory() -> Path | None:
    """Return where this process counts together with others; None if it counts alone.

    Raises:
        ConfigurationError: somebody has imported `prometheus_client` before it could know of the directory.
    """
    from prometheus_client.values import ValueClass

    directory = os.environ.get(VARIABLE)
    is_shared: bool = ValueClass._multiprocess
    if is_shared != bool(directory):
        raise ConfigurationError(
            "expected prometheus_client to be imported when it is known whether workers count together: call "
            "share_metrics() before anything imports it, in gunicorn.conf.py"
        )
    return Path(directory) if directory else None


def join(directory: Path) -> None:
    """Show that this process lives; to be called before it counts anything."""
    # One that had this number before may have left a child behind that holds the lock for as long as it lives.
    with adding_up(directory), suppress(BlockingIOError):
        _kept.append(_locked(directory / f"{_ALIVE}{os.getpid()}"))


@contextmanager
def adding_up(directory: Path) -> Iterator[None]:
    """Keep others from changing what is there but to count; `TimeoutError` if they take too long over it."""
    deadline = monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            descriptor = _locked(directory / _SCRAPED)
            break
        except BlockingIOError:
            if monotonic() > deadline:
                raise TimeoutError("another process takes too long to add up the figures") from None
            sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def bury_the_dead(directory: Path) -> None:
    """Add what dead processes have counted to what others before them have; within `adding_up`."""
    dead = []
    for path in directory.glob(f"{_ALIVE}*"):
        try:
            os.close(_locked(path))
        except BlockingIOError:
            continue
        dead.append(path.name.removeprefix(_ALIVE))
    for kind in _ADDED_UP if dead else ():
        _add_up(directory, kind, [directory / f"{kind}_{pid}.db" for pid in dead])
    for pid in dead:
        for path in directory.glob(f"gauge_live*_{pid}.db"):
            path.unlink()
        (directory / f"{_ALIVE}{pid}").unlink()


def _add_up(directory: Path, kind: str, sources: list[Path]) -> None:
    from prometheus_client import mmap_dict

    MmapedDict: Any = mmap_dict.MmapedDict  # noqa: N806  # a class; most of it has no annotations
    sources = [source for source in sources if source.exists()]
    if not sources:
        return
    ended, new = directory / f"{kind}_ended.db", directory / f"{kind}_ended.new"
    totals: dict[str, float] = {}
    for source in [*sources, ended] if ended.exists() else sources:
        with suppress(struct.error):  # it was ended before it had written the first word
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(source)):
                totals[key] = totals.get(key, 0.0) + value
    new.unlink(missing_ok=True)
    written = MmapedDict(str(new))
    for key, value in totals.items():
        written.write_value(key, value, 0.0)
    written.close()
    new.replace(ended)
    for source in sources:
        source.unlink()


def _locked(path: Path) -> int:
    """Return the descriptor of a file that is locked as long as that is open; `BlockingIOError` if it was before."""
    import fcntl  # which is not on every system, as forking is not

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned(parent: Path) -> None:
    """Remove the directories of servers that were killed."""
    for path in parent.glob(f"{_PREFIX}*/{_IN_USE}"):
        with suppress(OSError):  # it is in use, or somebody else's
            os.close(_locked(path))
            shutil.rmtree(path.parent, ignore_errors=True)


def _remove(directory: str, owner: int) -> None:
    if os.getpid() == owner:  # and not a worker of it
        shutil.rmtree(directory, ignore_errors=True)
