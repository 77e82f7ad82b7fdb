"""What runs around handlers: hooks of the application before and after, and WSGI middleware."""

from __future__ import annotations

import io
from contextlib import closing

import pytest
import webob
import webob.exc
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, NotFound, Response, ServiceUnavailable, WebMessageHandler


@pytest.fixture
def events():
    """What happened, in order."""
    return []


@pytest.fixture
def app(events):
    """An application with a few routes, which notes when a handler runs."""
    app = Brubeck()

    @app.get("/take")
    def take(application, message):
        events.append("handler")
        return "five"

    @app.get("/stream")
    def stream(application, message):
        try:
            yield "4"
            yield "5"
        finally:
            events.append("closed")

    @app.get("/fail")
    def fail(application, message):
        raise LookupError("no take")

    return app


def wrapping(name, events):
    """Return middleware that notes when a request passes it, and when its answer comes back."""

    def middleware(application):
        def wrapped(environ, start_response):
            events.append(f"{name} in")

            def start(status, headers, *exc_info):
                events.append(f"{name} out {status[:3]}")
                return start_response(status, [*headers, ("X-Passed", name)], *exc_info)

            return application(environ, start)

        return wrapped

    return middleware


# -- before


def test_hooks_run_in_order_around_the_handler(app, events):
    for name in ("first", "second"):
        app.before_request(lambda application, message, name=name: events.append(f"before {name}"))
        app.after_request(lambda application, message, response, name=name: events.append(f"after {name}"))

    assert TestApp(app).get("/take").text == "five"

    assert events == ["before first", "before second", "handler", "after first", "after second"]


def test_hooks_get_the_application_the_message_and_the_response(app, events):
    @app.before_request
    def before(application, message):
        events.append((application, message.path))

    @app.after_request
    def after(application, message, response):
        events.append((application, message.path, response.body))

    TestApp(app).get("/take")

    assert events == [(app, "/take"), "handler", (app, "/take", b"five")]


@pytest.mark.parametrize(
    ("returned", "status", "body"),
    [
        ("closed", 200, b"closed"),
        ("", 200, b""),
        ({}, 200, b"{}"),
        (("closed", 503), 503, b"closed"),
        (Response("closed", 503), 503, b"closed"),
        (webob.Response("closed", 503), 503, b"closed"),
    ],
)
def test_first_before_hook_that_returns_something_answers(app, events, returned, status, body):
    app.before_request(lambda application, message: events.append("first"))
    app.before_request(lambda application, message: returned)
    app.before_request(lambda application, message: events.append("last"))
    app.after_request(lambda application, message, response: events.append("after"))

    answer = TestApp(app).get("/take", expect_errors=True)

    assert (answer.status_code, answer.body) == (status, body)
    assert events == ["first", "after"]


def test_before_hooks_run_for_paths_that_are_not_there(app):
    app.before_request(lambda application, message: "found")

    assert TestApp(app).get("/nowhere").text == "found"


@pytest.mark.parametrize(("error", "status"), [(ServiceUnavailable("later"), 503), (LookupError("no take"), 500)])
def test_before_hook_that_raises_is_answered_as_a_handler_that_does(app, events, error, status, caplog):
    @app.before_request
    def fail(application, message):
        raise error

    app.after_request(lambda application, message, response: events.append(response.status_code))

    TestApp(app).get("/take", status=status)

    assert events == [status]
    assert len(caplog.records) == (status == 500)


def test_what_a_before_hook_sets_on_the_message_reaches_the_handler(app):
    @app.before_request
    def find_user(application, message):
        message.user = "Dave"

    app.get("/user")(lambda application, message: message.user)

    assert TestApp(app).get("/user").text == "Dave"


# -- after


@pytest.mark.parametrize(
    ("path", "status"), [("/take", 200), ("/stream", 200), ("/nowhere", 404), ("/fail", 500), ("/bad%ff", 400)]
)
def test_after_hooks_see_every_answer(app, path, status):
    @app.after_request
    def mark(application, message, response):
        response.headers["X-Status"] = response.status_code

    assert TestApp(app).get(path, status=status).headers["X-Status"] == str(status)


