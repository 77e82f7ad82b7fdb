"""An application whose handlers take too long, and note what becomes of them: ``tests.apps.deadline_app:app``."""

from __future__ import annotations

import gc
import logging
import os
import time

from brubeck_wsgi import Brubeck, WebMessageHandler
from brubeck_wsgi.concurrency import Event, shield, sleep, timeout

logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
app = Brubeck(timeout=5)
noted = []  # what handlers note, for /noted to tell
waiting = {}  # how many handlers wait, by path


def waits(path, **options):
    """Add a handler that notes how it ends, and counts while it waits."""

    def add(wait):
        def handler(application, message):
            waiting[path] = waiting.get(path, 0) + 1
            try:
                return wait(message) or "answered"
            finally:
                waiting[path] -= 1
                noted.append(path)

        app.route(path, ["GET", "POST"], **options)(handler)
        return wait

    return add


@app.get("/noted")
def tell_noted(application, message):
    told = list(noted)
    noted.clear()
    return told


@app.get("/waiting")
def tell_waiting(application, message):
    return {path: count for path, count in waiting.items() if count}


@app.get("/left-behind")
def tell_left_behind(application, message):
    """Tell what there is of tasks and descriptors."""
    from greenlet import greenlet

    gc.collect()
    greenlets = [one for one in gc.get_objects() if isinstance(one, greenlet) and not one.dead]
    return {"greenlets": len(greenlets), "descriptors": len(os.listdir("/proc/self/fd"))}


@app.get("/")
def hello(application, message):
    return "hello"


waits("/late", timeout=0.5)(lambda message: sleep(60))
waits("/late-in-library", timeout=0.5)(lambda message: time.sleep(60))
waits("/upstream", timeout=0.5, timeout_status=504)(lambda message: sleep(60))
waits("/second", timeout=None)(lambda message: sleep(1))
waits("/leave", timeout=None)(lambda message: sleep(60))
waits("/stay", timeout=None, stop_on_disconnect=False)(lambda message: sleep(0.6))
waits("/leave-always", timeout=None, stop_on_disconnect=True)(lambda message: sleep(60))


@waits("/late-in-body", timeout=0.5)
def read_body(message):
    return message.body


@waits("/shielded", timeout=0.2)
def commit(message):
    with shield():
        sleep(0.6)
        noted.append("committed")
    sleep(60)


@waits("/swallows", timeout=0.2)
def swallow_exceptions(message):
    try:
        sleep(60)
    except Exception:
        noted.append("swallowed")


@waits("/tighter", timeout=0.5)
def wait_with_a_tighter_limit(message):
    try:
        with timeout(0.1):
            sleep(60)
    except TimeoutError:
        return "in time"


class LateHandler(WebMessageHandler):
    timeout = 0.3
    timeout_status = 504

    def get(self):
        try:
            sleep(60)
        finally:
            noted.append("finally")

    def on_finish(self):
        noted.append("on_finish")


app.route("/late-class")(LateHandler)
app.route("/late-class-on-route", timeout_status=503)(LateHandler)


@app.get("/late-stream", timeout=0.5)
def stream(application, message):
    try:
        yield "begun"
        sleep(60)
        yield "never sent"
    finally:
        noted.append("stream closed")


@app.get("/leave-stream")
def stream_to_who_leaves(application, message):
    try:
        yield "begun"
        waiting["/leave-stream"] = 1
        sleep(60)
    finally:
        waiting["/leave-stream"] = 0
        noted.append("stream closed")


gate = Event()


@app.get("/wait-for-gate")
def wait_for_gate(application, message):
    gate.wait()
    return "through"


@app.get("/open-gate")
def open_gate(application, message):
    gate.set()
    return "open"
