"""What a process knows of another: up to which happening it has heard it, without a gap."""

from __future__ import annotations

from collections.abc import Iterable

from brubeck_wsgi.channels.frames import BEAT, MESSAGE, Answer, Ask, Happening, Kept

MOST_HELD = 20_000
"""How many happenings are held back while an answer is awaited."""


class Peer:
    """Another process.

    Args:
        token: its name.
        now: when it was heard of, by `time.monotonic`.

    Attributes:
        token: as given.
        heard_at: when it was heard last.
        is_synced: whether it has said what there was before.
        is_listening: whether it hears this process.
        left_at: when it stopped to listen to this process; None if it has not.
        ask: what it was asked, and has not answered; none about what there was before, which it is asked by itself.
        asked_at: when.
    """

    def __init__(self, token: str, now: float) -> None:
        self.token = token
        self.heard_at = now
        self.is_synced = False
        self.is_listening = False
        self.left_at: float | None = None
        self.ask: Ask | None = None
        self.asked_at = now
        self._last = 0
        self._held: list[Happening] = []
        self._parts: list[Answer] = []

    @property
    def last(self) -> int:
        """The number of the last happening that was handed on."""
        return self._last

    @property
    def has_gap(self) -> bool:
        """Whether something is missing that has to be asked for."""
        return self.is_synced and bool(self._held)

    @property
    def holds_too_much(self) -> bool:
        """Whether no more can be held back."""
        return len(self._held) > MOST_HELD

    def take(self, happening: Happening, is_waiting: bool) -> Happening | None:
        """Return *happening* if it is the next one; keep it if something before it is missing.

        Args:
            happening: what the peer has published.
            is_waiting: keep it in any case.
        """
        if happening.number <= self._last and self.is_synced:
            return None
        if is_waiting or self.has_gap or not self.is_synced or happening.number != self._last + 1:
            self._held.append(happening)
            return None
        if happening.kind == BEAT:
            self._held.append(happening)  # the last happening has not arrived
            return None
        self._last = happening.number
        return happening

    def add(self, answer: Answer) -> bool:
        """Keep a part of an answer; return whether it is whole now."""
        self._parts.append(answer)
        return answer.is_last

    def settle(self) -> tuple[Answer, list[Kept]]:
        """Return the end of the answer, and all messages up to its number that the peer or this process has kept."""
        answer = self._parts[-1]
        kept = {(one.publisher, one.number): one for part in self._parts for one in part.kept}
        for one in self.held_messages():
            if one.number <= answer.number:
                kept.setdefault((one.publisher, one.number), one)
        self._parts = []
        self.ask = None
        self.is_synced = True
        self._last = max(self._last, answer.number)
        return answer, sorted(kept.values(), key=lambda one: (one.stamp, one.publisher, one.number))

    def held_messages(self) -> list[Kept]:
        """Return the messages that are held back."""
        return [
            Kept(held.channel, held.json, held.publisher, held.number, held.stamp)
            for held in self._held
            if held.kind == MESSAGE
        ]

    def last_missing(self, known: Iterable[int]) -> int:
        """Return the number of the last happening that must have been and is neither held nor *known*; 0 for none."""
        there = {held.number for held in self._held if held.kind != BEAT} | set(known)
        number = max(there | {held.number for held in self._held}, default=0)
        while number in there:
            number -= 1
        return number if number > self._last else 0

    def release(self, is_giving_up: bool = False) -> list[Happening]:
        """Return what was held back and may go on now.

        Args:
            is_giving_up: go on whatever is missing.
        """
        held, self._held = self._held, []
        released: list[Happening] = []
        for index, happening in enumerate(held):
            if happening.number <= self._last:
                continue
            is_next = happening.number == self._last + 1 and happening.kind != BEAT
            if not is_next and not is_giving_up:
                self._held = held[index:]
                break
            self._last = happening.number
            released.append(happening)
        return released
