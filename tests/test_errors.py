"""Errors: what is raised, what the client sees of it, what is logged, and who may answer in between."""

from __future__ import annotations

import pytest
import webob.exc
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp

import brubeck_wsgi
from brubeck_wsgi import (
    Brubeck,
    BrubeckError,
    ConfigurationError,
    Conflict,
    FourOhFourException,
    HTTPError,
    MethodNotAllowed,
    MissingLibrary,
    NotFound,
    Response,
    ServiceUnavailable,
    Unauthorized,
    ValidationError,
    WebMessageHandler,
)
from brubeck_wsgi.problems import accepts_html

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
SERVER_ERROR = {"type": "about:blank", "title": "Internal Server Error", "status": 500}


class SoldOut(Exception):
    """What a box office raises that knows nothing of HTTP."""


class LastSeatSold(SoldOut):
    """A kind of it."""


def app_raising(error, **options) -> Brubeck:
    """Return an application whose ``/`` raises *error*, for any method."""

    def fail(application, message):
        raise error

    return Brubeck(handler_tuples=[("^/$", fail)], **options)


def client_raising(error, **options) -> TestApp:
    return TestApp(app_raising(error, **options))


def failures(caplog) -> list[str]:
    """Return the messages of what was logged as an error."""
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


# -- the classes


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("BadRequest", 400),
        ("Unauthorized", 401),
        ("Forbidden", 403),
        ("NotFound", 404),
        ("FourOhFourException", 404),
        ("Conflict", 409),
        ("ContentTooLarge", 413),
        ("UnsupportedMediaType", 415),
        ("UnprocessableContent", 422),
        ("TooManyRequests", 429),
        ("ServiceUnavailable", 503),
    ],
)
def test_named_error_has_its_status(name, status):
    error = getattr(brubeck_wsgi, name)("what went wrong", headers={"X-Take": "5"}, take=5)

    assert isinstance(error, HTTPError)
    assert (error.status, error.detail, str(error)) == (status, "what went wrong", "what went wrong")
    assert (error.headers, error.members) == ({"X-Take": "5"}, {"take": 5})


@pytest.mark.parametrize("status", [0, 200, 302, 399, 600])
def test_error_with_a_status_that_is_no_error_is_refused(status):
    with pytest.raises(ValueError, match="expected an error status from 400 to 599"):
        HTTPError(status)


def test_kinds_of_errors_have_one_root():
    assert issubclass(HTTPError, BrubeckError)
    assert issubclass(MissingLibrary, ConfigurationError)
    assert issubclass(ConfigurationError, BrubeckError)
    assert issubclass(ValidationError, BrubeckError)
    assert issubclass(ValidationError, ValueError)
    assert FourOhFourException is NotFound


def test_missing_library_says_what_to_install():
    error = MissingLibrary("jinja2", "jinja2")

    assert str(error) == "jinja2 is not installed: pip install 'brubeck-wsgi[jinja2]'"


# -- the problem document (RFC 9457)


