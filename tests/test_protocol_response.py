"""The head of a response, on text and bytes."""

from __future__ import annotations

import http.client
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.protocols.errors import LocalProtocolError
from brubeck_wsgi.protocols.http1.response import CONTINUE, HeadWriter, chunk, forbids_body, serialize_headers

DATE = "Tue, 24 Nov 2026 22:59:00 GMT"
BEGIN = b"HTTP/1.1 200 OK\r\nServer: brubeck\r\nDate: Tue, 24 Nov 2026 22:59:00 GMT\r\n"
TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HEADERS = st.tuples(
    st.text(TOKEN, max_size=20).map(lambda name: f"X-{name}"),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20),
)


@pytest.fixture
def writer():
    writer = HeadWriter("brubeck")
    writer.renew(DATE)
    return writer


def written(writer: HeadWriter, status: str = "200 OK", headers=()) -> bytes:
    return b"".join(writer.write(status, headers)[0])


def test_head_begins_with_status_server_and_date(writer):
    lines, status_code, length, closes = writer.write("200 OK", [("X-Take", "5"), ("Vary", "a"), ("Vary", "b")])

    assert b"".join(lines) == BEGIN + b"X-Take: 5\r\nVary: a\r\nVary: b\r\n"
    assert (status_code, length, closes) == (200, None, False)


def test_head_is_the_same_the_second_time(writer):
    headers = [("X-Take", "5"), ("Content-Length", "7"), ("Server", "mine"), ("Connection", "close")]

    first = writer.write("404 Not Found", headers)
    second = writer.write("404 Not Found", headers)

    assert first == second


def test_lines_of_one_head_do_not_run_into_the_next(writer):
    writer.write("200 OK", [("X-Take", "5")])[0].append(b"more")

    assert written(writer) == BEGIN


def test_date_is_new_once_it_is_renewed(writer):
    before = written(writer)
    writer.renew("Tue, 24 Nov 2026 22:59:01 GMT")

    assert written(writer) == before.replace(b"22:59:00", b"22:59:01")


@given(headers=st.lists(HEADERS, max_size=5))
def test_headers_can_be_read_as_they_were_given(headers):
    writer = HeadWriter("brubeck")
    writer.renew(DATE)

    for _ in range(2):
        head = written(writer, "200 OK", headers).removeprefix(BEGIN) + b"\r\n"

        read = [(name, value.strip(" \t")) for name, value in http.client.parse_headers(io.BytesIO(head)).items()]
        assert read == [(name, value.strip(" \t")) for name, value in headers]


@given(name=st.text(max_size=8), value=st.text(max_size=8))
def test_nothing_that_is_given_as_a_header_makes_two_lines(name, value):
    writer = HeadWriter("brubeck")
    writer.renew(DATE)

    headers = [(f"X-{name}", value)]
    for write in (lambda: written(writer, "200 OK", headers), lambda: serialize_headers(headers)):
        try:
            head = write()
        except LocalProtocolError:
            continue
        lines = head.removeprefix(BEGIN)
        assert lines == b"" or (lines.endswith(b"\r\n") and not set(lines[:-2]) & set(b"\r\n\0"))


# -- status


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("200 OK", b"HTTP/1.1 200 OK\r\n"),
        ("200", b"HTTP/1.1 200 \r\n"),
        ("200 ", b"HTTP/1.1 200 \r\n"),
        ("404 Not\tFound", b"HTTP/1.1 404 Not\tFound\r\n"),
        ("599 \xe9", b"HTTP/1.1 599 \xe9\r\n"),
    ],
)
def test_status_becomes_the_first_line(writer, status, line):
    head, status_code, *_ = writer.write(status, [])

    assert head[0].startswith(line)
    assert status_code == int(status[:3])


@pytest.mark.parametrize(
    "status",
    [
        *("", "OK", "20", "2000 OK", "200OK", " 200 OK", "200\tOK", "200 OK\r\nX: y", "200 O\nK", "200 \0", "200 \x7f"),
        *("200 ☃", "٢٠٠ OK", "600 X", "099 X", "-20 X", b"200 OK", 200, None),
    ],
)
def test_what_is_no_status_is_not_sent(writer, status):
    with pytest.raises(LocalProtocolError, match="expected a status"):
        writer.write(status, [])


@pytest.mark.parametrize("status", ["100 Continue", "101 Switching Protocols", "103 Early Hints"])
def test_status_that_is_not_the_answer_is_not_sent_as_one(writer, status):
    with pytest.raises(LocalProtocolError, match="expected a status"):
        writer.write(status, [])


@pytest.mark.parametrize("status_code", [100, 199, 204, 304])
def test_some_statuses_have_no_body(status_code):
    assert forbids_body(status_code)


@pytest.mark.parametrize("status_code", [200, 201, 205, 301, 404, 500])
def test_most_statuses_may_have_a_body(status_code):
    assert not forbids_body(status_code)


