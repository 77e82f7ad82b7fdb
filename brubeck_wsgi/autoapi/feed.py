"""The change feed of an API: what is made, changed and removed, as it happens, to whoever may see it.

Changes go over the channels of the application, and so to clients of other processes too where these reach them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any  # applications, handlers of APIs, and their objects

import msgspec

from brubeck_wsgi.autoapi.access import LIST
from brubeck_wsgi.channels import MemoryChannels
from brubeck_wsgi.errors import HTTPError
from brubeck_wsgi.handlers.events import ServerSentEvent, event_stream, last_event_id
from brubeck_wsgi.handlers.sockets import Socket, WebSocketHandler
from brubeck_wsgi.queryset import Change, ChangeKind, Stored, Unreadable

READY, RESET = "ready", "reset"
"""The first event of a stream: nothing is missed from here on; and: something was missed, the list is to be read."""

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
        alive.channels.publish(name, data)

    forget = api.queries.on_change(publish)


def answer_stream(api: Any) -> Any:
    """Return the answer that streams changes (Server-Sent Events), from where the client has been."""
    return event_stream(api.message, _events(api, last_event_id(api.environ)))


def answer_socket(api: Any) -> Any:
    """Return the answer that sends the same over a WebSocket, each event as JSON."""
    handler = _FeedSocket(api.application, api.message)
    handler.api = api
    handler.initialize()
    return handler.get()


class _FeedSocket(WebSocketHandler):
    """A WebSocket that sends changes; where to begin may be said by the argument ``after``."""

    api: Any

    def websocket(self, ws: Socket, *args: Any, **kwargs: Any) -> None:
        self.tasks.spawn(self._send_all, ws)
        for _ in ws:  # a client has nothing to say, but that it is there
            pass

    def _send_all(self, ws: Socket) -> None:
        for event in _events(self.api, self.get_argument("after")):
            ws.send_json({"event": event.event, "id": event.id, "data": event.data})


def _events(api: Any, after: str | None) -> Iterator[ServerSentEvent]:
    type(api).is_watched = True
    with api.application.channels.subscribe(channel_of(api), after=after, overflow="disconnect") as subscription:
        is_missing = after is not None and not subscription.is_complete
        yield ServerSentEvent({}, RESET if is_missing else READY, subscription.position)
        for message in subscription:
            event = _event(api, message)
            if event is not None:
                yield event


def _event(api: Any, message: Any) -> ServerSentEvent | None:
    """Return the event of a change; None if it is not for this client."""
    data = message.data
    text = msgspec.json.encode(data["data"])
    stored = Stored(data["id"], text, data["version"], api.plan.face)
    try:
        value = stored.value if api.has_roles_by_object or api.rules.needs_owner(LIST) or api.has_own_rules else None
        if api.rules.needs_owner(LIST) and not api.is_owner(value):
            return None
        if api.has_own_rules:
            api.authorize(LIST, value)
        role = api.role_for(value)
        body = api.bodies.of(stored, role, api._base())
    except (HTTPError, Unreadable):
        return None
    return ServerSentEvent(body.text.decode(), _NAMES[ChangeKind(data["kind"])], message.position)
