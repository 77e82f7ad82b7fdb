"""What a page, an object and a change cost in querysets: ``python benchmarks/queryset.py``.

A million rows are put into a real PostgreSQL, which is started for this. The first and the last page by cursor are read
in turns, forwards and back, by each of several orders, and the median of their times is taken; the ratio has to be
below 2. Beside it: the same by offset, and the times of single operations in every store that is installed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import redis
import sqlalchemy

from brubeck_wsgi.queryset import DictQueryset, RedisQueryset, SQLQueryset

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from mariadb_server import is_installed, running_mariadb
from postgres_server import running_postgres
from redis_server import running_redis

BAR = 2.0
ORDERS = [[], ["-id"], ["year"], ["-year"], ["sold"], ["title", "-year"]]
LIMIT = 25


class Album(msgspec.Struct):
    """A row: years are spread over 1000, and half of the albums are sold."""

    id: str
    title: str
    year: int
    sold: bool
    note: str | None = None


def fill(albums: SQLQueryset, rows: int) -> None:
    """Make *rows* albums by one statement."""
    albums.count()  # makes the table
    number: Any = sqlalchemy.func.generate_series(1, rows).column_valued("number")
    padded = sqlalchemy.func.lpad(sqlalchemy.cast(number, sqlalchemy.Text), 8, "0")
    values = sqlalchemy.select(padded, sqlalchemy.func.md5(padded), number * 919 % 1000, number % 2 == 0, padded)
    table = albums._layout.table
    with albums.db_conn.begin() as connection:
        connection.execute(table.insert().from_select(["id", "title", "year", "sold", "_version"], values))
    with albums.db_conn.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sqlalchemy.text("VACUUM ANALYZE"))


def last_cursor(albums: SQLQueryset, sort: list[str]) -> str:
    """Return the cursor of the last page: what comes after the one that is a page from the end."""
    turned = [name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in sort] or ["-id"]
    items = albums.select(sort=turned, limit=LIMIT + 1).items
    before_last = albums.select(sort=sort, cursor=_cursor_at(albums, sort, items[-1]), limit=1)
    assert before_last.items == [items[-2]]
    return _cursor_at(albums, sort, items[-1])


def _cursor_at(albums: SQLQueryset, sort: list[str], item: Any) -> str:
    from brubeck_wsgi.queryset.selecting import read_order

    return albums._cursor(read_order(sort, albums.shapes, albums.identity), [item], is_backwards=False)


def median_times(operations: list[Callable[[], object]], rounds: int) -> list[float]:
    """Return the median of the microseconds of each operation, done in turns."""
    times: list[list[float]] = [[] for _ in operations]
    for round_number in range(rounds + 3):
        for operation, of_it in zip(operations, times, strict=True):
            started = time.perf_counter()
            operation()
            if round_number >= 3:  # the first fill caches
                of_it.append((time.perf_counter() - started) * 1e6)
    return [statistics.median(of_it) for of_it in times]


def pages(rows: int, rounds: int) -> bool:
    """Print what the first and the last page cost; return whether every ratio is below the bar."""
    worst = 0.0
    with running_postgres() as postgres:
        engine = sqlalchemy.create_engine(postgres.url(postgres.new_database()))
        albums = SQLQueryset(engine, model=Album, indexed=["title", "year", "sold"])
        started = time.perf_counter()
        fill(albums, rows)
        print(f"{rows:,} rows in {time.perf_counter() - started:.1f} s\n")
        print("| sorted by | first µs | last µs | back from the end µs | last to first | by offset µs |")
        print("|---|---|---|---|---|---|")
        for sort in ORDERS:
            cursor = last_cursor(albums, sort)
            last = albums.select(sort=sort, cursor=cursor, limit=LIMIT)
            assert len(last.items) == LIMIT
            assert last.next_cursor is None
            first, at_end, back = median_times(
                [
                    lambda sort=sort: albums.select(sort=sort, limit=LIMIT),
                    lambda sort=sort, cursor=cursor: albums.select(sort=sort, cursor=cursor, limit=LIMIT),
                    lambda sort=sort, last=last: albums.select(sort=sort, cursor=last.previous_cursor, limit=LIMIT),
                ],
                rounds,
            )
            (by_offset,) = median_times(
                [lambda sort=sort: albums.select(sort=sort, offset=rows - LIMIT, limit=LIMIT)], max(1, rounds // 20)
            )
            ratio = at_end / first
            worst = max(worst, ratio, back / first) if len(sort) < 2 else worst
            name = ", ".join(sort) or "id"
            print(f"| {name} | {first:,.0f} | {at_end:,.0f} | {back:,.0f} | {ratio:.2f} | {by_offset:,.0f} |")
        engine.dispose()
    print(f"\nthe worst ratio of an order that has an index: {worst:.2f}, which has to be below {BAR}\n")
    return worst < BAR


def stores(stack: ExitStack) -> Iterator[tuple[str, Any]]:
    """Yield a queryset of each kind that can be had here, by its name."""
    options: dict[str, Any] = {"model": Album, "indexed": ["year"]}
    yield "dict", DictQueryset(**options)
    client = stack.enter_context(redis.Redis.from_url(stack.enter_context(running_redis())))
    yield "redis", RedisQueryset(client, name="plain", **options)
    yield "redis, compressed", RedisQueryset(client, name="compressed", compress=True, **options)
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    yield "sqlite", SQLQueryset(sqlalchemy.create_engine(f"sqlite:///{directory}/database"), **options)
    postgres = stack.enter_context(running_postgres())
    yield "postgres", SQLQueryset(sqlalchemy.create_engine(postgres.url(postgres.new_database())), **options)
    if is_installed():
        mariadb = stack.enter_context(running_mariadb())
        yield "mariadb", SQLQueryset(sqlalchemy.create_engine(mariadb.url(mariadb.new_database())), **options)


def operations(rounds: int) -> None:
    """Print what single operations cost in each store, which has 1000 objects."""
    names = ["get", "read_one", "update_one", "with if_version", "page of 25", "25 of one year", "create 100"]
    print(f"| µs | {' | '.join(names)} |")
    print("|---" * (len(names) + 1) + "|")
    with ExitStack() as stack:
        for name, albums in stores(stack):
            albums.create([Album(f"{number:04}", "Time Out", number % 40, False) for number in range(1000)])
            version = albums.get("0500").version
            same = Album("0500", "Time Out", 20, False)
            hundred = [Album(f"{number:04}", "Time Further Out", number % 40, False) for number in range(100)]
            times = median_times(
                [
                    lambda albums=albums: albums.get("0500"),
                    lambda albums=albums: albums.read_one("0500"),
                    lambda albums=albums, same=same: albums.update_one(same),
                    lambda albums=albums, same=same, version=version: albums.update_one(same, if_version=version),
                    lambda albums=albums: albums.select(limit=LIMIT),
                    lambda albums=albums: albums.select([("year", "eq", 7)], ["-year"], limit=LIMIT),
                ],
                rounds,
            )
            times += median_times([lambda albums=albums, hundred=hundred: albums.create(hundred)], rounds)
            print(f"| {name} | {' | '.join(f'{one:,.1f}' for one in times)} |", flush=True)
            if isinstance(albums, SQLQueryset):
                albums.db_conn.dispose()


def main() -> int:
    """Measure; return 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    is_passed = pages(options.rows, options.rounds)
    operations(options.rounds)
    return 0 if is_passed else 1


if __name__ == "__main__":
    sys.exit(main())
