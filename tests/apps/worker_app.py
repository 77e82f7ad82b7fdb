"""A plain WSGI application with a path for each thing that a worker has to do: ``tests.apps.worker_app:app``.

Nothing of it names a hub: what it waits with is the standard library's, which the worker has made cooperative.
"""

from __future__ import annotations

import array
import builtins
import contextvars
import fcntl
import functools
import io
import json
import os
import sys
import tempfile
import termios
import threading
import time
from urllib.parse import parse_qsl

from brubeck_wsgi.concurrency import spawn

FILE_LINES = 300_000
SHORT_FILE = b"a file\n"

LOADED_BY = os.getpid()

routes = {}
happened = []  # what handlers note, for /happened to tell
waiting = {}  # what handlers wait for, and the events that end it
variable = contextvars.ContextVar("variable", default="unset")
local = threading.local()


def route(path):
    """Answer *path* with the decorated function, which takes the query as keyword arguments besides."""

    def add(answer):
        routes[path] = answer
        return answer

    return add


def app(environ, start_response):
    answer = routes.get(environ["PATH_INFO"], not_found)
    return answer(environ, start_response, **dict(parse_qsl(environ["QUERY_STRING"])))


def respond(start_response, body, status="200 OK", **headers):
    start_response(status, [("Content-Type", "text/plain"), *((k.replace("_", "-"), v) for k, v in headers.items())])
    return [body]


def not_found(environ, start_response, **query):
    return respond(start_response, b"not found", "404 Not Found")


@route("")  # OPTIONS *
@route("/")
def hello(environ, start_response, **query):
    return respond(start_response, b"hello")


# -- the request's side


@route("/environ")
def show_environ(environ, start_response, **query):
    shown = {key: value for key, value in environ.items() if isinstance(value, (str, bool, tuple))}
    shown["keys"] = sorted(environ)
    return respond(start_response, json.dumps(shown).encode())


@route("/echo")
def echo(environ, start_response, **query):
    return respond(start_response, environ["wsgi.input"].read())


READERS = {
    "read": lambda body: [body.read()],
    "read-none": lambda body: [body.read(None)],
    "sizes": lambda body: list(iter(lambda: body.read(3), b"")),
    "past": lambda body: [body.read(1_000_000), body.read(1), body.readline(), body.read()],
    "readline": lambda body: list(iter(body.readline, b"")),
    "readline-sizes": lambda body: list(iter(lambda: body.readline(4), b"")),
    "readlines": lambda body: body.readlines(),
    "readlines-hint": lambda body: [*body.readlines(1), b"|", *body.readlines()],
    "iteration": list,
}


@route("/read")
def read(environ, start_response, by):
    pieces = READERS[by](environ["wsgi.input"])
    return respond(start_response, json.dumps([piece.decode() for piece in pieces]).encode())


