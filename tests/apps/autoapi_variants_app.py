"""APIs with each option that changes what is answered, and models of other kinds, for schemathesis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from uuid import UUID

from pydantic import BaseModel

from brubeck_wsgi import AutoAPIBase, Brubeck
from brubeck_wsgi.auth import BearerAuthMixin
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import EVERYTHING, Note, Todo


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Thing:
    """What the standard library makes of a model."""

    id: str
    colour: Colour = Colour.RED
    size: int | None = None
    made: datetime | None = None


class Page(BaseModel):
    """What pydantic makes of a model."""

    id: UUID | None = None
    name: str
    tags: list[str] = []
    colour: Colour = Colour.RED


class ThingAPI(AutoAPIBase):
    model = Thing
    queries = DictQueryset(indexed=("colour", "size", "made"))
    put_creates = True


class PageAPI(AutoAPIBase):
    model = Page
    queries = DictQueryset(indexed=("name", "colour"))
    idempotent_answers = None
    feed = False


class MineAPI(BearerAuthMixin, AutoAPIBase):
    model = Note
    queries = DictQueryset(indexed=("owner", "text"))
    access = "owner"
    operations = EVERYTHING
    owner_field = "owner"
    roles = MappingProxyType({"anyone": "public", "owner": "owner"})

    def check_token(self, token):
        return {"ada-token": "ada", "bob-token": "bob"}.get(token)


# Each has a store of its own.
OF_TODOS = {
    "careful": {"requires_conditions": True, "operations": EVERYTHING},
    "generous": {"put_creates": True, "post_overwrites": True},
    "brubeck": {"payload": "brubeck", "operations": EVERYTHING},
    "bare": {"payload": "brubeck", "hide_status": True},
    "simple": {"dialect": "simple-rest"},
    "server": {"dialect": "json-server"},
}

app = Brubeck()
for api in (ThingAPI, PageAPI, MineAPI):
    app.register_api(api)
for name, options in OF_TODOS.items():
    queries = DictQueryset(indexed=("title", "completed", "order", "due"))
    app.register_api(type(f"{name}API", (AutoAPIBase,), {"model": Todo, "queries": queries, **options}))
