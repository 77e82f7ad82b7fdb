"""Real servers for tests: start one, wait until it answers, and leave nothing of it behind."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEADLINE_SECONDS = 30
_PAUSE_SECONDS = 0.05

# What decides how Gunicorn serves, and must come from the test and not from whoever runs it.
_SERVER_VARIABLES = ("PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "FORWARDED_ALLOW_IPS", "DYNO")


class Server:
    """A server that a test has started.

    Attributes:
        port: where it listens on 127.0.0.1.
        process: what was started; the workers are its children.
    """

    def __init__(self, port: int, process: subprocess.Popen[bytes], output: Path) -> None:
        self.port = port
        self.process = process
        self._output = output

    def connect(self) -> http.client.HTTPConnection:
        """Return a client, which connects with its first request; close it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)

    def get(self, path: str = "/") -> tuple[int, bytes]:
        """Return the status and the body of the answer to one GET."""
        client = self.connect()
        try:
            client.request("GET", path)
            response = client.getresponse()
            return response.status, response.read()
        finally:
            client.close()

    def output(self) -> str:
        """Return all that the server has written so far, to standard output and error."""
        return self._output.read_text(errors="replace")

    def wait_until(self, is_reached: Callable[[], bool], what: str) -> None:
        """Ask until *is_reached*; fail with the output if the server ends, or the deadline passes, before that."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_reached():
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} in {DEADLINE_SECONDS} seconds; output:\n{self.output()}")
            try:
                status = self.process.wait(_PAUSE_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"ended with status {status} before {what}; output:\n{self.output()}")

    def stop(self) -> int:
        """Ask the server to stop as a platform would, wait until it has, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)

    def is_answering(self) -> bool:
        """Tell whether a request is answered, whatever the answer."""
        try:
            self.get()
        except (OSError, http.client.HTTPException):
            return False
        return True


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def server_environ(**variables: str) -> dict[str, str]:
    """Return an environment in which the commands of this Python are found, with *variables* in it."""
    environ = {name: value for name, value in os.environ.items() if name not in _SERVER_VARIABLES}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    return environ | variables


@contextmanager
def running(command: Sequence[str], port: int, cwd: Path = ROOT, **variables: str) -> Iterator[Server]:
    """Start *command*, wait until it answers HTTP on *port*, and end it with all its descendants.

    Args:
        command: a program of this Python's environment or of the system, and its arguments.
        port: where it is going to listen.
        cwd: the directory to start it in.
        variables: to set in its environment.
    """
    environ = server_environ(**variables)
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, "output")
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # out of reach of a Ctrl-C, which would take it from the test
            )
        server = Server(port, process, output)
        try:
            server.wait_until(server.is_answering, "answer")
            yield server
        except BaseException:
            print(f"{' '.join(command)} has written:\n{server.output()}")  # pytest shows it with the failure
            raise
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End *process* and all its descendants at once; `Server.stop` is for tests of how a server ends in order."""
    descendants = _descendants(process.pid)
    process.kill()
    process.wait()
    for pid in descendants:  # each by its id: honcho puts its children into sessions of their own
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Return the ids of all that *pid* has started, as Linux tells it (proc(5)); elsewhere none."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The second field, the name in parentheses, may have spaces in it.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for known in found:
        found.extend(children.get(known, []))
    return found[1:]
