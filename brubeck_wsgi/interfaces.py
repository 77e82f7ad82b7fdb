"""The shapes that the two halves, serving and application, agree on (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from errno import ECONNRESET
from types import TracebackType
from typing import Any, Protocol, TypeAlias

# PEP 3333 fixes some keys of the environ and leaves the values of the others to servers and middleware.
Environ: TypeAlias = dict[str, Any]
HeaderList: TypeAlias = list[tuple[str, str]]
ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class StartResponse(Protocol):
    """The second argument of a WSGI application (PEP 3333, "The start_response() Callable")."""

    def __call__(
        self, status: str, headers: HeaderList, exc_info: ExceptionInfo | None = None, /
    ) -> Callable[[bytes], object]: ...


WSGIApplication: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


class ServerConnection(Protocol):
    """What `Brubeck.run` serves on: something that calls a WSGI application for each request."""

    def recv_forever_ever(self, application: WSGIApplication) -> None:
        """Serve *application* until told to stop."""
        ...


class AnswerAborted(ConnectionResetError):
    """Breaks off an answer that has begun, for a reason that is in the log already.

    Other servers take it for a client that has left, of which they say nothing.

    Args:
        message: for those who log it nevertheless.
    """

    def __init__(self, message: str) -> None:
        super().__init__(ECONNRESET, message)


class ChannelClosed(ConnectionError):
    """A channel is closed, and nothing comes or goes any more.

    Attributes:
        code: how (RFC 6455 §7.4): 1000 and 1001 in peace, 1006 without a word.
        reason: what was said about it.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}: {reason}" if reason else f"closed with {code}")
        self.code = code
        self.reason = reason


class Channel(Protocol):
    """A WebSocket as its handler sees it: whole messages, whichever server the client came through.

    Attributes:
        subprotocol: what was agreed on; None if nothing was.
    """

    subprotocol: str | None

    @property
    def close_code(self) -> int | None:
        """How it was closed; None while it is open."""
        ...

    @property
    def close_reason(self) -> str:
        """What was said about that."""
        ...

    def receive(self, timeout: float | None = None) -> str | bytes:
        """Wait for a message, text or binary; `ChannelClosed`, or `TimeoutError` if none came in time."""
        ...

    def __iter__(self) -> Iterator[str | bytes]:
        """Yield messages until it is closed."""
        ...

    def send(self, message: str | bytes) -> None:
        """Send a message; `ChannelClosed` if it cannot arrive any more."""
        ...

    def ping(self, payload: bytes = b"") -> None:
        """Ask whether the peer is still there."""
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and wait a little for the peer to agree."""
        ...
