"""How a WebSocket begins, on the server's side (RFC 6455 §4.2): what a client asks for, and what it is answered."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from brubeck_wsgi.protocols.errors import RemoteProtocolError

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_KEY_BYTES = 16


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


def _tokens(value: str) -> list[str]:
    return [token.strip(" \t") for token in value.split(",") if token.strip(" \t")]