@pytest.mark.parametrize(
    "returned",
    ["other", b"other", Response("other"), webob.Response("other"), iter(["oth", "er"]), io.BytesIO(b"other")],
    ids=lambda returned: type(returned).__name__,
)
def test_what_an_after_hook_returns_is_sent_instead(app, events, returned):
    app.after_request(lambda application, message, response: returned)
    app.after_request(lambda application, message, response: response.headers.add("X-Last", "seen"))

    answer = TestApp(app).get("/stream")

    assert (answer.body, answer.headers["X-Last"]) == (b"other", "seen")
    assert events == ["closed"]


def test_after_hook_changes_nothing_for_other_requests(app):
    constant = Response("five")
    app.get("/constant")(lambda application, message: constant)
    app.get("/replaced")(lambda application, message: "")

    @app.after_request
    def mark(application, message, response):
        response.headers.add("X-Path", message.path)
        return constant if message.path == "/replaced" else None

    client = TestApp(app)
    client.get("/replaced")
    client.get("/constant?1")

    assert client.get("/constant?2").headers.getall("X-Path") == ["/constant"]
    assert "X-Path" not in constant.headers


def test_after_hook_may_change_the_body(app):
    @app.after_request
    def double(application, message, response):
        response.body = response.body.decode() * 2

    answer = TestApp(app).get("/take")

    assert (answer.text, answer.headers["Content-Length"]) == ("fivefive", "8")


def test_after_hook_may_wrap_a_stream_which_is_closed_once(app, events):
    @app.after_request
    def double(application, message, response):
        response.body = (piece * 2 for piece in response.body)

    assert TestApp(app).get("/stream").body == b"4455"
    assert events == ["closed"]


def test_stream_that_fails_within_its_wrapping_is_logged_once(app, caplog):
    @app.get("/broken")
    def broken(application, message):
        yield "4"
        raise LookupError("no piece")

    @app.after_request
    def wrap(application, message, response):
        response.body = (piece for piece in response.body)

    with pytest.raises(LookupError, match="no piece"):
        TestApp(app).get("/broken")

    assert caplog.text.count("failed: LookupError('no piece')") == 1


@pytest.mark.parametrize("path", ["/take", "/stream"])
def test_after_hook_that_raises_is_logged_and_500_and_the_rest_still_run(app, path, caplog):
    @app.after_request
    def fail(application, message, response):
        raise LookupError("no hook")

    @app.after_request
    def mark(application, message, response):
        response.headers["X-Status"] = response.status_code

    assert TestApp(app).get(path, status=500).headers["X-Status"] == "500"
    assert caplog.text.count("failed: LookupError('no hook')") == 1


@pytest.mark.parametrize("returned", [5, iter([5]), Response(iter([5]))])
def test_after_hook_that_returns_nothing_sendable_is_logged_and_500(app, events, returned, caplog):
    app.after_request(lambda application, message, response: returned)

    TestApp(app).get("/stream", status=500)

    assert events == ["closed"]
    assert len(caplog.records) == 1


def test_stream_that_an_after_hook_refuses_is_finished(app, events, caplog):
    @app.route("/handled")
    class StreamHandler(WebMessageHandler):
        def get(self):
            yield "4"
            yield "5"

        def on_finish(self):
            events.append("finished")

    @app.after_request
    def refuse(application, message, response):
        raise NotFound("not for you")

    assert TestApp(app).get("/handled", status=404).json["detail"] == "not for you"
    assert events == ["finished"]
    assert not caplog.records


def test_failure_while_an_answer_is_given_up_is_logged(app, caplog):
    @app.after_request
    def refuse(application, message, response):
        response.on_close(lambda: 1 / 0)
        raise NotFound("not for you")

    TestApp(app).get("/stream", status=404)

    [failure] = caplog.records
    assert "failed: ZeroDivisionError" in failure.getMessage()


