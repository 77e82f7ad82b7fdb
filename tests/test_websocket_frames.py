"""Frames of a WebSocket: whatever comes, however it is cut, we understand it as wsproto alone does, within bounds."""

from __future__ import annotations

import random
import sys
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import XorMaskerSimple

import brubeck_wsgi.protocols.frames as frames_module
from brubeck_wsgi.protocols.deflate import agree
from brubeck_wsgi.protocols.frames import find_simple, serialize_frame, unmask, unmask_slowly
from brubeck_wsgi.protocols.websocket import WebSocket

MASK = b"\x12\x34\x56\x78"


def masked(first, payload, form=None):
    """Return a frame of a client's; *form* is how many bytes its length has, the shortest by default."""
    size = len(payload)
    form = form or (1 if size < 126 else 2 if size < 65536 else 8)
    length = {1: bytes((0x80 | min(size, 125),)), 2: b"\xfe" + size.to_bytes(2, "big")}.get(form)
    length = length or b"\xff" + size.to_bytes(8, "big")
    return bytes((first,)) + length + MASK + bytes(XorMaskerSimple(MASK).process(bytearray(payload)))


payloads = st.binary(max_size=140) | st.text(max_size=60).map(str.encode)
frames = st.one_of(
    st.builds(masked, st.sampled_from([0x81, 0x82]), payloads),
    st.builds(masked, st.sampled_from([0x01, 0x02, 0x00, 0x80, 0x89, 0x8A]), payloads),
    st.builds(masked, st.integers(0, 255), payloads, st.sampled_from([1, 2, 8])),
    st.builds(masked, st.just(0x88), st.integers(0, 5000).map(lambda code: code.to_bytes(2, "big"))),
    st.binary(max_size=12),
)


def by_wsproto(pieces):
    """Return the messages, and the code of the close, None without one, as wsproto has them."""
    connection = Connection(ConnectionType.SERVER)
    messages, parts = [], []
    for piece in pieces:
        connection.receive_data(piece)
        for event in connection.events():
            if isinstance(event, TextMessage | BytesMessage):
                parts.append(event.data)
                if event.message_finished:
                    messages.append("".join(parts) if isinstance(event, TextMessage) else b"".join(parts))
                    parts = []
            elif isinstance(event, CloseConnection):
                return messages, int(event.code)
            else:
                assert isinstance(event, Ping) or event.payload is not None
    return messages, None


@settings(max_examples=300)
@given(st.lists(frames, max_size=6).map(b"".join), st.integers(1, 200))
def test_frames_mean_what_they_mean_to_wsproto(wire, step):
    pieces = [wire[at : at + step] for at in range(0, len(wire), step)]
    socket = WebSocket()

    messages = []
    for piece in pieces:
        messages += socket.receive(piece)
        while socket.has_more:
            messages += socket.proceed()

    assert (messages, socket.close_code) == by_wsproto(pieces)


@settings(max_examples=300)
@given(st.lists(st.one_of(frames, st.builds(bytes.__add__, frames, frames)), max_size=6))
def test_frames_that_come_alone_mean_what_they_mean_to_wsproto(pieces):
    socket = WebSocket()

    messages = []
    for piece in filter(None, pieces):
        single = socket.receive_single(piece)
        messages += socket.receive(piece) if single is None else [single]
        while socket.has_more:
            messages += socket.proceed()

    assert (messages, socket.close_code) == by_wsproto(pieces)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 125, 126, 65535])
@pytest.mark.parametrize("first", [0x81, 0x82])
def test_message_that_comes_alone_is_taken_at_once(first, size):
    payload = b"x" * size

    assert WebSocket().receive_single(masked(first, payload)) == (payload.decode() if first == 0x81 else payload)


def test_message_that_is_too_large_is_not_taken_at_once():
    socket = WebSocket(most_bytes=10)

    assert socket.receive_single(masked(0x82, bytes(11))) is None
    assert socket.receive_single(masked(0x82, bytes(200))) is None
    assert socket.receive(masked(0x82, bytes(11))) == []
    assert socket.close_code == 1009


@given(st.lists(payloads, min_size=1, max_size=5), st.booleans(), st.integers(1, 50))
def test_control_frames_between_fragments_change_nothing(parts, is_text, step):
    parts = [part.decode(errors="replace").encode() for part in parts] if is_text else parts
    wire = b""
    for number, part in enumerate(parts):
        first = (0 if number else 1 if is_text else 2) | (0x80 if number == len(parts) - 1 else 0)
        wire += masked(first, part) + masked(0x89, b"%d" % number)
    socket = WebSocket()

    messages = [message for at in range(0, len(wire), step) for message in socket.receive(wire[at : at + step])]

    whole = b"".join(parts)
    assert messages == [whole.decode() if is_text else whole]
    assert socket.take_outgoing() == b"".join(serialize_frame(0x8A, b"%d" % number) for number in range(len(parts)))


@pytest.mark.parametrize("unmask", [unmask, unmask_slowly])
@given(st.binary(max_size=200) | st.binary(min_size=8190, max_size=8200), st.binary(min_size=4, max_size=4))
def test_mask_comes_off(unmask, payload, mask):
    assert unmask(unmask(payload, mask), mask) == payload
    assert unmask(payload, mask) == bytes(XorMaskerSimple(mask).process(bytearray(payload)))


