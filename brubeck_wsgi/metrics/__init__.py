"""Figures of an application: how many requests, how they ended, how long they took; and how its process does.

Nothing is counted until `Metrics` or `PrometheusMetrics` is installed in an application.
"""

from brubeck_wsgi.metrics.figures import Metrics
from brubeck_wsgi.metrics.observing import UNKNOWN_METHOD, UNKNOWN_ROUTE, Observing, Recorder
from brubeck_wsgi.metrics.prometheus import PrometheusMetrics
from brubeck_wsgi.metrics.sharing import share_metrics

__all__ = [
    "UNKNOWN_METHOD",
    "UNKNOWN_ROUTE",
    "Metrics",
    "Observing",
    "PrometheusMetrics",
    "Recorder",
    "share_metrics",
]
