"""Metrics of several workers: one page for all of them, whichever answers, and nothing lost with a worker."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from servers import DEADLINE_SECONDS, ROOT

from tests.apps.worker_clients import HUBS, Client, ask, serving

APP = "tests.apps.metrics_app:app"
SHARING = "from brubeck_wsgi.metrics import share_metrics\nshare_metrics()\n"
HELLO = ("brubeck_requests_total", "GET", "/", "200")
IN_FLIGHT = ("brubeck_requests_in_flight",)
WORKERS = dict.fromkeys(HUBS, ()) | {"gthread": ("-k", "gthread", "--threads", "4"), "sync": ("-k", "sync")}


@pytest.fixture
def serve(tmp_path):
    """Serves on workers that count together, in a folder of the test."""

    def start(worker, *options, config=SHARING, app=APP):
        return serving(worker, *WORKERS[worker], *options, app=app, config=config, TMPDIR=str(tmp_path))

    return start


@pytest.fixture
def counted_files(tmp_path):
    """Returns the names of the files that processes count in."""
    return lambda: sorted(path.name for path in tmp_path.glob("brubeck-metrics-*/*.db"))


def figures(server):
    """Return what the page says, by name and labels, without the buckets."""
    status, body = server.get("/metrics")
    assert status == 200, body
    return {
        (sample.name, *(sample.labels[name] for name in ("method", "route", "status") if name in sample.labels)): (
            sample.value
        )
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if "le" not in sample.labels
    }


def ask_all(server, count):
    """Ask until so many workers have answered; return their process ids, and how often was asked."""
    pids, asked = set(), 0
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(pids) < count:
        assert time.monotonic() < deadline, f"only {pids} have answered"
        pids.add(int(ask(server, "/").body))
        asked += 1
    return pids, asked


def expect(server, key, value):
    server.wait_until(lambda: figures(server).get(key) == value, f"{key} of {value}")


@pytest.mark.serving
@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["", "preload"])
@pytest.mark.parametrize("worker", WORKERS)
def test_page_is_right_whichever_worker_answers(serve, worker, options):
    with serve(worker, "-w", "2", *options) as server:
        before = figures(server).get(HELLO, 0)  # what it took to see that it answers
        _, asked = ask_all(server, 2)

        expect(server, HELLO, before + asked)
        assert {figures(server)[HELLO] for _ in range(10)} == {before + asked}
        assert figures(server)["brubeck_request_duration_seconds_count", "GET", "/"] == before + asked


@pytest.mark.serving
@pytest.mark.parametrize("hub", HUBS)
def test_requests_that_wait_in_all_workers_are_in_flight_until_their_end(serve, hub):
    with serve(hub, "-w", "2") as server:
        clients = [Client(server) for _ in range(6)]
        for client, path in zip(clients, ["/wait", "/stream"] * 3, strict=True):
            client.request(path)
        expect(server, IN_FLIGHT, 6)

        for client in clients:
            client.close()

        expect(server, IN_FLIGHT, 0)
        assert figures(server)["brubeck_requests_total", "GET", "/wait", "499"] == 3


@pytest.mark.serving
@pytest.mark.parametrize("hub", HUBS)
def test_killed_worker_leaves_its_counts_and_nothing_else(serve, hub, counted_files):
    with serve(hub, "-w", "2") as server:
        ask_all(server, 2)
        counted = figures(server)[HELLO]
        files = counted_files()

        for _ in range(3):
            with suppress(OSError, http.client.HTTPException):
                server.get("/die")
            _, asked = ask_all(server, 2)
            counted += asked
            expect(server, HELLO, counted)

        assert figures(server)[IN_FLIGHT] == 0  # those that died with their worker are not for ever
        ended = {"counter_ended.db", "histogram_ended.db"}
        assert ended < set(counted_files())
        assert len(counted_files()) == len(files) + len(ended)


@pytest.mark.serving
def test_workers_that_are_replaced_go_on_counting(serve):
    with serve("gevent", "-w", "1") as server:
        (before,), _ = ask_all(server, 1)
        counted = figures(server)[HELLO]

        server.process.send_signal(signal.SIGHUP)
        server.wait_until(lambda: not Path(f"/proc/{before}").exists(), "end of the old worker")
        _, asked = ask_all(server, 1)

        expect(server, HELLO, counted + asked)


@pytest.mark.serving
def test_lag_of_the_latest_worker_is_there_whichever_answers(serve):
    with serve("gevent", "-w", "2") as server:
        ask_all(server, 2)
        with Client(server) as client:
            client.request("/spin")

            server.wait_until(lambda: figures(server)["brubeck_loop_blocks_total",] >= 1, "count of a block")
        assert figures(server)["brubeck_loop_blocked_seconds_total",] > 0.5


@pytest.mark.serving
def test_nothing_is_left_when_the_server_has_stopped(serve, tmp_path):
    with serve("gevent", "-w", "2") as server:
        assert list(tmp_path.glob("brubeck-metrics-*/counter_*.db"))

        assert server.stop() == 0

    assert list(tmp_path.glob("brubeck-metrics-*")) == []


@pytest.mark.serving
def test_workers_that_count_alone_say_so_instead_of_a_wrong_page(serve):
    with serve("gevent", "-w", "2", config="") as server:
        status, body = server.get("/metrics")

        assert (status, b"share_metrics()" in body) == (503, True)


# -- the directory


def python(code, **variables):
    """Return what *code* prints in a process of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHEUS")} | variables
    done = subprocess.run([sys.executable, "-c", code], env=environ, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_sharing_loads_nothing_that_counts_or_waits():
    code = f"{SHARING}import sys; print(*{{'prometheus_client', 'gevent', 'eventlet', 'greenlet'}} & set(sys.modules))"

    assert python(code) == ""


def test_sharing_again_changes_nothing():
    assert python(f"{SHARING}print(share_metrics() == share_metrics())") == "True"


def test_directory_can_be_given(tmp_path):
    directory = tmp_path / "figures"

    assert python(f"{SHARING}", PROMETHEUS_MULTIPROC_DIR=str(directory)) == ""
    assert directory.is_dir()
    assert python(f"from brubeck_wsgi.metrics import share_metrics; print(share_metrics({str(directory)!r}))") == str(
        directory
    )


def test_library_that_was_imported_too_early_is_reported():
    code = (
        f"import prometheus_client\n{SHARING}"
        "from brubeck_wsgi import ConfigurationError\nfrom brubeck_wsgi.metrics import PrometheusMetrics\n"
        "try:\n    PrometheusMetrics()\nexcept ConfigurationError as error:\n    print(error)"
    )

    assert "call share_metrics() before anything imports it" in python(code)


def test_directory_of_a_server_that_was_killed_is_removed_by_the_next_and_no_other(tmp_path):
    waits = f"{SHARING}print(flush=True); input()"
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", waits], env=environ, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        for server in servers:
            server.stdout.readline()
        directories = set(tmp_path.glob("brubeck-metrics-*"))
        servers[0].kill()
        servers[0].wait()

        python(SHARING, TMPDIR=str(tmp_path))

        assert len(directories) == 2
        assert len(set(tmp_path.glob("brubeck-metrics-*"))) == 1
        assert set(tmp_path.glob("brubeck-metrics-*")) < directories
    finally:
        for server in servers:
            server.kill()
            server.communicate()
