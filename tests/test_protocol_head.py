"""The head of a request, on bytes; tests/corpus has what must come of whole requests."""

from __future__ import annotations

import pytest
from fuzz import strict
from fuzz.checks import check
from fuzz.pipeline import converse
from fuzz.strategies import mistreated_requests, requests
from hypothesis import given, settings

from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.head import DEFAULT_LIMITS, HeadParser, Limits

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"
FACTS = ("method", "path", "minor_version", "headers", "content_length", "has_chunked", "connection_close")
HEADS = [
    (GET, b"GET", b"/", 1, ((b"Host", b"a"),), -1, False, -1),
    (b"\r\n" + GET, b"GET", b"/", 1, ((b"Host", b"a"),), -1, False, -1),
    (b"OPTIONS * HTTP/1.0\r\n\r\n", b"OPTIONS", b"*", 0, (), -1, False, -1),
    (
        b"POST /a?b HTTP/1.1\r\nhost: a\r\ncontent-length:5\r\nConnection: close\r\n\r\n",
        *(b"POST", b"/a?b", 1, ((b"host", b"a"), (b"content-length", b"5"), (b"Connection", b"close")), 5, False, 1),
    ),
    (
        b"POST / HTTP/1.1\r\nTransfer-Encoding:\tChunked \r\nX:\r\nX: \xe9\r\nConnection: Keep-Alive\r\n\r\n",
        *(b"POST", b"/", 1),
        ((b"Transfer-Encoding", b"Chunked"), (b"X", b""), (b"X", b"\xe9"), (b"Connection", b"Keep-Alive")),
        *(-1, True, 0),
    ),
]


def parse_in_steps(parser: HeadParser, data: bytes, step: int):
    """Parse *data*, which arrives *step* bytes at a time; return the first head, or None."""
    scanned = 0
    for end in range(step, len(data) + step, step):
        arrived = data[:end]
        head = parser.parse(arrived, scanned)
        if head is not None:
            return head
        scanned = len(arrived)
    return None


