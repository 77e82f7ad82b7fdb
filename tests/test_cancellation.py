"""Handlers whose client has left are stopped, on both hubs; where nothing tells of that, they go on."""

from __future__ import annotations

import re
import resource
import shutil
import time
from contextlib import ExitStack

import pytest
from mongrel2_servers import RawClient, gunicorn, handler, mongrel2
from test_strands import run  # noqa: F401  # a fixture
from webtest import TestApp

from brubeck_wsgi import Brubeck, WebMessageHandler
from brubeck_wsgi.concurrency import TaskGroup, current, sleep
from brubeck_wsgi.concurrency.calls import Bound
from brubeck_wsgi.handlers.guarding import DISCONNECTED
from tests.apps.worker_clients import HUBS, Client, ask, serving

APP = "tests.apps.deadline_app:app"


@pytest.fixture(scope="module", params=[pytest.param(hub, marks=pytest.mark.serving) for hub in HUBS])
def server(request):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with serving(request.param, "--access-logfile", "-", "--worker-connections", "2000", app=APP) as server:
        yield server
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def noted(server):
    """Waits until handlers have noted just what is expected."""
    ask(server, "/noted")

    def wait_for(*expected):
        noted = []

        def is_there():
            noted.extend(ask(server, "/noted").json())
            return len(noted) >= len(expected)

        server.wait_until(is_there, f"{expected}")
        assert noted == list(expected)

    return wait_for


def wait_until_waiting(server, path, count=1):
    server.wait_until(lambda: ask(server, "/waiting").json().get(path, 0) >= count, f"{count} that wait in {path}")


@pytest.mark.parametrize("leave", [Client.close, Client.reset])
def test_handler_stops_when_its_client_leaves(server, noted, leave):
    client = Client(server)
    client.request("/leave")
    wait_until_waiting(server, "/leave")

    leave(client)

    noted("/leave")


def test_client_that_leaves_is_logged_as_499(server, noted):
    client = Client(server)
    client.request("/leave", "X-Request-Id: who-left")
    wait_until_waiting(server, "/leave")
    client.close()
    noted("/leave")

    server.wait_until(lambda: '"GET /leave HTTP/1.1" 499' in server.output(), "499 in the access log")
    assert "brubeck.app GET /leave: stopped tests.apps.deadline_app.waits" in server.output()
    assert "the client has left [who-left]" in server.output()


def test_handler_that_has_opted_out_goes_on(server, noted):
    client = Client(server)
    client.request("/stay")
    wait_until_waiting(server, "/stay")

    client.close()

    noted("/stay")
    assert "stopped tests.apps.deadline_app.waits.<locals>.add.<locals>.handler after 0.6" not in server.output()


def test_method_that_changes_state_goes_on_unless_told_otherwise(server, noted):
    for path in ("/stay", "/leave-always"):
        client = Client(server)
        client.request(path, method="POST", body=b"x")
        wait_until_waiting(server, path)
        client.close()

    noted("/leave-always", "/stay")


def test_stream_is_closed_when_its_client_leaves(server, noted):
    client = Client(server)
    client.request("/leave-stream")
    assert client.receive_head().status == 200
    wait_until_waiting(server, "/leave-stream")

    client.close()

    noted("stream closed")


def test_client_that_stops_sending_and_still_listens_is_told(server):
    with Client(server) as client:
        client.request("/leave")
        wait_until_waiting(server, "/leave")
        client.end_sending()

        assert client.answer().status == 499


def test_request_that_comes_while_another_is_answered_does_not_stop_it(server):
    with Client(server) as client:
        client.request("/stay")
        wait_until_waiting(server, "/stay")
        client.request("/")

        assert [client.answer().body for _ in range(2)] == [b"answered", b"hello"]


def test_a_thousand_clients_that_leave_stop_their_handlers_and_nothing_is_left_behind(server, noted):
    count = 1000
    ask(server, "/left-behind")
    before = ask(server, "/left-behind").json()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(server)) for _ in range(count)]
        for client in clients:
            client.request("/leave")
        wait_until_waiting(server, "/leave", count)

    began = time.monotonic()
    server.wait_until(lambda: not ask(server, "/waiting").json(), "end of all handlers")
    seconds = time.monotonic() - began

    assert ask(server, "/noted").json() == ["/leave"] * count
    after = ask(server, "/left-behind").json()
    assert after["descriptors"] <= before["descriptors"]
    assert after["greenlets"] <= before["greenlets"] + 256  # as many runners are kept for later
    assert seconds < 30  # and not after the minute that each would wait; benchmarks/deadlines.py is stricter


# -- behind Mongrel2


