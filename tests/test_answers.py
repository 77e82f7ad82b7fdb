"""What a handler may return, and what the client gets for it."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from uuid import UUID

import msgspec
import pytest
import webob
import webob.exc
from webtest import TestApp

from brubeck_wsgi import Brubeck, Response, WebMessageHandler

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
BINARY = "application/octet-stream"
JSON = "application/json"


class Shout(str):
    """Text with a class of its own."""


class Octets(bytes):
    """Bytes with a class of their own."""


class Tempo(str, Enum):  # noqa: UP042  # StrEnum is the easier case
    SLOW = "largo"


class Markup(str):
    """Text that says it is safe HTML, as markupsafe's does."""

    def __html__(self):
        return self


class Widget:
    """What can be shown as HTML and is no text."""

    def __html__(self):
        return "<b>5</b>"


@dataclass
class Album:
    title: str
    released: date


class Track(msgspec.Struct):
    title: str
    seconds: int


@dataclass
class Letter:
    """A record whose field is called as the method of a file."""

    read: bool


class PydanticLike:
    """A model as pydantic's are from outside."""

    def model_dump(self, mode):
        return {"title": "Time Out", "dumped": mode}

    def model_dump_json(self):
        return '{"title":"Time Out"}'


def client_of(handler, **options) -> TestApp:
    """Return a client of an application with nothing but this handler."""
    return TestApp(Brubeck(handler_tuples=[("^/$", handler)], **options))


def returning(make) -> object:
    """Return a handler function that returns what *make* does."""
    return lambda application, message: make()


def class_returning(make) -> type[WebMessageHandler]:
    """Return a handler class whose get() returns what *make* does."""

    class ReturningHandler(WebMessageHandler):
        def get(self):
            return make()

    return ReturningHandler


@pytest.mark.parametrize("handler_of", [returning, class_returning])
@pytest.mark.parametrize(
    ("make", "content_type", "body"),
    [
        pytest.param(lambda: "Déjà vu", TEXT, "Déjà vu".encode(), id="text"),
        pytest.param(lambda: "", TEXT, b"", id="empty text"),
        pytest.param(lambda: Shout("take"), TEXT, b"take", id="text of another class"),
        pytest.param(lambda: Tempo.SLOW, TEXT, b"largo", id="text of an enumeration"),
        pytest.param(lambda: b"\x00\xff", BINARY, b"\x00\xff", id="bytes"),
        pytest.param(lambda: Octets(b"5"), BINARY, b"5", id="bytes of another class"),
        pytest.param(lambda: bytearray(b"5"), BINARY, b"5", id="bytearray"),
        pytest.param(lambda: memoryview(b"take")[1:3], BINARY, b"ak", id="memoryview"),
        pytest.param(lambda: {"take": 5}, JSON, b'{"take":5}', id="dict"),
        pytest.param(lambda: OrderedDict(b=1, a=2), JSON, b'{"b":1,"a":2}', id="dict of another class"),
        pytest.param(lambda: [5, None], JSON, b"[5,null]", id="list"),
        pytest.param(lambda: Track("Take Five", 324), JSON, b'{"title":"Take Five","seconds":324}', id="msgspec"),
        pytest.param(
            lambda: Album("Time Out", date(1959, 12, 14)),
            JSON,
            b'{"title":"Time Out","released":"1959-12-14"}',
            id="dataclass",
        ),
        pytest.param(lambda: Letter(read=True), JSON, b'{"read":true}', id="record with a field called read"),
        pytest.param(PydanticLike, JSON, b'{"title":"Time Out"}', id="model"),
        pytest.param(lambda: Markup("<b>5</b>"), HTML, b"<b>5</b>", id="text that is HTML"),
        pytest.param(Widget, HTML, b"<b>5</b>", id="object that is HTML"),
        pytest.param(lambda: (piece for piece in ("ta", b"ke")), TEXT, b"take", id="generator"),
        pytest.param(lambda: iter(["ta", "ke"]), TEXT, b"take", id="iterator"),
        pytest.param(lambda: map(str, [4, 5]), TEXT, b"45", id="map"),
        pytest.param(lambda: iter([]), TEXT, b"", id="iterator of nothing"),
        pytest.param(lambda: io.BytesIO(b"\x00" * 100_000), BINARY, b"\x00" * 100_000, id="binary file"),
        pytest.param(lambda: io.StringIO("Déjà\nvu"), TEXT, "Déjà\nvu".encode(), id="text file"),
        pytest.param(lambda: Response("5", content_type="text/css"), "text/css", b"5", id="Response"),
        pytest.param(lambda: webob.Response("5"), "text/html; charset=UTF-8", b"5", id="webob.Response"),
    ],
)
def test_kind_of_value_decides_content_type_and_body(handler_of, make, content_type, body):
    answer = client_of(handler_of(make)).get("/")

    assert (answer.status_code, answer.headers["Content-Type"], answer.body) == (200, content_type, body)


