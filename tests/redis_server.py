"""A real Redis for tests, on a free port, which keeps nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from servers import DEADLINE_SECONDS, free_port

_PAUSE_SECONDS = 0.02


@contextmanager
def running_redis(port: int | None = None) -> Iterator[str]:
    """Start a server, on *port* if it matters, and yield its URL once it answers."""
    port = port or free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _wait_until_it_answers(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                assert process.poll() is None, "redis-server has ended"
                assert time.monotonic() < deadline, f"no answer of redis-server in {DEADLINE_SECONDS} seconds"
                time.sleep(_PAUSE_SECONDS)