@route("/read-piece-by-piece")
def read_piece_by_piece(environ, start_response):
    """Answer each line of the body while the next may not have been sent."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return map(bytes.upper, environ["wsgi.input"])


@route("/unread")
def unread(environ, start_response, **query):
    return respond(start_response, b"did not look")


@route("/begin-then-read")
def begin_then_read(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun "
    yield environ["wsgi.input"].read()


@route("/fails-reading")
def fail_reading(environ, start_response):
    try:
        environ["wsgi.input"].read()
    except OSError as error:
        happened.append(f"{type(error).__name__}: {error}")
        raise
    return respond(start_response, b"read it")


# -- the answer's side


@route("/answer")
def answer(environ, start_response, status="200 OK", length=None, body="", pieces="list", **headers):
    """Answer what the query says: *body* is cut at commas; *pieces* is how they are returned."""
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    if length is not None:
        fields.append(("Content-Length", length))
    parts = [part.encode() for part in body.split(",")] if body else []
    write = start_response(status, fields)
    if pieces == "write":
        for part in parts:
            write(part)
        return []
    if pieces == "write-then-list":
        write(parts[0])
        return parts[1:]
    return {"list": list, "tuple": tuple, "iterator": iter, "generator": lambda parts: (p for p in parts)}[pieces](
        parts
    )


@route("/bytes")
def many_bytes(environ, start_response, count, step="0"):
    """Answer *count* bytes, in pieces of *step* if that is not 0."""
    if step == "0":
        return respond(start_response, bytes(int(count)))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (bytes(min(int(step), int(count) - sent)) for sent in range(0, int(count), int(step)))


@functools.cache
def file_of_lines():
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.writelines(b"%07d\n" % number for number in range(FILE_LINES))
    return file.name


@route("/file")
def send_file(environ, start_response, offset="0", length=None, large="", in_memory=""):
    """Answer a file by wsgi.file_wrapper: a large one, a short one, or one that is not on disk."""
    if in_memory:
        file = io.BytesIO(SHORT_FILE)
    elif large:
        file = open(file_of_lines(), "rb")  # noqa: SIM115  # the server closes it
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115  # the same
        file.write(SHORT_FILE)
        file.seek(int(offset))
    start_response("200 OK", [("Content-Type", "text/plain")] + ([("Content-Length", length)] if length else []))
    wrapped = environ["wsgi.file_wrapper"](Noting(file))
    happened.append(f"wrapper is {type(wrapped).__module__}")
    return wrapped


class Noting:
    """A file that notes when it is read in Python, and when it is closed."""

    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, *size):
        happened.append("file read")
        return self._file.read(*size)

    def close(self):
        happened.append("file closed")
        self._file.close()


@route("/hints")
def early_hints(environ, start_response, late=""):
    hint = environ["wsgi.early_hints"]
    if not late:
        hint([("Link", "</one.css>; rel=preload")])
        hint([("Link", "</two.css>; rel=preload")])
        return respond(start_response, b"hinted")
    start_response("200 OK", [("Content-Length", "4")])(b"la")
    hint([("Link", "</late.css>; rel=preload")])
    return [b"te"]


@route("/raise")
def fail(environ, start_response, kind="ValueError", after=""):
    """Raise what *kind* names: at once, after start_response, or after the first piece of the body."""
    error = getattr(builtins, kind)("raised on purpose")
    if not after:
        raise error
    start_response("200 OK", [("Content-Type", "text/plain")])
    if after == "start":
        raise error

    def pieces():
        yield b"the first piece"
        raise error

    return pieces()


@route("/complain")
def complain(environ, start_response):
    environ["wsgi.errors"].writelines(["a complaint, ", "in two parts\n"])
    environ["wsgi.errors"].flush()
    return respond(start_response, b"complained")


@route("/replace")
def replace(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        raise ValueError("raised on purpose")
    except ValueError:
        start_response("503 Service Unavailable", [("X-Replaced", "yes")], sys.exc_info())
    return [b"sorry"]


# -- time, and who is there


@route("/hold")
def hold(environ, start_response, name="somebody"):
    """Answer when /release is asked for."""
    waiting[name] = threading.Event()
    waiting[name].wait(30)
    del waiting[name]
    return respond(start_response, b"released")


@route("/release")
def release(environ, start_response):
    for event in waiting.values():
        event.set()
    return respond(start_response, b"")


@route("/waiting")
def tell_waiting(environ, start_response):
    return respond(start_response, json.dumps(list(waiting)).encode())


@route("/sleep")
def sleep(environ, start_response, seconds):
    time.sleep(float(seconds))
    return respond(start_response, b"slept")


@route("/block")
def block(environ, start_response):
    """Keep the loop from turning, as a handler does that computes for long."""
    while True:
        pass


@route("/disconnected")
def wait_for_disconnect(environ, start_response, by="wait"):
    has_left = environ["brubeck.disconnected"]
    happened.append("before" if not has_left.is_set() else "left already")
    waiting["disconnected"] = None
    if by == "wait":
        has_left.wait(20)
    else:
        while not has_left.is_set():
            time.sleep(0.01)
    del waiting["disconnected"]
    happened.append(f"left {has_left.is_set()}")
    return respond(start_response, b"still there")


@route("/endless")
def endless(environ, start_response, size="1000"):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Endless(int(size))


class Endless:
    """A body that goes on until it is closed; it notes that."""

    def __init__(self, size):
        self._piece = bytes(size)

    def __iter__(self):
        return self

    def __next__(self):
        time.sleep(0.005)
        return self._piece

    def close(self):
        happened.append("closed")


@route("/upgrade")
def upgrade(environ, start_response, seconds="10"):
    """Echo in capitals after a 101; note what ends it."""
    tunnel = environ["brubeck.upgrade"]("echo", [("X-Extra", "yes")])
    while True:
        received = tunnel.receive(1000, float(seconds))
        if not received:
            break
        tunnel.send(received.upper())
    happened.append(f"tunnel ended with {received!r}, left {tunnel.has_left}")
    if received is None:
        tunnel.send(b"too late")
    return []


@route("/upgrade-greedy")
def upgrade_greedy(environ, start_response, count):
    """Receive what is all there already; note when somebody else has run meanwhile."""
    tunnel = environ["brubeck.upgrade"]("greedy")
    descriptor = environ["gunicorn.socket"].fileno()
    there = array.array("i", [0])
    while there[0] < int(count):
        time.sleep(0.01)
        fcntl.ioctl(descriptor, termios.FIONREAD, there)
    received = 0
    others = []
    spawn(lambda: others.append(received))
    while received < int(count):
        received += len(tunnel.receive(1000))
    happened.append(f"others ran {'meanwhile' if others else 'afterwards'}")
    return []


@route("/upgrade-flood")
def upgrade_flood(environ, start_response, count):
    """Send while another greenlet receives."""
    tunnel = environ["brubeck.upgrade"]("flood")
    sender = threading.Thread(target=lambda: tunnel.send(bytes(int(count))))
    sender.start()
    received = b""
    while len(received) < int(count):
        piece = tunnel.receive()
        if not piece:
            break
        received += piece
    sender.join()
    happened.append(f"flood received {len(received)}")
    return []


@route("/take-over")
def take_over(environ, start_response):
    """Speak a protocol of one's own over the socket, as WebSocket libraries do under Gunicorn."""
    sock = environ["gunicorn.socket"]
    sock.sendall(b"taken\n")
    while data := sock.recv(1000):
        sock.sendall(data.upper())
    sock.close()
    happened.append("take-over ended")
    return []