def test_attrs_class_becomes_json():
    attrs = pytest.importorskip("attrs")
    model = attrs.make_class("Song", {"title": attrs.field()})

    assert client_of(returning(lambda: model("Take Five"))).get("/").json == {"title": "Take Five"}


def test_pydantic_model_becomes_json_alone_and_within_other_data():
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Song", title=(str, ...), released=(date, ...))
    song = model(title="Take Five", released=date(1959, 9, 21))

    assert client_of(returning(lambda: song)).get("/").json == {"title": "Take Five", "released": "1959-09-21"}
    assert client_of(returning(lambda: [song])).get("/").json == [{"title": "Take Five", "released": "1959-09-21"}]


def test_json_holds_dates_identifiers_decimals_and_models():
    data = {
        "date": date(1959, 12, 14),
        "id": UUID(int=5),
        "price": Decimal("9.90"),
        "none": float("nan"),
        "models": [Track("Take Five", 324), Album("Time Out", date(1959, 12, 14)), PydanticLike()],
    }

    assert client_of(returning(lambda: data)).get("/").json == {
        "date": "1959-12-14",
        "id": "00000000-0000-0000-0000-000000000005",
        "price": "9.90",
        "none": None,
        "models": [
            {"title": "Take Five", "seconds": 324},
            {"title": "Time Out", "released": "1959-12-14"},
            {"title": "Time Out", "dumped": "json"},
        ],
    }


def test_function_with_yield_is_a_stream():
    def count(application, message):
        yield "4"
        yield b"5"

    assert client_of(count).get("/").body == b"45"


def test_function_that_returns_nothing_answers_an_empty_body():
    answer = client_of(returning(lambda: None)).get("/")

    assert (answer.status_code, answer.headers["Content-Length"], answer.body) == (200, "0", b"")


def test_class_that_returns_nothing_answers_what_was_set():
    class SettingHandler(WebMessageHandler):
        def get(self):
            self.set_body("short and stout", status_code=418)

    answer = client_of(SettingHandler).get("/", status=418)

    assert (answer.content_type, answer.text) == ("text/plain", "short and stout")


# -- tuples


@pytest.mark.parametrize(
    ("returned", "status", "headers", "body"),
    [
        (("gone", 410), "410 Gone", {"Content-Type": TEXT}, b"gone"),
        (({"take": 5}, 202), "202 Accepted", {"Content-Type": JSON}, b'{"take":5}'),
        (("", HTTPStatus.CREATED), "201 Created", {}, b""),
        (("5", 299), "299 Unknown", {}, b"5"),
        (("5", 200, {"Content-Type": "text/csv", "Age": 5}), "200 OK", {"Content-Type": "text/csv", "Age": "5"}, b"5"),
        (([5], 201, [("Location", "/5")]), "201 Created", {"Location": "/5"}, b"[5]"),
        ((None, 200), "200 OK", {"Content-Length": "0"}, b""),
        ((Response("5", headers={"Age": "1"}), 203), "203 Non-Authoritative Information", {"Age": "1"}, b"5"),
        ((webob.Response("5"), 203), "203 Non-Authoritative Information", {}, b"5"),
    ],
)
def test_tuple_says_body_status_and_headers(returned, status, headers, body):
    answer = client_of(returning(lambda: returned)).get("/", expect_errors=True)

    assert (answer.status, answer.body) == (status, body)
    assert {name: answer.headers[name] for name in headers} == headers