@pytest.mark.parametrize(
    ("error", "document"),
    [
        (NotFound(), {"type": "about:blank", "title": "Not Found", "status": 404}),
        (NotFound("no take"), {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no take"}),
        (HTTPError(451, title="Too loud"), {"type": "about:blank", "title": "Too loud", "status": 451}),
        (HTTPError(498), {"type": "about:blank", "title": "Error", "status": 498}),
        (
            Conflict("two bands", type="/problems/double", instance="/shows/1", halls=["A"]),
            {
                "type": "/problems/double",
                "title": "Conflict",
                "status": 409,
                "detail": "two bands",
                "instance": "/shows/1",
                "halls": ["A"],
            },
        ),
        (
            MethodNotAllowed(["GET", "HEAD"], "expected one of them"),
            {"type": "about:blank", "title": "Method Not Allowed", "status": 405, "detail": "expected one of them"},
        ),
    ],
)
def test_error_is_answered_with_its_problem_document(error, document, caplog):
    answer = client_raising(error).get("/", status=error.status)

    assert answer.content_type == "application/problem+json"
    assert answer.json == document
    assert answer.headers["Vary"] == "Accept"
    assert not caplog.records


def test_error_is_answered_with_its_headers():
    error = Unauthorized("members only", headers={"WWW-Authenticate": "Member", "Vary": "Cookie"})

    answer = client_raising(error).get("/", status=401)

    assert answer.headers["WWW-Authenticate"] == "Member"
    assert answer.headers.getall("Vary") == ["Cookie", "Accept"]


def test_method_not_allowed_lists_the_methods_that_are():
    assert client_raising(MethodNotAllowed(["GET", "HEAD"])).get("/", status=405).headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("accept", ["application/json", BROWSER])
def test_error_has_the_same_headers_for_head_and_no_body(accept):
    client = client_raising(NotFound("no take"))
    headers = {"Accept": accept, "X-Request-Id": "set-1"}

    got, head = (client.request("/", method=method, headers=headers, status=404) for method in ("GET", "HEAD"))

    assert head.headers == got.headers
    assert (int(head.headers["Content-Length"]), head.body) == (len(got.body), b"")


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (None, False),
        ("", False),
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML", True),
        ("text/*", True),
        ("*/*", False),
        ("text/html, */*;q=0.1", True),
        ("application/json", False),
        ("application/problem+json, text/html;q=0.9", False),
        ("application/json;q=0.4, text/html;q=0.5", True),
        ("application/json;q=0.5, text/html;q=0.4", False),
        ("text/html;q=0.1, application/problem+json;q=0.2", False),
        ("text/html, application/json", False),
        ("text/html;q=0", False),
        ("text/html;q=0, */*", False),
        ("image/png", False),
        ("text/plain", False),
        ("text/html;q=high", False),
        ("text/html;;;", False),
        ("text/html/json", False),
        ("text/html\x00\xff", False),
    ],
)
def test_client_gets_a_page_if_it_would_rather_have_one(accept, is_page):
    environ = {} if accept is None else {"HTTP_ACCEPT": accept}

    answer = client_raising(NotFound("no take")).get("/", status=404, extra_environ=environ)

    assert answer.content_type == ("text/html" if is_page else "application/problem+json")


@given(st.text(st.sampled_from('text/html*json;q=0.5, \t"\\\x00é'), max_size=60))
def test_no_accept_header_makes_the_choice_fail(accept):
    assert accepts_html({"HTTP_ACCEPT": f"text/html{accept}"}) in (True, False)


def test_page_shows_status_title_and_detail_as_text():
    error = HTTPError(418, 'short & <script>"stout"</script>', title="<b>Teapot</b>")

    page = client_raising(error).get("/", headers={"Accept": BROWSER}, status=418)

    assert "<title>418 &lt;b&gt;Teapot&lt;/b&gt;</title>" in page
    assert "<h1>418 &lt;b&gt;Teapot&lt;/b&gt;</h1>" in page
    assert "<p>short &amp; &lt;script&gt;&quot;stout&quot;&lt;/script&gt;</p>" in page


def test_page_without_detail_has_no_paragraph():
    assert "<p>" not in client_raising(NotFound()).get("/", headers={"Accept": BROWSER}, status=404)


@pytest.mark.parametrize(
    "error",
    [
        NotFound(headers={"X-Name": "a\r\nSet-Cookie: b=c"}),
        NotFound(headers={"X Name": "a"}),
        NotFound(take=object()),
        NotFound("\ud800"),
        webob.exc.HTTPNotFound(headers={"X-Name": "a\r\nSet-Cookie: b=c"}),
    ],
)
def test_error_that_cannot_be_sent_is_logged_and_500(error, caplog):
    answer = client_raising(error).get("/", status=500)

    assert answer.json == SERVER_ERROR
    assert "Set-Cookie" not in answer.headers
    assert len(failures(caplog)) == 1


