"""Writers at the same time lose nothing, whatever keeps the objects."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from querysets import STORES
from servers import ROOT

from brubeck_wsgi.queryset import AlreadyExists, VersionConflict

pytest_plugins = ["queryset_fixtures"]

SCRIPT = Path(__file__).parent / "apps" / "queryset_increments.py"


class Counter(msgspec.Struct):
    id: str
    count: int = 0


class Numbered(msgspec.Struct):
    id: int | None = None
    title: str = ""


def at_once(work, clients):
    """Return what *work* returns to each of so many clients, who begin together; each is given its number."""
    barrier = Barrier(clients)

    def begin(number):
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(clients) as threads:
        return list(threads.map(begin, range(clients)))


def test_fifty_clients_count_exactly_as_often_as_they_succeed(make_queryset):
    counters = make_queryset(Counter)
    counters.create(Counter("one"))

    def try_twice(number):
        successes = 0
        for _ in range(2):
            stored = counters.get("one")
            try:
                counters.update(Counter("one", stored.value.count + 1), if_version=stored.version)
                successes += 1
            except VersionConflict:
                pass
        return successes

    successes = sum(at_once(try_twice, 50))

    assert 2 <= successes <= 100
    assert counters.read_one("one").value.count == successes


def test_changes_that_are_made_anew_all_count(make_queryset):
    counters = make_queryset(Counter)
    counters.create(Counter("one"))

    def count_five(number):
        for _ in range(5):
            counters.change_one("one", lambda stored: Counter("one", stored.value.count + 1))

    at_once(count_five, 8)

    assert counters.read_one("one").value.count == 40


def test_only_one_creates_what_has_to_be_new(make_queryset):
    counters = make_queryset(Counter)
    created = []

    def create(number):
        with suppress(AlreadyExists):
            created.append(counters.create(Counter("one", number), create_only=True).value)

    at_once(create, 10)

    assert [one.value for one in counters.read()] == created


def test_only_one_is_told_that_it_created_or_destroyed(make_queryset):
    counters = make_queryset(Counter)
    changes = []
    counters.on_change(lambda change: changes.append(str(change.kind)))

    at_once(lambda number: counters.create(Counter("one", number)), 10)
    at_once(lambda number: counters.destroy(["one"]), 10)

    assert sorted(changes) == ["created", "destroyed", *["updated"] * 9]


def test_many_are_created_by_several_at_the_same_time(make_queryset):
    counters = make_queryset(Counter, indexed=["count"])

    def create(number):
        return counters.create([Counter(f"{one:02}", number) for one in range(number, number + 20)])

    results = [one for results in at_once(create, 4) for one in results]

    assert len([one for one in results if one.status == "Created"]) == counters.count() == 23
    assert sum(counters.count([("count", "eq", number)]) for number in range(4)) == 23


def test_numbers_for_ids_are_given_once(make_queryset):
    numbered = make_queryset(Numbered)

    at_once(lambda number: numbered.create([Numbered(title=f"{number}.{one}") for one in range(5)]), 8)

    assert numbered.count() == 40
    assert len({one.value.title for one in numbered.read()}) == 40


@pytest.mark.parametrize("store", [one for one in STORES if "compressed" not in str(one)])
def test_greenlets_lose_nothing(store, queryset_makers, request):
    kind = "redis" if store.startswith("redis") else "dict" if store == "dict" else "sql"
    url = {"redis": lambda: request.getfixturevalue("queryset_redis_url"), "dict": str}.get(
        kind, lambda: queryset_makers.url(store)
    )()
    if kind == "redis":
        queryset_makers.redis().delete("greenlets", "{greenlets}:index:id")
    command = [sys.executable, "-W", "error", str(SCRIPT), kind, url, "8", "5"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert (done.stdout, done.stderr) == ("40 40\n", "")
