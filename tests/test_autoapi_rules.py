"""AutoAPI over WSGI: lists, rules, hooks, dialects and payloads, and what an API has to be."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from types import MappingProxyType

import pytest
from autoapi_clients import NOBODY, ask, client_of, made
from webtest import TestApp

from brubeck_wsgi import Brubeck, Conflict
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.dictshield import Document, IntField, StringField
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.middleware import CORS
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import EVERYTHING, ItemAPI, Note, NoteAPI, Todo, TodoAPI


@pytest.fixture
def todos():
    """A client of an API with all operations."""
    return client_of(TodoAPI)


# -- lists


@pytest.fixture
def numbered():
    """A client with ten todos, of orders 0 to 9, the even ones completed."""
    client = client_of(TodoAPI)
    todos = [{"title": f"t{number}", "order": number, "completed": number % 2 == 0} for number in range(10)]
    ask(client, "POST", "/todo/", todos)
    return client


@pytest.mark.parametrize(
    ("query", "orders"),
    [
        ("sort=order", range(10)),
        ("sort=-order&limit=3", [9, 8, 7]),
        ("sort=completed,-order&limit=2", [9, 7]),
        ("order=3", [3]),
        ("order__gt=7&sort=order", [8, 9]),
        ("order__le=1&sort=order", [0, 1]),
        ("order__in=3,5&sort=order", [3, 5]),
        ("order__ne=3&completed=false&sort=order", [1, 5, 7, 9]),
        ("title__contains=9", [9]),
        ("title__startswith=t9", [9]),
        ("offset=8&sort=order", [8, 9]),
    ],
)
def test_list_is_filtered_sorted_and_cut(numbered, query, orders):
    answer = ask(numbered, "GET", f"/todo/?{query}")

    assert [one["order"] for one in answer.json] == list(orders)


def test_links_lead_through_all_pages_and_back(numbered):
    answer = ask(numbered, "GET", "/todo/?sort=order&limit=4&count=true")
    seen = [[one["order"] for one in answer.json]]
    assert answer.headers["X-Total-Count"] == "10"

    while "next" in (links := links_of(answer)):
        answer = ask(numbered, "GET", links["next"])
        seen.append([one["order"] for one in answer.json])

    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [one["order"] for one in ask(numbered, "GET", links_of(answer)["prev"]).json] == [4, 5, 6, 7]
    assert [one["order"] for one in ask(numbered, "GET", links_of(answer)["first"]).json] == [0, 1, 2, 3]


def links_of(answer):
    found = {}
    for link in answer.headers.get("Link", "").split(", "):
        target, _, relation = link.partition("; rel=")
        found[relation.strip('"')] = target.strip("<>")
    return found


# -- rules


def test_read_only_and_write_once_fields_stay_as_they_are():
    client = client_of(ItemAPI)
    item = ask(client, "POST", "/item/", {"name": "a", "sku": "x1"}).headers["Location"]

    assert ask(client, "POST", "/item/", {"name": "a", "price": 5}).status_code == 422
    assert ask(client, "PATCH", item, {"price": 5}).status_code == 422
    assert ask(client, "PATCH", item, {"sku": "x2"}).status_code == 422
    assert ask(client, "PUT", item, {"id": 1, "name": "b", "sku": "x1", "price": 0.0}).json["name"] == "b"


@pytest.fixture
def notes():
    """A client of an API whose objects have owners, and the path of a note of Ada's."""
    client = client_of(NoteAPI)
    answer = ask(client, "POST", "/note/", {"text": "a", "secret": "s"}, Authorization="Bearer ada-token")
    return client, answer.headers["Location"]


@pytest.mark.parametrize(
    ("who", "read", "changed"), [("", 200, 401), ("Bearer bob-token", 200, 403), ("Bearer ada-token", 200, 200)]
)
def test_owner_alone_changes_an_object(notes, who, read, changed):
    client, item = notes

    assert ask(client, "GET", item, Authorization=who).status_code == read
    answer = ask(client, "PATCH", item, {"text": "b"}, Authorization=who)
    assert answer.status_code == changed
    if changed == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/note/", {}),
        ("POST", "/note/", {"Content-Type": "text/plain"}),
        ("POST", "/note/", {"Accept": "text/html"}),
        ("POST", "/note/", {"Idempotency-Key": "no key"}),
        ("PUT", f"/note/{NOBODY}", {}),
        ("PATCH", "/note/no-uuid", {"Content-Type": "text/plain"}),
        ("DELETE", f"/note/{NOBODY}", {}),
        ("DELETE", "/note/a,a", {}),
    ],
)
@pytest.mark.parametrize("body", [b"", b"{", b"[{}]"])
def test_nobody_learns_more_than_that_a_user_is_expected(notes, method, path, headers, body):
    answer = ask(notes[0], method, path, body, **headers)

    assert answer.status_code == 401


