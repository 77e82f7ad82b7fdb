"""What an API has to be, where it is then, and that it is loaded by those who use it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from types import MappingProxyType

import pytest
from autoapi_clients import client_of
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import Todo, TodoAPI


@pytest.fixture
def todos():
    """A client of an API with all operations."""
    return client_of(TodoAPI)


@pytest.mark.parametrize(
    "options",
    [
        {"model": None},
        {"queries": None},
        {"queries": {}},
        {"operations": ("read", "write")},
        {"access": "somebody"},
        {"access": "owner"},
        {"access": MappingProxyType({"remove": "anyone"})},
        {"read_only": ("colour",)},
        {"payload": "xml"},
        {"dialect": "odata"},
        {"page_size": 0},
        {"max_page_size": 5000},
    ],
)
def test_api_that_cannot_be_is_refused_when_it_is_registered(options):
    own = {"model": Todo, "queries": DictQueryset()} | options

    with pytest.raises(ConfigurationError):
        Brubeck().register_api(type("TodoAPI", (AutoAPIBase,), own))


def test_model_without_identity_is_refused():
    @dataclass
    class Plain:
        number: int

    with pytest.raises(ConfigurationError, match="identity"):
        Brubeck().register_api(type("PlainAPI", (AutoAPIBase,), {"model": Plain, "queries": DictQueryset()}))


def test_prefix_is_the_class_below_the_base_url_unless_it_is_said():
    app = Brubeck(api_base_url="/api/")
    app.register_api(type("TodoAPI", (AutoAPIBase,), {"model": Todo, "queries": DictQueryset()}))
    app.register_api(type("TodoAPI", (AutoAPIBase,), {"model": Todo, "queries": DictQueryset()}), prefix="/other/")
    client = TestApp(app)

    assert client.get("/api/todo/").json == client.get("/other/").json == []
    with pytest.raises(ConfigurationError):
        app.register_api(type("TodoAPI", (AutoAPIBase,), {"model": Todo, "queries": DictQueryset()}))


def test_paths_in_answers_stand_below_where_the_application_is_mounted(todos):
    answer = todos.post_json("/todo/", {"title": "a"}, extra_environ={"SCRIPT_NAME": "/mount"})

    assert answer.headers["Location"].startswith("/mount/todo/")
    assert answer.json["url"].startswith("http://localhost/mount/todo/")


def test_apis_are_loaded_by_those_who_use_them():
    code = "import brubeck_wsgi, sys; {}; print('brubeck_wsgi.autoapi' in sys.modules)"
    for statement, is_loaded in (("pass", "False"), ("brubeck_wsgi.AutoAPIBase", "True")):
        command = [sys.executable, "-c", code.format(statement)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == is_loaded
