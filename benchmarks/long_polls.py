"""What long polls cost, ten thousand of them held by one worker: ``python benchmarks/long_polls.py``.

Each asks a handler that waits for something to happen, with a deadline, and is stopped when its client leaves. Counted
are the bytes that each adds to the memory of the worker, the latency of a hello beside them, and how soon all of them
have their answer when it happens. And it is looked whether clients that leave leave anything behind.

The server has core 0, its clients core 1. The soft limit of open files is raised to the hard one, which has to be more
than ten thousand.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import os
import resource
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serving.load import CLIENT_CORE, Load, run_wrk
from serving.servers import MOST_CONNECTIONS, SERVERS, Running, Wanted, running

from brubeck_wsgi import Brubeck
from brubeck_wsgi.concurrency import Event

HUBS = {"gevent": "brubeck_wsgi.workers.GeventWorker", "eventlet": "brubeck_wsgi.workers.EventletWorker"}
CROWD = 10_000
MOST_BYTES = 25 * 1024
LEAVING = 1000

app = Brubeck(timeout=300)
happening = Event()
waiting = 0


@app.get("/poll")
def poll(application, message):
    """Wait for what happens, as a handler does that has nothing to say yet."""
    global waiting
    waiting += 1
    try:
        happening.wait()
    finally:
        waiting -= 1
    return {"news": "it has happened"}


@app.get("/happen")
def happen(application, message):
    """Let it happen."""
    happening.set()
    return "done"


@app.get("/")
def hello(application, message):
    """Answer at once."""
    return "Hello, world!"


@app.get("/waiting")
def tell_waiting(application, message):
    """Tell how many wait."""
    return str(waiting)


@app.get("/left-behind")
def tell_left_behind(application, message):
    """Tell what there is of greenlets, tasks and descriptors."""
    from greenlet import greenlet

    from brubeck_wsgi.concurrency.tasks import running as tasks

    gc.collect()
    greenlets = [one for one in gc.get_objects() if isinstance(one, greenlet) and not one.dead]
    return {"greenlets": len(greenlets), "tasks": len(tasks), "descriptors": len(os.listdir("/proc/self/fd"))}


def command(hub: str) -> Callable[[int, Wanted, str], list[str]]:
    """Return what starts a worker of *hub* with the application of this module."""
    return lambda port, wanted, log: [
        *("-m", "gunicorn", "--no-control-socket", "--log-level", "warning", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", HUBS[hub], "--worker-connections", str(MOST_CONNECTIONS), "--keep-alive", "60"),
        "long_polls:app",
    ]


SERVERS.update({f"{hub}, long polls": command(hub) for hub in HUBS})


def ask(server: Running, path: str) -> bytes:
    """Return the body of one answer."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=90)
    try:
        client.request("GET", path)
        return client.getresponse().read()
    finally:
        client.close()


def wait_until(is_reached: Callable[[], bool]) -> float:
    """Ask again and again until something is so, two minutes at most; return how many seconds that took."""
    began = time.monotonic()
    while not is_reached():
        if time.monotonic() > began + 120:
            raise TimeoutError("waited for two minutes")
        time.sleep(0.01)
    return time.monotonic() - began


@contextmanager
def polls(server: Running, count: int) -> Iterator[list[socket.socket]]:
    """Hold so many long polls, all of them with their handler."""
    clients = []
    try:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", server.port), 90)
            clients.append(client)
            client.sendall(b"GET /poll HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: int(ask(server, "/waiting")) == count)
        yield clients
    finally:
        for client in clients:
            client.close()


def measure(hub: str, directory: str, seconds: float) -> None:
    """Print what a worker of *hub* is like."""
    with running(f"{hub}, long polls", Wanted(), directory) as server:
        run_wrk(server.port, Load(), 1)
        before = server.memory_bytes()
        with polls(server, CROWD) as clients:
            verdict(f"{hub}: bytes for each of {CROWD}", (server.memory_bytes() - before) / CROWD, MOST_BYTES)
            beside = run_wrk(server.port, Load(), seconds)
            verdict(f"{hub}: p99 of hello on 64 connections beside them, in milliseconds", beside.p99_seconds * 1e3, 50)
            print(
                f"{hub}: hello beside them: {beside.requests / beside.seconds:.0f} a second, {beside.failures} failed"
            )
            began = time.monotonic()
            ask(server, "/happen")
            answers = {client.recv(4096)[:12] for client in clients}
            print(f"{hub}: all have their answer after {time.monotonic() - began:.2f} s: {answers}", flush=True)
    with running(f"{hub}, long polls", Wanted(), directory) as server:
        leave(hub, server)


def leave(hub: str, server: Running) -> None:
    """Print what a thousand clients leave behind that have gone without an answer."""
    with polls(server, LEAVING):  # as many runners as are kept are there from now on
        pass
    wait_until(lambda: ask(server, "/waiting") == b"0")
    before = json.loads(ask(server, "/left-behind"))
    with polls(server, LEAVING):
        pass
    verdict(
        f"{hub}: {LEAVING} whose clients leave, in seconds", wait_until(lambda: ask(server, "/waiting") == b"0"), 0.5
    )
    wait_until(lambda: json.loads(ask(server, "/left-behind"))["descriptors"] <= before["descriptors"])
    after = json.loads(ask(server, "/left-behind"))
    for what, count in before.items():
        verdict(f"{hub}: {what} left behind", after[what] - count, 0)


def verdict(what: str, value: float, limit: float) -> None:
    """Print whether a bar is met."""
    print(f"{what}: {value:.3f}, at most {limit:g}: {'met' if value <= limit else 'NOT MET'}", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hubs", default=",".join(HUBS))
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    os.sched_setaffinity(0, {CLIENT_CORE})
    with tempfile.TemporaryDirectory() as directory:
        for hub in options.hubs.split(","):
            measure(hub, directory, options.seconds)


if __name__ == "__main__":
    main()
