"""Behind a real Mongrel2: each way to serve, one contract."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from apps import mongrel2_app
from mongrel2_servers import RawClient, gunicorn, handler, mongrel2, needs_mongrel2, wait_until

pytestmark = needs_mongrel2

DOORS = {
    "gevent": lambda front, **more: handler("apps.mongrel2_app:validated", front, **more),
    "eventlet": lambda front, **more: handler(
        "apps.mongrel2_app:validated", front, arguments=("--concurrency", "eventlet"), **more
    ),
    "threads": lambda front, **more: handler(
        "apps.mongrel2_app:validated", front, arguments=("--concurrency", "threads"), **more
    ),
    "gunicorn-gevent": lambda front, **more: gunicorn("apps.mongrel2_app:validated", front, **more),
    "gunicorn-eventlet": lambda front, **more: gunicorn(
        "apps.mongrel2_app:validated", front, worker="brubeck_wsgi.mongrel2.worker.EventletWorker", **more
    ),
}


@pytest.fixture(scope="module", params=DOORS)
def served(request):
    """A Mongrel2 with a handler behind it."""
    with ExitStack() as stack:
        front = stack.enter_context(mongrel2(content_length=20_000, head_size=16_384))
        server = stack.enter_context(DOORS[request.param](front))
        server.front = front
        yield server


@pytest.fixture
def client(served):
    with RawClient(served.port) as client:
        yield client


def events(served):
    return json.loads(served.get("/events")[1])


def post(path, body, *lines):
    head = "\r\n".join((f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *lines))
    return head.encode("latin-1") + b"\r\n\r\n" + body


# -- requests


def test_request_has_a_complete_environ(served):
    environ = json.loads(served.get("/environ/caf%C3%A9?x=1")[1])

    assert environ["PATH_INFO"] == "/environ/caf\xc3\xa9"
    assert environ["QUERY_STRING"] == "x=1"
    assert (environ["REMOTE_ADDR"], environ["SERVER_PORT"]) == ("127.0.0.1", str(served.port))


def test_headers_arrive_as_they_were_sent(client):
    client.get("/environ", "X-Foo: one", "X-Foo: two", "Cookie: a=1", "Cookie: b=2", "X-Latin: caf\xe9", "X_Under: no")

    environ = json.loads(client.read_response()[1])

    assert environ["HTTP_X_FOO"] == "one,two"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_LATIN"] == "caf\xe9"
    assert "HTTP_X_UNDER" not in environ


def test_connection_serves_one_request_after_another(client):
    for _ in range(30):
        client.get("/")
        head, body = client.read_response()
        assert (head[:15], body) == (b"HTTP/1.1 200 OK", b"hello")


def test_pipelined_requests_are_answered_in_order(client):
    client.send(b"".join(b"GET /environ?%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(40)))

    answers = [json.loads(client.read_response()[1])["QUERY_STRING"] for _ in range(40)]

    assert answers == [str(number) for number in range(40)]


def test_pipelined_request_waits_for_a_slow_one_before_it(client):
    client.send(b"GET /sleep/0.3 HTTP/1.1\r\nHost: x\r\n\r\nGET /environ?second HTTP/1.1\r\nHost: x\r\n\r\n")

    first, second = client.read_response()[1], client.read_response()[1]

    assert first.isdigit()
    assert json.loads(second)["QUERY_STRING"] == "second"


@pytest.mark.parametrize("size", [0, 1, 19_999])
def test_body_comes_in_the_message(client, size):
    body = os.urandom(size)

    client.send(post("/echo", body))

    assert client.read_response()[1] == body


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: +5",
        b"Transfer-Encoding: Chunked",
    ],
)
def test_request_with_two_framings_is_refused_and_closed(client, head):
    client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\nhello")

    assert client.read_to_end().startswith(b"HTTP/1.1 400 ")


# -- uploads


def upload_directory(served):
    return served.front.directory / "tmp"


def test_large_body_is_read_from_a_file_that_is_gone_afterwards(served, client):
    body = os.urandom(300_000)

    client.send(post("/digest", body))

    size, digest, _ = client.read_response()[1].split()
    assert (int(size), digest.decode()) == (len(body), hashlib.sha256(body).hexdigest())
    assert list(upload_directory(served).iterdir()) == []


def test_body_of_20_mebibytes_is_not_held_in_memory(served):
    def upload(size):
        body = bytes(size)
        with RawClient(served.port) as client:
            client.send(post("/digest", body))
            got, _, kilobytes = client.read_response()[1].split()
        assert int(got) == size
        return int(kilobytes)

    before = upload(2 * 1024 * 1024)
    after = upload(20 * 1024 * 1024)

    assert after - before < 8 * 1024


def test_chunked_body_is_read_from_a_file(served, client):
    client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")

    assert client.read_response()[1] == b"hello world"
    assert list(upload_directory(served).iterdir()) == []


def test_upload_that_nobody_reads_is_removed(served, client):
    client.send(post("/unread", bytes(100_000)))

    assert client.read_response()[1] == b"not read"
    assert list(upload_directory(served).iterdir()) == []


def test_upload_whose_client_leaves_is_removed(served, client):
    client.send(post("/echo", bytes(100_000))[:50_000])
    wait_until(lambda: list(upload_directory(served).iterdir()), "file")

    client.socket.close()

    wait_until(lambda: not list(upload_directory(served).iterdir()), "end of the file")


@pytest.mark.parametrize("length", [0, 5])
def test_forged_upload_headers_read_and_remove_nothing(served, client, length):
    victim = upload_directory(served) / "up.victim"
    victim.write_bytes(b"secret")
    forged = ("X-Mongrel2-Upload-Start: /tmp/up.victim", "X-Mongrel2-Upload-Done: /tmp/up.victim")

    client.send(post("/echo", b"x" * length, *forged))

    assert client.read_response()[1] == b"x" * length
    assert victim.read_bytes() == b"secret"
    victim.unlink()


# -- answers


def test_stream_leaves_piece_by_piece_in_chunks(client):
    client.get("/stream/3/2/0.3")

    first = client.read_until(b"00\r\n")
    begun = time.monotonic()
    rest = client.read_until(b"0\r\n\r\n")

    assert b"Transfer-Encoding: chunked" in first
    assert rest == b"2\r\n11\r\n2\r\n22\r\n0\r\n\r\n"
    assert time.monotonic() - begun > 0.4


def test_many_small_pieces_arrive_whole(client):
    client.get("/stream/5000/1/0")

    assert client.read_until(b"\r\n0\r\n\r\n").count(b"\r\n1\r\n") == 5000


def test_bulk_arrives_whole(client):
    client.get("/stream/800/65536/0", version="1.0")

    body = client.read_to_end().partition(b"\r\n\r\n")[2]

    assert len(body) == 800 * 65536


def test_answer_to_http_1_0_is_ended_by_the_close(client):
    client.get("/stream/3/2/0", version="1.0")

    head, _, body = client.read_to_end().partition(b"\r\n\r\n")

    assert b"chunked" not in head
    assert body == b"001122"


def test_connection_that_the_client_wants_closed_is_closed(client):
    client.get("/", "Connection: close")

    assert client.read_to_end().endswith(b"\r\nConnection: close\r\n\r\nhello")


def test_connection_of_http_1_0_is_kept_if_asked_for(client):
    for _ in range(2):
        client.get("/", "Connection: keep-alive", version="1.0")
        assert client.read_response()[1] == b"hello"


@pytest.mark.parametrize("path", ["/", "/stream/3/2/0", "/file"])
def test_answer_to_head_has_no_body(client, path):
    client.get(path, method="HEAD")
    head = client.read_until(b"\r\n\r\n")
    client.get("/")

    assert head.startswith(b"HTTP/1.1 200 OK")
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_status_without_a_body_has_none(client):
    client.get("/not-modified")
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 304")
    client.get("/")
    assert client.read_response()[1] == b"hello"


def test_file_arrives_whole(served):
    status, body = served.get("/file")

    assert status == 200
    assert body == Path(mongrel2_app.__file__).read_bytes()


def test_failure_is_500_and_closes(client):
    client.get("/fail")

    assert client.read_to_end().startswith(b"HTTP/1.1 500 ")


def test_failure_in_the_middle_shows_no_proper_end(client):
    client.get("/fail-late")

    answer = client.read_to_end()

    assert b"begun" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_application_that_exits_ends_nobody(client, served):
    client.get("/exit")

    assert client.read_to_end().startswith(b"HTTP/1.1 500 ")
    assert served.get()[1] == b"hello"


# -- disconnects


def test_client_that_leaves_sets_the_event_of_its_request(served, client):
    client.get("/wait")
    before = len(events(served))

    client.socket.close()

    wait_until(lambda: events(served)[before:] == ["left"], "event")


def test_stream_of_a_client_that_leaves_is_closed(served, client):
    client.get("/endless")
    client.read_until(b"2\n")
    before = len(events(served))

    client.socket.close()

    wait_until(lambda: "closed" in events(served)[before:], "close")
