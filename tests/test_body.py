"""How long a body is, and that it is read to its end and no further."""

from __future__ import annotations

import io

import pytest
from gunicorn.http.errors import InvalidChunkSize, NoMoreData
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.body import BodyFile, LimitedBody, content_length
from brubeck_wsgi.errors import BadRequest, ContentTooLarge


class Socket:
    """A ``wsgi.input`` as a socket is one: it gives what came, and to read past that would block for ever.

    Args:
        sent: what the client sent.
        most: the most bytes that one read gives.
        ends: whether the end is marked (``wsgi.input_terminated``).
    """

    def __init__(self, sent, most=65536, ends=False):
        self.sent = sent
        self.most = most
        self.ends = ends

    def read(self, size):
        assert size >= 0, "asked for everything: the next request too"
        assert len(self.sent) >= size or self.ends, "read past the end of the body"
        piece, self.sent = self.sent[: min(size, self.most)], self.sent[min(size, self.most) :]
        return piece


class Broken:
    """A ``wsgi.input`` whose client does something wrong after the first bytes."""

    def __init__(self, error):
        self.pieces = iter([b"ab"])
        self.error = error

    def read(self, size):
        for piece in self.pieces:
            return piece
        raise self.error


def environ_of(stream, length=None):
    """Return the part of an environ that is about the body; without a length the stream marks its end."""
    if length is None:
        return {"wsgi.input": stream, "wsgi.input_terminated": True}
    return {"wsgi.input": stream, "CONTENT_LENGTH": str(length)}


@pytest.mark.parametrize(("text", "length"), [(None, None), ("", None), ("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_content_length_is_a_number_of_bytes_or_not_declared(text, length):
    environ = {} if text is None else {"CONTENT_LENGTH": text}

    assert content_length(environ) == length


@pytest.mark.parametrize(
    "text", ["-1", "+1", "1.0", "0x10", "1_0", " 1", "1 ", "1\n", "1,1", "abc", "²", "٣", "9" * 19]
)
def test_content_length_that_is_no_number_is_a_bad_request(text):
    with pytest.raises(BadRequest, match="expected a number of bytes"):
        content_length({"CONTENT_LENGTH": text})


@given(body=st.binary(max_size=200), following=st.binary(max_size=20), most=st.integers(1, 300))
def test_body_is_read_to_its_declared_end_and_no_further(body, following, most):
    socket = Socket(body + following, most)

    read = LimitedBody(environ_of(socket, len(body)), limit=200).read_all()

    assert (read, socket.sent) == (body, following)


@given(body=st.binary(max_size=200), most=st.integers(1, 300))
def test_body_whose_end_the_server_marks_needs_no_declared_length(body, most):
    socket = Socket(body, most, ends=True)

    assert LimitedBody(environ_of(socket), limit=200).read_all() == body


@given(body=st.binary(max_size=200), sizes=st.lists(st.integers(0, 50), max_size=20))
def test_body_reads_the_same_in_pieces_of_any_size(body, sizes):
    limited = LimitedBody(environ_of(Socket(body, most=7), len(body)), limit=200)

    pieces = [limited.read(size) for size in sizes]

    assert all(len(piece) <= size for piece, size in zip(pieces, sizes, strict=True))
    assert b"".join(pieces) + limited.read_all() == body


@pytest.mark.parametrize("environ", [{"wsgi.input": Socket(b"next")}, environ_of(Socket(b"next"), 0)])
def test_body_without_a_length_or_a_marked_end_is_empty(environ):
    assert LimitedBody(environ, limit=10).read_all() == b""


@pytest.mark.parametrize(("size", "limit"), [(1, 0), (11, 10), (10**17, 10)])
def test_body_declared_larger_than_the_limit_is_refused_unread(size, limit):
    with pytest.raises(ContentTooLarge, match=f"at most {limit} bytes"):
        LimitedBody(environ_of(Socket(b""), size), limit)


@pytest.mark.parametrize("most", [1, 7, 65536])
def test_body_that_turns_out_larger_than_the_limit_is_refused(most):
    limited = LimitedBody(environ_of(Socket(b"a" * 11, most, ends=True)), limit=10)

    with pytest.raises(ContentTooLarge, match="at most 10 bytes"):
        limited.read_all()


def test_body_as_large_as_the_limit_is_read():
    assert LimitedBody(environ_of(Socket(b"a" * 10), 10), limit=10).read_all() == b"a" * 10
    assert LimitedBody(environ_of(Socket(b"a" * 10, ends=True)), limit=10).read_all() == b"a" * 10


def test_body_shorter_than_declared_is_a_bad_request():
    limited = LimitedBody(environ_of(Socket(b"abc", ends=True), 10), limit=10)

    with pytest.raises(BadRequest, match="expected 7 more bytes"):
        limited.read_all()


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), TimeoutError(), OSError("broken"), NoMoreData(b""), InvalidChunkSize(b"zz")]
)
def test_body_that_the_server_cannot_read_on_is_a_bad_request(error):
    limited = LimitedBody(environ_of(Broken(error)), limit=10)

    with pytest.raises(BadRequest, match="malformed or did not come") as caught:
        limited.read_all()

    assert caught.value.__cause__ is error


def test_mistake_of_a_server_or_middleware_is_no_bad_request():
    limited = LimitedBody(environ_of(Broken(TypeError("a bug"))), limit=10)

    with pytest.raises(TypeError, match="a bug"):
        limited.read_all()


def test_body_file_reads_as_files_do():
    file = io.BufferedReader(BodyFile(LimitedBody(environ_of(Socket(b"one\ntwo\nthree", most=4), 13), limit=20)))

    assert (file.readline(), file.read(2), list(file), file.read()) == (b"one\n", b"tw", [b"o\n", b"three"], b"")


def test_body_file_raises_what_the_body_raises():
    file = io.BufferedReader(BodyFile(LimitedBody(environ_of(Socket(b"abc", ends=True), 10), limit=20)))

    with pytest.raises(BadRequest, match="expected 7 more bytes"):
        file.read()
