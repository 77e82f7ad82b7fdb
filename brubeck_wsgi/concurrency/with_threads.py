"""Serving without a hub: threads of the operating system.

There is no loop: what runs in one on the hubs is called by whoever serves, and what needs one is not here.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from brubeck_wsgi.concurrency.hub import Event


class ThreadHub:
    """What of `brubeck_wsgi.concurrency.hub.Hub` makes sense without a loop."""

    name = "threads"

    def patch(self) -> None:
        """Do nothing: what blocks, blocks its thread only."""

    def start(self) -> None:
        """Do nothing."""

    def soon(self, callback: Callable[[], object]) -> None:
        """Call *callback*."""
        callback()

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        """Run *function* in a thread of its own, which ends with the process."""
        threading.Thread(target=function, args=args, daemon=True).start()

    def sleep(self, seconds: float) -> None:
        """Let others run for so many *seconds*."""
        time.sleep(seconds)

    def event(self) -> Event:
        """Return an event that has not happened."""
        return threading.Event()


class Servable(Protocol):
    """What a thread serves."""

    def serve(self) -> bool:
        """Do one piece of work; return whether there is more of it already."""
        ...


class ThreadCrew:
    """Threads that serve: started when all others are at work, used again, ended with the process.

    Args:
        most: how many there may be.

    Attributes:
        ready: what waits to be served.
    """

    def __init__(self, most: int) -> None:
        self.ready: deque[Servable] = deque()
        self._most = most
        self._work: queue.SimpleQueue[Servable] = queue.SimpleQueue()
        self._threads = 0
        self._in_work = 0
        self._lock = threading.Lock()

    def run_ready(self) -> None:
        """Give all that is ready to threads; called by one thread only."""
        while self.ready:
            with self._lock:
                self._in_work += 1
                is_short = self._in_work > self._threads < self._most
                if is_short:
                    self._threads += 1
            self._work.put(self.ready.popleft())
            if is_short:
                threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            servable = self._work.get()
            if servable.serve():
                self._work.put(servable)
            else:
                with self._lock:
                    self._in_work -= 1
