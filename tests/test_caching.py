"""Cache stores: one contract, in memory and in a real Redis."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis_server import running_redis

from brubeck_wsgi.caching import BaseCacheStore, MemoryCacheStore, RedisCacheStore, generate_session_id

LONG_AGO = 1_000_000_000.0


class Clock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.now = 2_000_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def redis_url():
    with running_redis() as url:
        yield url


@pytest.fixture
def redis_client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def store(request):
    """An empty store of each kind, by the real time."""
    if request.param == "memory":
        return MemoryCacheStore()
    return RedisCacheStore(request.getfixturevalue("redis_client"), prefix="test:")


# -- the contract


VALUES = ["take five", "", "café ☃", 5, -1.5, True, {"a": [1, {"b": None}]}, [], b"", b"\x00\xff", b'"text"']


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_loaded_equals_what_was_saved(store, value):
    store.save("key", value)

    loaded = store.load("key")

    assert (loaded, type(loaded)) == (value, type(value))


def test_value_is_none_where_nothing_was_saved(store):
    assert store.load("nowhere") is None


def test_value_that_is_loaded_is_nobody_elses(store):
    store.save("key", saved := {"list": []})
    saved["list"].append("after saving")
    store.load("key")["list"].append("after loading")

    assert store.load("key") == {"list": []}


def test_value_replaces_the_one_before(store):
    store.save("key", "one")
    store.save("key", "two")

    assert store.load("key") == "two"


def test_value_that_json_cannot_hold_is_refused_and_changes_nothing(store):
    store.save("key", "before")

    with pytest.raises(TypeError):
        store.save("key", object())

    assert store.load("key") == "before"


def test_deleted_value_is_gone(store):
    store.save("key", "value")
    store.delete("key")
    store.delete("nowhere")

    assert store.load("key") is None


def test_value_is_there_before_its_time_has_come(store):
    store.save("key", "value", expire=time.time() + 100)

    assert store.load("key") == "value"


@pytest.mark.parametrize("expire", [LONG_AGO, 0])
def test_value_whose_time_has_passed_deletes_the_one_before(store, expire):
    store.save("key", "before")
    store.save("key", "value", expire=expire)

    assert store.load("key") is None


def test_value_saved_without_a_time_has_lost_the_one_before(store):
    store.save("key", "value", expire=time.time() + 0.001)
    store.save("key", "value")
    wait_until(time.time() + 0.002)

    assert store.load("key") == "value"


def test_value_expires_at_a_part_of_a_second(store):
    store.save("key", "value", expire=(expire := time.time() + 0.01))
    wait_until(expire + 0.001)

    assert store.load("key") is None


def test_loading_may_move_the_time_of_a_value(store):
    store.save("key", "value", expire=time.time() + 100)

    loaded = store.load("key", expire=(expire := time.time() + 0.01))

    wait_until(expire + 0.001)
    assert (loaded, store.load("key")) == ("value", None)


def test_loading_with_a_time_that_has_passed_takes_the_value_away(store):
    store.save("key", "value")

    assert [store.load("key", expire=LONG_AGO), store.load("key")] == ["value", None]


def test_only_what_is_there_is_replaced(store):
    store.save("key", "before")

    assert store.replace("key", "after") is True
    assert store.replace("nowhere", "after") is False
    assert (store.load("key"), store.load("nowhere")) == ("after", None)


def test_replacing_by_what_has_expired_deletes(store):
    store.save("key", "before")

    assert store.replace("key", "after", expire=LONG_AGO) is True
    assert store.load("key") is None


def test_expired_values_are_deleted_and_the_others_kept(store):
    store.save("short", "value", expire=(expire := time.time() + 0.01))
    store.save("long", "value", expire=time.time() + 100)
    store.save("endless", "value")
    wait_until(expire + 0.001)

    store.delete_expired()

    assert [store.load(key) for key in ("short", "long", "endless")] == [None, "value", "value"]


def test_count_goes_up_by_one(store):
    assert [store.increment("count", 100) for _ in range(3)] == [1, 2, 3]
    assert store.load("count") == 3


def test_count_begins_anew_after_its_time(store):
    started = time.time()
    store.increment("count", 0.01)
    wait_until(started + 0.02)

    assert store.increment("count", 100) == 1


def test_count_begins_anew_when_it_is_deleted(store):
    store.increment("count", 100)
    store.delete("count")

    assert store.increment("count", 100) == 1


def test_counting_at_the_same_time_loses_nothing(store):
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: store.increment("count", 100), range(200)))

    assert sorted(counts) == list(range(1, 201))


def test_session_ids_are_long_and_never_the_same(store):
    ids = {store.generate_session_id() for _ in range(100)} | {generate_session_id()}

    assert len(ids) == 101
    assert {len(one) for one in ids} == {64}


def wait_until(moment):
    """Wait until the real time, which a real Redis goes by, is *moment*; a few milliseconds."""
    while (left := moment - time.time()) > 0:
        time.sleep(left)


# -- in memory


def test_base_store_of_brubeck_is_the_one_in_memory():
    assert BaseCacheStore is MemoryCacheStore


def test_memory_goes_by_the_clock_it_was_given():
    store = MemoryCacheStore(clock=(clock := Clock()))
    store.save("key", "value", expire=clock.now + 10)

    clock.now += 9.999
    assert store.load("key") == "value"
    clock.now += 0.001
    assert store.load("key") is None


def test_count_in_memory_is_forgotten_when_its_first_said():
    store = MemoryCacheStore(clock=(clock := Clock()))
    store.increment("count", 10)
    clock.now += 9
    assert store.increment("count", 10) == 2

    clock.now += 1

    assert store.increment("count", 10) == 1


@pytest.mark.parametrize("free", [lambda store: store.load("key"), lambda store: store.delete_expired()])
def test_memory_of_what_has_expired_is_freed(free):
    store = MemoryCacheStore(clock=(clock := Clock()))
    store.save("key", "value", expire=clock.now + 10)
    clock.now += 10

    free(store)

    assert len(store) == 0


def test_full_memory_forgets_what_was_not_used_for_longest():
    store = MemoryCacheStore(max_bytes=10_000)
    for key in "abc":
        store.save(key, b"x" * 2_900)
    store.load("a")

    store.save("d", b"x" * 2_900)

    assert [key for key in "abcd" if store.load(key) is not None] == ["a", "c", "d"]


def test_memory_stays_within_its_bound_however_it_is_used():
    store = MemoryCacheStore(max_bytes=10_000)
    for number in range(2_000):
        store.save(f"key {number}", {"number": number})
        store.save("one", b"x" * (number % 5_000))
        store.increment(f"count {number % 7}", 100)

    assert 0 < len(store) <= 10_000 // 256


def test_value_larger_than_the_memory_is_refused_and_nothing_else_forgotten():
    store = MemoryCacheStore(max_bytes=10_000)
    store.save("small", "value")

    with pytest.raises(ValueError, match="expected a value that takes at most 10000 bytes, 'large' takes 10"):
        store.save("large", b"x" * 10_000)

    assert store.load("small") == "value"


# -- in Redis


@pytest.mark.redis
def test_prefix_keeps_applications_of_one_redis_apart(redis_client):
    one, two = (RedisCacheStore(redis_client, prefix=prefix) for prefix in ("one:", "two:"))
    one.save("key", "value")
    two.increment("key", 100)

    assert (one.load("key"), two.load("key")) == ("value", 1)
    assert sorted(redis_client.keys()) == [b"one:key", b"two:key"]


@pytest.mark.redis
@pytest.mark.parametrize("data", [b"plain text", b"\xff\x00", b"\x80\x04}\x94.", b'"\xff"', b"[" * 100_000])
def test_what_something_else_has_put_into_redis_is_not_there(redis_client, data):
    redis_client.set("key", data)

    assert RedisCacheStore(redis_client).load("key") is None


@pytest.mark.redis
def test_client_that_decodes_answers_will_do_for_text(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        store = RedisCacheStore(client)
        store.save("key", {"name": "café"})

        assert store.load("key") == {"name": "café"}


@pytest.mark.redis
def test_redis_expires_what_it_has_by_the_clock_of_the_store(redis_client):
    store = RedisCacheStore(redis_client, clock=(clock := Clock()))

    store.save("key", "value", expire=clock.now + 10)

    assert 0 < redis_client.pttl("key") <= 10_000


@pytest.mark.redis
def test_count_in_redis_is_forgotten_when_its_first_said(redis_client):
    store = RedisCacheStore(redis_client)

    store.increment("count", 10)
    store.increment("count", 100)

    assert 0 < redis_client.pttl("count") <= 10_000
