"""The client's side of a WebSocket (RFC 6455), on wsproto: bytes in, messages out. Servers are tested with it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from typing import Any  # parts of messages, all of one kind

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError as _LocalError
from wsproto.utilities import RemoteProtocolError as _RemoteError
from wsproto.utilities import generate_accept_token

from brubeck_wsgi.protocols.errors import LocalProtocolError, RemoteProtocolError
from brubeck_wsgi.protocols.websocket import ABNORMAL, NORMAL


class ClientHandshake:
    """What a client says, and hears, before it has a WebSocket (RFC 6455 §4.1).

    Args:
        subprotocols: what it can speak, best first.

    Attributes:
        headers: of its request.
    """

    def __init__(self, subprotocols: Sequence[str] = ()) -> None:
        self._key = base64.b64encode(secrets.token_bytes(16))
        self._subprotocols = subprotocols
        self.headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": self._key.decode(),
            "Sec-WebSocket-Version": "13",
        }
        if subprotocols:
            self.headers["Sec-WebSocket-Protocol"] = ", ".join(subprotocols)

    def finish(self, headers: Mapping[str, str]) -> str | None:
        """Check the answer; return the subprotocol that the server has chosen, None if it has chosen none.

        Args:
            headers: of the answer, with names in lower case.

        Raises:
            RemoteProtocolError: it is no answer to this handshake.
        """
        if headers.get("sec-websocket-accept", "").encode() != generate_accept_token(self._key):
            raise RemoteProtocolError("expected Sec-WebSocket-Accept to answer Sec-WebSocket-Key")
        if "sec-websocket-extensions" in headers:
            raise RemoteProtocolError("expected no extension, none was offered")
        chosen = headers.get("sec-websocket-protocol")
        if chosen is not None and chosen not in self._subprotocols:
            raise RemoteProtocolError(f"expected one of the subprotocols {self._subprotocols!r}, got {chosen!r}")
        return chosen


class ClientWebSocket:
    """An open WebSocket.

    Attributes:
        close_code: how it was closed (RFC 6455 §7.4); None while it is open.
        close_reason: what was said about that.
    """

    def __init__(self) -> None:
        self._connection = Connection(ConnectionType.CLIENT)
        self._parts: list[str | bytes] = []
        self._outgoing = b""
        self.close_code: int | None = None
        self.close_reason = ""

    def send(self, message: str | bytes) -> None:
        """Send a message, text or binary."""
        event = TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message)
        self._say(event)

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Begin to close, if nobody has."""
        if self._connection.state is ConnectionState.OPEN:
            self._say(CloseConnection(code, reason))
            self.close_code, self.close_reason = code, reason

    def take_outgoing(self) -> bytes:
        """Return what is to be sent now."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def receive(self, data: bytes) -> list[str | bytes]:
        """Take what has come, ``b""`` for the end; return the messages that are complete with it.

        Raises:
            RemoteProtocolError: it is against the protocol.
        """
        if not data:
            if self.close_code is None:
                self.close_code = ABNORMAL
            return []
        messages: list[str | bytes] = []
        if self._connection.state is ConnectionState.CLOSED:
            return messages
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                if isinstance(event, TextMessage | BytesMessage):
                    self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
                    if event.message_finished:
                        messages.append(self._whole())
                elif isinstance(event, Ping) and self._connection.state is ConnectionState.OPEN:
                    self._say(event.response())
                elif isinstance(event, CloseConnection):
                    self._hear_close(event)
        except _RemoteError as error:
            raise RemoteProtocolError(str(error)) from error
        return messages

    def _whole(self) -> str | bytes:
        parts: list[Any] = self._parts
        self._parts = []
        return "".join(parts) if isinstance(parts[0], str) else b"".join(parts)

    def _hear_close(self, event: CloseConnection) -> None:
        if self._connection.state is ConnectionState.REMOTE_CLOSING:
            self._say(event.response())
            self.close_code, self.close_reason = int(event.code), event.reason or ""

    def _say(self, event: TextMessage | BytesMessage | CloseConnection | Pong) -> None:
        try:
            self._outgoing += self._connection.send(event)
        except _LocalError as error:
            raise LocalProtocolError(f"expected an open WebSocket: {error}") from error
