"""The change feed of an API: what is made, changed and removed, as it happens, to whoever may see it.

Changes go over the channels of the application, and so to clients of other processes too where these reach them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any  # applications, handlers of APIs, and their objects

import msgspec

from brubeck_wsgi.autoapi.access import LIST
from brubeck_wsgi.autoapi.arguments import Arguments, check_feed_arguments
from brubeck_wsgi.autoapi.bodies import Body
from brubeck_wsgi.channels import MemoryChannels, Message
from brubeck_wsgi.errors import HTTPError, NotFound, ValidationError
from brubeck_wsgi.handlers.events import ServerSentEvent, event_stream, last_event_id
from brubeck_wsgi.handlers.sockets import Socket, WebSocketHandler
from brubeck_wsgi.queryset import Change, ChangeKind, Filter, Stored, Unreadable

READY, RESET = "ready", "reset"
"""The first event of a stream: nothing is missed from here on; and: something was missed, the list is to be read.

The other comes later too, in the place of a change of an object that is too large for a message.
"""

AFTER = "after"
"""The argument of a WebSocket that says where the client has been: browsers send no headers of ours with one."""

MOST_PASSED_OVER = 20
"""After how many changes that are not for a client it is told where it is, lest history forget that place."""

_NAMES = {ChangeKind.CREATED: "create", ChangeKind.UPDATED: "update", ChangeKind.DESTROYED: "delete"}


def channel_of(api: Any) -> str:
    """Return the name of the channel that the changes of an API go over."""
    return f"autoapi:{api.path}"


def publish_changes(api: Any, application: Any) -> None:
    """Have every change that is made through the queries of an API in this process published."""
    reference, name = weakref.ref(application), channel_of(api)

    def publish(change: Change) -> None:
        alive = reference()
        if alive is None:
            forget()
            return
        # Who listens in this process alone is known, and before the first nobody can have missed anything.
        if not api.is_watched and isinstance(alive.channels, MemoryChannels):
            return
        data = {
            "kind": change.kind,
            "id": change.id,
            "version": change.version,
            "data": msgspec.Raw(change.stored.data),
        }
        try:
            alive.channels.publish(name, data)
        except ValidationError:  # too large; that there was a change is told in any case
            alive.channels.publish(name, {**data, "data": None})

    forget = api.queries.on_change(publish)


def answer_stream(api: Any, arguments: Arguments) -> Any:
    """Return the answer that streams changes (Server-Sent Events), from where the client has been.

    Args:
        arguments: the filters that choose the objects.

    Raises:
        BadRequest: an argument is not known, or makes no sense for a feed.
        SelectionError: a filter makes no sense.
    """
    sight = _Sight(api, arguments)
    return event_stream(api.message, _events(api, sight, last_event_id(api.environ)))


def answer_socket(api: Any, arguments: Arguments) -> Any:
    """Return the answer that sends the same over a WebSocket, each event as JSON; errors are the same.

    Args:
        arguments: the filters, and ``after``: the id of the last event that the client has had.
    """
    handler = _FeedSocket(api.application, api.message)
    handler.api = api
    handler.sight = _Sight(api, {name: values for name, values in arguments.items() if name != AFTER})
    handler.initialize()
    return handler.get()


class _FeedSocket(WebSocketHandler):
    """A WebSocket that sends changes."""

    api: Any
    sight: _Sight

    def websocket(self, ws: Socket, *args: Any, **kwargs: Any) -> None:
        self.tasks.spawn(self._send_all, ws)
        for _ in ws:  # a client has nothing to say, but that it is there
            pass

    def _send_all(self, ws: Socket) -> None:
        for event in _events(self.api, self.sight, self.get_argument(AFTER)):
            ws.send_json({"event": event.event, "id": event.id, "data": event.data})


class _Sight:
    """What one client sees of the changes of an API.

    Args:
        api: the handler that answers the client.
        arguments: the filters that the client has said.
    """

    def __init__(self, api: Any, arguments: Arguments) -> None:
        check_feed_arguments(arguments, api.dialect)
        role = api.role_for(None)
        asked, listed = api.asked(arguments, role).filters, api.wanted(arguments, role).filters
        unasked = api.wanted({}, role).filters
        self._api = api
        self._listed = api.filters(listed)
        # What the application adds is what the client may see at all, and no wish of the client's.
        self._allowed = api.filters([one for one in listed if one in unasked or one not in asked])

    def event(self, message: Message) -> ServerSentEvent | None:
        """Return the event of a change; None if it is not for this client."""
        change = message.data
        if change["data"] is None:
            return ServerSentEvent({}, RESET, message.position)
        kind = self._kind(ChangeKind(change["kind"]), change["data"])
        if kind is None:
            return None
        stored = Stored(change["id"], msgspec.json.encode(change["data"]), change["version"], self._api.plan.face)
        try:
            body = self._body(stored)
        except (HTTPError, Unreadable):
            return None
        return ServerSentEvent(body.text.decode(), _NAMES[kind], message.position)

    def _kind(self, kind: ChangeKind, document: dict[str, Any]) -> ChangeKind | None:
        """Return what a change is to the list of this client; None for nothing.

        What was there before is not known: what does not meet the filters any more may have met them, and is gone from
        the list then.
        """
        if not self._meets(self._allowed, document):
            return None
        if self._meets(self._listed, document):
            return kind
        return ChangeKind.DESTROYED if kind is ChangeKind.UPDATED else None

    def _meets(self, filters: list[Filter], document: dict[str, Any]) -> bool:
        shapes = self._api.queries.shapes
        return all(one.accepts(shapes[one.field].of(document)) for one in filters)

    def _body(self, stored: Stored) -> Body:
        """Return an object as the client sees it; `HTTPError` if it does not."""
        api = self._api
        needs_owner = api.rules.needs_owner(LIST)
        value = stored.value if api.has_roles_by_object or needs_owner or api.has_own_rules else None
        if needs_owner and not api.is_owner(value):
            raise NotFound
        if api.has_own_rules:
            api.authorize(LIST, value)
        body: Body = api.bodies.of(stored, api.role_for(value), api._base())
        return body


def _events(api: Any, sight: _Sight, after: str | None) -> Iterator[ServerSentEvent]:
    type(api).is_watched = True
    with api.application.channels.subscribe(channel_of(api), after=after, overflow="disconnect") as subscription:
        is_missing = after is not None and not subscription.is_complete
        yield ServerSentEvent({}, RESET if is_missing else READY, subscription.position)
        passed_over = 0
        for message in subscription:
            event = sight.event(message)
            passed_over = 0 if event is not None else passed_over + 1
            if passed_over == MOST_PASSED_OVER:
                event, passed_over = ServerSentEvent(id=message.position), 0
            if event is not None:
                yield event
