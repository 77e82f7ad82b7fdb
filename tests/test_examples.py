"""The examples: each fits on a screen, says how to run it, and does what it shows."""

from __future__ import annotations

import importlib
import logging
from contextlib import closing

import pytest
from servers import ROOT
from webtest import TestApp, TestRequest

from brubeck_wsgi import Brubeck
from examples import class_handler, cookies, errors, functions, hello, json_api, streaming, url_arguments

EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.name != "__init__.py")
SCREEN_LINES = 60


@pytest.fixture
def todos():
    """A client of the JSON API, which has nothing to do yet."""
    json_api.todos.clear()
    return TestApp(json_api.app)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_says_how_to_run_it_and_fits_on_a_screen(path):
    source = path.read_text()

    assert f"``gunicorn -k gevent examples.{path.stem}:app``" in source.splitlines()[0]
    assert len(source.splitlines()) <= SCREEN_LINES
    assert isinstance(importlib.import_module(f"examples.{path.stem}").app, Brubeck)


def test_hello_greets_by_name():
    client = TestApp(hello.app)

    assert client.get("/").text == "Take five, dude!\n"
    assert client.get("/?name=Dave").text == "Take five, Dave!\n"


def test_class_handler_answers_each_method_with_its_function():
    client = TestApp(class_handler.app)

    got = client.get("/brubeck?name=Dave")
    posted = client.post("/brubeck", {"name": "Dave"})

    assert (got.text, got.headers["Content-Language"]) == ("Take five, Dave!\n", "en")
    assert (posted.status, posted.json) == ("201 Created", {"taken": 5, "by": "Dave"})


def test_class_handler_refuses_in_prepare_whatever_the_method():
    client = TestApp(class_handler.app)

    assert client.get("/brubeck?name=Paul", status=403).json["detail"] == "Paul plays the saxophone"
    assert client.post("/brubeck", {"name": "Paul"}, status=403).json["title"] == "Forbidden"


def test_class_handler_allows_the_methods_that_it_has_functions_for():
    refused = TestApp(class_handler.app).put("/brubeck", status=405)

    assert refused.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/text", "text/plain", b"Take Five\n"),
        ("/json", "application/json", b'{"record":{"title":"Time Out","released":"1959-12-14"},"bars":[5,4]}'),
        ("/model", "application/json", b'{"title":"Time Further Out","released":"1961-11-15"}'),
        ("/page", "text/html", b"<h1>Take Five</h1>\n"),
    ],
)
def test_what_a_function_returns_decides_the_content_type(path, content_type, body):
    response = TestApp(functions.app).get(path)

    assert (response.content_type, response.body) == (content_type, body)


def test_function_returns_body_status_and_headers():
    response = TestApp(functions.app).post("/records", {"title": "Time Changes"})

    assert (response.status_code, response.json) == (201, {"title": "Time Changes"})
    assert response.location == "/json"


def test_function_renders_a_status_of_its_choice():
    response = TestApp(functions.app).post("/teapot", status=418)

    assert (response.text, response.headers["X-Pours"]) == ("short and stout\n", "tea")


def test_function_that_returns_nothing_answers_an_empty_body():
    assert TestApp(functions.app).delete("/records", status=200).body == b""


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_function_in_the_handler_tuples_answers_any_method(method):
    response = TestApp(functions.app).request("/any/thing", method=method)

    assert response.text == f"{method} /any/thing\n"


@pytest.mark.parametrize("prefix", ["/players", "/named"])
def test_optional_group_leaves_the_default_in_force(prefix):
    client = TestApp(url_arguments.app)

    assert client.get(f"{prefix}/Dave").text == "Dave plays the piano\n"
    assert client.get(f"{prefix}/Paul/saxophone").text == "Paul plays the saxophone\n"


def test_urls_that_a_handler_makes_lead_to_their_routes():
    client = TestApp(url_arguments.app)

    answer = client.get("/albums/1959/5").json

    assert answer["track"] == [1959, 5]
    assert client.get(answer["previous"]).json["track"] == [1959, 4]
    assert client.get(answer["concert"]).text == "Carnegie Hall on a Monday, 2 seats\n"
    assert client.get(answer["cover"]).text == "the picture 1959/front.jpg\n"


@pytest.mark.parametrize("path", ["/albums/1959/five", "/concerts/2026-02-30/Fillmore", "/covers/"])
def test_path_that_no_converter_takes_is_not_found(path):
    TestApp(url_arguments.app).get(path, status=404)


