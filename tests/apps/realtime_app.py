"""Event streams and WebSockets of all kinds, and what became of them: for any door."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import Any

from brubeck_wsgi import Brubeck, EventStreamHandler, ServiceUnavailable, Unauthorized, WebSocketHandler
from brubeck_wsgi.concurrency import Queue, sleep
from brubeck_wsgi.handlers.events import ServerSentEvent, event_stream

notes: list[list[Any]] = []
app = Brubeck(timeout=0.3)  # for others: streams and WebSockets are not bound by it


@app.get("/")
def ready(application, message):
    return "ready"


@app.get("/notes")
def what_happened(application, message):
    return notes


# -- event streams


@app.route("/events")
class Events(EventStreamHandler):
    retry = 2500

    def events(self):
        begin = int(self.last_event_id or 0)
        for number in range(begin + 1, begin + 4):
            yield ServerSentEvent({"number": number}, event="count", id=number)
        yield "one line\nand another"


@app.route("/slow-events")
class SlowEvents(EventStreamHandler):
    def events(self):
        for number in range(3):
            sleep(0.2)
            yield number


@app.route("/silence/{name}")
class Silence(EventStreamHandler):
    heartbeat = 0.2

    def events(self, name):
        try:
            yield "begun"
            queue.Queue().get()
        finally:
            notes.append([name, "closed"])

    def on_finish(self):
        notes.append([self.message.path, "finished"])


@app.route("/deaf-silence/{name}")
class DeafSilence(Silence):
    """As it is where the server does not tell that a client has left."""

    stop_on_disconnect = False


@app.get("/function-events/{count:int}", timeout=None)
def function_events(application, message, count):
    return event_stream(message, ([number] for number in range(count)))


@app.route("/broken-events")
class BrokenEvents(EventStreamHandler):
    def events(self):
        yield "one"
        sleep(0.2)  # Mongrel2 throws away what it has not yet passed on
        raise RuntimeError("on purpose")


# -- WebSockets


class Noting(WebSocketHandler):
    def on_close(self, code, reason):
        notes.append([self.message.path, code, reason])


@app.route("/echo")
class Echo(Noting):
    max_message_size = 16 * 1024 * 1024 + 1

    def websocket(self, ws):
        for message in ws:
            ws.send(message)


@app.route("/hooks/{name}")
class Hooks(WebSocketHandler):
    """With the names that hooks have elsewhere; ``self.message`` is the request nevertheless."""

    def open(self, name):
        self.ws.send(f"hello {name} at {self.message.path}")

    def message(self, message):
        self.ws.send(message[::-1])

    def close(self, code, reason):
        notes.append([self.message.path, code, reason])


@app.websocket("/function/{count:int}", subprotocols=["counting"])
def count(application, message, ws, count):
    for number in range(count):
        ws.send_json({"number": number, "protocol": ws.subprotocol})
    ws.close(3001, "that was all")


@dataclass
class Move:
    piece: str
    square: str


@app.route("/moves")
class Moves(Noting):
    def websocket(self, ws):
        ws.send_json(ws.receive_json())
        while True:
            move = ws.receive_model(Move)
            ws.send_json({"moved": move.piece, "to": move.square})


@app.route("/members")
class Members(Noting):
    def prepare(self):
        if self.get_argument("key") != "secret":
            raise Unauthorized("members only")
        self.headers["X-Member"] = "yes"
        self.set_cookie("seen", "1")

    def websocket(self, ws):
        ws.send("welcome")


@app.route("/fail")
class Fail(Noting):
    def websocket(self, ws):
        ws.send("soon")
        raise RuntimeError("on purpose")


@app.route("/busy")
class Busy(Noting):
    def websocket(self, ws):
        raise ServiceUnavailable("come back later")


@app.route("/small")
class Small(Noting):
    max_message_size = 1000
    allowed_origins = ("https://friend.example",)
    ping_interval = 0.3

    def websocket(self, ws):
        for message in ws:
            ws.send(message)


@app.route("/patience")
class Patience(Noting):
    def websocket(self, ws):
        try:
            ws.receive(timeout=0.05)
        except TimeoutError as error:
            ws.send(str(error))


@app.route("/flood")
class Flood(Noting):
    """Says more than anybody wants to hear, to one who does not listen."""

    def websocket(self, ws):
        for number in range(10_000):
            notes.append(["flood", number]) if number % 10 == 0 else None
            ws.send(b"x" * 65536)


@app.route("/beside")
class Beside(Noting):
    def websocket(self, ws):
        self.tasks.spawn(self.tick, ws)
        for message in ws:
            ws.send(message)

    def tick(self, ws):
        try:
            ws.send("tick")
            Queue().get()
        finally:
            notes.append(["tick", "ended"])
