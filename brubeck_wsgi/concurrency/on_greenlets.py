"""Strands that are greenlets of a hub: they run one at a time, and only where one waits does another go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from brubeck_wsgi.concurrency.calls import TICK_SECONDS, Calls
from brubeck_wsgi.concurrency.halting import halt
from brubeck_wsgi.concurrency.hub import Greenlet, Hub, current_greenlet
from brubeck_wsgi.concurrency.strands import Interrupt, Strand


class GreenletScheduler:
    """See `brubeck_wsgi.concurrency.strands.Scheduler`.

    An interrupt reaches a strand wherever it waits, in a database driver too.

    Args:
        hub: of the thread that makes and uses this.

    Attributes:
        hub: the same.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.name = hub.name
        self.calls = Calls(self._every_tick, hub.soon, partial(halt, self), current_greenlet)
        # Only while somebody may wake or interrupt them: a greenlet that serves requests outlives its request.
        self._strands: dict[Greenlet, Strand] = {}

    def is_below_loop(self) -> bool:
        """Tell whether the caller runs in a greenlet that the loop switched to, and not as the program itself."""
        return current_greenlet().parent is not None

    def enter(self) -> Strand:
        return self.reach(current_greenlet())

    def reach(self, carrier: Greenlet) -> Strand:
        strand = self._strands.get(carrier)
        if strand is None:
            strand = self._strands[carrier] = Strand(carrier)
        strand.uses += 1
        return strand

    def leave(self, strand: Strand) -> None:
        strand.uses -= 1
        if not strand.uses:
            self._strands.pop(strand.carrier, None)

    def start(self, function: Callable[[], None]) -> Strand:
        def run() -> None:
            strand.is_started = True
            try:
                function()
            finally:
                self.leave(strand)

        strand = Strand(self.hub.runner(run), is_started=False)
        strand.uses = 1
        self._strands[strand.carrier] = strand
        self.hub.soon(strand.carrier.switch)
        return strand

    def park(self, strand: Strand, seconds: float | None = None) -> bool:
        error = strand.take_interrupt()
        if error is not None:
            raise error
        if strand.is_woken:
            strand.is_woken = False
            return True
        strand.gate = gate = _Gate()
        forget = None if seconds is None else self.hub.later(max(seconds, 0), lambda: self._open(strand, gate))
        try:
            self.hub.park()
        finally:
            strand.gate = None
            if forget is not None:
                forget()
        is_woken, strand.is_woken = strand.is_woken, False
        return is_woken

    def unpark(self, strand: Strand) -> None:
        strand.is_woken = True
        gate = strand.gate
        if gate is not None:
            self.hub.soon(lambda: self._open(strand, gate))

    def interrupt(self, strand: Strand, interrupt: Interrupt) -> None:
        strand.add_interrupt(interrupt)
        self.hub.soon(lambda: self._raise(strand))

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        return self.hub.later(seconds, callback)

    def _every_tick(self, tick: Callable[[], bool]) -> None:
        def call() -> None:
            if tick():
                self._forget_tick = self.hub.later(TICK_SECONDS, call)

        self._forget_tick = self.hub.later(TICK_SECONDS, call)  # kept, since the loop does not keep it alive

    def _open(self, strand: Strand, gate: _Gate) -> None:
        """Switch to *strand* if it still waits for what it did; called in the loop."""
        if strand.gate is gate:
            strand.gate = None
            strand.carrier.switch()

    def _raise(self, strand: Strand) -> None:
        """Raise what there is to raise where *strand* waits; called in the loop, in which nobody else runs."""
        if not strand.is_started or strand.carrier.dead or not strand.uses:
            return  # who starts looks for interrupts itself
        error = strand.take_interrupt()
        if error is not None:
            strand.gate = None
            strand.carrier.throw(error)


class _Gate:
    """One time of waiting: what is to end it must not end another."""

    __slots__ = ()
