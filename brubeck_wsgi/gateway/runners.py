"""Greenlets that serve connections: parked when there is nothing to do, used again, made when all are waiting.

A request whose handler never waits costs no switch at all: one runner serves all that is ready. One whose handler
waits keeps its runner, and another takes over.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from brubeck_wsgi.concurrency.hub import Greenlet, Hub, current_greenlet

_MOST_PARKED = 256


class Servable(Protocol):
    """What a runner serves."""

    def serve(self) -> bool:
        """Do one piece of work; return whether there is more of it already."""
        ...


class Runners:
    """The runners of one worker.

    Args:
        hub: the scheduler.

    Attributes:
        ready: what waits for a runner.
    """

    def __init__(self, hub: Hub) -> None:
        self.ready: deque[Servable] = deque()
        self._hub = hub
        self._parked: list[Greenlet] = []

    def run_ready(self) -> None:
        """Serve all that is ready; called in the loop. Returns when it is done, or waits for something."""
        ready, parked = self.ready, self._parked
        while ready:
            runner = parked.pop() if parked else self._hub.runner(self._run)
            runner.switch()

    def _run(self) -> None:
        runner = current_greenlet()
        ready, parked, park, holds_locals = self.ready, self._parked, self._hub.park, self._hub.holds_locals
        take = ready.popleft
        while True:
            while ready:
                servable = take()
                if servable.serve():
                    ready.append(servable)
                # What one request leaves behind is not for the next: its context variables go, and a greenlet
                # that something has kept values for goes with them.
                if runner.gr_context is not None:
                    runner.gr_context = None
                if holds_locals(runner):
                    if ready:
                        self._hub.soon(self.run_ready)  # which need not be what has switched to this runner
                    return
            if len(parked) >= _MOST_PARKED:
                return
            parked.append(runner)
            park()
