"""Figures of one process, kept in it: for an application that shows them its own way."""

from __future__ import annotations

from _thread import allocate_lock
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from brubeck_wsgi.concurrency.tasks import running
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.metrics.observing import Observing

if TYPE_CHECKING:
    from brubeck_wsgi.app import Brubeck

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes that durations are counted in, in seconds; what takes longer is a class of its own."""


def checked_buckets(buckets: Sequence[float]) -> tuple[float, ...]:
    """Return *buckets*; `ConfigurationError` unless they are seconds that rise."""
    found = tuple(buckets)
    is_good = bool(found) and all(isinstance(bound, int | float) and bound > 0 for bound in found)
    if not is_good or list(found) != sorted(set(found)):
        raise ConfigurationError(f"expected buckets as seconds, each more than the one before, got {buckets!r:.80}")
    return found


class Vitals(NamedTuple):
    """How a process does.

    Attributes:
        lag: by how many seconds its loop is late.
        blocks: how often somebody has held the loop for longer than the watchdog's threshold.
        blocked_seconds: for how long, all in all.
        tasks: how many tasks run.
    """

    lag: float
    blocks: int
    blocked_seconds: float
    tasks: int


def vitals(app: Brubeck) -> Vitals:
    """Return how this process does; what only the watchdog knows is 0 in an application that has none."""
    watchdog = app.watchdog
    if watchdog is None:
        return Vitals(0.0, 0, 0.0, len(running))
    return Vitals(watchdog.lag, watchdog.blocks, watchdog.blocked_seconds, len(running))


class Durations:
    """How long the requests of one route and method took.

    Attributes:
        count: how many there were.
        seconds: how long they took together.
        buckets: how many fell in each class; the last is of those beyond all bounds.
    """

    __slots__ = ("buckets", "count", "seconds")

    def __init__(self, bounds: int) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * (bounds + 1)


class Metrics:
    """Counts the requests of an application in this process; a `brubeck_wsgi.metrics.Recorder`.

    Args:
        buckets: upper bounds of the classes that durations are counted in, in seconds, rising.

    Attributes:
        bounds: the same.
        requests: how many are over, by (route, method, status).
        durations: how long they took, by (route, method).
        in_flight: how many are not over.
    """

    def __init__(self, buckets: Sequence[float] = BUCKETS) -> None:
        self.bounds = checked_buckets(buckets)
        self.requests: dict[tuple[str, str, str], int] = {}
        self.durations: dict[tuple[str, str], Durations] = {}
        self.in_flight = 0
        self._app: Brubeck | None = None
        self._changing = allocate_lock()  # held for a few steps that never wait

    def install(self, app: Brubeck) -> Metrics:
        """Count the requests of *app* from now on; best when all other middleware has been added."""
        self._app = app
        app.note_routes()
        app.add_middleware(Observing, self)
        return self

    def begin(self) -> None:
        """Take note that a request has begun."""
        with self._changing:
            self.in_flight += 1

    def end(self, route: str, method: str, status: str, seconds: float) -> None:
        """Take note that a request is over; see `brubeck_wsgi.metrics.Recorder`."""
        with self._changing:
            self.in_flight -= 1
            key = route, method, status
            self.requests[key] = self.requests.get(key, 0) + 1
            durations = self.durations.get((route, method))
            if durations is None:
                durations = self.durations[route, method] = Durations(len(self.bounds))
            durations.count += 1
            durations.seconds += seconds
            durations.buckets[bisect_left(self.bounds, seconds)] += 1

    def snapshot(self) -> dict[str, Any]:
        """Return all figures as what can be JSON: ``requests`` and ``durations`` as lists, and how the process does."""
        with self._changing:
            requests = [
                {"route": route, "method": method, "status": status, "count": count}
                for (route, method, status), count in self.requests.items()
            ]
            durations = [
                {
                    "route": route,
                    "method": method,
                    "count": one.count,
                    "seconds": one.seconds,
                    "buckets": dict(zip([f"{bound:g}" for bound in self.bounds] + ["inf"], one.buckets, strict=True)),
                }
                for (route, method), one in self.durations.items()
            ]
        figures = {"requests": requests, "durations": durations, "in_flight": self.in_flight}
        return figures if self._app is None else figures | vitals(self._app)._asdict()
