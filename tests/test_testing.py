"""The client that tests of WebSockets and streams of events are written with; it is tested with what it tests."""

from __future__ import annotations

import subprocess
import sys

import pytest
from webtest import AppError

from brubeck_wsgi import Brubeck, Forbidden
from brubeck_wsgi.channels import MemoryChannels
from brubeck_wsgi.handlers.events import EventStreamHandler, ServerSentEvent, event_stream
from brubeck_wsgi.handlers.sockets import WebSocketHandler
from brubeck_wsgi.interfaces import ChannelClosed
from brubeck_wsgi.protocols.errors import LocalProtocolError
from brubeck_wsgi.testing import TestClient


@pytest.fixture
def notes():
    """What handlers have noted."""
    return []


@pytest.fixture
def client(notes):
    app = Brubeck(channels=MemoryChannels())

    @app.websocket("/echo", subprotocols=["tea", "coffee"])
    def echo(application, message, ws):
        for text in ws:
            ws.send(text)
        notes.append(ws.close_code)

    @app.websocket("/fail")
    def fail(application, message, ws):
        raise RuntimeError("out of tune")

    @app.websocket("/part")
    def part(application, message, ws):
        ws.send("bye")
        ws.close(4000, "enough")

    @app.websocket("/flood")
    def flood(application, message, ws):
        while True:
            ws.send("x")

    @app.route("/login")
    class Login(WebSocketHandler):
        def prepare(self):
            if self.get_cookie("user") is None:
                raise Forbidden("log in first")
            self.set_cookie("seen", "yes")

        def websocket(self, ws):
            ws.send_json({"user": self.get_cookie("user")})

    @app.get("/count")
    def count(application, message):
        def numbers():
            first = int(message.headers.get("Last-Event-ID", "0")) + 1
            for number in range(first, first + 3):
                yield ServerSentEvent({"number": number}, "number", number)

        return event_stream(message, numbers(), retry=50)

    @app.route("/news")
    class News(EventStreamHandler):
        def events(self):
            with self.application.channels.subscribe("news") as subscription:
                yield "ready"
                try:
                    for message in subscription:
                        yield message.data
                finally:
                    notes.append("left")

    @app.get("/stream-that-fails")
    def stream_that_fails(application, message):
        def events():
            yield "one"
            raise RuntimeError("out of tune")

        return event_stream(message, events())

    @app.get("/plain")
    def plain(application, message):
        return "plain"

    return TestClient(app)


def test_ordinary_requests_are_those_of_webtest(client):
    assert client.get("/plain").text == "plain"


def test_messages_go_both_ways(client, notes):
    with client.websocket("/echo") as ws:
        ws.send("text")
        ws.send(b"bytes")
        ws.send_json([1])

        assert (ws.receive(), ws.receive(), ws.receive_json()) == ("text", b"bytes", [1])

    assert notes == [1000]
    assert ws.close_code == 1000


def test_subprotocol_is_agreed_on(client):
    with client.websocket("/echo", subprotocols=["coffee", "tea"]) as ws:
        assert ws.subprotocol == "tea"
    with client.websocket("/echo") as ws:
        assert ws.subprotocol is None


def test_close_of_the_handler_is_heard(client):
    with client.websocket("/part") as ws:
        assert list(ws) == ["bye"]
        assert (ws.close_code, ws.close_reason) == (4000, "enough")
        with pytest.raises(ChannelClosed, match="enough"):
            ws.receive()
        with pytest.raises(LocalProtocolError, match="expected an open WebSocket"):
            ws.send("too late")


def test_client_says_how_it_closes(client, notes):
    with client.websocket("/echo") as ws:
        ws.close(4001, "tired")

    assert notes == [4001]


def test_client_may_leave_without_a_word(client, notes):
    with client.websocket("/echo") as ws:
        ws.leave()

        assert ws.close_code == 1006

    assert notes == [1006]


