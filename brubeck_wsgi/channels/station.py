"""What a process makes of what it hears of others over ZeroMQ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from brubeck_wsgi.channels.frames import Answer, Happening, Kept


class Station(Protocol):
    """What a process does with what it hears; all is called with the lock held, and must not wait."""

    def beat(self) -> Happening:
        """Return what the process says when nothing happens."""
        ...

    def answer(self, after: int, is_first: bool, living: set[str]) -> Iterable[Answer]:
        """Return what has happened after a number; if it is all there was, also of those that do not live."""
        ...

    def recall(self, publisher: str, after: int, held: list[Kept]) -> Iterable[Answer]:
        """Return what a process that has ended has published after a number, as far as it is known here.

        Of that, *held* was held back, and has not been told to this station.
        """
        ...

    def bequest(self, is_last: bool) -> Iterable[Answer]:
        """Return what a process that begins when this one has ended is to know; of others too, if this is the last."""
        ...

    def hear(self, happening: Happening) -> None:
        """Take note of a happening."""
        ...

    def learn(self, answer: Answer, kept: list[Kept]) -> None:
        """Take note of what was missed."""
        ...

    def inherit(self, answer: Answer, kept: list[Kept]) -> None:
        """Take note of what others know of a process that has ended."""
        ...

    def begin(self, answers: list[tuple[Answer, list[Kept]]], living: set[str]) -> None:
        """Take note of what there was before the process began; those in *living* lived then, and tell of themselves.

        What another has heard of them by then may be more than they have told here: it is still to come.
        """
        ...

    def miss(self) -> None:
        """Take note that something was missed for good."""
        ...

    def lose(self, token: str) -> None:
        """Take note that a process has ended."""
        ...
