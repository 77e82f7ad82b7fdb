"""What a WebSocket costs: an echoed message, and 5,000 that are silent: ``python benchmarks/websocket_echo.py``.

Our handler on gevent and on eventlet with the extra ``websockets``, on gevent without it, flask-sock on Gunicorn's own
gevent worker, and an asyncio server of the library websockets (``pip install -e '.[benchmark]'``). The server has core
0, the clients core 1; a server is started for each round, and the rounds go through all of them in turn. Processor time
per message is that of the server, in user mode and in the kernel; take the ratios.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

FOLDER = Path(__file__).parent
HANDSHAKE = (
    b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
GUNICORN = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-connections", "10000", "--chdir", FOLDER]
SERVERS = {
    "brubeck-gevent": [*GUNICORN, "-k", "brubeck_wsgi.workers.GeventWorker", "serving.echo_apps:brubeck"],
    "brubeck-eventlet": [*GUNICORN, "-k", "brubeck_wsgi.workers.EventletWorker", "serving.echo_apps:brubeck"],
    "brubeck-plain": [*GUNICORN, "-k", "brubeck_wsgi.workers.GeventWorker", "serving.echo_apps:plain"],
    "flask-sock": [*GUNICORN, "-k", "gunicorn.workers.ggevent.GeventWorker", "serving.echo_apps:flask"],
    "websockets": [sys.executable, "-m", "serving.echo_apps"],
}
START_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def connect(self) -> socket.socket:
        """Return a connection after its handshake."""
        connected = socket.create_connection(("127.0.0.1", self.port), START_SECONDS)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.sendall(HANDSHAKE)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connected.recv(4096)
            if not piece:
                raise ConnectionError(head)
            head += piece
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head)
        return connected

    def seconds(self) -> float:
        """Return the processor time of all its processes."""
        return sum(_seconds(pid) for pid in self._pids())

    def private_bytes(self) -> int:
        """Return the memory that no file backs."""
        found = 0
        for pid in self._pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Anonymous:"):
                    found += int(line.split()[1]) * 1024
        return found

    def _pids(self) -> list[int]:
        pid = self.process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def running(name: str) -> Iterator[Server]:
    """Start a server on core 0, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    bind = [str(port)] if name == "websockets" else ["-b", f"127.0.0.1:{port}"]
    command = ["taskset", "-c", "0", *map(str, SERVERS[name]), *bind]
    environment = {**os.environ, "PYTHONPATH": f"{FOLDER}:{FOLDER.parent}"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=FOLDER, env=environment, stdout=output, stderr=output)
        server = Server(process, port)
        try:
            _wait_for(server)
            yield server
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            for pid in server._pids() if process.poll() is None else ():
                os.kill(pid, 9)
            process.wait()


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.connect().close()
            return
        except OSError:
            if time.monotonic() > deadline or server.process.poll() is not None:
                raise
            time.sleep(0.05)


def masked(payload: bytes) -> bytes:
    """Return a masked frame of text, below 64 KiB."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
    mask = b"\x12\x34\x56\x78"
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def echo(server: Server, connections: int, size: int, seconds: float) -> tuple[float, float]:
    """Have messages echoed, one at a time on each connection.

    Returns:
        Messages a second, and microseconds of the server's processor time for each.
    """
    frame = masked(b"x" * size)
    answer = size + (2 if size < 126 else 4)
    poller = select.epoll()
    opened = [server.connect() for _ in range(connections)]
    by_descriptor = {one.fileno(): one for one in opened}
    received = dict.fromkeys(by_descriptor, 0)
    for one in opened:
        one.setblocking(False)
        poller.register(one, select.EPOLLIN)
        one.send(frame)
    count = 0
    begun = used = 0.0
    warm = time.monotonic() + 0.5
    end = warm + seconds
    while (now := time.monotonic()) < end:
        if not begun and now >= warm:
            begun, used, count = now, server.seconds(), 0
        for descriptor, _ in poller.poll(1):
            received[descriptor] += len(by_descriptor[descriptor].recv(65536))
            if received[descriptor] >= answer:
                received[descriptor] = 0
                count += 1
                by_descriptor[descriptor].send(frame)
    cost = (server.seconds() - used) / max(count, 1)
    for one in opened:
        one.close()
    return count / (now - begun), cost * 1e6


def silent(server: Server, connections: int) -> float:
    """Return how many bytes of memory each of so many silent WebSockets takes."""
    with ExitStack() as stack:
        for one in [server.connect() for _ in range(10)]:
            stack.enter_context(one)
        before = server.private_bytes()
        for _ in range(connections):
            stack.enter_context(server.connect())
        time.sleep(1.5)
        return (server.private_bytes() - before) / connections


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", default=list(SERVERS), metavar="server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--silent", type=int, default=5000, help="0 to leave that out")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    os.sched_setaffinity(0, {1})
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in options.servers}
    for _ in range(options.rounds):
        for name in options.servers:
            with running(name) as server:
                results[name].append(echo(server, options.connections, options.size, options.seconds))
    for name, rounds in results.items():
        rate, cost = (statistics.median(values) for values in zip(*rounds, strict=True)) if rounds else (0, 0)
        print(f"{name:18} {rate:9.0f} messages/s {cost:7.1f} µs each", end="")
        if options.silent:
            with running(name) as server:
                print(f"{silent(server, options.silent) / 1024:8.1f} KiB for each silent one", end="")
        print()
    if options.rounds and "brubeck-gevent" in results:
        for name in results:
            pairs = list(zip(results["brubeck-gevent"], results[name], strict=True))
            ratios = [ours[0] / theirs[0] for ours, theirs in pairs]
            costs = [theirs[1] / ours[1] for ours, theirs in pairs]
            print(
                f"brubeck-gevent has {statistics.median(ratios):.2f} times the messages of {name}, "
                f"{statistics.median(costs):.2f} by processor time"
            )


if __name__ == "__main__":
    main()