# -- unexpected exceptions


@pytest.mark.parametrize("accept", ["application/json", BROWSER])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_exception_is_logged_once_and_nothing_of_it_answered(method, accept, caplog):
    client = client_raising(LookupError("the password is five"))

    answer = client.request("/?q=1", method=method, headers={"Accept": accept, "X-Request-Id": "set-1"}, status=500)

    [failure] = caplog.records
    assert (failure.name, failure.levelname, failure.request_id) == ("brubeck.app", "ERROR", "set-1")
    assert failure.getMessage() == f"{method} / failed: LookupError('the password is five') [set-1]"
    assert "in fail" in caplog.text
    for told in ("LookupError", "password", "Traceback"):
        assert told not in f"{answer.headers}{answer.text}"


@pytest.mark.parametrize("where", ["__init__", "initialize", "prepare", "get", "unsupported"])
def test_exception_anywhere_in_a_class_is_logged_once(where, caplog):
    class FailingHandler(WebMessageHandler):
        def post(self):
            return "not asked for"

    def fail(self, *arguments):
        raise LookupError("no take")

    setattr(FailingHandler, where, fail)

    answer = TestApp(Brubeck(handler_tuples=[("^/$", FailingHandler)])).get("/", expect_errors=True)

    assert answer.json == SERVER_ERROR
    assert failures(caplog) == [f"GET / failed: LookupError('no take') [{answer.headers['X-Request-Id']}]"]


def test_exception_of_on_finish_is_logged_and_the_answer_stands(caplog):
    class FailingHandler(WebMessageHandler):
        def get(self):
            return "take five"

        def on_finish(self):
            raise LookupError("no take")

    assert TestApp(Brubeck(handler_tuples=[("^/$", FailingHandler)])).get("/").text == "take five"
    assert len(failures(caplog)) == 1


def test_error_of_a_class_answers_its_exceptions_which_are_logged_before(caplog):
    class FailingHandler(WebMessageHandler):
        def get(self):
            self.headers["X-Half"] = "done"
            raise LookupError("no take")

        def error(self, err):
            return f"sorry: {len(failures(caplog))} logged", 503

    answer = TestApp(Brubeck(handler_tuples=[("^/$", FailingHandler)])).get("/", status=503)

    assert answer.text == "sorry: 1 logged"
    assert "X-Half" not in answer.headers
    assert len(failures(caplog)) == 1


def test_error_of_a_class_that_fails_is_logged_too(caplog):
    class FailingHandler(WebMessageHandler):
        def get(self):
            raise LookupError("first")

        def error(self, err):
            raise KeyError("second")

    answer = TestApp(Brubeck(handler_tuples=[("^/$", FailingHandler)])).get("/", status=500)

    assert answer.json == SERVER_ERROR
    first, second = failures(caplog)
    assert "LookupError('first')" in first
    assert "KeyError('second')" in second


def test_stream_that_fails_half_way_is_logged_once_and_breaks_off(caplog):
    def count(application, message):
        yield "4"
        raise LookupError("no piece")

    client = TestApp(Brubeck(handler_tuples=[("^/$", count)]))

    with pytest.raises(LookupError, match="no piece"):
        client.get("/", headers={"X-Request-Id": "set-1"})
    assert failures(caplog) == ["GET / failed: LookupError('no piece') [set-1]"]


def test_stream_that_fails_while_it_is_closed_is_logged_once(caplog):
    def count(application, message):
        try:
            yield "4"
            yield "5"
        finally:
            raise LookupError("no end")

    client = TestApp(Brubeck(handler_tuples=[("^/$", count)]))

    assert client.head("/", headers={"X-Request-Id": "set-1"}).body == b""
    assert failures(caplog) == ["HEAD / failed: LookupError('no end') [set-1]"]


