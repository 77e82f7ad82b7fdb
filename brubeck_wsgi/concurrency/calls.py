"""Calls that others may stop: their time is over, or nobody waits for what they return any more.

All that is written down of a call is what it is about, by the greenlet or thread that it runs in, in the table of
those that begin about now: this is done for every request, and reads no clock. Every so often a new table is begun,
and what is left in one that is old enough is late. Nobody is told whom to stop when a client leaves: that is looked up.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeAlias

TICK_SECONDS = 0.03
"""How often a new table is begun. A call is stopped at most twice as much later than it is due."""

_MOST_IDLE_TICKS = 30
_TICKS_TO_TIDY = 30

Begun: TypeAlias = dict[Any, Any]
"""What calls are about that began about the same time, by their carriers.

Who begins a call adds it, and deletes it when it is over. If it is not there any more it was stopped, and
`Calls.end` is to be called instead.
"""


class Bound:
    """What a kind of calls is bound by.

    Args:
        seconds: how long they may take; None for any time.
        client: returns of what a call is about the client that it is stopped with; None if clients may leave.
    """

    def __init__(self, seconds: float | None, client: Callable[[Any], object] | None = None) -> None:
        self.seconds = seconds
        self.client = client


class Stop:
    """A call that is to stop, or has stopped.

    Args:
        carrier: its greenlet, or what identifies its thread.
        began: when, to a twentieth of a second.
        reason: why it is to stop.
        has_left: whether that is because the client has left.

    Attributes:
        error: what was raised to stop it; None if that has not happened.
        is_over: whether the call is over, however it ended.
        release: to be called when it is over.
    """

    def __init__(self, carrier: Any, began: float, reason: str, has_left: bool) -> None:
        self.carrier = carrier
        self.began = began
        self.reason = reason
        self.has_left = has_left
        self.error: BaseException | None = None
        self.is_over = False
        self.release: Callable[[], None] = lambda: None

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return monotonic() - self.began


class Calls:
    """The calls of a scheduler.

    Args:
        every_tick: has a function called every `TICK_SECONDS` until it returns False, where it must not wait.
        soon: has a function called once, there too.
        halt: begins to stop a call.
        carrier: returns the greenlet that calls, or what identifies its thread.

    Attributes:
        tables: where a call that begins now is to be added, by what it is bound by; `table` makes one that is not
            there, which is so after a time in which it was not needed.
        carrier: as given.
    """

    def __init__(
        self,
        every_tick: Callable[[Callable[[], bool]], None],
        soon: Callable[[Callable[[], None]], None],
        halt: Callable[[Stop], None],
        carrier: Callable[[], Any],
    ) -> None:
        self.carrier = carrier
        self._every_tick = every_tick
        self._soon = soon
        self._halt = halt
        self.tables: dict[Bound, Begun] = {}
        # Those that are not added to any more, and since when, in that order.
        self._closed: dict[Bound, deque[tuple[float, Begun]]] = {}
        self._stops: dict[tuple[Any, Bound], Stop] = {}
        self._leaving: set[object] = set()
        self._is_ticking = False
        self._idle_ticks = self._ticks = 0
        self._lock = allocate_lock()  # held for a few steps that never wait

    def table(self, bound: Bound) -> Begun:
        """Return the table for calls of one kind, which is looked at from now on."""
        with self._lock:
            begins = not self._is_ticking
            self._is_ticking, self._idle_ticks = True, 0
        if begins:
            self._every_tick(self._tick)
        self._closed.setdefault(bound, deque())
        return self.tables.setdefault(bound, {})

    def end(self, carrier: Any, bound: Bound) -> Stop | None:
        """Note that a call is over which is not in its table any more; return how it was stopped."""
        with self._lock:
            stop = self._stops.pop((carrier, bound), None)
            if stop is not None:
                stop.is_over = True
        if stop is not None:
            stop.release()
        return stop

    def leave(self, client: object) -> None:
        """Stop the calls that are stopped with *client*, which has left; called in the loop.

        Of several in one strand it is the outermost, as far as that can be told: they began at other times.
        """
        self._leaving.add(client)
        if len(self._leaving) == 1:
            self._soon(self._stop_with_clients)

    def begun(self) -> dict[Any, float]:
        """Return since when the calls run that run now, by `time.monotonic`, by their carriers."""
        return {carrier: since for _, since, table in self._all() for carrier in table.copy()}

    def forget(self) -> None:
        """Forget all; for a process that has just been forked, in which nobody looks at the tables."""
        self.tables, self._closed = {}, {}
        self._stops.clear()
        self._is_ticking = False
        self._lock = allocate_lock()

    def _all(self) -> list[tuple[Bound, float, Begun]]:
        """Return all tables, and since when what is in them has run at the least."""
        now = monotonic()
        found = [
            (bound, since, table) for bound, closed in list(self._closed.items()) for since, table in closed.copy()
        ]
        return found + [(bound, now, table) for bound, table in list(self.tables.items())]

    def _stop(
        self, bound: Bound, since: float, table: Begun, carrier: Any, reason: str, has_left: bool = False
    ) -> None:
        with self._lock:
            if table.pop(carrier, None) is not None:
                stop = self._stops[carrier, bound] = Stop(carrier, since, reason, has_left)
                self._halt(stop)

    def _stop_with_clients(self) -> None:
        leaving, self._leaving = self._leaving, set()
        outermost: dict[Any, tuple[Bound, float, Begun]] = {}
        for bound, since, table in self._all():
            client = bound.client
            if client is None:
                continue
            for carrier, subject in table.items():
                is_inner = carrier in outermost and outermost[carrier][1] <= since
                if not is_inner and client(subject) in leaving:
                    outermost[carrier] = bound, since, table
        for carrier, found in outermost.items():
            self._stop(*found, carrier, "the client has left", has_left=True)

    def _tick(self) -> bool:
        now = monotonic()
        self._ticks += 1
        is_tidying = self._ticks % _TICKS_TO_TIDY == 0
        for bound, table in list(self.tables.items()):
            closed = self._closed[bound]
            if table and (bound.seconds is not None or is_tidying):
                closed.append((now, table))
                self.tables[bound] = {}
            if bound.seconds is not None:
                self._stop_late(bound, bound.seconds, closed, now)
            if is_tidying:
                self._closed[bound] = deque(one for one in closed if one[1])
        # For a while it goes on with nothing to do, so that a call now and then need not begin it each time, and a
        # thread has time to use the table that it has found.
        self._idle_ticks = 0 if any(self.tables.values()) or any(self._closed.values()) else self._idle_ticks + 1
        if self._idle_ticks < _MOST_IDLE_TICKS:
            return True
        self.tables, self._closed = {}, {}
        self._is_ticking = False
        return False

    def _stop_late(self, bound: Bound, seconds: float, closed: deque[tuple[float, Begun]], now: float) -> None:
        while closed and (not closed[0][1] or now - closed[0][0] >= seconds):
            since, table = closed.popleft()
            for carrier in list(table):
                self._stop(bound, since, table, carrier, f"its timeout is {seconds:g} s")
