"""A file of 1 MiB under our gevent worker, beside Flask's send_file under Gunicorn's: ``python benchmarks/static.py``.

Both serve from core 0, one after the other and round by round, so that a slow moment of the machine falls on both; wrk
asks from core 1. The figures are medians over the rounds. Take the ratio, which has to be 3 or more: the machine
matters. The time of the server's processor per answer tells the same where others use the machine too.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

BAR = 3.0
SIZES = {"1 MiB": 1024 * 1024, "64 KiB": 64 * 1024, "1 KiB": 1024}
SERVERS = {
    "brubeck": ("brubeck_wsgi.workers.GeventWorker", 8731),
    "flask": ("gunicorn.workers.ggevent.GeventWorker", 8732),
}
_TICK = os.sysconf("SC_CLK_TCK")
_RATE = re.compile(r"(\d+) requests in ([\d.]+)s")


def brubeck(folder: str) -> Any:
    """Return our application that serves *folder*."""
    from brubeck_wsgi import Brubeck
    from brubeck_wsgi.staticfiles import StaticFiles

    app = Brubeck()
    app.get("/{path:path}")(StaticFiles(folder))
    return app


def flask(folder: str) -> Any:
    """Return Flask's."""
    from flask import Flask, send_file

    app = Flask(__name__)
    app.get("/<name>")(lambda name: send_file(f"{folder}/{name}"))
    return app


@contextmanager
def serving(name: str, folder: str) -> Iterator[int]:
    """Start a server; yield the process id of its worker."""
    worker, port = SERVERS[name]
    command = ["taskset", "-c", "0", sys.executable, "-m", "gunicorn", "--no-control-socket", "--log-level", "warning"]
    command += ["-k", worker, "-b", f"127.0.0.1:{port}", f"static:{name}({folder!r})"]
    here = Path(__file__).parent
    master = subprocess.Popen(command, cwd=here, start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/1024", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield int(Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()[0])
    finally:
        os.killpg(master.pid, signal.SIGTERM)
        master.wait()


def processor_seconds(pid: int) -> float:
    """Return what a process has used of a processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def load(name: str, size: int, pid: int, seconds: int) -> tuple[float, float]:
    """Return the answers per second, and the microseconds of the server's processor for each."""
    url = f"http://127.0.0.1:{SERVERS[name][1]}/{size}"
    before = processor_seconds(pid)
    command = ["taskset", "-c", "1", "wrk", "--threads", "1", "--connections", "16", "--duration", str(seconds), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = processor_seconds(pid) - before
    found = _RATE.search(output)
    if found is None or "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"expected answers and nothing else, wrk says {output!r}")
    return int(found[1]) / float(found[2]), used / int(found[1]) * 1e6


def main() -> int:
    """Measure, print, and return 1 if the bar is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--seconds", type=int, default=2)
    chosen = options.parse_args()
    figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for size in SIZES.values():
            Path(folder, str(size)).write_bytes(os.urandom(size))
        workers = {name: stack.enter_context(serving(name, folder)) for name in SERVERS}
        for _ in range(chosen.rounds):
            for label, size in SIZES.items():
                for name, pid in workers.items():
                    figures.setdefault((label, name), []).append(load(name, size, pid, chosen.seconds))
    print(f"{'file':8}{'brubeck/s':>12}{'flask/s':>12}{'ratio':>8}{'brubeck µs':>13}{'flask µs':>11}{'ratio':>8}")
    ratios = {}
    for label in SIZES:
        (ours, our_time), (theirs, their_time) = (
            [statistics.median(column) for column in zip(*figures[label, name], strict=True)] for name in SERVERS
        )
        ratios[label] = ours / theirs
        print(
            f"{label:8}{ours:12.0f}{theirs:12.0f}{ours / theirs:8.1f}"
            f"{our_time:13.0f}{their_time:11.0f}{their_time / our_time:8.1f}"
        )
    is_met = ratios["1 MiB"] >= BAR
    print(f"the bar, {BAR:.0f} times Flask with 1 MiB, is {'met' if is_met else 'missed'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