@pytest.mark.parametrize("is_there", [True, False])
def test_library_in_c_takes_masks_off_if_it_is_there(monkeypatch, is_there):
    if not is_there:
        monkeypatch.setitem(sys.modules, "websockets.speedups", None)

    assert (frames_module._fastest_unmask() is unmask_slowly) is not is_there


@pytest.mark.parametrize("way", ["unmask_slowly", "unmask"])
@given(st.lists(st.binary(max_size=70_000), min_size=1, max_size=4), st.integers(1, 100_000))
def test_mask_of_a_frame_in_pieces_comes_off(way, parts, step):
    wire = b"".join(
        masked((0 if number else 2) | (0x80 if number == len(parts) - 1 else 0), part)
        for number, part in enumerate(parts)
    )
    socket = WebSocket()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames_module, "unmask", getattr(frames_module, way))

        messages = [message for at in range(0, len(wire), step) for message in socket.receive(wire[at : at + step])]

    assert messages == [b"".join(parts)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frame_has_the_shortest_length(size):
    payload = b"x" * size

    frame = serialize_frame(0x82, payload)

    form = 0 if size < 126 else 2 if size < 65536 else 8
    assert len(frame) == 2 + form + size
    assert frame.endswith(payload)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81\x80\0\0\0",
        b"\x81\x01a",
        masked(0x81, b"ab")[:-1],
        masked(0x81, b"x" * 125, 2),
        b"\x81\xff" + bytes(20),
    ],
)
def test_frame_that_is_not_simple_is_left_to_wsproto(data):
    assert find_simple(data, 0) is None


def test_message_in_a_million_pieces_costs_no_more_than_its_bytes():
    socket = WebSocket()
    piece = masked(0x00, b"x")
    socket.receive(masked(0x02, b""))
    tracemalloc.start()

    for _ in range(20):
        socket.receive((piece + masked(0x00, b"")) * 500)
        while socket.has_more:
            assert socket.proceed() == []
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert held < 100_000
    assert socket.receive(masked(0x80, b"")) == [b"x" * 10_000]


# -- compression


@pytest.mark.parametrize(
    ("offers", "answer"),
    [
        ("permessage-deflate", ""),
        ("permessage-deflate; client_max_window_bits", ""),
        ("permessage-deflate; client_max_window_bits=10; server_no_context_takeover", ""),
        ("permessage-deflate; server_max_window_bits=9", "; server_max_window_bits=9"),
        ('permessage-deflate; server_max_window_bits="12"', "; server_max_window_bits=12"),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", ""),
        ("x-other, permessage-deflate", ""),
    ],
)
def test_compression_is_agreed_on(offers, answer):
    socket = WebSocket(offers)

    assert socket.extensions == f"permessage-deflate; server_no_context_takeover; client_no_context_takeover{answer}"


@pytest.mark.parametrize(
    "offers",
    [
        "",
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=abc",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; unknown",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        ", " * 1000 + "permessage-deflate",
    ],
)
def test_offer_that_breaks_a_rule_is_declined(offers):
    assert agree(offers, 1000) is None


def deflated(data):
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_compressed_and_plain_messages_and_control_frames_may_alternate(step):
    compressed = deflated(b"compressed " * 20)
    wire = masked(0xC1, deflated(b"whole")) + masked(0x81, b"plain") + masked(0x41, compressed[:5])
    wire += masked(0x89, b"ping") + masked(0x80, compressed[5:]) + masked(0x82, b"\0")
    socket = WebSocket("permessage-deflate")

    messages = [message for at in range(0, len(wire), step) for message in socket.receive(wire[at : at + step])]

    assert messages == ["whole", "plain", "compressed " * 20, b"\0"]


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (masked(0xC2, deflated(bytes(1001))), 1009),
        (masked(0x42, deflated(bytes(1800))[:4]) + masked(0x80, deflated(bytes(1800))[4:]), 1009),
        (masked(0xC2, b"\xff\xff"), 1007),
        (masked(0xC1, deflated(b"\xff")), 1007),
        (masked(0xC9, b""), 1002),
        (masked(0x01, b"a") + masked(0xC0, b"b"), 1002),
        (masked(0xA1, b"a"), 1002),
    ],
)
def test_compressed_message_that_breaks_a_rule_closes_with_its_code(wire, code):
    socket = WebSocket("permessage-deflate", most_bytes=1000)

    assert socket.receive(wire) == []

    assert socket.close_code == code


@pytest.mark.parametrize(("message", "is_compressed"), [("x" * 1023, False), ("x" * 1024, True), ("x" * 100_000, True)])
def test_large_messages_are_compressed(message, is_compressed):
    socket = WebSocket("permessage-deflate; server_max_window_bits=9")

    sent = socket.send(message)

    assert bool(sent[0] & 0x40) is is_compressed
    assert (len(sent) < len(message)) is is_compressed


def test_message_that_becomes_no_smaller_is_sent_as_it_is():
    socket = WebSocket("permessage-deflate")
    message = random.Random(1).randbytes(5000)

    assert socket.send(message) == serialize_frame(0x82, message)
