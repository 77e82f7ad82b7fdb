"""How soon a message reaches all subscribers, and whether any is lost: ``python benchmarks/channels.py``.

The server is Gunicorn with our gevent worker, the subscribers are connections of this process to its event stream. A
message is published by a request, so by any of the workers; its latency is from the moment in which the handler
publishes to the moment in which the client has read the event, by the one clock of the machine.

    python benchmarks/channels.py                   # 1,000 subscribers of 4 workers over ZeroMQ
    python benchmarks/channels.py --back-end redis  # the same through Redis (Debian: redis-server)
    python benchmarks/channels.py --kill            # two servers of 4 workers with Redis; each second one is killed
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.channels import Channels, MemoryChannels, RedisChannels, ZMQChannels
from brubeck_wsgi.handlers.events import ServerSentEvent, event_stream, last_event_id

ROOT = Path(__file__).parent.parent
BAR_SECONDS = 0.2
DEADLINE_SECONDS = 60


# -- the application


def make_channels() -> Channels:
    """Return the channels that the environment says."""
    back_end = os.environ.get("CHANNELS", "")
    if back_end.startswith("redis:"):
        from redis import Redis

        return RedisChannels(Redis.from_url(back_end), history=100_000)
    return ZMQChannels() if back_end == "zmq" else MemoryChannels()


app = Brubeck(channels=make_channels())


@app.get("/")
def process(application, message):
    return str(os.getpid())


@app.get("/stream")
def stream(application, message):
    return event_stream(message, events(application.channels, last_event_id(message.environ)))


def events(channels, after):
    with channels.subscribe("news", after=after, limit=100_000) as subscription:
        yield ServerSentEvent(os.getpid(), event="process", id=subscription.position)
        for message in subscription:
            yield ServerSentEvent(message.json, id=message.position)


@app.post("/publish/{number:int}")
def publish(application, message, number):
    return application.channels.publish("news", [number, time.monotonic()])


# -- the clients


class Subscriber:
    """A connection to the event stream that is opened again with the last id when it has ended.

    Attributes:
        latencies: of its messages, in seconds.
        numbers: of its messages.
        process: that serves it; None until it has said so.
    """

    def __init__(self, ports: list[int]) -> None:
        self.latencies: list[float] = []
        self.numbers: list[int] = []
        self.process: int | None = None
        self._ports = ports
        self._last_id = ""
        self.connect()

    def connect(self) -> None:
        """Connect, to the next of the servers."""
        port = random.choice(self._ports)
        head = f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: {self._last_id}\r\n\r\n"
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self.socket.sendall(head.encode())
        self.socket.setblocking(False)
        self.process = None
        self._rest = b""

    def read(self) -> bool:
        """Take what has come; return whether the connection is still there."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            self.socket.close()
            return False
        now = time.monotonic()
        # Events are told from the framing of chunks by their fields: none of these has a line break in it.
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            self._take(block, now)
        return True

    def _take(self, block: bytes, now: float) -> None:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
        if b"data" not in fields:
            return
        self._last_id = fields[b"id"].decode()
        if fields.get(b"event") == b"process":
            self.process = int(fields[b"data"])
            return
        number, began = fields[b"data"].strip(b"[]").split(b",")
        self.numbers.append(int(number))
        self.latencies.append(now - float(began))


class Crowd:
    """Many subscribers.

    Args:
        count: how many.
        ports: of the servers.
    """

    def __init__(self, count: int, ports: list[int]) -> None:
        self.subscribers: dict[int, Subscriber] = {}
        self._poll = select.epoll()
        for _ in range(count):
            self._add(Subscriber(ports))

    def run(self, seconds: float) -> None:
        """Take what comes for so long."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            for descriptor, _ in self._poll.poll(left):
                subscriber = self.subscribers[descriptor]
                if not subscriber.read():
                    del self.subscribers[descriptor]  # closing it has taken it out of the epoll
                    subscriber.connect()
                    self._add(subscriber)

    def run_until(self, is_reached) -> bool:
        """Take what comes until *is_reached*, or the deadline; return whether it was."""
        ends = time.monotonic() + DEADLINE_SECONDS
        while not is_reached(self.subscribers.values()):
            if time.monotonic() > ends:
                return False
            self.run(0.05)
        return True

    def _add(self, subscriber: Subscriber) -> None:
        self.subscribers[subscriber.socket.fileno()] = subscriber
        self._poll.register(subscriber.socket, select.EPOLLIN)


# -- the servers


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def is_answering(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


@contextmanager
def started(command: list[str], port: int, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* until the end, once something listens on *port*."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}", **variables}
    process = subprocess.Popen(
        command, cwd=ROOT / "benchmarks", env=environ, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        ends = time.monotonic() + DEADLINE_SECONDS
        while not is_answering(port):
            assert process.poll() is None
            assert time.monotonic() < ends, f"{command[0]} does not listen"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


@contextmanager
def gunicorn(workers: int, hub: str, channels: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run a server of this file's application; yield its port and its master."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", f"brubeck_wsgi.workers.{hub}"]
    command += ["-w", str(workers), "-b", f"127.0.0.1:{port}", "--backlog", "4096", "--log-level", "warning"]
    command += ["--worker-connections", "5000", "--graceful-timeout", "1", "channels:app"]
    with started(command, port, CHANNELS=channels) as process:
        yield port, process


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis that keeps nothing; yield its URL."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no", "--loglevel", "warning"]
    with started(command, port):
        yield f"redis://127.0.0.1:{port}/0"


def publish_by(port: int, number: int) -> bool:
    """Have a worker publish; return whether it has answered."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    try:
        client.request("POST", f"/publish/{number}", headers={"Content-Length": "0"})
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def workers_of(master: subprocess.Popen[bytes]) -> list[int]:
    children = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


