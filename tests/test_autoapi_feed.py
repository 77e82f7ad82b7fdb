"""The change feed of an API: who is told of what, and where they go on after they were away."""

from __future__ import annotations

import http.client
import json
from contextlib import closing, contextmanager
from urllib.parse import quote

import pytest
from servers import DEADLINE_SECONDS, free_port, running

from brubeck_wsgi.autoapi.feed import MOST_PASSED_OVER

pytestmark = pytest.mark.serving

STREAM = "text/event-stream"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture(scope="module")
def server():
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", "brubeck_wsgi.workers.GeventWorker", "-b", f"127.0.0.1:{port}"]
    with running([*command, "tests.apps.autoapi_feed_app:app"], port) as server:
        yield server


def send(server, method, path, data=None, **headers):
    with closing(server.connect()) as client:
        body = None if data is None else json.dumps(data)
        client.request(method, path, body, {"Content-Type": "application/json"} | headers)
        answer = client.getresponse()
        text = answer.read()
        return json.loads(text) if text else None


def status_of(server, path):
    """Return the status of the answer to who asks for a stream."""
    with closing(server.connect()) as client:
        client.request("GET", path, headers={"Accept": STREAM})
        return client.getresponse().status


@contextmanager
def listening(server, path, **headers):
    """Yield a function that waits for the next event, as (name, id, data)."""
    with closing(server.connect()) as client:
        client.request("GET", path, headers={"Accept": STREAM} | headers)
        answer = client.getresponse()
        assert answer.headers["Content-Type"].startswith(STREAM)

        def next_event():
            fields = {}
            while True:
                line = answer.readline().decode().rstrip("\n")
                if line.startswith(":") or (not line and "data" not in fields):
                    continue
                if not line:
                    return fields["event"], fields["id"], json.loads(fields["data"])
                name, _, value = line.partition(":")
                fields[name] = value.strip()

        yield next_event


def test_each_change_is_told_in_order(server):
    with listening(server, "/todo/") as next_event:
        assert next_event()[0] == "ready"
        todo = send(server, "POST", "/todo/", {"title": "a"})
        send(server, "PATCH", f"/todo/{todo['id']}", {"completed": True})
        send(server, "DELETE", f"/todo/{todo['id']}")

        events = [next_event() for _ in range(3)]

    assert [(name, data["id"], data["completed"]) for name, _, data in events] == [
        ("create", todo["id"], False),
        ("update", todo["id"], True),
        ("delete", todo["id"], True),
    ]
    assert events[0][2] == todo


def test_client_that_was_away_is_told_what_it_missed(server):
    with listening(server, "/todo/") as next_event:
        _, position, _ = next_event()
    titles = ["missed", "missed too"]
    for title in titles:
        send(server, "POST", "/todo/", {"title": title})

    with listening(server, "/todo/", **{"Last-Event-ID": position}) as next_event:
        events = [next_event() for _ in range(3)]

    assert [data.get("title") for _, _, data in events] == [None, *titles]


def test_client_that_missed_what_nobody_knows_any_more_is_told_to_read_the_list(server):
    with listening(server, "/todo/", **{"Last-Event-ID": "0-long-ago"}) as next_event:
        assert next_event()[0] == "reset"


def test_client_reads_the_list_where_a_change_is_too_large_to_be_told(server):
    with listening(server, "/todo/") as next_event:
        position = next_event()[1]
        send(server, "POST", "/todo/", {"title": "large", "labels": ["a label of 20 chars."] * 60_000})
        send(server, "POST", "/todo/", {"title": "small"})
        events = [next_event() for _ in range(2)]

    with listening(server, "/todo/", **{"Last-Event-ID": position}) as next_event:
        again = [next_event() for _ in range(3)]

    assert [(name, data.get("title")) for name, _, data in events] == [("reset", None), ("create", "small")]
    assert [name for name, _, _ in again] == ["ready", "reset", "create"]
    assert again[1:] == events


def test_each_client_sees_what_its_role_sees(server):
    with (
        listening(server, "/note/") as anybody,
        listening(server, "/note/", Authorization="Bearer ada-token") as ada,
    ):
        anybody(), ada()
        send(server, "POST", "/note/", {"text": "a", "secret": "s"}, Authorization="Bearer ada-token")

        assert "secret" not in anybody()[2]
        assert ada()[2]["secret"] == "s"


def test_filtered_feed_keeps_the_filtered_list_in_step(server):
    with listening(server, "/todo/?completed=false&order__ge=5") as next_event:
        assert next_event()[0] == "ready"
        send(server, "POST", "/todo/", {"title": "of no interest", "order": 1})
        todo = send(server, "POST", "/todo/", {"title": "a", "order": 5})
        place = f"/todo/{todo['id']}"
        send(server, "PATCH", place, {"order": 6})
        send(server, "PATCH", place, {"completed": True})
        send(server, "PATCH", place, {"title": "b"})
        send(server, "PATCH", place, {"completed": False})
        send(server, "PATCH", place, {"completed": True})
        send(server, "DELETE", place)
        last = send(server, "POST", "/todo/", {"title": "last", "order": 5})

        events = [next_event() for _ in range(7)]

    assert [(name, data["id"] == todo["id"], data["title"], data["completed"]) for name, _, data in events] == [
        ("create", True, "a", False),
        ("update", True, "a", False),
        ("delete", True, "a", True),
        ("delete", True, "b", True),
        ("update", True, "b", False),
        ("delete", True, "b", True),
        ("create", False, "last", False),
    ]
    assert events[-1][2]["id"] == last["id"]


