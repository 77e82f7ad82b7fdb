"""The workers keep to PEP 3333 and let no request leak into the next, on both hubs."""

from __future__ import annotations

import pytest

from tests.apps.worker_clients import HUBS, Client, ask, serving

pytestmark = pytest.mark.serving


@pytest.fixture(scope="module", params=HUBS)
def validated(request):
    with serving(request.param, app="tests.apps.worker_validated:app") as server:
        yield server


@pytest.mark.parametrize(
    ("target", "headers", "request_", "status", "body"),
    [
        ("/", (), {}, 200, b"empty"),
        ("/?a=b&c", (), {}, 200, b"empty"),
        ("/caf%C3%A9%20/x", (), {}, 200, b"empty"),
        ("http://test/", (), {}, 200, b"empty"),
        ("*", (), {"method": "OPTIONS"}, 200, b"empty"),
        ("/", (), {"method": "OPTIONS"}, 200, b"empty"),
        ("/", (), {"method": "HEAD"}, 200, b""),
        ("/", (), {"method": "DELETE"}, 200, b"empty"),
        ("/", (), {"version": "1.0"}, 200, b"empty"),
        ("/", ("Connection: keep-alive",), {"version": "1.0"}, 200, b"empty"),
        ("/", ("X-A: 1", "X-A: 2", "Cookie: a=1", "Cookie: b=2"), {}, 200, b"empty"),
        ("/", ("Content-Type: text/x",), {"method": "POST", "body": b"one\ntwo"}, 200, b"one\ntwo"),
        ("/", ("Content-Length: 0",), {"method": "POST"}, 200, b"empty"),
        ("/lines", (), {"method": "PUT", "body": b"one\ntwo"}, 200, b"one\ntwo"),
        ("/iteration", (), {"method": "PATCH", "body": b"one\ntwo"}, 200, b"one\ntwo"),
        ("/stream", (), {"method": "POST", "body": b"body"}, 200, b"streamed body"),
        ("/write", (), {"method": "POST", "body": b"body"}, 200, b"written body"),
        ("/nothing", (), {}, 204, b""),
    ],
)
def test_validator_has_nothing_to_say(validated, target, headers, request_, status, body):
    answer = ask(validated, target, *headers, **request_)

    assert (answer.status, answer.body) == (status, body)


def test_validator_has_nothing_to_say_of_chunks_that_the_client_waits_to_send(validated):
    with Client(validated) as client:
        client.request("/", "Transfer-Encoding: chunked", "Expect: 100-continue", method="POST")
        assert client.answer().status == 100
        client.send(b"3\r\none\r\n4\r\n\ntwo\r\n0\r\n\r\n")

        assert client.answer().body == b"one\ntwo"


@pytest.fixture(scope="module", params=HUBS)
def server(request):
    with serving(request.param) as server:
        yield server


LEAK = b"GET /leak?value=%d HTTP/1.1\r\nHost: test\r\n\r\n"


def test_request_finds_nothing_that_an_earlier_one_has_left(server):
    with Client(server) as client:
        for value in range(3):
            client.send(LEAK % value)
            assert client.answer().json() == ["unset", "unset"]
    assert ask(server, "/leak?value=3").json() == ["unset", "unset"]


def test_pipelined_request_finds_nothing_that_an_earlier_one_has_left(server):
    with Client(server) as client:
        client.send(b"".join(LEAK % value for value in range(3)))

        assert [client.answer().json() for _ in range(3)] == [["unset", "unset"]] * 3


def test_requests_at_the_same_time_do_not_see_each_other(server):
    clients = [Client(server) for _ in range(20)]
    for number, client in enumerate(clients):
        client.request(f"/leak?value={number}&wait=yes")

    for number, client in enumerate(clients):
        assert client.answer().json() == ["unset", "unset", str(number), str(number)]
        client.close()
