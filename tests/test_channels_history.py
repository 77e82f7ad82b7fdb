"""What channels stand on: positions, the history of a process, and the order of what a peer says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from brubeck_wsgi.channels import MemoryChannels
from brubeck_wsgi.channels.frames import BEAT, MESSAGE, Answer, Ask, Happening, Kept
from brubeck_wsgi.channels.logs import Archive, Bounds, Entry
from brubeck_wsgi.channels.peers import Peer
from brubeck_wsgi.channels.positions import MOST_PUBLISHERS, Position, join_positions, message_id, split_positions

NOW = 2_000_000_000.0

tokens = some.text("0123456789abcdef", min_size=8, max_size=8)
numbers = some.integers(0, 2**50)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def archive(messages=100, seconds=3600.0, channels=100, bytes=10**6, clock=None):
    return Archive(Bounds(messages, seconds, channels, bytes), clock or Clock())


def entry(number, publisher="aaaaaaaa", channel="news", stamp=None):
    return Entry(channel, b"%d" % number, publisher, number, int(NOW * 1000) + number if stamp is None else stamp)


def numbers_after(log, position, channel="news"):
    entries, is_complete = log.after(channel, None if position is None else Position.parse(position))
    return [entry.number for entry in entries], is_complete


# -- positions


@given(numbers, some.dictionaries(tokens, numbers, max_size=5))
def test_position_reads_as_it_was_written(floor, seen):
    position = Position.parse(str(Position(floor, seen)))

    assert (position.floor, position.seen) == (floor, seen)


@given(some.text(max_size=30))
def test_any_text_is_a_position_or_none(text):
    position = Position.parse(text)

    assert position is None or Position.parse(str(position)).seen == position.seen


@given(some.dictionaries(some.text(min_size=1, max_size=20), some.text(max_size=20), min_size=2, max_size=5))
def test_positions_of_several_channels_are_one_line_and_come_apart_again(positions):
    joined = join_positions(positions)

    assert split_positions(joined, positions) == positions
    assert joined.isascii()
    assert joined.isprintable()


def test_id_of_a_message_covers_it_and_what_was_before():
    position = Position.parse(message_id("aaaaaaaa", 5, 1000))

    assert position.covers("aaaaaaaa", 5, 1000)
    assert not position.covers("aaaaaaaa", 6, 1000)
    assert position.covers("bbbbbbbb", 9, 999)
    assert not position.covers("bbbbbbbb", 9, 1001)


def test_position_does_not_grow_with_its_publishers():
    log = archive()
    for number in range(10 * MOST_PUBLISHERS):
        log.add(entry(1, f"{number:08x}", stamp=int(NOW * 1000) + number))

    position = Position.parse(log.position("news"))

    assert len(position.seen) == MOST_PUBLISHERS
    assert numbers_after(log, str(position)) == ([], True)


# -- history


def test_what_came_after_a_position_is_in_order_and_complete():
    log = archive()
    positions = []
    for number in range(1, 6):
        log.add(entry(number))
        positions.append(log.position("news"))

    assert numbers_after(log, positions[1]) == ([3, 4, 5], True)
    assert numbers_after(log, positions[4]) == ([], True)


def test_history_that_does_not_reach_back_says_so():
    log = archive(messages=2)
    positions = []
    for number in range(1, 6):
        log.add(entry(number))
        positions.append(log.position("news"))

    assert numbers_after(log, positions[2]) == ([4, 5], True)
    assert numbers_after(log, positions[1]) == ([4, 5], False)


def test_history_forgets_what_is_too_old():
    clock = Clock()
    log = archive(seconds=60, clock=clock)
    log.add(entry(1))
    position = log.position("news")
    log.add(entry(2))

    clock.now += 61

    assert numbers_after(log, position) == ([], False)
    assert numbers_after(log, log.position("news")) == ([], True)


def test_history_of_the_channel_not_written_to_for_longest_is_forgotten_first():
    log = archive(channels=2)
    for number, name in enumerate(("a", "b", "a", "c"), 1):
        log.add(entry(number, channel=name))

    assert [bool(log.after(name, None)[0]) for name in "abc"] == [True, False, True]
    assert numbers_after(log, "0", "b") == ([], False)


def test_history_takes_no_more_room_than_it_may():
    log = archive(bytes=5000)
    for number in range(1, 101):
        log.add(entry(number, channel=f"{number % 7}"))

    assert sum(entry.size for entry in log.entries()) <= 5000
    assert log.entries()[-1].number == 100


def test_position_of_a_publisher_that_nobody_has_heard_is_not_complete():
    log = archive()
    log.add(entry(1))

    assert numbers_after(log, message_id("bbbbbbbb", 1, int(NOW * 1000))) == ([1], False)


def test_receiver_has_nothing_twice_when_it_changes_to_a_process_that_has_heard_in_another_order():
    first, second = archive(), archive()
    one, other = entry(1, stamp=int(NOW * 1000) + 1), entry(1, "bbbbbbbb", stamp=int(NOW * 1000))
    for log, order in ((first, (one, other)), (second, (other, one))):
        for each in order:
            log.add(Entry(each.channel, each.json, each.publisher, each.number, each.stamp))
    after_one = first.entries(["aaaaaaaa"])[0].position

    entries, is_complete = second.after("news", Position.parse(after_one))

    assert [entry.publisher for entry in entries] == ["bbbbbbbb"]
    assert is_complete


def test_clock_that_goes_back_does_not_turn_the_order_around():
    clock = Clock()
    channels = MemoryChannels(clock=clock)
    first = channels.publish("news", 1)
    clock.now -= 60
    channels.publish("news", 2)

    assert [message.data for message in channels.history("news", after=first)] == [2]


# -- what a peer says


def happening(number, kind=MESSAGE):
    return Happening(kind, "aaaaaaaa", number, 1000 + number, "news", json=b"%d" % number)


@pytest.fixture
def peer():
    """A peer that has said what there was before, up to number 2."""
    peer = Peer("aaaaaaaa", 0.0)
    peer.add(Answer("aaaaaaaa", 2, True, []))
    peer.settle()
    return peer


def test_happenings_in_order_are_handed_on_at_once(peer):
    assert [peer.take(happening(number), False).number for number in (3, 4)] == [3, 4]
    assert not peer.has_gap


def test_happening_that_was_heard_is_left_out(peer):
    assert peer.take(happening(2), False) is None
    assert not peer.has_gap


def test_happening_behind_a_gap_is_held_back_until_the_answer_is_there(peer):
    assert [peer.take(happening(number), False) for number in (4, 5)] == [None, None]
    assert peer.has_gap

    peer.add(Answer("aaaaaaaa", 3, True, [Kept("news", b"3", "aaaaaaaa", 3, 1003)]))
    _, kept = peer.settle()

    assert [one.number for one in kept] == [3]
    assert [released.number for released in peer.release()] == [4, 5]
    assert not peer.has_gap


def test_what_is_held_back_fills_an_answer_that_does_not_keep_it(peer):
    for number in (4, 5):
        peer.take(happening(number), False)

    peer.add(Answer("aaaaaaaa", 5, True, [Kept("news", b"3", "aaaaaaaa", 3, 1003)]))
    _, kept = peer.settle()

    assert [one.number for one in kept] == [3, 4, 5]


def test_beat_with_a_higher_number_shows_that_the_last_happening_is_missing(peer):
    assert peer.take(happening(2, BEAT), False) is None
    assert not peer.has_gap

    peer.take(happening(3, BEAT), False)

    assert peer.has_gap


def test_peer_that_cannot_answer_is_followed_again_from_where_it_is(peer):
    peer.take(happening(9), False)

    assert [released.number for released in peer.release(is_giving_up=True)] == [9]
    assert peer.take(happening(10), False).number == 10


@given(some.binary(max_size=60))
def test_any_topic_is_an_ask_or_none(topic):
    ask = Ask.parse(topic)

    assert ask is None or Ask.parse(ask.topic()) == ask
