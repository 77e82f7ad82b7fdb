"""The raw-request corpus through real Gunicorn: our workers on both hubs, and beside them Gunicorn's own.

What must come of each request stands in the files of tests/corpus.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

import pytest
from corpus import CASES, DIRECTORY, ENTRIES, EXPLANATIONS, Case
from servers import DEADLINE_SECONDS, Server, free_port, running

pytestmark = pytest.mark.serving

OURS = {"gevent": "brubeck_wsgi.workers.GeventWorker", "eventlet": "brubeck_wsgi.workers.EventletWorker"}
THEIRS = "gunicorn.workers.ggevent.GeventWorker"
OPTIONS = [
    *("--no-control-socket", "--keep-alive", str(2 * DEADLINE_SECONDS)),
    *("--limit-request-line", "200", "--limit-request-fields", "20", "--limit-request-field_size", "300"),
]
PATIENCE_SECONDS = 0.5  # where no answer is expected
# Requests whose heads are good, so that it is the body that counts; whether 100 is sent hangs on when it arrives.
WITH_BODIES = [
    case
    for case in CASES
    if (case.statuses[:1] == [200] or case.id.startswith(("chunks", "trailers")))
    and case.id.startswith(("content_length", "transfer_encoding", "chunks", "trailers", "desync", "pipelines"))
    and not case.ends
    and not case.request.startswith(b"HEAD")
]
NEXT = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"


class Answer(NamedTuple):
    """A response: its status, and what the application has seen; empty if it was not asked."""

    status: int
    seen: dict[str, str]


class Client:
    """A connection that sends any bytes, and reads answers; one that is reset is one that has ended."""

    def __init__(self, port: int, timeout_seconds: float = DEADLINE_SECONDS) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._arrived = b""

    def send(self, data: bytes, step: int | None = None) -> None:
        """Send *data*, *step* bytes at a time; the rest is dropped once the server has closed."""
        step = step or max(len(data), 1)
        with suppress(ConnectionError):
            for start in range(0, len(data), step):
                self._socket.sendall(data[start : start + step])

    def end(self) -> None:
        """Send nothing more, and go on reading."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def answer(self, method: bytes = b"GET") -> Answer | None:
        """Read the next final answer; None at the end of the connection."""
        head = self._take_until(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100 "):
            head = self._take_until(b"\r\n\r\n")
        if not head:
            return None
        status = int(head[9:12])
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        assert len(lengths) == 1, head
        body = b"" if method == b"HEAD" else self._take(int(lengths[0]))
        return Answer(status, json.loads(body) if status == 200 and body else {})

    def rest(self) -> bytes:
        """Wait for the end of the connection; return what comes before it."""
        while self._receive():
            pass
        return self._arrived

    def close(self) -> None:
        self._socket.close()

    def _take_until(self, end: bytes) -> bytes:
        while end not in self._arrived:
            if not self._receive():
                assert not self._arrived, self._arrived
                return b""
        return self._take(self._arrived.index(end) + len(end))

    def _take(self, size: int) -> bytes:
        while len(self._arrived) < size:
            assert self._receive(), self._arrived
        taken, self._arrived = self._arrived[:size], self._arrived[size:]
        return taken

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            return False
        self._arrived += data
        return bool(data)


@contextmanager
def serving(worker_class: str, application: str = "application") -> Iterator[Server]:
    port = free_port()
    command = ["gunicorn", "-k", worker_class, "-b", f"127.0.0.1:{port}", *OPTIONS, f"echo:{application}"]
    with running(command, port, cwd=DIRECTORY) as server:
        yield server


@pytest.fixture(scope="module", params=OURS)
def server(request):
    with serving(OURS[request.param]) as server:
        yield server


@pytest.fixture(scope="module", params=OURS)
def deaf_server(request):
    with serving(OURS[request.param], "deaf") as server:
        yield server


@pytest.fixture(scope="module")
def both():
    with serving(OURS["gevent"]) as ours, serving(THEIRS) as theirs:
        yield ours, theirs


@pytest.fixture
def client(server) -> Iterator[Client]:
    client = Client(server.port)
    yield client
    client.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("step", [pytest.param(None, id="whole"), pytest.param(1, id="bytes")])
def test_request_is_answered_as_it_must_be_however_it_arrives(client, case, step):
    client.send(case.request, step)
    if case.ends:
        client.end()

    check_answers(client, case)
    if case.persists:
        client.send(NEXT, step)
        check_next(client)
    else:
        assert client.rest() == b""


@pytest.mark.parametrize("case", [case for case in CASES if not case.ends], ids=lambda case: case.id)
def test_request_right_behind_is_answered_or_not_looked_at(client, case):
    client.send(case.request + NEXT)

    check_answers(client, case)
    if case.persists:
        check_next(client)
    else:
        assert client.rest() == b""


@pytest.mark.parametrize("case", WITH_BODIES, ids=lambda case: case.id)
@pytest.mark.parametrize("step", [pytest.param(None, id="whole"), pytest.param(1, id="bytes")])
def test_body_that_nobody_reads_is_never_taken_for_a_request(deaf_server, case, step):
    with closing(Client(deaf_server.port)) as client:
        client.send(case.request + NEXT, step)

        if case.persists:
            assert [client.answer().status for _ in case.statuses] == case.statuses
            assert client.answer().seen["RAW_URI"] == "/next"
        else:
            assert len(list(iter(client.answer, None))) <= len(case.statuses)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_difference_from_gunicorns_own_worker_is_explained(both, entry):
    ours, theirs = both
    timeout_seconds = PATIENCE_SECONDS if entry.gunicorn == "waits" else DEADLINE_SECONDS

    came = [(case.request, what_comes(ours, case), what_comes(theirs, case, timeout_seconds)) for case in entry.cases]
    differences = [(request, ours, theirs) for request, ours, theirs in came if ours != theirs]

    assert not differences or entry.gunicorn in EXPLANATIONS
    assert differences or entry.gunicorn is None, "there is no difference to explain"


def test_every_explanation_is_needed():
    assert EXPLANATIONS.keys() == {entry.gunicorn for entry in ENTRIES if entry.gunicorn}


def check_answers(client: Client, case: Case) -> None:
    """Check that the answers to *case* are what they must be, and what the application has seen."""
    method = case.request.partition(b" ")[0]
    answers = [client.answer(method) for _ in case.statuses]

    assert [answer and answer.status for answer in answers] == case.statuses
    for answer, expected in zip(answers, case.sees, strict=False):
        assert expected.items() <= answer.seen.items()
        assert not set(case.hides) & answer.seen.keys()


def check_next(client: Client) -> None:
    """Check that the next answer is that to `NEXT`."""
    answer = client.answer()

    assert answer is not None
    assert answer.seen["RAW_URI"] == "/next"
    assert answer.seen["body"] == ""


def what_comes(server: Server, case: Case, timeout_seconds: float = DEADLINE_SECONDS) -> list[object]:
    """Return all that *server* makes of *case*: its answers, and whether the connection persists."""
    came: list[object] = []
    with closing(Client(server.port, timeout_seconds)) as client:
        client.send(case.request)
        if case.ends:
            client.end()
        method = case.request.partition(b" ")[0]
        try:
            came.extend(client.answer(method) for _ in case.statuses or [0])
            if not case.ends:
                client.send(NEXT)
                came.append(client.answer() is not None)
        except TimeoutError:
            came.append("it waits for more")
    return came
