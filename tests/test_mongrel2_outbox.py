"""How pieces become messages: few enough for Mongrel2, soon enough for the client."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.mongrel2.outbox import (
    INTERVAL_SECONDS,
    LARGEST_BULK,
    LARGEST_REGULATED_BULK,
    SMALLEST_BULK,
    Flusher,
    Outbox,
)
from brubeck_wsgi.mongrel2.window import Window

MOST_WAITING = 16


class Time:
    """A clock, and a scheduler that runs what was spawned as the clock goes on."""

    def __init__(self):
        self.now = 100.0
        self.spawned = []

    def __call__(self):
        return self.now

    def spawn(self, function):
        self.spawned.append(function)

    def sleep(self, seconds):
        self.now += seconds

    def pass_by(self):
        """Let the flusher do all that it has to."""
        while self.spawned:
            self.spawned.pop()()


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def sent():
    return []


@pytest.fixture
def outbox(clock, sent):
    return Outbox(sent.append, Flusher(clock, clock), nullcontext(), last=clock.now)


def test_piece_that_has_its_own_time_leaves_at_once(outbox, clock, sent):
    for number in range(5):
        clock.now += 0.01
        outbox.send(b"%d" % number)

    assert sent == [b"0", b"1", b"2", b"3", b"4"]


def test_pieces_in_a_burst_leave_together(outbox, clock, sent):
    for number in range(40):
        outbox.send(b"%d" % (number % 10))
    assert sent == []

    clock.pass_by()

    assert sent == [b"0123456789" * 4]


@pytest.mark.parametrize("pause", [0, 0.0001, 0.001, 0.004, 0.006, 0.04])
def test_messages_keep_their_distance_however_fast_the_pieces_come(clock, pause):
    left = []
    outbox = Outbox(lambda data: left.append(clock.now), Flusher(clock, clock), nullcontext(), last=clock.now)

    for _ in range(500):
        clock.now += pause
        outbox.send(b"x")
        clock.pass_by()

    assert left
    assert all(later - earlier >= INTERVAL_SECONDS * 0.99 for earlier, later in pairwise(left))


def test_bulk_grows(outbox, clock, sent):
    for _ in range(800):
        outbox.send(bytes(65536))
    outbox.flush()

    sizes = [len(message) for message in sent]
    assert sum(sizes) == 800 * 65536
    assert sizes[0] == SMALLEST_BULK
    assert max(sizes) == LARGEST_BULK
    assert len(sizes) < MOST_WAITING


def test_producer_of_bulk_waits_a_little_for_the_client(outbox, clock):
    begun = clock.now

    for _ in range(4000):
        outbox.send(bytes(65536))

    assert clock.now > begun


def test_pause_ends_a_burst(outbox, clock, sent):
    for _ in range(20):
        outbox.send(bytes(SMALLEST_BULK * 4))
    clock.pass_by()
    sent.clear()
    clock.now += 1

    outbox.send(b"event")

    assert sent == [b"event"]


def test_what_is_held_leaves_with_what_follows(outbox, clock, sent):
    outbox.hold(b"one")
    outbox.hold(b"two")
    outbox.flush()

    assert sent == [b"onetwo"]


def test_what_is_held_leaves_when_nothing_follows(outbox, clock, sent):
    outbox.hold(b"one")

    clock.pass_by()

    assert sent == [b"one"]


def test_cleared_outbox_sends_nothing(outbox, clock, sent):
    outbox.hold(b"one")
    outbox.clear()

    clock.pass_by()
    outbox.flush()

    assert sent == []


# -- to a client that tells what it has read


@pytest.fixture
def window():
    return Window()


@pytest.fixture
def regulated(clock, sent, window):
    return Outbox(sent.append, Flusher(clock, clock), nullcontext(), last=clock.now, window=window)


def say(outbox, window, data):
    """Send *data* as a WebSocket does; return the mark that goes with it, if there is one."""
    mark = window.mark(len(data), outbox.sent + 1, outbox.may_have_some_waiting)
    window.note(len(data))
    outbox.send(data)
    return mark


def test_messages_of_a_conversation_leave_at_once(regulated, window, sent):
    for number in range(1000):
        mark = say(regulated, window, b"x")
        if mark is not None:
            regulated.note_taken(window.take_pong(mark))

        assert len(sent) == number + 1


def test_messages_without_a_sign_of_the_client_leave_together(regulated, window, clock, sent):
    for _ in range(1000):
        say(regulated, window, b"x")

    assert len(sent) < MOST_WAITING
    clock.pass_by()
    assert b"".join(sent) == b"x" * 1000


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_client_that_stops_to_read_has_fewer_messages_waiting_than_mongrel2_allows(
    regulated, window, clock, sent, size
):
    mark = None
    while mark is None:
        mark = say(regulated, window, bytes(SMALLEST_BULK))
    regulated.note_taken(window.take_pong(mark))
    sent.clear()
    begun, spawned = clock.now, clock.spawned

    while clock.now < begun + 4.9 and not window.is_full:
        say(regulated, window, bytes(size))
        clock.now += 0.01
        for function in spawned[:]:
            for outbox in list(function.__self__._due):
                outbox.tick(clock.now)

    assert len(sent) < MOST_WAITING


def send_until_one_has_to_wait(regulated, window):
    """Send until the next message waits for a mark to come back; return that mark."""
    marks = []
    while len(marks) < 2:
        mark = say(regulated, window, bytes(SMALLEST_BULK))
        if mark is not None:
            marks.append(mark)
    regulated.note_taken(window.take_pong(marks[0]))
    while regulated.sent < window.last_message:
        say(regulated, window, bytes(LARGEST_REGULATED_BULK))
    return marks[1]


def test_what_has_waited_leaves_when_the_client_goes_on(regulated, window, sent):
    mark = send_until_one_has_to_wait(regulated, window)
    count = len(sent)
    say(regulated, window, b"held back")
    assert len(sent) == count

    regulated.note_taken(window.take_pong(mark))

    assert sent[-1].endswith(b"held back")


def test_what_has_waited_for_long_leaves_whatever_the_client_does(regulated, window, clock, sent):
    send_until_one_has_to_wait(regulated, window)
    say(regulated, window, b"held back")

    clock.pass_by()

    assert sent[-1] == b"held back"


@given(st.lists(st.tuples(st.binary(max_size=50), st.sampled_from([0, 0.001, 0.006, 0.1])), max_size=60))
def test_bytes_leave_in_order_and_once(pieces):
    clock, sent = Time(), []
    outbox = Outbox(sent.append, Flusher(clock, clock), nullcontext(), last=clock.now)

    for piece, pause in pieces:
        outbox.send(piece)
        clock.now += pause
        if pause:
            clock.pass_by()
    outbox.flush()

    assert b"".join(sent) == b"".join(piece for piece, _ in pieces)
