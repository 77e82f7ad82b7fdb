"""An application whose handlers put things off: ``tests.apps.deadline_scope:app``."""

from __future__ import annotations

import sys

from brubeck_wsgi import Brubeck, WebMessageHandler
from brubeck_wsgi.concurrency import Event, sleep

app = Brubeck()
running = []
gate = Event()


def wait_for_the_gate():
    running.append(True)
    gate.wait()
    gate.clear()
    running.clear()


def take_a_moment():
    sleep(1)
    print("the deferred call is over", file=sys.stderr, flush=True)


@app.route("/defer")
class Deferring(WebMessageHandler):
    def get(self):
        self.defer(wait_for_the_gate)
        return "answered"


@app.route("/defer-without-content")
class DeferringWithoutContent(WebMessageHandler):
    def get(self):
        self.defer(wait_for_the_gate)
        return None, 204


@app.route("/defer-a-moment")
class DeferringForAMoment(WebMessageHandler):
    def get(self):
        self.defer(take_a_moment)
        return "answered"


@app.get("/running")
def tell_running(application, message):
    sleep(0.05)
    return str(len(running))


@app.get("/let-go")
def let_go(application, message):
    gate.set()
    return "let go"


@app.get("/")
def hello(application, message):
    return "hello"
