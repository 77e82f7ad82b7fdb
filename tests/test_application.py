"""The application: its options, mistakes in putting it together, and serving many at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from webtest import TestApp

from brubeck_wsgi import (
    Brubeck,
    ConfigurationError,
    MessageHandler,
    Request,
    Response,
    WebMessageHandler,
    WSGIConnection,
)


class Connection:
    """What `Brubeck.run` serves on; serves nothing."""

    def recv_forever_ever(self, application):
        self.served = application


class TakeHandler(WebMessageHandler):
    def get(self):
        return "five"


class LostHandler(WebMessageHandler):
    """A base handler that has something to say itself."""

    def get(self):
        return f"nothing at {self.message.path}", 404

    def unsupported(self):
        return f"no {self.message.method} here either", 404


def lost(application, message):
    return f"lost at {message.path}", 404


class Templates:
    """What a template loader returns: as much of Jinja2's environment as we use."""

    def get_template(self, name):
        self.name = name
        return self

    def render(self, **context):
        return f"{self.name}: {context}"


# -- options


def test_application_without_options_answers_404():
    answer = TestApp(Brubeck()).get("/", status=404)

    assert answer.json["detail"] == "nothing is at /"


def test_handler_tuples_may_be_any_iterable():
    app = Brubeck(handler_tuples=((pattern, TakeHandler) for pattern in ("^/take$", "^/five$")))

    assert TestApp(app).get("/five").text == "five"


def test_options_of_brubeck_may_be_given_by_place():
    connection, pool, database = Connection(), object(), object()
    handling = ([("^/$", TakeHandler)], pool, None, LostHandler, Templates)

    app = Brubeck(connection, *handling, None, "/login", database, "secret", "/api")

    assert (app.msg_conn, app.pool, app.base_handler, app.db_conn) == (connection, pool, LostHandler, database)
    assert (app.login_url, app.cookie_secret, app.api_base_url) == ("/login", "secret", "/api")
    assert isinstance(app.template_env, Templates)
    assert TestApp(app).get("/").text == "five"


@pytest.mark.parametrize("make_pairs", [list, tuple, iter, dict.items], ids=["list", "tuple", "iterator", "view"])
@pytest.mark.parametrize("connection", [None, Connection()], ids=["no connection", "connection"])
def test_handler_tuples_may_come_before_the_connection(make_pairs, connection):
    app = Brubeck(make_pairs({"^/$": TakeHandler} if make_pairs is dict.items else [("^/$", TakeHandler)]), connection)

    assert app.msg_conn is connection
    assert TestApp(app).get("/").text == "five"


def test_pool_is_made_if_it_can_be_called():
    assert Brubeck(pool=lambda: "a pool").pool == "a pool"
    assert Brubeck(pool="a pool").pool == "a pool"


def test_handlers_have_the_database_of_the_application():
    class DatabaseHandler(MessageHandler):
        def get(self):
            return self.db_conn["take"]

    app = Brubeck(handler_tuples=[("^/$", DatabaseHandler)], db_conn={"take": "five"})

    assert TestApp(app).get("/").text == "five"


@pytest.mark.parametrize(
    ("options", "method", "body"),
    [
        ({"no_handler": lost}, "GET", "lost at /nowhere"),
        ({"no_handler": lost}, "DELETE", "lost at /nowhere"),
        ({"no_handler": LostHandler}, "GET", "nothing at /nowhere"),
        ({"base_handler": LostHandler}, "GET", "nothing at /nowhere"),
        ({"base_handler": LostHandler}, "POST", "no POST here either"),
        ({"base_handler": LostHandler, "no_handler": lost}, "POST", "lost at /nowhere"),
    ],
)
def test_unknown_path_is_answered_by_no_handler_else_base_handler(options, method, body):
    assert TestApp(Brubeck(**options)).request("/nowhere", method=method, status=404).text == body


@pytest.mark.parametrize("options", [{"no_handler": lost}, {"no_handler": LostHandler}, {"base_handler": LostHandler}])
def test_unknown_path_has_no_body_for_head(options):
    client = TestApp(Brubeck(**options))

    got, head = (client.request("/nowhere", method=method, status=404) for method in ("GET", "HEAD"))

    assert (head.body, head.headers["Content-Length"]) == (b"", got.headers["Content-Length"])


@pytest.mark.parametrize(("size", "status"), [(4, 200), (5, 200), (6, 413)])
def test_body_over_the_limit_is_413(size, status):
    app = Brubeck(max_body_size=5)
    app.post("/")(lambda application, message: message.body)

    TestApp(app).post("/", b"5" * size, status=status)


@pytest.mark.parametrize("kind", ["function", "class", "hook", "error"])
def test_request_class_is_that_of_every_message(kind):
    class BandRequest(Request):
        band = "the quartet"

    class BandHandler(WebMessageHandler):
        def get(self):
            return self.message.band

    app = Brubeck(request_class=BandRequest, handler_tuples=[("^/class$", BandHandler)])
    app.get("/function")(lambda application, message: message.band)
    app.before_request(lambda application, message: message.band if message.path == "/hook" else None)
    app.error_handler(404)(lambda application, message, error: (message.band, 200))

    assert TestApp(app).get(f"/{kind}").text == "the quartet"


def test_template_is_rendered_from_what_the_loader_returned():
    app = Brubeck(template_loader=Templates)

    assert app.render_template("take.html", take=5) == "take.html: {'take': 5}"


