"""One at a time, where hardly ever two come at the same time."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from brubeck_wsgi.concurrency.primitives import Event


class Turns:
    """Lets one strand in at a time; a context manager that costs next to nothing while nobody else wants in.

    A lock of the standard library, patched by a hub, takes 1 µs and more each time.
    """

    __slots__ = ("_free", "_waiting")

    def __init__(self) -> None:
        # Taking the last item of a list, and adding one, are atomic, with threads too.
        self._free = [None]
        self._waiting: deque[Event] = deque()

    def acquire(self) -> None:
        """Wait until nobody is in, and go in; this and `release` cost half of what a ``with`` does."""
        try:
            self._free.pop()
        except IndexError:
            self._wait()

    def release(self) -> None:
        """Let the next in."""
        self._free.append(None)
        if self._waiting:
            self._tell_next()

    __enter__ = acquire

    def __exit__(self, *_: object) -> None:
        self.release()

    def _wait(self) -> None:
        while True:
            turn = Event()
            self._waiting.append(turn)
            # Once more: whoever was in may have left before it could know of this one.
            if not self._free:
                try:
                    turn.wait()
                except BaseException:
                    self._pass_on(turn)
                    raise
            try:
                self._free.pop()
            except IndexError:
                continue
            self._forget(turn)
            return

    def _pass_on(self, turn: Event) -> None:
        """Give up, and have the next try if it was this one's turn."""
        self._forget(turn)
        if turn.is_set() and self._waiting:
            self._tell_next()

    def _tell_next(self) -> None:
        with suppress(IndexError):  # another thread was faster
            self._waiting.popleft().set()

    def _forget(self, turn: Event) -> None:
        with suppress(ValueError):  # it was told
            self._waiting.remove(turn)
