"""The demos that Brubeck had, and those since, behind Gunicorn and behind Mongrel2, by the lines that they show."""

from __future__ import annotations

import base64
import sys

import gunicorn
import pytest
from doors import SERVERS, Remote, serving
from mongrel2_servers import mongrel2, needs_mongrel2
from servers import ROOT, free_port, running
from webtest import TestApp

from examples import m2reader, multipart

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
FORM = {"content_type": "application/x-www-form-urlencoded"}
UPLOAD, PICTURE = (
    dict(zip(("content_type", "body"), TestApp(None).encode_multipart([("title", "Five")], [file]), strict=True))
    for file in (("take", "five.wav", b"5" * 100_000), ("picture", "five.png", PNG))
)

# What is asked of which example, and what is in the answer.
ANSWERS = [
    ("auth", "GET /brubeck", {"headers": {"Authorization": "Basic amQ6Zm9v"}}, 200, "jd logged in successfully!"),
    ("auth", "GET /brubeck", {}, 401, "Unauthorized"),
    ("class_handler", "POST /brubeck", FORM | {"body": b"name=Dave"}, 201, '{"taken":5,"by":"Dave"}'),
    ("cookies", "GET /name/Dave", {}, 200, "Welcome, Dave; you were nobody."),
    ("dictshield", "POST /songs", {"content_type": "application/json", "body": b'{"title": 5}'}, 422, "title"),
    ("errors", "GET /shows/1", {}, 409, "two bands, one hall"),
    ("functions", "GET /text", {}, 200, "Take Five\n"),
    ("hello", "GET /?name=Dave", {}, 200, "Take five, Dave!"),
    ("jinja2_no_classes", "GET /?name=Dave", {}, 200, "Take five, Dave!"),
    ("jinja2_no_classes", "GET /nowhere", {}, 404, "404 Not Found"),
    ("jinja2_templates", "GET /brubeck?name=Dave", {}, 200, "Take five, Dave!"),
    ("json_api", "POST /todos", {"content_type": "application/json", "body": b'{"title": "five"}'}, 201, '"five"'),
    ("login", "GET /login", {}, 200, "csrf_token"),
    ("login", "GET /", {}, 302, ""),
    ("m2reader", "PUT /any/thing?at=all", {"content_type": "text/plain", "body": b"caf\xc3\xa9"}, 200, '"body":"café"'),
    ("mako_templates", "GET /brubeck?name=Dave", {}, 200, "Take five, Dave!"),
    ("minimal", "GET /brubeck?name=Dave", {}, 200, "Take five, Dave!\n"),
    ("minimal", "GET /brubeck/and/more", {}, 200, "Take five, dude!\n"),
    ("multipart", "POST /", PICTURE, 200, '<h1>Five</h1>\n<img alt="Five" src="data:image/png;base64,iVBORw0KGgoA'),
    ("mustache_templates", "GET /brubeck?name=Dave", {}, 200, "Take five, Dave!"),
    ("no_classes", "GET /brubeck?name=Dave", {}, 200, "Take five, Dave!\n"),
    ("no_classes", "POST /decorated", FORM | {"body": b"name=Dave"}, 200, "Decorated by POST, Dave!\n"),
    ("static_files", "GET /static/minimal.py", {}, 200, "The first demo of Brubeck"),
    ("streaming", "GET /squares.csv", {}, 200, "number,square\n1,1\n2,4\n"),
    ("tornado_templates", "GET /brubeck?name=Dave", {}, 200, "Take five, Dave!"),
    ("upload", "POST /", UPLOAD, 200, '"bytes":100000'),
    ("upload", "POST /stream", UPLOAD, 200, '"bytes":100000'),
    ("url_arguments", "GET /albums/1959/5", {}, 200, '"previous":"/albums/1959/4"'),
    ("wsgi", "GET /brubeck", {}, 200, "Served by "),
]
NAMES = sorted({name for name, *_ in ANSWERS})


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    """All the examples behind a server."""
    with serving(request.param, "tests.apps.all_examples:app") as server:
        yield server


@pytest.mark.parametrize(("name", "request_line", "options", "status", "text"), ANSWERS)
def test_example_answers_behind_either_server(server, name, request_line, options, status, text):
    method, path = request_line.split(" ")
    client = TestApp(Remote(server.port, {"X-Example": name}))

    response = client.request(path, method=method, expect_errors=True, **options)

    assert response.status_code == status
    assert text in response.text


@pytest.mark.parametrize("name", NAMES)
def test_example_shows_the_line_for_mongrel2(name):
    source = (ROOT / "examples" / f"{name}.py").read_text()

    lines = source.splitlines()[:8]
    if name != "dictshield":  # whose first lines are full
        assert any(
            f"Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.{name}:app``." in line for line in lines
        )


class TestTheLineItself:
    pytestmark = needs_mongrel2

    def test_it_serves_what_it_names(self):
        with mongrel2() as front:
            where = {"MONGREL2_RECV": front.address.recv, "MONGREL2_SEND": front.address.send}
            command = [sys.executable, "-m", "brubeck_wsgi.mongrel2", "examples.m2reader:app"]
            with running(command, front.port, **where) as server:
                client = TestApp(Remote(server.port, {}))

                told = client.post("/any/thing?at=all", {"take": "5"}, headers={"X-Probe": "found"}).json

        uuid, connection = told["from"]
        assert len(uuid) == 36
        assert connection.isdigit()
        assert (told["method"], told["path"], told["headers"]["X-Probe"]) == ("POST", "/any/thing", "found")
        assert (told["arguments"], told["body"]) == ({"at": ["all"], "take": ["5"]}, "take=5")


def test_reader_knows_of_no_connection_where_there_is_none():
    assert TestApp(m2reader.app).delete("/").json["from"] is None


def test_picture_is_shown_if_it_is_one():
    client = TestApp(multipart.app)

    def send(content, status, title="<b>"):
        return client.post("/", {"title": title}, upload_files=[("picture", "x.png", content)], status=status)

    page = send(PNG, 200).html
    assert page.h1.text == page.img["alt"] == "<b>"
    assert base64.b64decode(page.img["src"].partition("base64,")[2]) == PNG
    send(b"<script>", 422)
    send(PNG + bytes(1024 * 1024), 413)
    client.post("/", {"title": "x"}, status=422)
    assert client.get("/").form["picture"].tag == "input"


@pytest.mark.serving
def test_server_is_started_without_a_command_line():
    port = free_port()
    with running([sys.executable, "-m", "examples.wsgi"], port, PORT=str(port)) as server:
        assert server.get("/brubeck") == (200, f"Served by {gunicorn.SERVER_SOFTWARE}\n".encode())