def test_json_api_creates_shows_lists_and_deletes(todos):
    created = todos.post_json("/todos", {"title": "take five"}, status=201)

    assert created.json == {"title": "take five", "completed": False, "id": created.json["id"]}
    assert todos.get(created.location).json == created.json
    assert todos.get("/todos").json == [created.json]
    assert todos.delete(created.location, status=204).body == b""
    assert todos.get("/todos").json == []


def test_json_api_says_in_a_problem_document_what_it_did_not_find(todos):
    missing = todos.get("/todos/5cbb45c2-8251-429d-b147-c23691289e90", status=404)

    assert missing.content_type == "application/problem+json"
    assert missing.json["todo"] == "5cbb45c2-8251-429d-b147-c23691289e90"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ('{"title": "x"}', "text/plain", 415),
        ('{"title": 5}', "application/json", 422),
        ('{"title": "x", "id": 1}', "application/json", 422),
        ("{}", "application/json", 422),
    ],
)
def test_json_api_refuses_what_is_no_todo(todos, body, content_type, status):
    refused = todos.post("/todos", body, content_type=content_type, status=status)

    assert refused.content_type == "application/problem+json"
    assert todos.get("/todos").json == []


def test_generator_function_streams_its_pieces(monkeypatch):
    monkeypatch.setattr(streaming, "PAUSE_SECONDS", 0)
    headers = {}

    # Called as a server calls it: TestApp would join the pieces.
    with closing(
        streaming.app(TestRequest.blank("/count/3").environ, lambda status, pairs: headers.update(pairs))
    ) as pieces:
        assert list(pieces) == [b"1\n", b"2\n", b"3\n"]
    assert "Content-Length" not in headers
    assert TestApp(streaming.app).get("/count/3").text == "1\n2\n3\n"


def test_stream_has_its_own_content_type_and_is_closed_once(capsys):
    response = TestApp(streaming.app).get("/squares.csv")

    assert response.content_type == "text/csv"
    assert response.text.splitlines()[:3] == ["number,square", "1,1", "2,4"]
    assert response.text.splitlines()[-1] == "1000,1000000"
    assert capsys.readouterr().out == "closed: the client has it all, or has left\n"


def test_visits_are_counted_in_a_signed_cookie():
    client = TestApp(cookies.app)

    first, second = client.get("/"), client.get("/")

    assert first.text == "Stranger, this is visit 1.\n"
    assert second.text == "Stranger, this is visit 2.\n"
    assert "HttpOnly" in first.headers["Set-Cookie"]
    assert "SameSite=Lax" in first.headers["Set-Cookie"]


def test_visits_that_somebody_forged_are_not_believed():
    client = TestApp(cookies.app)
    client.set_cookie("visits", "1000000")

    assert client.get("/").text == "Stranger, this is visit 1.\n"


def test_name_is_remembered_in_a_plain_cookie_until_it_is_deleted():
    client = TestApp(cookies.app)

    assert client.get("/name/Dave%20Brubeck").text == "Welcome, Dave Brubeck; you were nobody.\n"
    assert client.get("/").text == "Dave Brubeck, this is visit 1.\n"
    client.delete("/")
    assert client.get("/").text == "Stranger, this is visit 1.\n"


def test_raised_error_leaves_as_problem_document_or_page_by_what_the_client_accepts():
    client = TestApp(errors.app)

    problem = client.get("/shows/1", status=409)
    page = client.get("/shows/1", headers={"Accept": "text/html"}, status=409)

    assert problem.content_type == "application/problem+json"
    assert problem.json["halls"] == ["A"]
    assert problem.json["type"] == "/problems/double-booked"
    assert "<p>two bands, one hall</p>" in page.text


def test_raised_error_brings_its_headers():
    assert TestApp(errors.app).get("/shows/2", status=451).headers["Link"] == '</police>; rel="blocked-by"'


def test_error_handler_answers_its_class():
    assert TestApp(errors.app).get("/shows/3", status=409).text == "Sorry: not one seat left.\n"


def test_error_handler_of_500_answers_what_went_wrong_with_nothing_of_it(caplog):
    with caplog.at_level(logging.ERROR, "brubeck.app"):
        response = TestApp(errors.app).get("/shows/4", headers={"X-Request-Id": "set-1"}, status=500)

    assert response.text == "Our fault, and in our log as set-1.\n"
    assert [record.getMessage() for record in caplog.records] == [
        "GET /shows/4 failed: ZeroDivisionError('division by zero') [set-1]"
    ]


def test_base_handler_answers_paths_that_no_route_matches():
    assert TestApp(errors.app).get("/nowhere", status=404).json["detail"] == ("nothing plays at /nowhere, try /shows/1")
