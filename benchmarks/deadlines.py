"""What deadlines, cancellation and the watchdog cost, and how soon they act: ``python benchmarks/deadlines.py``.

The server has core 0. What something costs is processor time, on against off in turns, each time on a server that has
just been started, and the median of the rounds' ratios is taken; how soon something happens is what the client sees.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from serving.load import Load, run_wrk
from serving.servers import SERVERS, Running, Wanted, running

from brubeck_wsgi import Brubeck, WebMessageHandler
from brubeck_wsgi.concurrency import sleep

HUBS = ("gevent", "eventlet")
CROWD = 1000
WORKERS = {"gevent": "brubeck_wsgi.workers.GeventWorker", "eventlet": "brubeck_wsgi.workers.EventletWorker"}


class Hello(WebMessageHandler):
    """The handler whose cost is compared."""

    def get(self):
        return "Hello, world!"


off = Brubeck([("^/$", Hello)], stop_on_disconnect=False, watchdog=None)
on = Brubeck([("^/$", Hello)], timeout=30, watchdog=1.0)
waiting = set()


@on.get("/second")
def wait_a_second(application, message):
    """Wait as a handler does that asks a database."""
    sleep(1)
    return "waited"


@on.get("/late", timeout=0.5)
def wait_too_long(application, message):
    """Be stopped at the deadline."""
    sleep(60)


@on.get("/leave")
def wait_for_nobody(application, message):
    """Be stopped when the client leaves."""
    waiting.add(message)
    try:
        sleep(60)
    finally:
        waiting.discard(message)


@on.get("/waiting")
def count_waiting(application, message):
    """Tell how many wait in /leave."""
    return str(len(waiting))


@on.get("/spin")
def spin(application, message):
    """Hold the loop for two seconds."""
    ends = time.perf_counter() + 2
    while time.perf_counter() < ends:
        pass
    return "spun"


def command(hub: str, app: str) -> Callable[[int, Wanted, str], list[str]]:
    """Return what starts a worker of *hub* with one of the applications of this module."""
    options = ["-m", "gunicorn", "--no-control-socket", "--log-level", "warning", "--worker-connections", "2000"]
    return lambda port, wanted, log: [
        *options,
        *("--bind", f"127.0.0.1:{port}", "--worker-class", WORKERS[hub], "--keep-alive", "60", f"deadlines:{app}"),
    ]


SERVERS.update({f"{hub}, {app}": command(hub, app) for hub in HUBS for app in ("off", "on")})


def get(server: Running, path: str) -> tuple[int, bytes]:
    """Return status and body of one answer."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=90)
    try:
        client.request("GET", path)
        response = client.getresponse()
        return response.status, response.read()
    finally:
        client.close()


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long *action* takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def crowd(server: Running, path: str) -> ExitStack:
    """Return connections that have asked for *path*; leaving the stack closes them."""
    stack = ExitStack()
    for _ in range(CROWD):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    return stack


def measure_cost(hub: str, rounds: int, directory: str) -> None:
    """Print what hello costs with all of it on, against all of it off."""
    used: dict[str, list[float]] = {"off": [], "on": []}
    for _ in range(rounds):
        for app, figures in used.items():
            with running(f"{hub}, {app}", Wanted(), directory) as server:
                run_wrk(server.port, Load(), 1)
                before = server.processor_seconds()
                result = run_wrk(server.port, Load(), 2)
                figures.append((server.processor_seconds() - before) / result.requests * 1e6)
    ratio = statistics.median(on / off for on, off in zip(used["on"], used["off"], strict=True))
    figures = ", ".join(f"{app} {statistics.median(values):.2f} µs" for app, values in used.items())
    verdict(f"{hub}: hello with all on, against off ({figures})", ratio, 1.1)


def measure_speed(hub: str, rounds: int, directory: str) -> None:
    """Print how soon things happen."""
    with running(f"{hub}, on", Wanted(), directory) as server:
        verdict(f"{hub}: {CROWD} that sleep 1 s, in seconds", min(sleepers(server) for _ in range(rounds)), 1.5)
        late = [seconds_of(lambda: get(server, "/late")) for _ in range(rounds)]
        verdict(f"{hub}: a deadline of 0.5 s, in seconds", statistics.median(late), 0.6)
        verdict(f"{hub}: {CROWD} whose clients leave, in seconds", min(leavers(server) for _ in range(rounds)), 0.5)
        log = Path(directory, f"{hub}, on.log")
        spun = threading.Thread(target=get, args=(server, "/spin"))
        spun.start()
        named = seconds_of(lambda: wait_until(lambda: "GET /spin, of deadlines.spin" in log.read_text()))
        verdict(f"{hub}: a handler that spins for 2 s is named, in seconds", named, 2)
        spun.join()


def sleepers(server: Running) -> float:
    """Return how long a crowd takes whose handlers sleep for a second, from the first request to the last answer."""
    clients = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=90) for _ in range(CROWD)]
    for client in clients:
        client.connect()

    def ask() -> None:
        for client in clients:
            client.request("GET", "/second")
        for client in clients:
            client.getresponse().read()

    seconds = seconds_of(ask)
    for client in clients:
        client.close()
    return seconds


def leavers(server: Running) -> float:
    """Return how long the handlers of a crowd go on when its last client has left."""
    with crowd(server, "/leave"):
        wait_until(lambda: get(server, "/waiting")[1] == str(CROWD).encode())
    return seconds_of(lambda: wait_until(lambda: get(server, "/waiting")[1] == b"0"))


def wait_until(is_reached: Callable[[], bool]) -> None:
    """Ask again and again until something is so, a minute at most."""
    ends = time.monotonic() + 60
    while not is_reached():
        if time.monotonic() > ends:
            raise TimeoutError("waited for a minute")
        time.sleep(0.01)


def verdict(what: str, value: float, limit: float) -> None:
    """Print whether a bar is met."""
    print(f"{what}: {value:.3f}, at most {limit:g}: {'met' if value <= limit else 'NOT MET'}", flush=True)


PARTS = {"cost": measure_cost, "speed": measure_speed}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", metavar="part", choices=[*PARTS, []], help=", ".join(PARTS))
    parser.add_argument("--hubs", default=",".join(HUBS))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        for part in options.parts or PARTS:
            for hub in options.hubs.split(","):
                PARTS[part](hub, options.rounds, directory)


if __name__ == "__main__":
    main()
