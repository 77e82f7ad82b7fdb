"""The shapes that the two halves, serving and application, agree on (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
