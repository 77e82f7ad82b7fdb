"""Todos that all workers have together: in Redis if there is a ``REDIS_URL``, else in the SQLite file TODO_DATABASE."""

from __future__ import annotations

import os

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.channels import RedisChannels, ZMQChannels
from brubeck_wsgi.queryset import RedisQueryset, SQLQueryset
from tests.apps.autoapi_app import Todo

OPTIONS = {"model": Todo, "indexed": ("completed",)}


def make_parts():
    """Return the queryset and the channels."""
    url = os.environ.get("REDIS_URL")
    if url is None:
        import sqlalchemy

        engine = sqlalchemy.create_engine(f"sqlite:///{os.environ['TODO_DATABASE']}", connect_args={"timeout": 30})
        return SQLQueryset(engine, **OPTIONS), ZMQChannels(history=1000)
    from redis import Redis

    return RedisQueryset(Redis.from_url(url), **OPTIONS), RedisChannels(Redis.from_url(url), history=1000)


stored, channels = make_parts()


class TodoAPI(AutoAPIBase):
    model = Todo
    queries = stored


app = Brubeck(channels=channels)
app.register_api(TodoAPI)


@app.get("/")
def process(application, message):
    return str(os.getpid())
