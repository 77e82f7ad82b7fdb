"""Things to do, in step in every browser: ``gunicorn -k gevent examples.todo.app:app``, then http://127.0.0.1:8000/.

They are kept in SQLite, in the file TODO_DATABASE names; where that begins with ``redis://`` or ``postgresql://``, they
are kept there. Several workers need channels that reach them all, see docs/howto/autoapi.md.
"""

from __future__ import annotations

import os
from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase, describe_apis
from brubeck_wsgi.dictshield import BooleanField, Document, IntField, StringField, UUIDField
from brubeck_wsgi.queryset import AbstractQueryset
from brubeck_wsgi.staticfiles import StaticFiles

PAGE = Path(__file__).parent / "page"


class Todo(Document):
    """Something to do."""

    id = UUIDField(auto_fill=True)
    title = StringField(required=True, max_length=100)
    completed = BooleanField(default=False)
    order = IntField(min_value=0, max_value=2**53)


def queries(place: str) -> AbstractQueryset:
    """Return the queryset that keeps todos at a place."""
    options = {"model": Todo, "indexed": ("completed", "order")}
    if place.startswith(("redis://", "rediss://")):
        from redis import Redis

        from brubeck_wsgi.queryset.redis_store import RedisQueryset

        return RedisQueryset(Redis.from_url(place), **options)
    from sqlalchemy import create_engine

    from brubeck_wsgi.queryset.sql_store import SQLQueryset

    return SQLQueryset(create_engine(place if "://" in place else f"sqlite:///{place}"), **options)


class TodoAPI(AutoAPIBase):
    model = Todo
    queries = queries(os.environ.get("TODO_DATABASE", "todo.sqlite"))
    url_field = "url"


app = Brubeck()
describe_apis(app, "Things to do")
app.register_api(TodoAPI)
app.route("/", methods=["GET"])(StaticFiles(PAGE))
app.route("/{path:path}", methods=["GET"])(StaticFiles(PAGE))
