"""Mistakes in what an API says of itself: each is told when the API is registered, with what to do about it."""

from __future__ import annotations

import msgspec
import pytest
from autoapi_clients import ask, client_of

from brubeck_wsgi import Brubeck
from brubeck_wsgi.auth import BasicAuthMixin, BearerAuthMixin
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.dictshield import Document, StringField
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset import DictQueryset
from brubeck_wsgi.testing import TestClient


class Album(Document):
    """A model that says nothing of roles."""

    id = StringField()
    title = StringField(required=True)
    owner = StringField()


class Card(msgspec.Struct, kw_only=True):
    """A model that declares one role."""

    __roles__ = {"public": ["id", "title"]}
    id: str | None = None
    title: str = ""


class Plain(msgspec.Struct, kw_only=True):
    """A model without roles, of which everybody sees all."""

    id: str | None = None
    title: str = ""


class Account(Document):
    """A user whom nothing tells from others."""

    mail = StringField()


def register(*bases, **options):
    """Register an API of albums that says *options*."""
    own = {"model": Album, "queries": DictQueryset()} | options
    Brubeck().register_api(type("AlbumAPI", (*bases, AutoAPIBase), own))


def refusal(*bases, **options):
    """Return what is said when such an API is registered."""
    with pytest.raises(ConfigurationError) as caught:
        register(*bases, **options)
    return str(caught.value)


# -- users


class Who:
    """A user of a plain class."""


class Named:
    """A user with a name, or a number."""

    def __init__(self, **names):
        vars(self).update(names)


def owner_of(user, **headers):
    """Return what is answered where *user* makes an album."""
    options = {"owner_field": "owner", "access": "user", "get_current_user": lambda self: user}
    api = type("AlbumAPI", (AutoAPIBase,), {"model": Album, "queries": DictQueryset(), **options})
    return ask(client_of(api), "POST", "/album/", {"title": "x"}, **headers)


@pytest.mark.parametrize("user", [Account(mail="a@x"), Who(), {"name": "t"}, True, Named(username="", id=None)])
def test_user_who_cannot_be_told_from_others_owns_nothing(user, caplog):
    answer = owner_of(user)

    assert answer.status_code == 500
    assert "expected the user to be text, a number, or to have username or id" in caplog.text
    assert "override owner_id()" in caplog.text


@pytest.mark.parametrize(
    ("user", "owner"), [("ada", "ada"), (Named(username="ada", id=7), "ada"), (Named(id="7"), "7")]
)
def test_owner_is_the_user_or_its_name_or_its_number(user, owner):
    answer = owner_of(user)

    assert answer.json["owner"] == owner


@pytest.mark.parametrize(
    ("bases", "options", "wanted"),
    [
        ((), {"access": "user"}, "get_current_user"),
        ((), {"access": {"read": "anyone", "create": "user"}}, "get_current_user"),
        ((), {"access": "owner", "owner_field": "owner", "operations": ["read"]}, "get_current_user"),
        ((BearerAuthMixin,), {"access": "user"}, "check_token"),
        ((BasicAuthMixin,), {"access": "user"}, "check_credentials"),
    ],
)
def test_api_for_users_has_to_know_them(bases, options, wanted):
    assert f"expected AlbumAPI to have {wanted}" in refusal(*bases, **options)


@pytest.mark.parametrize(
    ("bases", "options"),
    [
        ((), {"get_current_user": lambda self: "ada"}),
        ((), {"current_user": "ada"}),
        ((), {"authorize": lambda self, operation, value=None: None}),
        ((BearerAuthMixin,), {"check_token": lambda self, token: "ada"}),
    ],
)
def test_api_may_know_users_in_any_way(bases, options):
    register(*bases, access="user", **options)


# -- names and kinds of options


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("acces", "user", "access"),
        ("readonly", ("title",), "read_only"),
        ("page_sise", 5, "page_size"),
        ("authorise", lambda self, operation, value=None: None, "authorize"),
        ("before_creation", lambda self, value: None, "before_create"),
        ("after_deleted", lambda self, value: None, "after_delete"),
        ("prefix", "/x", "register_api(AlbumAPI, prefix='/x')"),
    ],
)
def test_misspelled_attribute_is_refused_with_what_was_meant(name, value, meant):
    assert f"got {name}; did you mean {meant}?" in refusal(**{name: value})
    assert f"got {name}; did you mean {meant}?" in refusal(type("Base", (), {name: value}))


def test_attributes_of_your_own_are_yours():
    register(mailer=object(), send_mail=lambda self: None, _acces="user", table="albums")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("max_items", "x", "a number from 1"),
        ("max_items", 0, "a number from 1"),
        ("max_items", True, "a number from 1"),
        ("page_size", "x", "a number from 1"),
        ("url_field", 3, "text or None"),
        ("owner_field", 3, "text or None"),
        ("feed", "no", "True or False"),
        ("takes_ids", None, "True or False"),
        ("put_creates", 1, "True, False or None"),
        ("idempotent_answers", {}, "an IdempotentAnswers, True or None"),
        ("cache_control", None, "text"),
        ("read_only", "title", "names in a list or tuple"),
        ("write_once", "title", "names in a list or tuple"),
        ("operations", "read", "names in a list or tuple"),
        ("roles", "public", "a mapping"),
        ("security_schemes", "bearer", "a mapping"),
    ],
)
def test_option_of_another_kind_is_refused(name, value, wanted):
    assert refusal(**{name: value}) == f"expected {name} of AlbumAPI to be {wanted}, got {value!r}"


