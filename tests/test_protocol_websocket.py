"""The server's side of a WebSocket, against a client of the same library: handshake, messages, close."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

from brubeck_wsgi.protocols.errors import LocalProtocolError
from brubeck_wsgi.protocols.handshake import Handshake, HandshakeRefused
from brubeck_wsgi.protocols.websocket import WebSocket

GOOD = Handshake("GET", True, "websocket", "keep-alive, Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ==", "", "")
messages = st.lists(st.text(max_size=300) | st.binary(max_size=300), max_size=8)


def client(deflate=None):
    return Connection(ConnectionType.CLIENT, [deflate] if deflate is not None else [])


def sent_by(connection, message, pieces=1):
    """Return the bytes of a message in so many frames."""
    kind = TextMessage if isinstance(message, str) else BytesMessage
    step = max(1, -(-len(message) // pieces))
    parts = [message[at : at + step] for at in range(0, len(message), step)] or [message]
    return b"".join(
        connection.send(kind(data=part, message_finished=number == len(parts) - 1)) for number, part in enumerate(parts)
    )


def test_accept_key_is_that_of_the_standard():
    assert GOOD.accept_key() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    ("change", "status", "headers"),
    [
        ({"version": "8"}, 426, [("Sec-WebSocket-Version", "13")]),
        ({"version": ""}, 426, [("Sec-WebSocket-Version", "13")]),
        ({"upgrade": "h2c"}, 426, [("Upgrade", "websocket")]),
        ({"connection": "keep-alive"}, 426, [("Upgrade", "websocket")]),
        ({"method": "POST"}, 400, []),
        ({"is_modern": False}, 400, []),
        ({"key": ""}, 400, []),
        ({"key": "c2hvcnQ="}, 400, []),
        ({"key": "not base64 at all"}, 400, []),
        ({"key": "caf\xe9"}, 400, []),
    ],
)
def test_what_is_no_handshake_is_refused(change, status, headers):
    with pytest.raises(HandshakeRefused) as refused:
        GOOD._replace(**change).check()

    assert (refused.value.status, refused.value.headers) == (status, headers)


def test_good_handshake_is_taken_in_any_case():
    GOOD.check()
    GOOD._replace(upgrade="WebSocket", connection="UPGRADE").check()


@pytest.mark.parametrize(
    ("wanted", "chosen"), [("", None), ("chat", "chat"), ("other", None), ("superchat , chat", "chat")]
)
def test_subprotocol_is_the_servers_first_that_the_client_wants(wanted, chosen):
    assert GOOD._replace(protocols=wanted).choose_protocol(["chat", "superchat"]) == chosen


@given(messages, st.integers(1, 5), st.integers(1, 500))
def test_messages_arrive_whole_however_they_are_cut(messages, frames, step):
    peer, socket = client(), WebSocket()
    wire = b"".join(sent_by(peer, message, frames) for message in messages)

    received = [message for at in range(0, len(wire), step) for message in socket.receive(wire[at : at + step])]

    assert received == messages


@given(messages)
def test_messages_leave_as_the_peer_reads_them(messages):
    peer, socket = client(), WebSocket()
    for message in messages:
        peer.receive_data(socket.send(message))

    assert [event.data for event in peer.events()] == messages


@given(messages, st.integers(1, 3))
def test_compressed_messages_arrive_and_leave(messages, frames):
    deflate = PerMessageDeflate()
    socket = WebSocket(f"permessage-deflate; {deflate.offer()}")
    assert socket.extensions is not None
    deflate.finalize(socket.extensions)
    peer = client(deflate)

    received = socket.receive(b"".join(sent_by(peer, message, frames) for message in messages) or b"\x89\x80\0\0\0\0")
    socket.take_outgoing()
    for message in received:
        peer.receive_data(socket.send(message))

    assert received == messages
    parts = [event for event in peer.events() if not isinstance(event, Ping | Pong)]
    assert len(b"".join(p.data.encode() if isinstance(p.data, str) else bytes(p.data) for p in parts)) == sum(
        len(message.encode() if isinstance(message, str) else message) for message in messages
    )


def test_ping_is_answered_with_what_was_in_it():
    peer, socket = client(), WebSocket()

    assert socket.receive(peer.send(Ping(payload=b"there?"))) == []

    peer.receive_data(socket.take_outgoing())
    assert [(type(event), bytes(event.payload)) for event in peer.events()] == [(Pong, b"there?")]


def test_ping_between_fragments_is_answered_and_changes_nothing():
    peer, socket = client(), WebSocket()
    first = peer.send(TextMessage(data="a", message_finished=False))
    ping = peer.send(Ping())
    last = peer.send(TextMessage(data="b", message_finished=True))

    assert socket.receive(first + ping + last) == ["ab"]
    assert socket.take_outgoing() == b"\x8a\x00"


def test_close_of_the_peer_is_answered_and_known():
    peer, socket = client(), WebSocket()

    socket.receive(peer.send(CloseConnection(code=3000, reason="enough")))

    assert (socket.close_code, socket.close_reason) == (3000, "enough")
    peer.receive_data(socket.take_outgoing())
    assert [event.code for event in peer.events()] == [3000]
    with pytest.raises(LocalProtocolError):
        socket.send("too late")


def test_close_without_a_code_is_1005():
    socket = WebSocket()

    socket.receive(b"\x88\x80\0\0\0\0")

    assert socket.close_code == 1005
    assert socket.take_outgoing() == b"\x88\x00"


def test_own_close_is_complete_when_the_peer_has_answered():
    peer, socket = client(), WebSocket()

    socket.close(1001, "bye")
    assert socket.awaits_close
    peer.receive_data(socket.take_outgoing())
    (closed,) = peer.events()
    socket.receive(peer.send(closed.response()))

    assert not socket.awaits_close
    assert socket.close_code == 1001
    assert socket.take_outgoing() == b""


def test_end_without_a_close_is_1006():
    socket = WebSocket()

    socket.receive(b"")

    assert socket.close_code == 1006


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_close_code_that_nobody_may_send_is_not_sent(code):
    with pytest.raises(LocalProtocolError):
        WebSocket().close(code)


def test_long_reason_is_cut_between_characters():
    socket = WebSocket()

    socket.close(1000, "é" * 100)

    payload = socket.take_outgoing()[2:]
    assert len(payload) <= 125
    assert payload[2:].decode() == "é" * 61


def test_reason_that_is_no_text_is_sent_as_far_as_it_is():
    peer, socket = client(), WebSocket()

    socket.close(4000, "a\ud800b")

    peer.receive_data(socket.take_outgoing())
    assert [(event.code, event.reason) for event in peer.events()] == [(4000, "a?b")]


def test_ping_has_room_for_125_bytes():
    with pytest.raises(LocalProtocolError):
        WebSocket().ping(bytes(126))


MASK = b"\0\0\0\0"


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x01a", 1002),  # not masked
        (b"\xc1\x81" + MASK + b"a", 1002),  # a reserved bit, nothing agreed
        (b"\x83\x80" + MASK, 1002),  # an unknown opcode
        (b"\x80\x80" + MASK, 1002),  # continues nothing
        (b"\x01\x80" + MASK + b"\x81\x80" + MASK, 1002),  # begins within another
        (b"\x09\x80" + MASK, 1002),  # a ping in fragments
        (b"\x89\xfe\x00\x7e" + MASK, 1002),  # a ping that is too long
        (b"\x88\x81" + MASK + b"a", 1002),  # a close of one byte
        (b"\x88\x82" + MASK + (1005).to_bytes(2, "big"), 1002),
        (b"\x88\x82" + MASK + (999).to_bytes(2, "big"), 1002),
        (b"\x81\x81" + MASK + b"\xff", 1007),
        (b"\x88\x83" + MASK + (1000).to_bytes(2, "big") + b"\xff", 1007),
    ],
)
def test_broken_rule_closes_with_its_code(frames, code):
    socket = WebSocket()

    assert socket.receive(frames) == []

    assert socket.close_code == code
    assert socket.take_outgoing()[2:4] == code.to_bytes(2, "big")


def test_message_that_is_too_big_closes_with_1009():
    peer, socket = client(), WebSocket(most_bytes=1000)

    assert socket.receive(sent_by(peer, b"x" * 1000)) == [b"x" * 1000]
    assert socket.receive(sent_by(peer, b"x" * 1001, pieces=3)) == []

    assert socket.close_code == 1009


def test_message_that_inflates_without_end_is_cut_off():
    deflate = PerMessageDeflate()
    socket = WebSocket("permessage-deflate", most_bytes=1000)
    deflate.finalize(socket.extensions)

    assert socket.receive(sent_by(client(deflate), bytes(50_000_000))) == []

    assert socket.close_code == 1009


def test_what_follows_a_close_means_nothing():
    peer, socket = client(), WebSocket()
    closed = peer.send(CloseConnection(code=1000))

    assert socket.receive(closed + b"\xff\xff\xff") == []
    assert socket.receive(b"\x81\x81" + MASK + b"a") == []

    assert socket.close_code == 1000


@given(st.binary(max_size=200), st.integers(1, 30))
def test_anything_is_a_message_or_a_close(data, step):
    socket = WebSocket()

    for at in range(0, len(data), step):
        assert all(isinstance(message, str | bytes) for message in socket.receive(data[at : at + step]))


@pytest.mark.parametrize(
    "wrong",
    [
        b"\xa1\x80\x00\x00\x00\x00",  # a reserved bit
        b"\x80\x80\x00\x00\x00\x00",  # continues nothing
        b"\x83\x80\x00\x00\x00\x00",  # an opcode that is reserved
    ],
    ids=["reserved bit", "continuation of nothing", "reserved opcode"],
)
@pytest.mark.parametrize("follows", [b"", b"\x81\x80\x00\x00\x00\x00"], ids=["alone", "with more behind it"])
def test_what_came_before_a_broken_rule_can_be_answered(wrong, follows):
    peer, socket = client(), WebSocket()

    assert socket.receive(sent_by(peer, "before") + wrong + follows) == ["before"]
    peer.receive_data(socket.send("answer"))
    assert socket.has_more
    assert socket.proceed() == []

    assert (socket.close_code, socket.has_more) == (1002, False)
    peer.receive_data(socket.take_outgoing())
    answer, close = peer.events()
    assert (answer.data, close.code) == ("answer", 1002)


def test_broken_rule_ends_a_close_that_waits_for_an_answer():
    socket = WebSocket()
    socket.receive(sent_by(client(), "before") + b"\x83\x80\x00\x00\x00\x00")
    socket.close()

    socket.proceed()

    assert (socket.close_code, socket.awaits_close) == (1000, False)


def all_of(socket, data):
    """Return all messages of *data*, and how many there were at a time."""
    found = [socket.receive(data)]
    while socket.has_more:
        found.append(socket.proceed())
    return [message for messages in found for message in messages], [len(messages) for messages in found]


def test_many_messages_come_some_at_a_time():
    peer, socket = client(), WebSocket()
    sent = [f"{number}" for number in range(1000)]

    received, counts = all_of(socket, b"".join(sent_by(peer, message) for message in sent))

    assert received == sent
    assert max(counts) <= 2 * 256


def test_many_pings_are_answered_some_at_a_time():
    peer, socket = client(), WebSocket()

    socket.receive(peer.send(Ping()) * 1000)

    assert len(socket.take_outgoing()) <= 256 * 2
    assert socket.has_more


def test_what_inflates_to_much_comes_some_at_a_time():
    deflate = PerMessageDeflate()
    socket = WebSocket(f"permessage-deflate; {deflate.offer()}", most_bytes=100_000)
    deflate.finalize(socket.extensions)
    peer = client(deflate)
    sent = [chr(ord("a") + number) * 90_000 for number in range(20)]
    data = b"".join(sent_by(peer, message) for message in sent)
    assert len(data) < 10_000

    received, counts = all_of(socket, data)

    assert received == sent
    assert max(counts) <= 2


def test_end_is_not_seen_before_what_was_left():
    peer, socket = client(), WebSocket()

    received, _ = all_of(socket, sent_by(peer, "x") * 600 + peer.send(CloseConnection(1000)))

    assert len(received) == 600
    assert socket.close_code == 1000


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
@pytest.mark.parametrize("kind", [str, bytes])
def test_message_that_comes_alone_is_taken_whatever_its_size(size, kind):
    message = "x" * size if kind is str else b"x" * size

    assert WebSocket().receive(sent_by(client(), message)) == [message]


@pytest.mark.parametrize("size", [126, 127])
def test_marks_of_longer_sizes_are_no_sizes(size):
    socket = WebSocket()

    assert socket.receive(bytes((0x82, 0x80 | size)) + bytes(4 + size)) == []
    assert socket.close_code == 1002


def test_message_leaves_behind_what_waits_already():
    peer, socket = client(), WebSocket()
    socket.ping(b"first")

    peer.receive_data(socket.send("second"))

    ping, message = peer.events()
    assert (ping.payload, message.data, socket.take_outgoing()) == (b"first", "second", b"")