def test_rules_of_your_own_are_asked_before_there_is_an_object_and_about_it():
    asked = []

    def authorize(self, operation, value=None):
        asked.append((operation, value and value.title))

    client = client_of(TodoAPI, authorize=authorize)
    item, _ = made(client)
    asked.clear()

    ask(client, "PATCH", item, {"title": "b"})
    ask(client, "DELETE", f"/todo/{NOBODY}")

    assert asked == [("patch", None), ("patch", "buy milk"), ("delete", None)]


def test_role_of_your_own_is_that_of_each_object():
    def role_for(self, value):
        return "owner" if value is not None and value.text == "shared" else "public"

    client = client_of(NoteAPI, role_for=role_for, roles=None)
    ada = {"Authorization": "Bearer ada-token"}
    shared, kept = (ask(client, "POST", "/note/", {"text": text}, **ada) for text in ("shared", "kept"))

    assert ("owner" in shared.json, "owner" in kept.json) == (True, False)
    assert {one["text"]: "owner" in one for one in ask(client, "GET", "/note/").json} == {"shared": True, "kept": False}
    assert "owner" in ask(client, "GET", shared.headers["Location"]).json
    etag = shared.headers["ETag"]
    assert ask(client, "PATCH", shared.headers["Location"], {}, If_Match=etag, **ada).status_code == 200


def test_owner_sees_more_than_others(notes):
    client, item = notes

    assert "secret" not in ask(client, "GET", item).json
    assert "secret" not in ask(client, "GET", "/note/", Authorization="Bearer bob-token").json[0]
    assert ask(client, "GET", item, Authorization="Bearer ada-token").json["secret"] == "s"
    assert ask(client, "GET", "/note/", Authorization="Bearer ada-token").json[0]["secret"] == "s"


def test_nobody_makes_an_object_for_somebody_else(notes):
    client, _ = notes

    answer = ask(client, "POST", "/note/", {"text": "a", "owner": "ada"}, Authorization="Bearer bob-token")

    assert answer.json["owner"] == "bob"


def test_user_gets_nothing_but_their_own_where_all_is_for_owners():
    client = client_of(NoteAPI, access="owner", queries=DictQueryset(model=Note, indexed=("owner", "text")))
    paths = [
        ask(client, "POST", "/note/", {"text": who}, Authorization=f"Bearer {who}-token").headers["Location"]
        for who in ("ada", "bob")
    ]

    assert [one["text"] for one in ask(client, "GET", "/note/", Authorization="Bearer ada-token").json] == ["ada"]
    assert ask(client, "GET", paths[1], Authorization="Bearer ada-token").status_code == 404
    assert ask(client, "GET", "/note/").status_code == 401


def test_hooks_come_before_and_after_each_operation():
    seen = []

    class HookedAPI(TodoAPI):
        name = "todo"

        def before_create(self, value):
            if value.title == "no":
                raise Conflict("not this one")
            value.title = value.title.upper()
            return value

        def after_create(self, value):
            seen.append(("created", value.title))

        def before_update(self, value, old):
            seen.append(("updating", old.title, value.title))

        def after_update(self, value, old):
            seen.append(("updated", value.title))

        def before_delete(self, value):
            seen.append(("deleting", value.title))

        def after_delete(self, value):
            seen.append(("deleted", value.title))

        def after_read(self, value):
            seen.append(("read", value.title))

        def before_list(self, wanted):
            return wanted._replace(limit=1)

        def after_list(self, values):
            seen.append(("listed", len(values)))

    client = client_of(HookedAPI)
    item, _ = made(client, title="a")
    assert ask(client, "POST", "/todo/", {"title": "no"}).status_code == 409
    made(client, title="z")
    for method, path, data in [
        ("GET", item, None),
        ("PUT", item, {"title": "b"}),
        ("PATCH", item, {"title": "c"}),
        ("GET", "/todo/", None),
        ("DELETE", item, None),
    ]:
        ask(client, method, path, data)

    assert seen == [
        *[("created", "A"), ("created", "Z"), ("read", "A"), ("updating", "A", "b"), ("updated", "b")],
        *[("updating", "b", "c"), ("updated", "c"), ("listed", 1), ("deleting", "c"), ("deleted", "c")],
    ]


