"""Handlers that come, go and die, and Mongrel2 servers that do: who loses what."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from mongrel2_servers import RawClient, gunicorn, handler, mongrel2, needs_mongrel2, wait_until

pytestmark = needs_mongrel2

APP = "apps.mongrel2_app:app"
WORKERS = {
    "gevent": "brubeck_wsgi.mongrel2.worker.GeventWorker",
    "eventlet": "brubeck_wsgi.mongrel2.worker.EventletWorker",
}


@pytest.fixture
def front():
    with mongrel2() as front:
        yield front


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


def worker_pids(server):
    """Return the ids of Gunicorn's workers; the switchboard is none of them."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            is_switchboard = b"switchboard" in (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == server.process.pid and not is_switchboard:
            pids.append(int(stat.parent.name))
    return sorted(pids)


def is_alive(pid):
    return Path(f"/proc/{pid}").exists()


class Load:
    """Many clients that ask at irregular times, and count what they get.

    Attributes:
        counts: answers by what they were: ok, lost, doubled, or odd.
        oddities: what was not ok.
    """

    def __init__(self, port, clients, rate):
        self.counts = Counter()
        self.oddities = []
        self._port = port
        self._pause = clients / rate
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_again_and_again) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask_again_and_again(self):
        chance = random.Random()
        client = None
        while not self._is_over.wait(chance.expovariate(1 / self._pause)):
            client = client or RawClient(self._port)
            client.socket.settimeout(10)
            outcome = self._ask(client, os.urandom(8).hex().encode())
            self.counts[outcome] += 1
            if outcome != "ok":
                client.socket.close()
                client = None
        if client is not None:
            client.socket.close()

    def _ask(self, client, body):
        try:
            client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            answer = client.read_response()
            client.socket.setblocking(False)
            try:
                extra = client.socket.recv(1)
            except BlockingIOError:
                extra = None
        except (OSError, AssertionError) as error:
            self.oddities.append(repr(error))
            return "lost"
        if extra is None and answer[0].startswith(b"HTTP/1.1 200 OK") and answer[1] == body:
            return "ok"
        self.oddities.append(answer)
        return "odd" if extra is None else "doubled"


@pytest.mark.parametrize(("worker", "departures"), [("gevent", 20), ("eventlet", 8)])
def test_workers_come_and_go_without_a_request_lost_or_answered_twice(front, stack, worker, departures):
    arguments = ("-w", "2", "--graceful-timeout", "10")
    server = stack.enter_context(gunicorn(APP, front, worker=WORKERS[worker], arguments=arguments))

    with Load(front.port, clients=64, rate=1000) as load:
        for number in range(departures):
            leaving = worker_pids(server)
            if number % 2:
                server.process.send_signal(signal.SIGHUP)
            else:
                leaving = leaving[:1]
                os.kill(leaving[0], signal.SIGTERM)
            wait_until(lambda leaving=leaving: not any(map(is_alive, leaving)), "departure")
            wait_until(lambda: len(worker_pids(server)) == 2, "successor")
            answered = load.counts["ok"]
            wait_until(lambda answered=answered: load.counts["ok"] > answered + 300, "answers")

    assert load.oddities == []
    assert load.counts["ok"] > departures * 300


def test_worker_that_has_answered_enough_is_replaced_without_a_loss(front, stack):
    arguments = ("-w", "2", "--max-requests", "300", "--max-requests-jitter", "50")
    server = stack.enter_context(gunicorn(APP, front, arguments=arguments))

    with Load(front.port, clients=16, rate=500) as load:
        wait_until(lambda: server.output().count("Autorestarting") >= 4, "restarts")

    assert load.oddities == []


def test_leaving_worker_answers_what_it_has(front, stack):
    server = stack.enter_context(gunicorn(APP, front))
    (old,) = worker_pids(server)
    client = stack.enter_context(RawClient(front.port))
    client.get("/sleep/1")
    wait_until(lambda: json.loads(health(server))["in_hand"] == 1, "request")

    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.get("/process")[1] != str(old).encode(), "successor")

    assert client.read_response()[1] == str(old).encode()


