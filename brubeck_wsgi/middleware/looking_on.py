"""Middleware that looks on: it sees the status of an answer, and its end, and changes nothing (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from brubeck_wsgi.interfaces import Environ, ExceptionInfo, HeaderList, StartResponse, WSGIApplication
from brubeck_wsgi.middleware.heads import close_body

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
"""The methods that have a name for who counts; a client could make up any number of others."""

_UPGRADE = "brubeck.upgrade"
_FILE_BLOCK = 64 * 1024

Inside = Callable[[], AbstractContextManager[object]]
"""Makes the context in which code of the application is to run."""


class Onlooker:
    """Looks on at one request; subclasses say what they make of it.

    Args:
        environ: the request.
        start_response: the server's.

    Attributes:
        environ: the same.
        status: three digits: what the application has said, ``"101"`` if it has taken the connection over, and until
            then ``"500"``, which is what servers answer for one that says nothing.
    """

    __slots__ = ("_is_over", "_start_response", "environ", "status")

    def __init__(self, environ: Environ, start_response: StartResponse) -> None:
        self.environ = environ
        self.status = "500"
        self._start_response = start_response
        self._is_over = False
        if "HTTP_UPGRADE" in environ and environ.get(_UPGRADE) is not None:
            environ[_UPGRADE] = self._watched_upgrade(environ[_UPGRADE])

    def fail(self, error: BaseException) -> None:
        """Take note of what the application has raised."""

    def end(self) -> None:
        """Take note that all is over; called once, also where the connection goes on as something else."""

    def run(self, application: WSGIApplication, inside: Inside = nullcontext) -> Iterable[bytes]:
        """Return what *application* answers; its end is noticed."""
        try:
            with inside():
                body = application(self.environ, self._start)
        except BaseException as error:
            self.status = "500"
            self.fail(error)
            self._finish()
            raise
        if body.__class__ is list or body.__class__ is tuple:
            self._finish()
            return body
        wrapper = self.environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper) and hasattr(body, "filelike"):
            # The server recognizes what its wrapper made, and can send the file by a shorter way.
            size = getattr(body, "block_size", None) or getattr(body, "blksize", None) or _FILE_BLOCK
            file: Iterable[bytes] = wrapper(_File(body, self._finish), size)
            return file
        return _Pieces(body, self._finish) if inside is nullcontext else _PiecesInside(body, self._finish, inside)

    def _start(
        self, status: str, headers: HeaderList, exc_info: ExceptionInfo | None = None, /
    ) -> Callable[[bytes], object]:
        self.status = status[:3]
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)

    def _finish(self) -> None:
        if not self._is_over:
            self._is_over = True
            self.end()

    def _watched_upgrade(self, upgrade: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any) -> Any:
            way = upgrade(*arguments)
            self.status = "101"
            self._finish()  # what lasts from here on is a connection, and may do so for hours
            return way

        return watched


class _Pieces:
    """A body whose end is noticed.

    Args:
        body: what the application has returned.
        finish: called when it is closed.
    """

    __slots__ = ("_body", "_finish")

    def __init__(self, body: Iterable[bytes], finish: Callable[[], None]) -> None:
        self._body = body
        self._finish = finish

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            close_body(self._body)
        finally:
            self._finish()


class _PiecesInside:
    """The same, each piece of which is made in a context."""

    __slots__ = ("_body", "_finish", "_inside", "_pieces")

    def __init__(self, body: Iterable[bytes], finish: Callable[[], None], inside: Inside) -> None:
        self._body = body
        self._finish = finish
        self._inside = inside
        self._pieces: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._inside():
            if self._pieces is None:
                self._pieces = iter(self._body)
            return next(self._pieces)

    def close(self) -> None:
        try:
            with self._inside():
                close_body(self._body)
        finally:
            self._finish()


class _File:
    """A file in the wrapper of the server, whose end is noticed.

    Args:
        wrapped: a wrapper of the server around the file.
        finish: called when it is closed.
    """

    def __init__(self, wrapped: Any, finish: Callable[[], None]) -> None:
        self._wrapped = wrapped
        self._finish = finish

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped.filelike, name)

    def close(self) -> None:
        try:
            close_body(self._wrapped)
        finally:
            self._finish()
