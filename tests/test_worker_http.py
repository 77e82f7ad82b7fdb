"""HTTP/1.1 as the workers serve it, on both hubs: bodies, framing, persistence (RFC 9110, RFC 9112, PEP 3333)."""

from __future__ import annotations

import pytest

from tests.apps.worker_app import FILE_LINES, SHORT_FILE
from tests.apps.worker_clients import HUBS, Client, ask, serving

pytestmark = pytest.mark.serving

LINES = b"one\ntwo two\n\nthree"
CHUNKED = b"4\r\none\n\r\n1;ext=1\r\nt\r\n7\r\nwo two\n\r\n6\r\n\nthree\r\n0\r\nX-Trailer: yes\r\n\r\n"
NEXT = b"GET /?next HTTP/1.1\r\nHost: test\r\n\r\n"


@pytest.fixture(scope="module", params=HUBS)
def server(request):
    with serving(request.param) as server:
        yield server


@pytest.fixture
def client(server):
    ask(server, "/happened")  # forget what earlier tests have done
    with Client(server) as client:
        yield client


def happened(server):
    return ask(server, "/happened").json()


# -- the body of a request


@pytest.mark.parametrize(
    ("by", "pieces"),
    [
        ("read", ["one\ntwo two\n\nthree"]),
        ("read-none", ["one\ntwo two\n\nthree"]),
        ("sizes", ["one", "\ntw", "o t", "wo\n", "\nth", "ree"]),
        ("past", ["one\ntwo two\n\nthree", "", "", ""]),
        ("readline", ["one\n", "two two\n", "\n", "three"]),
        ("readline-sizes", ["one\n", "two ", "two\n", "\n", "thre", "e"]),
        ("readlines", ["one\n", "two two\n", "\n", "three"]),
        ("readlines-hint", ["one\n", "|", "two two\n", "\n", "three"]),
        ("iteration", ["one\n", "two two\n", "\n", "three"]),
    ],
)
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 18\r\n\r\n" + LINES, b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED]
)
def test_body_is_read_to_its_end_and_no_further(client, by, pieces, framing):
    client.send(b"POST /read?by=%b HTTP/1.1\r\nHost: test\r\n%b%b" % (by.encode(), framing, NEXT))

    assert client.answer().json() == pieces
    assert client.answer().body == b"hello"


def test_body_is_given_to_the_application_while_it_arrives(client):
    client.request("/read-piece-by-piece", "Transfer-Encoding: chunked", method="POST")
    client.send(b"4\r\none\n\r\n")
    assert client.receive_head().status == 200
    assert client.receive_chunk() == b"ONE\n"
    client.send(b"4\r\ntwo\n\r\n")
    assert client.receive_chunk() == b"TWO\n"
    client.send(b"0\r\n\r\n")
    assert client.receive_chunk() == b""

    assert client.ask().body == b"hello"


@pytest.mark.parametrize("cut", [1000, 90, 3], ids=["whole", "head and body apart", "in pieces"])
def test_head_that_comes_again_has_each_time_its_own_body(client, cut):
    bodies = [b"body %d" % number for number in range(5)]
    wire = b"".join(
        b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\nX-Filler: %b\r\n\r\n%b" % (b"." * 19, body)
        for body in bodies
    )

    for start in range(0, len(wire), cut):
        client.send(wire[start : start + cut])

    assert [client.answer().body for _ in bodies] == bodies


def test_large_body_arrives_whole(client):
    body = bytes(range(256)) * 8192

    assert client.ask("/echo", method="POST", body=body).body == body
    assert client.ask().body == b"hello"


def test_body_that_nobody_reads_is_passed_over(client):
    client.request("/unread", "Content-Length: 100000", method="POST")
    assert client.answer().body == b"did not look"

    client.send(bytes(100_000) + NEXT)

    assert client.answer().body == b"hello"


def test_large_body_that_nobody_reads_ends_the_connection_and_not_the_answer(client):
    client.request("/unread", "Content-Length: 100000000", method="POST")
    client.send(bytes(200_000))

    answer = client.answer()

    assert (answer.body, answer.get("Connection")) == (b"did not look", "close")
    assert client.is_closed()


def test_body_that_ends_early_is_an_error_where_it_is_read(server, client):
    client.request("/fails-reading", "Content-Length: 10", method="POST")
    client.send(b"12345")
    client.end_sending()

    assert client.answer().status == 400
    assert client.is_closed()
    assert happened(server) == ["BrokenBody: expected the rest of the body, the client has left"]


