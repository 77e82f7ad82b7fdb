"""An application whose handlers hold the loop: ``tests.apps.deadline_watch:app``."""

from __future__ import annotations

import logging
import signal
import time

from brubeck_wsgi import Brubeck, WebMessageHandler
from brubeck_wsgi.concurrency import sleep, spawn

logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
app = Brubeck(watchdog=0.5)
shedding = Brubeck(max_lag=0.6)
app.log_running_on(signal.SIGUSR2)


def spin(seconds):
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        pass


@app.route("/spin/{seconds:float}")
@shedding.route("/spin/{seconds:float}")
class Spinner(WebMessageHandler):
    def get(self, seconds):
        spin(seconds)
        return "spun"


@app.get("/spin-in-stream")
def stream(application, message):
    yield "begun"
    spin(1.2)
    yield "spun"


@app.get("/wait")
def wait(application, message):
    sleep(20)
    return "waited"


@app.get("/wait-in-task")
def wait_in_task(application, message):
    spawn(sleep, 20)
    return "spawned"


@app.get("/counted")
def tell_counted(application, message):
    watchdog = application.watchdog
    return {"blocks": watchdog.blocks, "seconds": watchdog.blocked_seconds, "lag": watchdog.lag}


@app.get("/running")
def tell_running(application, message):
    return application.running()


@app.get("/")
@shedding.get("/")
def hello(application, message):
    return "hello"
