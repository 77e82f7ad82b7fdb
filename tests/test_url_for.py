"""Paths made from routes: their names, what is quoted, and what no path can be made of."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, Converter, WebMessageHandler

ID = "0190163d-8694-739b-aea5-966c26f8ad91"


class Day(Converter):
    regex = r"\d{4}-\d{2}-\d{2}"

    def dump(self, value):
        return value.isoformat()


class Page(WebMessageHandler):
    def get(self, id):
        return self.url_for("Page", id=id + 1)


def page(application, message, **values):
    return values


def app_of(template):
    app = Brubeck()
    app.add_converter("day", Day())
    app.get(template, name="it")(page)
    return app


@pytest.mark.parametrize(
    ("template", "values", "url"),
    [
        ("/", {}, "/"),
        ("/records/{id}", {"id": 5}, "/records/5"),
        ("/records/{id:int}/{track:int}.txt", {"id": 5, "track": -1}, "/records/5/-1.txt"),
        ("/at/{x:float}", {"x": -1.5}, "/at/-1.5"),
        ("/users/{id:uuid}", {"id": UUID(ID)}, f"/users/{ID}"),
        ("/users/{id:uuid}", {"id": ID}, f"/users/{ID}"),
        ("/files/{path:path}", {"path": "a/b c/d"}, "/files/a/b%20c/d"),
        ("/on/{day:day}", {"day": date(1959, 12, 14)}, "/on/1959-12-14"),
    ],
)
def test_fields_are_filled_in(template, values, url):
    assert app_of(template).url_for("it", **values) == url


@pytest.mark.parametrize(
    ("template", "values", "url"),
    [
        ("/in/{place}", {"place": "Zürich?#%"}, "/in/Z%C3%BCrich%3F%23%25"),
        ("/in/{place}", {"place": "a:b@c!$&'()*+,;=-._~"}, "/in/a:b@c!$&'()*+,;=-._~"),
        ("/in/{place}", {"place": '"<\\\r\n>'}, "/in/%22%3C%5C%0D%0A%3E"),
        ("/in/{place}", {"place": "{place}"}, "/in/%7Bplace%7D"),
        ("/Café 100%/{place}?#", {"place": "a"}, "/Caf%C3%A9%20100%25/a%3F%23"),
    ],
)
def test_what_a_path_cannot_hold_is_quoted(template, values, url):
    assert app_of(template).url_for("it", **values) == url


@pytest.mark.parametrize("template", ["/{path:path}", "//evil.example"])
def test_path_never_begins_as_the_name_of_another_host_would(template):
    app = app_of(template)
    values = {"path": "/evil.example"} if "{" in template else {}

    url = app.url_for("it", **values)

    assert url == "/%2Fevil.example"
    assert TestApp(app).get(url).json == values


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ({"page": 2}, "/records/5?page=2"),
        ({"q": "take five", "of": "50%&"}, "/records/5?q=take+five&of=50%25%26"),
        ({"tag": ["cool", "jazz"]}, "/records/5?tag=cool&tag=jazz"),
        ({"tag": []}, "/records/5"),
        ({"name": "Dave", "self": "x"}, "/records/5?name=Dave&self=x"),
    ],
)
def test_values_without_a_field_become_the_query(query, url):
    assert app_of("/records/{id}").url_for("it", id=5, **query) == url


@settings(deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1), rest=st.text("a/.é% ")
)
def test_path_leads_back_to_its_route_with_the_same_values(name, rest):
    app = app_of("/é {name}/{rest:path}")
    values = {"name": name, "rest": f"{rest}."}

    url = app.url_for("it", **values)

    assert url.isascii()
    assert TestApp(app).get(url).json == values


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("/{day}/{place}", {}, "expected a value for day, place of '/{day}/{place}'"),
        ("/{day}/{place}", {"day": 1}, "expected a value for place of"),
        ("/{id:int}", {"id": "five"}, "expected a value for id of '/{id:int}' that its field matches, got 'five'"),
        ("/{id:int}", {"id": 5.0}, "got 5.0"),
        ("/{id:int}", {"id": None}, "got None"),
        ("/{id:int}", {"id": 10**18}, "got 1000000000000000000"),
        ("/{x:float}", {"x": float("inf")}, "got inf"),
        ("/{name}", {"name": ""}, "got ''"),
        ("/{name}", {"name": "a/b"}, "got 'a/b'"),
        ("/{name}", {"name": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_value_that_is_missing_or_does_not_fit_is_refused(template, values, message):
    with pytest.raises(ValueError) as caught:
        app_of(template).url_for("it", **values)

    assert message in str(caught.value)


def test_name_that_no_route_has_is_refused():
    with pytest.raises(ConfigurationError, match="expected the name of a route, got 'that'"):
        app_of("/").url_for("that")


def test_no_path_is_made_of_a_regular_expression():
    with pytest.raises(ConfigurationError, match="expected a path template to make a URL from"):
        app_of(r"^/records/(\d+)$").url_for("it")


def test_route_is_called_as_its_handler_by_default():
    app = Brubeck(handler_tuples=[("/class/{id}", Page)])
    app.get("/function/{id}")(page)

    assert app.url_for("Page", id=1) == "/class/1"
    assert app.url_for("page", id=1) == "/function/1"


def test_regular_expression_leaves_the_name_of_its_handler_to_a_template():
    app = Brubeck(handler_tuples=[(r"^/old/(\d+)$", Page), ("/{id:int}", Page)])

    assert app.url_for("Page", id=5) == "/5"


def test_first_of_two_routes_of_a_handler_has_its_name():
    app = Brubeck()
    app.get("/first")(page)
    app.get("/second")(page)

    assert app.url_for("page") == "/first"


def test_two_routes_cannot_be_given_one_name():
    app = app_of("/first")

    with pytest.raises(ConfigurationError, match="expected one route named 'it', '/first' has that name already"):
        app.get("/second", name="it")(page)
    TestApp(app).get("/second", status=404)


def test_handler_puts_the_place_where_the_application_is_mounted_in_front():
    client = TestApp(Brubeck(handler_tuples=[("/{id:int}", Page)]))

    assert client.get("/5").text == "/6"
    assert client.get("/5", extra_environ={"SCRIPT_NAME": "/site"}).text == "/site/6"


def test_handler_quotes_the_place_where_the_application_is_mounted():
    client = TestApp(Brubeck(handler_tuples=[("/{id:int}", Page)]))

    answer = client.get("/5", extra_environ={"SCRIPT_NAME": "/caf\xc3\xa9 <5>?/@home"})

    assert answer.text == "/caf%C3%A9%20%3C5%3E%3F/@home/6"
