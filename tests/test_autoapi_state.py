"""AutoAPI against a plain dictionary, whatever is asked in whichever order; and many clients at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from postgres_server import find_binary, running_postgres
from redis_server import running_redis
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import EVERYTHING, Todo

CLIENTS = 50
INDEXED = ("title", "completed", "order")
titles = st.text("abc", min_size=1, max_size=3)
orders = st.none() | st.integers(0, 5)


def client_of(queries):
    app = Brubeck()
    own = {"model": Todo, "queries": queries, "operations": EVERYTHING}
    app.register_api(type("TodoAPI", (AutoAPIBase,), own))
    return TestApp(app)


class APIMachine(RuleBasedStateMachine):
    """The API, and what it should have."""

    paths = Bundle("paths")

    def __init__(self):
        super().__init__()
        self.client = client_of(DictQueryset(indexed=INDEXED))
        self.expected = {}
        self.etags = {}

    def keep(self, path, answer):
        self.etags[path] = answer.headers["ETag"]
        assert answer.json == shown(self.expected[path])

    @rule(target=paths, title=titles, order=orders)
    def make(self, title, order):
        answer = self.client.post_json("/todo/", {"title": title, "order": order})
        path = answer.headers["Location"]
        self.expected[path] = {
            "id": answer.json["id"],
            "title": title,
            "completed": False,
            "order": order,
            "labels": [],
        }
        self.keep(path, answer)
        return path

    @rule(path=paths, title=titles, completed=st.booleans())
    def replace(self, path, title, completed):
        self.expected[path] |= {"title": title, "completed": completed, "order": None, "labels": []}
        self.keep(path, self.client.put_json(path, {"title": title, "completed": completed}))

    @rule(path=paths, order=orders)
    def change(self, path, order):
        self.expected[path] |= {"order": order}
        self.keep(path, self.client.patch_json(path, {"order": order}, headers={"If-Match": self.etags[path]}))

    @rule(path=paths)
    def refuse_what_is_out_of_date(self, path):
        self.client.patch_json(path, {"order": 3}, headers={"If-Match": '"old"'}, status=412)
        self.client.patch_json(path, {"order": -3}, status=422)

    @rule(path=consumes(paths))
    def remove(self, path):
        self.client.delete(path, status=204)
        self.client.get(path, status=404)
        del self.expected[path], self.etags[path]

    @rule(order=st.integers(0, 5))
    def select(self, order):
        found = self.client.get(f"/todo/?order__ge={order}&sort=order").json

        wanted = [one for one in self.expected.values() if one["order"] is not None and one["order"] >= order]
        assert sorted(one["id"] for one in found) == sorted(one["id"] for one in wanted)
        assert [one["order"] for one in found] == sorted(one["order"] for one in wanted)

    @invariant()
    def all_are_there(self):
        found = {one["id"]: one for one in self.client.get("/todo/").json}
        assert found == {one["id"]: shown(one) for one in self.expected.values()}


def shown(todo):
    return {key: value for key, value in todo.items() if value is not None}


APIMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
TestAPI = APIMachine.TestCase


@contextmanager
def in_redis(_):
    redis = pytest.importorskip("redis")
    from brubeck_wsgi.queryset.redis_store import RedisQueryset

    with running_redis() as url:
        yield RedisQueryset(redis.Redis.from_url(url), model=Todo, indexed=INDEXED)


@contextmanager
def in_sqlite(folder):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    from brubeck_wsgi.queryset.sql_store import SQLQueryset

    engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'todo.sqlite'}")
    yield SQLQueryset(engine, model=Todo, indexed=INDEXED)
    engine.dispose()


@contextmanager
def in_postgres(_):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    from brubeck_wsgi.queryset.sql_store import SQLQueryset

    if find_binary("initdb") is None or find_binary("postgres") is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    with running_postgres() as postgres:
        engine = sqlalchemy.create_engine(postgres.url(postgres.new_database()), pool_size=CLIENTS)
        yield SQLQueryset(engine, model=Todo, indexed=INDEXED)
        engine.dispose()


BACK_ENDS = {"dictionary": lambda _: nullcontext(DictQueryset(indexed=INDEXED)), "SQLite": in_sqlite}


STARTED = {"Redis": in_redis, "PostgreSQL": in_postgres}
STARTED_NAMES = [pytest.param("Redis", marks=pytest.mark.redis), pytest.param("PostgreSQL", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("name", [*BACK_ENDS, *STARTED_NAMES])
def test_no_increment_is_lost_however_many_clients_make_them(name, tmp_path):
    with (BACK_ENDS | STARTED)[name](tmp_path) as queries:
        client = client_of(queries)
        path = client.post_json("/todo/", {"title": "count", "order": 0}).headers["Location"]

        def increment(_):
            before = client.get(path)
            answer = client.patch(
                path,
                json.dumps({"order": before.json["order"] + 1}),
                {"If-Match": before.headers["ETag"], "Content-Type": "application/json"},
                status="*",
            )
            assert answer.status_code in (200, 412)
            return answer.status_code == 200

        with ThreadPoolExecutor(CLIENTS) as pool:
            successes = sum(pool.map(increment, range(2 * CLIENTS)))

        assert 0 < successes == client.get(path).json["order"]


def test_change_without_condition_is_made_to_what_is_there_at_that_moment():
    client = client_of(DictQueryset())
    path = client.post_json("/todo/", {"title": "labels"}).headers["Location"]
    fields = [{"order": 1}, {"completed": True}, {"title": "changed"}, {"labels": ["a"]}]

    with ThreadPoolExecutor(len(fields)) as pool:
        list(pool.map(lambda part: client.patch_json(path, part), fields))

    found = client.get(path).json
    assert all(found[key] == value for part in fields for key, value in part.items())
