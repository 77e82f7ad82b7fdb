"""Clients that leave, that are slow, and that go on in another protocol, on both hubs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.apps.worker_clients import HUBS, Client, ask, serving, wait_for_handler

pytestmark = pytest.mark.serving


@pytest.fixture(scope="module", params=HUBS)
def server(request):
    with serving(request.param) as server:
        yield server


@pytest.fixture
def client(server):
    ask(server, "/happened")  # forget what earlier tests have done
    with Client(server) as client:
        yield client


def wait_for(server, *expected):
    """Wait until the application has noted just this."""
    noted = []

    def is_there():
        noted.extend(ask(server, "/happened").json())
        return len(noted) >= len(expected)

    server.wait_until(is_there, f"{expected}")
    assert noted == list(expected)


# -- brubeck.disconnected


@pytest.mark.parametrize("by", ["wait", "is_set"])
@pytest.mark.parametrize("leave", [Client.close, Client.reset, Client.end_sending])
def test_handler_is_told_that_its_client_has_left(server, client, by, leave):
    client.request(f"/disconnected?by={by}")
    wait_for_handler(server, "disconnected")

    leave(client)

    wait_for(server, "before", "left True")


def test_client_that_only_stops_sending_still_gets_its_answer(client):
    client.request("/disconnected")
    client.end_sending()

    assert client.answer().body == b"still there"


@pytest.mark.parametrize("leave", [Client.close, Client.reset])
def test_handler_that_has_not_read_the_body_is_told_too(server, client, leave):
    client.request("/disconnected", "Content-Length: 100", method="POST")
    client.send(b"the beginning")
    wait_for_handler(server, "disconnected")

    leave(client)

    wait_for(server, "before", "left True")


def test_request_that_follows_is_not_taken_for_a_disconnect(server, client):
    client.request("/disconnected")
    wait_for_handler(server, "disconnected")
    client.request("/")
    assert ask(server, "/happened").json() == ["before"]

    client.end_sending()

    assert [client.answer().body for _ in range(2)] == [b"still there", b"hello"]


@pytest.mark.parametrize("leave", [Client.close, Client.reset])
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_body_is_closed_when_the_client_leaves_while_it_is_sent(server, client, size, leave):
    client.request(f"/endless?size={size}")
    client.receive(500)

    leave(client)

    wait_for(server, "closed")


# -- brubeck.upgrade


def test_upgraded_connection_carries_bytes_both_ways(server, client):
    head = client.ask("/upgrade")
    assert (head.status, head.reason) == (101, "Switching Protocols")
    assert head.headers == [("Upgrade", "echo"), ("Connection", "Upgrade"), ("X-Extra", "yes")]

    for piece in (b"one", b"two", b"x" * 1000):
        client.send(piece)
        assert client.receive(len(piece)) == piece.upper()

    client.end_sending()
    assert client.is_closed()
    wait_for(server, "tunnel ended with b'', left True")


def test_bytes_that_came_with_the_request_are_the_first_of_the_upgraded_connection(client):
    client.send(b"GET /upgrade HTTP/1.1\r\nHost: test\r\n\r\nearly")

    assert client.answer().status == 101
    assert client.receive(5) == b"EARLY"


def test_waiting_on_an_upgraded_connection_ends_in_time(server, client):
    client.ask("/upgrade?seconds=0.1")

    assert client.rest() == b"too late"
    wait_for(server, "tunnel ended with None, left False")


def test_upgraded_connection_that_is_reset_ends(server, client):
    client.ask("/upgrade")
    client.send(b"one")
    client.receive(3)

    client.reset()

    wait_for(server, "tunnel ended with b'', left True")


def test_upgraded_connection_can_send_while_it_receives(server, client):
    size = 5_000_000
    client.ask(f"/upgrade-flood?count={size}")

    with ThreadPoolExecutor() as threads:
        sending = threads.submit(client.send, bytes(size))
        assert len(client.receive(size)) == size
        sending.result()

    assert client.is_closed()
    wait_for(server, f"flood received {size}")


def test_others_run_while_much_is_received(server, client):
    client.send(b"GET /upgrade-greedy?count=40000 HTTP/1.1\r\nHost: test\r\n\r\n")
    assert client.answer().status == 101
    client.send(bytes(40000))

    wait_for(server, "others ran meanwhile")


def test_request_with_a_body_is_not_upgraded(client):
    assert client.ask("/upgrade", method="POST", body=b"body").status == 500


# -- gunicorn.socket


def test_application_can_take_the_socket_over(server, client):
    client.request("/take-over")
    assert client.receive(6) == b"taken\n"

    for _ in range(3):
        client.send(b"echo")
        assert client.receive(4) == b"ECHO"

    client.end_sending()
    assert client.is_closed()
    wait_for(server, "take-over ended")


def test_socket_that_is_only_asked_stays_with_the_server(client):
    for _ in range(2):
        assert client.ask("/peek-socket").body.decode() == str(client.socket.getsockname()[1])


def test_socket_is_not_given_away_with_bytes_that_it_would_not_show(client):
    client.send(b"GET /take-over HTTP/1.1\r\nHost: test\r\n\r\nearly")

    assert client.answer().status == 500


# -- slow clients


@pytest.fixture(scope="module", params=HUBS)
def impatient(request):
    with serving(request.param, "-k", f"tests.apps.worker_impatient.{request.param}", PYTHONPATH=".") as server:
        yield server


def drip(client: Client, data: bytes) -> bytes:
    """Send *data* a byte at a time, until the server says something; return what it says until it closes."""
    client.socket.settimeout(0.05)
    for position in range(len(data)):
        try:
            client.socket.sendall(data[position : position + 1])
            said = client.socket.recv(1)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
        return said + client.rest()
    raise AssertionError("sent all of it")


def stall(server) -> bytes:
    """Ask for more than fits on the way and read nothing of it until the answer has been given up."""
    with Client(server) as client:
        client.request("/endless?size=1000000")
        wait_for(server, "closed")
        try:
            return client.rest()
        except ConnectionError:
            return b""


def drip_head(server) -> bytes:
    with Client(server) as client:
        return drip(client, b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X-Slow: yes\r\n" * 100)


def drip_second_head(server) -> bytes:
    with Client(server) as client:
        client.ask()
        return drip(client, b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X-Slow: yes\r\n" * 100)


def drip_body(server) -> bytes:
    with Client(server) as client:
        client.request("/echo", "Content-Length: 1000", method="POST")
        return drip(client, bytes(1000))


def drip_chunks(server) -> bytes:
    with Client(server) as client:
        client.request("/echo", "Transfer-Encoding: chunked", method="POST")
        return drip(client, b"1\r\nx\r\n" * 200)


def drip_body_that_nobody_reads(server) -> bytes:
    with Client(server) as client:
        client.request("/unread", "Content-Length: 1000", method="POST")
        assert client.answer().body == b"did not look"
        return drip(client, bytes(1000))


def say_nothing(server) -> bytes:
    with Client(server) as client:
        return client.rest()


@pytest.fixture(scope="module")
def slow(impatient):
    """What each kind of slow client got, all of them at once; and how long others waited meanwhile."""
    kinds = (drip_head, drip_second_head, drip_body, drip_chunks, drip_body_that_nobody_reads, say_nothing, stall)
    longest = 0.0
    with ThreadPoolExecutor(len(kinds)) as threads:
        results = {kind: threads.submit(kind, impatient) for kind in kinds}
        while not all(result.done() for result in results.values()):
            began = time.monotonic()
            assert ask(impatient).body == b"hello"
            longest = max(longest, time.monotonic() - began)
    return {kind: result.result() for kind, result in results.items()}, longest


@pytest.mark.parametrize("kind", [drip_head, drip_second_head, drip_body, drip_chunks])
def test_client_that_sends_a_request_slowly_is_told_and_cut(slow, kind):
    said = slow[0][kind]

    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"\r\nConnection: close\r\n" in said


@pytest.mark.parametrize("kind", [say_nothing, drip_body_that_nobody_reads])
def test_client_that_nothing_is_owed_is_cut(slow, kind):
    assert slow[0][kind] == b""


def test_client_that_does_not_read_is_cut(slow):
    assert not slow[0][stall].endswith(b"\r\n0\r\n\r\n")


def test_others_are_served_while_slow_clients_are_waited_for(slow):
    assert slow[1] < 1
