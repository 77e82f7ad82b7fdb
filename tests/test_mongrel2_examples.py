"""The example site behind a real Mongrel2, started as its script starts it."""

from __future__ import annotations

import json
import os
import urllib.request

import pytest
from mongrel2_servers import RawClient, needs_mongrel2, wait_until
from servers import ROOT, free_port, running
from websocket_clients import WebSocketClient

pytestmark = needs_mongrel2


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    port = free_port()
    directory = tmp_path_factory.mktemp("site")
    variables = {"SITE": str(directory), "PORT": str(port), "HEALTH_PORT": str(free_port())}
    command = ["bash", str(ROOT / "examples" / "mongrel2" / "run.sh")]
    with running(command, port, **variables) as server:
        wait_until(lambda: server.get()[0] == 200, "answer of the application")
        yield server


def test_hello_greets(site):
    assert site.get("/?name=Dave") == (200, b"Take five, Dave!\n")


def test_file_comes_from_mongrel2_itself(site):
    assert site.get("/static/") == (200, b"a file\n")


def test_large_upload_arrives(site):
    body = os.urandom(5_000_000)
    form = (
        b'--x\r\nContent-Disposition: form-data; name="take"; filename="take.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + body + b"\r\n--x--\r\n"
    )
    request = urllib.request.Request(
        f"http://127.0.0.1:{site.port}/upload/stream",
        form,
        {"Content-Type": "multipart/form-data; boundary=x"},
    )

    with urllib.request.urlopen(request, timeout=20) as answer:
        (take,) = json.load(answer)["takes"]

    assert take["bytes"] == len(body)


def test_what_one_says_all_hear(site):
    clients = [WebSocketClient(site.port, "/chat") for _ in range(4)]
    try:
        clients[0].say("hello, all")

        assert [client.hear() for client in clients] == ["hello, all"] * 4
    finally:
        for client in clients:
            client.socket.close()


def test_browser_gets_the_page(site):
    with RawClient(site.port) as client:
        client.get("/chat")

        assert b"<title>Chat</title>" in client.read_until(b"</script>")
