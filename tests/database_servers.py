"""What the real databases for tests have in common: a directory of their own, another user than root, a way to end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from servers import DEADLINE_SECONDS

_PAUSE_SECONDS = 0.05


@contextmanager
def private_directory(user: str | None) -> Iterator[Path]:
    """Yield an empty directory that belongs to *user*, None for whoever runs this."""
    directory = Path(tempfile.mkdtemp(prefix="brubeck-database-"))
    try:
        if user is not None:
            shutil.chown(directory, user, user)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def user_in_place_of_root(*names: str) -> str | None:
    """Return the user that a database has to run as; None for the same one, who is not root."""
    if os.getuid() != 0:
        return None
    known = {line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
    return next(name for name in (*names, "nobody") if name in known)


def run_as(user: str | None, command: Sequence[str], directory: Path) -> None:
    """Run a command to its end; fail with what it says if it does."""
    done = subprocess.run(command, user=user, group=user, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} has failed:\n{done.stdout}\n{done.stderr}"


@contextmanager
def running_as(
    user: str | None, command: Sequence[str], directory: Path, answers: Callable[[], bool], ending: signal.Signals
) -> Iterator[None]:
    """Run a server, which *answers* at some time, and end it by the signal *ending*."""
    with open(directory / "output", "wb") as output:
        process = subprocess.Popen(
            command, user=user, group=user, cwd=directory, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not answers():
            said = (directory / "output").read_text(errors="replace")
            assert process.poll() is None, f"{command[0]} has ended:\n{said}"
            assert time.monotonic() < deadline, f"no answer of {command[0]} in {DEADLINE_SECONDS} seconds:\n{said}"
            time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        process.send_signal(ending)
        try:
            process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