@route("/peek-socket")
def peek_socket(environ, start_response):
    sock = environ["gunicorn.socket"]
    return respond(start_response, f"{sock.getpeername()[1]}".encode())


@route("/happened")
def tell_happened(environ, start_response):
    told = json.dumps(happened).encode()
    happened.clear()
    return respond(start_response, told)


@route("/leak")
def leak(environ, start_response, value, wait=""):
    """Answer what an earlier request left in this greenlet, and leave *value*."""
    found = [variable.get(), getattr(local, "value", "unset")]
    variable.set(value)
    local.value = value
    if wait:
        time.sleep(0.001)
        found += [variable.get(), local.value]
    return respond(start_response, json.dumps(found).encode())


@route("/process")
def process(environ, start_response):
    """Tell what there is to know about the process."""
    return respond(
        start_response,
        json.dumps(
            {
                "pid": os.getpid(),
                "parent": os.getppid(),
                "loaded_by": LOADED_BY,
                "modules": sorted({name.partition(".")[0] for name in sys.modules} & {"gevent", "eventlet"}),
                "sleep": time.sleep.__module__,
            }
        ).encode(),
    )


@route("/who")
def who(environ, start_response):
    answer = {"pid": os.getpid(), "body": environ["wsgi.input"].read().decode()}
    return respond(start_response, json.dumps(answer).encode())


@route("/exhaust")
def exhaust(environ, start_response, seconds):
    """Use all descriptors for so many seconds, once this has been answered."""

    def use_all():
        time.sleep(0.05)
        files = []
        try:
            while True:
                files.append(os.dup(0))
        except OSError:
            happened.append("exhausted")
            time.sleep(float(seconds))
        for file in files:
            os.close(file)

    threading.Thread(target=use_all).start()
    return respond(start_response, b"soon")


@route("/upgrade-two")
def upgrade_two(environ, start_response):
    """Send more than the client reads while another greenlet waits to receive, for long."""
    tunnel = environ["brubeck.upgrade"]("two")

    def flood():
        try:
            tunnel.send(bytes(50_000_000))
        except OSError as error:
            happened.append(f"flood ended with {type(error).__name__}")

    threading.Thread(target=flood).start()
    happened.append(f"received {tunnel.receive(10, 15)!r}")
    return []


@route("/later")
def tell_later(environ, start_response):
    """Answer, and have a greenlet note when the client has left."""
    has_left = environ["brubeck.disconnected"]
    began = time.monotonic()

    def note():
        is_told = has_left.wait(20)
        happened.append(f"left {is_told}, {'at once' if time.monotonic() - began < 10 else 'late'}")

    threading.Thread(target=note).start()
    return respond(start_response, b"answered")
