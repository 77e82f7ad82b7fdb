"""What has come from the client of a WebSocket, as bytes again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from brubeck_wsgi.concurrency.hub import Event, Hub
from brubeck_wsgi.protocols.mongrel2 import masked_frame

_MOST_BYTES = 16 * 1024 * 1024  # that nobody has received


class Arrivals:
    """Frames that were not received by the application; one greenlet receives.

    Args:
        hub: the scheduler.
        clock: seconds that never go back.
        lock: held while a frame is added.
    """

    def __init__(self, hub: Hub, clock: Callable[[], float], lock: AbstractContextManager[object]) -> None:
        self._hub = hub
        self._clock = clock
        self._lock = lock
        self._framed = bytearray()
        self._arrival: Event | None = None
        self._has_ended = False

    def add(self, flags: int, payload: bytes) -> bool:
        """Add a frame, with the lock held; return False if there is no room for it."""
        if len(self._framed) > _MOST_BYTES:
            return False
        self._framed += masked_frame(flags, payload)
        self._wake()
        return True

    def end(self) -> None:
        """Take note that no more will come."""
        self._has_ended = True
        self._wake()

    def receive(self, size: int, timeout_seconds: float | None) -> bytes | None:
        """Wait for bytes; ``b""`` at the end, None if the time is over."""
        clock = self._clock
        deadline = None if timeout_seconds is None else clock() + timeout_seconds
        while not self._framed:
            if self._has_ended:
                return b""
            remaining = None if deadline is None else deadline - clock()
            if remaining is not None and remaining <= 0:
                return None
            arrival = self._arrival = self._hub.event()
            if not self._framed and not self._has_ended:  # with threads, something may have come meanwhile
                arrival.wait(remaining)
            self._arrival = None
        with self._lock:
            piece = bytes(self._framed[:size])
            del self._framed[:size]
        return piece

    def _wake(self) -> None:
        if self._arrival is not None:
            self._arrival.set()
