"""ZMTP as far as a handler needs it: however it arrives, and whoever sends it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.zmtp import GREETING, FrameReader, Peer, State, command, frame, ready

MOST = 100_000
PEER = GREETING + ready(b"PUSH")
payloads = st.lists(st.binary(max_size=300) | st.binary(min_size=255, max_size=257), max_size=6)


def pieces(data, step):
    return [data[at : at + step] for at in range(0, len(data), step)]


def test_greeting_is_that_of_version_3_without_security():
    assert len(GREETING) == 64
    assert GREETING[10:12] == b"\x03\x00"
    assert GREETING[12:16] == b"NULL"


def test_ready_names_the_type_of_the_socket():
    assert ready(b"PULL") == (
        b"\x04\x27\x05READY" + b"\x0bSocket-Type\x00\x00\x00\x04PULL" + b"\x08Identity\x00\x00\x00\x00"
    )


@given(payloads, st.integers(1, 400))
def test_messages_read_the_same_however_they_arrive(payloads, step):
    reader = FrameReader(MOST)
    wire = b"".join(map(frame, payloads))

    read = [payload for piece in pieces(wire, step) for payload in reader.receive(piece)]

    assert read == payloads
    assert reader.buffered == b""


@pytest.mark.parametrize("step", [1, 7, 64, 4096])
def test_peer_greets_before_it_sends(step):
    peer = Peer(MOST)
    wire = PEER + frame(b"first") + frame(b"x" * 70_000)

    read = [payload for piece in pieces(wire, step) for payload in peer.receive(piece)]

    assert read == [b"first", b"x" * 70_000]
    assert peer.state is State.OPEN


def test_commands_are_none_of_the_messages():
    peer = Peer(MOST)
    peer.receive(PEER)

    assert peer.receive(command(b"\x04PING\0\0") + frame(b"after")) == [b"after"]


def test_successor_reads_on_where_its_predecessor_stopped():
    first = Peer(MOST)
    whole = frame(b"one") + frame(b"two" * 100)
    first.receive(PEER)
    assert first.receive(whole[:20]) == [b"one"]

    second = Peer(MOST, arrived=first.buffered)

    assert second.receive(whole[20:]) == [b"two" * 100]


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(64),
        GREETING.replace(b"\x03\x00", b"\x01\x00", 1),
        GREETING.replace(b"NULL", b"CURV"),
        b"\x00" * 64,
    ],
)
def test_peer_that_is_no_mongrel2_is_refused(greeting):
    with pytest.raises(RemoteProtocolError):
        Peer(MOST).receive(greeting)


@pytest.mark.parametrize(
    "wire",
    [
        PEER[:64] + frame(b"no READY before this"),
        PEER[:64] + command(b"\5ERROR\0"),
        PEER + b"\x01\x01a",  # more to come
        PEER + b"\x08\x01a",  # a reserved flag
        PEER + b"\x02" + (MOST + 1).to_bytes(8, "big"),
        PEER + b"\x02" + b"\xff" * 8,
        PEER + b"\x06" + (5000).to_bytes(8, "big"),
    ],
)
def test_frame_that_mongrel2_would_not_send_is_refused(wire):
    with pytest.raises(RemoteProtocolError):
        Peer(MOST).receive(wire)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_anything_after_the_greeting_is_read_or_refused(data, step):
    peer = Peer(MOST)
    peer.receive(PEER)

    try:
        for piece in pieces(data, step):
            assert all(isinstance(payload, bytes) for payload in peer.receive(piece))
    except RemoteProtocolError:
        pass


def test_large_message_in_many_pieces_is_put_together_once():
    reader = FrameReader(64 * 1024 * 1024)
    wire = frame(bytes(20 * 1024 * 1024))

    read = [payload for piece in pieces(wire, 65536) for payload in reader.receive(piece)]

    assert [len(payload) for payload in read] == [20 * 1024 * 1024]