def test_chunk_that_is_none_is_refused_where_it_is_read(server, client):
    client.request("/fails-reading", "Transfer-Encoding: chunked", "Expect: 100-continue", method="POST")
    assert client.answer().status == 100
    client.send(b"5\r\nfirst\r\nnonsense\r\n" + NEXT)

    assert client.answer().status == 400
    assert client.is_closed()
    assert happened(server) == ["BrokenBody: expected the size of a chunk, got b'nonsense'"]


# -- Expect: 100-continue (RFC 9110 §10.1.1)


def test_client_is_told_to_continue_when_the_body_is_read(client):
    client.request("/echo", "Expect: 100-continue", "Content-Length: 4", method="POST")

    assert client.answer()[:3] == (100, "Continue", [])
    client.send(b"body" + NEXT)
    assert client.answer().body == b"body"
    assert client.answer().body == b"hello"


def test_client_is_not_told_to_continue_when_nobody_reads(client):
    client.request("/unread", "Expect: 100-continue", "Content-Length: 4", method="POST")

    answer = client.answer()

    # It may send the body or not, so nothing that follows could be told from it.
    assert (answer.status, answer.get("Connection")) == (200, "close")
    assert client.is_closed()


def test_client_is_not_told_to_continue_when_the_answer_has_begun(client):
    client.request("/begin-then-read", "Expect: 100-continue", "Content-Length: 4", method="POST")

    assert client.receive_head().status == 200
    assert client.receive_chunk() == b"begun "
    client.send(b"body")
    assert client.receive_chunk() == b"body"
    assert client.receive_chunk() == b""
    assert client.is_closed()


def test_client_is_not_told_to_continue_when_the_body_is_there(client):
    assert client.ask("/echo", "Expect: 100-continue", method="POST", body=b"body").body == b"body"
    assert client.ask().body == b"hello"


def test_client_of_http_1_0_is_not_told_to_continue(client):
    client.request("/echo", "Expect: 100-continue", "Content-Length: 4", method="POST", version="1.0")
    client.send(b"body")

    assert client.answer().body == b"body"


# -- the framing of an answer


@pytest.mark.parametrize(
    ("query", "framing", "body"),
    [
        ("body=a,bc", "length", b"abc"),
        ("body=a,bc&pieces=tuple", "length", b"abc"),
        ("body=a,bc&pieces=iterator", "chunked", b"abc"),
        ("body=a,bc&pieces=generator", "chunked", b"abc"),
        ("body=a,bc&pieces=generator&length=3", "length", b"abc"),
        ("body=a,bc&pieces=write", "chunked", b"abc"),
        ("body=a,bc&pieces=write&length=3", "length", b"abc"),
        ("body=a,bc&pieces=write-then-list", "chunked", b"abc"),
        ("body=,a,,bc,&pieces=generator", "chunked", b"abc"),
        ("", "length", b""),
        ("pieces=generator", "length", b""),
        ("pieces=write", "length", b""),
        ("status=404 Not Found&body=a", "length", b"a"),
        ("status=299&body=a", "length", b"a"),
    ],
)
def test_answer_is_framed_by_what_is_known_of_its_length(client, query, framing, body):
    answer = client.ask(f"/answer?{query}".replace(" ", "%20"))

    assert (answer.framing, answer.body) == (framing, body)
    assert client.ask().body == b"hello"


@pytest.mark.parametrize("pieces", ["list", "generator", "write"])
@pytest.mark.parametrize(
    ("status", "length", "sent_length"),
    [
        ("204 No Content", None, None),
        ("204 No Content", "3", None),
        ("304 Not Modified", None, None),
        ("304 Not Modified", "3", "3"),
    ],
)
def test_status_without_a_body_has_none(client, pieces, status, length, sent_length):
    declared = f"&length={length}" if length else ""
    answer = client.ask(f"/answer?status={status}&body=a,bc&pieces={pieces}{declared}".replace(" ", "%20"))

    assert f"{answer.status} {answer.reason}" == status
    assert (answer.get("Content-Length"), answer.get("Transfer-Encoding")) == (sent_length, None)
    assert client.ask().body == b"hello"


@pytest.mark.parametrize(
    ("query", "length"),
    [("body=a,bc&length=3", "3"), ("body=a,bc&length=3&pieces=generator", "3"), ("body=&length=3", "3")],
)
def test_answer_to_head_has_the_length_and_not_the_body(client, query, length):
    answer = client.ask(f"/answer?{query}", method="HEAD")

    assert answer.get("Content-Length") == length
    assert client.ask().body == b"hello"


