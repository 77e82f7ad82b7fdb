"""Event streams from handlers: in this process, on our workers, behind Mongrel2, and on Gunicorn's own workers."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack

import pytest
from apps.realtime_app import app
from mongrel2_servers import RawClient, handler, mongrel2, needs_mongrel2, wait_until
from servers import ROOT, free_port, running
from webtest import TestApp

from brubeck_wsgi import Brubeck, EventStreamHandler, NotFound
from brubeck_wsgi.handlers.events import ServerSentEvent, event_stream
from brubeck_wsgi.middleware.compression import Compression
from brubeck_wsgi.protocols.sse import Event, EventParser

APP = "apps.realtime_app:app"


def _gunicorn(stack, worker, *arguments):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", worker, "--no-control-socket", "-b", f"127.0.0.1:{port}"]
    variables = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return stack.enter_context(running([*command, *arguments, APP], port, **variables))


def _handler(stack):
    return stack.enter_context(handler(APP, stack.enter_context(mongrel2())))


DOORS = {
    "gevent": lambda stack: _gunicorn(stack, "brubeck_wsgi.workers.GeventWorker"),
    "eventlet": lambda stack: _gunicorn(stack, "brubeck_wsgi.workers.EventletWorker"),
    "mongrel2": _handler,
    # From the root of a project whose gunicorn.conf.py would put our worker in its place.
    "stock-gevent": lambda stack: _gunicorn(stack, "gunicorn.workers.ggevent.GeventWorker"),
    "stock-gthread": lambda stack: _gunicorn(stack, "gthread", "--threads", "4"),
}


def marked(names):
    return [pytest.param(name, marks=needs_mongrel2 if name == "mongrel2" else pytest.mark.serving) for name in names]


@pytest.fixture(scope="module", params=marked(DOORS))
def served(request):
    """A server with `apps.realtime_app` behind it."""
    with ExitStack() as stack:
        server = DOORS[request.param](stack)
        server.name = request.param
        yield server


class Listener(RawClient):
    """A client of a stream."""

    def __init__(self, port, path, *lines):
        super().__init__(port)
        self.get(path, *lines)
        self.head = self.read_until(b"\r\n\r\n").decode()
        assert self.head.startswith("HTTP/1.1 200 "), self.head

    def read_piece(self):
        """Return the next chunk; ``b""`` for the end of the stream."""
        size = int(self.read_until(b"\r\n"), 16)
        return self.read(size + 2)[:-2]


def notes(served):
    return json.loads(served.get("/notes")[1])


def client(handler_class):
    application = Brubeck()
    application.route("/")(handler_class)
    return TestApp(application)


def events_of(body):
    return EventParser().receive(body)


# -- what is sent


def test_events_carry_type_id_and_json():
    response = TestApp(app).get("/events")

    assert events_of(response.body) == [
        *(Event(f'{{"number":{number}}}', "count", str(number)) for number in (1, 2, 3)),
        Event("one line\nand another", "message", "3"),
    ]


def test_head_keeps_caches_and_proxies_from_holding_events_back():
    response = TestApp(app).get("/events")

    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-cache, no-transform"
    assert response.headers["X-Accel-Buffering"] == "no"


def test_client_that_comes_back_says_what_it_had_last():
    response = TestApp(app).get("/events", headers={"Last-Event-ID": "7"})

    assert [event.last_id for event in events_of(response.body)] == ["8", "9", "10", "10"]


@pytest.mark.parametrize(
    ("sent", "identity"),
    [({}, None), ({"Last-Event-ID": ""}, None), ({"Last-Event-ID": "caf\u00c3\u00a9"}, "caf\u00e9")],
)
def test_last_event_id_is_text_or_none(sent, identity):
    class Echo(EventStreamHandler):
        def events(self):
            yield [self.last_event_id]

    assert json.loads(events_of(client(Echo).get("/", headers=sent).body)[0].data) == [identity]


def test_time_to_come_back_is_said_first():
    assert TestApp(app).get("/events").body.startswith(b"retry: 2500\n\n")


def test_function_streams_too():
    response = TestApp(app).get("/function-events/2")

    assert [event.data for event in events_of(response.body)] == ["[0]", "[1]"]
    assert response.headers["Content-Type"] == "text/event-stream"


@pytest.mark.parametrize(
    ("item", "data"),
    [
        ("text", "text"),
        (5, "5"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        (ServerSentEvent("text", comment="for nobody"), "text"),
        (ServerSentEvent(["x"]), '["x"]'),
    ],
)
def test_data_is_text_or_json(item, data):
    class One(EventStreamHandler):
        def events(self):
            yield item

    assert [event.data for event in events_of(client(One).get("/").body)] == [data]


def test_error_before_there_is_a_generator_is_answered():
    class Missing(EventStreamHandler):
        def events(self):
            raise NotFound("no such channel")

    assert client(Missing).get("/", status=404).json["detail"] == "no such channel"


def test_what_prepare_says_comes_before_events():
    class Refusing(EventStreamHandler):
        def prepare(self):
            return "not today", 403

        def events(self):
            raise AssertionError("not reached")

    assert client(Refusing).get("/", status=403).text == "not today"


def test_headers_and_cookies_of_the_handler_go_with_the_stream():
    class Cooking(EventStreamHandler):
        def prepare(self):
            self.headers["X-Channel"] = "news"
            self.set_cookie("seen", "1")

        def events(self):
            yield "x"

    response = client(Cooking).get("/")

    assert (response.headers["X-Channel"], response.headers["Set-Cookie"]) == ("news", "seen=1; Path=/")
    assert response.headers["Content-Type"] == "text/event-stream"


def test_head_begins_no_generator():
    begun = []

    class Lazy(EventStreamHandler):
        def events(self):
            begun.append(1)
            yield "x"

    assert client(Lazy).head("/").headers["Content-Type"] == "text/event-stream"
    assert begun == []


@pytest.mark.parametrize("wrong", [None, "text", b"bytes", {"a": 1}])
def test_what_is_no_generator_is_an_error_that_says_so(wrong, caplog):
    class Wrong(EventStreamHandler):
        def events(self):
            return wrong

    client(Wrong).get("/", status=500)

    assert "expected a generator of events" in caplog.text


@pytest.mark.parametrize("heartbeat", [0, -1])
def test_heartbeat_has_to_be_seconds(heartbeat):
    application = Brubeck()
    application.get("/")(lambda application, message: event_stream(message, [], heartbeat=heartbeat))

    TestApp(application).get("/", status=500)


def test_generator_is_closed_where_it_stands_when_the_server_gives_up():
    closed = []

    class Endless(EventStreamHandler):
        def events(self):
            try:
                while True:
                    yield "x"
            finally:
                closed.append(True)

    application = Brubeck()
    application.route("/")(Endless)
    environ = TestApp(application).RequestClass.blank("/").environ
    pieces = application(environ, lambda status, headers, exc_info=None: lambda data: None)
    iterator = iter(pieces)
    assert (next(iterator), next(iterator)[:9]) == (b":\n\n", b"data: x\n\n")

    pieces.close()

    assert closed == [True]


def test_compression_leaves_streams_alone():
    application = Brubeck()
    application.get("/")(lambda application, message: event_stream(message, ["x" * 5000]))
    application.add_middleware(Compression, streams=True)

    assert "Content-Encoding" not in TestApp(application).get("/", headers={"Accept-Encoding": "gzip"}).headers


# -- on servers


def test_events_arrive_one_by_one(served):
    with Listener(served.port, "/slow-events") as listener:
        assert listener.read_piece() == b":\n\n"
        assert [listener.read_piece() for _ in range(3)] == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
        assert listener.read_piece() == b""


def test_stream_is_not_bound_by_the_timeout_of_the_application(served):
    with Listener(served.port, "/slow-events") as listener:  # which takes twice as long
        pieces = list(iter(listener.read_piece, b""))

    assert len(pieces) == 4


def test_error_in_the_generator_breaks_the_stream_off(served):
    with Listener(served.port, "/broken-events") as listener:
        received = listener.read_to_end()

    assert b"0\r\n\r\n" not in received  # which would be a proper end


def test_heartbeats_come_while_the_generator_is_silent(served):
    with Listener(served.port, f"/deaf-silence/beats-{served.name}") as listener:
        pieces = [listener.read_piece() for _ in range(5)]

    assert pieces == [b":\n\n", b"data: begun\n\n", b":\n\n", b":\n\n", b":\n\n"]


@pytest.mark.parametrize("path", ["silence", "deaf-silence"])
def test_client_that_leaves_a_silent_stream_is_noticed(served, path):
    if served.name == "stock-gthread":
        pytest.skip("a thread that waits in the standard library's queue cannot be interrupted")
    name = f"{path}-left-{served.name}"
    with Listener(served.port, f"/{path}/{name}") as listener:
        listener.read_piece()
        assert listener.read_piece() == b"data: begun\n\n"
        assert [name, "closed"] not in notes(served)

    wait_until(lambda: [name, "closed"] in notes(served), "end of the generator")
    wait_until(lambda: [f"/{path}/{name}", "finished"] in notes(served), "on_finish")


@pytest.mark.parametrize("door", marked(["gevent", "eventlet", "mongrel2"]))
def test_stream_ends_politely_when_the_server_stops(door):
    with ExitStack() as stack:
        server = DOORS[door](stack)
        listener = stack.enter_context(Listener(server.port, "/silence/stop"))
        listener.read_piece()
        assert listener.read_piece() == b"data: begun\n\n"

        server.process.send_signal(signal.SIGTERM)
        *heartbeats, farewell = iter(listener.read_piece, b"")

        assert server.process.wait(30) == 0
    parser = EventParser()
    parser.receive(farewell)
    assert set(heartbeats) <= {b":\n\n"}
    assert 1000 <= parser.retry <= 4000
