"""The loop of the switchboard: waits for descriptors, and calls what belongs to them."""

from __future__ import annotations

import select
from typing import Protocol

READ = 0x001  # EPOLLIN
WRITE = 0x004  # EPOLLOUT
_OVER = 0x018  # EPOLLERR | EPOLLHUP, which always count


class Watched(Protocol):
    """What has a descriptor."""

    def on_events(self, may_read: bool, may_write: bool) -> None:
        """Do what can be done now."""
        ...


class Loop:
    """Calls each descriptor's owner when it is ready, again and again as long as it is."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[Watched, int]] = {}

    def watch(self, descriptor: int, watched: Watched, interest: int = READ) -> None:
        """Call *watched* when *descriptor* is ready for what *interest* says."""
        known = self._watched.get(descriptor)
        if known is None:
            self._epoll.register(descriptor, interest)
        elif known[1] != interest:
            self._epoll.modify(descriptor, interest)
        self._watched[descriptor] = watched, interest

    def forget(self, descriptor: int) -> None:
        """Call nobody any more; to be said before the descriptor is closed."""
        if self._watched.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def run_once(self, seconds: float) -> None:
        """Wait for something to happen, for so many *seconds* at most."""
        for descriptor, events in self._epoll.poll(seconds):
            known = self._watched.get(descriptor)
            if known is not None:
                watched, interest = known
                is_over = events & _OVER != 0
                may_read = events & READ != 0 or (is_over and interest & READ != 0)
                watched.on_events(may_read, events & WRITE != 0 or is_over)