@pytest.mark.parametrize("query", ["body=a,bc", "body=a,bc&pieces=generator", "body=a,bc&pieces=write"])
def test_answer_to_head_leaves_the_connection_in_step(client, query):
    assert client.ask(f"/answer?{query}", method="HEAD").status == 200
    assert client.ask().body == b"hello"


@pytest.mark.parametrize("pieces", ["list", "generator", "write"])
def test_answer_longer_than_it_says_is_cut(server, client, pieces):
    answer = client.ask(f"/answer?length=4&body=abc,def&pieces={pieces}")

    assert answer.body == b"abcd"
    assert client.is_closed()
    assert "more than the 4 bytes" in server.output()


@pytest.mark.parametrize("pieces", ["list", "generator", "write"])
def test_answer_shorter_than_it_says_ends_the_connection(server, client, pieces):
    client.request(f"/answer?length=10&body=abc,def&pieces={pieces}")

    assert client.receive_head().get("Content-Length") == "10"
    assert client.rest() == b"abcdef"
    assert "6 of the 10 bytes" in server.output()


def test_answer_that_declares_a_length_and_has_nothing_ends_the_connection(client):
    client.request("/answer?length=10")

    assert client.receive_head().get("Content-Length") == "10"
    assert client.is_closed()


@pytest.mark.parametrize("step", [0, 100_000])
def test_large_answer_arrives_whole(client, step):
    assert client.ask(f"/bytes?count=5000000&step={step}").body == bytes(5_000_000)
    assert client.ask().body == b"hello"


# -- who may go on


@pytest.mark.parametrize(
    ("version", "sent", "query", "framing", "connection"),
    [
        ("1.1", (), "body=a", "length", None),
        ("1.1", ("Connection: keep-alive",), "body=a", "length", None),
        ("1.1", (), "body=a&pieces=generator", "chunked", None),
        ("1.1", ("Connection: close",), "body=a", "length", "close"),
        ("1.1", ("Connection: close",), "body=a&pieces=generator", "chunked", "close"),
        ("1.1", (), "body=a&Connection=close", "length", "close"),
        ("1.0", (), "body=a", "length", "close"),
        ("1.0", ("Connection: keep-alive",), "body=a", "length", "keep-alive"),
        ("1.0", ("Connection: keep-alive",), "body=a&pieces=generator&length=1", "length", "keep-alive"),
        ("1.0", ("Connection: keep-alive",), "body=a&pieces=generator", "close", "close"),
        ("1.0", (), "body=a&pieces=generator", "close", "close"),
    ],
)
def test_connection_persists_as_client_and_framing_allow(client, version, sent, query, framing, connection):
    answer = client.ask(f"/answer?{query}", *sent, version=version)

    assert (answer.framing, answer.body, answer.get("Connection")) == (framing, b"a", connection)
    if connection == "close":
        assert client.is_closed()
    else:
        assert client.ask().body == b"hello"


def test_pipelined_requests_are_answered_in_order(client):
    post = b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc"
    slow = b"GET /sleep?seconds=0.01 HTTP/1.1\r\nHost: test\r\n\r\n"
    client.send(slow + post + NEXT + slow + post + NEXT)

    assert [client.answer().body for _ in range(6)] == [b"slept", b"abc", b"hello"] * 2


def test_nothing_after_the_last_request_is_answered(client):
    client.send(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n" + NEXT)

    assert client.answer().body == b"hello"
    assert client.is_closed()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GET /environ?a=%20b HTTP/1.1", {"PATH_INFO": "/environ", "QUERY_STRING": "a=%20b"}),
        ("GET /%65nviron HTTP/1.1", {"PATH_INFO": "/environ", "RAW_URI": "/%65nviron"}),
        ("GET http://other/environ?x HTTP/1.1", {"PATH_INFO": "/environ", "HTTP_HOST": "other", "QUERY_STRING": "x"}),
        ("PROPFIND /environ HTTP/1.1", {"REQUEST_METHOD": "PROPFIND"}),
        ("GET /environ HTTP/1.0", {"SERVER_PROTOCOL": "HTTP/1.0"}),
    ],
)
def test_request_line_becomes_the_environ(client, line, expected):
    client.send(f"{line}\r\nHost: test\r\n\r\n".encode())

    environ = client.answer().json()

    assert {key: environ[key] for key in expected} == expected


def test_request_about_the_server_itself_is_answered(client):
    assert client.ask("*", method="OPTIONS").body == b"hello"


