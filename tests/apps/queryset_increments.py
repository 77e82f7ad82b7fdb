"""Greenlets that count in one object at the same time, each of what it has read; prints what was counted and done.

``python queryset_increments.py dict|redis|sql URL GREENLETS COUNT``
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402
import msgspec  # noqa: E402

from brubeck_wsgi.queryset import DictQueryset, RedisQueryset, SQLQueryset, VersionConflict  # noqa: E402


class Counter(msgspec.Struct):
    id: str
    count: int = 0


def make(kind, url):
    if kind == "dict":
        return DictQueryset(model=Counter)
    if kind == "redis":
        import redis

        return RedisQueryset(redis.Redis.from_url(url), name="greenlets", model=Counter)
    import sqlalchemy

    return SQLQueryset(sqlalchemy.create_engine(url), model=Counter)


def increment(counters, successes):
    """Count one more, from what is read, until nobody came between."""
    while True:
        stored = counters.get("one")
        gevent.sleep(0)
        try:
            counters.update(Counter("one", stored.value.count + 1), if_version=stored.version)
        except VersionConflict:
            continue
        successes.append(1)
        return


def main(kind, url, greenlets, count):
    counters = make(kind, url)
    counters.create(Counter("one"))
    successes = []

    def work():
        for _ in range(count):
            increment(counters, successes)

    gevent.joinall([gevent.spawn(work) for _ in range(greenlets)], raise_error=True)
    print(counters.read_one("one").value.count, len(successes))
    if kind == "sql":
        counters.db_conn.dispose()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
