"""What an application says of its APIs: OpenAPI, JSON Schemas and the page; and that it is so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from servers import free_port, running
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import Todo, app, make_app

SERVER = ["gunicorn", "--no-control-socket", "--limit-request-line", "0", "-k", "brubeck_wsgi.workers.GeventWorker"]


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
def test_what_the_document_says_holds_for_whatever_is_sent(tmp_path):
    pytest.importorskip("schemathesis")
    port = free_port()
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"http://127.0.0.1:{port}/openapi.json"),
        *("--checks", "all", "--phases", "coverage,fuzzing", "--seed", "1"),
        *("--max-examples", "5", "--header", "Authorization: Bearer ada-token", "--no-color"),
    ]

    with running([*SERVER, "-b", f"127.0.0.1:{port}", "tests.apps.autoapi_app:app"], port):
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)

    assert run.returncode == 0, run.stdout[-5000:]
