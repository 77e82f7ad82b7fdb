"""Load from wrk, on core 1, and what comes of it."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

CLIENT_CORE = 1
BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Connection: keep-alive",
    "Cookie: session=eyJ1c2VyIjoxMjM0NX0.ZxQ1pA.3nq0gkTzY8l1m3bq5k2v; theme=dark; consent=1",
    "Upgrade-Insecure-Requests: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: none",
    "Sec-Fetch-User: ?1",
    "Priority: u=0, i",
)

_DONE = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m|h),")
_SOCKET_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s|m)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SCRIPTS = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Load:
    """What wrk sends.

    Attributes:
        connections: how many at a time.
        headers: lines to send beside Host.
        script: a file here, and its arguments.
    """

    connections: int = 64
    headers: Sequence[str] = ()
    script: Sequence[str] = ()


class Result(NamedTuple):
    """What wrk says.

    Attributes:
        requests: that were answered.
        seconds: that it took.
        p99_seconds: 99 of 100 answers came sooner.
        failures: connections not made, answers that did not come, or not whole, and statuses of 400 and more.
    """

    requests: int
    seconds: float
    p99_seconds: float
    failures: int


class Wrk:
    """A run of wrk, which ends with the context at the latest.

    Args:
        port: of the server on 127.0.0.1.
        load: what to send.
        seconds: for how long.
    """

    def __init__(self, port: int, load: Load, seconds: float) -> None:
        script, *arguments = load.script or [""]
        self._process = subprocess.Popen(
            [
                *("taskset", "-c", str(CLIENT_CORE), "wrk", "--latency", "--threads", "1", "--timeout", "10"),
                *("--connections", str(load.connections), "--duration", f"{seconds:.0f}"),
                *(part for line in load.headers for part in ("--header", line)),
                *(("--script", str(_SCRIPTS / script)) if script else ()),
                f"http://127.0.0.1:{port}/",
                *(("--", *arguments) if arguments else ()),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Wrk:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # which waits for its end
            self._process.kill()

    def stop(self) -> None:
        """End it before its time."""
        self._process.send_signal(signal.SIGINT)

    def result(self) -> Result:
        """Wait for the end, and return what came of it."""
        output = self._process.communicate()[0]
        done = _DONE.search(output)
        if done is None:
            raise RuntimeError(f"expected a summary from wrk, got {output!r}")
        errors = _SOCKET_ERRORS.search(output)
        refused = _REFUSED.search(output)
        p99 = _P99.search(output)
        return Result(
            requests=int(done[1]),
            seconds=float(done[2]) * _SECONDS[done[3]],
            p99_seconds=float(p99[1]) * _SECONDS[p99[2]] if p99 else float("nan"),
            failures=sum(int(count) for match in (errors, refused) if match for count in match.groups()),
        )


def run_wrk(port: int, load: Load, seconds: float) -> Result:
    """Send *load* for so many *seconds*, and return what came of it."""
    with Wrk(port, load, seconds) as wrk:
        return wrk.result()
