"""The door: messages of Mongrel2 become calls of the application, each client's in order."""

from __future__ import annotations

import time
from _thread import RLock  # the plain one, which no hub has replaced
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from brubeck_wsgi.concurrency.hub import Hub
from brubeck_wsgi.gateway.exchange import FailureLog, called_directly
from brubeck_wsgi.gateway.observer import Log, Observer
from brubeck_wsgi.gateway.runners import Servable
from brubeck_wsgi.interfaces import WSGIApplication
from brubeck_wsgi.mongrel2.client import Client
from brubeck_wsgi.mongrel2.front import Front
from brubeck_wsgi.mongrel2.outbox import Flusher
from brubeck_wsgi.mongrel2.requests import Kind, Request, RequestReader
from brubeck_wsgi.mongrel2.settings import Settings
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.response import HeadWriter
from brubeck_wsgi.protocols.mongrel2 import is_notice, reply_prefix, split_address, split_rest
from brubeck_wsgi.timekeeping import http_date

SWEEP_SECONDS = 1.0
_COMPLAINT_SECONDS = 10.0
_MOST_PREFIXES = 4096


class Crew(Protocol):
    """Who serves; `brubeck_wsgi.gateway.runners.Runners` does.

    Attributes:
        ready: what waits to be served.
    """

    ready: deque[Servable]

    def run_ready(self) -> None:
        """See that all that is ready is served."""
        ...


class Notes(Protocol):
    """Who wants to know what becomes of the messages; each is a key."""

    def done(self, key: bytes, /) -> None:
        """Note that a message, which was no notice, has been dealt with."""
        ...

    def begun(self, key: bytes, /) -> None:
        """Note that something was sent, though the request is not done."""
        ...

    def upgraded(self, key: bytes, /) -> None:
        """Note that the request has become a WebSocket."""
        ...


