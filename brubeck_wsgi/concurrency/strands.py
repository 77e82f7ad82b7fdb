"""Strands: what runs beside what, a greenlet or a thread, and how one is interrupted from another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

from brubeck_wsgi.concurrency.calls import Calls


class Cancelled(BaseException):
    """Ends a strand from outside; raised where it waits, so that its ``finally`` blocks run.

    It is none of Exception's, so that code which catches all errors lets it through. Whoever catches it has to
    raise it again.
    """


Interrupt: TypeAlias = Callable[[], BaseException | None]
"""Returns what is to be raised in a strand; None if that has become pointless in the meantime."""


class Strand:
    """One thread of execution: a greenlet where a hub runs, a thread of the system where none does.

    Attributes:
        carrier: the greenlet, or what identifies the thread.
        gate: what its scheduler wakes it with.
        is_started: whether it runs, or has run.
        is_woken: whether it has been unparked, and has not gone on since.
    """

    __slots__ = ("_interrupts", "_shields", "carrier", "gate", "is_started", "is_woken", "uses")

    def __init__(self, carrier: Any, gate: Any = None, is_started: bool = True) -> None:
        self.carrier = carrier
        self.gate = gate
        self.is_started = is_started
        self.is_woken = False
        self.uses = 0
        self._shields = 0
        self._interrupts: list[Interrupt] = []

    def add_interrupt(self, interrupt: Interrupt) -> None:
        """Have something raised in the strand where it waits next, once it is not shielded."""
        self._interrupts.append(interrupt)

    def take_interrupt(self) -> BaseException | None:
        """Return what is to be raised in the strand now; None if there is nothing."""
        while self._interrupts and not self._shields:
            error = self._interrupts.pop(0)()
            if error is not None:
                return error
        return None

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Keep interrupts away from what is inside; the first that came is raised at its end."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        error = self.take_interrupt()
        if error is not None:
            raise error


class Scheduler(Protocol):
    """What strands run on; `brubeck_wsgi.concurrency.current` finds the one of this thread.

    Attributes:
        name: ``"gevent"``, ``"eventlet"`` or ``"threads"``.
        calls: what may be stopped.
    """

    name: str
    calls: Calls

    def enter(self) -> Strand:
        """Return the strand that calls; it is known to others until `leave` is called as often."""
        ...

    def reach(self, carrier: Any) -> Strand:
        """Do what `enter` does for *carrier*, which is at work, so that somebody can interrupt it."""
        ...

    def leave(self, strand: Strand) -> None:
        """Forget a strand that nobody is going to wake or interrupt any more."""
        ...

    def start(self, function: Callable[[], None]) -> Strand:
        """Run *function*, which raises nothing, in a strand of its own."""
        ...

    def park(self, strand: Strand, seconds: float | None = None) -> bool:
        """Wait in *strand*, which is the caller's, until `unpark`; return False if *seconds* have passed first.

        Raises:
            BaseException: what the strand is interrupted with.
        """
        ...

    def unpark(self, strand: Strand) -> None:
        """Let *strand* go on; if it does not wait, its next `park` returns at once."""
        ...

    def interrupt(self, strand: Strand, interrupt: Interrupt) -> None:
        """Raise in *strand* what *interrupt* returns: where it waits, or where it is going to wait next."""
        ...

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback*, which must not wait, after so many *seconds*; return what prevents that."""
        ...
