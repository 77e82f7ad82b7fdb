"""Server-Sent Events from handlers: a generator yields them, and the client gets each at once.

Works on any WSGI server that sends the pieces of an answer as they come; on our own the generator is closed as soon
as its client leaves, elsewhere at the next heartbeat that cannot be sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import randint
from typing import TYPE_CHECKING, Any, NamedTuple

from brubeck_wsgi.concurrency.stopping import STOPPING
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.handlers.answers import encode_json
from brubeck_wsgi.handlers.base import overrides
from brubeck_wsgi.handlers.heartbeats import KeptAlive, Pulse
from brubeck_wsgi.handlers.web import WebMessageHandler
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.protocols.sse import CONTENT_TYPE, HEARTBEAT, checked_retry, serialize_event
from brubeck_wsgi.response import Response

if TYPE_CHECKING:
    from brubeck_wsgi.request import Request

HEARTBEAT_SECONDS = 15.0
"""After how long a silence a comment is sent: proxies give up on silent connections after 30 seconds or a minute."""

_HEADERS = {
    # "no-transform": who compresses an answer would collect some of it first.
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx
}
# After a restart not all are to come back in the same moment.
_LEAST_RETRY, _MOST_RETRY = 1000, 4000


class ServerSentEvent(NamedTuple):
    """An event.

    Attributes:
        data: text, of any number of lines; anything else is sent as JSON. None for an event that is not dispatched.
        event: its type, ``"message"`` if it has none.
        id: what the client says it had last when it comes back; see `EventStreamHandler.last_event_id`.
        retry: after how many milliseconds it is to come back.
        comment: what no client looks at.
    """

    data: Any = None
    event: str | None = None
    id: str | int | None = None
    retry: int | None = None
    comment: str | None = None


class EventStreamHandler(WebMessageHandler):
    """A handler whose `events` are sent to the client; it has no time limit.

    Attributes:
        heartbeat: after how many seconds of silence a comment is sent.
        retry: after how many milliseconds a client is to come back that lost its connection; None for what it likes.
    """

    timeout = None
    stop_on_disconnect = True
    heartbeat: float = HEARTBEAT_SECONDS
    retry: int | None = None

    @classmethod
    def check_class(cls) -> None:
        """See `MessageHandler.check_class`."""
        if not overrides(cls, EventStreamHandler, "events", "get"):
            raise ConfigurationError(f"expected {cls.__name__} to have events()")
        super().check_class()

    def events(self, *args: Any, **kwargs: Any) -> Iterable[Any]:
        """Yield `ServerSentEvent`, text, or anything that JSON can hold; override it.

        It is called with what the route found in the path. What a function does before it returns a generator can
        still answer an error; a generator begins to run when the client has the head of the answer.
        """
        raise NotImplementedError(f"expected {type(self).__name__} to have events()")

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that the client has had; None for one that comes for the first time."""
        return last_event_id(self.environ)

    def get(self, *args: Any, **kwargs: Any) -> Response:
        """Answer the stream."""
        return _answer(self.environ, self.events(*args, **kwargs), self.heartbeat, self.retry)


def event_stream(
    message: Request, events: Iterable[Any], heartbeat: float = HEARTBEAT_SECONDS, retry: int | None = None
) -> Response:
    """Return the answer that streams *events*, for handlers that are functions.

    Their route needs ``timeout=None`` where the application has a timeout.

    Args:
        message: the request.
        events: what `EventStreamHandler.events` yields.
        heartbeat: after how many seconds of silence a comment is sent.
        retry: after how many milliseconds a client is to come back that lost its connection.
    """
    return _answer(message.environ, events, heartbeat, retry)


def last_event_id(environ: Environ) -> str | None:
    """Return the id of the last event that the client of a request has had; None if it says none."""
    sent: str | None = environ.get("HTTP_LAST_EVENT_ID")
    return sent.encode("latin-1").decode(errors="replace") if sent else None


def _answer(environ: Environ, events: Iterable[Any], heartbeat: float, retry: int | None) -> Response:
    if isinstance(events, str | bytes | dict) or not isinstance(events, Iterable):
        raise TypeError(f"expected a generator of events, got {type(events).__name__}")
    if not heartbeat > 0:
        raise ValueError(f"expected heartbeat as seconds, more than 0, got {heartbeat!r:.80}")
    return_in = _spread_retry() if retry is None else checked_retry(retry)
    pulse = Pulse(
        opening=HEARTBEAT if retry is None else serialize_event(retry=retry),
        heartbeat=HEARTBEAT,
        seconds=heartbeat,
        farewell=serialize_event(retry=return_in),
    )
    body = KeptAlive(events, _serialized, pulse, environ.get(STOPPING))
    return Response(body, headers=_HEADERS, content_type=CONTENT_TYPE)


def _spread_retry() -> int:
    return randint(_LEAST_RETRY, _MOST_RETRY)  # noqa: S311  # it keeps no secret


def _serialized(item: Any) -> bytes:
    if not isinstance(item, ServerSentEvent):
        return serialize_event(_text(item))
    data = None if item.data is None else _text(item.data)
    identity = str(item.id) if isinstance(item.id, int) else item.id
    return serialize_event(data, item.event, identity, item.retry, item.comment)


def _text(data: Any) -> str:
    return data if isinstance(data, str) else encode_json(data).decode()
