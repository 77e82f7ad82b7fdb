"""The main job: an application behind real Gunicorn, asked over a socket."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys

import pytest
from servers import ROOT, free_port, running

pytestmark = pytest.mark.serving

# Gunicorn's own, and what -k gevent means with our gunicorn.conf.py; test_worker*.py tell more of that one.
WORKERS = {
    "sync": "sync",
    "gthread": "gthread",
    "stock gevent": "gunicorn.workers.ggevent.GeventWorker",
    "gevent": "gevent",
}
GREETING = b"Take five, dude!\n"

PLAIN_WSGI = """
from brubeck_wsgi.connections import WSGIConnection

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"plain"]

WSGIConnection(port=PORT, worker_class="sync").recv_forever_ever(application)
"""

APP_RUN = """
from brubeck_wsgi import Brubeck
from brubeck_wsgi.connections import WSGIConnection
from examples.hello import hello

def say_ready(worker):
    worker.log.info(f"{type(worker).__module__} is ready")

app = Brubeck(WSGIConnection(port=PORT, workers=2, post_worker_init=say_ready), [(r"^/$", hello)])
app.run()
"""


@pytest.fixture(scope="module", params=WORKERS)
def worker(request):
    """The hello example behind each worker."""
    port = free_port()
    command = ["gunicorn", "-k", WORKERS[request.param], "-b", f"127.0.0.1:{port}", "examples.hello:app"]
    with running(command, port) as server:
        server.worker = request.param
        yield server


@pytest.fixture
def client(worker):
    client = worker.connect()
    yield client
    client.close()


def test_hello_is_answered_as_text(client):
    client.request("GET", "/")
    response = client.getresponse()

    assert response.status == 200
    assert response.headers.get_content_type() == "text/plain"
    assert response.read() == GREETING


def test_query_reaches_the_handler(worker):
    assert worker.get("/?name=Dave%20B") == (200, b"Take five, Dave B!\n")


def test_head_is_answered_without_a_body(client):
    client.request("HEAD", "/")
    response = client.getresponse()

    assert response.status == 200
    assert response.headers["Content-Length"] == str(len(GREETING))
    assert response.read() == b""


def test_unknown_path_is_not_found(client):
    client.request("GET", "/nowhere")
    response = client.getresponse()
    response.read()

    assert response.status == 404


def test_second_request_is_answered_after_the_first(worker, client):
    client.request("GET", "/nowhere")
    client.getresponse().read()
    first_socket = client.sock
    client.request("GET", "/")
    response = client.getresponse()

    assert response.read() == GREETING
    if worker.worker != "sync":  # Gunicorn's sync worker closes after each answer
        assert client.sock is first_socket is not None


def test_head_leaves_the_connection_in_step(client):
    client.request("HEAD", "/")
    client.getresponse().read()
    client.request("GET", "/")

    assert client.getresponse().read() == GREETING


def test_undecodable_query_is_the_clients_fault(worker):
    status, _ = worker.get("/?name=%ff")

    assert status == 400


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_shows_the_greeting(worker):
    command = ["curl", "--silent", "--show-error", "--fail", f"http://127.0.0.1:{worker.port}/"]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=30)

    assert shown.stdout == GREETING


def test_server_stops_in_order_when_asked():
    port = free_port()
    with running(["gunicorn", "-k", "gevent", "-b", f"127.0.0.1:{port}", "examples.hello:app"], port) as server:
        assert server.stop() == 0


def test_procfile_honours_port_and_number_of_workers():
    port = free_port()
    with running(["honcho", "start", "web"], port, PORT=str(port), WEB_CONCURRENCY="2") as server:
        server.wait_until(lambda: server.output().count("Booting worker") == 2, "second worker")

        assert server.get() == (200, GREETING)
        assert f"0.0.0.0:{port}" in server.output()
        assert "Using worker: gevent" in server.output()


def test_app_run_serves_on_its_connection():
    port = free_port()
    with running([sys.executable, "-c", APP_RUN.replace("PORT", str(port))], port) as server:
        # Not before both are ready: Gunicorn's workers do not hear a signal that comes while they boot.
        ready = "brubeck_wsgi.workers.worker is ready"
        server.wait_until(lambda: server.output().count(ready) == 2, "second worker")

        assert server.get() == (200, GREETING)
        assert server.stop() == 0


def test_app_run_takes_no_orders_from_outside(tmp_path):
    port = free_port()
    (tmp_path / "gunicorn.conf.py").write_text("raise SystemExit('read')")
    command = [sys.executable, "-c", APP_RUN.replace("PORT", str(port)), "--bind", "nonsense"]
    variables = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "XDG_RUNTIME_DIR": "", "PORT": "1"}
    with running(command, port, cwd=tmp_path, GUNICORN_CMD_ARGS="--nonsense", **variables) as server:
        assert server.get() == (200, GREETING)
    assert [path.name for path in tmp_path.iterdir()] == ["gunicorn.conf.py"]  # no control socket in ~/.gunicorn


def test_connection_serves_any_wsgi_application():
    port = free_port()
    with running([sys.executable, "-c", PLAIN_WSGI.replace("PORT", str(port))], port) as server:
        assert server.get() == (200, b"plain")


def test_brubeck_serve_runs_gunicorn_with_the_file_of_the_directory(tmp_path):
    port = free_port()
    (tmp_path / "gunicorn.conf.py").write_text("def on_starting(server):\n    server.log.info('the file was read')\n")
    command = ["brubeck", "serve", "examples.hello:app", "--port", str(port), "--workers", "2"]
    with running(command, port, cwd=tmp_path, PYTHONPATH=str(ROOT), HOME=str(tmp_path)) as server:
        server.wait_until(lambda: server.output().count("Booting worker") == 2, "second worker")

        assert server.get() == (200, GREETING)
        assert "the file was read" in server.output()
        assert "Using worker: brubeck_wsgi.workers.GeventWorker" in server.output()


def test_brubeck_serve_reload_takes_up_changed_code(tmp_path):
    source = tmp_path / "app.py"
    code = "from brubeck_wsgi import Brubeck\napp = Brubeck(handler_tuples=[('^/$', lambda app, message: '{}')])\n"
    source.write_text(code.format("before"))
    port = free_port()
    with running(["brubeck", "serve", "app:app", "--reload", "--port", str(port)], port, cwd=tmp_path) as server:
        assert server.get() == (200, b"before")

        source.write_text(code.format("the new answer"))

        def is_new() -> bool:
            try:
                return server.get() == (200, b"the new answer")
            except (OSError, http.client.HTTPException):  # the worker that ends may take a connection with it
                return False

        server.wait_until(is_new, "new answer")
