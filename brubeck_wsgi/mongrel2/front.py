"""The way to a Mongrel2, as those see it that have something to say to its clients."""

from __future__ import annotations

from typing import Protocol


class Front(Protocol):
    """The way to one run of one Mongrel2: after it has ended, its connections are nobody's.

    Attributes:
        is_alive: whether it has not ended.
    """

    is_alive: bool

    @property
    def is_full(self) -> bool:
        """Whether answers are made faster than they leave; who makes more should `wait`, where it can."""
        ...

    def wait(self) -> None:
        """Wait until there is room."""
        ...

    def publish(self, message: bytes, /) -> None:
        """Send *message*, without waiting for anything; nothing happens if the front has ended."""
        ...
