"""The server's side of a WebSocket (RFC 6455, and RFC 7692 for compression), on wsproto: bytes in, messages out."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.handshake import server_extensions_handshake

from brubeck_wsgi.protocols.errors import LocalProtocolError, RemoteProtocolError

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NO_STATUS, ABNORMAL, TOO_BIG = 1000, 1001, 1002, 1005, 1006, 1009
"""Close codes (RFC 6455 §7.4.1)."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_KEY_BYTES = 16
_MOST_PING_BYTES = 125
_LONGEST_REASON = 123
# With compression a byte may become a thousand: so much is inflated before anybody looks at the size.
_FED_AT_ONCE = 4096


class HandshakeRefused(RemoteProtocolError):
    """A request is no handshake that can be answered.

    Attributes:
        headers: that the answer has to have.
    """

    def __init__(self, message: str, status: int = 400, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message, status)
        self.headers = list(headers)


class Handshake(NamedTuple):
    """What a client says that wants a WebSocket (RFC 6455 §4.2.1); header values, ``""`` for those it has not sent."""

    method: str
    is_modern: bool
    upgrade: str
    connection: str
    version: str
    key: str
    protocols: str
    extensions: str

    def check(self) -> None:
        """Raise `HandshakeRefused` if it cannot be answered with a WebSocket."""
        if "websocket" not in _tokens(self.upgrade.lower()) or "upgrade" not in _tokens(self.connection.lower()):
            raise HandshakeRefused("expected a request for a WebSocket", 426, [("Upgrade", "websocket")])
        if self.version != _VERSION:
            raise HandshakeRefused(
                f"expected version {_VERSION} of the WebSocket protocol", 426, [("Sec-WebSocket-Version", _VERSION)]
            )
        if self.method != "GET" or not self.is_modern:
            raise HandshakeRefused("expected a GET of HTTP/1.1")
        try:
            is_key = len(base64.b64decode(self.key, validate=True)) == _KEY_BYTES
        except (binascii.Error, ValueError):
            is_key = False
        if not is_key:
            raise HandshakeRefused("expected a Sec-WebSocket-Key of 16 bytes")

    def choose_protocol(self, offered: Sequence[str]) -> str | None:
        """Return the first of *offered*, the server's, that the client wants too; None if there is none."""
        wanted = _tokens(self.protocols)
        return next((protocol for protocol in offered if protocol in wanted), None)

    def accept_key(self) -> str:
        """Return the value for Sec-WebSocket-Accept."""
        return base64.b64encode(hashlib.sha1(self.key.encode("ascii") + _GUID, usedforsecurity=False).digest()).decode()


