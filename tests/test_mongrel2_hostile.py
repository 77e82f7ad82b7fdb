"""Whoever reaches the request port can send anything: the handler lives, answers others, and its memory stays."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from mongrel2_servers import gunicorn, handler, wait_until
from servers import _descendants, free_port

from brubeck_wsgi.mongrel2.settings import Front
from brubeck_wsgi.protocols import tnetstring

zmq = pytest.importorskip("zmq")
pytestmark = pytest.mark.mongrel2

IDENTITY = b"2c1d5b1e-0000-4000-8000-000000000001"
OWN = {b"PATH": b"/echo", b"METHOD": b"POST", b"VERSION": b"HTTP/1.1", b"URI": b"/echo", b"PATTERN": b"/"}
MUTATED = 100_000
ROUND = 2_000


class FakeFront:
    """The sockets of a Mongrel2, and nothing behind them."""

    def __init__(self):
        self.address = Front(f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{free_port()}")
        self.port = 0
        self.directory = Path("/nowhere")
        self.temp_store = "/tmp/up.XXXXXX"
        self._context = zmq.Context()
        self._requests = self._context.socket(zmq.PUSH)
        self._requests.setsockopt(zmq.SNDHWM, 0)
        self._requests.setsockopt(zmq.LINGER, 0)
        self._requests.bind(self.address.recv)
        self._replies = self._context.socket(zmq.SUB)
        self._replies.setsockopt(zmq.RCVHWM, 0)
        self._replies.setsockopt(zmq.SUBSCRIBE, IDENTITY)
        self._replies.bind(self.address.send)

    def close(self):
        self._requests.close()
        self._replies.close()
        self._context.term()

    def push(self, message):
        """Send a message to the handler; wait for it to be there."""
        until = time.monotonic() + 20
        while not self._requests.poll(100, zmq.POLLOUT):
            self._replies.poll(0)  # libzmq greets while it is polled
            assert time.monotonic() < until, "nobody takes messages"
        self._requests.send(message)

    def answer_to(self, number):
        """Return what is sent to one client; whatever is sent to others is thrown away."""
        prefix = b"%b %d:%d, " % (IDENTITY, len(str(number)), number)
        while self._replies.poll(20_000):
            reply = self._replies.recv()
            if reply.startswith(prefix):
                return reply.removeprefix(prefix)
        raise AssertionError(f"no answer to {number}")

    def ask(self, number):
        """Send a request and return the answer."""
        self.push(message(number, {b"content-length": b"5"}, b"hello"))
        return self.answer_to(number)


def message(number, headers=(), body=b"", path=b"/echo"):
    pairs = tnetstring.serialize({**OWN, b"PATH": path, **dict(headers)})
    return b"%b %d %b %b%d:%b," % (IDENTITY, number, path, pairs, len(body), body)


SEEDS = [
    message(1, {b"host": b"example.com", b"cookie": [b"a=1", b"b=2"], b"content-length": b"5"}, b"hello"),
    message(2, {b"connection": b"close", b"transfer-encoding": b"chunked"}),
    message(
        3,
        {
            b"content-length": b"100000",
            b"x-mongrel2-upload-start": b"/tmp/up.abcdef",
            b"x-mongrel2-upload-done": b"/tmp/up.abcdef",
        },
    ),
    message(4, {b"METHOD": b"WEBSOCKET_HANDSHAKE", b"upgrade": b"websocket"}, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    message(5, {b"METHOD": b"WEBSOCKET", b"FLAGS": b"0x81"}, b"text"),
    b'%b 6 @* 16:6:METHOD,4:JSON,}21:{"type":"disconnect"},' % IDENTITY,
    b'%b 7 /echo 77:{"PATH":"/echo","METHOD":"GET","URI":"/echo","x":["a","\xe9"],"VERSION":"HTTP/1.1"},0:,' % IDENTITY,
]


def mutate(chance, data):
    """Return *data* with something wrong in it; sometimes with nothing wrong."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(data) + 1)
        to = at + chance.choice((0, 1, 1, 2, 10, 100))
        match chance.randrange(6):
            case 0:
                data[at:to] = chance.randbytes(to - at)
            case 1:
                del data[at:to]
            case 2:
                data[at:at] = chance.choice(
                    (b"0", b"9", b"9" * 300, b" ", b":", b",", b"]", b"}", b"{", b"\0", b"\xff")
                )
            case 3:
                data[at:at] = data[:to]
            case 4:
                del data[at:]
            case 5:
                other = chance.choice(SEEDS)
                data[at:] = other[chance.randrange(len(other)) :]
        if not data:
            break
    return bytes(data)


def memory_kilobytes(pids):
    """Return what each process has in memory."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return [int(line.split()[1]) for line in lines if line.startswith("VmRSS")]


@pytest.mark.parametrize("name", ["pyzmq", "gunicorn"])
def test_mutated_messages_harm_nobody(name):
    chance = random.Random(5)
    with ExitStack() as stack:
        front = FakeFront()
        stack.callback(front.close)
        serve = {"pyzmq": handler, "gunicorn": gunicorn}[name]
        server = stack.enter_context(serve("apps.mongrel2_app:app", front, is_awaited=False))
        assert front.ask(1000).endswith(b"\r\n\r\nhello")
        pids = [server.process.pid, *_descendants(server.process.pid)]
        before = []

        for number in range(MUTATED // ROUND):
            for _ in range(ROUND):
                front.push(mutate(chance, chance.choice(SEEDS)))
            assert front.ask(2000 + number).endswith(b"\r\n\r\nhello")
            if number == 4:  # by now what is remembered is remembered
                before = memory_kilobytes(pids)

        after = memory_kilobytes(pids)
        output = server.output()

    assert len(after) == len(before) == (1 if name == "pyzmq" else 3)
    assert max(later - earlier for later, earlier in zip(after, before, strict=True)) < 8 * 1024
    assert 0 < output.count("cannot understand a message") < 20
    assert "Traceback" not in output


def test_port_that_speaks_something_else_is_left_alone(tmp_path):
    """What listens at the address is no ZeroMQ at all."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    greeted = threading.Event()

    def talk():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(100))
            greeted.set()
            client.close()

    threading.Thread(target=talk, daemon=True).start()
    fake = SimpleNamespace(address=Front(address, address), port=0, directory=tmp_path, temp_store="/tmp/up.XXXXXX")
    with listener, gunicorn("apps.mongrel2_app:app", fake, is_awaited=False) as server:
        assert greeted.wait(20)

        wait_until(lambda: "expected a Mongrel2" in server.output(), "complaint")
        assert server.process.poll() is None
        listener.shutdown(socket.SHUT_RDWR)
