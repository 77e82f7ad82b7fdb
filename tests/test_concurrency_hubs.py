"""The face that gevent and eventlet have here: the same behaviour over both."""

from __future__ import annotations

import gc
import socket
import time

import pytest

from brubeck_wsgi.concurrency.hub import current_greenlet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:eventlet")  # it says so of itself

DEADLINE_SECONDS = 10


@pytest.fixture(params=["gevent", "eventlet"])
def hub(request):
    pytest.importorskip(request.param)
    if request.param == "gevent":
        from brubeck_wsgi.concurrency.with_gevent import GeventHub as Hub
    else:
        from brubeck_wsgi.concurrency.with_eventlet import EventletHub as Hub
    hub = Hub()
    hub.start()
    assert hub.name == request.param
    yield hub
    forget_loop(request.param)


def forget_loop(name):
    """Leave the thread without a loop, as other tests expect it."""
    if name == "gevent":
        import gevent

        gevent.get_hub().destroy()
    else:
        from eventlet import hubs

        hubs._threadlocal.__dict__.pop("hub", None)


@pytest.fixture
def pair():
    pair = socket.socketpair()
    for end in pair:
        end.setblocking(False)
    yield pair
    for end in pair:
        end.close()


def run_until(hub, is_reached):
    """Let the loop turn until *is_reached*."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_reached():
        assert time.monotonic() < deadline, "not reached"
        hub.sleep(0.001)


def local_of(hub):
    """Return what threading.local becomes where the library has patched it."""
    if hub.name == "gevent":
        from gevent.local import local
    else:
        from eventlet.corolocal import local
    return local()


def test_callback_is_called_while_there_is_something_to_read(hub, pair):
    received = []
    end = hub.watch(pair[0].fileno(), lambda: received.append(pair[0].recv(1)))

    pair[1].send(b"abc")
    run_until(hub, lambda: received == [b"a", b"b", b"c"])
    end()
    pair[1].send(b"d")
    hub.sleep(0.01)

    assert received == [b"a", b"b", b"c"]


def test_descriptor_can_be_watched_again(hub, pair):
    for _ in range(3):
        called = []
        end = hub.watch(pair[0].fileno(), lambda called=called: called.append(pair[0].recv(1)))
        pair[1].send(b"x")
        run_until(hub, lambda called=called: called == [b"x"])
        end()


def test_callback_is_called_again_and_again(hub):
    called = []
    hub.every(0.001, lambda: called.append(None))
    gc.collect()  # nobody holds what the loop has been told

    run_until(hub, lambda: len(called) > 3)


def test_callback_is_called_soon_and_once(hub):
    called = []

    hub.soon(lambda: called.append(current_greenlet()))
    assert called == []
    run_until(hub, lambda: called)
    hub.sleep(0.01)

    assert len(called) == 1
    assert called[0] is not current_greenlet()


def test_callback_is_called_later_unless_that_is_prevented(hub):
    called = []
    prevent = hub.later(0.001, lambda: called.append("prevented"))
    hub.later(0.002, lambda: called.append("called"))
    prevent()
    gc.collect()

    run_until(hub, lambda: called)

    assert called == ["called"]


def test_spawned_function_runs_with_its_arguments_when_others_wait(hub):
    ran = []

    hub.spawn(lambda *args: ran.append(args), 1, 2)
    assert ran == []
    run_until(hub, lambda: ran)

    assert ran == [(1, 2)]


def test_runner_is_parked_and_used_again(hub):
    ran = []

    def run():
        while True:
            ran.append(current_greenlet())
            hub.park()

    runner = hub.runner(run)
    hub.soon(runner.switch)
    run_until(hub, lambda: len(ran) == 1)
    hub.soon(runner.switch)
    run_until(hub, lambda: len(ran) == 2)

    assert ran == [runner, runner]


def test_parked_runner_lets_others_run(hub):
    happened = []

    def wait():
        happened.append("parked")
        hub.park()
        happened.append("continued")

    runner = hub.runner(wait)
    hub.soon(runner.switch)
    hub.soon(lambda: happened.append("others"))
    hub.soon(runner.switch)
    run_until(hub, lambda: "continued" in happened)

    assert happened == ["parked", "others", "continued"]
    assert runner.dead


def test_runner_that_something_has_kept_values_for_is_known(hub):
    local = local_of(hub)
    found = []

    def run():
        found.append(hub.holds_locals(current_greenlet()))
        local.value = 1
        found.append(hub.holds_locals(current_greenlet()))

    hub.soon(hub.runner(run).switch)
    run_until(hub, lambda: len(found) == 2)

    assert found == [False, True]


def test_event_ends_the_waiting_of_all(hub):
    event = hub.event()
    waited = []
    for number in range(3):
        hub.spawn(lambda number=number: waited.append((number, bool(event.wait(DEADLINE_SECONDS)))))
    hub.sleep(0.001)
    assert waited == []

    event.set()
    event.set()
    run_until(hub, lambda: len(waited) == 3)

    assert sorted(waited) == [(0, True), (1, True), (2, True)]
    assert event.wait()
    assert event.wait(0)


def test_waiting_for_an_event_ends_in_time(hub):
    began = time.monotonic()

    assert not hub.event().wait(0.05)

    assert 0.04 < time.monotonic() - began < DEADLINE_SECONDS


def test_limit_is_left_quietly_when_the_time_is_over(hub):
    happened = []

    with hub.limit(0.01):
        hub.sleep(DEADLINE_SECONDS)
        happened.append("slept")

    assert happened == []


def test_limit_that_is_kept_does_nothing(hub):
    with hub.limit(0.01):
        pass

    hub.sleep(0.02)


def test_socket_waits_in_the_loop(hub, pair):
    received = []
    cooperative = hub.cooperative_socket(socket.AF_UNIX, socket.SOCK_STREAM, pair[0].detach())
    hub.spawn(lambda: received.append(cooperative.recv(10)))
    hub.sleep(0.001)
    assert received == []

    pair[1].send(b"late")
    run_until(hub, lambda: received)
    assert received == [b"late"]

    cooperative.close()
    assert pair[1].recv(1) == b""