def test_client_that_was_away_is_told_what_left_its_list(server):
    with listening(server, "/todo/?completed=false") as next_event:
        _, position, _ = next_event()
    todo = send(server, "POST", "/todo/", {"title": "a"})
    send(server, "PATCH", f"/todo/{todo['id']}", {"completed": True})

    with listening(server, "/todo/?completed=false", **{"Last-Event-ID": position}) as next_event:
        events = [next_event() for _ in range(3)]

    assert [name for name, _, _ in events] == ["ready", "create", "delete"]


def test_client_that_nothing_was_for_goes_on_behind_what_it_was_not_told(server):
    with closing(server.connect()) as client:
        client.request("GET", "/todo/?completed=false", headers={"Accept": STREAM})
        answer = client.getresponse()
        first = next_position(answer)
        for _ in range(2):
            send(server, "POST", "/todo/", [{"title": "done", "completed": True}] * 100)
        positions = [next_position(answer) for _ in range(200 // MOST_PASSED_OVER)]

    for position, expected in ((first, "reset"), (positions[-1], "ready")):
        with listening(server, "/todo/?completed=false", **{"Last-Event-ID": position}) as next_event:
            assert next_event()[0] == expected


def next_position(answer):
    """Wait for the next id in a stream."""
    while not (line := answer.readline().decode()).startswith("id: "):
        assert line
    return line.removeprefix("id: ").rstrip("\n")


@pytest.mark.parametrize(
    "query", ["limit=5", "offset=1", "cursor=x", "sort=order", "count=true", "nothing=1", "order=x"]
)
def test_feed_refuses_what_is_no_filter(server, query):
    for headers in ({"Accept": STREAM}, UPGRADE):
        with closing(server.connect()) as client:
            client.request("GET", f"/todo/?{query}", headers=headers)
            answer = client.getresponse()

            assert answer.status == 400
            assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ('/simple/?filter={"completed":false}', '/simple/?sort=["title","ASC"]'),
        ("/server/?completed=false", "/server/?_sort=title"),
    ],
)
def test_feed_is_filtered_in_the_words_of_each_dialect(server, path, refused):
    assert status_of(server, quote(refused, safe="/?=&_")) == 400
    with listening(server, quote(path, safe="/?=&_")) as next_event:
        next_event()
        send(server, "POST", path.partition("?")[0], {"title": "done", "completed": True})
        send(server, "POST", path.partition("?")[0], {"title": "to do"})

        assert next_event()[2]["title"] == "to do"


def test_what_the_application_keeps_from_a_list_it_keeps_from_the_feed(server):
    with listening(server, "/guarded/?completed=false") as next_event:
        next_event()
        hidden = send(server, "POST", "/guarded/", {"title": "hidden", "order": 1})
        shown = send(server, "POST", "/guarded/", {"title": "shown", "order": 0})
        for todo in (hidden, shown):
            send(server, "PATCH", f"/guarded/{todo['id']}", {"completed": True})

        events = [next_event() for _ in range(2)]

    assert [(name, data["title"]) for name, _, data in events] == [("create", "shown"), ("delete", "shown")]


def test_changes_come_over_a_websocket_too(server):
    websocket = pytest.importorskip("websockets.sync.client")
    with websocket.connect(f"ws://127.0.0.1:{server.port}/todo/", open_timeout=DEADLINE_SECONDS) as client:
        assert json.loads(client.recv(DEADLINE_SECONDS))["event"] == "ready"
        todo = send(server, "POST", "/todo/", {"title": "a"})

        event = json.loads(client.recv(DEADLINE_SECONDS))

    assert event["event"] == "create"
    assert json.loads(event["data"])["id"] == todo["id"]


def test_websocket_is_filtered_and_goes_on_where_the_client_has_been(server):
    websocket = pytest.importorskip("websockets.sync.client")
    place = f"ws://127.0.0.1:{server.port}/todo/?completed=false"
    with websocket.connect(place, open_timeout=DEADLINE_SECONDS) as client:
        position = json.loads(client.recv(DEADLINE_SECONDS))["id"]
    send(server, "POST", "/todo/", {"title": "done", "completed": True})
    todo = send(server, "POST", "/todo/", {"title": "a"})
    send(server, "PATCH", f"/todo/{todo['id']}", {"completed": True})
    send(server, "POST", "/todo/", [{"title": "done", "completed": True}] * MOST_PASSED_OVER)

    with websocket.connect(f"{place}&after={quote(position)}", open_timeout=DEADLINE_SECONDS) as client:
        events = [json.loads(client.recv(DEADLINE_SECONDS)) for _ in range(4)]

    assert [event["event"] for event in events] == ["ready", "create", "delete", None]
    assert len({event["id"] for event in events}) == 4


def test_list_that_is_asked_for_as_json_is_no_stream(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
    with closing(client):
        client.request("GET", "/todo/", headers={"Accept": f"application/json, {STREAM};q=0.5"})

        assert isinstance(json.loads(client.getresponse().read()), list)
