"""Channels through Redis: what is kept there, and what happens when it goes away."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest
import redis
from channel_makers import PATIENCE_SECONDS, wait_until
from redis_server import running_redis
from servers import free_port

from brubeck_wsgi.channels import RedisChannels
from brubeck_wsgi.channels.messages import Record
from brubeck_wsgi.channels.streams import StreamCursor, Streams, parse_id
from brubeck_wsgi.concurrency import map_tasks

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def redis_url():
    with running_redis() as url:
        yield url


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def channels(client):
    channels = RedisChannels(client)
    yield channels
    channels.close()


def data_of(messages):
    return [message.data for message in messages]


def receive(subscription, count):
    return [subscription.receive(PATIENCE_SECONDS) for _ in range(count)]


CLIENTS = [{"decode_responses": True}, {"protocol": 3}, {"protocol": 2}, {"socket_timeout": 0.2}]


@pytest.mark.parametrize("options", CLIENTS, ids=repr)
def test_client_may_be_set_up_in_other_ways(redis_url, client, options):
    with redis.Redis.from_url(redis_url, **options) as other:
        channels = RedisChannels(other)
        with channels.present("news", "ann", {"color": "red"}), channels.subscribe("news") as subscription:
            first = channels.publish("news", ["é", 1])
            channels.publish("news", 2)

            assert data_of(receive(subscription, 2)) == [["é", 1], 2]
            assert data_of(channels.history("news", after=first)) == [2]
            assert channels.members("news") == {"ann": {"color": "red"}}
        channels.close()


def test_stream_is_kept_no_longer_than_its_messages(client):
    channels = RedisChannels(client, prefix="app:", history_seconds=60)
    channels.publish("news", 1)

    assert 0 < client.pttl("app:channel:news") <= 60_000
    assert client.keys("app:*") == [b"app:channel:news"]


def test_stream_is_cut(client):
    channels = RedisChannels(client, history=10)
    for number in range(2500):
        channels.publish("news", number)

    assert client.xlen("brubeck:channel:news") < 1500
    assert data_of(channels.history("news")) == list(range(2490, 2500))


def test_what_comes_at_once_to_who_comes_back_has_a_size(client, channels):
    for number in range(250):
        channels.publish("news", f"{number:0100}")

    with channels.subscribe("news", after="0", limit_bytes=200 * 102) as subscription:
        assert [int(message.data) for message in receive(subscription, 200)] == list(range(50, 250))
        assert not subscription.is_complete
    with channels.subscribe("news", after="0") as subscription:
        assert [int(message.data) for message in receive(subscription, 250)] == list(range(250))
        assert subscription.is_complete


def test_history_that_does_not_reach_back_says_so(client, channels):
    first = channels.publish("news", 1)
    second = channels.publish("news", 2)
    channels.publish("news", 3)
    client.xtrim("brubeck:channel:news", minid=channels.publish("news", 4), approximate=False)

    for after in (first, second):
        with channels.subscribe("news", after=after) as subscription:
            assert data_of(receive(subscription, 1)) == [4]
            assert not subscription.is_complete


@pytest.mark.parametrize("decode", [False, True])
def test_position_before_the_first_message_reaches_it_while_nothing_is_cut(redis_url, client, decode):
    with redis.Redis.from_url(redis_url, decode_responses=decode) as other:
        channels = RedisChannels(other)
        with channels.subscribe("news") as subscription:
            position = subscription.position
        channels.publish("news", 1)

        assert channels.history("news", after=position).is_complete
        client.xtrim("brubeck:channel:news", maxlen=0, approximate=False)
        channels.publish("news", 2)
        assert not channels.history("news", after=position).is_complete
        channels.close()


def test_nothing_is_lost_or_doubled_while_receivers_come_and_go(channels):
    published = []
    is_over = threading.Event()

    def publish():
        while not is_over.is_set():
            channels.publish("news", len(published))
            published.append(len(published))

    thread = threading.Thread(target=publish)
    thread.start()
    heard, position = [], "0"
    try:
        while len(heard) < 500:
            with channels.subscribe("news", after=position) as subscription:
                messages = receive(subscription, 20)
                heard += data_of(messages)
                position = messages[-1].position
    finally:
        is_over.set()
        thread.join()

    assert heard == published[: len(heard)]


@pytest.mark.parametrize("stream_id", ["*", "5-1"], ids=["later", "by a clock that was put back"])
def test_receiver_hears_again_when_redis_is_back(caplog, stream_id):
    port = free_port()
    with running_redis(port) as url:
        client = redis.Redis.from_url(url)
        channels = RedisChannels(client)
        subscription = channels.subscribe("news")
        channels.publish("news", "before")
        assert data_of(receive(subscription, 1)) == ["before"]
    wait_until(lambda: "Redis is away" in caplog.text, "sign that Redis is away")

    with running_redis(port), redis.Redis.from_url(url) as other:
        other.xadd("brubeck:channel:news", {"json": '"after"'}, id=stream_id)

        assert data_of(receive(subscription, 1)) == ["after"]
        channels.close()
        client.close()


def test_crowd_that_comes_at_once_gets_along_with_few_connections(redis_url, client):
    with redis.Redis.from_url(redis_url, max_connections=4) as small:
        channels = RedisChannels(small)
        known = channels.publish("news", 0)
        channels.publish("news", 1)

        batches = map_tasks(lambda _: channels.wait("news", after=known, timeout=PATIENCE_SECONDS), range(100), 50)

        assert [data_of(batch) for batch in batches] == [[1]] * 100
        channels.close()


def test_publisher_is_told_that_redis_is_away():
    client = redis.Redis(port=free_port(), retry=None)

    with pytest.raises(redis.ConnectionError):
        RedisChannels(client).publish("news", 1)


def test_members_of_a_process_that_says_nothing_are_gone(client):
    living, dead = RedisChannels(client, presence_seconds=0.5), RedisChannels(client, presence_seconds=0.5)
    with living.present("room", "ann"), living.subscribe("room", presence=True) as subscription:
        block = dead.present("room", "bob")
        block.__enter__()
        came = subscription.receive(PATIENCE_SECONDS)
        dead._is_closed.set()  # it beats no more, as if it had been killed

        left = subscription.receive(PATIENCE_SECONDS)

        assert (came.member, left.member, left.is_present) == ("bob", "bob", False)
        assert living.members("room") == {"ann": None}
        assert client.hlen("brubeck:members:room") == 1
    living.close()
    dead.close()


def test_member_that_left_while_redis_was_away_is_gone_when_it_is_back(client, monkeypatch):
    channels = RedisChannels(client, presence_seconds=0.3)
    leave = channels._presence.leave
    failures = [redis.ConnectionError("away")] * 2

    def leave_or_fail(gone):
        if failures:
            raise failures.pop()
        leave(gone)

    monkeypatch.setattr(channels._presence, "leave", leave_or_fail)
    with channels.present("room", "ann"):
        assert channels.members("room") == {"ann": None}

    wait_until(lambda: channels.members("room") == {}, "end of the member")
    assert failures == []
    channels.close()


def test_presence_comes_back_when_redis_has_lost_it(client):
    channels = RedisChannels(client, presence_seconds=0.5)
    with channels.present("room", "ann"):
        client.flushdb()

        wait_until(lambda: channels.members("room") == {"ann": None}, "member")
    channels.close()


def test_keys_are_kept_apart_by_their_prefix(client):
    one, other = RedisChannels(client, "one:"), RedisChannels(client, "other:")
    one.publish("news", 1)

    assert (len(one.history("news")), len(other.history("news"))) == (1, 0)


@pytest.mark.parametrize("text", ["", "0", "1-", "-1", "1-1-1", "a-b", "１-１", "1-1\n", f"{10**18}-0"])
def test_what_is_no_id_of_a_stream_is_known(text):
    assert parse_id(text) is None


def test_cursor_leaves_out_what_the_receiver_has_had():
    cursor = StreamCursor("5-1")

    numbers = "5-0", "5-1", "5-2", "5-2", "10-0", "9-0"
    taken = [cursor.take(Record("news", number, b"1", number)) for number in numbers]

    assert taken == [None, None, "5-2", None, "10-0", None]


def test_redis_before_version_7_which_counts_nothing_is_believed_while_nothing_can_be_cut(client):
    class OldClient(redis.Redis):
        def xinfo_stream(self, key):
            facts = super().xinfo_stream(key)
            return {name: value for name, value in facts.items() if name != "entries-added"}

    with OldClient(connection_pool=client.connection_pool) as old:
        streams = Streams(old, "old:", 2, 60, nullcontext())
        streams.add("news", b"1")
        assert streams.reaches("news", "0-0")
