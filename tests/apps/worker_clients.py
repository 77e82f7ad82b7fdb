"""Gunicorn with this package's workers, and clients that see every byte of what it answers."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from servers import DEADLINE_SECONDS, Server, free_port, running

HUBS = ("gevent", "eventlet")
CLASSES = {"gevent": "brubeck_wsgi.workers.GeventWorker", "eventlet": "brubeck_wsgi.workers.EventletWorker"}
APP = "tests.apps.worker_app:app"


@contextmanager
def serving(
    hub: str, *options: str, app: str = APP, config: str = "", starter: str = "", **variables: str
) -> Iterator[Server]:
    """Serve *app* on a worker of *hub*'s.

    Args:
        hub: of `HUBS`.
        options: more of Gunicorn's.
        app: module and name.
        config: what is in gunicorn.conf.py.
        starter: Python code to run in the place of the gunicorn command.
        variables: of the environment.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        settings = Path(directory, "gunicorn.conf.py")
        settings.write_text(f"control_socket_disable = True\n{config}")
        command = [sys.executable, "-c", starter] if starter else ["gunicorn"]
        command += ["-c", str(settings), "-b", f"127.0.0.1:{port}"]
        if "-k" not in options:
            command += ["-k", CLASSES[hub]]
        with running([*command, *options, app], port, **variables) as server:
            yield server


def wait_for_handler(server: Server, name: str) -> None:
    """Wait until a handler of the application waits for something of this name."""
    server.wait_until(lambda: name in ask(server, "/waiting").json(), f"handler that waits for {name}")


class Answer(NamedTuple):
    """What a server has answered to one request.

    Attributes:
        framing: ``"length"``, ``"chunked"``, ``"close"``, or ``""`` for an answer that has no body.
    """

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    framing: str

    def get(self, name: str) -> str | None:
        """Return the value of a header; None if it is not there, an error if it is there twice."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


class Client:
    """A connection that sends what it is told, and takes answers strictly.

    Args:
        address: a port of *host*, or the path of a unix socket.
        tls: what to speak TLS with; None for none.
        host: an address.
    """

    def __init__(self, address: int | str | Server, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        address = self.address = getattr(address, "port", address)
        if not isinstance(address, str):
            self.socket = socket.create_connection((host, address), DEADLINE_SECONDS)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(DEADLINE_SECONDS)
            self.socket.connect(address)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def reset(self) -> None:
        """Close so that the server sees a reset instead of an end (SO_LINGER of no seconds)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def end_sending(self) -> None:
        """Close this side of the connection; the other can still send."""
        self.socket.shutdown(socket.SHUT_WR)

    def request(
        self, target: str = "/", *headers: str, method: str = "GET", body: bytes = b"", version: str = "1.1"
    ) -> None:
        """Send a request, with Host, and with Content-Length where there is a body."""
        lines = [f"{method} {target} HTTP/{version}", "Host: test", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def ask(self, target: str = "/", *headers: str, method: str = "GET", **request) -> Answer:
        """Send a request and return the answer."""
        self.request(target, *headers, method=method, **request)
        return self.answer(method)

    def answer(self, method: str = "GET") -> Answer:
        """Return the next answer, which may be an interim one; an error if it is not whole and well-formed."""
        head = self.receive_head(method)
        if head.framing == "chunked":
            body = b"".join(iter(self.receive_chunk, b""))
        elif head.framing == "length":
            body = self.receive(int(head.get("Content-Length") or 0))
        else:
            body = self.rest() if head.framing == "close" else b""
        return head._replace(body=body)

    def receive_head(self, method: str = "GET") -> Answer:
        """Return the next answer without its body, which may not have been sent yet."""
        line = self._line()
        version, _, rest = line.partition(" ")
        status, _, reason = rest.partition(" ")
        assert version in ("HTTP/1.1", "HTTP/1.0"), line  # the latter is Gunicorn's way with HTTP/1.0
        headers = []
        while line := self._line():
            name, colon, value = line.partition(":")
            assert colon, line
            headers.append((name, value.strip()))
        return Answer(int(status), reason, headers, b"", _framing(method, int(status), headers))

    def receive_chunk(self) -> bytes:
        """Return the next chunk of a body; ``b""`` at its end."""
        chunk = self.receive(int(self._line(), 16))
        assert self._line() == ""
        return chunk

    def receive(self, size: int) -> bytes:
        """Return exactly *size* bytes."""
        data = self._file.read(size)
        assert len(data) == size, f"the connection ended after {data!r:.100}"
        return data

    def rest(self) -> bytes:
        """Return all that comes until the server closes the connection in order."""
        return self._file.read()

    def is_closed(self) -> bool:
        """Wait until something comes; return whether it is the end of the connection."""
        return self.rest() == b""

    def is_silent(self) -> bool:
        """Return whether nothing has come after a moment."""
        self.socket.settimeout(0.2)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(DEADLINE_SECONDS)

    def _line(self) -> str:
        line = self._file.readline()
        assert line.endswith(b"\r\n"), f"the connection ended after {line!r}"
        return line[:-2].decode("latin-1")


def _framing(method: str, status: int, headers: list[tuple[str, str]]) -> str:
    fields = {name.lower(): value for name, value in headers}
    if method == "HEAD" or status < 200 or status in (204, 304):
        return ""
    if "transfer-encoding" in fields:
        assert (fields["transfer-encoding"], "content-length" in fields) == ("chunked", False)
        return "chunked"
    return "length" if "content-length" in fields else "close"


def ask(server: int | str | Server, target: str = "/", *headers: str, tls=None, **request) -> Answer:
    """Return the answer to one request on a connection of its own."""
    with Client(server, tls) as client:
        return client.ask(target, *headers, **request)
