"""An application whose requests are counted for Prometheus: ``tests.apps.metrics_app:app``."""

from __future__ import annotations

import logging
import os
import signal
import time

from brubeck_wsgi import Brubeck
from brubeck_wsgi.concurrency import Event
from brubeck_wsgi.metrics import PrometheusMetrics

logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
app = Brubeck(watchdog=0.5)
gate = Event()


@app.get("/")
def tell_process(application, message):
    return str(os.getpid())


@app.get("/die")
def die(application, message):
    os.kill(os.getpid(), signal.SIGKILL)


@app.get("/wait")
def wait(application, message):
    gate.wait()
    return "waited"


@app.get("/let-go")
def let_go(application, message):
    gate.set()
    return "let go"


@app.get("/stream")
def stream(application, message):
    yield "begun"
    gate.wait()
    yield "over"


@app.get("/spin")
def spin(application, message):
    ends = time.perf_counter() + 0.9
    while time.perf_counter() < ends:
        pass
    return "spun"


PrometheusMetrics().install(app)
