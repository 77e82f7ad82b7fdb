"""Handlers that take too long are stopped: on threads, where they wait with this package, and on both hubs."""

from __future__ import annotations

import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, WebMessageHandler
from brubeck_wsgi.concurrency import sleep
from tests.apps import deadline_app
from tests.apps.worker_clients import HUBS, Client, ask, serving

APP = "tests.apps.deadline_app:app"


class InThisProcess:
    """Asks the application as `Hub` does, without a server."""

    def __init__(self):
        self._app = TestApp(deadline_app.app)

    def ask(self, path, **options):
        answer = self._app.get(path, expect_errors=True, **options)
        return answer.status_int, answer.headers, answer.body

    def noted(self):
        return self._app.get("/noted").json


class OnHub:
    """Asks the application behind a worker."""

    def __init__(self, server):
        self.server = server

    def ask(self, path):
        answer = ask(self.server, path)
        return answer.status, dict(answer.headers), answer.body

    def noted(self):
        return ask(self.server, "/noted").json()


@pytest.fixture(scope="module", params=["threads", *(pytest.param(hub, marks=pytest.mark.serving) for hub in HUBS)])
def service(request):
    if request.param == "threads":
        yield InThisProcess()
    else:
        with serving(request.param, app=APP) as server:
            yield OnHub(server)


@pytest.fixture
def client(service):
    service.noted()  # forget what earlier tests have done
    return service


@pytest.fixture(scope="module", params=HUBS)
def server(request):
    with serving(request.param, "--worker-connections", "2000", app=APP) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "status"), [("/late", 503), ("/upstream", 504), ("/late-class", 504), ("/late-class-on-route", 503)]
)
def test_handler_is_stopped_at_its_deadline(client, path, status):
    began = time.monotonic()
    answer, headers, body = client.ask(path)
    seconds = time.monotonic() - began

    assert (answer, headers["Content-Type"]) == (status, "application/problem+json")
    assert b'"detail":"the answer took too long"' in body
    assert seconds < 4  # and not at that of the application; benchmarks/deadlines.py is stricter


def test_finally_blocks_and_on_finish_run_when_a_handler_is_stopped(client):
    client.ask("/late")
    client.ask("/late-class")

    assert client.noted() == ["/late", "finally", "on_finish"]


def test_what_catches_all_exceptions_does_not_keep_a_handler_from_stopping(client):
    assert client.ask("/swallows")[0] == 503
    assert client.noted() == ["/swallows"]


def test_what_is_shielded_is_finished_first(client):
    assert client.ask("/shielded")[0] == 503
    assert client.noted() == ["committed", "/shielded"]


def test_time_limit_inside_a_handler_is_its_own(client):
    assert client.ask("/tighter")[::2] == (200, b"in time")


def test_handler_that_is_in_time_is_left_alone(client):
    assert client.ask("/")[::2] == (200, b"hello")
    assert client.ask("/second")[::2] == (200, b"answered")


def test_deadline_of_one_request_does_not_reach_the_next(client):
    for _ in range(3):
        assert client.ask("/late-class")[0] == 504
        assert client.ask("/second")[0] == 200


# -- in this process


@pytest.fixture
def app():
    return Brubeck()


def said_of_requests(caplog):
    """Return what is logged of requests; threads of other tests, which watch loops, may have more to say."""
    return [record for record in caplog.records if record.name == "brubeck.app"]


def test_log_names_the_handler_its_stack_and_its_time(app, caplog):
    @app.get("/slow", timeout=0.1)
    def slow(application, message):
        sleep(60)

    TestApp(app).get("/slow", status=503, headers={"X-Request-Id": "r-1"})

    (record,) = said_of_requests(caplog)
    assert record.levelname == "WARNING"
    name = f"{__name__}.test_log_names_the_handler_its_stack_and_its_time.<locals>.slow"
    expected = rf"GET /slow: stopped {re.escape(name)} after (\d+\.\d\d) s: its timeout is 0\.1 s \[r-1\]"
    assert float(re.fullmatch(expected, record.getMessage())[1]) >= 0.1
    assert "in slow\n    sleep(60)" in caplog.text


def test_streamed_answer_that_has_begun_is_broken_off(app, caplog):
    closed = []

    @app.get("/stream", timeout=0.1)
    def stream(application, message):
        try:
            yield b"begun"
            sleep(60)
        finally:
            closed.append(True)

    with pytest.raises(ConnectionError, match="broken off: its timeout is"):
        TestApp(app).get("/stream")

    assert closed == [True]
    assert [record.getMessage().split(":")[0] for record in said_of_requests(caplog)] == ["GET /stream"]


def test_answer_whose_first_piece_is_late_is_503(app):
    @app.get("/stream", timeout=0.1)
    def stream(application, message):
        sleep(60)
        yield b"never"

    TestApp(app).get("/stream", status=503)


def test_error_handler_answers_for_a_handler_that_was_stopped(app):
    @app.get("/slow", timeout=0.1)
    def slow(application, message):
        sleep(60)

    @app.error_handler(503)
    def answer(application, message, error):
        return "come back later"

    assert TestApp(app).get("/slow", status=503).text == "come back later"


