"""Clients that change one object at the same time, each only what it has seen, lose no change, whatever keeps it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec
import pytest
from autoapi_clients import ask
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase

pytest_plugins = ["queryset_fixtures"]

CLIENTS = 50


class Counter(msgspec.Struct):
    id: str
    count: int = 0


@pytest.fixture
def app(make_queryset):
    """An application with an API of counters, of which there is one."""
    made = Brubeck()
    made.register_api(type("CounterAPI", (AutoAPIBase,), {"model": Counter, "queries": make_queryset(Counter)}))
    assert ask(TestApp(made), "POST", "/counter/", {"id": "one"}).status_code == 201
    return made


def at_once(app, work):
    """Return what *work* returns to each of so many clients; it is given a client, and what waits for all others."""
    barrier = Barrier(CLIENTS)
    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(lambda _: work(TestApp(app), lambda: barrier.wait(30)), range(CLIENTS)))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_fifty_clients_count_exactly_as_often_as_they_are_told_so(app, method):
    def increment(client, wait=lambda: None):
        seen = ask(client, "GET", "/counter/one")
        wait()
        data = {"count": seen.json["count"] + 1}
        return ask(client, method, "/counter/one", data, If_Match=seen.headers["ETag"]).status_code

    def work(client, wait):
        # At first all have seen the same; then each goes on as fast as it can.
        return [increment(client, wait), increment(client), increment(client)]

    answers = at_once(app, work)

    statuses = [status for of_client in answers for status in of_client]
    assert [first for first, *_ in answers].count(200) == 1
    assert set(statuses) == {200, 412}
    assert ask(TestApp(app), "GET", "/counter/one").json["count"] == statuses.count(200)


def test_one_client_alone_removes_what_all_have_seen(app):
    def remove(client, wait):
        seen = ask(client, "GET", "/counter/one").headers["ETag"]
        wait()
        return ask(client, "DELETE", "/counter/one", If_Match=seen).status_code

    statuses = at_once(app, remove)

    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 404, 412}