def test_http_error_before_the_first_piece_is_answered(caplog):
    def count(application, message):
        raise NotFound("no piece")
        yield ""

    assert TestApp(Brubeck(handler_tuples=[("^/$", count)])).get("/", status=404).json["detail"] == "no piece"
    assert not caplog.records


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_to_end_the_process_is_no_error(stop):
    with pytest.raises(stop):
        client_raising(stop()).get("/")


# -- error handlers


def answering(text):
    """Return an error handler that answers *text* and the error."""
    return lambda application, message, error: f"{text}: {error}"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (SoldOut("all"), (500, "sold out: all")),
        (LastSeatSold("one"), (500, "last seat: one")),
        (NotFound("take"), (404, "lost: take")),
        (Conflict("take"), (409, "http: take")),
        (ServiceUnavailable("take"), (503, "unavailable: take")),
        (KeyError("take"), (500, "anything: 'take'")),
        (webob.exc.HTTPNotFound("take"), (404, "anything: take")),
    ],
)
def test_nearest_class_answers(error, answer):
    app = app_raising(error)
    # Of the two classes of one line the nearer one wins, whichever was registered first.
    app.error_handler(Exception)(answering("anything"))
    app.error_handler(LastSeatSold)(answering("last seat"))
    app.error_handler(SoldOut)(answering("sold out"))
    app.error_handler(HTTPError)(answering("http"))
    app.error_handler(NotFound)(answering("lost"))
    app.error_handler(ServiceUnavailable)(answering("unavailable"))
    app.error_handler(404)(answering("status"))

    got = TestApp(app).get("/", expect_errors=True)

    assert (got.status_code, got.text) == answer


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (NotFound("take"), (404, "status 404: take")),
        (HTTPError(404, "take"), (404, "status 404: take")),
        (webob.exc.HTTPNotFound("take"), (404, "status 404: take")),
        (HTTPError(500, "take"), (500, "status 500: take")),
        (LookupError("take"), (500, "status 500: take")),
    ],
)
def test_status_answers_what_no_class_does(error, answer):
    app = app_raising(error)
    app.error_handler(404)(answering("status 404"))
    app.error_handler(500)(answering("status 500"))
    app.error_handler(SoldOut)(answering("sold out"))

    got = TestApp(app).get("/", expect_errors=True)

    assert (got.status_code, got.text) == answer


def test_status_answers_paths_that_are_not_there():
    app = Brubeck()
    app.error_handler(404)(lambda application, message, error: f"nothing at {message.path}")

    assert TestApp(app).get("/nowhere", status=404).text == "nothing at /nowhere"


@pytest.mark.parametrize(
    ("kind", "error", "is_logged"),
    [
        (SoldOut, SoldOut(), False),
        (NotFound, NotFound(), False),
        (404, NotFound(), False),
        (500, SoldOut(), True),
        (500, HTTPError(500), False),
        (503, SoldOut(), True),
    ],
)
def test_exception_is_logged_unless_it_is_expected(kind, error, is_logged, caplog):
    app = app_raising(error)
    app.error_handler(kind)(answering("answered"))

    TestApp(app).get("/", expect_errors=True)

    assert len(failures(caplog)) == is_logged


@pytest.mark.parametrize(
    ("returned", "status", "body"),
    [
        ("text", 409, b"text"),
        ({"take": 5}, 409, b'{"take":5}'),
        (None, 409, b""),
        (("text", 200), 200, b"text"),
        (Response("text", 202), 202, b"text"),
        (webob.Response("text", 203), 203, b"text"),
    ],
)
def test_error_handler_returns_what_a_handler_may(returned, status, body):
    app = app_raising(Conflict())
    app.error_handler(Conflict)(lambda application, message, error: returned)

    got = TestApp(app).get("/", expect_errors=True)

    assert (got.status_code, got.body) == (status, body)


def test_error_handler_may_stream():
    app = app_raising(Conflict())
    app.error_handler(Conflict)(lambda application, message, error: iter(["4", "5"]))

    got = TestApp(app).get("/", status=409)

    assert got.body == b"45"


