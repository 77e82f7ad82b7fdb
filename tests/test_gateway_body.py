"""Bodies on their way in, how long they may take, and bodies out of files."""

from __future__ import annotations

import io
import os
import time
from itertools import pairwise

import pytest
from fuzz.strategies import chunked
from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck_wsgi.gateway.body import EMPTY_INPUT, BodyInput
from brubeck_wsgi.gateway.errors import BrokenBody
from brubeck_wsgi.gateway.files import FileWrapper, find_region
from brubeck_wsgi.gateway.patience import GRACE_SECONDS, Patience
from brubeck_wsgi.protocols.http1.framing import ChunkedDecoder, LengthDecoder

NEXT = b"GET /next HTTP/1.1\r\n\r\n"
LINES = st.lists(st.sampled_from([b"a", b"\n", b"bc", b"\r\n", b"\n\n"]), max_size=30).map(b"".join)
SIZES = st.none() | st.integers(-1, 40)
CALLS = st.lists(st.tuples(st.sampled_from(["read", "readline", "readlines"]), SIZES), max_size=12)


class Connection:
    """Hands out what was sent, piece by piece; whoever asks for more than that is waiting for ever."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.asked = 0

    def receive(self) -> bytes:
        self.asked += 1
        assert self.pieces, "it waits for what nobody has to send"
        return self.pieces.pop(0)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


@settings(deadline=None)
@given(body=LINES, calls=CALLS, data=st.data())
def test_body_reads_like_a_file_however_it_arrives(body, calls, data):
    is_chunked = data.draw(st.booleans())
    wire = data.draw(chunked(body)) if is_chunked else body
    pieces = cut(wire + NEXT, data.draw(st.lists(st.integers(0, len(wire) + len(NEXT)), max_size=8)))
    decoder = ChunkedDecoder() if is_chunked else LengthDecoder(len(body))
    source, model = BodyInput(decoder, Connection(pieces).receive), io.BytesIO(body)
    if pieces and data.draw(st.booleans()):
        source.feed(pieces.pop(0))

    for name, size in calls:
        arguments = () if size is None else (size,)
        assert getattr(source, name)(*arguments) == getattr(model, name)(*arguments)

    assert list(source) == list(model)
    assert source.read() == source.readline() == b""
    assert source.is_complete
    assert not source.is_broken
    assert decoder.rest + b"".join(pieces) == NEXT


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda source: source.read(5), id="as many bytes as there are"),
        pytest.param(lambda source: source.read(), id="all"),
        pytest.param(lambda source: source.readline(), id="the only line"),
        pytest.param(lambda source: b"".join(source), id="all lines"),
    ],
)
def test_reading_never_waits_past_the_end(read):
    connection = Connection([b"he", b"llo"])
    source = BodyInput(LengthDecoder(5), connection.receive)

    assert [read(source), read(source)] == [b"hello", b""]
    assert connection.asked == 2


@pytest.mark.parametrize(("size", "asked"), [(0, 0), (1, 1), (3, 1), (4, 2), (6, 2)])
def test_reading_waits_for_no_more_than_is_asked_for(size, asked):
    connection = Connection([b"abc", b"def", b"ghi"])
    source = BodyInput(LengthDecoder(9), connection.receive)

    assert source.read(size) == b"abcdefghi"[:size]
    assert connection.asked == asked


def test_reading_a_line_does_not_wait_for_the_next():
    connection = Connection([b"one\ntw", b"o\nthree"])
    source = BodyInput(LengthDecoder(13), connection.receive)

    assert source.readline() == b"one\n"
    assert connection.asked == 1
    assert source.readline() == b"two\n"
    assert connection.asked == 2


def test_reading_a_part_of_a_line_does_not_wait_for_the_rest():
    connection = Connection([b"one", b"two", b"three"])
    source = BodyInput(LengthDecoder(11), connection.receive)

    assert source.readline(3) == b"one"
    assert connection.asked == 1
    assert source.readline(4) == b"twot"
    assert connection.asked == 3


@pytest.mark.parametrize(("hint", "lines"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_lines_are_enough_once_they_have_the_hinted_size(hint, lines):
    connection = Connection([b"one\n", b"two\n", b"three\n"])
    source = BodyInput(LengthDecoder(14), connection.receive)

    assert source.readlines(hint) == [b"one\n", b"two\n", b"three\n"][:lines]
    assert connection.asked == lines


def test_long_line_in_small_pieces_costs_no_more_than_its_bytes():
    size = 2_000_000
    source = BodyInput(LengthDecoder(size), Connection([b"a" * 200] * (size // 200)).receive)
    started = time.process_time()

    assert len(source.readline()) == size
    assert time.process_time() - started < 1  # put together anew with each piece it takes many seconds


# -- before the first byte


def test_client_is_told_to_go_on_once_and_only_if_something_is_waited_for():
    told = []
    source = BodyInput(LengthDecoder(4), Connection([b"ab", b"cd"]).receive, lambda: told.append("go on"))

    assert source.is_awaited
    assert source.read(0) == b""
    assert told == []
    assert source.read(1) == b"a"
    assert source.read() == b"bcd"
    assert told == ["go on"]
    assert not source.is_awaited


def test_client_that_has_sent_all_is_not_told_to_go_on():
    told = []
    source = BodyInput(LengthDecoder(2), Connection([]).receive, lambda: told.append("go on"))
    source.feed(b"ab")

    assert source.read() == b"ab"
    assert told == []


# -- what goes wrong

BROKEN = [
    pytest.param(LengthDecoder, [b"he", b""], "the client has left", id="cut off"),
    pytest.param(LengthDecoder, [b""], "the client has left", id="never begun"),
    pytest.param(ChunkedDecoder, [b"5\r\nhello\r\n", b""], "the client has left", id="no last chunk"),
    pytest.param(ChunkedDecoder, [b"2\r\nhe\r\n", b"x\r\n"], "the size of a chunk", id="no chunk"),
]
READERS = [
    pytest.param(lambda source: source.read(), id="read"),
    pytest.param(lambda source: source.read(100), id="read some"),
    pytest.param(lambda source: source.readline(), id="readline"),
    pytest.param(lambda source: source.readlines(), id="readlines"),
    pytest.param(list, id="iteration"),
]


@pytest.mark.parametrize(("kind", "pieces", "expected"), BROKEN)
@pytest.mark.parametrize("read", READERS)
def test_broken_body_is_no_end_of_it(read, kind, pieces, expected):
    decoder = LengthDecoder(100) if kind is LengthDecoder else ChunkedDecoder()
    source = BodyInput(decoder, Connection(list(pieces)).receive)

    with pytest.raises(BrokenBody, match=expected) as caught:
        read(source)

    assert caught.value.status == 400
    assert isinstance(caught.value, OSError)
    assert source.is_broken
    assert not source.is_complete


def test_body_that_drips_is_broken_with_the_status_of_whoever_waited():
    def receive() -> bytes:
        raise BrokenBody("expected the body in time", 408)

    source = BodyInput(LengthDecoder(5), receive)

    with pytest.raises(BrokenBody) as caught:
        source.read()
    assert caught.value.status == 408
    assert source.is_broken


def test_broken_body_has_the_status_of_what_is_wrong_with_it():
    source = BodyInput(ChunkedDecoder(), Connection([b"0\r\nX: " + b"a" * 20_000]).receive)

    with pytest.raises(BrokenBody) as caught:
        source.read()
    assert caught.value.status == 431


def test_what_has_arrived_wrongly_is_said_at_once():
    source = BodyInput(ChunkedDecoder(), Connection([]).receive)

    with pytest.raises(BrokenBody, match="the size of a chunk"):
        source.feed(b"x\r\n")
    assert source.is_broken


def test_request_without_a_body_reads_as_an_empty_file():
    assert (EMPTY_INPUT.read(), EMPTY_INPUT.read(5), EMPTY_INPUT.readline(), EMPTY_INPUT.readline(5)) == (b"",) * 4
    assert (EMPTY_INPUT.readlines(), EMPTY_INPUT.readlines(5), list(EMPTY_INPUT)) == ([], [], [])


# -- patience


def waited(patience: Patience, seconds: float) -> None:
    patience.begin(0)
    patience.end(seconds)


def left(patience: Patience) -> float:
    return patience.begin(0)


def test_patience_is_over_when_its_grace_is():
    assert Patience(grace=20).begin(100) == 120


def test_waiting_uses_patience_up():
    patience = Patience(grace=20)

    waited(patience, 5)

    assert patience.begin(1000) == 1015


def test_time_between_two_waits_does_not_count():
    patience = Patience(grace=20)

    patience.begin(0)
    patience.end(1)

    assert patience.begin(500) == 519


def test_patience_lasts_as_long_as_enough_moves():
    patience = Patience(grace=20, rate=500)

    for _ in range(1000):
        waited(patience, 1)
        patience.moved(500)

    assert left(patience) == 20


def test_patience_ends_for_a_drip():
    patience = Patience(grace=20, rate=500)
    seconds = 0

    while left(patience) > 0:
        waited(patience, 1)
        patience.moved(1)
        seconds += 1

    assert 20 <= seconds <= 22


def test_what_moved_quickly_is_no_excuse_for_stalling():
    patience = Patience(grace=20, rate=500)

    patience.moved(10**9)

    assert left(patience) == 20


@given(moves=st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 30)), max_size=30))
def test_patience_is_never_longer_than_its_grace(moves):
    patience = Patience()

    for size, seconds in moves:
        waited(patience, seconds)
        patience.moved(size)

        assert left(patience) <= GRACE_SECONDS


# -- bodies out of files


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "take"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        yield file


@pytest.mark.parametrize("offset", [0, 3, 10])
def test_region_of_a_file_is_what_is_left_to_read(file, offset):
    file.seek(offset)

    assert find_region(file) == (file.fileno(), offset, 10 - offset)


def test_file_beyond_its_end_has_no_region(file):
    file.seek(11)

    assert find_region(file) is None


def test_closed_file_has_no_region(file):
    file.close()

    assert find_region(file) is None


@pytest.mark.parametrize("other", [io.BytesIO(b"0123"), object(), None, "take", iter([b"0"])])
def test_what_is_no_file_has_no_region(other):
    assert find_region(other) is None


def test_pipe_and_directory_have_no_region(tmp_path):
    reading, writing = os.pipe()
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with open(reading, "rb", closefd=False) as pipe:
            assert find_region(pipe) is None
        assert find_region(FakeFile(directory)) is None
    finally:
        for descriptor in (reading, writing, directory):
            os.close(descriptor)


class FakeFile:
    """Something with a descriptor that is no regular file's."""

    def __init__(self, descriptor: object) -> None:
        self.descriptor = descriptor

    def fileno(self) -> object:
        return self.descriptor

    def tell(self) -> int:
        return 0


def test_wrapped_file_is_read_in_blocks(file):
    assert list(FileWrapper(file, 4)) == [b"0123", b"4567", b"89"]


def test_wrapped_file_is_closed_with_its_wrapper(file):
    FileWrapper(file).close()

    assert file.closed


def test_what_cannot_be_closed_is_wrapped_all_the_same():
    class Source:
        def read(self, size: int) -> bytes:
            return b""

    wrapper = FileWrapper(Source())

    assert list(wrapper) == []
    assert not hasattr(wrapper, "close")
