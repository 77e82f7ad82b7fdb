"""A WebSocket between a handler and a peer that does what no good client does, in this process."""

from __future__ import annotations

from contextlib import suppress

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage

import brubeck_wsgi.websocket as websocket
from brubeck_wsgi.concurrency import Cancelled, Event, spawn
from brubeck_wsgi.interfaces import ChannelClosed
from brubeck_wsgi.protocols.handshake import HandshakeRefused
from brubeck_wsgi.protocols.websocket import WebSocket
from brubeck_wsgi.protocols.websocket_client import ClientHandshake
from brubeck_wsgi.testing.serving import Way
from brubeck_wsgi.websocket import WebSocketChannel


class Peer:
    """The other end, which answers nothing by itself.

    Attributes:
        way: between both.
    """

    def __init__(self) -> None:
        self.way = Way()
        self._connection = Connection(ConnectionType.CLIENT)
        self._events: list[object] = []

    def say(self, *events: Message | Ping | CloseConnection) -> None:
        """Send all of it in one piece."""
        self.way.to_handler.put(b"".join(self._connection.send(event) for event in events))

    def next_event(self):
        """Return what comes next; None for the end."""
        while not self._events:
            data = self.way.to_client.get(5)
            if not data:
                return None
            self._connection.receive_data(data)
            self._events += self._connection.events()
        return self._events.pop(0)


@pytest.fixture
def peer():
    return Peer()


def channel(peer, **options):
    return WebSocketChannel(peer.way, WebSocket(), **options)


@pytest.mark.parametrize("body", [{"CONTENT_LENGTH": "5"}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_handshake_with_a_body_is_refused(body):
    handshake = ClientHandshake()
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in handshake.headers.items()}
    environ |= {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": ""}
    websocket.read_handshake(environ)

    with pytest.raises(HandshakeRefused, match="without a body"):
        websocket.read_handshake(environ | body)


def test_pong_that_could_not_be_sent_goes_with_the_next_message(peer):
    ws = channel(peer)
    ws._socket.outgoing.append(b"\x8a\x00")  # who received was interrupted while another sent
    peer.say(TextMessage(data="hello"))

    assert ws.receive(1) == "hello"
    assert isinstance(peer.next_event(), Pong)


def test_short_waits_add_up_to_a_silence(peer):
    ws = channel(peer, ping_seconds=0.05)

    def wait_shortly():
        while True:
            with suppress(TimeoutError):
                ws.receive(timeout=0.01)

    with pytest.raises(ChannelClosed, match="1006"):
        wait_shortly()

    assert isinstance(peer.next_event(), Ping)


def test_peer_that_says_something_between_short_waits_is_not_asked(peer):
    ws = channel(peer, ping_seconds=0.1)

    for _ in range(8):
        peer.say(TextMessage("here"))
        ws.receive(timeout=1)
        with pytest.raises(TimeoutError):
            ws.receive(timeout=0.03)
    ws.begin_close()

    assert isinstance(peer.next_event(), CloseConnection)


class WatchedWay(Way):
    """Tells when a handler waits for it.

    Attributes:
        is_awaited: happens when it receives.
        is_stuck: happens when it sends, which never ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_awaited = Event()
        self.is_stuck = Event()

    def receive(self, size=65536, timeout_seconds=None):
        self.is_awaited.set()
        return super().receive(size, timeout_seconds)


class StuckWay(WatchedWay):
    """One whose peer does not read."""

    def send(self, data):
        self.is_stuck.set()
        Event().wait()


@pytest.mark.parametrize("ping_seconds", [None, 20])
@pytest.mark.parametrize("is_talkative", [False, True])
def test_peer_that_does_not_answer_a_close_is_given_up(peer, monkeypatch, ping_seconds, is_talkative):
    monkeypatch.setattr(websocket, "_CLOSE_SECONDS", 0.2)
    way = peer.way = WatchedWay()
    ws = channel(peer, ping_seconds=ping_seconds)
    receiving = spawn(list, ws)
    assert way.is_awaited.wait(5)

    ws.close(4000)
    assert isinstance(peer.next_event(), CloseConnection)
    while is_talkative and not receiving.join(0.01):
        with suppress(ConnectionResetError):
            way.to_handler.put(b"\x89\x80\x00\x00\x00\x00")  # pings

    assert receiving.result(timeout=5) == []
    assert ws.close_code == 4000


def test_message_that_is_stopped_in_the_middle_ends_the_connection(peer):
    way = peer.way = StuckWay()
    ws = channel(peer)
    sending = spawn(ws.send, "A" * 1000)
    assert way.is_stuck.wait(5)

    sending.cancel()
    sending.join(5)

    assert isinstance(sending.error, Cancelled)
    with pytest.raises(ChannelClosed, match="1006"):
        ws.send("would be a part of it")
    assert way.receive(timeout_seconds=5) == b""


def test_others_run_between_many_messages(peer, monkeypatch):
    turns = []
    monkeypatch.setattr(websocket, "sleep", turns.append)
    ws = channel(peer)
    peer.say(*[TextMessage("x")] * 2000)

    for _ in range(2000):
        ws.receive(timeout=5)

    assert turns == [0] * (2000 // 256)
