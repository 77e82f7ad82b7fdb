"""How a call is stopped where it waits."""

from __future__ import annotations

from brubeck_wsgi.concurrency.calls import Stop
from brubeck_wsgi.concurrency.strands import Cancelled, Scheduler


class Stopped(Cancelled):
    """Ends a call that is to stop, where it waits."""


def halt(scheduler: Scheduler, stop: Stop) -> None:
    """Raise `Stopped` where the call waits, or is going to wait next."""
    strand = scheduler.reach(stop.carrier)
    stop.release = lambda: scheduler.leave(strand)

    def interruption() -> BaseException | None:
        if stop.is_over:
            return None
        stop.error = Stopped(stop.reason)
        return stop.error

    scheduler.interrupt(strand, interruption)