def test_error_while_cleaning_up_is_logged_and_answered_as_any_other(app, caplog):
    @app.get("/slow", timeout=0.1)
    def slow(application, message):
        try:
            sleep(60)
        finally:
            raise OSError("the table is gone")

    TestApp(app).get("/slow", status=500)

    assert [record.levelname for record in said_of_requests(caplog)] == ["WARNING", "ERROR"]


class Slow(WebMessageHandler):
    def get(self):
        sleep(0.3)
        return "slow"


class Patient(Slow):
    timeout = None


@pytest.mark.parametrize(
    ("of_app", "handler", "of_route", "status"),
    [
        ({}, Slow, {}, 200),
        ({"timeout": 0.1}, Slow, {}, 503),
        ({"timeout": 0.1}, Patient, {}, 200),
        ({"timeout": 0.1}, Slow, {"timeout": None}, 200),
        ({}, Patient, {"timeout": 0.1}, 503),
        ({"timeout": 9}, Slow, {"timeout": 0.1, "timeout_status": 504}, 504),
    ],
)
def test_route_comes_before_class_and_class_before_application(of_app, handler, of_route, status):
    app = Brubeck(**of_app)
    app.route("/", **of_route)(handler)

    TestApp(app).get("/", status=status)


@pytest.mark.parametrize("options", [{"no_handler": lambda application, message: sleep(60)}, {"base_handler": None}])
def test_handler_of_unknown_paths_has_the_deadline_of_the_application(options):
    if "base_handler" in options:

        class Everything(WebMessageHandler):
            def get(self):
                sleep(60)

        options = {"base_handler": Everything}

    TestApp(Brubeck(timeout=0.1, **options)).get("/nowhere", status=503)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_each_way_to_add_a_route_takes_a_timeout(app, method):
    getattr(app, method)("/", timeout=0.1)(lambda application, message: sleep(60))

    getattr(TestApp(app), method)("/", status=503)


@pytest.mark.parametrize(
    "options",
    [
        *({"timeout": value} for value in (0, -1, "5", True, float("nan"))),
        {"timeout_status": 500},
        {"timeout_status": None},
        {"stop_on_disconnect": "no"},
    ],
)
def test_bounds_that_make_no_sense_are_refused(app, options):
    with pytest.raises(ConfigurationError, match=f"expected {next(iter(options))} as"):
        Brubeck(**options)
    with pytest.raises(ConfigurationError, match=f"expected {next(iter(options))} as"):
        app.get("/", **options)(lambda application, message: "")


def test_bound_that_there_is_not_is_refused(app):
    with pytest.raises(TypeError, match="time_out"):
        app.get("/", time_out=5)(lambda application, message: "")


# -- on hubs


@pytest.mark.serving
def test_handler_is_stopped_where_a_library_waits(server):
    assert ask(server, "/late-in-library").status == 503


@pytest.mark.serving
def test_handler_that_waits_for_its_body_is_stopped_and_the_connection_ends(server):
    with Client(server) as client:
        client.request("/late-in-body", "Content-Length: 5", method="POST")
        client.send(b"ab")

        assert client.answer().status == 503
        client.send(b"cde")
        client.request("/")
        assert client.answer().body == b"hello"  # what it did not read was thrown away


@pytest.mark.serving
def test_client_of_a_stream_that_is_stopped_sees_that_something_is_missing(server):
    with Client(server) as client:
        client.request("/late-stream")

        assert client.receive_head().framing == "chunked"
        assert client.receive_chunk() == b"begun"
        with pytest.raises(AssertionError, match="the connection ended after"):
            client.receive_chunk()
    assert "stream closed" in ask(server, "/noted").json()


@pytest.mark.serving
def test_stream_that_is_stopped_is_logged_once(server):
    known = len(server.output())
    with Client(server) as client:
        client.request("/late-stream")
        client.rest()

    server.wait_until(lambda: "/late-stream: stopped" in server.output()[known:], "warning")
    ask(server, "/")  # what else there is to say of the other has been said by now
    assert server.output()[known:].count("Traceback") == 1


@pytest.mark.serving
def test_a_thousand_handlers_that_wait_do_so_beside_each_other(server):
    def all_of_them():
        connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(1000)]
        for connection in connections:
            connection.connect()
        began = time.monotonic()
        for connection in connections:
            connection.request("GET", "/second")
        statuses = {connection.getresponse().status for connection in connections}
        seconds = time.monotonic() - began
        for connection in connections:
            connection.close()
        return seconds, statuses

    seconds, statuses = all_of_them()

    assert statuses == {200}
    assert seconds < 60  # one after the other it would be a thousand; benchmarks/deadlines.py is stricter


@pytest.mark.serving
def test_handlers_that_are_stopped_leave_nothing_behind(server):
    ask(server, "/left-behind")
    before = ask(server, "/left-behind").json()

    with ThreadPoolExecutor(20) as pool:
        assert {answer.status for answer in pool.map(lambda _: ask(server, "/late-class"), range(60))} == {504}

    def is_as_before():
        after = ask(server, "/left-behind").json()
        return after["descriptors"] <= before["descriptors"] and after["greenlets"] <= before["greenlets"] + 20

    server.wait_until(is_as_before, f"return to {before}")
