"""Parity: an API for each of two models, with the payload of Brubeck 0.4."""

from __future__ import annotations

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.dictshield import BooleanField, Document, StringField, UUIDField
from brubeck_wsgi.queryset import DictQueryset

GROUPS = ("autoapi",)


class Todo(Document):
    """Something to do."""

    _private_fields = ("internal",)

    id = UUIDField(auto_fill=True)
    title = StringField(required=True, max_length=40)
    completed = BooleanField(default=False)
    internal = StringField()


class TestDoc(Document):
    """Some data under an id that the client has chosen."""

    id = StringField(required=True)
    data = StringField()


class TodoAPI(AutoAPIBase):
    model = Todo
    queries = DictQueryset()
    payload = "brubeck"


class BareAPI(AutoAPIBase):
    model = TestDoc
    queries = DictQueryset()
    payload = "brubeck"

    def render(self, **options):
        return super().render(hide_status=True, **options)


def reset() -> None:
    """Empty the stores."""
    for api in (TodoAPI, BareAPI):
        api.queries.destroy_all()


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.register_api(TodoAPI)
    app.register_api(BareAPI, prefix="/api/v1/docs")
