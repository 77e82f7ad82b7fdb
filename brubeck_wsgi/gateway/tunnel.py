"""A connection after 101 Switching Protocols: bytes both ways, until the application is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

_BLOCK = 64 * 1024


class Upgraded(Protocol):
    """The connection that was handed over."""

    has_left: bool

    def send(self, data: bytes, /) -> None: ...

    def abort(self) -> None: ...

    def receive_some(self, size: int = _BLOCK, timeout_seconds: float | None = None) -> bytes | None: ...


class Tunnel:
    """Bytes both ways; one greenlet may receive while another sends.

    Args:
        connection: what carries them.
        early: what the peer has sent already.

    Attributes:
        send: sends all of some bytes, however slowly the peer reads; a `ConnectionError` if it has left.
        receive: waits for 1 to *size* bytes; returns ``b""`` if the peer has closed its side, None if the time is over.
        mark: called with the size of whole frames that are about to be sent, returns the payload of a ping to send
            behind them, if there should be one: its pong tells that they were read, and does not come here. None
            where nobody needs that.
    """

    mark: Callable[[int], bytes | None] | None = None

    def __init__(self, connection: Upgraded, early: bytes = b"") -> None:
        self._connection = connection
        self._early = early
        # As they are: they are called for each message.
        self.send = connection.send
        self.receive: Callable[..., bytes | None] = self._receive_early if early else connection.receive_some

    @property
    def has_left(self) -> bool:
        """Whether the peer has closed or reset the connection."""
        return self._connection.has_left

    def _receive_early(self, size: int = _BLOCK, timeout_seconds: float | None = None) -> bytes | None:
        piece, self._early = self._early[:size], self._early[size:]
        if not self._early:
            self.receive = self._connection.receive_some
        return piece

    def abort(self) -> None:
        """End the connection at once; who receives gets ``b""``."""
        self._connection.abort()
