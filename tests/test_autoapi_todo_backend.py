"""The public specification of Todo-Backend, on one model without a handler, for pages of other origins."""

from __future__ import annotations

import pytest
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.dictshield import Document, IntField, StringField
from brubeck_wsgi.middleware import CORS
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import EVERYTHING, Todo


def todo_backend():
    class Entry(Document):
        title = StringField(required=True)
        completed = Todo.completed
        order = IntField()

    own = {"model": Entry, "queries": DictQueryset(), "operations": EVERYTHING, "url_field": "url", "name": "todos"}
    app = Brubeck()
    app.register_api(type("EntryAPI", (AutoAPIBase,), own))
    app.add_middleware(CORS, origins=["*"], headers=["Content-Type"])
    return TestApp(app)


def fresh(client, **fields):
    return client.post_json("/todos/", {"title": "blah"} | fields).json


BACKEND = {
    "root answers GET, with the headers of CORS": lambda client: (
        client.get("/todos/").headers["Access-Control-Allow-Origin"] == "*"
    ),
    "root answers POST with what was posted": lambda client: fresh(client, title="a todo")["title"] == "a todo",
    "root answers DELETE": lambda client: client.delete("/todos/").status_code == 204,
    "list is empty after DELETE": lambda client: client.delete("/todos/") and client.get("/todos/").json == [],
    "what is posted is in the list": lambda client: (
        fresh(client, title="walk") and [one["title"] for one in client.get("/todos/").json] == ["walk"]
    ),
    "a new one is not completed": lambda client: (
        fresh(client)["completed"] is client.get("/todos/").json[0]["completed"] is False
    ),
    "a new one has a url": lambda client: fresh(client)["url"] == client.get("/todos/").json[0]["url"],
    "the url leads to it": lambda client: client.get(fresh(client, title="mine")["url"]).json["title"] == "mine",
    "urls in the list lead to each": lambda client: (
        fresh(client)
        and fresh(client)
        and all(client.get(one["url"]).json == one for one in client.get("/todos/").json)
    ),
    "PATCH changes the title": lambda client: (
        client.patch_json(fresh(client)["url"], {"title": "bathe"}).json["title"] == "bathe"
    ),
    "PATCH completes it": lambda client: (
        client.patch_json(fresh(client)["url"], {"completed": True}).json["completed"] is True
    ),
    "changes are there when asked again": lambda client: (
        client.patch_json(fresh(client)["url"], {"title": "c", "completed": True}).json
        == client.get(client.get("/todos/").json[0]["url"]).json
    ),
    "DELETE removes it": lambda client: client.delete(fresh(client)["url"]) and client.get("/todos/").json == [],
    "it is made with an order": lambda client: fresh(client, order=523)["order"] == 523,
    "PATCH changes the order": lambda client: (
        client.patch_json(fresh(client, order=10)["url"], {"order": 95}).json["order"] == 95
    ),
    "the order is remembered": lambda client: (
        client.get(client.patch_json(fresh(client, order=10)["url"], {"order": 95}).json["url"]).json["order"] == 95
    ),
}


@pytest.mark.parametrize("case", BACKEND)
def test_todo_backend_is_satisfied(case):
    client = todo_backend()

    assert BACKEND[case](client)


def test_preflight_of_a_patch_is_granted():
    headers = {
        "Origin": "https://todobackend.com",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "content-type",
    }

    answer = todo_backend().options("/todos/x", headers=headers)

    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"].lower() == "content-type"
