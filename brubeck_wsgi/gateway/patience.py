"""How long a slow peer is waited for: a while, and longer only for as much as it moves."""

from __future__ import annotations

GRACE_SECONDS = 20.0
SLOWEST_RATE = 500  # bytes a second


class Patience:
    """The time that may be spent waiting in one transfer, which may be slow, but not as slow as an attacker likes.

    Only waiting counts: how long the application takes between two pieces is not the peer's fault. What was moved
    quickly is no excuse for stalling later.

    Args:
        grace: how many seconds may be spent waiting for nothing.
        rate: bytes that make up for a second of waiting.
    """

    __slots__ = ("_begun", "_grace", "_left", "_rate")

    def __init__(self, grace: float = GRACE_SECONDS, rate: int = SLOWEST_RATE) -> None:
        self._grace = self._left = grace
        self._rate = rate
        self._begun = 0.0

    def begin(self, now: float) -> float:
        """Begin to wait at *now*, seconds of any clock; return when patience will be over."""
        self._begun = now
        return now + self._left

    def end(self, now: float) -> None:
        """Note that the waiting that has begun is over at *now*."""
        self._left -= now - self._begun

    def moved(self, size: int) -> None:
        """Note that *size* bytes were moved."""
        self._left = min(self._left + size / self._rate, self._grace)
