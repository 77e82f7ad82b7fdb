"""Who has what in hand, as messages come and workers go."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from brubeck_wsgi.mongrel2.roster import Member, Roster

FRONT = b"front"


def worker(roster, most=10, identities=(FRONT,)):
    member = Member(most)
    member.identities.update(identities)
    roster.join(member)
    return member


@pytest.fixture
def roster():
    return Roster()


def test_message_goes_to_the_worker_that_has_least_to_do(roster):
    first, second = worker(roster), worker(roster)

    routed = [roster.route(FRONT, b"%d" % number) for number in range(4)]

    assert routed == [first, second, first, second]


def test_messages_of_one_connection_go_to_one_worker(roster):
    first, _ = worker(roster), worker(roster)

    routed = {roster.route(FRONT, b"one") for _ in range(3)}

    assert routed == {first}
    assert roster.holder(b"one") is first


def test_connection_is_anybodys_when_all_is_done(roster):
    first, second = worker(roster), worker(roster)
    roster.route(FRONT, b"one")
    roster.route(FRONT, b"one")

    roster.done(first, b"one")
    assert roster.holder(b"one") is first
    roster.done(first, b"one")

    assert roster.holder(b"one") is None
    assert (first.in_hand, second.in_hand) == (0, 0)


def test_worker_that_cannot_answer_gets_nothing(roster):
    worker(roster, identities=())

    assert roster.route(FRONT, b"one") is None
    assert not roster.has_room(FRONT)


def test_worker_that_has_enough_gets_nothing_more(roster):
    member = worker(roster, most=2)
    roster.route(FRONT, b"one")
    roster.route(FRONT, b"two")

    assert roster.route(FRONT, b"three") is None
    roster.done(member, b"one")
    assert roster.route(FRONT, b"three") is member


def test_web_socket_is_none_of_what_counts(roster):
    member = worker(roster, most=1)
    roster.route(FRONT, b"one")

    roster.upgraded(member, b"one")

    assert roster.route(FRONT, b"two") is member
    assert roster.route(FRONT, b"one") is member
    roster.done(member, b"one")
    assert roster.holder(b"one") is member


def test_web_sockets_go_to_the_workers_in_turn_while_these_have_nothing_else_to_do(roster):
    first, second = worker(roster), worker(roster)

    routed = []
    for number in range(4):
        key = b"%d" % number
        member = roster.route(FRONT, key)
        roster.upgraded(member, key)
        routed.append(member)

    assert routed == [first, second, first, second]
    roster.route(FRONT, b"request")
    assert roster.route(FRONT, b"other request") is second


def test_worker_that_leaves_keeps_what_it_has_and_gets_nothing_new(roster):
    first = worker(roster)
    roster.route(FRONT, b"one")
    first.is_leaving = True
    second = worker(roster)

    assert roster.route(FRONT, b"one") is first
    assert roster.route(FRONT, b"two") is second
    assert not first.is_done
    roster.done(first, b"one")
    roster.done(first, b"one")
    assert first.is_done


def test_worker_that_chokes_gets_nothing_new(roster):
    first, second = worker(roster), worker(roster)
    first.is_choked = True

    assert {roster.route(FRONT, b"%d" % number) for number in range(3)} == {second}


def test_killed_worker_leaves_what_it_had(roster):
    member = worker(roster)
    for key in (b"one", b"two", b"three"):
        roster.route(FRONT, key)
    roster.begun(member, b"two")
    roster.done(member, b"three")

    assert sorted(roster.leave(member)) == [(FRONT, b"one", False), (FRONT, b"two", True)]
    assert roster.holder(b"one") is None


def test_front_that_ends_takes_its_connections_with_it(roster):
    member = worker(roster, identities=(FRONT, b"other"))
    roster.route(FRONT, b"one")
    roster.route(b"other", b"two")

    roster.front_ended(FRONT)

    assert roster.holder(b"one") is None
    assert roster.holder(b"two") is member
    assert member.in_hand == 1
    roster.done(member, b"one")
    assert member.in_hand == 1


class Life(RuleBasedStateMachine):
    """Everything that can happen, in any order."""

    def __init__(self):
        super().__init__()
        self.roster = Roster()
        self.open = []

    @rule(most=st.integers(1, 3))
    def join(self, most):
        worker(self.roster, most)

    @rule(number=st.integers(0, 5))
    def route(self, number):
        key = b"%d" % number
        holder = self.roster.holder(key)
        member = self.roster.route(FRONT, key)
        assert holder is None or member is holder
        if member is not None:
            self.open.append((member, key))

    @rule(data=st.data())
    def finish(self, data):
        if self.open:
            member, key = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
            self.roster.done(member, key)

    @rule(data=st.data())
    def upgrade(self, data):
        if self.open:
            self.roster.upgraded(*data.draw(st.sampled_from(self.open)))

    @rule(data=st.data())
    def leave(self, data):
        if self.roster.members:
            data.draw(st.sampled_from(self.roster.members)).is_leaving = True

    @rule(data=st.data())
    def kill(self, data):
        if self.roster.members:
            member = data.draw(st.sampled_from(self.roster.members))
            lost = {key for _, key, _ in self.roster.leave(member)}
            assert lost == {key for holder, key in self.open if holder is member}
            self.open = [(holder, key) for holder, key in self.open if holder is not member]

    @rule()
    def end_front(self):
        self.roster.front_ended(FRONT)
        self.open.clear()

    @invariant()
    def each_worker_has_what_was_sent_to_it(self):
        for member in self.roster.members:
            assert set(member.keys) == {key for holder, key in self.open if holder is member}
            assert member.in_hand >= 0
            assert member.is_done == (member.is_leaving and not member.keys)


TestLife = Life.TestCase
