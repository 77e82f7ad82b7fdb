"""A WebSocket client for tests, on a raw connection."""

from __future__ import annotations

import socket
from typing import Any

from mongrel2_servers import RawClient
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class WebSocketClient(RawClient):
    """A client after its handshake.

    Attributes:
        head: of the answer to the handshake.
    """

    def __init__(self, port: int, path: str, *lines: str, compresses: bool = False, early: bytes = b"") -> None:
        super().__init__(port)
        deflate = PerMessageDeflate()
        offer = (f"Sec-WebSocket-Extensions: permessage-deflate; {deflate.offer()}",) if compresses else ()
        self.ask(path, *offer, *lines)
        if early:
            self.send(early)
        self.head = self.read_until(b"\r\n\r\n").decode()
        assert self.head.startswith("HTTP/1.1 101 "), self.head
        extensions = []
        if compresses:
            line = next(line for line in self.head.split("\r\n") if line.startswith("Sec-WebSocket-Extensions: "))
            deflate.finalize(line.partition(": ")[2])
            extensions.append(deflate)
        self.connection = Connection(ConnectionType.CLIENT, extensions)
        self._events: list[Any] = []
        if self._buffer:
            self.connection.receive_data(self._buffer)

    def ask(self, path: str, *lines: str, version: str = "13", http: str = "1.1") -> None:
        """Send a handshake."""
        self.get(
            path,
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {KEY}",
            f"Sec-WebSocket-Version: {version}",
            *lines,
            version=http,
        )

    def say(self, message: str | bytes, *, is_last: bool = True) -> None:
        """Send a message, or a part of one."""
        kind = TextMessage if isinstance(message, str) else BytesMessage
        self.send(self.connection.send(kind(data=message, message_finished=is_last)))

    def next_event(self) -> Any:
        """Return what comes next, None for the end of the connection."""
        while True:
            self._events.extend(self.connection.events())
            if self._events:
                return self._events.pop(0)
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.connection.receive_data(data)

    def hear(self) -> str | bytes:
        """Return the next message; answer pings meanwhile."""
        parts: list[Any] = []
        while True:
            event = self.next_event()
            if isinstance(event, Ping):
                if self.connection.state is ConnectionState.OPEN:  # and no close is among what has come already
                    self.send(self.connection.send(event.response()))
                continue
            if isinstance(event, Pong):
                continue
            assert isinstance(event, TextMessage | BytesMessage), event
            parts.append(event.data)
            if event.message_finished:
                return "".join(parts) if isinstance(parts[0], str) else b"".join(parts)

    def hear_close(self) -> tuple[int, str]:
        """Return the code and the reason of the peer's close; answer it, and see the connection end."""
        while True:
            event = self.next_event()
            if isinstance(event, CloseConnection):
                if self.connection.state.name == "REMOTE_CLOSING":
                    self.send(self.connection.send(event.response()))
                assert self.next_event() is None
                return int(event.code), event.reason or ""
            assert isinstance(event, Ping | Pong), event

    def leave(self) -> None:
        """Go without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()