def test_headers_of_the_error_go_with_the_answer_of_its_handler():
    constant = Response("later", 503)
    app = app_raising(ServiceUnavailable(headers={"Retry-After": "60", "Content-Type": "text/css"}))
    app.error_handler(503)(lambda application, message, error: constant)

    got = TestApp(app).get("/", status=503)

    assert (got.headers["Retry-After"], got.content_type) == ("60", "text/plain")
    assert "Retry-After" not in constant.headers


@pytest.mark.parametrize(
    ("returned", "logged"),
    [
        (5, "expected a handler to return"),
        (iter([5]), "expected bytes or text as a piece"),
        (("5", 99), "expected a status"),
        (("5", 200, {"X-Name": "a\nb"}), "expected a value without control characters"),
    ],
)
def test_error_handler_that_answers_nothing_sendable_is_logged_and_500(returned, logged, caplog):
    app = app_raising(NotFound())
    app.error_handler(404)(lambda application, message, error: returned)

    assert TestApp(app).get("/", status=500).json == SERVER_ERROR
    [failure] = failures(caplog)
    assert logged in failure


@pytest.mark.parametrize(
    ("second", "document"),
    [
        (KeyError("second"), SERVER_ERROR),
        (Conflict("second"), {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "second"}),
    ],
)
def test_error_handler_that_fails_is_logged_and_answered_in_its_place(second, document, caplog):
    app = app_raising(SoldOut("first"))

    @app.error_handler(SoldOut)
    def fail_again(application, message, error):
        raise second

    assert TestApp(app).get("/", status=document["status"]).json == document
    [failure] = failures(caplog)
    assert "second" in failure


def test_redirection_of_webob_is_not_the_matter_of_an_error_handler():
    app = app_raising(webob.exc.HTTPFound(location="/next"))
    app.error_handler(Exception)(answering("anything"))

    assert TestApp(app).get("/").status_code == 302


@pytest.mark.parametrize("kind", [200, 399, 600, True, "404", None, KeyboardInterrupt, BaseException, str, SoldOut()])
def test_error_handler_for_what_is_no_error_is_a_configuration_error(kind):
    with pytest.raises(ConfigurationError, match="expected an exception class or a status from 400 to 599"):
        Brubeck().error_handler(kind)


def test_error_handler_stays_the_function_it_is():
    handler = answering("here")

    assert Brubeck().error_handler(404)(handler) is handler


# -- debug


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "LocalHost", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_debug_shows_the_traceback_on_this_machine(address, host):
    environ = {"REMOTE_ADDR": address, "HTTP_HOST": host}

    page = client_raising(LookupError("<take>"), debug=True).get("/", status=500, extra_environ=environ)

    assert page.content_type == "text/html"
    assert "in fail\n" in page
    assert "LookupError: &lt;take&gt;" in page


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": "128.0.0.1"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "localhost"},
        {"HTTP_HOST": "rebound.example"},
        {"HTTP_HOST": "rebound.example:8000"},
        {"HTTP_HOST": "localhost.example"},
        {"HTTP_HOST": "127.0.0.1.example"},
        {"HTTP_HOST": "192.0.2.1"},
        {"HTTP_HOST": ""},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_X_FORWARDED_HOST": "localhost"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_VIA": "1.1 proxy"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
    ],
)
def test_debug_shows_nothing_to_others(environ):
    here = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}

    answer = client_raising(LookupError("take"), debug=True).get("/", status=500, extra_environ=here | environ)

    assert answer.json == SERVER_ERROR


def test_without_debug_this_machine_sees_no_traceback_either():
    here = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}

    assert client_raising(LookupError("take")).get("/", status=500, extra_environ=here).json == SERVER_ERROR


def test_debug_leaves_errors_alone_that_are_meant():
    here = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}

    assert client_raising(NotFound("take"), debug=True).get("/", status=404, extra_environ=here).json["status"] == 404
