"""Models of every kind behind one face: the same data, the same errors with the same paths, the same roles."""
# ruff: noqa: RUF012  # pydantic copies defaults, and takes __roles__ for nothing of its own

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest
from msgspec import Meta, Struct

from brubeck_wsgi import ConfigurationError, dictshield
from brubeck_wsgi.modeling import Fault, Invalid, Malformed, adapt, is_model

pydantic = pytest.importorskip("pydantic")

Title = Annotated[str, Meta(min_length=1, max_length=10)]
ROLES = {"public": ["id", "title", "author", "comments"], "owner": {"hide": ["notes"]}}
PERSON_ROLES = {"public": ["name"], "owner": ["name", "email"]}


class PersonStruct(Struct):
    __roles__ = PERSON_ROLES
    name: str
    email: str | None = None


class PostStruct(Struct):
    __roles__ = ROLES
    id: int
    title: Title
    author: PersonStruct
    comments: list[PersonStruct] = []
    notes: str | None = None


@dataclass
class PersonData:
    __roles__ = PERSON_ROLES
    name: str
    email: str | None = None


@dataclass
class PostData:
    __roles__ = ROLES
    id: int
    title: Title
    author: PersonData
    comments: list[PersonData] = field(default_factory=list)
    notes: str | None = None


@attrs.define
class PersonAttrs:
    __roles__ = PERSON_ROLES
    name: str
    email: str | None = None


@attrs.define
class PostAttrs:
    __roles__ = ROLES
    id: int
    title: Title
    author: PersonAttrs
    comments: list[PersonAttrs] = attrs.field(factory=list)
    notes: str | None = None


class PersonDict(TypedDict):
    name: str
    email: NotRequired[str | None]


class PostDict(TypedDict):
    id: int
    title: Title
    author: PersonDict
    comments: NotRequired[list[PersonDict]]
    notes: NotRequired[str | None]


PersonDict.__roles__ = PERSON_ROLES
PostDict.__roles__ = ROLES


class PersonModel(pydantic.BaseModel):
    __roles__ = PERSON_ROLES
    name: str
    email: str | None = None


class PostModel(pydantic.BaseModel):
    __roles__ = ROLES
    id: int
    title: Annotated[str, pydantic.Field(min_length=1, max_length=10)]
    author: PersonModel
    comments: list[PersonModel] = []
    notes: str | None = None


class PersonDocument(dictshield.EmbeddedDocument):
    __roles__ = PERSON_ROLES
    name = dictshield.StringField(required=True)
    email = dictshield.StringField()


class PostDocument(dictshield.Document):
    __roles__ = ROLES
    id = dictshield.IntField(required=True)
    title = dictshield.StringField(required=True, max_length=10)
    author = dictshield.EmbeddedDocumentField(PersonDocument, required=True)
    comments = dictshield.ListField(dictshield.EmbeddedDocumentField(PersonDocument))
    notes = dictshield.StringField()


MODELS = [PostDocument, PostStruct, PostData, PostAttrs, PostDict, PostModel]
GOOD = {
    "id": 5,
    "title": "Take Five",
    "author": {"name": "Dave", "email": "dave@example.com"},
    "comments": [{"name": "Paul", "email": "paul@example.com"}, {"name": "Joe"}],
    "notes": "in E flat minor",
}
BAD = {
    "id": "x",
    "title": "Blue Rondo à la Turk",
    "author": {"email": "dave@example.com"},
    "comments": [{"name": "Paul"}, {"name": [1]}, {}],
    "notes": None,
}
BAD_PATHS = [("author", "name"), ("comments", 1, "name"), ("comments", 2, "name"), ("id",), ("title",)]

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
as_given = pytest.mark.parametrize("give", [dict, json.dumps, lambda data: json.dumps(data).encode()])


def read(obj: Any, name: str) -> Any:
    return obj[name] if isinstance(obj, dict) else getattr(obj, name)


