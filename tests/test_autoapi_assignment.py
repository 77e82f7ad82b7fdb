"""AutoAPI over WSGI: what a client may not write, it does not write by another name or inside something else either."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
import pytest
from autoapi_clients import ask
from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, Field
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.dictshield import (
    BooleanField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    StringField,
)
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset import DictQueryset


def api_of(model, **options):
    """Return a client of an API of a model at /thing/, and its queryset."""
    queries = DictQueryset(model=model)
    app = Brubeck()
    app.register_api(type("ThingAPI", (AutoAPIBase,), {"model": model, "queries": queries, **options}))
    return TestApp(app), queries


class ByName(BaseModel):
    model_config = {"populate_by_name": True}
    id: str
    name: str = ""
    is_admin: bool = Field(False, alias="isAdmin")


class ByChoices(BaseModel):
    id: str
    name: str = ""
    is_admin: bool = Field(False, validation_alias=AliasChoices("isAdmin", "is_admin", "admin"))


class Renamed(msgspec.Struct, rename="camel"):
    id: str
    name: str = ""
    is_admin: bool = False


class Minimized(Document):
    id = StringField()
    name = StringField()
    is_admin = BooleanField(default=False, minimized_field_name="isAdmin", uniq_field="admin")


@dataclass
class Plain:
    id: str
    name: str = ""
    is_admin: bool = False


NAMES = ("isAdmin", "is_admin", "admin")


@pytest.mark.parametrize("model", [ByName, ByChoices, Renamed, Minimized, Plain])
@pytest.mark.parametrize("name", NAMES)
def test_read_only_field_is_not_written_by_any_of_its_names(model, name):
    client, queries = api_of(model, read_only=("is_admin",), put_creates=True)
    queries.create_one({"id": "there"})

    ask(client, "POST", "/thing/", {"id": "new", name: True})
    ask(client, "POST", "/thing/", [{"id": "another", name: True}])
    ask(client, "PUT", "/thing/there", {"name": "b", name: True})
    ask(client, "PUT", "/thing/put", {"name": "b", name: True})
    ask(client, "PATCH", "/thing/there", {name: True})
    ask(client, "PATCH", "/thing/there", {name: True, "isAdmin": False, "is_admin": False})

    assert not any(result.value.is_admin for result in queries.read_all())


def hidden(model, **roles):
    return type(model.__name__, (model,), {"__roles__": {"owner": ["id", "name"]}, "__annotations__": {}})


@pytest.mark.parametrize("model", [hidden(one) for one in (ByName, ByChoices, Renamed, Minimized, Plain)])
@pytest.mark.parametrize("name", NAMES)
def test_field_that_a_role_does_not_see_is_not_written_by_any_of_its_names(model, name):
    client, queries = api_of(model)

    assert ask(client, "POST", "/thing/", {"id": "a", name: True}).status_code == 201
    assert ask(client, "PUT", "/thing/a", {"name": "b", name: True}).status_code == 200
    assert ask(client, "PATCH", "/thing/a", {"name": "c", name: True}).status_code == 200

    assert (queries.get("a").value.name, queries.get("a").value.is_admin) == ("c", False)


@pytest.mark.parametrize("model", [ByName, ByChoices])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_field_is_written_by_each_name_that_its_model_takes(model, method):
    client, _ = api_of(model)
    shown = "isAdmin" if model is ByName else "is_admin"

    for name in ("isAdmin", "is_admin"):
        assert ask(client, "POST", "/thing/", {"id": name, name: True}).json[shown] is True
        assert ask(client, method, f"/thing/{name}", {name: False}).json[shown] is False


class ByAnotherName(BaseModel):
    id: str
    is_admin: bool = Field(False, validation_alias="isAdmin", serialization_alias="admin")


class ByPath(BaseModel):
    id: str
    is_admin: bool = Field(False, validation_alias=AliasChoices("is_admin", AliasPath("rights", "admin")))


class ByOnesName(BaseModel):
    id: str
    role: str = ""
    is_admin: str = Field("", validation_alias=AliasChoices("is_admin", "role"))


class Holder(BaseModel):
    id: str
    inner: list[ByPath] = []


@pytest.mark.parametrize("model", [ByAnotherName, ByPath, ByOnesName, Holder])
def test_model_whose_fields_have_no_names_of_their_own_is_refused(model):
    with pytest.raises(ConfigurationError, match="is_admin"):
        api_of(model)


# -- in objects in an object


class StructProfile(msgspec.Struct):
    __roles__ = {"public": ["nick"]}
    nick: str = ""
    credit: int = 0


class StructPerson(msgspec.Struct, kw_only=True):
    __roles__ = {"public": ["id", "name", "profile", "others", "by_name"]}
    id: str
    name: str = ""
    profile: StructProfile = msgspec.field(default_factory=StructProfile)
    others: list[StructProfile] = []
    by_name: dict[str, StructProfile] = {}


@dataclass
class DataProfile:
    __roles__ = MappingProxyType({"public": ["nick"]})
    nick: str = ""
    credit: int = 0


@dataclass
class DataPerson:
    __roles__ = MappingProxyType({"public": ["id", "name", "profile", "others", "by_name"]})
    id: str
    name: str = ""
    profile: DataProfile = field(default_factory=DataProfile)
    others: list[DataProfile] = field(default_factory=list)
    by_name: dict[str, DataProfile] = field(default_factory=dict)


class PydanticProfile(BaseModel):
    __roles__ = {"public": ["nick"]}
    model_config = {"populate_by_name": True}
    nick: str = ""
    credit: int = Field(0, alias="theCredit")


class PydanticPerson(BaseModel):
    __roles__ = {"public": ["id", "name", "profile", "others", "by_name"]}
    id: str
    name: str = ""
    profile: PydanticProfile = PydanticProfile()
    others: list[PydanticProfile] = []
    by_name: dict[str, PydanticProfile] = {}


class DocumentProfile(EmbeddedDocument):
    _public_fields = ("nick",)
    nick = StringField(default="")
    credit = IntField(default=0, minimized_field_name="theCredit")


class DocumentPerson(Document):
    _public_fields = ("id", "name", "profile", "others")
    id = StringField()
    name = StringField()
    profile = EmbeddedDocumentField(DocumentProfile, default=DocumentProfile)
    others = ListField(EmbeddedDocumentField(DocumentProfile))


PEOPLE = [StructPerson, DataPerson, PydanticPerson, DocumentPerson]
FORGED = {"nick": "n", "credit": 999, "theCredit": 999}


def people_of(model):
    client, queries = api_of(model, role="public")
    kind = type(queries.model.load({"id": "x", "profile": {"nick": "x"}}).profile)
    return client, queries, kind


def credits_of(person):
    others = [one.credit for one in person.others]
    return [person.profile.credit, *others, *[one.credit for one in getattr(person, "by_name", {}).values()]]


@pytest.mark.parametrize("model", PEOPLE)
def test_what_a_role_does_not_see_of_an_inner_object_is_not_written(model):
    client, queries, _ = people_of(model)
    whole = {"id": "a", "profile": FORGED, "others": [FORGED], "by_name": {"x": FORGED}}

    assert ask(client, "POST", "/thing/", whole).status_code == 201
    assert credits_of(queries.get("a").value)[:2] == [0, 0]
    for method in ("PUT", "PATCH"):
        answer = ask(client, method, "/thing/a", whole)
        assert answer.json["profile"] == {"nick": "n"}
        assert set(credits_of(queries.get("a").value)) == {0}


@pytest.mark.parametrize("model", PEOPLE)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("profile", [{"profile": {"nick": "b"}}, {"profile": FORGED}, {"profile": {}}, {}])
def test_what_a_role_does_not_see_of_an_inner_object_stays_as_it_is(model, method, profile):
    client, queries, kind = people_of(model)
    queries.create_one(queries.model_class(id="a", profile=kind(nick="a", credit=7)))

    assert ask(client, method, "/thing/a", {"name": "b", **profile}).status_code == 200

    assert queries.get("a").value.profile.credit == 7


@pytest.mark.parametrize("model", PEOPLE)
@pytest.mark.parametrize(
    ("nicks", "kept"),
    [("abc", [1, 2, 3]), ("cab", [3, 1, 2]), ("bc", [2, 3]), ("axc", [1, 2, 3]), ("abcd", [1, 2, 3, 0]), ("", [])],
)
def test_items_of_a_list_keep_what_a_role_does_not_see(model, nicks, kept):
    client, queries, kind = people_of(model)
    others = [kind(nick=nick, credit=number) for number, nick in enumerate("abc", 1)]
    queries.create_one(queries.model_class(id="a", others=others))

    for method in ("PATCH", "PUT"):
        answer = ask(client, method, "/thing/a", {"others": [{"nick": nick, "credit": 99} for nick in nicks]})

        assert answer.status_code == 200
        assert [one.credit for one in queries.get("a").value.others] == kept


@pytest.mark.parametrize("model", PEOPLE)
@pytest.mark.parametrize("body", ["Input", "Replacement", "Patch", ""])
def test_description_has_nothing_of_what_a_role_does_not_see_of_an_inner_object(model, body):
    client, _, _ = people_of(model)
    schemas = client.get("/openapi.json").json["components"]["schemas"]

    def names_in(schema):
        reference = schema.get("$ref")
        if reference is not None:
            return names_in(schemas[reference.rpartition("/")[2]])
        inner = [*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("properties", {}).values()]
        inner += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
        return set(schema.get("properties", ())).union(*map(names_in, inner))

    names = names_in(schemas[f"{model.__name__}{body}"])

    assert {"name", "nick", "others"} <= names
    assert not {"credit", "theCredit"} & names


class Line(msgspec.Struct):
    __roles__ = {"owner": ["id", "text"]}
    id: str
    text: str
    cost: int  # which nobody but the application can say


class Order(msgspec.Struct):
    __roles__ = {"owner": ["id", "lines"]}
    id: str
    lines: list[Line] = []


def test_items_with_an_identity_keep_what_a_role_does_not_see_wherever_they_are():
    client, queries = api_of(Order)
    queries.create_one(Order("a", [Line("x", "one", 1), Line("y", "two", 2)]))

    changed = {"lines": [{"id": "y", "text": "one"}, {"id": "x", "text": "other"}]}
    assert ask(client, "PUT", "/thing/a", changed).status_code == 200

    assert queries.get("a").value.lines == [Line("y", "one", 2), Line("x", "other", 1)]
    assert ask(client, "PATCH", "/thing/a", {"lines": [{"id": "z", "text": "new", "cost": 0}]}).status_code == 422


class Cash(msgspec.Struct, tag=True):
    __roles__ = {"owner": {"hide": ["checked"]}}
    amount: int = 0
    checked: bool = False


class Card(msgspec.Struct, tag=True):
    __roles__ = {"owner": {"hide": ["pin"]}}
    amount: int = 0
    pin: str = ""
    checked: bool = False


class Node(msgspec.Struct):
    __roles__ = {"owner": {"hide": ["secret"]}}
    id: str
    paid: Cash | Card | None = None
    children: list[Node] = []
    secret: str = ""


def test_objects_of_several_classes_and_of_the_same_class_are_told_apart():
    client, queries = api_of(Node)
    paid = {"type": "Card", "amount": 1, "pin": "1234", "checked": True}
    child = {"id": "b", "secret": "s", "paid": {"type": "Cash", "checked": True}}

    assert ask(client, "POST", "/thing/", {"id": "a", "paid": paid, "children": [child]}).status_code == 201

    node = queries.get("a").value
    assert (node.paid, node.children[0].secret) == (Card(1, "", True), "")
    assert node.children[0].paid == Cash()


class PydanticCash(BaseModel):
    __roles__ = {"owner": {"hide": ["checked"]}}
    kind: Literal["cash"]
    checked: bool = False


class PydanticCard(BaseModel):
    __roles__ = {"owner": {"hide": ["pin"]}}
    kind: Literal["card"]
    checked: bool = False
    pin: str = ""


class Payment(BaseModel):
    __roles__ = {"owner": {"hide": []}}
    id: str
    paid: PydanticCash | PydanticCard


@pytest.mark.parametrize(("kind", "checked"), [("cash", False), ("card", True)])
def test_objects_that_a_literal_tells_apart_are_sifted_as_what_they_are(kind, checked):
    client, queries = api_of(Payment)

    ask(client, "POST", "/thing/", {"id": "a", "paid": {"kind": kind, "checked": True, "pin": "1"}})

    paid = queries.get("a").value.paid
    assert (paid.checked, getattr(paid, "pin", "")) == (checked, "")


class LooseCash(BaseModel):
    __roles__ = {"owner": {"hide": []}}
    kind: Literal["cash"]


class LooseCard(BaseModel):
    __roles__ = {"owner": {"hide": ["pin"]}}
    kind: Annotated[Literal["card"], BeforeValidator(lambda value: value.lower())]
    pin: str = ""


class LoosePayment(BaseModel):
    __roles__ = {"owner": {"hide": []}}
    id: str
    paid: LooseCash | LooseCard


@pytest.mark.parametrize("kind", ["card", "CARD"])
def test_object_is_sifted_as_what_its_class_may_make_of_it(kind):
    client, queries = api_of(LoosePayment)

    ask(client, "POST", "/thing/", {"id": "a", "paid": {"kind": kind, "pin": "1"}})

    assert queries.get("a").value.paid.pin == ""


def test_object_that_is_nested_too_deeply_is_refused():
    client, _ = api_of(Node)
    data = {"id": "a"}
    for _ in range(200):
        data = {"id": "a", "children": [data]}

    assert ask(client, "POST", "/thing/", data).status_code == 400
