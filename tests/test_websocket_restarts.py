"""WebSockets while the workers that they are on are replaced, killed and stopped, with all of them at work."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest
from channel_makers import wait_until
from mongrel2_servers import gunicorn, mongrel2, needs_mongrel2
from servers import ROOT, _descendants, free_port, running
from talkers import talking
from websockets.sync.client import connect

pytestmark = pytest.mark.serving

TALKERS = 30
APP = "apps.talking_app:app"
GOING_AWAY = 1001
# Whoever waited for the time to be over would be noticed: the deadline of the tests comes first.
TWO_WORKERS = ("-w", "2", "--graceful-timeout", "100")
DOORS = pytest.mark.parametrize("door", ["Gevent", "Eventlet", pytest.param("Mongrel2", marks=needs_mongrel2)])


@contextmanager
def serving(door):
    """Serve with two workers, none of which has room for all."""
    if door == "Mongrel2":
        with mongrel2() as front, gunicorn(APP, front, arguments=TWO_WORKERS) as server:
            wait_for_both_workers(server)
            yield server
        return
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", f"brubeck_wsgi.workers.{door}Worker"]
    command += [*TWO_WORKERS, "--worker-connections", "20", "-b", f"127.0.0.1:{port}", APP]
    with running(command, port, PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}") as server:
        wait_for_both_workers(server)
        yield server


def wait_for_both_workers(server):
    """Connect until both workers have got a WebSocket."""
    pids = set()
    with ExitStack() as stack:

        def connect_one_more():
            client = stack.enter_context(connect(f"ws://127.0.0.1:{server.port}/talk/first", proxy=None))
            pids.add(msgspec.json.decode(client.recv())["pid"])
            return len(pids) == 2

        wait_until(connect_one_more, "second worker")


def workers_of(server):
    """Return the ids of all workers; the switchboard to Mongrel2 is none, and stays."""
    return {pid for pid in _descendants(server.process.pid) if not _is_switchboard(pid)}


def _is_switchboard(pid):
    try:
        return b"switchboard" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def wait_for_progress(talkers):
    """Wait until each talker has had some more echoes, and is in the middle of others."""
    before = {talker.name: len(talker.echoed) for talker in talkers}
    wait_until(lambda: all(len(talker.echoed) > before[talker.name] + 10 for talker in talkers), "progress of all")


def be_quiet(talkers):
    """Have nothing more said, and wait until all has been heard that was published."""
    for talker in talkers:
        talker.is_quiet = True
    wait_until(lambda: not any(missed_by(talker, talkers) for talker in talkers), "message for all")


def missed_by(talker, talkers):
    """Return what others have published and *talker* has not heard."""
    published = {(other.name, number) for other in talkers for number in other.published}
    return published - {(name, number) for _, name, number in talker.heard}


def assert_order(talker):
    """Assert that what each worker has published for each talker was heard in order; after a change maybe twice."""
    numbers: dict[tuple[int, str], list[int]] = {}
    for pid, name, number in dict.fromkeys(talker.heard):
        numbers.setdefault((pid, name), []).append(number)
    assert all(heard == sorted(heard) for heard in numbers.values())


def members(server):
    return set(msgspec.json.decode(server.get("/members")[1]))


@DOORS
def test_all_clients_are_told_of_a_reload_come_back_and_miss_nothing(door):
    with serving(door) as server, talking(server.port, TALKERS) as talkers:
        wait_for_progress(talkers)
        before = workers_of(server)

        server.process.send_signal(signal.SIGHUP)

        wait_until(lambda: not before & workers_of(server), "end of the old workers")
        wait_until(lambda: not any(talker.pids[-1] in before for talker in talkers), "return of all")
        wait_for_progress(talkers)
        be_quiet(talkers)
        closes = [talker.closes[:] for talker in talkers]
    for talker, codes in zip(talkers, closes, strict=True):
        assert set(codes) == {GOING_AWAY}  # twice, if it came back to an old worker that was told a moment later
        assert talker.pids[0] in before
        assert talker.pids[-1] not in before
        assert not talker.wrong
        assert not talker.failures
        assert talker.is_complete
        assert_order(talker)


@DOORS
def test_clients_of_a_killed_worker_come_back_and_the_others_never_notice(door):
    with serving(door) as server, talking(server.port, TALKERS) as talkers:
        wait_for_progress(talkers)
        killed = talkers[0].pids[0]
        hit = [talker for talker in talkers if talker.pids == [killed]]
        others = [talker for talker in talkers if talker not in hit]
        leaving, returning = hit[:3], hit[3:]
        assert others
        assert returning
        wait_until(lambda: len(members(server)) == TALKERS, "presence of all")
        for talker in leaving:
            talker.comes_back = False

        os.kill(killed, signal.SIGKILL)

        wait_until(lambda: all(len(talker.pids) > 1 for talker in returning), "return of those that were hit")
        staying = [*returning, *others]
        wait_for_progress(staying)
        wait_until(lambda: members(server) == {talker.name for talker in staying}, "end of those who left")
        for talker in hit:
            talker.echoed = []  # the last of what a killed worker had taken may be lost
        wait_for_progress(staying)
        for talker in staying:
            talker.is_quiet = True
        wait_until(lambda: not any(missed_by(talker, talkers) for talker in staying), "message for all")
        closes = [(talker.closes[:], talker.pids) for talker in others]
    assert closes == [([], talker.pids[:1]) for talker in others]
    assert all(talker.closes[0] is None for talker in hit)
    for talker in talkers:
        assert not talker.wrong
        assert_order(talker)


@DOORS
def test_all_clients_are_told_that_the_server_stops_and_it_ends(door):
    with serving(door) as server, talking(server.port, TALKERS) as talkers:
        wait_for_progress(talkers)
        for talker in talkers:
            talker.comes_back = False

        status = server.stop()

    assert status == 0
    assert [talker.closes for talker in talkers] == [[GOING_AWAY]] * TALKERS
    assert not any(talker.wrong for talker in talkers)