def status_of(data: bytes, step: int | None = None, **options) -> int:
    """Return the status that *data* is refused with."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse_in_steps(HeadParser(**options), data, step or len(data))
    return caught.value.status


@pytest.mark.parametrize("step", [1, 2, 7, 4096])
@pytest.mark.parametrize("behind", [b"", NEXT, b"\r\n\r\n", b"\0"])
@pytest.mark.parametrize(("wire", "facts"), [(wire, tuple(facts)) for wire, *facts in HEADS])
def test_head_says_the_same_however_it_arrives(wire, facts, behind, step):
    head = parse_in_steps(HeadParser(), wire + behind, step)

    assert tuple(getattr(head, name) for name in FACTS) == facts
    assert head.consumed == len(wire)
    assert head.header_count == len(head.headers)


@pytest.mark.parametrize("wire", [wire for wire, *_ in HEADS])
def test_beginning_of_a_head_is_waited_with(wire):
    parser = HeadParser()

    assert [parser.parse(wire[:end]) for end in range(len(wire))] == [None] * len(wire)


@settings(deadline=None)
@given(requests())
def test_good_request_is_taken_as_it_was_meant(made):
    wire, meant = made

    conversation = converse(wire, limits=DEFAULT_LIMITS)
    (request,) = conversation.requests

    fields = [(name.decode(), value.decode("latin-1")) for name, value in request.head.headers]
    assert request.head.method.decode() == meant["method"]
    assert fields == meant["fields"]
    assert request.environ["PATH_INFO"] == meant["path"]
    assert request.environ["QUERY_STRING"] == meant["query"]
    assert request.body == meant["body"]
    assert conversation.taken == len(wire)


@settings(deadline=None)
@given(requests())
def test_oracle_takes_good_requests(made):
    wire, meant = made

    head = strict.read_head(wire)

    assert head.method.decode() == meant["method"]
    if head.length is None:
        assert strict.read_chunks(wire[head.size :]) == (meant["body"], len(wire) - head.size)


@settings(deadline=None)
@given(mistreated_requests())
def test_nothing_is_taken_that_a_strict_reading_forbids(wire):
    check(wire)


@settings(deadline=None)
@given(mistreated_requests())
def test_nothing_is_taken_that_a_strict_reading_forbids_under_wide_limits(wire):
    check(wire + GET, DEFAULT_LIMITS)


# -- limits


@pytest.mark.parametrize("step", [1, 4096])
@pytest.mark.parametrize("before", [b"", b"\r\n"])
def test_request_line_is_limited_to_the_byte(before, step):
    limits = Limits(request_line=30)
    longest = before + b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 16)
    longer = longest.replace(b"aa", b"aaa", 1)

    assert parse_in_steps(HeadParser(limits), longest, step).path == b"/" + b"a" * 16
    assert status_of(longer, step, limits=limits) == 414


@pytest.mark.parametrize("before", [b"", b"\r\n"])
def test_request_line_without_an_end_is_refused_once_it_is_too_long(before):
    limits = Limits(request_line=50)
    room = len(b"\r\n\r\n")  # for the line end, and for an empty line before it
    line = before + b"GET /" + b"a" * 100

    assert parse_in_steps(HeadParser(limits), line[: 50 + room], 1) is None
    assert {status_of(line[: 51 + room], step, limits=limits) for step in (1, 7, 4096)} == {414}


@pytest.mark.parametrize(("size", "is_taken"), [(40, True), (41, False)])
def test_field_is_limited_to_the_byte(size, is_taken):
    data = b"GET / HTTP/1.1\r\nX: %b\r\n\r\n" % (b"a" * (size - 5))
    limits = Limits(field_size=40)

    assert (HeadParser(limits).parse(data) is not None) if is_taken else (status_of(data, limits=limits) == 431)


@pytest.mark.parametrize("most", [1, 100, 256])
def test_number_of_fields_is_limited(most):
    limits = Limits(fields=most)

    def head_with(number: int) -> bytes:
        return b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * number + b"\r\n"

    assert HeadParser(limits).parse(head_with(most)).header_count == most
    assert {status_of(head_with(number), limits=limits) for number in (most + 1, 257, 300, 1000)} == {431}


def test_head_without_an_end_is_refused_once_more_is_kept_than_a_head_may_have():
    parser = HeadParser(Limits(request_line=100, fields=4, field_size=50))
    line = b"GET / HTTP/1.1\r\n"

    assert parser.most_bytes == 300
    assert parser.parse(line + b"A" * (300 - len(line))) is None
    with pytest.raises(RemoteProtocolError) as caught:
        parser.parse(line + b"A" * (301 - len(line)))
    assert caught.value.status == 431


def test_head_is_kept_within_bounds_whatever_the_limits():
    parser = HeadParser(Limits(request_line=8190, fields=256, field_size=8190))

    assert parser.most_bytes == 64 * 1024


# -- what may be permitted


@pytest.mark.parametrize("method", [b"get", b"G", b"A" * 21, b"G#T"])
def test_methods_of_any_kind_may_be_permitted(method):
    data = method + b" / HTTP/1.1\r\nHost: a\r\n\r\n"

    assert HeadParser(permits_any_method=True).parse(data).method == method
    assert status_of(data) == 400


@pytest.mark.parametrize("method", [b"G(T", b"G\0T", b"", b"G T"])
def test_method_is_a_token_even_then(method):
    assert status_of(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n", permits_any_method=True) == 400


@pytest.mark.parametrize("minor_version", [2, 9])
def test_higher_minor_versions_may_be_permitted(minor_version):
    data = b"GET / HTTP/1.%d\r\nHost: a\r\n\r\n" % minor_version

    assert HeadParser(permits_any_version=True).parse(data).minor_version == minor_version
    assert status_of(data) == 505


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/1.10", b"HTTP/1", b"http/1.1"])
def test_major_version_is_one_even_then(version):
    assert status_of(b"GET / %b\r\nHost: a\r\n\r\n" % version, permits_any_version=True) in (400, 505)


# -- what is said about it


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\r\nX: \x1b[2J\r\n\r\n",
        b"GET /\xff\x1b HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: \xff\xfe\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: %b\r\n\r\n" % (b"x" * 1000),
    ],
)
def test_message_of_a_refusal_can_be_logged(wire):
    with pytest.raises(RemoteProtocolError) as caught:
        HeadParser().parse(wire)

    message = str(caught.value)
    assert message.isprintable()
    assert message[0].islower()
    assert len(message) <= 200
