"""Where a receiver stands: which messages of a channel it has seen, written so that it fits one ``id:`` field.

Several processes publish, and no two of them hear all messages in the same order. So it is not enough to know the
last message: a position has the number of the last one of each publisher. The id of a message is a position too, that
of one publisher, and says of others that all was seen which was sent before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode

MOST_PUBLISHERS = 64
"""How many publishers a position tells apart; of those not heard for longest it says when they were heard last."""

_MOST_CHARACTERS = 8192
_POSITION = re.compile(r"[0-9a-f]{1,15}(?:\.[0-9a-z]{1,16}\.[0-9a-f]{1,15})*")

After: TypeAlias = str | Mapping[str, str | None] | None
"""Where to begin: None for now, what one channel or all have as position, or positions by names of channels."""


class Position:
    """Which messages have been seen.

    Args:
        floor: of publishers that are not in *seen*: all that was sent up to then, in milliseconds since 1970.
        seen: the number of the last message of each publisher.
    """

    __slots__ = ("floor", "seen")

    def __init__(self, floor: int, seen: dict[str, int]) -> None:
        self.floor = floor
        self.seen = seen

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """Read what `str` has made of a position, or the id of a message; None if it is neither."""
        if len(text) > _MOST_CHARACTERS or not _POSITION.fullmatch(text):
            return None
        floor, *pairs = text.split(".")
        return cls(int(floor, 16), dict(zip(pairs[::2], (int(number, 16) for number in pairs[1::2]), strict=True)))

    def __str__(self) -> str:
        return ".".join((f"{self.floor:x}", *(f"{publisher}.{number:x}" for publisher, number in self.seen.items())))

    def covers(self, publisher: str, number: int, stamp: int) -> bool:
        """Tell whether a message is among those seen."""
        known = self.seen.get(publisher)
        return stamp <= self.floor if known is None else number <= known

    def joined(self, other: Position) -> Position:
        """Return what has been seen by whoever has seen both, as far as that can be written down."""
        seen = dict(self.seen)
        for publisher, number in other.seen.items():
            seen[publisher] = max(number, seen.get(publisher, 0))
        return Position(min(self.floor, other.floor), seen)


def message_id(publisher: str, number: int, stamp: int) -> str:
    """Return the id of a message."""
    return f"{stamp:x}.{publisher}.{number:x}"


def join_positions(positions: Mapping[str, str]) -> str:
    """Return one text for the positions in one or several channels."""
    if len(positions) == 1:
        return next(iter(positions.values()))
    return urlencode(positions)


def split_positions(after: After, names: Iterable[str]) -> dict[str, str | None]:
    """Return where to begin in each of the channels *names*; the opposite of `join_positions`.

    A text that cannot be read was not made here, or for other channels: it counts as a position so old that nobody
    knows it any more.
    """
    wanted = list(names)
    if after is None:
        return dict.fromkeys(wanted)
    if not isinstance(after, str):
        return {name: after.get(name) for name in wanted}
    if len(wanted) == 1 and "=" not in after:
        return {wanted[0]: after}
    try:
        found = dict(parse_qsl(after[:_MOST_CHARACTERS], max_num_fields=1000))
    except ValueError:
        found = {}
    return {name: found.get(name, "") for name in wanted}
