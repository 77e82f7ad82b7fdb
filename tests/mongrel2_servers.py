"""Real Mongrel2 servers for tests: a front, handlers behind it, and clients that see every byte."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import DEADLINE_SECONDS, ROOT, Server, _end, free_port, server_environ

from brubeck_wsgi.mongrel2.configuration import Wishes, make_configuration
from brubeck_wsgi.mongrel2.settings import Front

needs_mongrel2 = [
    pytest.mark.mongrel2,
    pytest.mark.skipif(shutil.which("mongrel2") is None, reason="Mongrel2 is not installed: mongrel2-core on Debian"),
]


class Mongrel2:
    """A Mongrel2 in a directory of its own.

    Attributes:
        port: where it listens on 127.0.0.1.
        address: where its handlers connect.
        identity: of its handler.
        directory: its chroot.
    """

    def __init__(self, directory: Path, **wishes: Any) -> None:
        self.directory = directory
        for name in ("logs", "run", "tmp", "static"):
            (directory / name).mkdir(exist_ok=True)
        self.port = free_port()
        self.address = Front(f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{free_port()}")
        self.identity = str(uuid.uuid4())
        self._wishes = wishes
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def temp_store(self) -> str:
        """``upload.temp_store``."""
        return "/tmp/up.XXXXXX"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        server_uuid = str(uuid.uuid4())
        static = {"/static/": "static"}
        wishes = Wishes(
            **{"front": self.address, "port": self.port, "chroot": str(self.directory), "static": static} | self._wishes
        )
        configuration = self.directory / "mongrel2.conf"
        configuration.write_text(make_configuration(wishes, server_uuid, self.identity))
        database = self.directory / "mongrel2.db"
        database.unlink(missing_ok=True)
        environment = server_environ(LOGNAME="tests")
        load = ["m2sh", "load", "-db", str(database), "-config", str(configuration)]
        loaded = subprocess.run(load, cwd=self.directory, env=environment, capture_output=True, text=True, check=False)
        assert database.exists(), loaded.stdout + loaded.stderr
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                ["mongrel2", str(database), server_uuid],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        wait_until(self._is_listening, "Mongrel2")

    def stop(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def log(self) -> str:
        """Return all that it has written."""
        files = [self.directory / "output", self.directory / "logs" / "error.log"]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _is_listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@contextmanager
def mongrel2(**wishes: Any) -> Iterator[Mongrel2]:
    """Run a Mongrel2; *wishes* are fields of `Wishes`."""
    with tempfile.TemporaryDirectory() as directory:
        front = Mongrel2(Path(directory), **wishes)
        front.start()
        try:
            yield front
        except BaseException:
            print(f"Mongrel2 has written:\n{front.log()[-4000:]}")
            raise
        finally:
            front.stop()


@contextmanager
def handler(
    application: str, *fronts: Mongrel2, arguments: tuple[str, ...] = (), is_awaited: bool = True, **variables: str
) -> Iterator[Server]:
    """Serve ``module:name`` behind *fronts* with ``python -m brubeck_wsgi.mongrel2``, and wait for its first answer."""
    addresses = [part for front in fronts for part in ("--recv", front.address.recv, "--send", front.address.send)]
    uploads = ("--uploads", fronts[0].temp_store, "--chroot", str(fronts[0].directory))
    command = [sys.executable, "-m", "brubeck_wsgi.mongrel2", application, *addresses, *uploads, *arguments]
    with _started(command, fronts[0].port, is_awaited, **variables) as server:
        yield server


@contextmanager
def gunicorn(
    application: str,
    *fronts: Mongrel2,
    worker: str = "brubeck_wsgi.mongrel2.worker.GeventWorker",
    arguments: tuple[str, ...] = (),
    is_awaited: bool = True,
    **variables: str,
) -> Iterator[Server]:
    """Serve ``module:name`` behind *fronts* with Gunicorn's process management."""
    health = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "-k", worker, "--no-control-socket", "-b", f"127.0.0.1:{health}"),
        *(*arguments, application),
    ]
    environment = {
        "MONGREL2_RECV": ",".join(front.address.recv for front in fronts),
        "MONGREL2_SEND": ",".join(front.address.send for front in fronts),
        "MONGREL2_UPLOADS": fronts[0].temp_store,
        "MONGREL2_CHROOT": str(fronts[0].directory),
        "HEALTH_PORT": str(health),
    }
    with _started(command, fronts[0].port, is_awaited, **environment, **variables) as server:
        yield server


@contextmanager
def _started(command: list[str], port: int, is_awaited: bool, **variables: str) -> Iterator[Server]:
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        output = Path(directory, "output")
        file = stack.enter_context(output.open("wb"))
        environ = server_environ(**{"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"} | variables)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environ,
            start_new_session=True,
        )
        server = Server(port, process, output)
        try:
            if is_awaited:
                server.wait_until(server.is_answering, "answer")
            yield server
        except BaseException:
            print(f"{' '.join(command)} has written:\n{server.output()[-8000:]}")
            raise
        finally:
            _end(process)


def wait_until(is_reached: Callable[[], object], what: str) -> None:
    """Ask until *is_reached*; fail when the deadline passes before that."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_reached():
        assert time.monotonic() < deadline, f"no {what} in {DEADLINE_SECONDS} seconds"
        time.sleep(0.02)


class RawClient:
    """A connection on which every byte is seen."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self._buffer = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send *data*."""
        self.socket.sendall(data)

    def get(self, path: str = "/", *lines: str, version: str = "1.1", method: str = "GET") -> None:
        """Send a request without a body."""
        head = "".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", *lines))
        self.send(head.encode("latin-1") + b"\r\n")

    def read_until(self, mark: bytes) -> bytes:
        """Return what arrives up to and with *mark*."""
        while mark not in self._buffer:
            data = self.socket.recv(65536)
            assert data, f"ended before {mark!r}: {self._buffer!r}"
            self._buffer += data
        end = self._buffer.index(mark) + len(mark)
        piece, self._buffer = self._buffer[:end], self._buffer[end:]
        return piece

    def read(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        while len(self._buffer) < size:
            data = self.socket.recv(65536)
            assert data, f"ended after {len(self._buffer)} of {size} bytes"
            self._buffer += data
        piece, self._buffer = self._buffer[:size], self._buffer[size:]
        return piece

    def read_response(self) -> tuple[bytes, bytes]:
        """Return the head and the body of a response that has a Content-Length."""
        head = self.read_until(b"\r\n\r\n")
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        return head, self.read(int(lines.get(b"content-length", b"0")))

    def read_to_end(self) -> bytes:
        """Return all until the peer closes."""
        pieces, self._buffer = [self._buffer], b""
        while pieces[-1] or len(pieces) == 1:
            pieces.append(self.socket.recv(65536))
        return b"".join(pieces)
