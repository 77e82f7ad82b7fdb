"""What an application says of its APIs: OpenAPI, JSON Schemas and the page; and that it is so."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Annotated

import msgspec
import pytest
from browsers import chromium
from servers import free_port, running
from webtest import TestApp

from benchmarks.schemathesis_run import APPS, GUNICORN, run
from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase, describe_apis
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import Todo, app, make_app
from tests.apps.autoapi_variants_app import app as variants


@pytest.fixture(scope="module")
def document():
    return TestApp(app).get("/openapi.json").json


def todo_api(**options):
    return type("TodoAPI", (AutoAPIBase,), {"model": Todo, "queries": DictQueryset(indexed=("title",))} | options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"payload": "brubeck"},
        {"dialect": "simple-rest"},
        {"dialect": "json-server"},
        {"requires_conditions": True, "put_creates": True},
        {"operations": ("list",)},
    ],
)
def test_openapi_document_is_valid(options):
    validate = pytest.importorskip("openapi_spec_validator").validate
    made = make_app()
    made.register_api(todo_api(**options), prefix="/other")

    validate(TestApp(made).get("/openapi.json").json)


def test_document_names_every_status_that_may_be_answered(document):
    of_post = set(document["paths"]["/todo/"]["post"]["responses"])

    assert of_post == {"201", "207", "400", "406", "409", "413", "415", "422"}
    assert {"401", "403", "404", "412"} <= set(document["paths"]["/note/{id}"]["patch"]["responses"])


def test_document_has_a_schema_for_each_role(document):
    schemas = document["components"]["schemas"]

    assert "secret" not in schemas["Note.public"]["properties"]
    assert "secret" in schemas["Note.owner"]["properties"]
    assert "internal" not in schemas["TodoInput"]["properties"]
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}


def test_document_says_where_a_user_is_expected_and_where_one_may_be(document):
    paths = document["paths"]

    assert paths["/note/"]["get"]["security"] == [{}, {"bearer": []}]
    assert paths["/note/"]["post"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/todo/"]["post"]


def headers_of(operation):
    return {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}


def test_document_names_the_headers_that_are_taken(document):
    todos, todo = document["paths"]["/todo/"], document["paths"]["/todo/{id}"]

    assert headers_of(todos["get"]) == {"If-Match", "If-None-Match", "Last-Event-ID"}
    assert headers_of(todos["post"]) == {"Prefer", "Idempotency-Key"}
    assert headers_of(todos["delete"]) == set()
    assert headers_of(todo["get"]) == {"If-Match", "If-None-Match"}
    assert all(
        headers_of(todo[method]) == {"If-Match", "If-None-Match", "Prefer"} for method in ("put", "patch", "delete")
    )


def test_document_names_no_headers_that_are_not_taken():
    made = Brubeck()
    made.register_api(todo_api(feed=False, idempotent_answers=None, requires_conditions=True))
    paths = TestApp(made).get("/openapi.json").json["paths"]

    assert headers_of(paths["/todo/"]["get"]) == {"If-Match", "If-None-Match"}
    assert headers_of(paths["/todo/"]["post"]) == {"Prefer"}
    required = [one["name"] for one in paths["/todo/{id}"]["patch"]["parameters"] if one.get("required")]
    assert required == ["If-Match"]


@pytest.mark.parametrize("key", ["k1", '"k1"', '"k,1"', "k,1", "k 1", 'k"1', '""', "k" * 200, "k" * 201, "k\\1"])
def test_key_is_refused_if_and_only_if_its_schema_does_not_have_it(document, key):
    parameters = document["paths"]["/todo/"]["post"]["parameters"]
    (schema,) = [one["schema"] for one in parameters if one["name"] == "Idempotency-Key"]
    made = Brubeck()
    made.register_api(todo_api())
    answer = TestApp(made).post_json("/todo/", {"title": "a"}, headers={"Idempotency-Key": key}, expect_errors=True)

    assert (answer.status_code == 400) is (re.search(schema["pattern"], key) is None)


def test_other_handlers_describe_themselves(document):
    operation = document["paths"]["/sum/{a}/{b}"]["get"]

    assert operation["summary"] == "Add two numbers."
    assert [parameter["schema"]["type"] for parameter in operation["parameters"]] == ["integer", "integer"]


def test_document_says_where_the_application_is_mounted():
    answer = TestApp(app).get("/openapi.json", extra_environ={"SCRIPT_NAME": "/mount"})

    assert answer.json["servers"] == [{"url": "/mount"}]


def test_manifest_has_the_schema_of_each_model():
    answer = TestApp(app).get("/manifest.json")

    assert answer.content_type == "application/schema+json"
    assert [one["title"] for one in answer.json] == ["Todo", "Note", "Item"]
    assert "internal" not in answer.text


def test_page_needs_nothing_from_elsewhere():
    client = TestApp(app)

    page = client.get("/docs").follow()

    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for path in ("docs.js", "docs.css"):
        assert path in page.text
        assert "http" not in client.get(f"/docs/{path}").text.replace("https://example.org/", "")


def test_application_without_apis_describes_none():
    assert TestApp(Brubeck()).get("/openapi.json", status=404)


@pytest.mark.serving
@pytest.mark.parametrize("place", APPS)
def test_what_the_document_says_holds_for_whatever_is_sent(place):
    pytest.importorskip("schemathesis")
    port = free_port()

    with running([*GUNICORN, "-b", f"127.0.0.1:{port}", place], port):
        done = run(port, seed=1, examples=5, phases="coverage,fuzzing")

    assert done.returncode == 0, done.stdout[-5000:]


def test_document_says_which_fields_are_left_alone(document):
    schemas = document["components"]["schemas"]

    assert fixed(schemas["ItemInput"]) == {"id", "price"}
    assert fixed(schemas["ItemReplacement"]) == {"id", "price", "sku"}
    assert fixed(schemas["TodoInput"]) == set()
    assert fixed(schemas["TodoPatch"]) == {"id"}
    assert fixed(schemas["NoteInput"]) == {"owner"}


def fixed(schema):
    return {key for key, one in schema["properties"].items() if one.get("readOnly")}


def test_document_has_no_schema_that_nothing_refers_to():
    text = TestApp(variants).get("/openapi.json").text

    assert [
        name for name in json.loads(text)["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text
    ] == []


@pytest.mark.serving
@pytest.mark.browser
def test_page_sends_headers_and_shows_a_stream(tmp_path):
    port = free_port()
    with (
        running([*GUNICORN, "-b", f"127.0.0.1:{port}", "tests.apps.autoapi_app:app"], port),
        chromium(tmp_path / "profile") as browser,
    ):
        browser.get(f"http://127.0.0.1:{port}/docs/")
        create, follow = opened(browser, "create-todo"), opened(browser, "list-todo")
        assert [one.get_attribute("value") for one in create.find_elements("tag name", "option")[:2]] == [
            "return=minimal",
            "return=representation",
        ]

        follow.find_element("xpath", ".//select[@name='Accept']/option[.='text/event-stream']").click()
        button = follow.find_element("xpath", ".//button")
        button.click()
        follow.find_element("xpath", ".//pre[contains(., 'event: ready')]")
        fill(create, "textarea", json.dumps({"title": "buy milk"}))
        fill(create, "input[name='Prefer']", "return=minimal")
        create.find_element("xpath", ".//button").click()
        create.find_element("xpath", ".//pre[contains(., '201 Created') and contains(., 'preference-applied')]")
        follow.find_element("xpath", ".//pre[contains(., 'event: create') and contains(., 'buy milk')]")
        button.click()
        follow.find_element("xpath", ".//pre[contains(., '(stopped)')]")
        follow.find_element("xpath", ".//button[.='Send']")


def opened(browser, operation):
    """Return the part of the page that shows an operation, unfolded."""
    browser.find_element("css selector", f"#{operation} > summary").click()
    return browser.find_element("id", operation)


def fill(part, selector, text):
    field = part.find_element("css selector", selector)
    field.clear()
    field.send_keys(text)


def test_fields_that_objects_are_found_by_have_the_limits_of_stores():
    @dataclass
    class Thing:
        id: str
        size: int | None = None
        most: Annotated[int, msgspec.Meta(le=5)] = 0
        name: str = ""
        note: int = 0

    queries = DictQueryset(model=Thing, indexed=("size", "most", "name"))
    made = Brubeck()
    made.register_api(type("ThingAPI", (AutoAPIBase,), {"model": Thing, "queries": queries}))
    client = TestApp(made)
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    found = schemas["ThingInput"]["properties"]
    size = next(one for one in found["size"]["anyOf"] if one["type"] == "integer")

    assert (size["minimum"], size["maximum"], found["most"]["maximum"]) == (-(2**63) + 1, 2**63 - 1, 5)
    assert found["name"]["maxLength"] == 1000
    assert "maximum" not in found["note"]
    client.post_json("/thing/", {"size": size["maximum"], "note": 2**70}, status=201)
    client.post_json("/thing/", {"size": size["maximum"] + 1}, status=422)
    whole = client.post_json("/thing/", {"size": 5.0, "most": -2.0}).json  # which JSON Schema calls integers
    assert (whole["size"], whole["most"]) == (5, -2)
    client.post_json("/thing/", {"size": 5.5}, status=422)


def described(below, *paths):
    """Return the statuses of *paths* in an application that describes its APIs *below*."""
    made = Brubeck()
    describe_apis(made, "Things", below=below)
    made.register_api(todo_api())
    client = TestApp(made)
    return [client.get(path, status="*").status_code for path in paths]


def test_descriptions_stand_where_the_application_wants_them():
    moved = ("/meta/openapi.json", "/meta/manifest.json", "/meta/docs/", "/meta/docs/docs.js", "/meta/docs")

    assert described("/meta", *moved, "/openapi.json", "/manifest.json", "/docs/") == [200] * 4 + [308] + [404] * 3


def test_descriptions_are_left_out_where_the_application_wants_none():
    assert described(None, "/openapi.json", "/manifest.json", "/docs/", "/docs", "/todo/") == [404] * 4 + [200]


def test_place_of_descriptions_is_said_before_they_have_one():
    made = Brubeck()
    with pytest.raises(ConfigurationError, match="expected below to be like '/internal', or None, got 'meta/'"):
        describe_apis(made, "Things", below="meta/")
    made.register_api(todo_api())

    with pytest.raises(ConfigurationError, match="expected below before the first API is registered"):
        describe_apis(made, "Things", below="/meta")
    describe_apis(made, "Things to do")
    assert TestApp(made).get("/openapi.json").json["info"]["title"] == "Things to do"


def test_route_of_your_own_at_the_place_of_a_description_goes_first():
    made = Brubeck()
    made.get("/manifest.json")(lambda application, message: {"name": "my page"})
    made.register_api(todo_api())

    assert TestApp(made).get("/manifest.json").json == {"name": "my page"}
