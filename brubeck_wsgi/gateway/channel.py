"""A WebSocket as its handler sees it: whole messages, whichever door the client came through."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from brubeck_wsgi.interfaces import ChannelClosed, Environ
from brubeck_wsgi.protocols.websocket import ABNORMAL, NORMAL, Handshake, HandshakeRefused, WebSocket

MOST_MESSAGE_BYTES = 16 * 1024 * 1024
PING_SECONDS = 20.0
"""After how long a silence the peer is asked whether it is still there: twice, then it is not."""

_CLOSE_SECONDS = 5.0
_BLOCK = 64 * 1024


class Way(Protocol):
    """Bytes both ways; what ``brubeck.upgrade`` returns."""

    def receive(self, size: int = _BLOCK, timeout_seconds: float | None = None) -> bytes | None:
        """Wait for bytes; ``b""`` at the end, None if the time is over."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of *data*; a `ConnectionError` if the peer has left."""
        ...


class WebSocketChannel:
    """See `brubeck_wsgi.interfaces.Channel`.

    One greenlet receives; any may send. Pings are answered, and silence is noticed, while somebody receives.

    Args:
        way: carries the bytes.
        socket: the protocol, after the handshake.
        subprotocol: what was agreed on.
        ping_seconds: after how long a silence to ask; None for never.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        way: Way,
        socket: WebSocket,
        subprotocol: str | None = None,
        ping_seconds: float | None = PING_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.subprotocol = subprotocol
        self._way = way
        self._socket = socket
        self._ping_seconds = ping_seconds
        self._clock = clock
        self._messages: deque[str | bytes] = deque()
        # Made here and not at import: by now it is the hub's, where there is one.
        self._lock = threading.Lock()

    @property
    def close_code(self) -> int | None:
        """How it was closed; None while it is open."""
        return self._socket.close_code

    @property
    def close_reason(self) -> str:
        """What was said about that."""
        return self._socket.close_reason

    def receive(self, timeout_seconds: float | None = None) -> str | bytes:
        """Wait for a message.

        Raises:
            ChannelClosed: none will come any more.
            TimeoutError: none came in time.
        """
        deadline = None if timeout_seconds is None else self._clock() + timeout_seconds
        while not self._messages:
            if self._socket.close_code is not None:
                raise ChannelClosed(self._socket.close_code, self._socket.close_reason)
            if not self._receive_some(deadline):
                raise TimeoutError(f"no message in {timeout_seconds} seconds")
        return self._messages.popleft()

    def __iter__(self) -> Iterator[str | bytes]:
        """Yield messages until it is closed, however that happens."""
        while True:
            try:
                message = self.receive()
            except ChannelClosed:
                return
            yield message

    def send(self, message: str | bytes) -> None:
        """Send a message, text or binary.

        Raises:
            ChannelClosed: it cannot arrive any more.
        """
        if not isinstance(message, str | bytes):
            raise TypeError(f"expected text or bytes to send, got {type(message).__name__}")
        with self._lock:
            self._check_open()
            self._socket.send(message)
            self._send_outgoing()

    def ping(self, payload: bytes = b"") -> None:
        """Ask whether the peer is still there.

        Raises:
            ChannelClosed: it is not.
        """
        with self._lock:
            self._check_open()
            self._socket.ping(payload)
            self._send_outgoing()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close, and wait a little for the peer to agree; nothing happens if it is closed already."""
        with self._lock:
            if self._socket.close_code is not None:
                return
            self._socket.close(code, reason)
            try:
                self._send_outgoing()
            except ChannelClosed:
                return
        deadline = self._clock() + _CLOSE_SECONDS
        while self._socket.awaits_close and self._receive_some(deadline):
            pass

    def _receive_some(self, deadline: float | None) -> bool:
        """Wait for something to come; return False if the deadline came first."""
        is_asked = False
        pongs = self._socket.pongs
        while True:
            wait = None if deadline is None else deadline - self._clock()
            if wait is not None and wait <= 0:
                return False
            silence = self._ping_seconds
            if silence is not None and (wait is None or silence < wait):
                data = self._way.receive(_BLOCK, silence)
            else:
                data, silence = self._way.receive(_BLOCK, wait), None
            if data is None and silence is None:
                return False
            if data is not None:
                break
            if is_asked and self._socket.pongs == pongs:
                data = b""  # nobody is there
                break
            is_asked = True
            if self._socket.close_code is None:
                self.ping()
        with self._lock:
            self._messages.extend(self._socket.receive(data))
            self._send_outgoing()
        return True

    def _check_open(self) -> None:
        if self._socket.close_code is not None:
            raise ChannelClosed(self._socket.close_code, self._socket.close_reason)

    def _send_outgoing(self) -> None:
        data = self._socket.take_outgoing()
        if data:
            try:
                self._way.send(data)
            except ConnectionError as error:
                self._socket.receive(b"")
                raise ChannelClosed(ABNORMAL, "the peer has left") from error


def open_channel(
    environ: Environ,
    subprotocols: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (),
    most_message_bytes: int = MOST_MESSAGE_BYTES,
    ping_seconds: float | None = PING_SECONDS,
) -> WebSocketChannel:
    """Answer a request for a WebSocket with one; when the application returns, it is over.

    Args:
        environ: of the request.
        subprotocols: what this side can speak, best first.
        headers: more (name, value) pairs for the answer.
        most_message_bytes: the largest message that is taken; 1009 for others.
        ping_seconds: after how long a silence to ask whether the peer is still there; None for never.

    Raises:
        HandshakeRefused: the request is none for a WebSocket, or the server cannot make one: say so to the client.
    """
    upgrade = environ.get("brubeck.upgrade")
    handshake = Handshake(
        environ["REQUEST_METHOD"],
        environ.get("SERVER_PROTOCOL") == "HTTP/1.1",
        environ.get("HTTP_UPGRADE", ""),
        environ.get("HTTP_CONNECTION", ""),
        environ.get("HTTP_SEC_WEBSOCKET_VERSION", ""),
        environ.get("HTTP_SEC_WEBSOCKET_KEY", ""),
        environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", ""),
        environ.get("HTTP_SEC_WEBSOCKET_EXTENSIONS", ""),
    )
    handshake.check()
    if upgrade is None:
        raise HandshakeRefused("expected a server that makes WebSockets", 501)
    socket = WebSocket(handshake.extensions, most_message_bytes)
    subprotocol = handshake.choose_protocol(subprotocols)
    answer = [("Sec-WebSocket-Accept", handshake.accept_key())]
    if subprotocol is not None:
        answer.append(("Sec-WebSocket-Protocol", subprotocol))
    if socket.extensions is not None:
        answer.append(("Sec-WebSocket-Extensions", socket.extensions))
    way = upgrade("websocket", [*answer, *headers])
    return WebSocketChannel(way, socket, subprotocol, ping_seconds)
