"""Worker classes for Gunicorn, on gevent and on eventlet, for any WSGI application.

``gunicorn -k brubeck_wsgi.workers.GeventWorker``, ``-k egg:brubeck-wsgi#gevent``, or, where gunicorn.conf.py calls
`register`, plain ``-k gevent`` and ``-k eventlet``.
"""

from __future__ import annotations

from brubeck_wsgi.workers.worker import EventletWorker, GeventWorker

__all__ = ["EventletWorker", "GeventWorker", "register"]


def register() -> None:
    """Let ``-k gevent`` and ``-k eventlet`` mean these workers; call it in gunicorn.conf.py."""
    from gunicorn.workers import SUPPORTED_WORKERS  # type: ignore[import-untyped]  # Gunicorn has no annotations

    for worker in (GeventWorker, EventletWorker):
        SUPPORTED_WORKERS[worker.hub_name] = f"{__name__}.{worker.__name__}"