def test_tuple_sets_several_headers_of_one_name():
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]

    answer = client_of(returning(lambda: ("", 200, cookies))).get("/")

    assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]


def test_response_in_a_tuple_stays_as_it_was():
    constant = Response("5", headers={"Age": "1"}, status_msg="Fine")

    answer = client_of(returning(lambda: (constant, 404, {"Age": "2"}))).get("/", status=404)

    assert (answer.status, answer.headers["Age"]) == ("404 Not Found", "2")
    assert (constant.status_code, constant.status_msg, constant.headers["Age"]) == (200, "Fine", "1")


# -- what cannot be answered


@pytest.mark.parametrize("handler_of", [returning, class_returning])
@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (5, "TypeError('expected a handler to return text, bytes, "),
        (True, "got bool"),
        ({5}, "got set"),
        (object(), "got object"),
        (Album, "got type"),
        (Track, "got StructMeta"),
        (("alone",), "expected a tuple (body, status) or (body, status, headers)"),
        (("5", "404"), "expected a tuple (body, status) or (body, status, headers)"),
        (("5", True), "expected a tuple (body, status) or (body, status, headers)"),
        (("5", 200, {}, None), "expected a tuple (body, status) or (body, status, headers)"),
        ((5, 200), "got int"),
        (("5", 99), "expected a status from 200 to 599, got 99"),
        (("5", 600), "expected a status from 200 to 599, got 600"),
        (("5", 200, {"X-Name": "a\r\nSet-Cookie: b=c"}), "expected a value without control characters"),
        (("5", 200, {"X Name": "a"}), "expected a header name made of token characters"),
        ({"take": object()}, "expected a value that JSON can hold, got object"),
        ("\ud800", "UnicodeEncodeError"),
    ],
)
def test_value_that_cannot_be_answered_is_logged_and_500(handler_of, returned, expected, caplog):
    answer = client_of(handler_of(lambda: returned)).get("/", status=500)

    [failure] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert expected in failure.getMessage()
    assert answer.json == {"type": "about:blank", "title": "Internal Server Error", "status": 500}


@pytest.mark.parametrize("piece", [None, 5, ["5"]])
def test_stream_whose_first_piece_cannot_be_sent_is_500(piece, caplog):
    client_of(returning(lambda: iter([piece, "5"]))).get("/", status=500)

    assert f"expected bytes or text as a piece of a body, got {type(piece).__name__}" in caplog.text


def test_data_that_holds_itself_is_500(caplog):
    endless: list[object] = []
    endless.append(endless)

    client_of(returning(lambda: endless)).get("/", status=500)

    assert "RecursionError" in caplog.text


# -- WebOb's responses


