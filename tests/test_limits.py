"""So many requests at a time and no more: the others wait, or are sent away."""

from __future__ import annotations

import pytest
from test_strands import run  # noqa: F401  # a fixture
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, WebMessageHandler
from brubeck_wsgi.concurrency import Event, TaskGroup, sleep

PATIENCE_SECONDS = 10


class Crowd:
    """A handler that waits for a gate, and requests to it beside each other."""

    def __init__(self, app):
        self.app = app
        self.gate = Event()
        self.inside = self.most_inside = 0

    def handle(self, application, message):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            self.gate.wait(PATIENCE_SECONDS)
            return "answered"
        finally:
            self.inside -= 1

    def statuses(self, *paths):
        """Ask for all of *paths*, let the handlers go on when all have come, and return the statuses."""
        with TaskGroup() as group:
            tasks = []
            for path in paths:
                tasks.append(group.spawn(lambda path=path: TestApp(self.app).get(path, status="*")))
                sleep(0.02)
            self.gate.set()
        self.answers = [task.result() for task in tasks]
        return [answer.status_int for answer in self.answers]


def test_those_beyond_the_queue_are_sent_away(run):  # noqa: F811
    crowd = Crowd(app := Brubeck())
    app.get("/", max_concurrent=2, max_waiting=1)(crowd.handle)

    assert run(lambda: crowd.statuses(*"/////")) == [200, 200, 200, 503, 503]
    assert crowd.most_inside == 2
    assert crowd.answers[-1].headers["Retry-After"] == "1"
    assert crowd.answers[-1].json["detail"] == "too many requests at a time"


def test_nobody_waits_unless_told_to(run):  # noqa: F811
    crowd = Crowd(app := Brubeck())
    app.get("/", max_concurrent=1)(crowd.handle)

    assert run(lambda: crowd.statuses("/", "/")) == [200, 503]


def test_limit_of_the_application_counts_all_its_handlers(run):  # noqa: F811
    crowd = Crowd(app := Brubeck(max_concurrent=2))
    app.get("/one")(crowd.handle)
    app.get("/other")(crowd.handle)

    assert run(lambda: crowd.statuses("/one", "/other", "/one", "/other")) == [200, 200, 503, 503]


def test_limit_of_a_class_counts_all_its_routes_and_no_others(run):  # noqa: F811
    crowd = Crowd(app := Brubeck())

    class Limited(WebMessageHandler):
        max_concurrent = 1

        def get(self):
            return crowd.handle(self.application, self.message)

    app.route("/one")(Limited)
    app.route("/other", timeout=9)(Limited)
    app.get("/free")(crowd.handle)

    assert run(lambda: crowd.statuses("/one", "/other", "/free", "/free")) == [200, 503, 200, 200]


def test_place_is_given_back_after_an_error_and_after_a_stream(run):  # noqa: F811
    app = Brubeck()

    @app.get("/{how}", max_concurrent=1)
    def answer(application, message, how):
        if how == "fail":
            raise OSError("gone")
        return iter([b"a", b"stream"]) if how == "stream" else how

    def ask_all():
        client = TestApp(app)
        return [client.get(path, status="*").status_int for path in ("/fail", "/stream", "/text", "/stream")]

    assert run(ask_all) == [500, 200, 200, 200]


def test_place_is_held_while_an_answer_is_streamed(run):  # noqa: F811
    app = Brubeck()

    @app.get("/", max_concurrent=1)
    def stream(application, message):
        yield b"first"
        yield b"second"

    def ask_in_a_stream():
        environ = TestApp(app).RequestClass.blank("/").environ
        pieces = app(environ, lambda *arguments: lambda data: None)
        within = TestApp(app).get("/", status="*").status_int
        list(pieces)
        pieces.close()
        return within, TestApp(app).get("/").status_int

    assert run(ask_in_a_stream) == (503, 200)


def test_waiting_for_a_place_counts_as_time_of_the_handler(run):  # noqa: F811
    crowd = Crowd(app := Brubeck())
    app.get("/patient", max_concurrent=1)(crowd.handle)

    class Limited(WebMessageHandler):
        max_concurrent = 1
        max_waiting = 5

        def get(self):
            sleep(0.3)
            return "answered"

    app.route("/", timeout=0.2)(Limited)
    app.route("/slow", timeout=9)(Limited)

    def ask_both():
        with TaskGroup() as group:
            first = group.spawn(lambda: TestApp(app).get("/slow", status="*").status_int)
            sleep(0.02)
            second = group.spawn(lambda: TestApp(app).get("/", status="*").status_int)
        return first.result(), second.result()

    assert run(ask_both) == (200, 503)


@pytest.mark.parametrize("options", [{"max_concurrent": 0}, {"max_concurrent": 1.5}, {"max_waiting": -1}])
def test_limits_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigurationError, match=f"expected {next(iter(options))} as a number"):
        Brubeck(**options)
