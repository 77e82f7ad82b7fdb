"""A WebSocket as its handler sees it: whole messages, whichever door the client came through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol, Self

from brubeck_wsgi.concurrency.primitives import sleep
from brubeck_wsgi.concurrency.tasks import spawn
from brubeck_wsgi.concurrency.turns import Turns
from brubeck_wsgi.interfaces import ChannelClosed, Environ
from brubeck_wsgi.protocols.errors import LocalProtocolError
from brubeck_wsgi.protocols.handshake import Handshake, HandshakeRefused
from brubeck_wsgi.protocols.websocket import ABNORMAL, NORMAL, WebSocket

__all__ = ["MOST_MESSAGE_BYTES", "PING_SECONDS", "HandshakeRefused", "WebSocketChannel", "read_handshake"]

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

    def abort(self) -> None:
        """End the connection at once; who receives gets ``b""``."""
        ...


class WebSocketChannel:
    """See `brubeck_wsgi.interfaces.Channel`.

    One greenlet receives; any may send and close. Pings are answered, and silence is noticed, while one receives.

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
        self._messages: list[str | bytes] = []  # the next is the last
        self._is_receiving = False
        self._silent_since: float | None = None  # by the clock, for who waits with a time limit
        self._asked_after: int | None = None  # how many pongs had come when the peer was asked
        self._turns = Turns()
        self._mark: Callable[[int], bytes | None] | None = getattr(way, "mark", None)

    @classmethod
    def accept(
        cls,
        environ: Environ,
        subprotocols: Sequence[str] = (),
        headers: Sequence[tuple[str, str]] = (),
        most_message_bytes: int = MOST_MESSAGE_BYTES,
        ping_seconds: float | None = PING_SECONDS,
        compresses: bool = True,
    ) -> Self:
        """Answer a request for a WebSocket with one; when the application returns, it is over.

        Args:
            environ: of the request.
            subprotocols: what this side can speak, best first.
            headers: more (name, value) pairs for the answer.
            most_message_bytes: the largest message that is taken; 1009 for others.
            ping_seconds: after how long a silence to ask whether the peer is still there; None for never.
            compresses: whether to agree on permessage-deflate with clients that offer it.

        Raises:
            HandshakeRefused: the request is none for a WebSocket, or the server cannot make one: say so to the client.
        """
        handshake = read_handshake(environ)
        upgrade = environ.get("brubeck.upgrade")
        if upgrade is None:
            raise HandshakeRefused("expected a server that makes WebSockets", 501)
        socket = WebSocket(handshake.extensions if compresses else "", most_message_bytes)
        subprotocol = handshake.choose_protocol(subprotocols)
        answer = [("Sec-WebSocket-Accept", handshake.accept_key())]
        if subprotocol is not None:
            answer.append(("Sec-WebSocket-Protocol", subprotocol))
        if socket.extensions is not None:
            answer.append(("Sec-WebSocket-Extensions", socket.extensions))
        way = upgrade("websocket", [*answer, *headers])
        return cls(way, socket, subprotocol, ping_seconds)

    @property
    def close_code(self) -> int | None:
        """How it was closed; None while it is open."""
        return self._socket.close_code

    @property
    def close_reason(self) -> str:
        """What was said about that."""
        return self._socket.close_reason

    def receive(self, timeout: float | None = None) -> str | bytes:
        """Wait for a message.

        Args:
            timeout: how many seconds at most; None for any time.

        Raises:
            ChannelClosed: none will come any more.
            TimeoutError: none came in time.
        """
        deadline = None if timeout is None else self._clock() + timeout
        messages, socket = self._messages, self._socket
        while not messages:
            if socket.close_code is not None and not socket.awaits_close:
                raise ChannelClosed(socket.close_code, socket.close_reason)
            if not self._receive_some(deadline):
                self._check_open()
                raise TimeoutError(f"no message in {timeout} seconds")
        return messages.pop()

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
        turns = self._turns
        turns.acquire()
        try:
            if self._socket.close_code is not None:
                self._check_open()
            self._send(self._socket.send(message))
        finally:
            turns.release()

    def ping(self, payload: bytes = b"") -> None:
        """Ask whether the peer is still there.

        Raises:
            ChannelClosed: it is not.
        """
        with self._turns:
            self._check_open()
            self._socket.ping(payload)
            self._send_outgoing()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close, and wait a little for the peer to agree; nothing happens if it is closed already.

        If another greenlet receives, it is that which waits, as long at most, and which gets `ChannelClosed`.
        """
        self.begin_close(code, reason)
        if self._is_receiving:
            if self._socket.awaits_close:
                spawn(self.abandon_after, _CLOSE_SECONDS)
            return
        deadline = self._clock() + _CLOSE_SECONDS
        while self._socket.awaits_close and self._receive_some(deadline):
            pass

    def begin_close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say that it is closed, and wait for nobody; what is received from now on is the peer's answer to that."""
        with self._turns:
            if self._socket.close_code is None:
                self._socket.close(code, reason)
                with suppress(ChannelClosed):
                    self._send_outgoing()

    def abandon_after(self, seconds: float) -> None:
        """Wait so long, and give up the peer if it has been told that it is closed, and has not answered that."""
        sleep(seconds)
        if self._socket.awaits_close:
            self._way.abort()

    def _receive_some(self, deadline: float | None) -> bool:
        """Wait for something to come; return False if the deadline came first."""
        if self._is_receiving:
            raise RuntimeError("expected one greenlet at a time to receive from a WebSocket")
        self._is_receiving = True
        socket = self._socket
        try:
            if socket.has_more:
                sleep(0)  # for others: a peer that sends fast enough could keep us busy for ever
                self._messages.extend(reversed(socket.proceed()))
            else:
                data = self._way.receive(_BLOCK, self._ping_seconds) if deadline is None else None
                if data is None:
                    data = self._wait_for_data(deadline, was_silent=deadline is None)
                    if data is None:
                        return False
                self._silent_since = None
                message = socket.receive_single(data)
                if message is not None:  # nearly always
                    self._messages.append(message)
                else:
                    self._messages.extend(reversed(socket.receive(data)))
        finally:
            self._is_receiving = False
        if socket.outgoing:
            with self._turns, suppress(ChannelClosed):  # what came before the peer left is a message all the same
                self._send_outgoing()
        return True

    def _wait_for_data(self, deadline: float | None, was_silent: bool) -> bytes | None:
        """Return what comes, ``b""`` if nobody is there; None if the deadline came first.

        Args:
            deadline: by the clock.
            was_silent: whether the peer has been silent for so long already that it is to be asked.
        """
        silence = self._ping_seconds
        now = self._clock()
        if was_silent and silence is not None:
            self._silent_since, self._asked_after = now - silence, None
        elif self._silent_since is None:  # who waits for a short time again and again waits for long
            self._silent_since, self._asked_after = now, None
        while True:
            wait = None if deadline is None else deadline - now
            if silence is not None:
                left = self._silent_since + silence - now
                if left <= 0:
                    if self._socket.close_code is not None or self._asked_after == self._socket.pongs:
                        return b""
                    self._asked_after = self._socket.pongs
                    self.ping()
                    self._silent_since, left = now, silence
                wait = left if wait is None else min(wait, left)
            if wait is not None and wait <= 0:
                return None
            data = self._way.receive(_BLOCK, wait)
            if data is not None:
                return data
            now = self._clock()

    def _check_open(self) -> None:
        if self._socket.close_code is not None:
            raise ChannelClosed(self._socket.close_code, self._socket.close_reason)

    def _send_outgoing(self) -> None:
        data = self._socket.take_outgoing()
        if data:
            self._send(data)

    def _send(self, data: bytes) -> None:
        if self._mark is not None and self._socket.close_code is None:
            payload = self._mark(len(data))
            if payload is not None:
                with suppress(LocalProtocolError):  # another thread may have received the peer's close
                    self._socket.ping(payload)
                data += self._socket.take_outgoing()
        try:
            self._way.send(data)
        except ConnectionError as error:
            self._socket.receive(b"")
            raise ChannelClosed(ABNORMAL, "the peer has left") from error
        except BaseException:  # stopped in the middle: what followed would be taken for the rest of it
            self._socket.receive(b"")
            self._way.abort()
            raise


def read_handshake(environ: Environ) -> Handshake:
    """Return the handshake in a request.

    Raises:
        HandshakeRefused: the request is none for a WebSocket.
    """
    if "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "").strip("0"):
        raise HandshakeRefused("expected a request without a body")
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
    return handshake
