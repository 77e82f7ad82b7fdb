"""A connection after 101 Switching Protocols: bytes both ways, until the application is done with it."""

from __future__ import annotations

from typing import Protocol

_BLOCK = 64 * 1024


class Upgraded(Protocol):
    """The connection that was handed over."""

    has_left: bool

    def send(self, data: bytes, /) -> None: ...

    def abort(self) -> None: ...

    def receive_some(self, size: int, timeout_seconds: float | None = None) -> bytes | None: ...


class Tunnel:
    """Bytes both ways; one greenlet may receive while another sends.

    Args:
        connection: what carries them.
        early: what the peer has sent already.

    Attributes:
        send: sends all of some bytes, however slowly the peer reads; a `ConnectionError` if it has left.
    """

    def __init__(self, connection: Upgraded, early: bytes = b"") -> None:
        self._connection = connection
        self._early = early
        self.send = connection.send  # as it is: it is called for each message

    @property
    def has_left(self) -> bool:
        """Whether the peer has closed or reset the connection."""
        return self._connection.has_left

    def receive(self, size: int = _BLOCK, timeout_seconds: float | None = None) -> bytes | None:
        """Wait for 1 to *size* bytes; return ``b""`` if the peer has closed its side, None if the time is over."""
        if self._early:
            piece, self._early = self._early[:size], self._early[size:]
            return piece
        received = self._connection.receive_some(size, timeout_seconds)
        if received == b"":
            self._connection.has_left = True  # it may be known here before the loop has noticed
        return received

    def abort(self) -> None:
        """End the connection at once; who receives gets ``b""``."""
        self._connection.abort()
