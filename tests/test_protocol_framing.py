"""Where a body ends, on bytes; tests/corpus has more of them, in whole requests."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from fuzz import strict
from fuzz.strategies import chunked
from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.framing import BodyDecoder, ChunkedDecoder, LengthDecoder
from brubeck_wsgi.protocols.http1.response import LAST_CHUNK, chunk

NEXT = b"GET /next HTTP/1.1\r\n\r\n"
CHUNKED = [
    (b"0\r\n\r\n", b""),
    (b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n", b"Wikipedia"),
    (b'9;a="\\"";b\r\nWikipedia\r\n000 ; c = d\r\nX-Sum: 5\r\nX-Take:\r\n\r\n', b"Wikipedia"),
    (b"0A\r\n\r\n0\r\n\r\n\r\n0\r\n0\r\n\r\n", b"\r\n0\r\n\r\n\r\n0"),
]
SYMBOLS = [b"\r\n", b"\r", b"\n", b"0", b"1", b";", b" ", b"a", b"a:"]


def decode(decoder: BodyDecoder, wire: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """Give *wire* to *decoder*, cut into pieces; return the body, and what comes after it."""
    edges = [0, *sorted(cuts), len(wire)]
    body = rest = b""
    for start, end in pairwise(edges):
        if decoder.is_complete:
            rest += wire[start:end]
        else:
            body += decoder.receive(wire[start:end])
            rest = decoder.rest
    return body, rest


def every(step: int, wire: bytes) -> list[int]:
    return list(range(step, len(wire), step))


@pytest.mark.parametrize("step", [1, 2, 7, 4096])
@pytest.mark.parametrize("behind", [b"", b"\r\n", b"0\r\n\r\n", NEXT])
@pytest.mark.parametrize(("wire", "body"), CHUNKED)
def test_chunks_are_decoded_the_same_however_they_arrive(wire, body, behind, step):
    decoder = ChunkedDecoder()

    assert decode(decoder, wire + behind, every(step, wire + behind)) == (body, behind)
    assert decoder.is_complete


@pytest.mark.parametrize("wire", [wire for wire, _ in CHUNKED])
def test_chunks_are_not_complete_before_their_last_byte(wire):
    for end in range(len(wire)):
        decoder = ChunkedDecoder()
        decoder.receive(wire[:end])

        assert not decoder.is_complete
        assert decoder.rest == b""


@settings(deadline=None)
@given(st.data())
def test_any_chunking_in_any_pieces_comes_to_the_same_body(data):
    body = data.draw(st.binary(max_size=200))
    wire = data.draw(chunked(body)) + data.draw(st.sampled_from([b"", NEXT]))
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=20))

    _, size = strict.read_chunks(wire)

    assert decode(ChunkedDecoder(), wire, cuts) == (body, wire[size:])


@settings(deadline=None)
@given(pieces=st.lists(st.binary(min_size=1, max_size=5000)), data=st.data())
def test_what_we_send_in_chunks_can_be_read_as_it_was(pieces, data):
    wire = b"".join(map(chunk, pieces)) + LAST_CHUNK
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=5))

    assert decode(ChunkedDecoder(), wire, cuts) == (b"".join(pieces), b"")


def test_all_short_strings_of_what_chunks_are_made_of_are_decoded_as_the_standard_has_it():
    bodies = 0
    for length in range(1, 6):
        for symbols in product(SYMBOLS, repeat=length):
            wire = b"".join(symbols)
            decoder = ChunkedDecoder()
            try:
                body = decoder.receive(wire)
            except RemoteProtocolError:
                with pytest.raises((strict.Forbidden, strict.Incomplete)):
                    strict.read_chunks(wire)
                continue
            if decoder.is_complete:
                assert strict.read_chunks(wire) == (body, len(wire) - len(decoder.rest))
                bodies += 1
            else:
                with pytest.raises(strict.Incomplete):
                    strict.read_chunks(wire)
    assert bodies > 100


@pytest.mark.parametrize("step", [1, 3, 4096])
@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"5 \r\nhello\r\n", "the size of a chunk"),
        (b"\n", "CR LF as line end"),
        (b"5;a\rb", "CR LF as line end"),
        (b"5\r\nhelloX", "a line end after the chunk"),
        (b"5\r\nhello\rX", "a line end after the chunk"),
        (b"0\r\nContent-Length: 5\r\n", "a trailer field"),
        (b"0\r\nX: y\nZ", "CR LF as line end"),
    ],
)
def test_wrong_chunk_is_refused_as_soon_as_it_is_there(wire, expected, step):
    decoder = ChunkedDecoder()

    with pytest.raises(RemoteProtocolError, match=f"expected {expected}") as caught:
        decode(decoder, wire, every(step, wire))

    assert caught.value.status == 400
    assert not decoder.is_complete


# -- limits


def feed_endlessly(decoder: ChunkedDecoder, begin: bytes, again: bytes) -> tuple[int, int]:
    """Feed *begin*, and *again* until it is refused; return the status, and how many bytes of that it took."""
    decoder.receive(begin)
    for taken in range(len(again), 100_000, len(again)):
        try:
            decoder.receive(again)
        except RemoteProtocolError as error:
            return error.status, taken
    raise AssertionError("there is no limit")


@pytest.mark.parametrize(
    ("begin", "again", "status", "most"),
    [
        pytest.param(b"", b"0", 400, 1024, id="a size without an end"),
        pytest.param(b"5;", b"a", 400, 1024, id="an extension without an end"),
        pytest.param(b"0\r\n", b"X", 431, 16 * 1024, id="a trailer without an end"),
        pytest.param(b"0\r\n", b"X: yyyy\r\n", 431, 16 * 1024, id="trailers without an end"),
        pytest.param(b"", b"1;%b\r\nx\r\n" % (b"a" * 1000), 413, 17 * 1024, id="small chunks with large extensions"),
    ],
)
def test_what_comes_beside_a_body_is_limited(begin, again, status, most):
    came, taken = feed_endlessly(ChunkedDecoder(), begin, again)

    assert came == status
    assert most / 2 < taken <= most + len(again)


@pytest.mark.parametrize("size", [b"F" * 15, b"0" * 14 + b"5"])
def test_size_has_15_digits_at_most(size):
    decoder = ChunkedDecoder()

    assert decoder.receive(size + b"\r\nhe") == b"he"
    with pytest.raises(RemoteProtocolError, match="the size of a chunk"):
        ChunkedDecoder().receive(b"0" + size + b"\r\n")


# -- Content-Length


@settings(deadline=None)
@given(body=st.binary(max_size=50), behind=st.binary(max_size=50), data=st.data())
def test_declared_length_is_taken_to_the_byte_however_it_arrives(body, behind, data):
    wire = body + behind
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=10))
    decoder = LengthDecoder(len(body))

    assert decode(decoder, wire, cuts) == (body, behind)
    assert decoder.is_complete
    assert decoder.remaining == 0


def test_declared_length_is_not_complete_a_byte_short_of_it():
    decoder = LengthDecoder(5)

    assert decoder.receive(b"hell") == b"hell"
    assert (decoder.is_complete, decoder.remaining, decoder.rest) == (False, 1, b"")


def test_declared_length_may_be_beyond_all_that_ever_comes():
    decoder = LengthDecoder(2**63 - 1)

    assert decoder.receive(b"hello") == b"hello"
    assert decoder.remaining == 2**63 - 6
