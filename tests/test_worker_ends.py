"""How connections and requests end that nobody ends in order, and what those are told who wait for them."""

from __future__ import annotations

import time

import pytest

from tests.apps.worker_clients import HUBS, Client, ask, serving, wait_for_handler

pytestmark = pytest.mark.serving


@pytest.fixture(params=HUBS)
def hub(request):
    return request.param


@pytest.fixture(scope="module", params=HUBS)
def server(request):
    with serving(request.param, "-k", f"tests.apps.worker_impatient.{request.param}", PYTHONPATH=".") as server:
        yield server


def test_pipelined_requests_that_wait_are_answered_at_once(server):
    with Client(server) as client:
        client.send(b"GET /leak?value=x&wait=yes HTTP/1.1\r\nHost: test\r\n\r\n" * 5)
        began = time.monotonic()
        for _ in range(5):
            assert client.answer().json() == ["unset", "unset", "x", "x"]

    assert time.monotonic() - began < 3  # and not a second for each, until the server looks at its clock


def test_connection_that_waits_to_be_accepted_is_answered_before_the_end(hub):
    with serving(hub, config="worker_connections = 1\n") as server, Client(server) as held, Client(server) as waiting:
        held.request("/sleep?seconds=0.4")
        wait = time.monotonic() + 0.2
        waiting.request()
        assert waiting.is_silent()
        assert time.monotonic() >= wait
        server.process.terminate()

        assert held.answer().body == b"slept"
        assert waiting.answer().body == b"hello"
        assert server.process.wait(10) == 0


def test_answer_that_begins_when_the_server_stops_says_that_it_is_the_last(hub):
    with serving(hub) as server, Client(server) as held, Client(server) as busy, Client(server) as late:
        busy.ask()
        late.ask()
        held.request("/hold")
        wait_for_handler(server, "somebody")
        server.process.terminate()
        while busy.ask().get("Connection") != "close":
            pass

        late.ask("/release")

        assert held.answer().get("Connection") == "close"
        assert held.is_closed()


def test_upgraded_connection_whose_client_does_not_read_is_cut_while_another_greenlet_receives(server):
    ask(server, "/happened")
    with Client(server) as client:
        client.ask("/upgrade-two")
        noted = []

        def is_cut():
            noted.extend(ask(server, "/happened").json())
            return noted

        server.wait_until(is_cut, "end of the sending")
        assert noted[0] == "flood ended with ClientLeft"  # and not "received None" after 15 seconds


def test_client_that_does_not_read_is_reset(server):
    with Client(server) as client:
        client.request("/endless?size=1000000")
        server.wait_until(lambda: "closed" in ask(server, "/happened").json(), "end of the answer")
        with pytest.raises(ConnectionResetError):
            client.rest()


@pytest.mark.parametrize("leave", [Client.close, Client.reset, Client.is_closed])
def test_greenlet_that_outlives_its_request_is_told_of_the_end_of_the_connection(server, leave):
    ask(server, "/happened")
    with Client(server) as client:
        client.ask("/later")
        leave(client)

        told = []
        server.wait_until(lambda: told.extend(ask(server, "/happened").json()) or told, "note of the greenlet")
        assert told == ["left True, at once"]
