"""Figures for Prometheus, of one process or of all workers of a server (https://prometheus.io/docs/concepts/)."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from brubeck_wsgi.concurrency import current
from brubeck_wsgi.errors import ConfigurationError, MissingLibrary, ServiceUnavailable
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.metrics.endpoint import Endpoint
from brubeck_wsgi.metrics.figures import BUCKETS, Vitals, checked_buckets, vitals
from brubeck_wsgi.metrics.observing import Observing
from brubeck_wsgi.metrics.sharing import adding_up, bury_the_dead, join, shared_directory

if TYPE_CHECKING:
    from brubeck_wsgi.app import Brubeck

logger = logging.getLogger("brubeck.metrics")

_OPEN_METRICS = "application/openmetrics-text"
_PLAIN_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_VITALS_SECONDS = 1.0
_ALONE = (
    "this worker counts alone, and a page of one of several would be wrong: call "
    "brubeck_wsgi.metrics.share_metrics() in gunicorn.conf.py"
)


class PrometheusMetrics:
    """Counts requests for Prometheus; a `brubeck_wsgi.metrics.Recorder`.

    Args:
        registry: where to register; None for the registry of ``prometheus_client`` that everybody uses. Where workers
            count together (`share_metrics`) the page has all that any of them has registered anywhere.
        namespace: what the names begin with.
        buckets: upper bounds of the classes that durations are counted in, in seconds, rising.

    Raises:
        MissingLibrary: ``prometheus_client`` is not installed.
        ConfigurationError: the buckets cannot be used, the names are registered already, or ``prometheus_client`` was
            imported before `share_metrics` was called.
    """

    def __init__(self, *, registry: Any = None, namespace: str = "brubeck", buckets: Sequence[float] = BUCKETS) -> None:
        try:
            import prometheus_client
        except ImportError as error:
            raise MissingLibrary("prometheus_client", "prometheus") from error
        self._client = prometheus_client
        self._registry = prometheus_client.REGISTRY if registry is None else registry
        self._directory = shared_directory()
        self._app: Brubeck | None = None
        self._known = Vitals(0.0, 0, 0.0, 0)
        self._children: dict[tuple[str, str, str], tuple[Any, Any]] = {}
        self._has_begun = False
        self._begin_process()
        try:
            self._make(namespace, checked_buckets(buckets))
        except ValueError as error:
            raise ConfigurationError(f"cannot register the metrics: {error}") from error
        _in_this_process.add(self)

    def install(self, app: Brubeck, path: str | None = "/metrics", token: str | None = None) -> PrometheusMetrics:
        """Count the requests of *app* from now on; best when all other middleware has been added.

        Args:
            app: the application.
            path: where it shows the figures; None for nowhere.
            token: what Prometheus has to send as a bearer token, 16 characters or more; None to show them only to
                clients on this machine that no proxy stands for.
        """
        self._app = self._app or app
        app.note_routes()
        app.add_middleware(Observing, self)
        if path is not None:
            app.add_middleware(Endpoint, path, token, self._page)
        return self

    def begin(self) -> None:
        """Take note that a request has begun."""
        if not self._has_begun:
            self._begin_process()
        self._in_flight.inc()

    def end(self, route: str, method: str, status: str, seconds: float) -> None:
        """Take note that a request is over; see `brubeck_wsgi.metrics.Recorder`."""
        key = route, method, status
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = self._requests.labels(*key), self._durations.labels(route, method)
        children[0].inc()
        children[1].observe(seconds)
        self._in_flight.dec()

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the figures as Prometheus reads them, and their Content-Type.

        Args:
            accept: the Accept header of whoever asks, which decides on the format.
        """
        self._take_vitals()
        generate: Any = self._client.generate_latest  # the two have different arguments after the first
        content_type = _PLAIN_TEXT
        if _OPEN_METRICS in accept:
            from prometheus_client.openmetrics import exposition

            generate, content_type = exposition.generate_latest, exposition.CONTENT_TYPE_LATEST
        if self._directory is None:
            return generate(self._registry), content_type
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = self._client.CollectorRegistry()
        MultiProcessCollector(registry, str(self._directory))  # type: ignore[no-untyped-call]  # it has no annotations
        with adding_up(self._directory):
            bury_the_dead(self._directory)
            try:
                return generate(registry), content_type
            except struct.error:  # a worker begins in this moment, and has not written the first word of its file
                return generate(registry), content_type

    def _page(self, environ: Environ) -> tuple[bytes, str]:
        if self._directory is None and environ.get("wsgi.multiprocess"):
            logger.error("%s", _ALONE)
            raise ServiceUnavailable(_ALONE)
        return self.render(environ.get("HTTP_ACCEPT", ""))

    def _make(self, namespace: str, buckets: Sequence[float]) -> None:
        common: dict[str, Any] = {"registry": self._registry, "namespace": namespace}
        counter, gauge = self._client.Counter, self._client.Gauge
        self._requests = counter("requests", "Requests that are over.", ("route", "method", "status"), **common)
        self._durations = self._client.Histogram(
            "request_duration_seconds", "How long they took.", ("route", "method"), buckets=buckets, **common
        )
        self._in_flight = gauge(
            "requests_in_flight", "Requests that are not over.", multiprocess_mode="livesum", **common
        )
        self._lag = gauge(
            "loop_lag_seconds", "By how much the loop is late, of the latest.", multiprocess_mode="livemax", **common
        )
        self._tasks = gauge("tasks", "Tasks that run.", multiprocess_mode="livesum", **common)
        self._blocks = counter("loop_blocks", "How often somebody has held the loop.", **common)
        self._blocked = counter("loop_blocked_seconds", "For how long, all in all.", **common)

    def _begin_process(self) -> None:
        """Begin what belongs to this process, which may have been forked from another."""
        self._has_begun = True
        if self._directory is None:
            return
        join(self._directory)
        hub: Any = getattr(current(), "hub", None)
        if hub is not None:  # others may add up while this process has nothing to do
            hub.every(_VITALS_SECONDS, self._take_vitals)

    def _take_vitals(self) -> None:
        if self._app is None:
            return
        known, self._known = self._known, vitals(self._app)
        self._lag.set(self._known.lag)
        self._tasks.set(self._known.tasks)
        self._blocks.inc(max(self._known.blocks - known.blocks, 0))
        self._blocked.inc(max(self._known.blocked_seconds - known.blocked_seconds, 0.0))

    def _forget_parent(self) -> None:
        self._has_begun = False
        self._known = Vitals(0.0, 0, 0.0, 0)


_in_this_process: WeakSet[PrometheusMetrics] = WeakSet()


def _forget_parent() -> None:
    for metrics in list(_in_this_process):
        metrics._forget_parent()


os.register_at_fork(after_in_child=_forget_parent)