def test_rendering_without_a_loader_says_what_is_missing():
    with pytest.raises(ConfigurationError, match=r"expected Brubeck\(template_loader=…\) to render templates with"):
        Brubeck().render_template("take.html")


# -- mistakes


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"msg_conn": 5}, r"expected a connection to serve on and \(pattern, handler\) pairs, got 5"),
        ({"msg_conn": 5, "handler_tuples": []}, r"expected a connection to serve on and .* pairs, got 5 and \[\]"),
        ({"msg_conn": [], "handler_tuples": []}, r"expected a connection to serve on and .* pairs, got \[\] and \[\]"),
        ({"msg_conn": Connection(), "handler_tuples": Connection()}, r"and \(pattern, handler\) pairs, got <"),
        ({"handler_tuples": 5}, r"expected a connection to serve on and \(pattern, handler\) pairs, got 5"),
        ({"handler_tuples": [("^/$",)]}, r"expected \(pattern, handler\) pairs, got \('\^/\$',\)"),
        ({"handler_tuples": [("^/$", TakeHandler, 5)]}, r"expected \(pattern, handler\) pairs"),
        ({"handler_tuples": [5]}, r"expected \(pattern, handler\) pairs, got 5"),
        ({"handler_tuples": [("^/$", "handler")]}, "expected a handler class or a function, got 'handler'"),
        ({"handler_tuples": [("^/$", Response)]}, "expected a subclass of MessageHandler, got Response"),
        ({"handler_tuples": [("^/(", TakeHandler)]}, r"route '\^/\('"),
        ({"no_handler": "handler"}, "expected a handler class or a function, got 'handler'"),
        ({"no_handler": Response}, "expected a subclass of MessageHandler, got Response"),
        ({"base_handler": object}, "expected a subclass of MessageHandler, got object"),
        ({"template_loader": "templates"}, "expected template_loader as a function, got 'templates'"),
        ({"template_loader": lambda: None}, "expected template_loader to return a template environment, got None"),
        ({"log_level": "LOUD"}, "expected a logging level, got 'LOUD'"),
        ({"cookie_secret": ""}, "expected cookie_secret as text or a list of texts"),
        ({"cookie_secret": []}, "expected cookie_secret as text or a list of texts"),
        ({"cookie_secret": ["secret", ""]}, "expected cookie_secret as text or a list of texts"),
        ({"cookie_secret": b"secret"}, "expected cookie_secret as text or a list of texts"),
        ({"max_body_size": -1}, "expected max_body_size as a number of bytes, got -1"),
        ({"max_body_size": "10M"}, "expected max_body_size as a number of bytes, got '10M'"),
        ({"request_class": dict}, "expected request_class as a subclass of Request, got <class 'dict'>"),
        ({"request_class": "Request"}, "expected request_class as a subclass of Request, got 'Request'"),
        ({"form_limits": 5}, r"expected form_limits as FormLimits\(…\), got 5"),
    ],
)
def test_option_that_cannot_be_used_is_a_configuration_error(options, expected):
    with pytest.raises(ConfigurationError, match=expected):
        Brubeck(**options)


def test_secret_that_cannot_be_used_is_not_shown():
    with pytest.raises(ConfigurationError) as caught:
        Brubeck(cookie_secret=["known only to us", ""])

    assert "known only to us" not in str(caught.value)


def test_option_that_there_is_not_is_refused():
    with pytest.raises(TypeError, match="debugging"):
        Brubeck(debugging=True)


# -- serving


def test_running_without_a_connection_says_what_is_missing():
    with pytest.raises(ConfigurationError, match=r"for example Brubeck\(msg_conn=WSGIConnection\(port=6767\)\)"):
        Brubeck().run()


def test_running_hands_the_application_to_its_connection():
    app = Brubeck(msg_conn=Connection())
    app.run()

    assert app.msg_conn.served is app


def test_connection_of_brubeck_can_be_what_is_run_on():
    app = Brubeck(msg_conn=WSGIConnection(port=6768))

    assert app.msg_conn.settings["bind"] == "127.0.0.1:6768"


def test_requests_at_the_same_time_do_not_mix():
    threads, rounds = 8, 25
    meeting = Barrier(threads, timeout=10)  # every handler waits in the middle of its request for all the others

    class EchoHandler(WebMessageHandler):
        def prepare(self):
            self.headers["X-Path"] = self.message.path
            self.set_cookie("number", self.get_argument("number"))
            meeting.wait()

        def get(self, number):
            self.set_body(f"{number} {self.get_argument('number')} {self.message.request_id}")

    app = Brubeck(handler_tuples=[(r"^/echo/(\d+)$", EchoHandler)])
    app.before_request(lambda application, message: setattr(message, "number", message.path))
    app.after_request(lambda application, message, response: response.headers.add("X-Number", message.number))

    def ask(thread):
        answers = []
        for number in range(thread, threads * rounds, threads):
            answer = TestApp(app).get(f"/echo/{number}?number={number}", headers={"X-Request-Id": f"set-{number}"})
            answers.append((number, answer.text, answer.headers))
        return answers

    with ThreadPoolExecutor(threads) as pool:
        answered = [answer for answers in pool.map(ask, range(threads)) for answer in answers]

    assert len(answered) == threads * rounds
    for number, text, headers in answered:
        assert text == f"{number} {number} set-{number}"
        assert headers["X-Path"] == headers["X-Number"] == f"/echo/{number}"
        assert headers["Set-Cookie"].startswith(f"number={number};")
