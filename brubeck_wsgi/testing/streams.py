"""A stream of events as the test of its handler sees it (WHATWG HTML §9.2)."""

from __future__ import annotations

from collections.abc import Iterator

from brubeck_wsgi.protocols.sse import Event, EventParser
from brubeck_wsgi.testing.serving import Answering


class TestStream:
    """The client's end of a stream of events; `TestClient.events` makes it.

    Args:
        answering: the request, which has been answered with a stream.

    Attributes:
        headers: of the answer, as (name, value) pairs.
    """

    __test__ = False  # for pytest: it is none

    def __init__(self, answering: Answering) -> None:
        self.headers = answering.head().headers
        self._answering = answering
        self._parser = EventParser()
        self._events: list[Event] = []
        self._is_over = False

    @property
    def last_id(self) -> str:
        """What the client would send as Last-Event-ID if it came back now."""
        return self._parser.last_id

    @property
    def retry(self) -> int | None:
        """After how many milliseconds it would come back; None if the stream has not said."""
        return self._parser.retry

    @property
    def comments(self) -> list[str]:
        """All comments, heartbeats among them."""
        return self._parser.comments

    def receive(self, timeout: float | None = None) -> Event | None:
        """Wait for an event; None at the end of the stream.

        Args:
            timeout: how many seconds between two pieces of it at most; None for the `timeout` of the client.

        Raises:
            TimeoutError: none came in time.
        """
        seconds = self._answering.timeout if timeout is None else timeout
        while not self._events:
            data = b"" if self._is_over else self._answering.body.get(seconds)
            if not data:
                self._is_over = True
                self._answering.join()
                return None
            self._events = self._parser.receive(data)
        return self._events.pop(0)

    def __iter__(self) -> Iterator[Event]:
        """Yield events until the stream ends."""
        while (event := self.receive()) is not None:
            yield event

    def leave(self) -> None:
        """Close the connection, and wait until the handler is over; raise what that raises."""
        self._is_over = True
        self._answering.leave()
        self._answering.join()
