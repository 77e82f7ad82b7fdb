"""Calls that others may stop: their time is over, or nobody waits for what they return any more."""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic
from typing import Any

from brubeck_wsgi.concurrency.pending import Pending
from brubeck_wsgi.concurrency.strands import Cancelled, Scheduler, Strand

_stopping = allocate_lock()  # held for a few steps that never wait


class Stopped(Cancelled):
    """Ends a call that is to stop, where it waits."""


class Call:
    """Something that runs in the strand which makes this, and is over when it says so.

    Making one costs what it does for each request: what only a stopped call needs stands in the class.

    Args:
        scheduler: the one of this strand.

    Attributes:
        began: when, by `time.monotonic`.
        reason: why it is to stop; ``""`` as long as nobody has said so.
        has_left: whether that is because the client has left.
        stopped: what was raised to stop it; None if that has not happened.
    """

    reason = ""
    has_left = False
    stopped: Stopped | None = None
    _is_over = False
    _pending: Pending | None = None
    _face: Any = None
    _outer: Any = None
    _strand: Strand | None = None

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._carrier = scheduler.carrier()
        self.began = monotonic()

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return monotonic() - self.began

    def limit(self, seconds: float) -> None:
        """Stop the call if it is not over after so many *seconds*."""
        self._pending = self._scheduler.deadlines.add(self, seconds)

    def stop_with(self, disconnected: Any) -> None:
        """Stop the call when a client leaves.

        Args:
            disconnected: tells its ``listener``, one at a time, by calling ``leave()``; what knows of none is left
                alone.
        """
        try:
            self._outer = disconnected.listener
        except AttributeError:
            return
        disconnected.listener = self
        self._face = disconnected

    def expire(self, seconds: float) -> None:
        """Stop it for its deadline."""
        self.stop(f"its timeout is {seconds:g} s")

    def leave(self) -> None:
        """Stop it because the client has left; called in the loop."""
        self.has_left = not self.reason
        self.stop("the client has left")

    def stop(self, reason: str) -> None:
        """Raise `Stopped` where the call waits, or is going to wait next; nothing if it is over, or stops already."""
        with _stopping:
            if self._is_over or self.reason:
                return
            self.reason = reason
            strand = self._strand = self._scheduler.reach(self._carrier)
        self._scheduler.interrupt(strand, self._interruption)

    def end(self) -> None:
        """Note that it is over; called in its own strand."""
        if self._is_over:
            return
        self._is_over = True
        if self._face is not None:
            self._face.listener = self._outer
        pending = self._pending
        if self.reason or (pending is not None and pending.pop(self, True)):
            with _stopping:
                strand, self._strand = self._strand, None
            if strand is not None:
                self._scheduler.leave(strand)

    def _interruption(self) -> Stopped | None:
        if self._is_over:
            return None
        self.stopped = Stopped(self.reason)
        return self.stopped
