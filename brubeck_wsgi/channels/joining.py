"""How a process begins among others: it hears from each what there was before, and takes up what others have left."""

from __future__ import annotations

import logging
from collections.abc import Collection
from time import monotonic

from brubeck_wsgi.channels.frames import Answer, Kept
from brubeck_wsgi.channels.meeting import Meeting
from brubeck_wsgi.channels.peers import Peer
from brubeck_wsgi.channels.station import Station

logger = logging.getLogger("brubeck.channels")


class Joining:
    """The time until all others have answered.

    Args:
        meeting: where they are found.
        seconds: how long to wait for them.

    Attributes:
        is_over: whether it is over.
        answers: what others have answered, and all messages in that.
        left: who has ended meanwhile.
        unheard: who had not answered when time was over, as far as is known who there is.
        vanished: who was there, and has ended without having answered.
    """

    def __init__(self, meeting: Meeting, seconds: float) -> None:
        self.is_over = False
        self.answers: list[tuple[Answer, list[Kept]]] = []
        self.left: list[str] = []
        self.unheard: set[str] = set()
        self.vanished: set[str] = set()
        self._meeting = meeting
        self._until = monotonic() + seconds
        self._expected: set[str] = set()

    def may_end(self, peers: Collection[Peer], now: float) -> bool:
        """Tell whether all others have answered, or time is over."""
        known = {peer.token for peer in peers if peer.is_synced and peer.is_listening}
        others = self._meeting.others()
        self._expected |= others.keys()
        is_done = others.keys() <= known if self._meeting.joins_at_once else len(others) <= len(known)
        if not is_done and now < self._until:
            return False
        if self._meeting.joins_at_once:
            self.unheard = others.keys() - known
            self.vanished = self._expected - others.keys() - {peer.token for peer in peers if peer.is_synced}
        if self.unheard:
            logger.warning("channels: not all other processes have answered; they are heard later")
        return True

    def forget(self, token: str) -> None:
        """Expect nothing of a process any more: it has ended, and others are asked about it."""
        self.unheard.discard(token)
        self.vanished.discard(token)

    def end(self, station: Station, peers: Collection[Peer]) -> None:
        """Tell *station* all that was heard, and what was left by those that had ended before."""
        self.is_over = True
        estate = self._meeting.estate
        answers, self.answers = self.answers, []
        if estate is not None:
            answers += [(answer, answer.kept) for answer in estate.inherit()]
        station.begin(answers, self._expected | {peer.token for peer in peers})
        if estate is not None:
            estate.forget()
