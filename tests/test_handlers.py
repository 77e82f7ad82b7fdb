"""Handler classes: the life of one, what its helpers do, and what becomes of its state."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
import webob
from webtest import TestApp, TestRequest

from brubeck_wsgi import (
    Brubeck,
    ConfigurationError,
    Forbidden,
    Headers,
    JSONMessageHandler,
    MessageHandler,
    NotFound,
    Response,
    WebMessageHandler,
    render,
)

URL = "/take/five"


def client_of(handler, **options):
    """Return a client of an application whose only handler is at `URL`."""
    return TestApp(Brubeck(handler_tuples=[(f"^{URL}$", handler)], **options))


def answer_of(get, base=WebMessageHandler, **options):
    """Return the answer to GET of a *base* whose ``get`` is the function *get*, whatever its status."""
    return client_of(type("Handler", (base,), {"get": get}), **options).get(URL, expect_errors=True)


def cookie_lines(response):
    return response.headers.getall("Set-Cookie")


class Witness(WebMessageHandler):
    """Writes its steps down, in a list that each test has for itself."""

    steps: list[str]

    def initialize(self):
        self.steps.append("initialize")

    def prepare(self):
        self.steps.append("prepare")

    def get(self):
        self.steps.append("get")
        return "got"

    def on_finish(self):
        self.steps.append("on_finish")


@pytest.fixture
def witness():
    """A subclass of `Witness` that has witnessed nothing yet."""
    return type("FreshWitness", (Witness,), {"steps": []})


# -- life cycle


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_handler_is_initialized_prepared_called_and_finished(witness, method):
    client_of(witness).request(URL, method=method)

    assert witness.steps == ["initialize", "prepare", "get", "on_finish"]


def test_handler_lives_for_one_request():
    class CountingHandler(WebMessageHandler):
        count = 0

        def get(self):
            self.count += 1
            return str(self.count)

    client = client_of(CountingHandler)

    assert [client.get(URL).text, client.get(URL).text] == ["1", "1"]


def test_handler_has_its_request_and_its_application_from_the_beginning():
    class EarlyHandler(WebMessageHandler):
        def initialize(self):
            self.seen = [self.message.path, self.environ["REQUEST_METHOD"], self.application.db_conn, self.db_conn]

        def get(self):
            return self.seen

    assert client_of(EarlyHandler, db_conn="connection").get(URL).json == [URL, "GET", "connection", "connection"]


@pytest.mark.parametrize(
    ("answer", "status", "text"), [("closed", 200, "closed"), ("", 200, ""), (("closed", 503), 503, "closed")]
)
def test_what_prepare_returns_stands_in_for_the_method(witness, answer, status, text):
    witness.prepare = lambda self: answer

    assert client_of(witness).get(URL, status=status).text == text
    assert witness.steps == ["initialize", "on_finish"]


RENDERED = [
    (lambda self: self.redirect("/login"), 302),
    (lambda self: self.render_error(403), 403),
    (lambda self: self.render(status_code=202), 202),
]


@pytest.mark.parametrize(("answer", "status"), RENDERED)
@pytest.mark.parametrize("is_returned", [True, False])
def test_what_prepare_rendered_stands_in_for_the_method(witness, answer, status, is_returned):
    def prepare(self):
        rendered = answer(self)
        return rendered if is_returned else None

    witness.prepare = prepare

    assert "got" not in client_of(witness).get(URL, status=status)
    assert witness.steps == ["initialize", "on_finish"]


@pytest.mark.parametrize(("answer", "status"), RENDERED)
def test_what_prepare_rendered_stands_with_what_it_set_after_that(witness, answer, status):
    def prepare(self):
        rendered.append(answer(self))
        self.set_cookie("seen", "1")
        self.headers["X-Late"] = "1"

    rendered = []
    witness.prepare = prepare

    response = client_of(witness).get(URL, status=status)

    assert response.body == rendered[0].body
    assert (response.headers["X-Late"], cookie_lines(response)) == ("1", ["seen=1; Path=/"])
    assert witness.steps == ["initialize", "on_finish"]


def test_state_that_prepare_sets_goes_with_the_answer(witness):
    def prepare(self):
        self.set_status(202)
        self.headers["X-Early"] = "1"

    witness.prepare = prepare

    response = client_of(witness).get(URL, status=202)

    assert (response.text, response.headers["X-Early"]) == ("got", "1")


@pytest.mark.parametrize("error", [ValueError("secret"), NotFound("no such todo")])
@pytest.mark.parametrize("step", ["prepare", "get"])
def test_handler_is_finished_after_an_error(witness, step, error):
    def fail(self):
        raise error

    setattr(witness, step, fail)

    client_of(witness).get(URL, status=getattr(error, "status", 500))

    assert witness.steps[-1] == "on_finish"


def test_handler_that_could_not_be_initialized_is_not_finished(witness):
    def initialize(self):
        raise ValueError("no database")

    witness.initialize = initialize

    client_of(witness).get(URL, status=500)

    assert witness.steps == []


def test_error_in_on_finish_is_logged_and_leaves_the_answer_alone(caplog):
    class StumblingHandler(WebMessageHandler):
        def get(self):
            return "fine"

        def on_finish(self):
            raise ValueError("too late")

    assert client_of(StumblingHandler).get(URL).text == "fine"
    assert [record.exc_info[1].args for record in caplog.records] == [("too late",)]


def start(witness, method="GET"):
    """Return the pieces of the answer of a streaming *witness*, as a server gets them."""

    def pieces(self):
        yield "1"
        self.steps.append("went on")
        yield "2"

    witness.get = pieces
    environ = TestRequest.blank(URL, method=method).environ
    return client_of(witness).app(environ, lambda status, headers, exc_info=None: None)


def test_stream_finishes_its_handler_when_it_is_over(witness):
    with closing(start(witness)) as pieces:
        assert b"".join(pieces) == b"12"
        assert witness.steps == ["initialize", "prepare", "went on"]

    assert witness.steps == ["initialize", "prepare", "went on", "on_finish"]


def test_stream_finishes_its_handler_when_the_client_leaves(witness):
    with closing(start(witness)) as pieces:
        assert next(iter(pieces)) == b"1"

    assert witness.steps == ["initialize", "prepare", "on_finish"]


def test_stream_that_nobody_asked_for_finishes_its_handler(witness):
    with closing(start(witness, "HEAD")) as pieces:
        assert list(pieces) == []

    assert witness.steps == ["initialize", "prepare", "on_finish"]


@pytest.mark.parametrize("error", [ValueError("secret"), NotFound("no such todo")])
def test_stream_that_fails_before_its_first_piece_finishes_its_handler(witness, error):
    def pieces(self):
        raise error
        yield ""

    witness.get = pieces

    client_of(witness).get(URL, status=getattr(error, "status", 500))

    assert witness.steps == ["initialize", "prepare", "on_finish"]


# -- errors


class StuckHandler(WebMessageHandler):
    def get(self):
        self.set_body("half an answer")
        self.set_cookie("half", "1")
        self.headers["X-Half"] = "1"
        raise KeyError("secret")

    def error(self, err):
        return f"stuck: {type(err).__name__}", 503


def test_error_function_answers_exceptions_that_are_logged_already(caplog):
    response = client_of(StuckHandler).get(URL, status=503)

    assert response.text == "stuck: KeyError"
    assert [record.exc_info[0] for record in caplog.records] == [KeyError]


def test_error_function_starts_without_what_was_set_before():
    response = client_of(StuckHandler).get(URL, status=503)

    assert not {"X-Half", "Set-Cookie"} & set(response.headers)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (lambda self, err: self.set_body("set", status_code=503), 503, "set"),
        (lambda self, err: self.render(status_code=503), 503, ""),
        (lambda self, err: self.redirect("/sorry"), 302, ""),
        (lambda self, err: None, 200, ""),
    ],
)
def test_error_function_may_answer_as_a_method_does(error, status, text):
    response = client_of(type("Handler", (StuckHandler,), {"error": error})).get(URL, status=status)

    assert response.text == text


def test_error_function_of_the_base_class_answers_500():
    class CallingHandler(StuckHandler):
        def error(self, err):
            return super(StuckHandler, self).error(err)

    assert client_of(CallingHandler).get(URL, status=500).json["title"] == "Internal Server Error"


def test_error_function_that_fails_too_is_logged_and_answered_500(caplog):
    class HopelessHandler(StuckHandler):
        def error(self, err):
            raise ValueError("secret too")

    response = client_of(HopelessHandler).get(URL, status=500)

    assert "secret" not in response.text
    assert [record.exc_info[0] for record in caplog.records] == [KeyError, ValueError]


def test_error_function_is_not_asked_about_http_errors():
    class PoliteHandler(StuckHandler):
        def get(self):
            raise Forbidden("members only")

    assert client_of(PoliteHandler).get(URL, status=403).json["detail"] == "members only"


# -- methods


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@pytest.mark.parametrize("method", ["RENDER", "PREPARE", "ON_FINISH", "get"])
def test_client_cannot_call_anything_but_methods(method):
    client = client_of(type("Handler", (WebMessageHandler,), {"get": lambda self: "got"}))

    assert client.request(URL, method=method, status=405).headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_class_may_have_methods_of_its_own():
    class CacheHandler(WebMessageHandler):
        SUPPORTED_METHODS = (*WebMessageHandler.SUPPORTED_METHODS, "PURGE")

        def purge(self):
            return "purged"

    assert client_of(CacheHandler).request(URL, method="PURGE").text == "purged"


def test_unsupported_answers_a_method_that_the_class_does_not_have():
    class ShyHandler(WebMessageHandler):
        def get(self):
            return "got"

        def unsupported(self):
            return f"try {' or '.join(self.allowed_methods)}", 405

    client = client_of(ShyHandler)

    assert client.post(URL, status=405).text == "try GET or HEAD or OPTIONS"
    assert client.get(URL).text == "got"


def test_unsupported_of_the_base_class_says_what_is_allowed():
    refused = answer_of(lambda self: self.unsupported())

    assert (refused.status_code, refused.json["detail"]) == (404, f"nothing is at {URL}")


def test_handler_reads_no_larger_body_than_it_says():
    class SmallHandler(WebMessageHandler):
        max_body_size = 5

        def post(self):
            return self.message.body

    class PreparedHandler(SmallHandler):
        def prepare(self):
            pass

    for client in (client_of(SmallHandler), client_of(PreparedHandler)):
        assert client.post(URL, b"12345").body == b"12345"
        client.post(URL, b"123456", status=413)


# -- time


def test_current_time_is_the_same_all_through_a_request():
    def get(self):
        first = self.current_time
        return [first, self.current_time, self.timestamp]

    before = int(time.time() * 1000)
    times = answer_of(get).json

    assert len(set(times)) == 1
    assert before <= times[0] <= time.time() * 1000


def test_timestamp_that_is_set_is_part_of_the_payload():
    def get(self):
        self.set_timestamp(1_330_000_000_000)
        self.add_to_payload("same", self.timestamp)

    payload = answer_of(get, JSONMessageHandler).json

    assert (payload["timestamp"], payload["same"]) == (1_330_000_000_000, 1_330_000_000_000)


# -- body and status


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("café", "text/plain", "café".encode()),
        (b"\xff", "application/octet-stream", b"\xff"),
        ({"take": 5}, "application/json", b'{"take":5}'),
        ([5, 4], "application/json", b"[5,4]"),
        (5, "text/plain", b"5"),
        (0, "text/plain", b"0"),
        (5.5, "text/plain", b"5.5"),
        (None, "text/plain", b""),
        ((piece for piece in ("a", b"b")), "text/plain", b"ab"),
        (Response("<p>", content_type="text/html"), "text/html", b"<p>"),
    ],
)
def test_set_body_takes_what_a_handler_may_return(body, content_type, expected):
    response = answer_of(lambda self: self.set_body(body))

    assert (response.content_type, response.body) == (content_type, expected)


@pytest.mark.parametrize("is_returned", [True, False])
def test_handler_answers_its_state_returned_or_not(is_returned):
    def get(self):
        self.set_body("gone", headers={"X-Fishing": "1"}, status_code=410)
        self.set_cookie("was", "here")
        return self.render() if is_returned else None

    response = answer_of(get)

    assert (response.status, response.text, response.headers["X-Fishing"]) == ("410 Gone", "gone", "1")
    assert cookie_lines(response) == ["was=here; Path=/"]


def test_handler_that_sets_and_returns_nothing_answers_nothing():
    response = answer_of(lambda self: None)

    assert (response.status_code, response.body) == (200, b"")


@pytest.mark.parametrize(
    ("returned", "status"),
    [
        ("text", "202 Fine"),
        ({"take": 5}, "202 Fine"),
        (("text", 404), "404 Not Found"),
        (("text", 200), "200 OK"),
        (("text", 202), "202 Accepted"),
        ((Response("x", 410), 200), "200 OK"),
        ((webob.Response("x"), 200), "200 OK"),
        (Response("x", 410), "410 Gone"),
    ],
)
def test_state_goes_with_what_is_returned_unless_that_has_a_status(returned, status):
    def get(self):
        self.set_status(202, "Fine")
        self.headers["X-Set"] = "1"
        self.set_cookie("set", "1")
        return returned

    response = answer_of(get)

    assert (response.status, response.headers["X-Set"]) == (status, "1")
    assert cookie_lines(response) == ["set=1; Path=/"]


@pytest.mark.parametrize("is_returned", [True, False])
def test_what_is_set_after_rendering_goes_with_the_answer(is_returned):
    def get(self):
        self.set_cookie("early", "1")
        rendered = self.render()
        self.headers["X-Late"] = "1"
        self.set_cookie("late", "1")
        return rendered if is_returned else None

    response = answer_of(get)

    assert response.headers["X-Late"] == "1"
    assert cookie_lines(response) == ["early=1; Path=/", "late=1; Path=/"]


def test_header_that_is_set_after_rendering_needs_no_other_rendering():
    def get(self):
        self.render()
        self.headers["X-Late"] = "1"

    assert answer_of(get).headers["X-Late"] == "1"


def test_body_that_is_set_after_rendering_is_the_answer():
    def get(self):
        self.set_body("first")
        self.render()
        self.set_body("second", status_code=201)

    response = answer_of(get)

    assert (response.status_code, response.text) == (201, "second")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((404,), "404 Not Found"),
        ((404, "Gone Fishing"), "404 Gone Fishing"),
        ((404, None, "no such todo"), "404 Not Found - no such todo"),
        ((404, "Gone", "fishing"), "404 Gone - fishing"),
        ((599,), "599 Unknown"),
        ((422,), "422 Unprocessable Content"),
    ],
)
def test_set_status_sets_code_and_reason(arguments, status):
    def get(self):
        self.set_status(*arguments)
        return f"{self.status_code} {self.status_msg}"

    response = answer_of(get)

    assert (response.status, response.text) == (status, status)


@pytest.mark.parametrize(
    "arguments", [(100,), (600,), ("404",), (404, "Gone\r\nX-Injected: 1"), (404, None, "todo\n5"), (404, "Gone\x7f")]
)
def test_set_status_refuses_what_cannot_be_sent(arguments):
    def get(self):
        with pytest.raises(ValueError, match="expected a "):
            self.set_status(*arguments)
        return "refused"

    assert answer_of(get).text == "refused"


def test_render_takes_status_reason_and_headers():
    def get(self):
        self.headers["X-Before"] = "1"
        return self.render(status_code=404, status_msg="Gone Fishing", headers={"X-After": "1"})

    response = answer_of(get)

    assert (response.status, response.headers["X-After"]) == ("404 Gone Fishing", "1")
    assert "X-Before" not in response.headers


def test_http_200_sends_a_body_that_is_an_error_as_a_success():
    def get(self):
        self.set_body("not here", status_code=404)
        return self.render(status_msg="Gone Fishing", http_200=True)

    response = answer_of(get)

    assert (response.status, response.text) == ("200 OK", "not here")


def test_http_200_leaves_the_status_in_the_payload():
    response = answer_of(lambda self: self.render(status_code=404, http_200=True), JSONMessageHandler)

    assert (response.status, response.json) == ("200 OK", {"status_code": 404, "status_msg": "Not Found"})


CHANGES = {
    "status": lambda self: self.set_status(403),
    "header": lambda self: self.headers.add("X-Late", "1"),
    "cookie": lambda self: self.set_cookie("late", "1"),
    "payload": lambda self: self.add_to_payload("late", 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_options_of_rendering_hold_when_the_state_changes_after_it(change):
    def get(self):
        self.add_to_payload("data", [5])
        self.render(status_code=404, http_200=True, hide_status=True)
        CHANGES[change](self)

    response = answer_of(get, JSONMessageHandler)

    assert (response.status, response.json) == ("200 OK", [5])


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda self: self.render(), "404 Not Found"),
        (lambda self: self.render_error(403), "403 Forbidden"),
        (lambda self: self.redirect("/login"), "302 Found"),
    ],
    ids=["render", "render_error", "redirect"],
)
@pytest.mark.parametrize("base", [WebMessageHandler, JSONMessageHandler])
def test_options_of_rendering_do_not_hold_for_another_answer(base, answer, status):
    def get(self):
        self.render(status_code=404, http_200=True, hide_status=True)
        answer(self)
        self.headers["X-Late"] = "1"

    response = answer_of(get, base)

    assert (response.status, response.headers["X-Late"]) == (status, "1")


def test_options_of_rendering_do_not_hold_for_the_answer_to_an_error():
    class FailingHandler(JSONMessageHandler):
        def get(self):
            self.render(http_200=True, hide_status=True)
            raise ValueError("out of tune")

        def error(self, err):
            self.set_status(503)
            self.add_to_payload("data", str(err))

    response = client_of(FailingHandler).get(URL, status=503)

    assert response.json == {"status_code": 503, "status_msg": "Service Unavailable", "data": "out of tune"}


def test_class_says_the_content_type_of_its_text():
    class PageHandler(WebMessageHandler):
        content_type = "text/html; charset=utf-8"

        def get(self):
            return "<p>"

        def post(self):
            return {"take": 5}

        def put(self):
            self.headers["Content-Type"] = "text/css"
            return "p {}"

    client = client_of(PageHandler)

    types = [client.request(URL, method=method).content_type for method in ("GET", "POST", "PUT")]
    assert types == ["text/html", "application/json", "text/css"]


# -- headers


def test_headers_are_found_whatever_their_case():
    def get(self):
        self.headers["content-type"] = "text/css"
        self.headers["X-Five"] = 5
        return self.headers["CONTENT-TYPE"] + self.headers.get("x-five")

    response = answer_of(get)

    assert response.text == "text/css5"
    assert response.headers.getall("Content-Type") == ["text/css"]


@pytest.mark.parametrize("headers", [{"Vary": "Accept"}, [("Vary", "Accept")], Headers({"Vary": "Accept"})])
def test_headers_can_be_replaced_as_a_whole(headers):
    def get(self):
        self.headers["X-Before"] = "1"
        self.headers = headers

    response = answer_of(get)

    assert (response.headers["Vary"], "X-Before" in response.headers) == ("Accept", False)


@pytest.mark.parametrize(
    ("own", "expected"),
    [("Accept", "Cookie, Accept"), ("accept, cookie", "Cookie, accept"), ("*", "Cookie, *"), (None, "Cookie")],
)
def test_vary_of_a_response_and_that_of_its_handler_are_joined(own, expected):
    def get(self):
        self.headers["Vary"] = "Cookie"
        return Response("", headers={"Vary": own} if own else {})

    assert answer_of(get).headers.getall("Vary") == [expected]


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "a\r\nX-B: b"}, {"X-A": "a\nb"}, {"X-A\r\nX-B": "b"}, {"X A": "b"}, {"X-A": "☃"}, {"X-A": "a\x00"}],
)
@pytest.mark.parametrize(
    "put",
    [
        lambda self, headers: self.headers.update(headers),
        lambda self, headers: setattr(self, "headers", headers),
        lambda self, headers: self.set_body("", headers=headers),
        lambda self, headers: self.render(headers=headers),
    ],
)
def test_header_that_cannot_be_sent_is_refused_where_it_is_set(put, headers):
    def get(self):
        with pytest.raises(ValueError, match="expected "):
            put(self, headers)
        return "refused"

    assert answer_of(get).text == "refused"


# -- arguments


def test_arguments_of_the_handler_are_those_of_the_message():
    class ArgumentHandler(WebMessageHandler):
        def post(self):
            return {
                "last": self.get_argument("a"),
                "as it was sent": self.get_argument("a", strip=False),
                "default": self.get_argument("b", 5),
                "all": self.get_arguments("a"),
                "all as they were sent": self.get_arguments("a", strip=False),
                "none": self.get_arguments("b"),
            }

    assert client_of(ArgumentHandler).post(f"{URL}?a=1", {"a": " 2 "}).json == {
        "last": "2",
        "as it was sent": " 2 ",
        "default": 5,
        "all": ["1", "2"],
        "all as they were sent": ["1", " 2 "],
        "none": [],
    }


# -- errors and redirects that are rendered


def test_render_error_drops_the_body_and_what_describes_it():
    def get(self):
        self.set_body("half an answer", headers={"Content-Type": "text/csv", "ETag": '"5"', "X-Kept": "1"})
        self.set_cookie("kept", "1")
        return self.render_error(404, extra_txt="no such todo")

    response = answer_of(get)

    assert response.json == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no such todo"}
    assert response.content_type == "application/problem+json"
    assert (response.headers["X-Kept"], "ETag" in response.headers) == ("1", False)
    assert cookie_lines(response) == ["kept=1; Path=/"]


def test_render_error_shows_browsers_a_page():
    handler = type("Handler", (WebMessageHandler,), {"get": lambda self: self.render_error(404, "Gone <Fishing>")})

    response = client_of(handler).get(URL, headers={"Accept": "text/html"}, status=404)

    assert response.content_type == "text/html"
    assert "<h1>404 Gone &lt;Fishing&gt;</h1>" in response.text


@pytest.mark.parametrize("status", [200, 302, 600])
def test_render_error_takes_error_statuses_only(status):
    def get(self):
        with pytest.raises(ValueError):
            self.render_error(status)
        return "refused"

    assert answer_of(get).text == "refused"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_has_the_status_that_was_asked_for(status):
    def get(self):
        self.set_body("half an answer", headers={"Content-Type": "text/csv", "X-Kept": "1"})
        self.set_cookie("kept", "1")
        return self.redirect("/there", status)

    response = answer_of(get)

    assert (response.status_code, response.headers["Location"], response.body) == (status, "/there", b"")
    assert (response.headers["X-Kept"], response.content_type) == ("1", "text/plain")
    assert cookie_lines(response) == ["kept=1; Path=/"]


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/a/b?c=d&e=%26#f", "/a/b?c=d&e=%26#f"),
        ("/café ☃", "/caf%C3%A9%20%E2%98%83"),
        ("https://example.org:8080/~a/(b),c;d=*[e]", "https://example.org:8080/~a/(b),c;d=*[e]"),
        ("\\\\example.org", "%5C%5Cexample.org"),  # browsers take a backslash for a slash
        ('/"<>^`{}', "/%22%3C%3E%5E%60%7B%7D"),
    ],
)
def test_redirect_quotes_what_a_url_cannot_hold(url, location):
    assert answer_of(lambda self: self.redirect(url)).headers["Location"] == location


@pytest.mark.parametrize("url", ["/a\r\nX-Injected: 1", "/a\n", "\t/a", "/\x00", "/\x7f", "", None, b"/a", "/\ud800"])
def test_redirect_refuses_what_is_no_url(url):
    def get(self):
        with pytest.raises(ValueError):
            self.redirect(url)
        return "refused"

    response = answer_of(get)

    assert (response.text, "Location" in response.headers) == ("refused", False)


@pytest.mark.parametrize("status", [200, 304, 404, None])
def test_redirect_refuses_statuses_that_lead_nowhere(status):
    def get(self):
        with pytest.raises(ValueError, match="expected a redirection status"):
            self.redirect("/there", status)
        return "refused"

    assert answer_of(get).text == "refused"


# -- cookies


def test_cookie_that_is_set_twice_leaves_once():
    def get(self):
        self.set_cookie("a", "first")
        self.set_cookie("a", "last")
        self.set_cookie("a", "elsewhere", path="/other")

    assert cookie_lines(answer_of(get)) == ["a=last; Path=/", "a=elsewhere; Path=/other"]


def test_cookies_are_deleted_where_they_were_set():
    class ForgetHandler(WebMessageHandler):
        def get(self):
            self.delete_cookie("a", path="/p", domain="example.org")

        def delete(self):
            self.delete_cookies()

    client = client_of(ForgetHandler)
    one = cookie_lines(client.get(URL))
    all_of_them = cookie_lines(client.delete(URL, headers={"Cookie": "b=1; c=2"}))

    past = {"Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"}
    assert [set(line.split("; ")) for line in one + all_of_them] == [
        past | {"a=", "Path=/p", "Domain=example.org"},
        past | {"b=", "Path=/"},
        past | {"c=", "Path=/"},
    ]


def test_cookie_is_deleted_with_the_attributes_that_it_was_set_with():
    def get(self):
        self.delete_cookie("a", samesite="None", secure=True, max_age=60)
        self.delete_cookie("__Host-b")  # browsers ignore the name without Secure

    lines = [set(line.split("; ")) for line in cookie_lines(answer_of(get))]

    assert {"SameSite=None", "Secure", "Max-Age=0"} <= lines[0]
    assert {"__Host-b=", "Secure", "Max-Age=0"} <= lines[1]


class SessionHandler(WebMessageHandler):
    def get(self):
        return {"value": self.get_cookie("session", "nobody", secret=True)}

    def post(self):
        self.set_cookie("session", {"user": 5}, secret=True, max_age=60)

    def put(self):
        self.set_cookie("session", {"user": 5}, secret="other")


def test_secret_true_is_the_applications():
    client = client_of(SessionHandler, cookie_secret="secret")

    client.post(URL)
    assert client.get(URL).json == {"value": {"user": 5}}

    client.put(URL)
    assert client.get(URL).json == {"value": "nobody"}


def test_cookie_signed_with_a_secret_that_was_rotated_still_holds():
    old = client_of(SessionHandler, cookie_secret="old").post(URL)
    cookie = cookie_lines(old)[0].partition(";")[0]

    rotated = client_of(SessionHandler, cookie_secret=["new", "old"]).get(URL, headers={"Cookie": cookie})

    assert rotated.json == {"value": {"user": 5}}


@pytest.mark.parametrize(("scheme", "is_secure"), [("http", False), ("https", True)])
def test_signed_cookie_goes_over_https_only_where_it_was_set_so(scheme, is_secure):
    client = client_of(SessionHandler, cookie_secret="secret")

    response = client.post(URL, extra_environ={"wsgi.url_scheme": scheme})

    attributes = set(cookie_lines(response)[0].split("; ")[1:])
    assert attributes >= {"HttpOnly", "SameSite=Lax", "Max-Age=60"}
    assert ("Secure" in attributes) == is_secure


def test_secret_true_needs_a_secret_of_the_application():
    def get(self):
        with pytest.raises(ConfigurationError, match="cookie_secret"):
            self.set_cookie("a", "1", secret=True)
        return "refused"

    response = answer_of(get)

    assert (response.text, "Set-Cookie" in response.headers) == ("refused", False)


# -- payloads


@pytest.mark.parametrize("base", [MessageHandler, JSONMessageHandler])
def test_payload_leaves_with_the_status(base):
    def get(self):
        self.add_to_payload("data", [5, 4])
        self.set_status(201, extra_txt="take five")

    response = answer_of(get, base)

    assert (response.status, response.content_type) == ("201 Created - take five", "application/json")
    assert response.json == {"status_code": 201, "status_msg": "Created - take five", "data": [5, 4]}


def test_payload_may_hold_what_databases_return():
    def get(self):
        self.add_to_payload("when", datetime(1959, 12, 14, tzinfo=UTC))
        self.add_to_payload("id", UUID(int=5))
        self.add_to_payload("price", Decimal("3.98"))
        return self.render()

    payload = answer_of(get, JSONMessageHandler).json

    assert payload["when"] == "1959-12-14T00:00:00Z"
    assert payload["id"] == "00000000-0000-0000-0000-000000000005"
    assert payload["price"] == "3.98"


@pytest.mark.parametrize("data", [[5, 4], {"take": 5}, [], {}, None, 0, "text"])
def test_hide_status_sends_the_data_alone(data):
    def get(self):
        self.add_to_payload("data", data)
        self.add_to_payload("more", 1)
        return self.render(status_code=201, hide_status=True)

    response = answer_of(get, JSONMessageHandler)

    assert (response.status_code, response.json) == (201, data)


def test_hide_status_without_data_hides_nothing():
    response = answer_of(lambda self: self.render(hide_status=True), JSONMessageHandler)

    assert response.json == {"status_code": 200, "status_msg": "OK"}


def test_clear_payload_keeps_the_status():
    def get(self):
        self.set_status(404)
        self.add_to_payload("data", 5)
        self.clear_payload()

    assert answer_of(get, JSONMessageHandler).json == {"status_code": 404, "status_msg": "Not Found"}


def test_error_of_a_json_handler_is_a_payload_of_its_status_alone():
    def get(self):
        self.add_to_payload("data", 5)
        self.headers["X-Auth"] = "needed"
        return self.render_error(401, extra_txt="log in first")

    response = answer_of(get, JSONMessageHandler)

    assert response.json == {"status_code": 401, "status_msg": "Unauthorized - log in first"}
    assert (response.content_type, response.headers["X-Auth"]) == ("application/json", "needed")


def test_json_handler_may_return_what_has_no_frame():
    assert answer_of(lambda self: [5, 4], JSONMessageHandler).json == [5, 4]


def test_payload_that_json_cannot_hold_is_the_handlers_mistake(caplog):
    response = answer_of(lambda self: self.add_to_payload("data", object()), JSONMessageHandler)

    assert response.status_code == 500
    assert "expected a value that JSON can hold, got object" in caplog.text


# -- the rest


def test_url_for_begins_where_the_application_is_mounted():
    app = Brubeck()

    @app.route("/todo/{id:int}")
    class TodoHandler(WebMessageHandler):
        def get(self, id):
            return self.url_for("TodoHandler", id=id + 1, page=2)

    assert TestApp(app).get("/todo/5", extra_environ={"SCRIPT_NAME": "/api"}).text == "/api/todo/6?page=2"


@pytest.mark.parametrize("body", ["text", b"bytes", {"take": 5}, None, Response("ready")])
def test_function_render_makes_a_response_of_its_parts(body):
    def handler(application, message):
        return render(body, 404, "Gone Fishing", [("X-Two", "1"), ("X-Two", "2")])

    response = client_of(handler).get(URL, status=404)

    assert (response.status, response.headers.getall("X-Two")) == ("404 Gone Fishing", ["1", "2"])


def test_function_render_leaves_the_response_that_it_was_given_alone():
    constant = Response("constant")

    rendered = render(constant, 404, headers={"X-Own": "1"})

    assert (rendered.status_code, rendered.body) == (404, b"constant")
    assert (constant.status_code, "X-Own" in constant.headers) == (200, False)


@pytest.mark.parametrize(("status_code", "status_msg"), [(99, None), (200, "OK\r\nX-Injected: 1")])
def test_function_render_refuses_statuses_that_cannot_be_sent(status_code, status_msg):
    with pytest.raises(ValueError, match="expected a "):
        render("text", status_code, status_msg)
