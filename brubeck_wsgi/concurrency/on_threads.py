"""Strands that are threads of the system, for where no hub runs: WebTest, sync and gthread workers.

A thread cannot be interrupted from outside. It is at the next thing of this package that it waits for: `sleep`, an
`Event`, a `Queue`, a `Task`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from brubeck_wsgi.concurrency.calls import TICK_SECONDS, Calls
from brubeck_wsgi.concurrency.halting import halt
from brubeck_wsgi.concurrency.strands import Interrupt, Strand


class ThreadScheduler:
    """See `brubeck_wsgi.concurrency.strands.Scheduler`; one serves all threads."""

    name = "threads"

    def __init__(self) -> None:
        self._strands: dict[int, Strand] = {}
        self._lock = threading.Lock()
        self.calls = Calls(_every_tick, _call, partial(halt, self), threading.get_ident)

    def enter(self) -> Strand:
        return self.reach(threading.get_ident())

    def reach(self, carrier: int) -> Strand:
        with self._lock:
            strand = self._strands.get(carrier)
            if strand is None:
                strand = self._strands[carrier] = Strand(carrier, threading.Condition())
            strand.uses += 1
        return strand

    def leave(self, strand: Strand) -> None:
        with self._lock:
            strand.uses -= 1
            if not strand.uses:
                self._strands.pop(strand.carrier, None)

    def start(self, function: Callable[[], None]) -> Strand:
        def run() -> None:
            strand.carrier = threading.get_ident()
            with self._lock:
                self._strands[strand.carrier] = strand
            strand.is_started = True
            try:
                function()
            finally:
                self.leave(strand)

        strand = Strand(None, threading.Condition(), is_started=False)
        strand.uses = 1
        threading.Thread(target=run, daemon=True).start()
        return strand

    def park(self, strand: Strand, seconds: float | None = None) -> bool:
        deadline = None if seconds is None else time.monotonic() + seconds
        with strand.gate:
            while True:
                error = strand.take_interrupt()
                if error is not None:
                    raise error
                if strand.is_woken:
                    strand.is_woken = False
                    return True
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                strand.gate.wait(left)

    def unpark(self, strand: Strand) -> None:
        with strand.gate:
            strand.is_woken = True
            strand.gate.notify()

    def interrupt(self, strand: Strand, interrupt: Interrupt) -> None:
        with strand.gate:
            strand.add_interrupt(interrupt)
            strand.gate.notify()

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        timer = threading.Timer(max(seconds, 0), callback)
        timer.daemon = True
        timer.start()
        return timer.cancel


def _call(function: Callable[[], None]) -> None:
    function()


def _every_tick(tick: Callable[[], bool]) -> None:
    def run() -> None:
        while True:
            time.sleep(TICK_SECONDS)
            if not tick():
                return

    threading.Thread(target=run, daemon=True).start()
