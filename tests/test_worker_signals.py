"""What the workers do when they and their master are sent signals, on both hubs."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import pytest

from tests.apps.worker_clients import HUBS, Client, ask, serving, wait_for_handler

pytestmark = [
    pytest.mark.serving,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc as Linux has it"),
]


@pytest.fixture(params=HUBS)
def hub(request):
    return request.param


def workers_of(server):
    """Return the ids of the processes that a master has started and that have not ended."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return {int(pid) for pid in children}


def has_ended(pid):
    """Wait until a process has ended that is nobody's child; return whether it has."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


# -- the end


def test_all_that_has_arrived_is_answered_before_the_end(hub):
    with (
        serving(hub) as server,
        Client(server) as held,
        Client(server) as uploading,
        Client(server) as idle,
        Client(server) as busy,
        Client(server) as late,
    ):
        for client in (idle, busy, late):
            client.ask()
        uploading.request("/echo", "Content-Length: 4", method="POST")
        uploading.send(b"bo")
        held.request("/hold")
        wait_for_handler(server, "somebody")
        server.process.terminate()
        while busy.ask().get("Connection") != "close":
            pass

        assert late.ask("/release").get("Connection") == "close"
        assert held.answer().body == b"released"
        assert all(client.is_closed() for client in (busy, late, idle, held))
        uploading.send(b"dy")

        assert (uploading.answer().body, uploading.is_closed()) == (b"body", True)
        assert server.process.wait(10) == 0


@pytest.mark.parametrize(("hub", "name"), [("gevent", "SIGQUIT"), ("eventlet", "SIGQUIT"), ("gevent", "SIGINT")])
def test_server_can_be_ended_at_once(hub, name):
    config = "def worker_int(worker):\n    worker.log.info('hook of the interrupt')\n"
    with serving(hub, config=config) as server, Client(server) as client:
        client.request("/hold")
        wait_for_handler(server, "somebody")

        server.process.send_signal(getattr(signal, name))

        assert server.process.wait(10) == 0
        assert client.is_closed()
        assert "hook of the interrupt" in server.output()


def test_worker_ends_when_its_master_has_been_killed(hub):
    with serving(hub) as server, Client(server) as client:
        (worker,) = workers_of(server)
        client.ask()

        server.process.kill()

        assert client.is_closed()
        server.process.wait()
        assert has_ended(worker)
        assert "Parent changed" in server.output()


SLOW_TO_BEGIN = """
import os, sys

class Delay:
    def find_spec(self, name, *_):
        if name in ("gevent.hub", "eventlet.hubs") and os.path.exists({fifo!r}):
            open({fifo!r}).read()  # until nobody has it open for writing

sys.meta_path.insert(0, Delay())
"""


def test_worker_that_has_only_begun_hears_that_it_is_to_end(hub, tmp_path):
    fifo = str(tmp_path / "fifo")
    with serving(hub, config=SLOW_TO_BEGIN.format(fifo=fifo)) as server:
        (first,) = workers_of(server)
        os.mkfifo(fifo)
        server.process.send_signal(signal.SIGTTIN)
        writing = []
        server.wait_until(lambda: writing.append(open_for_reader(fifo)) or writing[-1], "second worker")

        server.process.terminate()
        server.wait_until(lambda: first not in workers_of(server), "end of the first worker")
        os.close(writing[-1])

        assert server.process.wait(10) == 0


def open_for_reader(fifo):
    """Open *fifo* for writing, if somebody has it open for reading; return its descriptor, or None."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


# -- other signals


def test_reload_takes_up_new_settings_and_code(hub, tmp_path):
    source = tmp_path / "reloaded.py"
    code = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [{!r}]\n"
    source.write_text(code.format(b"before"))
    config = "def on_reload(server):\n    server.log.info('hook of the reload')\n"
    with serving(hub, "--pythonpath", str(tmp_path), app="reloaded:app", config=config) as server:
        before = workers_of(server)
        source.write_text(code.format(b"the new answer"))

        server.process.send_signal(signal.SIGHUP)

        server.wait_until(lambda: ask(server).body == b"the new answer", "new answer")
        server.wait_until(lambda: not before & workers_of(server), "end of the old worker")
        assert len(workers_of(server)) == 1
        assert "hook of the reload" in server.output()


def test_log_files_are_opened_again(hub, tmp_path):
    access_log, error_log = tmp_path / "access", tmp_path / "error"
    config = f"accesslog, errorlog = {str(access_log)!r}, {str(error_log)!r}\naccess_log_format = '%(U)s'\n"
    with serving(hub, config=config) as server:
        old = {log: log.rename(log.with_suffix(".old")) for log in (access_log, error_log)}
        (worker,) = workers_of(server)

        server.process.send_signal(signal.SIGUSR1)
        server.wait_until(lambda: access_log.exists() and error_log.exists(), "new log files")
        # Master and worker open them, each for itself; one whose file was not there has made it.
        server.wait_until(
            lambda: has_open(worker, access_log) and has_open(worker, error_log), "new files of the worker"
        )
        ask(server, "/raise")

        server.wait_until(lambda: "/raise\n" in access_log.read_text(), "line in the new file")
        assert "raised on purpose" in error_log.read_text()
        assert "/raise" not in old[access_log].read_text()


def has_open(pid, path):
    return any(os.path.realpath(link) == str(path) for link in Path(f"/proc/{pid}/fd").iterdir())


def test_number_of_workers_goes_up_and_down(hub):
    with serving(hub, "--workers", "1") as server:
        for name, number in (("SIGTTIN", 2), ("SIGTTIN", 3), ("SIGTTOU", 2), ("SIGTTOU", 1), ("SIGTTOU", 1)):
            server.process.send_signal(getattr(signal, name))
            server.wait_until(lambda number=number: len(workers_of(server)) == number, f"{number} workers")
            assert ask(server).body == b"hello"

        server.process.send_signal(signal.SIGWINCH)  # means something to a daemon only
        assert ask(server).body == b"hello"


def test_server_can_be_replaced_by_another_master(hub, tmp_path):
    pidfile = tmp_path / "pid"
    second_pidfile = Path(f"{pidfile}.2")
    config = f"pidfile = {str(pidfile)!r}\ndef pre_exec(server):\n    server.log.info('hook before the other master')\n"
    with serving(hub, config=config) as server:
        before = ask(server, "/process").json()

        server.process.send_signal(signal.SIGUSR2)
        server.wait_until(lambda: second_pidfile.exists() and second_pidfile.read_text().strip(), "other master")
        second = int(second_pidfile.read_text())
        try:
            server.wait_until(
                lambda: ask(server, "/process").json()["parent"] == second, "answer of the other's worker"
            )
            assert server.stop() == 0

            after = ask(server, "/process").json()
            assert (before["parent"], after["parent"]) == (server.process.pid, second)
            assert "hook before the other master" in server.output()
        finally:
            os.kill(second, signal.SIGTERM)
            assert has_ended(second)