# -- what is measured


def measure_latency(options: argparse.Namespace) -> bool:
    """Print the latencies of messages; return whether the bar is passed."""
    with ExitStack() as stack:
        channels = stack.enter_context(redis_server()) if options.back_end == "redis" else options.back_end
        port, _ = stack.enter_context(gunicorn(options.workers, options.worker, channels))
        crowd = Crowd(options.subscribers, [port])
        assert crowd.run_until(lambda all_of_them: all(one.process for one in all_of_them)), "not all are connected"
        spread = Counter(one.process for one in crowd.subscribers.values())
        for number in range(options.messages):
            assert publish_by(port, number)
            crowd.run(options.pause)
        crowd.run_until(lambda all_of_them: all(len(one.numbers) >= options.messages for one in all_of_them))
        everybody = list(crowd.subscribers.values())
    latencies = sorted(latency for one in everybody for latency in one.latencies)
    missed = sum(options.messages - len(set(one.numbers)) for one in everybody)
    doubled = sum(len(one.numbers) - len(set(one.numbers)) for one in everybody)
    p99 = latencies[int(len(latencies) * 0.99)]
    print(f"{options.back_end}, {options.worker}: {options.subscribers} subscribers, {sorted(spread.values())} each")
    print(f"  {options.messages} messages: {missed} missed, {doubled} twice")
    print(
        f"  latency: median {statistics.median(latencies) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, "
        f"most {latencies[-1] * 1000:.1f} ms (bar: p99 {BAR_SECONDS * 1000:.0f} ms, none missed)"
    )
    return not missed and p99 < BAR_SECONDS


def measure_kills(options: argparse.Namespace) -> bool:
    """Print how many messages were lost while workers were killed; return whether that is none."""
    with ExitStack() as stack:
        url = stack.enter_context(redis_server())
        servers = [stack.enter_context(gunicorn(options.workers, options.worker, url)) for _ in range(2)]
        ports = [port for port, _ in servers]
        crowd = Crowd(options.subscribers, ports)
        assert crowd.run_until(lambda all_of_them: all(one.process for one in all_of_them)), "not all are connected"
        accepted = []
        kills = 0
        next_kill = time.monotonic() + 1
        ends = time.monotonic() + options.seconds
        number = 0
        while time.monotonic() < ends:
            if publish_by(random.choice(ports), number):
                accepted.append(number)
            number += 1
            crowd.run(options.pause)
            if time.monotonic() > next_kill:
                next_kill += 1
                victims = workers_of(random.choice(servers)[1])
                if victims:
                    os.kill(random.choice(victims), signal.SIGKILL)
                    kills += 1
        wanted = set(accepted)
        crowd.run_until(lambda all_of_them: all(wanted <= set(one.numbers) for one in all_of_them))
        everybody = list(crowd.subscribers.values())
    lost = sum(len(wanted - set(one.numbers)) for one in everybody)
    doubled = sum(len(one.numbers) - len(set(one.numbers)) for one in everybody)
    print(f"redis, two servers of {options.workers} workers, {options.subscribers} subscribers, {kills} workers killed")
    print(f"  {len(accepted)} messages accepted of {number}: {lost} lost, {doubled} twice")
    return not lost


def main() -> int:
    """Measure what the command line says; 1 if a bar is not passed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--back-end", choices=("zmq", "redis"), default="zmq")
    parser.add_argument("--worker", choices=("GeventWorker", "EventletWorker"), default="GeventWorker")
    parser.add_argument("--kill", action="store_true", help="kill workers of two servers with Redis")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=50)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between messages")
    parser.add_argument("--seconds", type=float, default=20, help="for how long --kill kills")
    options = parser.parse_args()
    return 0 if (measure_kills if options.kill else measure_latency)(options) else 1


if __name__ == "__main__":
    sys.exit(main())
