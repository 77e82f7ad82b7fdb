"""An application whose handlers ask databases a query of 0.2 seconds: ``tests.apps.driver_app:app``.

Each answers when, by the clock of the database, its query began and ended. The environment says where databases are.
"""

from __future__ import annotations

import logging
import os

import psycopg
import pymysql
import redis
import sqlalchemy

from brubeck_wsgi import Brubeck
from brubeck_wsgi.concurrency.patching import find_blocking

logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
app = Brubeck()
POSTGRES_QUERY = (
    "SELECT extract(epoch FROM clock_timestamp()), pg_sleep({})::text, extract(epoch FROM clock_timestamp())"
)
MARIADB_QUERY = "SELECT UNIX_TIMESTAMP(SYSDATE(6)), SLEEP({}), UNIX_TIMESTAMP(SYSDATE(6))"
MARIADB_PORT = int(os.environ["MARIADB_PORT"])
POOL = {"pool_size": 20, "max_overflow": 0}
engines = {
    "postgresql": sqlalchemy.create_engine(os.environ["POSTGRES_URL"], **POOL),
    "mariadb": sqlalchemy.create_engine(f"mariadb+pymysql://tester@127.0.0.1:{MARIADB_PORT}/mysql", **POOL),
}
redis_client = redis.Redis.from_url(os.environ["REDIS_URL"])


def interval(row):
    return [float(row[0]), float(row[2])]


def ask_with_psycopg(seconds):
    with psycopg.connect(os.environ["POSTGRES_DSN"]) as connection:
        return interval(connection.execute(POSTGRES_QUERY.format(seconds)).fetchone())


def ask_with_pymysql(seconds):
    with pymysql.connect(host="127.0.0.1", port=MARIADB_PORT, user="tester") as connection:
        cursor = connection.cursor()
        cursor.execute(MARIADB_QUERY.format(seconds))
        return interval(cursor.fetchone())


def ask_redis(seconds):
    began = redis_client.time()
    redis_client.blpop("never filled", timeout=seconds)
    ended = redis_client.time()
    return [seconds + microseconds / 1e6 for seconds, microseconds in (began, ended)]


def ask_postgresql_with_sqlalchemy(seconds):
    with engines["postgresql"].connect() as connection:
        return interval(connection.execute(sqlalchemy.text(POSTGRES_QUERY.format(seconds))).one())


def ask_mariadb_with_sqlalchemy(seconds):
    with engines["mariadb"].connect() as connection:
        return interval(connection.execute(sqlalchemy.text(MARIADB_QUERY.format(seconds))).one())


DRIVERS = {
    "psycopg": ask_with_psycopg,
    "pymysql": ask_with_pymysql,
    "redis": ask_redis,
    "sqlalchemy-postgresql": ask_postgresql_with_sqlalchemy,
    "sqlalchemy-mariadb": ask_mariadb_with_sqlalchemy,
}


@app.get("/in-time/{driver}")
def ask(application, message, driver):
    return DRIVERS[driver](0.2)


@app.get("/late/{driver}", timeout=0.1)
def ask_for_too_long(application, message, driver):
    return DRIVERS[driver](5)


@app.get("/blocking")
def tell_blocking(application, message):
    return find_blocking()


@app.get("/")
def hello(application, message):
    return "hello"
