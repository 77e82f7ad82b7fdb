"""Database drivers under the hubs: queries of requests that come together run together, as the databases see it."""

from __future__ import annotations

import http.client
import json
import shutil

import pytest
from redis_server import running_redis

from tests.apps.worker_clients import HUBS, ask, serving

APP = "tests.apps.driver_app:app"
REQUESTS = 20
DRIVERS = ("psycopg", "pymysql", "redis", "sqlalchemy-postgresql", "sqlalchemy-mariadb")


def needs_databases(test):
    """Mark what needs all of them; where one is not installed it is skipped."""
    for mark in (pytest.mark.serving, pytest.mark.postgres, pytest.mark.mariadb, pytest.mark.redis):
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def databases(postgres, mariadb):
    """Where the databases are, as variables of the environment."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed (Debian: redis-server)")
    with running_redis() as redis_url:
        yield {
            "POSTGRES_DSN": postgres.dsn(),
            "POSTGRES_URL": postgres.url(),
            "MARIADB_PORT": str(mariadb.port),
            "REDIS_URL": redis_url,
        }


@pytest.fixture(scope="module", params=HUBS)
def server(request, databases):
    # Without this psycopg waits in C under eventlet, see below.
    with serving(request.param, app=APP, **databases, PSYCOPG_WAIT_FUNC="wait_selector") as server:
        yield server


def ask_together(server, path, count=REQUESTS):
    """Ask for *path* all at once; return what each answer has, of a query in time when it began and ended."""
    clients = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=60) for _ in range(count)]
    try:
        for client in clients:
            client.connect()
        for client in clients:
            client.request("GET", f"/{path}")
        return [json.load(client.getresponse()) for client in clients]
    finally:
        for client in clients:
            client.close()


def most_at_a_time(intervals):
    """Return how many of *intervals*, (beginning, end), have a moment in common."""
    return max(sum(began <= moment < ended for began, ended in intervals) for moment, _ in intervals)


@needs_databases
@pytest.mark.parametrize("driver", DRIVERS)
def test_twenty_queries_of_a_fifth_of_a_second_run_at_a_time(server, driver):
    server.wait_until(  # a busy machine may take longer than that to begin them all
        lambda: most_at_a_time(ask_together(server, f"in-time/{driver}")) == REQUESTS, f"{REQUESTS} queries at a time"
    )


@needs_databases
@pytest.mark.parametrize("driver", DRIVERS)
def test_queries_that_are_stopped_at_a_deadline_leave_no_connection_that_is_out_of_step(server, driver):
    for _ in range(2):  # more of them than a pool has connections
        assert {answer["status"] for answer in ask_together(server, f"late/{driver}")} == {503}

    answers = ask_together(server, f"in-time/{driver}")
    assert {0.15 < ended - began < 20 for began, ended in answers} == {True}


@needs_databases
def test_driver_that_would_block_is_named_with_what_to_do(databases):
    with serving("eventlet", app=APP, **databases) as server:
        server.wait_until(lambda: "psycopg blocks" in server.output(), "warning")

        assert "set PSYCOPG_WAIT_FUNC=wait_selector in the environment of the server" in server.output()
        assert most_at_a_time(ask_together(server, "in-time/psycopg", 3)) == 1  # it is true


@needs_databases
def test_driver_that_was_imported_before_the_fork_is_named(databases):
    with serving("gevent", "--preload", app=APP, **databases) as server:
        server.wait_until(lambda: "psycopg blocks" in server.output(), "warning")


@needs_databases
def test_drivers_that_wait_for_the_hub_are_not_named(server):
    assert ask(server, "/blocking").json() == []