@pytest.mark.parametrize(
    ("serve", "arguments"),
    [
        *(pytest.param(handler, ("--concurrency", hub), id=hub) for hub in HUBS),
        pytest.param(gunicorn, (), id="gunicorn"),
    ],
)
@pytest.mark.mongrel2
@pytest.mark.skipif(shutil.which("mongrel2") is None, reason="Mongrel2 is not installed: mongrel2-core on Debian")
def test_client_that_leaves_mongrel2_stops_its_handler(serve, arguments):
    with mongrel2() as front, serve(APP, front, arguments=arguments) as server:
        with RawClient(front.port) as client:
            client.get("/leave", "X-Request-Id: who-left")
            wait_until_waiting(server, "/leave")

        server.wait_until(lambda: " 499 GET /leave " in server.output(), "499 in the log")
        assert re.search(r"stopped .* the client has left \[who-left\]", server.output())
        assert ask(server, "/noted").json() == ["/leave"]


# -- in this process


TOO_LONG_SECONDS = 8  # for a handler that is stopped


def waiting_app(seconds=0.3, **bounds):
    """Return an application, and a list in which a handler that waits puts the environ of its request."""
    app, requests = Brubeck(), []

    class Waiting(WebMessageHandler):
        def get(self):
            requests.append(self.environ)
            sleep(seconds)
            return "answered"

        post = get

    app.route("/", **bounds)(Waiting)
    return app, requests


def leave_while_waiting(app, requests, method, client):
    """Ask *app*, and have *client* leave meanwhile; return the status."""
    with TaskGroup() as group:
        ask = getattr(TestApp(app), method)
        task = group.spawn(lambda: ask("/", extra_environ={DISCONNECTED: client}, status="*").status_int)
        while not requests:
            sleep(0.01)
        current().calls.leave(client)
    return task.result()


@pytest.mark.parametrize(
    ("bounds", "method", "status"),
    [
        ({}, "get", 499),
        ({}, "post", 200),
        ({"stop_on_disconnect": True}, "post", 499),
        ({"stop_on_disconnect": False}, "get", 200),
        ({"stop_on_disconnect": False, "timeout": 9}, "get", 200),
        ({"timeout": 9}, "get", 499),
        ({"timeout": 9}, "post", 200),
    ],
)
def test_what_is_said_decides_whether_a_handler_stops(run, bounds, method, status):  # noqa: F811
    app, requests = waiting_app(TOO_LONG_SECONDS if status == 499 else 0.3, **bounds)

    assert run(lambda: leave_while_waiting(app, requests, method, object())) == status


@pytest.mark.parametrize(("method", "status"), [("get", 499), ("post", 200)])
def test_function_that_answers_any_method_stops_for_those_that_change_nothing(run, method, status):  # noqa: F811
    app, requests = Brubeck(), []

    @app.add_route("/")
    def wait(application, message):
        requests.append(message.environ)
        sleep(TOO_LONG_SECONDS if status == 499 else 0.3)
        return "answered"

    assert run(lambda: leave_while_waiting(app, requests, method, object())) == status


def test_other_clients_are_left_alone(run):  # noqa: F811
    app, _ = waiting_app()

    def leave_as_somebody_else():
        current().calls.leave("somebody else")
        return TestApp(app).get("/", extra_environ={DISCONNECTED: object()}).status_int

    assert run(leave_as_somebody_else) == 200


def test_client_of_a_request_within_a_request_stops_the_outer_one(run):  # noqa: F811
    inner, requests = waiting_app(TOO_LONG_SECONDS, timeout=9)
    outer = Brubeck(timeout=9)
    went_on = []

    @outer.get("/")
    def delegate(application, message):
        sleep(0.1)  # so that it can be told which of them began first
        went_on.append(TestApp(inner).get("/", extra_environ={DISCONNECTED: message.environ[DISCONNECTED]}, status="*"))
        return "answered"

    assert run(lambda: leave_while_waiting(outer, requests, "get", object())) == 499
    assert went_on == []


def test_call_that_is_over_is_not_stopped_any_more():
    calls, bound, client = current().calls, Bound(5, lambda subject: subject), object()
    calls.table(bound)

    calls.leave(client)

    assert calls.end(calls.carrier(), bound) is None


def test_call_is_stopped_for_one_reason_only():
    calls, bound, client = current().calls, Bound(0.01, lambda subject: subject), object()
    carrier = calls.carrier()
    begun = calls.table(bound)
    begun[carrier] = client

    calls.leave(client)
    calls.leave(client)
    time.sleep(0.1)  # the deadline passes

    assert carrier not in begun
    stop = calls.end(carrier, bound)
    assert (stop.reason, stop.has_left, stop.error) == ("the client has left", True, None)
