"""The servers compared: how each is started, on core 0, and what its processes use (proc(5))."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

SERVER_CORE = 0
START_SECONDS = 20
MOST_CONNECTIONS = 12_000
KEEP_ALIVE_SECONDS = 60  # the most that Granian takes

_BENCHMARKS = Path(__file__).resolve().parent.parent
_TICK = os.sysconf("SC_CLK_TCK")
# glibc gives what is freed back to the kernel, and a body of 1 MiB is then hundreds of page faults; not with these.
_KEEPING_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}


@dataclass(frozen=True)
class Wanted:
    """What a scene wants of a server.

    Attributes:
        app: a name of serving.wsgi_apps and serving.asgi_apps.
        threads: for handlers that wait, where each takes a thread.
        logs_access: whether each request is logged, to a file.
        keeps_memory: whether memory that is freed stays with the process.
        workers: how many processes serve.
        most_requests: after how many a worker is replaced; 0 for never.
    """

    app: str = "hello"
    threads: int = 1
    logs_access: bool = False
    keeps_memory: bool = False
    workers: int = 1
    most_requests: int = 0


Command = Callable[[int, Wanted, str], list[str]]
"""Takes the port, what is wanted, and a path for the access log; returns the arguments of Python."""


def _gunicorn(worker: str, *, has_threads: bool = False) -> Command:
    def command(port: int, wanted: Wanted, log: str) -> list[str]:
        return [
            *("-m", "gunicorn", "--no-control-socket", "--log-level", "warning", "--bind", f"127.0.0.1:{port}"),
            *("--worker-class", worker, "--workers", str(wanted.workers)),
            *("--worker-connections", str(MOST_CONNECTIONS), "--keep-alive", str(KEEP_ALIVE_SECONDS)),
            *(("--threads", str(wanted.threads)) if has_threads else ()),
            *(("--access-logfile", log) if wanted.logs_access else ()),
            *("--max-requests", str(wanted.most_requests)),
            f"serving.wsgi_apps:{wanted.app}",
        ]

    return command


def _granian(port: int, wanted: Wanted, log: str) -> list[str]:
    # Of its settings those that were fastest here, by a few hundredths, for handlers that do not wait.
    return [
        *("-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", str(wanted.workers)),
        *("--runtime-mode", "mt", "--blocking-threads", str(wanted.threads)),
        *("--backlog", "2048", "--backpressure", str(MOST_CONNECTIONS), "--http1-header-read-timeout", "60000"),
        *(("--access-log",) if wanted.logs_access else ("--log-level", "warning")),
        f"serving.wsgi_apps:{wanted.app}",
    ]


def _uvicorn(port: int, wanted: Wanted, log: str) -> list[str]:
    return [
        *("-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--interface", "asgi3", "--lifespan", "off"),
        *("--host", "127.0.0.1", "--port", str(port), "--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)),
        *(("--log-level", "info") if wanted.logs_access else ("--no-access-log", "--log-level", "warning")),
        f"serving.asgi_apps:{wanted.app}",
    ]


SERVERS: dict[str, Command] = {
    "brubeck-gevent": _gunicorn("brubeck_wsgi.workers.GeventWorker"),
    "brubeck-eventlet": _gunicorn("brubeck_wsgi.workers.EventletWorker"),
    "gunicorn-gevent": _gunicorn("gunicorn.workers.ggevent.GeventWorker"),
    "gunicorn-pywsgi": _gunicorn("gunicorn.workers.ggevent.GeventPyWSGIWorker"),
    "gunicorn-gthread": _gunicorn("gunicorn.workers.gthread.ThreadWorker", has_threads=True),
    "granian": _granian,
    "bjoern": lambda port, wanted, log: ["-m", "serving.with_bjoern", str(port), wanted.app],
    "uvicorn": _uvicorn,
    "canned": lambda port, wanted, log: ["-m", "serving.canned", str(port)],
}


class Running:
    """A server that runs.

    Attributes:
        port: where it listens, on 127.0.0.1.
        pid: of the process that was started, which leads a session of its own.
    """

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.pid = process.pid
        self._process = process

    @property
    def is_alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self._process.poll() is None

    def ask(self) -> None:
        """Have one request answered; `OSError` if it is not."""
        with urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as response:
            response.read()

    def processes(self) -> dict[int, float]:
        """Return the processor seconds of each process, those of its children that have ended included."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:  # it has just ended
                    continue
                if int(fields[3]) == self.pid:
                    found[int(entry.name)] = sum(map(int, fields[11:15])) / _TICK
        return found

    def processor_seconds(self) -> float:
        """Return what all processes together have used so far, in user mode and in the kernel."""
        return sum(self.processes().values())

    def memory_bytes(self) -> int:
        """Return the memory of all processes that no file backs, what they share counted once."""
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes()]
        lines = [line.split() for rollup in rollups for line in rollup.splitlines()]
        return sum(int(fields[1]) * 1024 for fields in lines if fields[0] in ("Pss_Anon:", "SwapPss:"))


@contextmanager
def running(name: str, wanted: Wanted, directory: str) -> Iterator[Running]:
    """Serve with the server *name* while the context lasts; logs go to *directory*."""
    port = _free_port()
    kept = _KEEPING_MEMORY if wanted.keeps_memory else {}
    command = SERVERS[name](port, wanted, f"{directory}/{name}.access.log")
    with open(f"{directory}/{name}.log", "wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **kept},
            cwd=_BENCHMARKS,  # where no gunicorn.conf.py is
            start_new_session=True,
        )
    server = Running(port, process)
    try:
        _wait_until_served(server, log.name)
        yield server
    finally:
        for pid in server.processes():
            os.kill(pid, signal.SIGKILL)
        process.wait()


def _wait_until_served(server: Running, log: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return server.ask()
        except OSError as error:
            if not server.is_alive or time.monotonic() > deadline:
                raise RuntimeError(f"{error}: {Path(log).read_text()[-2000:]}") from None
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
