"""Handlers and models: a body becomes an object, or the errors it has; an object becomes what the public may see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TypedDict

import attrs
import pytest
from msgspec import Struct
from webtest import TestApp

from brubeck_wsgi import Brubeck, JSONMessageHandler, WebMessageHandler
from brubeck_wsgi.dictshield import Document, EmbeddedDocument, EmbeddedDocumentField, IntField, ListField, StringField
from brubeck_wsgi.handlers.loading import load_model, load_part
from examples import dictshield as example

pydantic = pytest.importorskip("pydantic")

ROLES = {"public": ["title"], "owner": ["title", "secret"]}


class Tag(EmbeddedDocument):
    name = StringField(required=True)


class TodoDocument(Document):
    title = StringField(required=True, max_length=10)
    secret = StringField()
    beats = IntField(min_value=1)
    tags = ListField(EmbeddedDocumentField(Tag))
    _public_fields = ("title",)


class TodoStruct(Struct):
    __roles__ = ROLES
    title: str
    secret: str = "s"


@dataclass
class TodoData:
    __roles__ = ROLES
    title: str
    secret: str = "s"


@attrs.define
class TodoAttrs:
    __roles__ = ROLES
    title: str
    secret: str = "s"


class TodoModel(pydantic.BaseModel):
    __roles__ = ROLES
    title: str
    secret: str = "s"


class TodoDict(TypedDict):
    title: str


MODELS = [TodoDocument, TodoStruct, TodoData, TodoAttrs, TodoModel]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def client_of(handler, **options):
    return TestApp(Brubeck(handler_tuples=[("^/$", handler)], **options))


def loading(model):
    class Handler(WebMessageHandler):
        def post(self):
            todo = self.load(model)
            return {"title": todo["title"] if isinstance(todo, dict) else todo.title}

        def patch(self):
            return self.load_partial(model)

    return client_of(Handler)


@pytest.mark.parametrize("model", [*MODELS, TodoDict], ids=lambda model: model.__name__)
def test_body_becomes_an_object(model):
    assert loading(model).post_json("/", {"title": "x"}).json == {"title": "x"}


@pytest.mark.parametrize("model", [*MODELS, TodoDict], ids=lambda model: model.__name__)
def test_invalid_body_is_answered_with_its_errors(model):
    response = loading(model).post_json("/", {"title": 5}, status=422)

    assert response.content_type == "application/problem+json"
    assert [error["pointer"] for error in response.json["errors"]] == ["#/title"]
    assert response.json["detail"] == f"expected a valid {model.__name__}, got 1 error"


def test_every_error_is_listed_with_its_place_and_without_what_stood_there():
    data = {"title": "secret sauce", "beats": 0, "tags": [{"name": "x"}, {}]}

    response = loading(TodoDocument).post_json("/", data, status=422)

    assert response.json["errors"] == [
        {"pointer": "#/title", "detail": "String value is too long"},
        {"pointer": "#/beats", "detail": "Int value below min_value: 1"},
        {"pointer": "#/tags/1/name", "detail": "Required field missing"},
    ]
    assert "sauce" not in response.text


def test_pointer_is_one_that_a_uri_can_hold():
    class Odd(Struct):
        things: dict[str, int]

    response = loading(Odd).post_json("/", {"things": {"a/b ü~": "x"}}, status=422)

    assert [error["pointer"] for error in response.json["errors"]] == ["#/things/a~1b%20%C3%BC~0"]


def test_no_more_errors_are_listed_than_can_be_read():
    response = loading(TodoDocument).post_json("/", {"title": "x", "tags": [{}] * 500}, status=422)

    assert len(response.json["errors"]) == 100
    assert response.json["detail"] == "expected a valid TodoDocument, got 500 errors"


@pytest.mark.parametrize("body", ["", "{", "nonsense", b"\xff"])
def test_body_that_is_no_json_is_a_bad_request(body):
    client = loading(TodoDocument)

    for call in (client.post, client.patch):
        response = call("/", body, content_type="application/json", status=400)
        assert response.json["detail"].startswith("Malformed JSON: ")


@pytest.mark.parametrize("body", ["[]", "null", "5"])
def test_body_that_is_no_object_has_one_error(body):
    response = loading(TodoDocument).post("/", body, content_type="application/json", status=422)

    assert response.json["errors"] == [{"pointer": "#", "detail": "Not an object"}]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_body_of_another_kind_is_not_read(kind):
    loading(TodoDocument).post("/", '{"title": "x"}', headers={"Content-Type": kind}, status=415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/vnd.todo+json"])
def test_body_of_any_kind_of_json_is_read(kind):
    loading(TodoDocument).post("/", '{"title": "x"}', content_type=kind, status=200)


@every_model
def test_patch_gives_what_it_has(model):
    client = loading(model)

    assert client.patch_json("/", {"secret": "x"}).json == {"secret": "x"}
    assert client.patch_json("/", {"title": 5}, status=422).json["errors"][0]["pointer"] == "#/title"


def test_function_loads_from_its_message():
    app = Brubeck()

    @app.post("/")
    def create(application, message):
        return {"whole": load_model(message, TodoStruct).title, "part": load_part(message, TodoStruct)}

    assert TestApp(app).post_json("/", {"title": "x"}).json == {"whole": "x", "part": {"title": "x"}}


def returning(make, **options):
    return client_of(lambda application, message: make(), **options)


@every_model
def test_returned_object_shows_what_the_public_sees(model):
    todo = model(title="x", secret="hidden")

    response = returning(lambda: todo).get("/")

    assert (response.json, response.content_type) == ({"title": "x"}, "application/json")


@every_model
def test_object_in_a_list_or_dictionary_shows_what_the_public_sees(model):
    todo = model(title="x", secret="hidden")

    assert returning(lambda: [None, todo, todo]).get("/").json == [None, {"title": "x"}, {"title": "x"}]
    assert returning(lambda: {"n": 1, "todo": todo}).get("/").json == {"n": 1, "todo": {"title": "x"}}
    assert returning(lambda: (todo, 201)).get("/", status=201).json == {"title": "x"}


@pytest.mark.parametrize("model", [TodoDocument, TodoModel], ids=lambda model: model.__name__)
def test_object_deep_in_plain_data_shows_what_the_public_sees(model):
    todo = model(title="x", secret="hidden")

    assert returning(lambda: {"a": [{"b": todo}]}).get("/").json == {"a": [{"b": {"title": "x"}}]}


@every_model
def test_other_role_is_asked_for(model):
    class Handler(WebMessageHandler):
        def get(self):
            return self.dump(model(title="x", secret="mine"), "owner")

        def put(self):
            return self.dump([model(title="x", secret="mine")])

    client = client_of(Handler)

    assert client.get("/").json["secret"] == "mine"
    assert client.put("/").json == [{"title": "x"}]


@every_model
def test_payload_shows_what_the_public_sees(model):
    class Handler(JSONMessageHandler):
        def get(self):
            self.add_to_payload("todo", model(title="x", secret="hidden"))
            return self.render()

    assert client_of(Handler).get("/").json["todo"] == {"title": "x"}


@dataclass
class Page:
    number: int
    todos: list[TodoStruct]


def test_class_without_roles_is_plain_data_and_what_is_in_it_is_filtered():
    page = Page(1, [TodoStruct("x", "hidden")])

    assert returning(lambda: page).get("/").json == {"number": 1, "todos": [{"title": "x"}]}


def test_values_that_are_no_models_are_written_as_before():
    assert returning(lambda: {"price": Decimal("0.10"), "set": {1}}).get("/").json == {"price": "0.10", "set": [1]}


def test_document_without_a_public_list_shows_nothing():
    class Bare(Document):
        secret = StringField()

    assert returning(lambda: Bare(secret="x")).get("/").text == "{}"


def test_what_a_store_gets_from_a_body_is_what_it_gives_back():
    class Handler(WebMessageHandler):
        def post(self):
            todo = self.load(TodoDocument)
            return json.loads(todo.to_json())

    stored = client_of(Handler).post_json("/", {"title": "x", "_cls": "Other", "rogue": 1}).json

    assert stored == {"title": "x", "tags": [], "_cls": "TodoDocument", "_types": ["TodoDocument"]}


def test_example_keeps_songs_and_shows_the_owner_more():
    example.songs.clear()
    client = TestApp(example.app)

    client.post_json("/songs", {"title": "Take Five", "notes": "in five", "comments": [{"text": "x"}]}, status=201)
    changed = client.patch_json("/songs/Take%20Five", {"beats": "5"}).json

    assert changed == {"title": "Take Five", "beats": 5, "comments": [{"text": "x"}]}
    assert client.get("/songs").json == [changed]
    assert client.get("/songs/Take%20Five").json == {**changed, "notes": "in five"}
    assert client.get("/songs/Unsquare%20Dance", status=404).json["detail"] == "no such song"
