"""APIs of several kinds of models, for tests: ``gunicorn -k gevent tests.apps.autoapi_app:app``."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated
from uuid import UUID

import msgspec

from brubeck_wsgi import Brubeck
from brubeck_wsgi.auth import BearerAuthMixin
from brubeck_wsgi.autoapi import AutoAPIBase, IdempotentAnswers, describe, describe_apis
from brubeck_wsgi.dictshield import BooleanField, DateTimeField, Document, IntField, ListField, StringField, UUIDField
from brubeck_wsgi.queryset import DictQueryset

EVERYTHING = ("list", "read", "create", "update", "patch", "delete", "delete_all")


class Todo(Document):
    """Something to do."""

    _private_fields = ("internal",)

    id = UUIDField(auto_fill=True)
    title = StringField(required=True, max_length=40)
    completed = BooleanField(default=False)
    order = IntField(min_value=0, max_value=2**53)
    due = DateTimeField()
    labels = ListField(StringField(max_length=20))
    internal = StringField()


class Note(msgspec.Struct, kw_only=True):
    """A note of somebody."""

    __roles__ = {"public": ["id", "text"], "owner": ["id", "text", "secret", "owner"]}

    id: UUID
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    secret: str | None = None
    owner: str = ""


class Item(msgspec.Struct, kw_only=True):
    """A thing in stock; its number says which it is."""

    id: int | None = None
    name: Annotated[str, msgspec.Meta(max_length=50)]
    price: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    sku: str = ""


class TodoAPI(AutoAPIBase):
    model = Todo
    queries = DictQueryset(indexed=("title", "completed", "order"))
    operations = EVERYTHING
    url_field = "url"
    idempotent_answers = IdempotentAnswers()


class NoteAPI(BearerAuthMixin, AutoAPIBase):
    model = Note
    queries = DictQueryset(indexed=("owner", "text"))
    access = MappingProxyType(
        {"list": "anyone", "read": "anyone", "create": "user"} | dict.fromkeys(("update", "patch", "delete"), "owner")
    )
    owner_field = "owner"
    roles = MappingProxyType({"anyone": "public", "owner": "owner"})

    def check_token(self, token):
        return {"ada-token": "ada", "bob-token": "bob"}.get(token)


class ItemAPI(AutoAPIBase):
    model = Item
    queries = DictQueryset(indexed=("name", "price"))
    read_only = ("price",)
    write_once = ("sku",)
    takes_ids = False


def make_app() -> Brubeck:
    """Return the application; its stores are those of this module."""
    made = Brubeck()
    describe_apis(made, "Things to do", "1.0.0", description="Todos, notes and a stock.")
    for api in (TodoAPI, NoteAPI, ItemAPI):
        made.register_api(api)

    @made.get("/sum/{a:int}/{b:int}")
    @describe(responses={200: {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}})
    def add(application, message, a, b):
        """Add two numbers."""
        return {"sum": a + b}

    return made


app = make_app()
