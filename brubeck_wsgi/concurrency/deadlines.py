"""How long something may take, and what must not be cut short."""

from __future__ import annotations

from contextlib import AbstractContextManager, ContextDecorator
from types import TracebackType
from typing import Any

from brubeck_wsgi.concurrency.finding import current
from brubeck_wsgi.concurrency.strands import Cancelled


class timeout(ContextDecorator):  # noqa: N801  # it reads as a verb, as in contextlib
    """Ends what is inside after so many seconds with a `TimeoutError`; a context manager, and a decorator.

    Inside, it is `Cancelled` that is raised where the strand waits: ``finally`` blocks run, and ``except Exception``
    does not see it.

    Args:
        seconds: 0 or more; None for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"expected seconds, 0 or more, got {seconds!r}")
        self._seconds = seconds

    def _recreate_cm(self) -> timeout:
        return timeout(self._seconds)

    def __enter__(self) -> timeout:
        self._is_inside = True
        self._ended: _TimeIsOver | None = None
        if self._seconds is not None:
            scheduler = self._scheduler = current()
            strand = self._strand = scheduler.enter()
            self._forget = scheduler.later(self._seconds, lambda: scheduler.interrupt(strand, self._end))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_inside = False
        if self._seconds is None:
            return
        self._forget()
        self._scheduler.leave(self._strand)
        if error is not None and error is self._ended:
            raise TimeoutError(f"expected it to take at most {self._seconds} seconds") from error

    def _end(self) -> BaseException | None:
        if not self._is_inside or self._ended is not None:
            return None
        self._ended = _TimeIsOver("the time is over")
        return self._ended


class _TimeIsOver(Cancelled):
    """What `timeout` raises inside."""


class shield(AbstractContextManager["shield"]):  # noqa: N801  # it reads as a verb, as in contextlib
    """Lets what is inside finish, a commit for example: time-outs and cancellation wait until it has."""

    def __enter__(self) -> shield:
        self._scheduler = current()
        self._strand = self._scheduler.enter()
        self._shielded = self._strand.shielded()
        self._shielded.__enter__()
        return self

    def __exit__(self, *exit_info: Any) -> None:
        try:
            self._shielded.__exit__(*exit_info)
        finally:
            self._scheduler.leave(self._strand)