class Door:
    """Serves a WSGI application to the clients of Mongrel2.

    Args:
        hub: the scheduler.
        crew: serves the requests.
        application: what answers.
        reader: reads messages.
        writer: writes heads.
        settings: how to behave.
        log: where to say what happens.
        log_failure: where exceptions of the application go.
        observer: is there when a request is answered; None if nobody needs to.
        notes: who wants to know what becomes of messages; None if nobody does.
        limit: after how many requests *on_limit* is called.
        on_limit: called once; it must not block.
        clock: seconds that never go back.

    Attributes:
        now: what *clock* said lately.
        in_hand: how many requests wait or are being answered, WebSockets not counted.
        requests: how many have been served.
        malformed: how many messages could not be understood.
    """

    def __init__(
        self,
        hub: Hub,
        crew: Crew,
        application: WSGIApplication,
        reader: RequestReader,
        writer: HeadWriter,
        settings: Settings,
        log: Log,
        log_failure: FailureLog,
        observer: Observer | None = None,
        notes: Notes | None = None,
        limit: float = float("inf"),
        on_limit: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hub = hub
        self.application = called_directly(application)
        self.writer = writer
        self.log = log
        self.log_failure = log_failure
        self.observer = observer
        self.clock = clock
        # Held where threads could meet. Greenlets meet nowhere, and pass: they are one thread to it.
        self.lock: AbstractContextManager[object] = RLock()
        self.flusher = Flusher(hub, clock)
        self.requests = 0
        self.in_hand = 0
        self.malformed = 0
        self._crew = crew
        self._reader = reader
        self._settings = settings
        self._notes = notes
        self._limit = limit
        self._on_limit = on_limit
        self._fronts: dict[bytes, Front] = {}
        self._clients: dict[bytes, Client] = {}
        self._prefixes: dict[bytes, bytes] = {}
        self._complained = float("-inf")
        self._on_room: Callable[[], None] | None = None
        self.renew()

    def renew(self) -> None:
        """Use the present time in answers."""
        self.now = self.clock()
        self.writer.renew(http_date(time.time()))

    @property
    def has_room(self) -> bool:
        """Whether more requests may be taken; if not, they had better wait where they are."""
        return self.in_hand < self._settings.most_requests

    def call_when_room(self, callback: Callable[[], None]) -> None:
        """Call *callback* in the loop, once, when there is room again."""
        self._on_room = callback

    @property
    def open_clients(self) -> int:
        """How many clients have requests, or are WebSockets."""
        return len(self._clients)

    # -- fronts

    def front_opened(self, identity: bytes, front: Front) -> None:
        """Take note that a Mongrel2 takes answers now: the one whose Handler has this *identity*."""
        self._fronts[identity] = front

    def front_closed(self, identity: bytes) -> None:
        """Take note that a Mongrel2 has gone, and its clients with it: it will give their numbers to others."""
        front = self._fronts.pop(identity, None)
        if front is None:
            return
        front.is_alive = False
        with self.lock:
            lost = [client for client in self._clients.values() if client.front is front]
            for client in lost:
                del self._clients[client.key]
                client.is_ended = True
        for client in lost:
            client.leave()

    # -- messages

    def take(self, data: bytes) -> None:
        """Take a message; `run` has the requests served."""
        try:
            key, rest = split_address(data)
            request = self._reader.recall(rest)
            if request is not None:
                self._queue(self._clients.get(key), key, request, b"")
                return
            head, body = split_rest(rest)
        except RemoteProtocolError as error:
            self._complain("cannot understand a message: %s", error)
            return
        client = self._clients.get(key)
        try:
            request = self._reader.read(head, body)
        except RemoteProtocolError as error:
            self._queue(client, key, error, b"")
            return
        kind = request.kind
        if kind is Kind.REQUEST or kind is Kind.HANDSHAKE:
            self._queue(client, key, request, body)
            return
        if client is not None:
            if kind is Kind.FRAME:
                with self.lock:
                    client.take_frame(request.flags, body)
            elif kind is Kind.DISCONNECT:
                client.leave()
        # Nothing is sent for what nobody knows: it would only bring the next notice.
        if self._notes is not None and not is_notice(head):
            self._notes.done(key)

    def run(self) -> None:
        """Serve what has been taken."""
        self._crew.run_ready()

    def _queue(self, client: Client | None, key: bytes, request: Request | RemoteProtocolError, body: bytes) -> None:
        with self.lock:
            if client is None or not client.is_busy:
                front = self._front_of(key)
                if front is None:
                    self._drop(key)
                    return
                client = self._clients[key] = Client(self, front, key, self._prefix(key))
            elif client.has_too_many or client.is_upgraded:
                client.cancel()
                client.leave()
            if client.is_ended:
                if self._notes is not None:
                    self._notes.done(key)
                return
            self.in_hand += 1
            client.waiting.append((request, body))
            if not client.is_busy:
                client.is_busy = True
                self._crew.ready.append(client)

    def _front_of(self, key: bytes) -> Front | None:
        sender = key[: key.index(b" ")]
        front = self._fronts.get(sender)
        if front is None:  # subscriptions are prefixes
            front = next((front for prefix, front in self._fronts.items() if sender.startswith(prefix)), None)
        return front

    def _prefix(self, key: bytes) -> bytes:
        """Return what stands before each answer to a client; the same client asks again and again."""
        prefix = self._prefixes.get(key)
        if prefix is None:
            if len(self._prefixes) >= _MOST_PREFIXES:
                self._prefixes.clear()
            prefix = self._prefixes[key] = reply_prefix(key)
        return prefix

    def _drop(self, key: bytes) -> None:
        self._complain("expected %r to take answers: recv_ident has to be the same as send_ident", key)
        if self._notes is not None:
            self._notes.done(key)

    def _complain(self, message: str, detail: object) -> None:
        """Log what nobody can be told otherwise; rarely, since who sends it may send a million."""
        self.malformed += 1
        now = self.clock()
        if now - self._complained >= _COMPLAINT_SECONDS:
            self._complained = now
            self.log.warning("Mongrel2: " + message + " (%s so far)", detail, self.malformed)

    # -- for clients

    def count_request(self) -> None:
        """Count a request that is about to be answered."""
        self.requests += 1
        if self.requests == self._limit:
            self._on_limit()

    def finish(self, client: Client) -> bool:
        """Take note that *client* has had an answer; return whether it has another request."""
        notes = self._notes if client.front.is_alive else None
        with self.lock:
            if not client.is_upgraded:
                self.in_hand -= 1
            if notes is not None:
                notes.done(client.key)
            if client.is_ended:
                for _ in client.waiting:
                    self.in_hand -= 1
                    if notes is not None:
                        notes.done(client.key)
                client.waiting.clear()
            if self._on_room is not None and self.has_room:
                on_room, self._on_room = self._on_room, None
                self.hub.soon(on_room)
            if client.waiting:
                return True
            client.is_busy = False
            if self._clients.get(client.key) is client:
                del self._clients[client.key]
            client.release()
            return False

    def note_begun(self, client: Client) -> None:
        """Take note that something was sent to *client*."""
        if self._notes is not None:
            self._notes.begun(client.key)

    def note_upgraded(self, client: Client) -> None:
        """Take note that *client* is a WebSocket now, and no longer one of the requests in hand."""
        with self.lock:
            self.in_hand -= 1
        if self._notes is not None:
            self._notes.upgraded(client.key)

    # -- time

    def sweep(self) -> None:
        """Do what is due every second."""
        self.renew()
        with self.lock:
            clients = list(self._clients.values())
        idle_since = self.now - self._settings.keep_alive_seconds
        for client in clients:
            client.keep_alive(idle_since)
