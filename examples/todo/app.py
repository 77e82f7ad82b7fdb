"""Things to do, in step in every browser: ``gunicorn -k gevent -w 2 examples.todo.app:app``.

The page is at http://127.0.0.1:8000/. Todos are kept in SQLite, in the file that TODO_DATABASE names; where that begins
with ``redis://`` or ``postgresql://``, they are kept there. Needs ``pip install 'brubeck-wsgi[sql,zmq]'``, or
``[redis]``; for PostgreSQL psycopg too.
"""

from __future__ import annotations

import os
from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase, describe_apis
from brubeck_wsgi.channels import Channels, RedisChannels, ZMQChannels
from brubeck_wsgi.dictshield import BooleanField, Document, IntField, StringField, UUIDField
from brubeck_wsgi.queryset import AbstractQueryset, RedisQueryset
from brubeck_wsgi.staticfiles import StaticFiles

PAGE = Path(__file__).parent / "page"


class Todo(Document):
    """Something to do."""

    id = UUIDField(auto_fill=True)
    title = StringField(required=True, max_length=100)
    completed = BooleanField(default=False)
    order = IntField(min_value=0, max_value=2**53)


def kept_at(place: str) -> tuple[AbstractQueryset, Channels]:
    """Return the queryset that keeps todos at a place, and the channels that tell all workers of changes."""
    indexed = ("completed", "order")
    if place.startswith(("redis://", "rediss://")):
        from redis import Redis

        client = Redis.from_url(place)
        return RedisQueryset(client, model=Todo, indexed=indexed), RedisChannels(client)
    from sqlalchemy import create_engine

    from brubeck_wsgi.queryset import SQLQueryset

    url = place.replace("postgresql://", "postgresql+psycopg://") if "://" in place else f"sqlite:///{place}"
    return SQLQueryset(create_engine(url), model=Todo, indexed=indexed), ZMQChannels()


stored, channels = kept_at(os.environ.get("TODO_DATABASE", "todo.sqlite"))


class TodoAPI(AutoAPIBase):
    model = Todo
    queries = stored
    url_field = "url"


app = Brubeck(channels=channels)
describe_apis(app, "Things to do")
app.register_api(TodoAPI)
app.route("/", methods=["GET"])(StaticFiles(PAGE))
app.route("/{path:path}", methods=["GET"])(StaticFiles(PAGE))