def paths(error):
    return sorted((one.path for one in error.errors), key=str)


@as_given
@every_model
def test_good_data_becomes_an_object(model, give):
    post = adapt(model).load(give(GOOD))

    assert read(post, "title") == "Take Five"
    assert read(read(post, "comments")[0], "name") == "Paul"


@as_given
@every_model
def test_bad_data_is_refused_with_every_error_and_the_same_paths(model, give):
    with pytest.raises(Invalid) as caught:
        adapt(model).load(give(BAD))

    assert paths(caught.value) == BAD_PATHS
    assert all(one.reason for one in caught.value.errors)
    assert not isinstance(caught.value, Malformed)


@pytest.mark.parametrize("text", ["", "{", "nonsense", b"\xff", '{"title": "\\ud800"}', "[" * 100_000])
@every_model
def test_text_that_is_no_json_is_malformed(model, text):
    with pytest.raises(Malformed):
        adapt(model).load(text)
    with pytest.raises(Malformed):
        adapt(model).load_partial(text)


@pytest.mark.parametrize("text", ["null", "[]", "5", '"x"'])
@every_model
def test_json_that_is_no_object_is_invalid(model, text):
    with pytest.raises(Invalid) as caught:
        adapt(model).load(text)

    assert [one.path for one in caught.value.errors] == [()]


@every_model
def test_everything_required_is_missed_in_nothing(model):
    with pytest.raises(Invalid) as caught:
        adapt(model).load({})

    assert paths(caught.value) == [("author",), ("id",), ("title",)]


@as_given
@every_model
def test_part_of_the_data_gives_what_is_in_it(model, give):
    given = adapt(model).load_partial(give({"title": "Blue Rondo"}))

    assert given == {"title": "Blue Rondo"}


@as_given
@every_model
def test_part_of_the_data_is_refused_with_every_error(model, give):
    with pytest.raises(Invalid) as caught:
        adapt(model).load_partial(give({"title": "x" * 11, "author": {}}))

    assert paths(caught.value) == [("author", "name"), ("title",)]


@every_model
def test_null_says_that_something_is_to_go(model):
    assert adapt(model).load_partial({"notes": None}) == {"notes": None}


def seen(model, role):
    data = json.loads(adapt(model).dump(adapt(model).load(GOOD), role))
    return without_nulls(data)


def without_nulls(data):
    if isinstance(data, dict):
        marks = ("_cls", "_types")
        return {key: without_nulls(value) for key, value in data.items() if value is not None and key not in marks}
    return [without_nulls(item) for item in data] if isinstance(data, list) else data


@every_model
def test_role_sees_what_each_level_declares(model):
    assert seen(model, "public") == {
        "id": 5,
        "title": "Take Five",
        "author": {"name": "Dave"},
        "comments": [{"name": "Paul"}, {"name": "Joe"}],
    }
    assert seen(model, "owner") == {key: value for key, value in GOOD.items() if key != "notes"}


@every_model
def test_role_that_is_not_declared_sees_nothing(model):
    assert seen(model, "stranger") == {}


@every_model
def test_store_sees_all(model):
    assert seen(model, None) == GOOD
    assert adapt(model).load(adapt(model).dump(adapt(model).load(GOOD), None)) == adapt(model).load(GOOD)


@pytest.mark.parametrize("role", ["public", "owner", "stranger", None])
@every_model
def test_plain_data_is_what_the_json_is(model, role):
    face = adapt(model)
    post = face.load(GOOD)

    assert without_nulls(face.dump_python(post, role)) == without_nulls(json.loads(face.dump(post, role)))


@every_model
def test_list_of_objects_is_a_list(model):
    face = adapt(model)
    post = face.load(GOOD)

    assert json.loads(face.dump([post, post], "public")) == [json.loads(face.dump(post, "public"))] * 2
    assert len(face.dump_python([post], "public")) == 1


