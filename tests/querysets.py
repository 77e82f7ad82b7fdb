"""A queryset of each kind for tests, empty, over real stores."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
import redis
import sqlalchemy

from brubeck_wsgi.queryset import DictQueryset, RedisQueryset, SQLQueryset

STORES = [
    "dict",
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("redis, compressed", marks=pytest.mark.redis),
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]


class Album(msgspec.Struct):
    """What the contract is tried with."""

    title: str
    id: str | None = None
    year: int | None = None
    rating: float = 0.0
    is_sold: bool = False
    recorded: datetime | None = None
    players: list[str] = []


def make_engine(url):
    """Return an engine for many clients at once, who wait for each other."""
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    return sqlalchemy.create_engine(url, pool_size=20, **options)


class Makers:
    """Makes querysets of each kind; what they connect to is started when it is first asked for."""

    def __init__(self, request, directory):
        self._request = request
        self._directory = directory
        self._names = {}
        self._engines = {}
        self._redis = None

    def make(self, store, model=Album, **options):
        """Return an empty queryset; those with the same options have the same place."""
        if store == "dict":
            return DictQueryset(model=model, **options)
        is_new = (key := (store, model, repr(options))) not in self._names
        name = self._names.setdefault(key, f"things_{len(self._names)}")
        if store.startswith("redis"):
            client = self.redis()
            client.delete(name, *client.keys(f"{{{name}}}:*"))
            return RedisQueryset(client, name=name, model=model, compress=store != "redis", **options)
        made = SQLQueryset(self.engine(store), model=model, table=name, **options)
        if not is_new and model is not None:
            made.destroy_all()
        return made

    def redis(self):
        """Return a client of a real Redis."""
        if self._redis is None:
            self._redis = redis.Redis.from_url(self._request.getfixturevalue("queryset_redis_url"))
        return self._redis

    def engine(self, store):
        """Return an engine for a database."""
        if store not in self._engines:
            self._engines[store] = make_engine(self.url(store))
        return self._engines[store]

    def url(self, store):
        """Return the URL of an empty database."""
        if store == "sqlite":
            return f"sqlite:///{self._directory / 'database'}"
        server = self._request.getfixturevalue(store)
        return server.url(server.new_database())

    def close(self):
        """Let go of all connections."""
        for engine in self._engines.values():
            engine.dispose()
        if self._redis is not None:
            self._redis.close()
