"""What others tell of a process that has ended, and what this one makes of it."""

from __future__ import annotations

import pytest

from brubeck_wsgi.channels.frames import BEAT, ENTER, MESSAGE, Answer, Ask, Gone, Happening, Kept
from brubeck_wsgi.channels.inquiries import Inquiries, Inquiry
from brubeck_wsgi.channels.peers import Peer

TOKEN = "gone"


def make_peer(*happenings, is_synced=True, last=1):
    """Return a peer from which all up to *last* was heard, and then *happenings*."""
    peer = Peer(TOKEN, 0)
    if is_synced:
        peer.add(Answer(TOKEN, last, True, []))
        peer.settle()
    for happening in happenings:
        assert peer.take(happening, is_waiting=False) is None
    return peer


def said(number, kind=MESSAGE):
    return Happening(kind, TOKEN, number, stamp=number, channel="news", json=b"%d" % number)


def kept(*numbers):
    return [Kept("news", b"%d" % number, TOKEN, number, number) for number in numbers]


def inquire(peer, *answers):
    """Return the numbers that come of an inquiry, and whether something is missing for good."""
    inquiry = Inquiry(peer, [answer.publisher for answer in answers], 0)
    for answer in answers:
        assert not inquiry.is_over(0)
        inquiry.take(answer)
    assert inquiry.is_over(0)
    result, messages, is_something_missing = inquiry.result()
    assert (result.publisher, result.is_last, result.members) == (TOKEN, True, {})
    return [one.number for one in messages], is_something_missing


def told(by, numbers, heard):
    return Answer(by, 0, True, kept(*numbers), [], {TOKEN: heard} if heard else {})


def test_what_others_have_heard_and_what_was_held_back_come_in_order():
    peer = make_peer(said(4), said(6))

    assert inquire(peer, told("a", [2, 3], 3), told("b", [2, 3, 4, 5], 5)) == ([2, 3, 4, 5, 6], False)


def test_what_was_held_back_comes_also_where_others_do_not_keep_it_any_more():
    peer = make_peer(*map(said, range(3, 11)))

    assert inquire(peer, told("a", [9, 10], 10))[0] == list(range(3, 11))


def test_what_others_hold_back_themselves_comes_too():
    assert inquire(make_peer(), told("a", [3], 1), told("b", [2], 2)) == ([2, 3], False)


@pytest.mark.parametrize(
    ("peer", "answer", "is_something_missing"),
    [
        (make_peer(), told("a", [], 0), False),
        (make_peer(said(3)), told("a", [], 1), True),
        (make_peer(said(3)), told("a", [2], 2), False),
        (make_peer(said(3, ENTER)), told("a", [2], 2), False),
        (make_peer(said(3), said(5)), told("a", [2], 2), True),
        (make_peer(said(2, BEAT)), told("a", [], 1), True),
        (make_peer(said(2, BEAT)), told("a", [2], 2), False),
        (make_peer(said(5), is_synced=False), told("a", [], 0), True),
        (make_peer(said(5), is_synced=False), told("a", [4], 4), False),
        (make_peer(said(1), is_synced=False), told("a", [], 0), False),
        (make_peer(said(3)), told("a", [], 3), False),  # what of it was in channels that are kept, the answer says
    ],
)
def test_something_is_missing_if_nobody_has_heard_it(peer, answer, is_something_missing):
    assert inquire(peer, answer)[1] is is_something_missing


def test_others_that_end_or_do_not_answer_are_not_waited_for():
    inquiry = Inquiry(make_peer(), ["a", "b"], 100)

    inquiry.expect_no_more("a")
    assert not inquiry.is_over(100.5)
    assert inquiry.is_over(101)
    inquiry.expect_no_more("b")
    assert inquiry.is_over(100.5)


class Recorder:
    """A wire, and a station that cannot learn for a first time."""

    def __init__(self):
        self.topics = []
        self.learnt = []
        self.fails = True

    def subscribe(self, topic):
        self.topics.append(topic)

    def unsubscribe(self, topic):
        self.topics.remove(topic)

    def miss(self):
        self.learnt.append("something is missing")

    def inherit(self, answer, messages):
        if self.fails:
            self.fails = False
            raise MemoryError
        self.learnt.append((answer, messages))


def test_inquiry_that_fails_is_over_all_the_same():
    recorder = Recorder()
    inquiries = Inquiries("me", "ipc://me", recorder, recorder)
    inquiries.begin(make_peer(said(3)), ["a"], 0)
    (topic,) = recorder.topics
    assert inquiries
    assert inquiries.matter
    assert inquiries.take(topic, Answer("a", 0, True, [], [Gone("news", TOKEN, 2, 2)], {}))

    with pytest.raises(MemoryError):
        inquiries.end(0)

    assert not inquiries
    assert not recorder.topics
    assert recorder.learnt == ["something is missing"]
    inquiries.end(0)


def test_answer_that_comes_late_is_for_nobody():
    recorder = Recorder()
    inquiries = Inquiries("me", "ipc://me", recorder, recorder)

    assert inquiries.take(Ask("me", f"~{TOKEN}", 1, 7, "ipc://me").topic(), told("a", [2], 2))
    assert not inquiries.take(Ask("me", TOKEN, 1, 7, "ipc://me").topic(), told("a", [2], 2))
