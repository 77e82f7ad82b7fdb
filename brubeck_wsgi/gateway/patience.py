"""How long a slow peer is waited for: a while, and longer only for as much as it moves."""

from __future__ import annotations

GRACE_SECONDS = 20.0
SLOWEST_RATE = 500  # bytes a second


class Patience:
    """Waits for a transfer, which may be slow, but not as slow as the attacker would like.

    Args:
        now: seconds of any clock.
        grace: how many seconds the transfer may take to move its first bytes, and to stall.
        rate: bytes a second that it has to move after that.

    Attributes:
        deadline: when patience is over, by the same clock.
    """

    __slots__ = ("_grace", "_rate", "deadline")

    def __init__(self, now: float, grace: float = GRACE_SECONDS, rate: int = SLOWEST_RATE) -> None:
        self._grace = grace
        self._rate = rate
        self.deadline = now + grace

    def moved(self, size: int, now: float) -> None:
        """Note that *size* bytes were moved; what was moved quickly is no excuse for stalling later."""
        self.deadline = min(self.deadline + size / self._rate, now + self._grace)
