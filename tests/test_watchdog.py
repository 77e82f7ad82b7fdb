"""Who holds the loop is named while it does; and what runs, and what would block, can be told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event as ThreadEvent
from threading import Thread

import pytest
from servers import ROOT
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError
from brubeck_wsgi.concurrency import Event, spawn
from tests.apps.worker_clients import HUBS, Client, ask, serving

APP = "tests.apps.deadline_watch:app"


@pytest.fixture(scope="module", params=[pytest.param(hub, marks=pytest.mark.serving) for hub in HUBS])
def server(request):
    with serving(request.param, app=APP) as server:
        yield server


def spin(server, path, request_id):
    """Have a handler hold the loop; return what the log says before it ends, and what it says afterwards."""
    ended = rf"held the loop for \d+\.\d\d s \[{request_id}\]"
    with Client(server) as client:
        client.request(path, f"X-Request-Id: {request_id}")
        server.wait_until(lambda: f"still does [{request_id}]" in server.output(), "warning")
        while_it_spins = server.output()
        server.wait_until(lambda: re.search(ended, server.output()), "end of it")
        assert not re.search(ended, while_it_spins)
        return while_it_spins, server.output()


def test_handler_that_holds_the_loop_is_named_before_it_ends(server):
    while_it_spins, afterwards = spin(server, "/spin/2.0", "r-spin")

    who = "GET /spin/2.0, of tests.apps.deadline_watch.Spinner on route '/spin/{seconds:float}',"
    assert f"brubeck.watchdog {who} has held the loop for" in while_it_spins
    assert re.search(r"in get\n    spin\(seconds\)\n.*in spin\n", while_it_spins)
    assert re.search(rf"{re.escape(who)} held the loop for [12]\.\d\d s \[r-spin\]", afterwards)


def test_streamed_answer_that_holds_the_loop_is_named(server):
    while_it_spins, _ = spin(server, "/spin-in-stream", "r-stream")

    assert "GET /spin-in-stream, of tests.apps.deadline_watch.stream on route" in while_it_spins
    assert "spin(1.2)" in while_it_spins


def test_blocks_are_counted(server):
    before = ask(server, "/counted").json()
    ask(server, "/spin/1.0")

    server.wait_until(lambda: ask(server, "/counted").json()["blocks"] > before["blocks"], "count of blocks")
    assert ask(server, "/counted").json()["seconds"] > before["seconds"] + 0.5


def test_handler_that_is_quick_or_waits_is_not_reported(server):
    known = len(server.output())
    ask(server, "/spin/0.2")
    with Client(server) as client:
        client.request("/wait")
        spin(server, "/spin/1.0", "r-last")

    assert {line.split(",")[0] for line in server.output()[known:].splitlines() if "brubeck.watchdog" in line} == {
        "brubeck.watchdog GET /spin/1.0"
    }


@pytest.mark.serving
@pytest.mark.parametrize("hub", HUBS)
def test_clients_are_sent_away_while_the_loop_is_late(hub):
    with serving(hub, app="tests.apps.deadline_watch:shedding") as server:
        with Client(server) as spinner, Client(server) as client:
            spinner.request("/spin/1.5")
            time.sleep(0.3)  # it has begun, and what follows waits in the socket until it ends
            client.request("/")
            answer = client.answer()

            assert (answer.status, answer.get("Retry-After")) == (503, "1")
            assert spinner.answer().body == b"spun"
        server.wait_until(lambda: ask(server, "/").status == 200, "loop that is in time")


def test_signal_logs_what_runs(server):
    known = len(server.output())
    workers = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True)
    (worker,) = map(int, workers.stdout.split())
    with Client(server) as client:
        client.request("/wait", "X-Request-Id: r-waits")
        ask(server, "/wait-in-task")

        def is_dumped():
            os.kill(worker, signal.SIGUSR2)  # again and again: the task may not have begun
            return "task sleep: " in server.output()[known:]

        server.wait_until(is_dumped, "dump")
        dump = server.output()[known:]
    assert re.search(r"GET /wait, of tests.apps.deadline_watch.wait on route '/wait', \[r-waits\]: \d+\.\d\d s", dump)
    assert re.search(r"in wait\n    sleep\(20\)\n", dump)
    assert ask(server, "/").body == b"hello"


def test_signals_may_come_as_fast_as_they_like(server):
    workers = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True)
    (worker,) = map(int, workers.stdout.split())
    has_ended = ThreadEvent()

    def send_signals():
        while not has_ended.wait(0.0005):
            os.kill(worker, signal.SIGUSR2)

    sender = Thread(target=send_signals)
    sender.start()
    try:
        for _ in range(100):
            assert ask(server, "/").body == b"hello"
    finally:
        has_ended.set()
        sender.join()

    known = len(server.output())

    def is_dumped():
        os.kill(worker, signal.SIGUSR2)
        return "what runs now" in server.output()[known:]

    server.wait_until(is_dumped, "dump")
    assert "Cannot switch to a different thread" not in server.output()


def test_handler_can_tell_what_runs(server):
    assert "GET /running, of tests.apps.deadline_watch.tell_running on route" in ask(server, "/running").body.decode()


# -- in this process


def test_running_tells_of_threads_and_their_ages():
    app = Brubeck(timeout=60)
    has_begun, may_end = Event(), Event()

    @app.get("/wait")
    def wait(application, message):
        has_begun.set()
        may_end.wait()
        return "waited"

    thread = Thread(target=lambda: TestApp(app).get("/wait", headers={"X-Request-Id": "r-1"}))
    thread.start()
    task = spawn(may_end.wait)
    try:
        assert has_begun.wait(10)
        running = app.running()
    finally:
        may_end.set()
        thread.join()
        task.join()

    assert re.search(r"GET /wait, of .*\.wait on route '/wait', \[r-1\]: \d+\.\d\d s\n  File", running)
    assert re.search(r"task Event\.wait: \d+\.\d\d s\n", running)


def test_nobody_watches_where_no_hub_runs():
    app = Brubeck()
    app.get("/")(lambda application, message: "hello")

    TestApp(app).get("/")

    assert (app.watchdog.lag, app.watchdog.blocks) == (0, 0)


@pytest.mark.parametrize("hub", HUBS)
def test_application_that_is_gone_is_watched_no_more(hub):
    code = f"""