def test_webob_response_keeps_its_status_headers_and_cookies():
    def answer_with_webob(application, message):
        response = webob.Response("5", status="201 Taken", content_type="text/css")
        response.set_cookie("take", "5")
        return response

    answer = client_of(answer_with_webob).get("/")

    assert (answer.status, answer.content_type, answer.text) == ("201 Taken", "text/css", "5")
    assert answer.headers["Set-Cookie"] == "take=5; Path=/"
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({}, 200, b"0123456789"),
        ({"If-None-Match": '"five"'}, 304, b""),
        ({"Range": "bytes=2-4"}, 206, b"234"),
        ({"Range": "bytes=20-"}, 416, b"Requested range not satisfiable: bytes=20-"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_webob_response_answers_conditional_requests_its_way(headers, status, body, method):
    def answer_conditionally(application, message):
        return webob.Response(b"0123456789", etag="five", conditional_response=True, accept_ranges="bytes")

    answer = client_of(answer_conditionally).request("/", method=method, headers=headers, status=status)

    assert answer.body == (body if method == "GET" else b"")


@pytest.mark.parametrize("is_raised", [True, False], ids=["raised", "returned"])
@pytest.mark.parametrize(
    ("error", "status", "content_type"),
    [
        (webob.exc.HTTPNotFound("no such take"), "404 Not Found", "text/plain"),
        (webob.exc.HTTPConflict("no such take", headers={"X-Take": "5"}), "409 Conflict", "text/plain"),
    ],
)
def test_webob_exception_is_an_answer_and_no_failure(is_raised, error, status, content_type, caplog):
    def fail(application, message):
        if is_raised:
            raise error
        return error

    answer = client_of(fail).get("/", expect_errors=True)

    assert (answer.status, answer.content_type) == (status, content_type)
    assert "no such take" in answer.text
    assert not caplog.records


def test_webob_exception_raised_in_a_class_with_error_is_an_answer(caplog):
    class FailingHandler(WebMessageHandler):
        def get(self):
            raise webob.exc.HTTPNotFound("no such take")

        def error(self, err):
            return "not for answers", 500

    assert "no such take" in client_of(FailingHandler).get("/", status=404).text
    assert not caplog.records


def test_webob_redirection_has_an_absolute_location():
    answer = client_of(returning(lambda: webob.exc.HTTPFound(location="/next"))).get("/")

    assert (answer.status_code, answer.location) == (302, "http://localhost/next")


@pytest.mark.parametrize(
    "make",
    [
        lambda: webob.Response("5"),
        lambda: webob.exc.HTTPNotFound("no such take"),
        lambda: webob.Response(app_iter=iter([b"4", b"5"])),
    ],
)
def test_webob_response_has_the_same_headers_for_head(make):
    client = client_of(returning(make))
    own = {"X-Request-Id": "set-1"}

    got = client.get("/", headers=own, expect_errors=True)
    head = client.head("/", headers=own, expect_errors=True)

    assert head.body == b""
    assert {**head.headers, "Content-Length": ""} == {**got.headers, "Content-Length": ""}
    assert head.headers.get("Content-Length") in (got.headers["Content-Length"], None)


def test_webob_response_without_content_has_no_body():
    answer = client_of(returning(lambda: webob.Response("5", status=204))).get("/")

    assert (answer.status_code, answer.body) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers


def test_webob_response_takes_the_status_and_headers_of_its_handler():
    class CreatingHandler(WebMessageHandler):
        def get(self):
            self.set_status(201)
            self.headers["Age"] = 5
            return webob.Response("5")

    answer = client_of(CreatingHandler).get("/")

    assert (answer.status, answer.headers["Age"], answer.text) == ("201 Created", "5", "5")


def test_webob_header_with_a_line_break_is_refused(caplog):
    def inject(application, message):
        response = webob.Response("5")
        response.headers["X-Name"] = "a\r\nSet-Cookie: b=c"
        return response

    answer = client_of(inject).get("/", status=500)

    assert "Set-Cookie" not in answer.headers
    assert "expected a value without control characters for header X-Name" in caplog.text


def test_webob_exception_with_a_line_break_in_a_header_is_refused(caplog):
    def inject(application, message):
        raise webob.exc.HTTPNotFound(headers={"X-Name": "a\r\nSet-Cookie: b=c"})

    answer = client_of(inject).get("/", status=500)

    assert "Set-Cookie" not in answer.headers
    assert "expected a value without control characters for header X-Name" in caplog.text


def test_webob_stream_that_fails_at_once_is_500(caplog):
    def pieces():
        raise LookupError("no piece")
        yield b""

    client_of(returning(lambda: webob.Response(app_iter=pieces()))).get("/", status=500)

    assert caplog.text.count("LookupError('no piece')") == 1