def test_client_of_a_killed_worker_is_told(front, stack):
    server = stack.enter_context(gunicorn(APP, front, arguments=("-w", "2")))

    with RawClient(front.port) as waiting, RawClient(front.port) as killing:
        waiting.get("/sleep/0.5")
        killing.get("/kill")

        assert killing.read_to_end().startswith(b"HTTP/1.1 502 Bad Gateway")
        assert waiting.read(12) in (b"HTTP/1.1 200", b"HTTP/1.1 502")
    assert server.get()[1] == b"hello"


def test_stream_of_a_killed_worker_shows_no_proper_end(front, stack):
    server = stack.enter_context(gunicorn(APP, front))
    client = stack.enter_context(RawClient(front.port))
    client.get("/endless")
    client.read_until(b"3\n")

    os.kill(worker_pids(server)[0], signal.SIGKILL)

    rest = client.read_to_end()
    assert b"HTTP/1.1" not in rest
    assert not rest.endswith(b"0\r\n\r\n")


def test_worker_serves_on_when_the_switchboard_was_killed(front, stack):
    server = stack.enter_context(gunicorn(APP, front))
    switchboards = [
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if is_switchboard_of(path, front)
    ]

    for pid in switchboards:
        os.kill(pid, signal.SIGKILL)

    assert len(switchboards) == 1
    wait_until(lambda: is_answering_soon(front.port), "answer")
    assert "the switchboard has ended" in server.output()


def is_answering_soon(port):
    """Tell whether a request is answered at once; what was on its way to somebody killed never is."""
    with RawClient(port) as client:
        client.socket.settimeout(1)
        client.get("/")
        try:
            return client.read_response()[1] == b"hello"
        except (TimeoutError, AssertionError):
            return False


def is_switchboard_of(path, front):
    try:
        command = path.read_bytes()
    except OSError:
        return False
    return b"switchboard" in command and front.address.recv.encode() in command


@pytest.mark.parametrize("worker", WORKERS)
def test_nothing_is_left_when_gunicorn_has_stopped(front, stack, worker):
    server = stack.enter_context(gunicorn(APP, front, worker=WORKERS[worker], arguments=("-w", "2")))

    assert server.stop() == 0

    wait_until(
        lambda: not any(is_switchboard_of(path, front) for path in Path("/proc").glob("[0-9]*/cmdline")),
        "end of the switchboard",
    )
    assert "Traceback" not in server.output()


def test_request_that_comes_while_nobody_is_there_waits(front, stack):
    client = stack.enter_context(RawClient(front.port))
    client.get("/")

    stack.enter_context(handler(APP, front, is_awaited=False))

    assert client.read_response()[1] == b"hello"


@pytest.mark.parametrize("serve", [handler, gunicorn])
def test_mongrel2_that_is_started_again_is_found_again(front, stack, serve):
    server = stack.enter_context(serve(APP, front))

    for _ in range(2):
        front.stop()
        front.start()
        wait_until(server.is_answering, "answer")


@pytest.mark.parametrize("serve", [handler, gunicorn])
def test_answer_to_a_client_of_the_last_run_reaches_nobody(front, stack, serve):
    server = stack.enter_context(serve(APP, front))
    with RawClient(front.port) as lost:
        lost.get("/sleep/3")
        time.sleep(0.2)  # for it to be taken: nobody says so
        front.stop()
    front.start()
    wait_until(server.is_answering, "answer")

    strangers = [stack.enter_context(RawClient(front.port)) for _ in range(20)]
    for stranger in strangers:
        stranger.get("/")
        assert stranger.read_response()[1] == b"hello"
        stranger.socket.settimeout(0.2)
    begun = time.monotonic()

    while time.monotonic() < begun + 3.5:
        for stranger in strangers:
            with pytest.raises(TimeoutError):
                stranger.socket.recv(1)


