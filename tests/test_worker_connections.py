"""How long a connection lasts, and what a refusal looks like, where a request alone does not tell it."""

from __future__ import annotations

import pytest
from test_worker_corpus import OURS, Client, serving

pytestmark = pytest.mark.serving


@pytest.fixture(scope="module", params=OURS)
def server(request):
    with serving(OURS[request.param]) as server:
        yield server


@pytest.fixture
def client(server):
    client = Client(server.port)
    yield client
    client.close()


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
    ],
)
def test_close_wins_over_keep_alive_in_another_line(client, request_head):
    client.send(request_head + b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")

    assert client.answer().status == 200
    assert client.rest() == b""


@pytest.mark.parametrize(
    "request_head",
    [
        b"HEAD * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
    ],
)
def test_refusal_of_head_has_no_body(client, request_head):
    client.send(request_head)

    assert client.answer(b"HEAD").status in (400, 417)
    assert client.rest() == b""