def test_environ_tells_who_is_there(server, client):
    environ = client.ask("/environ", "X-One: 1", "X-One: 2", "Content-Type: text/x").json()

    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["REMOTE_PORT"] == str(client.socket.getsockname()[1])
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", str(server.port))
    assert (environ["HTTP_X_ONE"], environ["CONTENT_TYPE"]) == ("1,2", "text/x")
    assert environ["SERVER_SOFTWARE"].startswith("gunicorn/")


# -- wsgi.file_wrapper


@pytest.mark.parametrize(
    ("query", "body"),
    [("", SHORT_FILE), ("offset=2", SHORT_FILE[2:]), ("length=3", SHORT_FILE[:3]), ("offset=7", b"")],
)
def test_kernel_sends_a_file(server, client, query, body):
    answer = client.ask(f"/file?{query}")

    assert (answer.framing, answer.body) == ("length", body)
    assert client.ask().body == b"hello"
    assert happened(server) == ["wrapper is brubeck_wsgi.gateway.files", "file closed"]


def test_file_shorter_than_declared_ends_the_connection(client):
    client.request("/file?length=10")

    assert client.receive_head().get("Content-Length") == "10"
    assert client.rest() == SHORT_FILE


def test_head_of_a_file_has_its_length(server, client):
    assert client.ask("/file", method="HEAD").get("Content-Length") == str(len(SHORT_FILE))
    assert client.ask().body == b"hello"
    assert "file closed" in happened(server)


def test_file_that_is_not_on_disk_is_read(server, client):
    answer = client.ask("/file?in_memory=1")

    assert (answer.framing, answer.body) == ("chunked", SHORT_FILE)
    assert happened(server)[1:] == ["file read", "file read", "file closed"]


def test_large_file_reaches_a_slow_reader_whole(client):
    client.request("/file?large=1")
    assert client.receive_head().get("Content-Length") == str(8 * FILE_LINES)

    for number in range(FILE_LINES):
        assert client.receive(8) == b"%07d\n" % number
        if number % 50_000 == 0:  # while the reader pauses, others are served
            assert ask(client.address).body == b"hello"
    assert client.ask().body == b"hello"


# -- early hints (RFC 8297)


def test_early_hints_come_before_the_answer(client):
    client.request("/hints")

    assert client.answer()[:3] == (103, "Early Hints", [("Link", "</one.css>; rel=preload")])
    assert client.answer()[:3] == (103, "Early Hints", [("Link", "</two.css>; rel=preload")])
    assert client.answer().body == b"hinted"


@pytest.mark.parametrize(
    ("target", "version", "body"), [("/hints", "1.0", b"hinted"), ("/hints?late=1", "1.1", b"late")]
)
def test_early_hints_are_not_sent_where_they_would_spoil_the_answer(client, target, version, body):
    assert client.ask(target, version=version).body == body


# -- an application that fails


@pytest.mark.parametrize("kind", ["ValueError", "OSError", "SystemExit", "BaseException"])
@pytest.mark.parametrize("after", ["", "&after=start"])
def test_failure_is_answered_and_logged(server, client, kind, after):
    pid = ask(server, "/process").json()["pid"]

    answer = client.ask(f"/raise?kind={kind}{after}")

    assert (answer.status, answer.get("Connection")) == (500, "close")
    assert b"on purpose" not in answer.body
    assert client.is_closed()
    assert f"{kind}: raised on purpose" in server.output()
    assert ask(server, "/process").json()["pid"] == pid


def test_failure_after_the_first_piece_shows_as_an_answer_that_is_not_whole(client):
    client.request("/raise?after=piece")

    assert client.receive_head().framing == "chunked"
    assert client.rest() == b"f\r\nthe first piece\r\n"


def test_complaints_are_in_the_log_of_errors(server, client):
    assert client.ask("/complain").body == b"complained"

    assert "a complaint, in two parts\n" in server.output()


def test_failure_may_be_replaced_before_anything_is_sent(client):
    answer = client.ask("/replace")

    assert (answer.status, answer.get("X-Replaced"), answer.body) == (503, "yes", b"sorry")
    assert client.ask().body == b"hello"


@pytest.mark.parametrize(
    "query", ["X-Bad=a%0d%0ab", "X%20Bad=a", "status=banana", "length=-1", "length=1&Content-Length=1", "status=1000 X"]
)
def test_head_that_cannot_be_sent_is_a_failure_of_the_application(client, query):
    assert client.ask(f"/answer?{query}".replace(" ", "%20")).status == 500
    assert client.is_closed()