@pytest.mark.parametrize("serve", [handler, gunicorn])
def test_several_fronts_get_each_their_own_answers(stack, serve):
    fronts = [stack.enter_context(mongrel2()) for _ in range(2)]
    stack.enter_context(serve(APP, *fronts))
    clients = [[stack.enter_context(RawClient(front.port)) for _ in range(20)] for front in fronts]

    for number in range(20):
        for side, side_clients in enumerate(clients):
            side_clients[number].get(f"/environ?{side}-{number}")

    for side, side_clients in enumerate(clients):
        for number, client in enumerate(side_clients):
            client.socket.settimeout(10)
            assert json.loads(client.read_response()[1])["QUERY_STRING"] == f"{side}-{number}"


@pytest.mark.parametrize(
    "serve",
    [
        lambda front: handler(APP, front),
        lambda front: handler(APP, front, arguments=("--concurrency", "eventlet")),
        lambda front: gunicorn(APP, front),
    ],
    ids=["gevent", "eventlet", "gunicorn"],
)
def test_thousand_slow_requests_are_answered_at_a_time(front, stack, serve):
    stack.enter_context(serve(front))
    clients = [stack.enter_context(RawClient(front.port)) for _ in range(1000)]
    begun = time.monotonic()

    for client in clients:
        client.get("/sleep/2")
    for client in clients:
        client.read_response()

    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "serve",
    [
        lambda front: handler(APP, front, arguments=("--pool-size", "5")),
        lambda front: handler(APP, front, arguments=("--pool-size", "5", "--concurrency", "threads")),
        lambda front: gunicorn(APP, front, arguments=("--worker-connections", "5")),
    ],
    ids=["gevent", "threads", "gunicorn"],
)
def test_requests_beyond_the_pool_wait_for_their_turn(front, stack, serve):
    stack.enter_context(serve(front))
    clients = [stack.enter_context(RawClient(front.port)) for _ in range(15)]
    begun = time.monotonic()

    for client in clients:
        client.get("/sleep/0.5")
    for client in clients:
        client.read_response()

    assert time.monotonic() - begun > 1.2


@pytest.mark.parametrize(
    "serve",
    [
        lambda front: handler(APP, front, arguments=("--pool-size", "2")),
        lambda front: gunicorn(APP, front, arguments=("--worker-connections", "2")),
    ],
    ids=["pyzmq", "gunicorn"],
)
def test_full_handler_still_learns_that_clients_have_left(front, stack, serve):
    server = stack.enter_context(serve(front))
    for _ in range(2):
        with RawClient(front.port) as client:
            client.get("/endless")
            client.read_until(b"2\n")

    assert server.get()[1] == b"hello"


def health(server):
    port = next(line for line in server.output().splitlines() if "Listening at" in line).rpartition(":")[2].split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return answer.read()


def is_unwell(server):
    try:
        health(server)
    except urllib.error.HTTPError as error:
        return error.code == 503
    return False


def test_health_page_tells_whether_a_front_is_there(front, stack):
    server = stack.enter_context(gunicorn(APP, front))

    facts = json.loads(health(server))
    assert facts["fronts"] == [front.identity]
    assert facts["requests"] >= 1

    front.stop()
    wait_until(lambda: is_unwell(server), "status 503")
    front.start()


def test_worker_without_addresses_says_what_is_missing():
    import subprocess
    import sys

    from servers import server_environ

    command = [sys.executable, "-m", "gunicorn", "-k", WORKERS["gevent"], "--no-control-socket", "examples.hello:app"]
    ended = subprocess.run(command, env=server_environ(), capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode != 0
    assert "expected 'MONGREL2_RECV' in the environment" in ended.stderr


def test_slow_client_of_a_stream_is_not_cut_off(front, stack):
    stack.enter_context(handler(APP, front))
    client = stack.enter_context(RawClient(front.port))
    client.get("/stream/384/65536/0", version="1.0")

    time.sleep(2)  # a client that stalls

    assert len(client.read_to_end().partition(b"\r\n\r\n")[2]) == 384 * 65536
