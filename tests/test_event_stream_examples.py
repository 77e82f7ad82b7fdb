"""The examples of events and WebSockets: what they show is so, on a real worker."""

from __future__ import annotations

import json
import sys
from contextlib import closing

import pytest
from servers import free_port, running
from websocket_clients import WebSocketClient
from webtest import TestApp, TestRequest

from brubeck_wsgi.protocols.sse import EventParser
from examples import clock, echo_socket


def test_clock_says_the_time_again_and_again(monkeypatch):
    monkeypatch.setattr(clock, "PAUSE_SECONDS", 0)
    parser = EventParser()
    events = []

    with closing(clock.app(TestRequest.blank("/ticks").environ, lambda status, headers, exc_info=None: None)) as pieces:
        for piece in pieces:
            events += parser.receive(piece)
            if len(events) >= 3:
                break

    assert {event.event for event in events} == {"tick"}
    assert all(len(json.loads(event.data)["time"].split(":")) == 3 for event in events)


@pytest.mark.parametrize(
    ("application", "words"), [(clock.app, 'EventSource("/ticks")'), (echo_socket.app, "WebSocket(location")]
)
def test_page_connects_by_itself(application, words):
    response = TestApp(application).get("/")

    assert response.content_type == "text/html"
    assert words in response.text


@pytest.mark.serving
def test_echo_socket_says_again_what_it_hears():
    port = free_port()
    worker = ["-k", "brubeck_wsgi.workers.GeventWorker", "--no-control-socket", "-b", f"127.0.0.1:{port}"]
    with running([sys.executable, "-m", "gunicorn", *worker, "examples.echo_socket:app"], port):
        with WebSocketClient(port, "/echo") as client:
            client.say("take five")
            assert client.hear() == "take five"
        with WebSocketClient(port, "/shout") as client:
            client.say('{"words": "take five"}')
            assert json.loads(client.hear()) == {"heard": "TAKE FIVE"}
