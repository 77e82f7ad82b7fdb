"""Handlers behind a real Mongrel2: requests a second, and the processor time of the handler for each message.

``python benchmarks/mongrel2.py [--seconds 4] [--rounds 3]``; it needs mongrel2-core and wrk. All handlers take turns
in each round, and the medians are shown: on a machine that does other things, compare them with each other only.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brubeck_wsgi.mongrel2.configuration import Wishes, make_configuration
from brubeck_wsgi.mongrel2.settings import Front

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 32
START_SECONDS = 20
TICK = os.sysconf("SC_CLK_TCK")

# What a handler costs that reads nothing and decides nothing: the least that ZeroMQ takes in Python.
BARE = """
import sys, zmq
context = zmq.Context()
replies, requests = context.socket(zmq.XPUB), context.socket(zmq.PULL)
replies.setsockopt(zmq.SNDHWM, 0)
replies.connect(sys.argv[2])
replies.recv()
requests.connect(sys.argv[1])
while True:
    sender, connection, rest = requests.recv().split(b" ", 2)
    replies.send(b"%b %d:%b, HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nhello, you" % (
        sender, len(connection), connection))
"""
# The same answer from a WSGI application.
RAW = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10")])
    return [b"hello, you"]
"""


def commands(front: Front) -> dict[str, tuple[list[str], int]]:
    """Return how each handler is started, and how often."""
    recv, send = front
    here = [sys.executable, "-m", "brubeck_wsgi.mongrel2", "--log-level", "ERROR", "--recv", recv, "--send", send]

    def workers(count: int, application: str) -> list[str]:
        return [
            *(sys.executable, "-m", "gunicorn", "-k", "brubeck_wsgi.mongrel2.worker.GeventWorker"),
            *("--no-control-socket", "--log-level", "error", "-b", f"127.0.0.1:{free_port()}", "-w", str(count)),
            application,
        ]

    hello = "examples.hello:app"
    return {
        "bare pyzmq": ([sys.executable, "-c", BARE, recv, send], 1),
        "raw WSGI, pyzmq, gevent": ([*here, "raw:app"], 1),
        "raw WSGI, pyzmq, eventlet": ([*here, "--concurrency", "eventlet", "raw:app"], 1),
        "raw WSGI, Gunicorn, 1 worker": (workers(1, "raw:app"), 1),
        "hello, pyzmq, gevent": ([*here, hello], 1),
        "hello, Gunicorn, 1 worker": (workers(1, hello), 1),
        "bare pyzmq, 2": ([sys.executable, "-c", BARE, recv, send], 2),
        "hello, pyzmq, 2": ([*here, hello], 2),
        "hello, Gunicorn, 2 workers": (workers(2, hello), 1),
        "bare pyzmq, 4": ([sys.executable, "-c", BARE, recv, send], 4),
        "hello, pyzmq, 4": ([*here, hello], 4),
        "hello, Gunicorn, 4 workers": (workers(4, hello), 1),
    }


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def mongrel2(directory: Path) -> Iterator[tuple[Front, int]]:
    """Run a Mongrel2; return where its handlers connect, and its port."""
    for name in ("logs", "run", "tmp"):
        (directory / name).mkdir()
    front = Front(f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{free_port()}")
    port, name = free_port(), str(uuid.uuid4())
    settings = {"disable.access_logging": 1}
    wishes = Wishes(front=front, port=port, chroot=str(directory), settings=settings)
    (directory / "mongrel2.conf").write_text(make_configuration(wishes, name))
    load = ["m2sh", "load", "-db", "mongrel2.db", "-config", "mongrel2.conf"]
    environment = {**os.environ, "LOGNAME": "benchmark"}
    subprocess.run(
        load, cwd=directory, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(["mongrel2", "mongrel2.db", name], cwd=directory, stdout=output, stderr=output)
    try:
        yield front, port
    finally:
        process.kill()
        process.wait()


@contextmanager
def serving(command: list[str], count: int, front: Front, directory: Path, port: int) -> Iterator[list[int]]:
    """Run *count* of a handler until the context ends; return the ids of the sessions that they lead."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{directory}:{ROOT}",
        "MONGREL2_RECV": front.recv,
        "MONGREL2_SEND": front.send,
    }
    processes = [
        subprocess.Popen(command, env=environment, cwd=directory, start_new_session=True) for _ in range(count)
    ]
    try:
        wait_for(port)
        time.sleep(1 if count > 1 or "-w" in command else 0)  # for the others
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(port: int) -> None:
    """Wait for an answer; a request that went to a handler of before, which was killed, never has one."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                if client.recv(4096).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def processor_seconds(sessions: list[int]) -> float:
    """Return what all processes of some sessions have used."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) in sessions:
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def measure(port: int, sessions: list[int], seconds: float) -> tuple[float, float]:
    """Return requests a second, and microseconds of the handler's processors for each."""
    before, begun = processor_seconds(sessions), time.perf_counter()
    said = subprocess.run(
        ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds:g}", f"http://127.0.0.1:{port}/"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    elapsed, used = time.perf_counter() - begun, processor_seconds(sessions) - before
    match = re.search(r"(\d+) requests in", said)
    assert match is not None, said
    assert "Non-2xx" not in said, said
    requests = int(match[1])
    return requests / elapsed, used / requests * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="handlers whose name has this in it")
    options = parser.parse_args()
    for program in ("mongrel2", "m2sh", "wrk"):
        if shutil.which(program) is None:
            raise SystemExit(f"expected {program} to be installed")
    results: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as temporary, mongrel2(Path(temporary)) as (front, port):
            directory = Path(temporary)
            (directory / "raw.py").write_text(RAW)
            for name, (command, count) in commands(front).items():
                if options.only in name or name == "bare pyzmq":
                    with serving(command, count, front, directory, port) as sessions:
                        measure(port, sessions, min(options.seconds, 1))  # once to get warm
                        results.setdefault(name, []).append(measure(port, sessions, options.seconds))
                    time.sleep(0.3)  # for Mongrel2 to see that it has gone
    bare = statistics.median(rate for rate, _ in results["bare pyzmq"])
    print(f"{'handler':30} {'requests/s':>10} {'of bare':>8} {'µs/message':>11}")
    for name, pairs in results.items():
        rate = statistics.median(rate for rate, _ in pairs)
        cost = statistics.median(cost for _, cost in pairs)
        print(f"{name:30} {rate:10.0f} {rate / bare:8.2f} {cost:11.1f}")


if __name__ == "__main__":
    main()
