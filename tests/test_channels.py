"""Channels: one contract, in one process, between two over ZeroMQ, and between two through Redis.

tests/test_channels_hubs.py runs this file once more under gevent and under eventlet.
"""

from __future__ import annotations

import math
from contextlib import ExitStack

import pytest
from channel_makers import PATIENCE_SECONDS, memory_pair, redis_pair, wait_until, zmq_pair
from redis_server import running_redis

from brubeck_wsgi import Brubeck, ConfigurationError, ValidationError
from brubeck_wsgi.channels import MemoryChannels, PresenceChange, SlowSubscriber, SubscriptionClosed
from brubeck_wsgi.concurrency import TaskGroup, sleep, spawn

KINDS = ["memory", "zmq", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture(scope="module")
def redis_url():
    with running_redis() as url:
        yield url


@pytest.fixture(params=KINDS)
def make(request, tmp_path):
    """Makes a pair of channels, with options."""
    with ExitStack() as stack:

        def make_pair(**options):
            if request.param == "memory":
                return stack.enter_context(memory_pair(**options))
            if request.param == "zmq":
                return stack.enter_context(zmq_pair(tmp_path / "sockets", **options))
            return stack.enter_context(redis_pair(request.getfixturevalue("redis_url"), **options))

        make_pair.kind = request.param
        yield make_pair


@pytest.fixture
def pair(make):
    """Two processes' channels, as it were: the one that speaks, and the one that listens."""
    return make()


def short(value):
    return repr(value)[:9]


def receive(subscription, count):
    return [subscription.receive(PATIENCE_SECONDS) for _ in range(count)]


def data_of(messages):
    return [message.data for message in messages]


def await_history(channels, name, count):
    """Wait until *channels* knows of so many messages; each process has its own history over ZeroMQ."""
    wait_until(lambda: len(channels.history(name)) >= count, f"history of {count}")


# -- messages


@pytest.mark.parametrize(
    "data", ["take five", "", "café ☃\u2028", 5, -1.5, True, None, {"a": [1, {"b": None}]}, []], ids=repr
)
def test_message_arrives_as_it_was_published(pair, data):
    speaker, listener = pair
    with listener.subscribe("news") as subscription:
        speaker.publish("news", data)

        message = subscription.receive(PATIENCE_SECONDS)

    assert (message.channel, message.data) == ("news", data)


def test_message_has_the_id_that_its_publisher_got(pair):
    speaker, listener = pair
    with listener.subscribe("news") as here, speaker.subscribe("news") as there:
        known = speaker.publish("news", 1)

        assert here.receive(PATIENCE_SECONDS).id == there.receive(PATIENCE_SECONDS).id == known


def test_messages_of_a_publisher_arrive_in_order(pair):
    speaker, listener = pair
    with listener.subscribe("news") as subscription:
        for number in range(300):
            speaker.publish("news", number)

        assert data_of(receive(subscription, 300)) == list(range(300))


def test_both_sides_hear_both(pair):
    with pair[0].subscribe("news") as first, pair[1].subscribe("news") as second:
        pair[0].publish("news", "a")
        pair[1].publish("news", "b")

        assert sorted(data_of(receive(first, 2))) == sorted(data_of(receive(second, 2))) == ["a", "b"]


def test_message_goes_to_its_channel_only(pair):
    speaker, listener = pair
    with listener.subscribe("news") as subscription:
        speaker.publish("sports", 1)
        speaker.publish("news", 2)

        assert subscription.receive(PATIENCE_SECONDS).data == 2


def test_receiver_may_change_what_it_got(pair):
    speaker, listener = pair
    with listener.subscribe("news") as first, listener.subscribe("news") as second:
        speaker.publish("news", {"list": []})

        first.receive(PATIENCE_SECONDS).data["list"].append(1)

        assert second.receive(PATIENCE_SECONDS).data == {"list": []}


def test_who_listens_later_does_not_hear_what_was_before(pair):
    speaker, listener = pair
    speaker.publish("news", 1)
    await_history(listener, "news", 1)

    with listener.subscribe("news") as subscription:
        speaker.publish("news", 2)

        assert subscription.receive(PATIENCE_SECONDS).data == 2


def test_receiving_is_over_in_time(pair):
    with pair[1].subscribe("news") as subscription, pytest.raises(TimeoutError):
        subscription.receive(0.01)


def test_loop_over_a_subscription_ends_when_it_is_closed(pair):
    speaker, listener = pair
    subscription = listener.subscribe("news")
    heard = []

    def listen():
        for message in subscription:
            heard.append(message.data)

    task = spawn(listen)
    speaker.publish("news", 1)
    wait_until(lambda: heard == [1], "message")
    subscription.close()

    assert task.join(PATIENCE_SECONDS)
    assert task.error is None
    with pytest.raises(SubscriptionClosed):
        subscription.receive(0)


def test_closing_channels_ends_their_subscriptions(pair):
    subscription = pair[1].subscribe("news")
    task = spawn(list, subscription)

    pair[1].close()

    assert task.result(PATIENCE_SECONDS) == []


def test_channels_can_be_used_again_after_they_were_closed(pair):
    pair[0].close()

    with pair[0].subscribe("news") as subscription:
        pair[0].publish("news", 1)

        assert subscription.receive(PATIENCE_SECONDS).data == 1


# -- slow receivers


def test_slow_receiver_gets_the_newest_where_the_oldest_are_dropped(pair):
    speaker, listener = pair
    with listener.subscribe("news", limit=3) as slow, listener.subscribe("news") as fast:
        for number in range(10):
            speaker.publish("news", number)

        assert data_of(receive(fast, 10)) == list(range(10))
        assert data_of(receive(slow, 3)) == [7, 8, 9]
        assert (slow.dropped, slow.is_complete, fast.dropped, fast.is_complete) == (7, False, 0, True)


def test_slow_receiver_gets_the_oldest_where_the_newest_are_dropped(pair):
    speaker, listener = pair
    with listener.subscribe("news", limit=3, overflow="drop_newest") as slow, listener.subscribe("news") as fast:
        for number in range(10):
            speaker.publish("news", number)
        receive(fast, 10)

        assert data_of(receive(slow, 3)) == [0, 1, 2]
        assert slow.dropped == 7


@pytest.mark.parametrize(
    ("overflow", "kept", "dropped"),
    [("drop_oldest", ["c", "d", "e"], 2), ("drop_newest", ["a", "b", "c"], 2), ("disconnect", ["a", "b", "c"], 0)],
)
def test_what_waits_for_a_slow_receiver_has_a_size_too(pair, overflow, kept, dropped):
    speaker, listener = pair
    with (
        listener.subscribe("news", limit_bytes=3 * 102, overflow=overflow) as slow,
        listener.subscribe("news") as fast,
    ):
        for letter in "abcde":
            speaker.publish("news", letter * 100)
        receive(fast, 5)

        assert data_of(receive(slow, 3)) == [letter * 100 for letter in kept]
        assert (slow.dropped, slow.is_complete) == (dropped, False)
        speaker.publish("news", "later")
        receive(fast, 1)
        if overflow != "disconnect":
            assert data_of(receive(slow, 1)) == ["later"]


def test_one_message_may_wait_however_long_it_is(pair):
    speaker, listener = pair
    with listener.subscribe("news", limit_bytes=10) as subscription:
        speaker.publish("news", "x" * 100)

        assert data_of(receive(subscription, 1)) == ["x" * 100]


def test_slow_receiver_is_told_to_begin_again_where_it_is_disconnected(pair):
    speaker, listener = pair
    with listener.subscribe("news", limit=3, overflow="disconnect") as slow, listener.subscribe("news") as fast:
        for number in range(10):
            speaker.publish("news", number)
        receive(fast, 10)

        assert data_of(receive(slow, 3)) == [0, 1, 2]
        with pytest.raises(SlowSubscriber):
            slow.receive(PATIENCE_SECONDS)
        position = slow.position
    with listener.subscribe("news", after=position) as again:
        assert data_of(receive(again, 7)) == [3, 4, 5, 6, 7, 8, 9]
        assert again.is_complete


# -- history


def test_receiver_that_comes_back_misses_nothing(pair):
    speaker, listener = pair
    with listener.subscribe("news") as subscription:
        speaker.publish("news", 1)
        position = subscription.receive(PATIENCE_SECONDS).position
    speaker.publish("news", 2)
    speaker.publish("news", 3)

    with listener.subscribe("news", after=position) as subscription:
        speaker.publish("news", 4)

        assert data_of(receive(subscription, 3)) == [2, 3, 4]
        assert subscription.is_complete


def test_receiver_may_come_back_to_another_process(pair):
    with pair[0].subscribe("news") as subscription:
        for number in range(3):
            pair[0].publish("news", number)
        pair[1].publish("news", 3)
        seen = receive(subscription, 2)
    pair[1].publish("news", 4)
    await_history(pair[1], "news", 5)

    with pair[1].subscribe("news", after=seen[-1].position) as subscription:
        rest = data_of(receive(subscription, 3))

    assert sorted(data_of(seen) + rest) == [0, 1, 2, 3, 4]
    assert subscription.is_complete


def test_receiver_may_come_back_without_having_received_anything(pair):
    speaker, listener = pair
    speaker.publish("news", 1)
    await_history(listener, "news", 1)
    with listener.subscribe("news") as subscription:
        position = subscription.position
    speaker.publish("news", 2)

    with listener.subscribe("news", after=position) as subscription:
        assert data_of(receive(subscription, 1)) == [2]


def test_id_of_a_message_is_a_place_to_begin_too(pair):
    speaker, listener = pair
    known = speaker.publish("news", 1)
    speaker.publish("news", 2)

    with listener.subscribe("news", after=known) as subscription:
        assert data_of(receive(subscription, 1)) == [2]


def test_one_position_is_for_several_channels(pair):
    speaker, listener = pair
    names = "news", "a=b&c", "sports"
    with listener.subscribe(*names) as subscription:
        for name in names:
            speaker.publish(name, 1)
        position = receive(subscription, 3)[-1].position
    for name in names:
        speaker.publish(name, 2)

    with listener.subscribe(*names, after=position) as subscription:
        again = receive(subscription, 3)

    assert {message.channel: message.data for message in again} == dict.fromkeys(names, 2)
    assert "\n" not in position
    assert position.isascii()


def test_each_channel_may_have_a_position_of_its_own(pair):
    speaker, listener = pair
    known = speaker.publish("news", 1)
    speaker.publish("news", 2)
    await_history(listener, "news", 2)

    with listener.subscribe("news", "sports", after={"news": known, "sports": None}) as subscription:
        speaker.publish("sports", 3)

        assert data_of(receive(subscription, 2)) == [2, 3]


@pytest.mark.parametrize(
    "after", ["", "junk", "999-0x", "\x00", "a=b", "1" * 20000, "17.zz.1", "0.a"], ids=lambda after: repr(after)[:9]
)
def test_position_that_nobody_knows_is_told_and_replays_all(pair, after):
    speaker, listener = pair
    speaker.publish("news", 1)
    await_history(listener, "news", 1)

    with listener.subscribe("news", after=after) as subscription:
        assert data_of(receive(subscription, 1)) == [1]
        assert not subscription.is_complete


def test_history_is_read_without_waiting(pair):
    speaker, listener = pair
    for number in range(5):
        speaker.publish("news", number)
    await_history(listener, "news", 5)

    whole, newest = listener.history("news"), listener.history("news", limit=2)
    rest = listener.history("news", after=whole[2].position)

    assert (data_of(whole), data_of(newest), data_of(rest)) == ([0, 1, 2, 3, 4], [3, 4], [3, 4])
    assert (whole.is_complete, newest.is_complete, rest.is_complete) == (True, False, True)
    assert list(listener.history("nothing")) == []


def test_history_keeps_as_many_messages_as_it_is_told_to(make):
    speaker, listener = make(history=3)
    for number in range(10):
        speaker.publish("news", number)
    wait_until(lambda: data_of(listener.history("news"))[-1:] == [9], "last message")

    assert data_of(listener.history("news")) == [7, 8, 9]
    assert not listener.history("news").is_complete


# -- long polls


def test_long_poll_returns_at_once_what_has_come_already(pair):
    speaker, listener = pair
    known = speaker.publish("news", 1)
    speaker.publish("news", 2)
    speaker.publish("news", 3)
    await_history(listener, "news", 3)

    batch = listener["news"].wait(after=known, timeout=PATIENCE_SECONDS)

    assert data_of(batch) == [2, 3]
    assert batch.position == batch[-1].position


def test_long_poll_waits_for_what_comes(pair):
    speaker, listener = pair
    poll = spawn(listener["news"].wait, listener["news"].history().position, PATIENCE_SECONDS)
    sleep(0.02)  # it is right however long that is: it should wait meanwhile
    speaker["news"].publish(1)

    assert data_of(poll.result(PATIENCE_SECONDS)) == [1]


def test_long_polls_one_after_the_other_miss_nothing(pair):
    speaker, listener = pair
    heard = []
    position = listener.wait("news", timeout=0.01).position

    def poll():
        nonlocal position
        while len(heard) < 50:
            batch = listener.wait("news", after=position, timeout=PATIENCE_SECONDS, limit=7)
            heard.extend(data_of(batch))
            position = batch.position

    with TaskGroup() as group:
        group.spawn(poll)
        for number in range(50):
            speaker.publish("news", number)
            sleep(0)

    assert heard == list(range(50))


def test_long_poll_for_which_nothing_comes_is_empty_and_tells_where_to_go_on(pair):
    speaker, listener = pair
    batch = listener.wait("news", timeout=0.01)
    speaker.publish("news", 1)

    assert list(batch) == []
    assert data_of(listener.wait("news", after=batch.position, timeout=PATIENCE_SECONDS)) == [1]


# -- presence


def test_member_is_present_while_the_block_runs(pair):
    speaker, listener = pair
    with speaker.present("room", "ann", {"color": "red"}):
        wait_until(lambda: listener.members("room") == {"ann": {"color": "red"}}, "member")
        assert listener.members("hall") == {}

    wait_until(lambda: listener.members("room") == {}, "end of the member")


def test_member_that_is_in_twice_leaves_once(pair):
    speaker, listener = pair
    with speaker.present("room", "ann"):
        with speaker.present("room", "ann"), listener.present("room", "ann"):
            wait_until(lambda: listener.members("room") == {"ann": None}, "member")
        speaker.publish("room", 1)
        await_history(listener, "room", 1)
        assert listener.members("room") == speaker["room"].members() == {"ann": None}

    wait_until(lambda: listener["room"].members() == {}, "end of the member")


def test_changes_of_presence_are_received_by_who_wants_them(pair):
    speaker, listener = pair
    with listener.subscribe("room", presence=True) as watching, listener.subscribe("room") as other:
        with speaker["room"].present("ann", 5):
            came = watching.receive(PATIENCE_SECONDS)
        left = watching.receive(PATIENCE_SECONDS)
        speaker.publish("room", "hello")

        assert other.receive(PATIENCE_SECONDS).data == "hello"
        assert [type(came), type(left)] == [PresenceChange] * 2
        assert came.data == {"member": "ann", "info": 5, "is_present": True}
        assert (left.channel, left.member, left.is_present) == ("room", "ann", False)


def test_member_leaves_when_its_block_fails(pair):
    with pytest.raises(ZeroDivisionError), pair[0].present("room", "ann"):
        raise ZeroDivisionError

    wait_until(lambda: pair[1].members("room") == {}, "end of the member")


# -- what is refused

BAD_NAMES = ["", "a\nb", "x" * 201, None, 5, b"news"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=short)
def test_what_can_be_no_name_is_refused_everywhere(name):
    channels = MemoryChannels()

    for use in (channels.publish, channels.subscribe, channels.history, channels.wait, channels.channel):
        with pytest.raises(ValidationError):
            use(*[name, 1][: 2 if use == channels.publish else 1])


@pytest.mark.parametrize(
    "data", [object(), b"\xff" * 2000, "x" * 1000, {1j: 1}, "\ud800"], ids=lambda data: repr(data)[:9]
)
def test_what_is_no_json_or_too_long_is_not_published(data):
    with pytest.raises(ValidationError):
        MemoryChannels(max_message_bytes=1000).publish("news", data)


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit_bytes": 0}, {"overflow": "wait"}], ids=repr)
def test_subscription_that_cannot_be_is_refused(options):
    with pytest.raises(ValidationError):
        MemoryChannels().subscribe("news", **options)


def test_subscription_needs_a_channel():
    with pytest.raises(ValidationError):
        MemoryChannels().subscribe()


@pytest.mark.parametrize("member", ["", None, 5, "x" * 201, "\ud800"], ids=ascii)
def test_what_can_be_no_member_is_refused(pair, member):
    with pytest.raises(ValidationError), pair[0].present("room", member):
        pass

    assert pair[0].members("room") == {}


@pytest.mark.parametrize(
    "options", [{"history": -1}, {"history": "5"}, {"history_seconds": math.nan}, {"max_channels": 0}], ids=repr
)
def test_option_that_cannot_be_is_refused(options):
    with pytest.raises(ConfigurationError):
        MemoryChannels(**options)


# -- in an application


def test_application_has_channels_of_its_own():
    assert Brubeck().channels is not Brubeck().channels


def test_application_makes_its_channels_once():
    app = Brubeck()

    assert app.channels is app.channels


def test_application_has_the_channels_that_it_is_given():
    channels = MemoryChannels()

    assert Brubeck(channels=channels).channels is channels
