"""Calls that nobody waits for any more, but the end of the process."""

from __future__ import annotations

import atexit
from _thread import allocate_lock
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from brubeck_wsgi.concurrency.strands import Cancelled
from brubeck_wsgi.concurrency.tasks import Task

EXIT_SECONDS = 30
"""How long a process that ends waits; whoever ends it, Gunicorn with its graceful timeout, may be less patient."""

_unfinished: set[Task[Any]] = set()
_changing = allocate_lock()  # held for a few steps that never wait


def defer(function: Callable[[], object], on_error: Callable[[Exception], object]) -> None:
    """Call *function* beside the caller, in its context; the process does not end before it has returned.

    Args:
        function: what to call.
        on_error: called with what it raises.
    """

    def call() -> None:
        try:
            function()
        except Exception as error:
            on_error(error)

    with _changing:
        _unfinished.add(Task(call, at_end=_forget))


def finish_deferred(seconds: float = EXIT_SECONDS) -> bool:
    """Wait until all that was deferred is over, *seconds* at most; return whether it is. Tests use it."""
    deadline = monotonic() + seconds
    while (unfinished := list(_unfinished)) and monotonic() < deadline:  # a list: the last may end at any moment
        unfinished[0].join(deadline - monotonic())
    return not _unfinished


def _forget(task: Task[Any]) -> None:
    with _changing:
        _unfinished.discard(task)


def _finish_at_exit() -> None:
    with suppress(Cancelled):
        finish_deferred()


atexit.register(_finish_at_exit)
