"""A Channel, the same over our HTTP workers and behind Mongrel2."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack

import pytest
from mongrel2_servers import RawClient, gunicorn, handler, mongrel2, needs_mongrel2, wait_until
from servers import ROOT, free_port, running
from websocket_clients import WebSocketClient
from wsproto.events import CloseConnection, Ping, Pong

from brubeck_wsgi.protocols.mongrel2 import masked_frame

APP = "apps.mongrel2_channels:app"


def _worker(stack, worker):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", worker, "--no-control-socket", "-b", f"127.0.0.1:{port}", APP]
    return stack.enter_context(running(command, port, PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}"))


def _handler(stack, *arguments):
    return stack.enter_context(handler(APP, stack.enter_context(mongrel2()), arguments=arguments))


DOORS = {
    "http-gevent": lambda stack: _worker(stack, "brubeck_wsgi.workers.GeventWorker"),
    "http-eventlet": lambda stack: _worker(stack, "brubeck_wsgi.workers.EventletWorker"),
    "mongrel2-gevent": lambda stack: _handler(stack),
    "mongrel2-eventlet": lambda stack: _handler(stack, "--concurrency", "eventlet"),
    "mongrel2-threads": lambda stack: _handler(stack, "--concurrency", "threads"),
    "mongrel2-gunicorn": lambda stack: stack.enter_context(
        gunicorn(APP, stack.enter_context(mongrel2()), arguments=("-w", "2"))
    ),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=needs_mongrel2 if name.startswith("mongrel2") else pytest.mark.serving)
        for name in DOORS
    ],
)
def served(request):
    """A server with `apps.mongrel2_channels` behind it."""
    with ExitStack() as stack:
        server = DOORS[request.param](stack)
        server.is_mongrel2 = request.param.startswith("mongrel2")
        server.is_alone = request.param != "mongrel2-gunicorn"
        yield server


def connect(served, path="/echo", *lines, **options):
    return WebSocketClient(served.port, path, *lines, **options)


def endings(served):
    return json.loads(served.get("/endings")[1])


def test_messages_of_both_kinds_come_back(served):
    with connect(served) as client:
        for message in ("hello", "caf\u00e9 \U0001f600", b"\x00\xff", "", b"", "x" * 70_000, os.urandom(70_000)):
            client.say(message)
            assert client.hear() == message


def test_subprotocol_is_agreed_on(served):
    with connect(served, "/echo", "Sec-WebSocket-Protocol: other, chat") as client:
        assert "\r\nSec-WebSocket-Protocol: chat\r\n" in client.head


def test_messages_are_compressed_if_the_client_can(served):
    with connect(served, compresses=True) as client:
        for message in ("hello " * 1000, b"\x00" * 50_000):
            client.say(message)
            assert client.hear() == message


def test_fragments_are_one_message(served):
    with connect(served) as client:
        client.say("one ", is_last=False)
        client.send(client.connection.send(Ping(payload=b"between")))
        client.say("two ", is_last=False)
        client.say("three")

        while not isinstance(event := client.next_event(), Pong):
            assert isinstance(event, Ping)
        assert event.payload == b"between"
        assert client.hear() == "one two three"


def test_frames_that_come_before_the_answer_are_kept(served):
    early = masked_frame(0x81, b"early") + masked_frame(0x81, b"bird")

    with connect(served, early=early) as client:
        assert client.hear() == "early"
        assert client.hear() == "bird"


def test_frames_that_come_while_nobody_receives_are_kept(served):
    with connect(served, "/slow") as client:
        client.say("patience")

        assert client.hear() == "patience"
        assert client.hear_close() == (1000, "")


def test_burst_of_messages_arrives_whole_and_in_order(served):
    with connect(served, "/push") as client:
        assert [client.hear() for _ in range(300)] == [str(number) for number in range(300)]
        assert client.hear_close() == (3001, "that was all")


def test_many_messages_in_one_piece_come_back(served):
    with connect(served) as client:
        client.send(b"".join(masked_frame(0x81, b"%d" % number) for number in range(2000)))

        assert [client.hear() for _ in range(2000)] == [str(number) for number in range(2000)]


def test_close_of_the_client_is_answered(served):
    with connect(served) as client:
        client.send(client.connection.send(CloseConnection(code=3002, reason="enough")))

        assert client.hear_close() == (3002, "enough")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (masked_frame(0xC1, b"a"), 1002),
        (masked_frame(0x83, b""), 1002),
        (masked_frame(0x81, b"\xff"), 1007),
        (masked_frame(0x88, b"a"), 1002),
        (masked_frame(0x82, bytes(100_001)), 1009),
    ],
)
def test_broken_rule_is_answered_with_its_code(served, frames, code):
    with connect(served) as client:
        client.send(frames)

        assert client.hear_close()[0] == code


def test_silent_client_is_asked_and_then_given_up(served):
    with connect(served, "/silent") as client:
        assert isinstance(client.next_event(), Ping)
        while client.next_event() is not None:
            pass


def test_client_that_answers_pings_is_kept(served):
    with connect(served, "/echo") as client:
        for _ in range(3):
            event = client.next_event()
            assert isinstance(event, Ping)
            client.send(client.connection.send(event.response()))
        client.say("still here")

        assert client.hear() == "still here"


def test_client_that_vanishes_ends_the_talk(served):
    if not served.is_alone:
        pytest.skip("which of the workers was told is not to be seen from outside")
    before = len(endings(served))
    client = connect(served, "/silent")

    client.leave()

    wait_until(lambda: ["/silent", 1006, ""] in endings(served)[before:], "end")


def test_failure_of_the_handler_ends_the_connection(served):
    with connect(served, "/fail") as client:
        assert client.hear() == "soon"
        assert client.next_event() is None


@pytest.mark.parametrize(
    ("version", "http", "status"), [("8", "1.1", b"426"), ("13", "1.0", b"400"), ("13, 8", "1.1", b"426")]
)
def test_handshake_that_cannot_be_answered_is_refused(served, version, http, status):
    client = RawClient(served.port)
    with client:
        WebSocketClient.ask(client, "/echo", version=version, http=http)

        assert client.read_until(b"\r\n\r\n").split(b" ")[1] == status


def test_refusal_of_the_application_is_its_own(served):
    client = RawClient(served.port)
    with client:
        WebSocketClient.ask(client, "/refuse", "Connection: close")

        answer = client.read_to_end()

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.endswith(b"no")
