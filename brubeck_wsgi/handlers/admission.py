"""Who may run now, who waits for that, and who is sent away: at the most so many at a time, and none in an overload."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from brubeck_wsgi.concurrency import Semaphore
from brubeck_wsgi.errors import ServiceUnavailable
from brubeck_wsgi.handlers.running import Runner
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import Response

RETRY_SECONDS = 1
"""When a client that was sent away may come back."""


def sent_away(detail: str) -> ServiceUnavailable:
    """Return the error that tells a client to come back later."""
    return ServiceUnavailable(detail, headers={"Retry-After": str(RETRY_SECONDS)})


class Gate:
    """Lets a number of requests in at a time, and a number wait.

    Args:
        most: how many are in at a time.
        most_waiting: how many wait.

    Attributes:
        waiting: how many wait.
    """

    def __init__(self, most: int, most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._room = Semaphore(most)
        self.waiting = 0

    def enter(self) -> None:
        """Wait to be let in; `ServiceUnavailable` if too many wait already."""
        if self._room.acquire(0):
            return
        if self.waiting >= self._most_waiting:
            raise sent_away("too many requests at a time")
        self.waiting += 1
        try:
            self._room.acquire()
        finally:
            self.waiting -= 1

    def leave(self) -> None:
        """Let the next in."""
        self._room.release()


def gated(run: Runner, gate: Gate) -> Runner:
    """Return what runs a handler behind *gate*, until its answer is made, or for a streamed one is over."""

    def enter(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        gate.enter()
        try:
            response = run(application, environ, args, kwargs)
            if response.body.__class__ is not bytes:
                response.start(environ)
        except BaseException:
            gate.leave()
            raise
        if response.body.__class__ is bytes:
            gate.leave()
        else:
            response = response.copy()  # it may be a constant of the application
            response.on_close(gate.leave)
        return response

    return enter


def shedding(run: Runner, most_lag: float, lag: Callable[[], float]) -> Runner:
    """Return what sends clients away while the loop is late.

    Args:
        run: runs a handler.
        most_lag: by how many seconds the loop may be late.
        lag: returns by how many it is.
    """

    def look(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        if lag() > most_lag:
            raise sent_away("too much to do at the moment")
        return run(application, environ, args, kwargs)

    return look


def behind(run: Runner, gates: Sequence[Gate]) -> Runner:
    """Return *run* behind all of *gates*, the first of them innermost."""
    for gate in gates:
        run = gated(run, gate)
    return run
