"""How far behind the client of a WebSocket is, as its pongs tell; without Mongrel2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.mongrel2.window import MOST_UNREAD_BYTES, Window

BLOCK = 64 * 1024


def send(window, size, message=1, is_waiting=False):
    """Send so many bytes; return the payload of the mark behind them, if there is one."""
    payload = window.mark(size, message, is_waiting)
    window.note(size)
    return payload


def fill(window):
    """Send until it is full; return the marks."""
    marks = []
    while not window.is_full:
        marks.append(send(window, BLOCK))
    return [mark for mark in marks if mark is not None]


def test_few_bytes_are_not_marked():
    window = Window()

    assert [send(window, 100, message) for message in range(1, 100)] == [None] * 99
    assert not window.is_full


def test_messages_of_which_some_may_wait_are_marked_now_and_then():
    window = Window()

    marks = [send(window, 100, message, is_waiting=True) is not None for message in range(1, 13)]

    assert marks == [False, False, False, True] * 3


def test_window_is_full_until_the_client_has_read_half_of_it():
    window = Window()
    marks = fill(window)
    assert not window.has_room

    for mark in marks[: len(marks) // 2 - 1]:
        window.take_pong(mark)
        assert not window.has_room
    assert not window.is_full
    window.take_pong(marks[len(marks) // 2])

    assert window.has_room


def test_one_message_may_be_larger_than_the_window():
    window = Window()

    mark = send(window, 10 * MOST_UNREAD_BYTES)

    assert window.is_full
    window.take_pong(mark)
    assert window.has_room
    assert window.read == 10 * MOST_UNREAD_BYTES


def test_client_may_give_back_only_the_last_of_several_marks():
    window = Window()
    marks = fill(window)

    window.take_pong(marks[-1])

    assert window.has_room
    assert window.take_pong(marks[0]) is None


@pytest.mark.parametrize("payload", [b"", b"\0\0\0\0\0\0\0\1", b"mine"])
def test_pong_for_somebody_else_gives_nothing_back(payload):
    window = Window()
    fill(window)

    assert window.take_pong(payload) is None
    assert window.is_full


def test_client_that_has_said_its_last_is_waited_for_no_more():
    window = Window()
    fill(window)

    window.close()

    assert window.has_room
    assert not window.is_full
    assert send(window, MOST_UNREAD_BYTES) is None


def test_no_more_messages_leave_than_find_room_if_the_client_is_known_to_give_marks_back():
    window = Window()
    assert window.last_message == float("inf")
    first = send(window, BLOCK * 2, 1)
    assert window.last_message == float("inf")  # it may be one that answers no pings
    window.take_pong(first)
    assert window.last_message == float("inf")

    second = send(window, BLOCK * 2, 5)

    assert 5 < window.last_message < 16
    window.take_pong(second)
    assert window.last_message == float("inf")


@given(st.lists(st.tuples(st.integers(0, MOST_UNREAD_BYTES), st.booleans(), st.booleans())))
def test_client_that_gives_all_marks_back_never_keeps_it_full(steps):
    window, marks = Window(), []

    for message, (size, is_waiting, is_read) in enumerate(steps, 1):
        mark = send(window, size, message, is_waiting)
        if mark is not None:
            marks.append(mark)
        if is_read:
            for mark in marks:
                assert window.take_pong(mark) is not None
            marks.clear()
            assert not window.is_full