# -- headers that mean something to the server


@pytest.mark.parametrize("value", ["0", "5", "05", " 5 ", "\t5", "9" * 18])
def test_content_length_is_handed_on_as_a_number(writer, value):
    for name in ("Content-Length", "content-length"):
        lines, _, length, _ = writer.write("200 OK", [(name, value)])

        assert length == int(value)
        assert b"".join(lines) == BEGIN


@pytest.mark.parametrize("value", ["", "x", "-5", "+5", "5, 5", "0x5", "5.0", "5 5", "٥", "²", "9" * 19, "5\r\nX: y"])
def test_content_length_that_is_none_is_not_sent(writer, value):
    with pytest.raises(LocalProtocolError, match="expected digits as Content-Length"):
        writer.write("200 OK", [("Content-Length", value)])


@pytest.mark.parametrize("second", ["5", "6"])
def test_content_length_is_given_once(writer, second):
    with pytest.raises(LocalProtocolError, match="expected one Content-Length"):
        writer.write("200 OK", [("Content-Length", "5"), ("content-length", second)])


@pytest.mark.parametrize(
    "name",
    [
        *("Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection"),
        *("TE", "Trailer", "Transfer-Encoding", "upgrade"),
    ],
)
def test_header_between_server_and_client_is_left_out(writer, name):
    assert written(writer, headers=[(name, "x"), ("X-Take", "5")]) == BEGIN + b"X-Take: 5\r\n"


@pytest.mark.parametrize("value", ["close", "Close", "x, close"])
def test_application_may_ask_for_the_end_of_the_connection(writer, value):
    assert [writer.write("200 OK", [("Connection", value)])[3] for _ in range(2)] == [True, True]


@pytest.mark.parametrize("value", ["keep-alive", "upgrade", ""])
def test_application_that_says_something_else_does_not_ask_for_the_end(writer, value):
    assert not writer.write("200 OK", [("Connection", value)])[3]


@pytest.mark.parametrize("name", [b"Server", b"server", b"Date"])
def test_application_may_say_itself_what_the_server_would(writer, name):
    without = b"".join(line for line in BEGIN.splitlines(keepends=True) if not line.startswith(name.title()))

    heads = [written(writer, headers=[(name.decode(), "mine")]) for _ in range(2)]

    assert heads == [without + name + b": mine\r\n"] * 2


# -- what cannot be sent


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\n", "X\n", "\xc9", "☃", "X\0", "(X)", "X\t"])
def test_name_that_is_no_token_is_not_sent(writer, name):
    for write in (serialize_headers, lambda headers: writer.write("200 OK", headers)):
        with pytest.raises(LocalProtocolError, match="made of token characters"):
            write([(name, "five")])


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\rb", "\0", "\x7f", "\x1b", "☃", "\ud800", "a\x0bb"])
def test_value_that_cannot_be_sent_is_kept_out_of_the_message(writer, value):
    for write in (serialize_headers, lambda headers: writer.write("200 OK", headers)):
        with pytest.raises(LocalProtocolError, match="as the value of header X-Secret") as caught:
            write([("X-Secret", f"secret{value}")])

        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("pair", [("X", 5), (b"X", "y"), ("X", b"y"), ("X",), ("X", "y", "z"), None, 5, ("X", None)])
def test_what_is_no_pair_of_texts_is_not_sent(writer, pair):
    for write in (serialize_headers, lambda headers: writer.write("200 OK", headers)):
        with pytest.raises(LocalProtocolError, match="expected"):
            write([pair])


def test_pairs_may_be_lists(writer):
    assert written(writer, headers=[["X-Take", "5"]]) == BEGIN + b"X-Take: 5\r\n"


# -- what is remembered


def test_nothing_is_remembered_without_bounds(writer):
    def remember(numbers: range) -> int:
        for number in numbers:
            writer.write(f"200 {number}", [(f"X-{number}", str(number)), ("X-Take", "a" * number)])
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    full = remember(range(10_000, 12_048))
    still_full = remember(range(12_048, 14_096))
    tracemalloc.stop()

    assert still_full - full < 50_000
    assert written(writer, headers=[("X-5", "5")]) == BEGIN + b"X-5: 5\r\n"


# -- the rest


@pytest.mark.parametrize(
    ("data", "wire"), [(b"a", b"1\r\na\r\n"), (b"\r\n", b"2\r\n\r\n\r\n"), (b"a" * 26, b"1a\r\n%b\r\n" % (b"a" * 26))]
)
def test_chunk_has_its_size_in_front(data, wire):
    assert chunk(data) == wire


def test_headers_alone_are_lines():
    assert serialize_headers([("Link", " </a.css>\t"), ("X", "")]) == b"Link: </a.css>\r\nX: \r\n"


def test_continue_is_a_head_of_its_own():
    assert CONTINUE == b"HTTP/1.1 100 Continue\r\n\r\n"