def test_put_makes_what_is_not_there_where_the_api_says_so():
    client = client_of(TodoAPI, put_creates=True)

    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "a"}, If_Match="*").status_code == 404
    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "a"}, If_None_Match="*").status_code == 201
    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "b"}, If_None_Match="*").status_code == 412
    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "b"}).status_code == 200


# -- dialects


def test_simple_rest_is_spoken():
    client = client_of(TodoAPI, dialect="simple-rest")
    ids = [ask(client, "POST", "/todo/", {"title": f"t{n}", "order": n}).json["id"] for n in range(5)]

    page = client.get("/todo", {"sort": '["order","DESC"]', "range": "[1,2]", "filter": "{}"})
    many = client.get("/todo", {"filter": json.dumps({"id": ids[:2]})})

    assert [one["order"] for one in page.json] == [3, 2]
    assert page.headers["Content-Range"] == "todo 1-2/5"
    assert {one["id"] for one in many.json} == set(ids[:2])
    assert client.delete(f"/todo/{ids[0]}").json["id"] == ids[0]
    assert client.get("/todo", {"range": "[2,1]"}).json == []
    assert len(client.get("/todo", {"range": "[0,5000]"}).json) == 4


@pytest.mark.parametrize(
    "query",
    [
        {"range": "x"},
        {"range": "[-1,1]"},
        {"range": f"[{10**30},{10**30}]"},
        {"sort": '["order"]'},
        {"sort": '["order","down"]'},
        {"filter": '{"title": null}'},
        {"filter": '{"title": {"a": 1}}'},
        {"filter": '{"other": 1}'},
        {"page": "1"},
    ],
)
def test_simple_rest_refuses_what_makes_no_sense(query):
    assert client_of(TodoAPI, dialect="simple-rest").get("/todo", query, status=400)


def test_json_server_is_spoken():
    client = client_of(TodoAPI, dialect="json-server")
    ids = [ask(client, "POST", "/todo/", {"title": f"t{n}", "order": n}).json["id"] for n in range(5)]

    page = client.get("/todo?_sort=order&_order=DESC&_start=1&_end=3")
    many = client.get(f"/todo?id={ids[0]}&id={ids[1]}")

    assert [one["order"] for one in page.json] == [3, 2]
    assert page.headers["X-Total-Count"] == "5"
    assert {one["id"] for one in many.json} == set(ids[:2])
    assert [one["order"] for one in client.get("/todo?order_gte=3&_sort=order").json] == [3, 4]
    assert client.get("/todo?_sort=order&_order=down", status=400)
    nothing = client.get("/todo?_start=2&_end=2")
    assert (nothing.json, nothing.headers["X-Total-Count"]) == ([], "5")
    assert client.delete(f"/todo/{ids[0]}").json["id"] == ids[0]


# -- Brubeck's payload


def test_payload_is_that_of_brubeck_where_it_is_wanted():
    client = client_of(TodoAPI, payload="brubeck", url_field=None)

    created = ask(client, "POST", "/todo/", {"title": "a"})
    identity = created.json["data"]["id"]

    assert (created.json["status_code"], created.json["status_msg"]) == (201, "Created")
    assert ask(client, "GET", "/todo/").json["data"][0]["id"] == identity
    assert ask(client, "GET", f"/todo/{identity}").json["data"]["title"] == "a"
    assert ask(client, "DELETE", f"/todo/{identity}").json["status_code"] == 200
    missing = ask(client, "GET", f"/todo/{identity}")
    assert (missing.status_code, missing.json["status_code"]) == (404, 404)
    assert ask(client, "POST", "/todo/", {}).status_code == 400


def test_status_is_hidden_where_that_is_wanted():
    client = client_of(TodoAPI, payload="brubeck", hide_status=True)

    assert ask(client, "GET", "/todo/").json == []


# -- registering


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


# -- Todo-Backend


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


def test_apis_are_loaded_by_those_who_use_them():
    code = "import brubeck_wsgi, sys; {}; print('brubeck_wsgi.autoapi' in sys.modules)"
    for statement, is_loaded in (("pass", "False"), ("brubeck_wsgi.AutoAPIBase", "True")):
        command = [sys.executable, "-c", code.format(statement)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == is_loaded