def test_after_hook_can_wait_for_the_end_of_the_answer(app, events):
    @app.after_request
    def wait(application, message, response):
        response.on_close(lambda: events.append("over"))

    client = TestApp(app)
    client.get("/take")
    client.get("/stream")

    assert events == ["handler", "over", "closed", "over"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_webob_response_shows_after_hooks_what_will_be_sent(app, events, method):
    app.get("/webob")(lambda application, message: webob.exc.HTTPNotFound("no take"))
    app.after_request(lambda application, message, response: events.append(response.headers["Content-Length"]))

    answer = TestApp(app).request("/webob", method=method, status=404)

    assert events == [answer.headers["Content-Length"]]


@pytest.mark.parametrize("register", ["before_request", "after_request"])
def test_hook_stays_the_function_it_is(app, register):
    def hook(*arguments):
        pass

    assert getattr(app, register)(hook) is hook


# -- middleware


def test_middleware_that_is_added_last_is_outermost(app, events):
    app.add_middleware(wrapping("inner", events))
    app.add_middleware(wrapping("outer", events))

    answer = TestApp(app).get("/take")

    assert events == ["outer in", "inner in", "handler", "inner out 200", "outer out 200"]
    assert answer.headers.getall("X-Passed") == ["inner", "outer"]


def test_middleware_gets_its_arguments(app):
    class Naming:
        def __init__(self, application, name, *, value):
            self.application, self.header = application, (name, value)

        def __call__(self, environ, start_response):
            return self.application(environ, lambda status, headers: start_response(status, [*headers, self.header]))

    app.add_middleware(Naming, "X-Take", value="5")

    assert TestApp(app).get("/take").headers["X-Take"] == "5"


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/fail", 500), ("/bad%ff", 400)])
def test_middleware_sees_errors_as_answers(app, events, path, status):
    app.add_middleware(wrapping("only", events))

    TestApp(app).get(path, status=status)

    assert events == ["only in", f"only out {status}"]


def test_middleware_surrounds_the_hooks(app, events):
    app.add_middleware(wrapping("only", events))
    app.before_request(lambda application, message: events.append("before"))
    app.after_request(lambda application, message, response: events.append("after"))

    TestApp(app).get("/take")

    assert events == ["only in", "before", "handler", "after", "only out 200"]


def test_middleware_may_answer_itself(app, events):
    def closed(application):
        return lambda environ, start_response: Response("closed", 503)(environ, start_response)

    app.add_middleware(closed)

    assert TestApp(app).get("/take", status=503).text == "closed"
    assert events == []


def test_middleware_may_ask_again(app, events):
    def retrying(application):
        def wrapped(environ, start_response):
            with closing(application(dict(environ), lambda status, headers: events.append(status))):
                return application(environ, start_response)

        return wrapped

    app.add_middleware(retrying)

    assert TestApp(app).get("/take").text == "five"
    assert events == ["handler", "200 OK", "handler"]


def test_application_mounted_in_another_has_its_own_middleware(app, events):
    def mounting(application):
        def wrapped(environ, start_response):
            if not environ["PATH_INFO"].startswith("/inner/"):
                return application(environ, start_response)
            inner = {**environ, "SCRIPT_NAME": "/inner", "PATH_INFO": environ["PATH_INFO"].removeprefix("/inner")}
            return app(inner, start_response)

        return wrapped

    outer = Brubeck()
    outer.get("/take")(lambda application, message: "outer take")
    outer.add_middleware(mounting)
    outer.add_middleware(wrapping("outer", events))
    app.add_middleware(wrapping("inner", events))
    client = TestApp(outer)

    assert client.get("/take").headers.getall("X-Passed") == ["outer"]
    assert client.get("/inner/take").headers.getall("X-Passed") == ["inner", "outer"]


def test_middleware_that_is_no_application_is_a_configuration_error(app):
    def forgetful(application):
        pass

    with pytest.raises(ConfigurationError, match=r"expected <function .*forgetful.* to return a WSGI app"):
        app.add_middleware(forgetful)