@every_model
def test_schema_is_of_what_is_taken_and_of_what_a_role_sees(model):
    taken, shown = adapt(model).json_schema(), adapt(model).json_schema("public")

    assert {"id", "title", "author", "comments", "notes"} <= set(resolved(taken)["properties"])
    assert set(resolved(taken)["required"]) == {"id", "title", "author"}
    assert set(resolved(shown)["properties"]) == {"id", "title", "author", "comments"}
    assert "email" not in json.dumps(shown)
    assert taken["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def resolved(schema):
    if "$ref" in schema:
        return schema["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


@every_model
def test_identity_is_read_and_given(model):
    face = adapt(model)
    post = face.load(GOOD)

    face.set_id(post, 6)

    assert (face.name, face.identity, face.get_id(post)) == (model.__name__, "id", 6)


def test_identity_may_be_declared():
    class Song(Struct):
        __identity__ = "isrc"
        isrc: str
        id: int = 0

    song = Song("USRC17607839")
    adapt(Song).set_id(song, "GBUM71029604")

    assert adapt(Song).get_id(song) == "GBUM71029604"


def test_object_without_identity_has_none():
    class Point(Struct, frozen=True):
        x: int

    adapt(Point).set_id(Point(1), 5)

    assert adapt(Point).identity is None
    assert adapt(Point).get_id(Point(1)) is None


@pytest.mark.parametrize("frozen", [Struct, None])
def test_identity_of_a_frozen_object_is_given_once_it_is_stored(frozen):
    if frozen is Struct:

        class Song(Struct, frozen=True):
            id: int | None = None
    else:

        @dataclass(frozen=True)
        class Song:
            id: int | None = None

    song = Song()
    adapt(Song).set_id(song, 5)

    assert song.id == 5


def test_face_of_a_class_is_made_once():
    assert adapt(PostStruct) is adapt(PostStruct)


@pytest.mark.parametrize("thing", [int, dict, str, list])
def test_what_is_no_model_is_refused(thing):
    with pytest.raises(ConfigurationError, match="expected a class of models"):
        adapt(thing)


@pytest.mark.parametrize(
    "model", [model for model in MODELS if model is not PostDict], ids=lambda model: model.__name__
)
def test_object_of_a_model_is_known(model):
    assert is_model(adapt(model).load(GOOD))


@pytest.mark.parametrize("value", [5, "x", {}, [], None, object(), PostStruct, dict])
def test_other_object_is_not_known(value):
    assert not is_model(value)


@pytest.mark.parametrize("declaration", ["title", {"show": ["title"]}, ["no such field"], {"hide": ["nothing"]}])
@pytest.mark.parametrize("base", [Struct, pydantic.BaseModel])
def test_role_that_is_declared_wrongly_is_refused(base, declaration):
    class Song(base):
        __roles__ = {"public": declaration}
        title: str = ""

    with pytest.raises(ConfigurationError, match="__roles__"):
        adapt(Song).dump(Song(), "public")


class Node(Struct):
    __roles__ = {"public": ["name", "children", "anything", "by_name"]}
    name: str
    secret: str = "s"
    children: list[Node] = []
    anything: Any = None
    by_name: dict[str, Node] = {}


class Secretive(Node):
    __roles__ = {}


def test_every_object_within_is_filtered_by_its_own_class():
    node = Node("a", children=[Node("b"), Secretive("c")], anything={"x": [Node("d")]}, by_name={"y": Node("e")})

    shown = adapt(Node).dump(node, "public").decode()

    assert '"secret"' not in shown
    assert '"c"' not in shown
    assert [name for name in "abde" if f'"{name}"' not in shown] == []


class Wrapped(TypedDict):
    inner: PersonDict | None
    several: dict[str, PersonDict]
    pair: tuple[PersonDict, int]


Wrapped.__roles__ = {"public": ["inner", "several", "pair"]}


def test_typed_dict_within_is_filtered_where_the_annotation_says_which_it_is():
    person = {"name": "Dave", "email": "dave@example.com"}

    shown = adapt(Wrapped).dump({"inner": person, "several": {"x": person}, "pair": (person, 5)}, "public")

    assert json.loads(shown) == {"inner": {"name": "Dave"}, "several": {"x": {"name": "Dave"}}, "pair": [{}, 5]}


class Nested(pydantic.BaseModel):
    __roles__ = {"public": ["name", "maybe", "listed", "named", "open"]}
    name: str = ""
    secret: str = "secret"
    maybe: PersonModel | None = None
    listed: list[PersonModel] = []
    named: dict[str, PersonModel] = {}
    open: PersonModel | PostModel | None = None


def test_pydantic_model_within_is_filtered_wherever_it_is():
    person = PersonModel(name="Dave", email="dave@example.com")

    shown = adapt(Nested).dump(Nested(maybe=person, listed=[person], named={"x": person}, open=person), "public")

    assert json.loads(shown) == {
        "name": "",
        "maybe": {"name": "Dave"},
        "listed": [{"name": "Dave"}],
        "named": {"x": {"name": "Dave"}},
        "open": {},
    }


class Strict(Struct, forbid_unknown_fields=True):
    a: int
    b: dict[str, list[int | None]] = {}
    c: tuple[int, str] = (0, "")
    d: UUID | None = None
    e: set[int] = set()

    def __post_init__(self):
        if self.a == 13:
            raise ValueError("unlucky")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a": 1, "z": 2}, [()]),
        ({"a": 13}, [()]),
        ({"a": "x", "b": {"k": [1, None, "y", "z"]}}, [("a",), ("b", "k", 2), ("b", "k", 3)]),
        ({"a": 1, "b": 5}, [("b",)]),
        ({"a": 1, "c": ["x", 5]}, [("c", 0), ("c", 1)]),
        ({"a": 1, "c": [1]}, [("c",)]),
        ({"a": 1, "d": "x"}, [("d",)]),
        ({"a": 1, "e": [1, "x"]}, [("e", 1)]),
        ({"a": 1, "e": {}}, [("e",)]),
    ],
)
def test_errors_are_found_in_all_that_has_parts(data, expected):
    with pytest.raises(Invalid) as caught:
        adapt(Strict).load(data)

    assert paths(caught.value) == expected