class WebSocket:
    """A WebSocket after the handshake.

    Args:
        offers: the client's Sec-WebSocket-Extensions; what is taken of it, `extensions` says.
        most_bytes: the largest message that is taken, text in characters.

    Attributes:
        extensions: the value for Sec-WebSocket-Extensions; None for none.
        close_code, close_reason: how it was closed; None while it is open.
        awaits_close: whether it has been closed here, and the peer has not answered that.
        pongs: how many have come.
    """

    def __init__(self, offers: str = "", most_bytes: int = 16 * 1024 * 1024) -> None:
        supported: list[Extension] = [PerMessageDeflate()]
        accepted = server_extensions_handshake(_tokens(offers), supported) if offers else None
        self.extensions = accepted.decode("ascii") if accepted is not None else None
        self._connection = Connection(ConnectionType.SERVER, supported if accepted is not None else [])
        self._most = most_bytes
        self._pieces: list[Any] = []  # all text, or all bytes
        self._size = 0
        self._outgoing = bytearray()
        self.close_code: int | None = None
        self.close_reason = ""
        self.awaits_close = False
        self.pongs = 0

    def take_outgoing(self) -> bytes:
        """Return what is to be sent to the peer."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def receive(self, data: bytes) -> list[str | bytes]:
        """Return the messages that are complete with *data*; no data is the end of the connection.

        What has to be answered, pings and the peer's close, is in `take_outgoing`. What breaks a rule closes.
        """
        if not data:
            self._end(ABNORMAL if self.close_code is None else self.close_code, self.close_reason)
            return []
        messages: list[str | bytes] = []
        step = _FED_AT_ONCE if self.extensions is not None else len(data)
        for begin in range(0, len(data), step):
            if self.close_code is not None and not self.awaits_close:
                break  # what comes after a close means nothing
            self._connection.receive_data(data[begin : begin + step])
            for event in self._connection.events():
                if isinstance(event, Ping):
                    if not self.awaits_close:
                        self._outgoing += self._connection.send(event.response())
                elif isinstance(event, Pong):
                    self.pongs += 1
                elif isinstance(event, CloseConnection):
                    self._take_close(event)
                    break
                elif isinstance(event, TextMessage | BytesMessage):
                    message = self._take_piece(event.data, event.message_finished)
                    if message is not None:
                        messages.append(message)
                    if self.close_code is not None and not self.awaits_close:
                        break
        return messages

    def send(self, message: str | bytes) -> None:
        """Send a message, text or binary; `LocalProtocolError` if it is closed."""
        self._check_open()
        event = TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message)
        self._outgoing += self._connection.send(event)

    def ping(self, payload: bytes = b"") -> None:
        """Send a ping, with up to 125 bytes in it."""
        self._check_open()
        if len(payload) > _MOST_PING_BYTES:
            raise LocalProtocolError(f"expected at most {_MOST_PING_BYTES} bytes in a ping, got {len(payload)}")
        self._outgoing += self._connection.send(Ping(payload=payload))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Begin to close, if it is open.

        Raises:
            LocalProtocolError: nobody may send this code.
        """
        if code not in (NORMAL, GOING_AWAY, 1002, 1003, 1007, 1008, 1009, 1010, 1011) and not 3000 <= code <= 4999:
            raise LocalProtocolError(f"expected a close code that may be sent, 1000 or 3000 to 4999, got {code!r}")
        if self.close_code is None:
            self._outgoing += self._connection.send(CloseConnection(code=code, reason=_shortened(reason)))
            self.close_code, self.close_reason = code, reason
            self.awaits_close = True

    def _check_open(self) -> None:
        if self.close_code is not None:
            raise LocalProtocolError(f"expected an open WebSocket, it was closed with {self.close_code}")

    def _take_piece(self, piece: str | bytes | bytearray, is_last: bool) -> str | bytes | None:
        """Take a part of a message; return the message if it is the last."""
        self._size += len(piece)
        if self._size > self._most:
            self._fail(TOO_BIG, f"expected messages of at most {self._most} bytes")
            return None
        self._pieces.append(piece)
        if not is_last:
            return None
        pieces, self._pieces = self._pieces, []
        self._size = 0
        if self.close_code is not None:
            return None
        return "".join(pieces) if isinstance(piece, str) else b"".join(pieces)

    def _take_close(self, event: CloseConnection) -> None:
        state = self._connection.state
        if state is ConnectionState.REMOTE_CLOSING:
            self._outgoing += self._connection.send(event.response())
            self._end(event.code, event.reason or "")
        elif state is ConnectionState.CLOSED:  # the answer to ours
            self._end(self.close_code or NO_STATUS, self.close_reason)
        else:
            self._fail(event.code, event.reason or "")

    def _fail(self, code: int, reason: str) -> None:
        """Close because the peer has broken a rule."""
        if self.close_code is None:
            self._outgoing += self._connection.send(CloseConnection(code=code, reason=_shortened(reason)))
        self._end(code, reason)

    def _end(self, code: int, reason: str) -> None:
        self.close_code, self.close_reason = int(code), reason
        self.awaits_close = False
        self._pieces = []


def _tokens(value: str) -> list[str]:
    return [token.strip(" \t") for token in value.split(",") if token.strip(" \t")]


def _shortened(reason: str) -> str:
    return reason.encode()[:_LONGEST_REASON].decode("utf-8", "ignore")
