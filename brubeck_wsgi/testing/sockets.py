"""A WebSocket as the test of its handler sees it, from the client's side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any  # what JSON holds

import msgspec

from brubeck_wsgi.interfaces import ChannelClosed
from brubeck_wsgi.protocols.websocket import NORMAL
from brubeck_wsgi.protocols.websocket_client import ClientWebSocket
from brubeck_wsgi.testing.serving import Answering


class TestSocket:
    """The client's end of a WebSocket; `TestClient.websocket` makes it.

    Args:
        answering: the handshake, which has been answered with a WebSocket.
        subprotocol: what was agreed on.

    Attributes:
        headers: of the answer to the handshake, as (name, value) pairs.
        subprotocol: what was agreed on; None if nothing was.
    """

    __test__ = False  # for pytest: it is none

    def __init__(self, answering: Answering, subprotocol: str | None) -> None:
        self.headers = answering.head().headers
        self.subprotocol = subprotocol
        self._answering = answering
        self._socket = ClientWebSocket()
        self._messages: list[str | bytes] = []

    @property
    def close_code(self) -> int | None:
        """How it was closed, as far as has been received; None while it is open."""
        return self._socket.close_code

    @property
    def close_reason(self) -> str:
        """What was said about that."""
        return self._socket.close_reason

    def send(self, message: str | bytes) -> None:
        """Send a message, text or binary; `LocalProtocolError` if it is closed."""
        self._socket.send(message)
        self._flush()

    def send_json(self, value: Any) -> None:
        """Send *value* as JSON."""
        self.send(msgspec.json.encode(value).decode())

    def receive(self, timeout: float | None = None) -> str | bytes:
        """Wait for a message.

        Args:
            timeout: how many seconds at most; None for the `timeout` of the client.

        Raises:
            ChannelClosed: it is closed; the error says how.
            TimeoutError: none came in time.
        """
        seconds = self._answering.timeout if timeout is None else timeout
        while not self._messages:
            if self.close_code is not None:
                raise ChannelClosed(self.close_code, self.close_reason)
            self._messages = self._socket.receive(self._answering.way.to_client.get(seconds))
            self._flush()
        return self._messages.pop(0)

    def receive_json(self, timeout: float | None = None) -> Any:
        """Wait for a message of JSON; errors as `receive` has them, and `ValueError` for what is no JSON."""
        return msgspec.json.decode(self.receive(timeout))

    def __iter__(self) -> Iterator[str | bytes]:
        """Yield messages until it is closed."""
        try:
            while True:
                yield self.receive()
        except ChannelClosed:
            return

    def wait_closed(self, timeout: float | None = None) -> int:
        """Wait until it is closed, throwing away what else comes; return the code."""
        try:
            while True:
                self.receive(timeout)
        except ChannelClosed as closed:
            return closed.code

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it, if nobody has, and wait until the handler is over; raise what that raises."""
        self._socket.close(code, reason)
        self._flush()
        self._answering.join()

    def leave(self) -> None:
        """Go without a word, and wait until the handler is over; raise what that raises."""
        self._socket.receive(b"")
        self._answering.leave()
        self._answering.join()

    def _flush(self) -> None:
        data = self._socket.take_outgoing()
        if data:
            try:
                self._answering.way.to_handler.put(data)
            except ConnectionResetError:
                self._socket.receive(b"")
