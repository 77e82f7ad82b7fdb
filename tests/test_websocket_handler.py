"""WebSockets in handlers: in this process as far as that goes, on our workers, and behind Mongrel2."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack

import pytest
from mongrel2_servers import RawClient, handler, mongrel2, needs_mongrel2, wait_until
from servers import ROOT, free_port, running
from websocket_clients import WebSocketClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_other
from webtest import TestApp
from wsproto.events import CloseConnection, Ping

from brubeck_wsgi import Brubeck, ConfigurationError, WebSocketHandler
from brubeck_wsgi.handlers.sockets import Switched

APP = "apps.realtime_app:app"


def _worker(stack, worker):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", worker, "--no-control-socket", "-b", f"127.0.0.1:{port}", APP]
    return stack.enter_context(running(command, port, PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}"))


def _handler(stack, *arguments):
    return stack.enter_context(handler(APP, stack.enter_context(mongrel2()), arguments=arguments))


DOORS = {
    "gevent": lambda stack: _worker(stack, "brubeck_wsgi.workers.GeventWorker"),
    "eventlet": lambda stack: _worker(stack, "brubeck_wsgi.workers.EventletWorker"),
    "mongrel2": _handler,
    "mongrel2-threads": lambda stack: _handler(stack, "--concurrency", "threads"),
}
MARKED = [
    pytest.param(name, marks=needs_mongrel2 if name.startswith("mongrel2") else pytest.mark.serving) for name in DOORS
]


@pytest.fixture(scope="module", params=MARKED)
def served(request):
    """A server with `apps.realtime_app` behind it."""
    with ExitStack() as stack:
        server = DOORS[request.param](stack)
        server.is_mongrel2 = request.param.startswith("mongrel2")
        yield server


def connect(served, path="/echo", *lines, **options):
    return WebSocketClient(served.port, path, *lines, **options)


def notes(served):
    return json.loads(served.get("/notes")[1])


def wait_for_note(served, note):
    wait_until(lambda: note in notes(served), f"{note} among {notes(served)[-10:]}")


def refusal(served, path, *lines):
    """Return the status and the head of the answer to a handshake that is refused."""
    client = RawClient(served.port)
    with client:
        WebSocketClient.ask(client, path, "Connection: close", *lines)
        head = client.read_until(b"\r\n\r\n").decode()
    return int(head.split(" ")[1]), head


# -- without a server that makes WebSockets


class Talk(WebSocketHandler):
    def websocket(self, ws):
        raise AssertionError("not reached")


def client_of(handler_class):
    application = Brubeck()
    application.route("/")(handler_class)
    return TestApp(application)


def environ(**changes):
    return {
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "Upgrade",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "brubeck.upgrade": lambda protocol, headers: None,
    } | changes


@pytest.mark.parametrize("asked", [{}, {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"}])
def test_server_without_websockets_is_named_in_clear_words(asked):
    response = client_of(Talk).get("/", extra_environ=asked, status=501)

    assert "this server makes no WebSockets; expected Gunicorn with -k brubeck_wsgi" in response.json["detail"]


@pytest.mark.parametrize(
    ("changes", "status", "header"),
    [
        ({"HTTP_UPGRADE": ""}, 426, ("Upgrade", "websocket")),
        ({"HTTP_SEC_WEBSOCKET_VERSION": "8"}, 426, ("Sec-WebSocket-Version", "13")),
        ({"HTTP_SEC_WEBSOCKET_KEY": "short"}, 400, None),
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, 400, None),
        ({"HTTP_ORIGIN": "http://evil.example"}, 403, None),
    ],
)
def test_request_that_cannot_have_a_websocket_is_refused(changes, status, header):
    response = client_of(Talk).get("/", extra_environ=environ(**changes), status=status)

    assert header is None or header in response.headers.items()


def test_other_methods_are_not_allowed():
    assert client_of(Talk).post("/", status=405).headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        ("http://example.org", "example.org", True),
        ("https://example.org", "example.org", True),  # TLS ends in front of us
        ("https://example.org", "example.org:443", True),
        ("http://example.org:8000", "example.org:8000", True),
        ("HTTP://EXAMPLE.org", "example.ORG", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://friend.example", "example.org", True),
        ("http://friend.example", "example.org", False),
        ("http://example.org:8000", "example.org", False),
        ("http://example.org", "example.org:8000", False),
        ("http://sub.example.org", "example.org", False),
        ("http://example.org.evil.example", "example.org", False),
        ("http://user@example.org", "example.org", False),
        ("file://example.org", "example.org", False),
        ("null", "example.org", False),
        ("", "example.org", False),
        ("http://", "", False),
    ],
)
def test_pages_of_the_same_origin_and_of_friends_may_connect(origin, host, is_allowed):
    class Friendly(WebSocketHandler):
        allowed_origins = ("https://friend.example",)

        def __init__(self):
            self.environ = {"HTTP_HOST": host}

    assert Friendly().check_origin(origin) is is_allowed


def test_any_origin_may_if_the_handler_says_so():
    class Open(WebSocketHandler):
        allowed_origins = ("*",)

        def __init__(self):
            self.environ = {"HTTP_HOST": "example.org"}

    assert Open().check_origin("http://elsewhere.example")


@pytest.mark.parametrize("attribute", ["allowed_origins", "subprotocols"])
def test_text_in_place_of_a_list_is_a_mistake_that_is_found_at_once(attribute):
    with pytest.raises(ConfigurationError, match="as lists of text"):
        type("Wrong", (WebSocketHandler,), {attribute: "https://friend.example"})


def test_hook_has_one_of_its_two_names():
    with pytest.raises(ConfigurationError, match="message or on_message, not both"):
        type("Wrong", (WebSocketHandler,), {"message": lambda self, m: None, "on_message": lambda self, m: None})


def test_function_takes_known_options_only():
    with pytest.raises(ConfigurationError, match=r"expected some of subprotocols, .* got origins"):
        Brubeck().websocket("/", origins=["*"])(lambda application, message, ws: None)


def test_answer_after_101_says_nothing_more_and_does_what_waits_for_its_end():
    called = []
    answer = Switched()
    answer.on_close(lambda: called.append(True))

    assert answer.copy().send({}, None) == []
    assert (answer.status_code, called) == (101, [True])


# -- with one


def test_loop_echoes_text_and_bytes(served):
    with connect(served) as client:
        for message in ("hello", b"\x00\xff", "caf\u00e9", "x" * 100_000):
            client.say(message)
            assert client.hear() == message


def test_hooks_of_either_name_are_called_and_message_stays_the_request(served):
    with connect(served, "/hooks/Dave") as client:
        assert client.hear() == "hello Dave at /hooks/Dave"
        client.say("abc")
        assert client.hear() == "cba"
        client.send(client.connection.send(CloseConnection(code=3005, reason="enough")))
        assert client.hear_close() == (3005, "enough")

    wait_for_note(served, ["/hooks/Dave", 3005, "enough"])


def test_function_has_the_subprotocol_and_the_arguments_of_its_route(served):
    with connect(served, "/function/2", "Sec-WebSocket-Protocol: other, counting") as client:
        assert [json.loads(client.hear()) for _ in range(2)] == [
            {"number": number, "protocol": "counting"} for number in range(2)
        ]
        assert client.hear_close() == (3001, "that was all")


def test_messages_are_json_and_models(served):
    with connect(served, "/moves") as client:
        client.say('["any", "json"]')
        assert json.loads(client.hear()) == ["any", "json"]
        client.say('{"piece": "rook", "square": "a4"}')
        assert json.loads(client.hear()) == {"moved": "rook", "to": "a4"}


@pytest.mark.parametrize("wrong", ["{", '{"piece": 5, "square": "a4"}', b"\xff", "[" * 100_000])
def test_message_that_is_no_object_of_the_model_closes_with_1007(served, wrong):
    with connect(served, "/moves") as client:
        client.say("{}")
        client.hear()
        client.say(wrong)

        assert client.hear_close()[0] == 1007


def test_prepare_answers_before_there_is_a_websocket(served):
    assert refusal(served, "/members")[0] == 401


def test_headers_and_cookies_go_with_the_handshake(served):
    with connect(served, "/members?key=secret") as client:
        assert client.hear() == "welcome"

    assert "\r\nX-Member: yes\r\n" in client.head
    assert "\r\nSet-Cookie: seen=1; Path=/\r\n" in client.head


def test_plain_request_is_told_to_upgrade(served):
    client = RawClient(served.port)
    with client:
        client.get("/echo")
        head, body = client.read_response()

    assert head.startswith(b"HTTP/1.1 426 ")
    assert b"\r\nUpgrade: websocket\r\n" in head
    assert json.loads(body)["status"] == 426


def test_page_of_another_site_may_not_connect(served):
    assert refusal(served, "/echo", "Origin: http://evil.example")[0] == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1", "https://friend.example"])
def test_page_of_the_same_site_or_of_a_friend_may_connect(served, origin):
    with connect(served, "/small", f"Origin: {origin}") as client:
        client.say("hello")
        assert client.hear() == "hello"


def test_failure_of_the_handler_is_1011_and_logged(served):
    with connect(served, "/fail") as client:
        assert client.hear() == "soon"
        assert client.hear_close() == (1011, "")

    wait_for_note(served, ["/fail", 1011, ""])
    assert "GET /fail failed: RuntimeError('on purpose')" in served.output()


def test_error_that_is_meant_for_the_client_is_a_close(served):
    with connect(served, "/busy") as client:
        assert client.hear_close() == (1013, "come back later")


def test_message_that_is_too_large_is_1009(served):
    with connect(served, "/small") as client:
        client.say("x" * 1001)
        assert client.hear_close()[0] == 1009


def test_compressed_message_that_becomes_too_large_is_1009(served):
    with connect(served, "/small", compresses=True) as client:
        client.say("x" * 100_000)
        assert client.hear_close()[0] == 1009


def test_silent_client_is_asked_and_kept_if_it_answers(served):
    with connect(served, "/small") as client:
        for _ in range(2):
            event = client.next_event()
            assert isinstance(event, Ping)
            client.send(client.connection.send(event.response()))
        client.say("still here")

        assert client.hear() == "still here"


def test_receiving_may_have_a_time_limit(served):
    with connect(served, "/patience") as client:
        assert client.hear() == "no message in 0.05 seconds"
        assert client.hear_close()[0] == 1000


def test_client_that_vanishes_is_a_close_with_1006(served):
    client = connect(served, "/moves")

    client.leave()

    wait_for_note(served, ["/moves", 1006, ""])


def test_tasks_end_with_the_websocket(served):
    with connect(served, "/beside") as client:
        assert client.hear() == "tick"
        client.say("hello")
        assert client.hear() == "hello"

    wait_for_note(served, ["tick", "ended"])


def test_slow_reader_holds_the_sender_back(served):
    before = len(notes(served))
    with connect(served, "/flood") as client:
        client.next_event()
        wait_until(lambda: _is_steady(served), "end of the sending")

        sent = max(note[1] for note in notes(served)[before:] if note[0] == "flood")

    assert sent * 65536 < 64 * 1024 * 1024  # of 640 MiB: what the two kernels hold


def _is_steady(served):
    counts = [len(notes(served)) for _ in range(20)]
    return len(set(counts)) == 1


def test_other_library_talks_with_compression_and_fragments(served):
    with connect_other(f"ws://127.0.0.1:{served.port}/echo", max_size=None) as client:
        assert client.protocol.extensions
        client.send("compressed " * 5000)
        assert client.recv() == "compressed " * 5000
        client.send(iter(["in ", "three ", "pieces"]))
        assert client.recv() == "in three pieces"
        assert client.ping().wait(30)


def test_other_library_sees_close_and_reason(served):
    url = f"ws://127.0.0.1:{served.port}/function/0"
    with connect_other(url) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv()

    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (3001, "that was all")


@pytest.mark.parametrize("door", MARKED)
def test_websockets_are_closed_with_1001_when_the_server_stops(door):
    with ExitStack() as stack:
        server = DOORS[door](stack)
        clients = [stack.enter_context(connect(server, path)) for path in ("/echo", "/beside", "/moves")]
        assert clients[1].hear() == "tick"
        clients[0].say("hello")
        assert clients[0].hear() == "hello"

        server.process.send_signal(signal.SIGTERM)

        assert [client.hear_close() for client in clients] == [(1001, "the server stops")] * 3
        assert server.process.wait(30) == 0
