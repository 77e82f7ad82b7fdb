"""What others know of a process that has ended: it may have told them what it has not told this one any more."""

from __future__ import annotations

from collections.abc import Iterable

from brubeck_wsgi.channels.frames import ABSENT, Answer, Ask, Gone, Kept
from brubeck_wsgi.channels.peers import Peer
from brubeck_wsgi.channels.station import Station
from brubeck_wsgi.channels.wire import Wire

_SECONDS = 1.0


class Inquiry:
    """A question to all others about one that has ended.

    Args:
        peer: the one that has ended.
        others: whose answers are awaited.
        now: by `time.monotonic`.

    Attributes:
        peer: as given.
        matters: whether something is known to be missing.
    """

    def __init__(self, peer: Peer, others: Iterable[str], now: float) -> None:
        self.peer = peer
        self.matters = not peer.is_synced or peer.has_gap
        self._awaited = set(others)
        self._until = now + _SECONDS
        self._heard = 0
        self._kept: dict[int, Kept] = {}
        self._gone: list[Gone] = []

    def take(self, answer: Answer) -> None:
        """Take note of what one of the others knows."""
        self._kept.update((kept.number, kept) for kept in answer.kept if kept.publisher == self.peer.token)
        self._gone.extend(gone for gone in answer.gone if gone.publisher == self.peer.token)
        self._heard = max(self._heard, answer.heard.get(self.peer.token, 0))
        if answer.is_last:
            self.expect_no_more(answer.publisher)

    def expect_no_more(self, token: str) -> None:
        """Do not wait for one of the others any longer."""
        self._awaited.discard(token)

    def is_over(self, now: float) -> bool:
        """Tell whether all have answered, or time is over."""
        return not self._awaited or now >= self._until

    def result(self) -> tuple[Answer, list[Kept], bool]:
        """Return what is known of the one that has ended: the end of what it would answer, and its messages in order.

        And whether something of it is missing for good.
        """
        heard = {self.peer.token: self._heard} if self._heard else {}
        kept = {one.number: one for one in self.peer.held_messages()} | self._kept
        missing = self.peer.last_missing(kept.keys())
        messages = [kept[number] for number in sorted(kept)]
        return Answer(self.peer.token, 0, True, [], self._gone, heard), messages, missing > self._heard


class Inquiries:
    """All inquiries of a process.

    Args:
        token: its name.
        endpoint: where it publishes.
        wire: by which it asks.
        station: learns what comes of it.
    """

    def __init__(self, token: str, endpoint: str, wire: Wire, station: Station) -> None:
        self._token = token
        self._endpoint = endpoint
        self._wire = wire
        self._station = station
        self._nonce = 0
        self._by_topic: dict[bytes, Inquiry] = {}

    def __bool__(self) -> bool:
        """Tell whether one goes on."""
        return bool(self._by_topic)

    @property
    def matter(self) -> bool:
        """Whether one goes on about something that is known to be missing."""
        return any(inquiry.matters for inquiry in self._by_topic.values())

    def begin(self, peer: Peer, others: Iterable[str], now: float) -> None:
        """Ask *others* what they know of *peer*, which has ended."""
        self._nonce += 1
        ask = Ask(self._token, f"{ABSENT}{peer.token}", peer.last, self._nonce, self._endpoint)
        inquiry = Inquiry(peer, others, now)
        if inquiry.is_over(now):
            self._conclude(inquiry)
        else:
            self._by_topic[ask.topic()] = inquiry
            self._wire.subscribe(ask.topic())

    def take(self, topic: bytes, answer: Answer) -> bool:
        """Take note of *answer* if it belongs to an inquiry, also one that is over; return whether it does."""
        inquiry = self._by_topic.get(topic)
        if inquiry is not None:
            inquiry.take(answer)
            return True
        ask = Ask.parse(topic)
        return ask is not None and ask.absent is not None

    def held_messages(self, token: str) -> list[Kept]:
        """Return what the process *token* has said behind something that is being asked for."""
        return [
            one
            for inquiry in self._by_topic.values()
            if inquiry.peer.token == token
            for one in inquiry.peer.held_messages()
        ]

    def expect_no_more(self, token: str) -> None:
        """Do not wait for the answers of a process that has ended too."""
        for inquiry in self._by_topic.values():
            inquiry.expect_no_more(token)

    def end(self, now: float) -> None:
        """Conclude those that are over."""
        for topic, inquiry in list(self._by_topic.items()):
            if inquiry.is_over(now):
                del self._by_topic[topic]
                self._wire.unsubscribe(topic)
                self._conclude(inquiry)

    def _conclude(self, inquiry: Inquiry) -> None:
        answer, kept, is_something_missing = inquiry.result()
        if is_something_missing:
            self._station.miss()
        self._station.inherit(answer, kept)