# -- models and querysets


class Unmodelled:
    """A class of no kind that there are models of."""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": None}, "expected AlbumAPI to have a model, the class of its objects, got none"),
        ({"queries": None}, "expected AlbumAPI to have queries, a queryset, got none"),
        ({"queries": DictQueryset}, "expected queries of AlbumAPI to be a queryset, got the class; call it"),
        ({"queries": {}}, "expected queries of AlbumAPI to be a queryset, got {}"),
        (
            {"queries": DictQueryset(model=Plain)},
            "expected queries of AlbumAPI to keep Album, got <DictQueryset of Plain, 0 objects>",
        ),
        (
            {"owner_field": "who"},
            "expected owner_field of AlbumAPI to be of the fields id, title, owner, got 'who'",
        ),
        (
            {"access": "owner", "owner_field": "owner"},
            "expected owner_field of AlbumAPI, 'owner', to be indexed by its queries, got id",
        ),
        (
            {"read_only": ["id", "who"]},
            "expected read_only of AlbumAPI to be of the fields id, title, owner, got 'who'",
        ),
        (
            {"queries": DictQueryset(indexed=["who"])},
            "expected indexed to be of the fields id, title, owner, got 'who'",
        ),
    ],
)
def test_mistake_in_parts_and_fields_is_named(options, message):
    assert refusal(**options) == message


def test_kinds_of_models_are_said_where_a_class_is_none():
    message = refusal(model=Unmodelled)

    for kind in ("document", "pydantic model", "msgspec Struct", "dataclass", "TypedDict", "attrs"):
        assert kind in message


def test_two_apis_of_one_queryset_show_the_same_objects():
    queries, app = DictQueryset(), Brubeck()
    for name in ("AlbumAPI", "RecordAPI"):
        app.register_api(type(name, (AutoAPIBase,), {"model": Album, "queries": queries}))
    client = TestClient(app)

    with client.websocket("/album/") as one, client.websocket("/record/") as other:
        assert one.receive_json()["event"] == other.receive_json()["event"] == "ready"
        client.post_json("/album/", {"title": "x"})
        assert one.receive_json()["event"] == other.receive_json()["event"] == "create"
    assert client.get("/record/").json == client.get("/album/").json != []


def test_operator_that_there_is_not_is_said_to_be_the_mistake():
    api = type("AlbumAPI", (AutoAPIBase,), {"model": Album, "queries": DictQueryset(model=Album, indexed=["title"])})

    answer = ask(client_of(api), "GET", "/album/?title__between=1")

    assert answer.status_code == 400
    assert answer.json["detail"] == (
        "expected an operator ne, lt, le, gt, ge, in, contains, startswith, isnull, got 'between'"
    )


def test_summaries_read_well_whatever_the_model_is_called():
    api = type("AlbumAPI", (AutoAPIBase,), {"model": Album, "queries": DictQueryset()})
    paths = ask(client_of(api), "GET", "/openapi.json").json["paths"]

    summaries = [one["summary"] for path, item in paths.items() for name, one in item.items() if name != "parameters"]
    assert "Create one Album, or several" in summaries
    assert not [one for one in summaries if " a Album" in one]


# -- roles


def test_keys_of_roles_are_what_a_user_may_be():
    wanted = "expected roles of AlbumAPI by anyone, user, owner, got 'public'"

    assert refusal(roles={"public": "public"}) == wanted


@pytest.mark.parametrize(
    ("model", "options", "wanted"),
    [
        (Album, {"roles": {"anyone": "public"}}, "the role 'public' by _public_fields or __roles__, got owner"),
        (Album, {"role": "admin"}, "the role 'admin' by __roles__, got owner"),
        (Card, {}, "the role 'owner' by __roles__, got public"),
        (Card, {"roles": {"anyone": "public", "user": "admin"}}, "the role 'admin' by __roles__, got public"),
        (Plain, {"roles": {"anyone": "public"}}, "the role 'public' by __roles__, got none"),
    ],
)
def test_role_that_a_model_does_not_declare_is_refused(model, options, wanted):
    message = refusal(model=model, get_current_user=lambda self: None, **options)

    assert message == f"expected {model.__name__} to declare {wanted}"


@pytest.mark.parametrize(
    ("model", "options"),
    [
        *[(Plain, {}), (Album, {}), (Album, {"role": None}), (Card, {"role": "public"})],
        *[(Card, {"roles": {"anyone": "public"}}), (Card, {"role_for": lambda self, value: "public"})],
    ],
)
def test_roles_that_are_declared_are_taken(model, options):
    register(model=model, **options)
