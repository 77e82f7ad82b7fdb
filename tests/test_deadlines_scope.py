"""What a handler has running beside it ends with it, and what it puts off comes after its answer."""

from __future__ import annotations

import re
import signal

import pytest
from servers import DEADLINE_SECONDS
from test_strands import run  # noqa: F401  # a fixture
from webtest import TestApp

from brubeck_wsgi import Brubeck, NotFound, WebMessageHandler
from brubeck_wsgi.concurrency import Event, sleep
from brubeck_wsgi.concurrency.deferring import finish_deferred
from tests.apps.worker_clients import HUBS, Client, ask, serving

APP = "tests.apps.deadline_scope:app"


@pytest.fixture
def steps():
    return []


@pytest.fixture
def client(run, steps):  # noqa: F811
    """Asks a handler, whose class is made of a method, in a thread that has a hub or none."""

    def ask_method(method, path="/", status=200, hooks=False, **bounds):
        def note_end(handler):
            steps.append("on_finish")

        handler = type("Handler", (WebMessageHandler,), {"get": method} | ({"on_finish": note_end} if hooks else {}))
        app = Brubeck(**bounds)
        app.route("/")(handler)
        return run(lambda: TestApp(app).get(path, status=status))

    return ask_method


hooks = pytest.mark.parametrize("hooks", [False, True], ids=["plain", "with hooks"])


@hooks
def test_tasks_are_waited_for_before_the_answer_is_made(client, hooks):
    def get(self):
        found = {}
        self.tasks.spawn(lambda: (sleep(0.05), found.update(price=8)))
        return found

    assert client(get, hooks=hooks).json == {"price": 8}


@hooks
def test_error_of_a_task_is_an_error_of_the_handler(client, steps, hooks):
    begun = Event()

    def sleeper():
        try:
            begun.set()
            sleep(60)
        finally:
            steps.append("cancelled")

    def fail():
        begun.wait(20)
        raise NotFound("no such price")

    def get(self):
        self.tasks.spawn(sleeper)
        self.tasks.spawn(fail)
        sleep(60)

    assert "no such price" in client(get, status=404, hooks=hooks)
    assert steps == ["cancelled", *["on_finish"] * hooks]


@hooks
def test_tasks_end_when_the_handler_fails(client, steps, hooks):
    begun = Event()

    def sleeper():
        try:
            begun.set()
            sleep(60)
        finally:
            steps.append("cancelled")

    def get(self):
        self.tasks.spawn(sleeper)
        begun.wait(20)
        raise NotFound

    client(get, status=404, hooks=hooks)
    assert steps == ["cancelled", *["on_finish"] * hooks]


@hooks
def test_tasks_end_when_the_handler_is_stopped(client, steps, hooks):
    def sleeper():
        try:
            sleep(60)
        finally:
            steps.append("cancelled")

    def get(self):
        self.tasks.spawn(sleeper)

    client(get, status=503, hooks=hooks, timeout=0.5)  # in which the task begins, also on a busy machine
    assert steps == ["cancelled", *["on_finish"] * hooks]


def test_tasks_go_on_while_an_answer_is_streamed(client, steps):
    def get(self):
        tasks = [self.tasks.spawn(lambda: (sleep(0.05), "late")[1]), self.tasks.spawn(lambda: steps.append("done"))]

        def pieces():
            yield "early, "
            yield tasks[0].result()

        return pieces()

    assert client(get).text == "early, late"
    assert steps == ["done"]


def test_tasks_end_when_a_streamed_answer_is_given_up(run, steps):  # noqa: F811
    begun = Event()

    def sleeper():
        try:
            begun.set()
            sleep(60)
        finally:
            steps.append("cancelled")

    class Handler(WebMessageHandler):
        def get(self):
            self.tasks.spawn(sleeper)

            def pieces():
                yield b"first"
                yield b"never asked for"

            return pieces()

    app = Brubeck()
    app.route("/")(Handler)

    def take_one_piece():
        environ = TestApp(app).RequestClass.blank("/").environ
        pieces = app(environ, lambda *arguments: lambda data: None)
        first = next(iter(pieces))
        begun.wait(20)
        pieces.close()
        return first

    assert run(take_one_piece) == b"first"
    assert steps == ["cancelled"]


@hooks
def test_what_is_deferred_runs_after_the_answer(run, steps, hooks):  # noqa: F811
    class Handler(WebMessageHandler):
        def get(self):
            self.defer(steps.append, "first")
            self.defer(lambda: (sleep(0.05), steps.append("second")))
            return "answer"

        if hooks:

            def on_finish(self):
                steps.append("on_finish")

    app = Brubeck()
    app.route("/")(Handler)

    def ask_and_wait():
        answer = TestApp(app).get("/").text
        assert finish_deferred(5)
        return answer

    assert run(ask_and_wait) == "answer"
    assert sorted(step for step in steps if step != "on_finish") == ["first", "second"]
    assert not hooks or steps[0] == "on_finish"


def test_nothing_is_deferred_by_a_handler_that_fails(client, steps):
    def get(self):
        self.defer(steps.append, "mail")
        raise NotFound

    client(get, status=404)
    assert finish_deferred(5)
    assert steps == []


def test_error_of_what_is_deferred_is_logged_with_its_request(run, caplog):  # noqa: F811
    class Handler(WebMessageHandler):
        def get(self):
            self.defer(int, "five")
            return "answer"

    app = Brubeck()
    app.route("/")(Handler)

    def ask_and_wait():
        TestApp(app).get("/", headers={"X-Request-Id": "r-5"})
        assert finish_deferred(5)

    run(ask_and_wait)

    said = [record.getMessage() for record in caplog.records if "failed" in record.getMessage()]
    assert len(said) == 1
    assert re.fullmatch(r"GET / failed: ValueError.* \[r-5\]", said[0])


@pytest.mark.serving
@pytest.mark.parametrize("hub", HUBS)
def test_deferred_call_neither_holds_its_answer_nor_the_connection(hub):
    with serving(hub, app=APP) as server, Client(server) as client:
        for path in ("/defer", "/defer-without-content"):
            client.ask(path)
            assert client.ask("/running").body == b"1"
            client.ask("/let-go")
            server.wait_until(lambda: ask(server, "/running").body == b"0", "end of the deferred call")


@pytest.mark.serving
@pytest.mark.parametrize("worker", [*HUBS, "gthread", "sync"])
def test_server_that_stops_waits_for_what_is_deferred(worker):
    options = () if worker in HUBS else ("-k", worker)
    with serving(worker, *options, app=APP) as server:
        ask(server, "/defer-a-moment")
        server.process.send_signal(signal.SIGTERM)

        server.process.wait(DEADLINE_SECONDS)
        assert "the deferred call is over" in server.output()
