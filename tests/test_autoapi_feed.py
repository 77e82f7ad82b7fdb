"""The change feed of an API: who is told of what, and where they go on after they were away."""

from __future__ import annotations

import http.client
import json
from contextlib import closing, contextmanager

import pytest
from servers import DEADLINE_SECONDS, ROOT, free_port, running

pytestmark = pytest.mark.serving

STREAM = "text/event-stream"


@pytest.fixture(scope="module")
def server():
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", "brubeck_wsgi.workers.GeventWorker", "-b", f"127.0.0.1:{port}"]
    with running([*command, "tests.apps.autoapi_app:app"], port) as server:
        yield server


def send(server, method, path, data=None, **headers):
    with closing(server.connect()) as client:
        body = None if data is None else json.dumps(data)
        client.request(method, path, body, {"Content-Type": "application/json"} | headers)
        answer = client.getresponse()
        text = answer.read()
        return json.loads(text) if text else None


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


def test_each_client_sees_what_its_role_sees(server):
    with (
        listening(server, "/note/") as anybody,
        listening(server, "/note/", Authorization="Bearer ada-token") as ada,
    ):
        anybody(), ada()
        send(server, "POST", "/note/", {"text": "a", "secret": "s"}, Authorization="Bearer ada-token")

        assert "secret" not in anybody()[2]
        assert ada()[2]["secret"] == "s"


def test_changes_come_over_a_websocket_too(server):
    websocket = pytest.importorskip("websockets.sync.client")
    with websocket.connect(f"ws://127.0.0.1:{server.port}/todo/", open_timeout=DEADLINE_SECONDS) as client:
        assert json.loads(client.recv(DEADLINE_SECONDS))["event"] == "ready"
        todo = send(server, "POST", "/todo/", {"title": "a"})

        event = json.loads(client.recv(DEADLINE_SECONDS))

    assert event["event"] == "create"
    assert json.loads(event["data"])["id"] == todo["id"]


@pytest.mark.browser
def test_two_browsers_stay_in_step(tmp_path):
    pytest.importorskip("sqlalchemy")
    from browsers import chromium

    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", "brubeck_wsgi.workers.GeventWorker", "-b", f"127.0.0.1:{port}"]
    database = str(tmp_path / "todo.sqlite")
    with (
        running([*command, "examples.todo.app:app"], port, ROOT, TODO_DATABASE=database),
        chromium(tmp_path / "profile") as browser,
    ):
        windows = [browser.current_window_handle]
        browser.get(f"http://127.0.0.1:{port}/")
        browser.switch_to.new_window("window")
        windows.append(browser.current_window_handle)
        browser.get(f"http://127.0.0.1:{port}/")
        browser.find_element("xpath", "//p[.='in step']")
        browser.find_element("id", "title").send_keys("buy milk\n")
        browser.switch_to.window(windows[0])
        browser.find_element("xpath", "//span[.='buy milk']")
        browser.find_element("css selector", "li input").click()
        browser.switch_to.window(windows[1])
        browser.find_element("css selector", "li.completed")

        browser.get(f"http://127.0.0.1:{port}/docs/")
        browser.find_element("xpath", "//details[@id='list-todo']/summary").click()
        browser.find_element("xpath", "//details[@id='list-todo']//button").click()
        answer = browser.find_element("xpath", "//details[@id='list-todo']//pre[contains(., '200 OK')]")
        assert "buy milk" in answer.text


def test_list_that_is_asked_for_as_json_is_no_stream(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
    with closing(client):
        client.request("GET", "/todo/", headers={"Accept": f"application/json, {STREAM};q=0.5"})

        assert isinstance(json.loads(client.getresponse().read()), list)
