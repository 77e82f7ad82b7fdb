"""What the workers tell of requests, as Gunicorn's own do: access log, hooks, loggers of the user's, statsd."""

from __future__ import annotations

import re
import socket
from base64 import b64encode

import pytest

from tests.apps.worker_clients import HUBS, Client, ask, serving

pytestmark = pytest.mark.serving

STOCK = "gunicorn.workers.ggevent.GeventWorker"
SAME_ATOMS = [
    *("h", "l", "u", "r", "s", "m", "U", "q", "H", "B", "b", "f", "a", "T", "unknown"),
    *("{x-one}i", "{X-Two}i", "{host}i", "{content-type}i", "{content-length}i", "{missing}i"),
    *("{content-type}o", "{X-Out}o", "{content-length}o", "{missing}o"),
    *("{RAW_URI}e", "{server_protocol}e", "{http_x_one}e", "{wsgi.version}e", "{missing}e"),
]
ATOM_SHAPES = {
    "t": r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]",
    "p": r"<\d+>",
    "D": r"[1-9]\d{4}",  # microseconds, of a handler that takes some ten milliseconds
    "M": r"[1-9]\d",
    "L": r"0\.0[1-9]\d{4}",
}
ATOMS = [*SAME_ATOMS, *ATOM_SHAPES]
SEPARATOR = " | "
FORMAT = SEPARATOR.join(["100%%", *(f"%({atom})s" for atom in ATOMS)])
BY_GUNICORNS_LOGGER = f"{FORMAT}%({{x}}unknown)s"  # which is more than ours takes on


def authorized(credentials: bytes) -> str:
    return f"Authorization: Basic {b64encode(credentials).decode()}"


REQUESTS = [
    ("/answer?body=a,bc&X-Out=yes",),
    ("/answer?body=a&X-Out=%22q%22&pieces=generator",),
    ("/answer?body=a&status=204%20No%20Content",),
    ("/answer?body=a&status=299",),
    ("/answer?body=abc&length=2",),
    ("/no%20where?%22q%22=1", "X-One: 1", 'X-Two: a "q"', 'Referer: http://"x"/', 'User-Agent: te"st'),
    ("/", authorized(b"dave:secret")),
    ("/", authorized(b":secret")),
    ("/", authorized(b'd"a"ve:secret')),
    ("/", authorized(b"d\xffve:secret")),
    ("/", "Authorization: Basic !!!"),
    ("/", "Authorization: Bearer something"),
    ("/sleep?seconds=0.02",),
]


def lines_of(*options: str, log_format: str = FORMAT, hub: str = "gevent") -> list[dict[str, str]]:
    """Return what `REQUESTS` and some more have made a server write, as atoms with their values."""
    config = f"accesslog = '-'\naccess_log_format = {log_format!r}\n"
    with serving(hub, *options, config=config) as server:
        with Client(server) as client:
            client.ask("/echo", "Content-Type: text/x", method="POST", body=b"abcdef")
            client.ask("/answer?body=a&length=1", method="HEAD")
            client.ask(version="1.0")
        for request in REQUESTS:
            ask(server, *request)
        ask(server, "/file")

        def lines():
            return [line for line in server.output().splitlines() if line.startswith("100% | ")]

        expected = 1 + 3 + len(REQUESTS) + 1  # the first is of `serving`, to see whether it answers
        server.wait_until(lambda: len(lines()) >= expected, "log of all requests")
        return [dict(zip(ATOMS, line.split(SEPARATOR)[1:], strict=True)) for line in lines()[1:]]


@pytest.fixture(scope="module")
def stock_lines():
    return lines_of("-k", STOCK)


@pytest.mark.parametrize(
    ("hub", "log_format"), [("gevent", FORMAT), ("eventlet", FORMAT), ("gevent", BY_GUNICORNS_LOGGER)]
)
def test_access_log_says_what_gunicorn_says(stock_lines, hub, log_format):
    *lines, of_a_file = lines_of(log_format=log_format, hub=hub)

    for line, stock_line in zip(lines, stock_lines[:-1], strict=True):
        line["L"] = line["L"].removesuffix("-")  # the atom that is unknown to both
        assert {atom: line[atom] for atom in SAME_ATOMS} == {atom: stock_line[atom] for atom in SAME_ATOMS}
    for atom, shape in ATOM_SHAPES.items():
        assert re.fullmatch(shape, lines[-1][atom]), (atom, lines[-1][atom])
    assert of_a_file["B"] == "7"  # Gunicorn does not count what the kernel sends


JSON_LOG = """
import logging, sys

class Formatter(logging.Formatter):
    def format(self, record):  # as many do that make JSON of the atoms
        return f"path {record.args['U']}"

def make_handler():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter())
    return handler

logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"handlers": []},
    "handlers": {"mine": {"()": make_handler}},
    "loggers": {"gunicorn.access": {"level": "INFO", "handlers": ["mine"], "propagate": False}},
}
"""


