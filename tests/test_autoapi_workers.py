"""The change feed of an API that several workers serve: it is one, whichever of them a client talks to."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing, contextmanager

import pytest
from redis_server import running_redis
from servers import free_port, running

pytestmark = pytest.mark.serving

MOST_CONNECTIONS = 6
PLACES = [
    pytest.param(("Gevent", "sqlite"), id="gevent, SQLite, ZeroMQ"),
    pytest.param(("Eventlet", "sqlite"), id="eventlet, SQLite, ZeroMQ"),
    pytest.param(("Gevent", "redis"), id="gevent, Redis", marks=pytest.mark.redis),
]


@pytest.fixture(params=PLACES)
def server(request, tmp_path):
    """Two workers of one server, neither of which has room for all clients."""
    pytest.importorskip("sqlalchemy")
    hub, store = request.param
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", f"brubeck_wsgi.workers.{hub}Worker", "-w", "2"]
    command += ["-b", f"127.0.0.1:{port}", "--worker-connections", str(MOST_CONNECTIONS), "--keep-alive", "60"]
    with ExitStack() as stack:
        place = {"TODO_DATABASE": str(tmp_path / "todo.sqlite")}
        if store == "redis":
            place = {"REDIS_URL": stack.enter_context(running_redis())}
        yield stack.enter_context(running([*command, "tests.apps.autoapi_workers_app:app"], port, **place))


@contextmanager
def connections(server):
    """Yield connections to the workers, two to each, as lists."""
    by_worker = {}
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS + 3):
            client = stack.enter_context(closing(server.connect()))
            by_worker.setdefault(text_of(client, "GET", "/"), []).append(client)
            if sorted(map(len, by_worker.values()))[-2:] >= [2, 2] and len(by_worker) == 2:
                break
        yield [clients[:2] for clients in by_worker.values()]


def text_of(client, method, path, data=None):
    client.request(method, path, None if data is None else json.dumps(data), {"Content-Type": "application/json"})
    return client.getresponse().read()


class Stream:
    """The change feed over a connection, which is then of no more use."""

    def __init__(self, client, after=None):
        headers = {"Accept": "text/event-stream"} | ({} if after is None else {"Last-Event-ID": after})
        client.request("GET", "/todo/?completed=false", headers=headers)
        self._answer = client.getresponse()
        assert self._answer.status == 200
        self.position = None

    def next(self):
        """Wait for the next event, and return its name and the title of its object."""
        fields = {}
        while line := self._answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                self.position = fields["id"]
                return fields["event"], json.loads(fields["data"]).get("title")
            else:
                fields = {}
        raise AssertionError("the stream has ended")


def make(client, title):
    return json.loads(text_of(client, "POST", "/todo/", {"title": title}))["id"]


def test_change_through_one_worker_reaches_the_streams_of_both(server):
    with connections(server) as ((here, to_here), (there, to_there)):
        streams = [Stream(here), Stream(there)]
        assert [stream.next()[0] for stream in streams] == ["ready", "ready"]

        identity = make(to_here, "made here")
        told = [[stream.next() for stream in streams]]
        text_of(to_there, "PATCH", f"/todo/{identity}", {"title": "changed there"})
        told.append([stream.next() for stream in streams])
        text_of(to_here, "PATCH", f"/todo/{identity}", {"completed": True})
        told.append([stream.next() for stream in streams])

    expected = [("create", "made here"), ("update", "changed there"), ("delete", "changed there")]
    assert told == [[event, event] for event in expected]


def test_client_misses_nothing_when_it_comes_back_to_another_worker(server):
    with connections(server) as ((here, to_here), (there, to_there)):
        stream = Stream(here)
        stream.next()
        make(to_there, "before")
        assert stream.next() == ("create", "before")
        here.close()
        titles = {f"{number} {'there' if number % 2 else 'here'}" for number in range(6)}
        for title in sorted(titles):
            make(to_there if title.endswith("there") else to_here, title)

        again = Stream(there, after=stream.position)

        assert again.next()[0] == "ready"
        assert {again.next() for _ in titles} == {("create", title) for title in titles}
        make(to_here, "after")
        assert again.next() == ("create", "after")
