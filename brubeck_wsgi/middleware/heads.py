"""The head of an answer in the hands of middleware, held back or changed (PEP 3333, "Middleware")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from brubeck_wsgi.interfaces import ExceptionInfo, HeaderList, StartResponse


class HeldHead:
    """Holds what an application starts its answer with until it is to be sent.

    Args:
        start_response: the server's.

    Attributes:
        status: ``"200 OK"``; None as long as the application has not said it.
        headers: what the application gave.
        is_sent: whether the server has them.
    """

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self._exc_info: ExceptionInfo | None = None
        self._write: Callable[[bytes], object] | None = None
        self.status: str | None = None
        self.headers: HeaderList = []
        self.is_sent = False

    def start(
        self, status: str, headers: HeaderList, exc_info: ExceptionInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Take the place of the server's ``start_response``."""
        if self.is_sent or (self.status is not None and exc_info is None):
            return self._start_response(status, headers, exc_info)  # which says what is wrong with that
        self.status, self.headers, self._exc_info = status, headers, exc_info
        return self.write

    def write(self, data: bytes) -> None:
        """Send the head as it is, and *data*."""
        self.send()
        self._write(data)  # type: ignore[misc]  # there since the head was sent

    def send(self) -> None:
        """Give the server what is held, once."""
        if self.is_sent or self.status is None:
            return
        self.is_sent = True
        exc_info, self._exc_info = self._exc_info, None
        arguments = () if exc_info is None else (exc_info,)
        self._write = self._start_response(self.status, self.headers, *arguments)


class _Begun:
    """A body whose first piece has been asked for."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body
        self._iterator = iter(body)
        self._first = next(self._iterator, None)

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._iterator

    def close(self) -> None:
        close_body(self._body)


def begun(body: Iterable[bytes], head: HeldHead) -> Iterable[bytes]:
    """Return *body* once its application has started the answer, which a generator does with its first piece."""
    if head.status is not None:
        return body
    try:
        return _Begun(body)
    except BaseException:
        close_body(body)
        raise


def close_body(body: object) -> None:
    """Close what an application has returned, if it can be."""
    close = getattr(body, "close", None)
    if close is not None:
        close()