def test_formatter_of_the_users_finds_the_atoms():
    with serving("gevent", config=JSON_LOG) as server:
        ask(server, "/x")

        server.wait_until(lambda: "path /x" in server.output(), "line of the user's formatter")


OWN_ACCESS = """
from gunicorn.glogging import Logger

class logger_class(Logger):
    def access(self, response, request, environ, time):
        if request.path == "/x":
            one = dict(request.headers)["X-ONE"]
            self.info("%s %s, %s bytes in %s", response.status, one, response.sent, time.days)
"""


def test_logger_of_the_users_writes_the_access_log():
    with serving("eventlet", config=OWN_ACCESS) as server:
        ask(server, "/x", "X-One: 1")

        server.wait_until(lambda: "404 Not Found 1, 9 bytes in 0" in server.output(), "line of the user's logger")


OWN_ATOMS = """
from gunicorn.glogging import Logger

class logger_class(Logger):
    def atoms(self, *args):
        return {**super().atoms(*args), "mine": "my own atom"}

    def now(self):
        return "my own time"

accesslog = "-"
access_log_format = "%(mine)s of %(m)s at %(t)s"
"""


def test_atoms_of_the_users_are_in_the_access_log():
    with serving("gevent", config=OWN_ATOMS) as server:
        server.wait_until(lambda: "my own atom of GET at my own time" in server.output(), "line of the user's atoms")


@pytest.mark.parametrize("hub", HUBS)
def test_statsd_is_told_of_each_request(hub):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(10)
        config = f"statsd_host = '127.0.0.1:{statsd.getsockname()[1]}'\nstatsd_prefix = 'site'\n"
        with serving(hub, config=config) as server:
            ask(server, "/nowhere")
            told = []
            while "site.gunicorn.request.status.404:1|c|@1.0" not in told:
                told.append(statsd.recv(1000).decode())

    assert "site.gunicorn.requests:1|c|@1.0" in told
    assert any(re.fullmatch(r"site\.gunicorn\.request\.duration:[\d.]+\|ms", line) for line in told)


# -- hooks

HOOKS = """
import os, sys

def note(text):
    os.write(2, f"hook {text}\\n".encode())

def on_starting(server): note("on_starting")
def when_ready(server): note("when_ready")
def nworkers_changed(server, new, old): note(f"nworkers_changed {old} {new}")
def pre_fork(server, worker): note("pre_fork")
def post_fork(server, worker): note("post_fork")
def post_worker_init(worker): note(f"post_worker_init {worker.hub_name}")
def worker_int(worker): note("worker_int")
def worker_exit(server, worker): note("worker_exit")
def child_exit(server, worker): note("child_exit")
def on_exit(server): note("on_exit")

def pre_request(worker, request):
    if request.path == "/hook-fails":
        raise ValueError("raised by the hook")
    if request.path == "/environ":
        request.headers.append(("X-BY-HOOK", "yes"))
        request.begun = "begun"
        line = f"{request.method} {request.scheme} {request.uri} {request.version}"
        note(f"pre_request {line}, {request.path} {request.query}")

def post_request(worker, request, environ, response):
    if request.path == "/environ":
        note(f"post_request {request.begun} {environ['PATH_INFO']} {response.status} {worker.hub_name}")
    if request.path == "/echo":
        raise ValueError("raised by the hook after it")
"""


@pytest.fixture(scope="module", params=HUBS)
def hooked(request):
    """A server with all hooks, its hub, and what it has answered; stopped in order."""
    with serving(request.param, config=HOOKS) as server:
        answers = [
            ask(server, "/environ?x=1"),
            ask(server, "/hook-fails"),
            ask(server, "/echo", method="POST", body=b"a"),
        ]
        server.stop()
        yield server, request.param, answers


def test_hooks_are_called_from_start_to_end(hooked):
    server, hub, _ = hooked

    noted = [line.removeprefix("hook ") for line in server.output().splitlines() if line.startswith("hook ")]

    before, after = ["pre_fork", "post_fork"], ["worker_exit", "child_exit", "on_exit"]
    beginning = ["nworkers_changed None 1", "on_starting", "when_ready"]
    request = [
        "pre_request GET http /environ?x=1 (1, 1), /environ x=1",
        f"post_request begun /environ 200 OK {hub}",
    ]
    assert noted == [*beginning, *before, f"post_worker_init {hub}", *request, *after]


def test_hook_before_a_request_can_add_a_header(hooked):
    assert hooked[2][0].json()["HTTP_X_BY_HOOK"] == "yes"


def test_hook_before_a_request_that_fails_is_answered_and_logged(hooked):
    assert hooked[2][1].status == 500
    assert "ValueError: raised by the hook\n" in hooked[0].output()


def test_hook_after_a_request_that_fails_is_logged(hooked):
    assert hooked[2][2].body == b"a"
    assert "ValueError: raised by the hook after it\n" in hooked[0].output()