def test_handler_that_fails_closes_with_1011_and_fails_the_test(client):
    with pytest.raises(RuntimeError, match="out of tune"), client.websocket("/fail") as ws:
        assert ws.wait_closed() == 1011


def test_handler_that_never_listens_ends_with_its_client(client):
    client.timeout = 0.5
    with client.websocket("/flood") as ws:
        assert ws.receive() == "x"
        ws.leave()


def test_handler_that_does_not_end_is_told_of(client):
    client.timeout = 0.2
    with pytest.raises(TimeoutError), client.websocket("/flood"):
        pass


def test_silence_is_told_of(client):
    with client.websocket("/echo") as ws, pytest.raises(TimeoutError, match=r"nothing came in 0\.01 seconds"):
        ws.receive(timeout=0.01)


def test_refusal_is_an_error_with_its_reason(client):
    with pytest.raises(AppError, match="403 Forbidden") as refused, client.websocket("/login"):
        pass

    assert "log in first" in str(refused.value)


def test_page_of_another_site_is_refused(client):
    headers = {"Origin": "https://evil.example"}

    with pytest.raises(AppError, match="403"), client.websocket("/echo", headers=headers):
        pass


def test_cookies_are_those_of_the_client(client):
    client.set_cookie("user", "dave")

    with client.websocket("/login") as ws:
        assert ws.receive_json() == {"user": "dave"}

    assert client.cookies["seen"] == "yes"


def test_server_that_stops_closes_with_1001(client):
    with client.websocket("/echo") as ws:
        client.stopping.set()

        assert ws.wait_closed() == 1001


def test_events_are_read_as_browsers_read_them(client):
    with client.events("/count") as stream:
        first = stream.receive()

        assert (first.event, first.data, first.last_id) == ("number", '{"number":1}', "1")
        assert [event.last_id for event in stream] == ["2", "3"]
        assert (stream.last_id, stream.receive()) == ("3", None)
        assert stream.retry == 50


def test_stream_is_resumed(client):
    with client.events("/count", last_event_id="3") as stream:
        assert stream.receive().last_id == "4"


def test_stream_ends_with_its_client(client, notes):
    with client.events("/news") as stream:
        assert stream.receive().data == "ready"
        client.app.channels.publish("news", "hello")
        assert stream.receive().data == "hello"

    assert notes == ["left"]


def test_stream_that_fails_fails_the_test(client):
    with pytest.raises(RuntimeError, match="out of tune"), client.events("/stream-that-fails") as stream:
        assert [event.data for event in stream] == ["one"]


def test_other_answers_are_errors(client):
    with pytest.raises(AppError, match="expected a stream of events, 200, got 200 OK\nplain"), client.events("/plain"):
        pass
    with pytest.raises(AppError, match="expected a WebSocket, 101, got 200 OK"), client.websocket("/plain"):
        pass
    with pytest.raises(AppError, match="404"), client.events("/nowhere"):
        pass


def test_error_of_the_test_is_not_hidden_by_its_end(client):
    with pytest.raises(AssertionError, match="mine"), client.websocket("/flood"):
        raise AssertionError("mine")


def test_application_that_raises_fails_the_test():
    def application(environ, start_response):
        raise RuntimeError("out of tune")

    with pytest.raises(RuntimeError, match="out of tune"), TestClient(application).events("/"):
        pass


@pytest.mark.parametrize("hub", ["gevent", "eventlet"])
def test_handlers_are_greenlets_where_the_process_is_patched(hub, tmp_path):
    patch = {
        "gevent": "import gevent.monkey as m; m.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }
    program = f"""
{patch[hub]}
from brubeck_wsgi import Brubeck
from brubeck_wsgi.testing import TestClient
app = Brubeck()
@app.websocket("/echo")
def echo(application, message, ws):
    for text in ws:
        ws.send(text)
with TestClient(app).websocket("/echo") as ws:
    ws.send("hello")
    print(ws.receive())
"""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60)

    assert run.stdout == "hello\n", run.stderr
