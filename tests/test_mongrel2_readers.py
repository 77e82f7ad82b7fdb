"""WebSockets behind a real Mongrel2 whose clients read slowly, or not at all, while a handler sends without end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mongrel2_servers import gunicorn, handler, mongrel2, needs_mongrel2, wait_until
from websocket_clients import WebSocketClient

pytestmark = needs_mongrel2

APP = "apps.realtime_app:app"
MEBIBYTE = 1024 * 1024
MOST_GROWTH = 24 * MEBIBYTE  # of 640 MiB that are to be sent
WAYS = {
    "gevent": lambda front: handler(APP, front),
    "threads": lambda front: handler(APP, front, arguments=("--concurrency", "threads")),
    "gunicorn": lambda front: gunicorn(APP, front),
    "gunicorn-eventlet": lambda front: gunicorn(APP, front, worker="brubeck_wsgi.mongrel2.worker.EventletWorker"),
}


@pytest.fixture(params=WAYS)
def served(request):
    with mongrel2() as front, WAYS[request.param](front) as server:
        server.front = front
        yield server


def resident(*pids):
    """Return how much memory processes have."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * 4096


def blocks_sent(server):
    """Return after how many blocks the flood was seen last."""
    return max(note[1] for note in [["flood", -1], *json.loads(server.get("/notes")[1])] if note[0] == "flood")


def wait_until_it_stands(server):
    """Wait until the flood has not moved while 20 others were served."""
    wait_until(lambda: len({blocks_sent(server) for _ in range(20)}) == 1, "end of the sending")


def test_sender_waits_for_a_client_that_does_not_read_and_goes_on_when_it_does(served):
    pids = served.process.pid, served.front._process.pid
    server_before = resident(*pids)
    with (
        WebSocketClient(served.port, "/echo") as other,
        WebSocketClient(served.port, "/flood") as slow,
    ):
        assert len(slow.hear()) == 65536
        wait_until_it_stands(served)
        stood_at = blocks_sent(served)

        other.say("hello")
        assert other.hear() == "hello"
        assert resident(*pids) - server_before < MOST_GROWTH
        for _ in range(stood_at + 200):
            assert slow.hear() == b"x" * 65536
        wait_until_it_stands(served)

        assert blocks_sent(served) > stood_at
        assert resident(*pids) - server_before < MOST_GROWTH


def test_many_clients_that_do_not_read_do_not_disturb_one_that_does(served):
    slow = [WebSocketClient(served.port, "/flood") for _ in range(10)]
    with WebSocketClient(served.port, "/echo") as other:
        wait_until_it_stands(served)

        for number in range(200):
            other.say(f"{number}")
            assert other.hear() == f"{number}"

    for client in slow:
        client.leave()


def test_burst_of_messages_to_a_client_that_reads_arrives_whole(served):
    with WebSocketClient(served.port, "/function/5000") as client:
        heard = [json.loads(client.hear())["number"] for _ in range(5000)]
        close = client.hear_close()

    assert heard == list(range(5000))
    assert close == (3001, "that was all")