def test_error_carries_what_stood_there_and_a_pointer():
    with pytest.raises(Invalid, match=r"expected a valid Strict, got 1 error: /b/x~1y~0z/0: Expected") as caught:
        adapt(Strict).load({"a": 1, "b": {"x/y~z": ["wrong"]}})

    assert caught.value.errors[0].value == "wrong"
    assert Fault((), "no", None).pointer == ""


def test_names_in_json_are_those_of_the_class():
    class Song(Struct, rename="camel"):
        __roles__ = {"public": ["first_title"]}
        first_title: str
        other: int = 0

    face = adapt(Song)

    assert face.dump(face.load({"firstTitle": "x"}), "public") == b'{"firstTitle":"x"}'
    assert face.load_partial(b'{"firstTitle": "y"}') == {"first_title": "y"}
    with pytest.raises(Invalid) as caught:
        face.load({})
    assert caught.value.errors[0].path == ("firstTitle",)


def test_document_of_another_kind_keeps_its_identity():
    class Product(dictshield.Document):
        sku = dictshield.StringField(id_field=True)

    face = adapt(Product)
    product = face.load({"_id": "x5"})

    assert (face.identity, face.get_id(product), product.sku) == ("sku", "x5", "x5")


def test_plain_data_of_a_struct_keeps_what_a_store_can_keep():
    class Song(Struct):
        id: UUID

    assert adapt(Song).dump_python(Song(UUID(int=1)), None) == {"id": UUID(int=1)}
    assert msgspec.json.decode(adapt(Song).dump(Song(UUID(int=1)), None)) == {"id": str(UUID(int=1))}
