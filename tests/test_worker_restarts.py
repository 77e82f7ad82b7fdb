"""Nothing is lost when workers are replaced under load, on both hubs."""

from __future__ import annotations

import itertools
import signal
import threading
from contextlib import contextmanager

import pytest

from tests.apps.worker_clients import Client, serving

pytestmark = pytest.mark.serving

CONNECTIONS = 16


class Load:
    """Keep-alive connections, each with a thread that asks and checks, and connects again when it was told to.

    Args:
        server: whom to ask.

    Attributes:
        answered: how many answers were right.
        failures: what went wrong.
        pids: of the processes that have answered.
    """

    def __init__(self, server) -> None:
        self._server = server
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self.answered = 0
        self.failures: list[str] = []
        self.pids: set[int] = set()

    def run(self, name: int) -> None:
        for first in itertools.count(step=1000):
            try:
                with Client(self._server) as client:
                    for number in range(first, first + 1000):
                        if self._is_over.is_set():
                            return
                        if not self._ask(client, f"{name}-{number}"):
                            break
            except (OSError, AssertionError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")

    def _ask(self, client: Client, text: str) -> bool:
        """Ask and check; return whether the connection persists."""
        answer = client.ask("/who", method="POST", body=text.encode())
        told = answer.json()
        assert told["body"] == text, told
        with self._lock:
            self.answered += 1
            self.pids.add(told["pid"])
        return answer.get("Connection") != "close"

    @contextmanager
    def running(self):
        threads = [threading.Thread(target=self.run, args=(name,)) for name in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()


@pytest.mark.parametrize(("hub", "workers"), [("gevent", 1), ("eventlet", 2)])
def test_no_request_is_lost_when_the_workers_are_reloaded(hub, workers):
    with serving(hub, "--workers", str(workers)) as server:
        load = Load(server)
        with load.running():
            for reloads in range(1, 4):
                server.process.send_signal(signal.SIGHUP)
                expected = workers * (reloads + 1)
                server.wait_until(lambda expected=expected: is_settled(server, expected, workers), "new workers")
            had_answered = load.answered
            server.wait_until(lambda: load.answered > had_answered + 100, "answers of the last workers")

        assert load.failures == []
        assert len(load.pids) >= 4


def is_settled(server, booted, running):
    output = server.output()
    return output.count("Booting worker") == booted and output.count("Worker exiting") == booted - running


@pytest.mark.parametrize(("hub", "workers"), [("gevent", 1), ("eventlet", 1), ("gevent", 2)])
def test_no_request_is_lost_when_workers_are_worn_out(hub, workers):
    config = "max_requests = 200\nmax_requests_jitter = 50\n"
    with serving(hub, "--workers", str(workers), config=config) as server:
        load = Load(server)
        with load.running():
            server.wait_until(lambda: server.output().count("Worker exiting") >= 4, "end of the fourth worker")

        assert load.failures == []
        assert len(load.pids) >= 4