import {hub}; {"from gevent import monkey; monkey.patch_all()" if hub == "gevent" else "eventlet.monkey_patch()"}
import gc, sys, time
from weakref import ref
from webtest import TestApp
from brubeck_wsgi import Brubeck

{hub}.sleep(0)
before = len(sys._current_frames())
app = Brubeck()
{hub}.spawn(TestApp(app).get, "/nothing", status=404)
deadline = time.monotonic() + 20
while len(sys._current_frames()) == before and time.monotonic() < deadline:
    time.sleep(0.01)
assert len(sys._current_frames()) > before, "nobody watches"
gone = ref(app)
del app
while len(sys._current_frames()) > before and time.monotonic() < deadline:
    gc.collect()
    time.sleep(0.05)
assert gone() is None, "the application is held"
print(len(sys._current_frames()) - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert run.stdout == "0\n", run.stderr


@pytest.mark.parametrize("hub", HUBS)
def test_program_that_asks_the_application_itself_owes_the_loop_no_turn(hub):
    code = f"""
import {hub}, sys, time
from webtest import TestApp
from brubeck_wsgi import Brubeck

{hub}.sleep(0)
app = Brubeck(watchdog=0.1)
app.get("/")(lambda application, message: time.sleep(1) or "late")
before = len(sys._current_frames())
TestApp(app).get("/")
print(len(sys._current_frames()) - before)
{hub}.spawn(TestApp(app).get, "/")
{hub}.sleep(0.1)
print(app.watchdog.blocks >= 0, len(sys._current_frames()) > before)
"""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)

    assert run.stdout == "0\nTrue True\n", run.stderr
    assert run.stderr.count("has held the loop") == 1


def test_watchdog_can_be_left_out():
    assert Brubeck(watchdog=None).watchdog is None


@pytest.mark.parametrize("options", [{"watchdog": 0}, {"max_lag": -1}, {"watchdog": "1"}])
def test_seconds_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigurationError, match=f"expected {next(iter(options))} as seconds"):
        Brubeck(**options)


EARLY = """
import sys
sys.path.insert(0, {folder!r})
import early
{patch}
from brubeck_wsgi.concurrency.patching import find_blocking
print(*find_blocking(), sep="\\n")
"""
PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import warnings; warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch()",
    "nothing": "",
}


@pytest.mark.parametrize("hub", PATCHES)
def test_module_that_was_imported_too_early_is_found(tmp_path, hub):
    Path(tmp_path, "early.py").write_text("import time\nfrom time import sleep\nfrom socket import socket as Plain\n")
    Path(tmp_path, "MySQLdb").mkdir()
    Path(tmp_path, "MySQLdb", "__init__.py").write_text("import MySQLdb._mysql\n")
    Path(tmp_path, "MySQLdb", "_mysql.py").write_text("")
    code = EARLY.format(folder=str(tmp_path), patch=f"{PATCHES[hub]}\nimport MySQLdb")

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout

    early = "early was imported before the standard library was patched, and keeps the socket.socket and the time.sleep"
    assert (early in found) == (hub != "nothing")
    assert "MySQLdb blocks: mysqlclient waits in C: use PyMySQL" in found
    assert len(found.splitlines()) == (1 if hub == "nothing" else 2)


def test_locks_of_the_log_are_made_native_once():
    # Made anew while another thread holds one, it would release what it has not acquired.
    program = """
import eventlet; eventlet.monkey_patch()
import logging
handler = logging.StreamHandler()
patched = handler.lock
from brubeck_wsgi.concurrency.with_eventlet import EventletHub
EventletHub().share_logging()
native = handler.lock
EventletHub().share_logging()
print(native is patched, handler.lock is native)
"""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60)

    assert run.stdout == "False True\n", run.stderr
