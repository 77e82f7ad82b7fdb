"""Who has what in hand: which worker a message of Mongrel2 goes to. No I/O.

All messages of one connection go to one worker while it has something of that connection in hand: so answers keep
their order, notices reach whom they concern, and the frames of a WebSocket stay together. Everything else goes to
the worker that has least to do, and of those the one with the fewest WebSockets.
"""

from __future__ import annotations

from collections.abc import Iterable


class Member:
    """A worker.

    Args:
        most: how many requests it takes at a time.

    Attributes:
        in_hand: how many messages it has and has not said to be done with, those of WebSockets not counted.
        identities: of the fronts that take its answers.
        is_leaving: whether it wants nothing new.
        is_choked: whether what was sent to it piles up.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.in_hand = 0
        self.keys: dict[bytes, _Hand] = {}
        self.identities: set[bytes] = set()
        self.is_leaving = False
        self.is_choked = False

    @property
    def is_done(self) -> bool:
        """Whether it has left, and has nothing more to do."""
        return self.is_leaving and not self.keys


class _Hand:
    """What a worker has of one connection."""

    __slots__ = ("count", "has_begun", "identity", "is_upgraded", "member")

    def __init__(self, member: Member, identity: bytes) -> None:
        self.member = member
        self.identity = identity
        self.count = 0
        self.has_begun = False
        self.is_upgraded = False


class Roster:
    """The workers, and what each has in hand.

    Attributes:
        members: in the order in which they came.
    """

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._hands: dict[bytes, _Hand] = {}

    def join(self, member: Member) -> None:
        """Add a worker; it gets nothing before it `can_answer`."""
        self.members.append(member)

    def has_room(self, identity: bytes, is_beyond_limit: bool = False) -> bool:
        """Tell whether some worker can take a request of the front *identity*."""
        return self._choose(identity, is_beyond_limit) is not None

    def holder(self, key: bytes) -> Member | None:
        """Return the worker that has something of the connection *key* in hand."""
        hand = self._hands.get(key)
        return None if hand is None else hand.member

    def route(self, identity: bytes, key: bytes, is_beyond_limit: bool = False) -> Member | None:
        """Return the worker for a message, which it has in hand from now on; None if there is none.

        Args:
            identity: of the front that it came from.
            key: of its connection.
            is_beyond_limit: whether workers that have enough may be chosen too.
        """
        hand = self._hands.get(key)
        if hand is None:
            member = self._choose(identity, is_beyond_limit)
            if member is None:
                return None
            hand = self._hands[key] = member.keys[key] = _Hand(member, identity)
        hand.count += 1
        if not hand.is_upgraded:
            hand.member.in_hand += 1
        return hand.member

    def done(self, member: Member, key: bytes) -> None:
        """Note that *member* is done with one message of *key*."""
        hand = member.keys.get(key)
        if hand is None:  # the front has gone meanwhile
            return
        hand.count -= 1
        if not hand.is_upgraded:
            member.in_hand -= 1
        if hand.count == 0:
            self._forget(key, hand)

    def begun(self, member: Member, key: bytes) -> None:
        """Note that *member* has sent something of an answer that is not complete."""
        hand = member.keys.get(key)
        if hand is not None:
            hand.has_begun = True

    def upgraded(self, member: Member, key: bytes) -> None:
        """Note that *key* is a WebSocket now, and none of the requests that count."""
        hand = member.keys.get(key)
        if hand is not None and not hand.is_upgraded:
            hand.is_upgraded = hand.has_begun = True
            member.in_hand -= hand.count

    def leave(self, member: Member) -> list[tuple[bytes, bytes, bool]]:
        """Remove *member*.

        Returns:
            The identity of the front and the key of all that it still had, and whether something was sent for it.
        """
        self.members.remove(member)
        lost = [(hand.identity, key, hand.has_begun) for key, hand in member.keys.items()]
        for key in list(member.keys):
            self._forget(key, member.keys[key])
        return lost

    def front_ended(self, identity: bytes) -> None:
        """Forget all connections of a front; its successor gives their numbers to others."""
        for key, hand in list(self._hands.items()):
            if hand.identity == identity:
                if not hand.is_upgraded:
                    hand.member.in_hand -= hand.count
                self._forget(key, hand)

    def _forget(self, key: bytes, hand: _Hand) -> None:
        self._hands.pop(key, None)
        hand.member.keys.pop(key, None)

    def _choose(self, identity: bytes, is_beyond_limit: bool) -> Member | None:
        able: Iterable[Member] = (
            member
            for member in self.members
            if not member.is_leaving
            and not member.is_choked
            and identity in member.identities
            and (is_beyond_limit or member.in_hand < member.most)
        )
        return min(able, key=_load, default=None)


def _load(member: Member) -> tuple[int, int]:
    # WebSockets, which are silent mostly, decide only between workers that have the same to do.
    return member.in_hand, len(member.keys)
