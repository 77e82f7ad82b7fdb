"""A table of what is due when, cheap to add to and to take from: looked at every so often, not timed one by one."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Protocol, TypeAlias

TICK_SECONDS = 0.05
"""How much later than it is due something may be ended."""


class Due(Protocol):
    """What has a deadline.

    Attributes:
        began: when it was added, by `time.monotonic`.
    """

    began: float

    def expire(self, seconds: float) -> None:
        """End it: it is due, *seconds* after it began. It must not wait."""
        ...


Pending: TypeAlias = dict[Due, bool]
"""Some of what has a deadline. To take it from the table is to pop it; what is not there any more has been ended."""


class Deadlines:
    """What is due after which time.

    All that has the same number of seconds stands in one table, in which what came first is due first.

    Args:
        every_tick: has a function called every `TICK_SECONDS` until it returns False, where it must not wait.
    """

    def __init__(self, every_tick: Callable[[Callable[[], bool]], None]) -> None:
        self._every_tick = every_tick
        self._tables: dict[float, Pending] = {}
        self._is_ticking = False
        self._starting = allocate_lock()

    def add(self, due: Due, seconds: float) -> Pending:
        """Have *due* expire so many *seconds* after it began; return where to pop it from before that."""
        table = self._tables.get(seconds)
        if table is None:
            table = self._tables.setdefault(seconds, {})
        table[due] = False
        if not self._is_ticking and self._begin():
            self._every_tick(self._tick)
        return table

    def _begin(self) -> bool:
        with self._starting:
            begins = not self._is_ticking
            self._is_ticking = True
        return begins

    def _tick(self) -> bool:
        now = monotonic()
        for seconds, table in list(self._tables.items()):
            for due in _first_of(table, now - seconds):
                if table.pop(due, None) is not None:
                    due.expire(seconds)
        if any(self._tables.values()):
            return True
        self._is_ticking = False
        # What another thread has added before that counts on this tick.
        return any(self._tables.values()) and self._begin()

    def forget(self) -> None:
        """Forget all; for a process that has just been forked, in which nobody looks at the table."""
        self._tables.clear()
        self._is_ticking = False
        self._starting = allocate_lock()


def _first_of(table: Pending, latest: float) -> Iterator[Due]:
    """Yield what began not later than *latest*; a piece of the table is copied, which may change meanwhile."""
    while table:
        try:
            due = next(iter(table))
        except (RuntimeError, StopIteration):  # another thread was faster
            continue
        if due.began > latest:
            return
        yield due
