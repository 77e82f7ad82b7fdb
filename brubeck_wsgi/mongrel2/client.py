"""A client of Mongrel2, as far as a handler sees it: its requests in order, and the way back to it."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from brubeck_wsgi.concurrency.hub import GreenletExit, Hub
from brubeck_wsgi.gateway.errors import ClientLeft
from brubeck_wsgi.gateway.exchange import Exchange, FailureLog, error_response
from brubeck_wsgi.gateway.faces import Disconnected
from brubeck_wsgi.gateway.files import FileRegion
from brubeck_wsgi.gateway.observer import Log, Observer
from brubeck_wsgi.gateway.tunnel import Tunnel
from brubeck_wsgi.interfaces import Environ, WSGIApplication
from brubeck_wsgi.mongrel2.arrivals import Arrivals
from brubeck_wsgi.mongrel2.front import Front
from brubeck_wsgi.mongrel2.outbox import Flusher, Outbox
from brubeck_wsgi.mongrel2.pace import Pace
from brubeck_wsgi.mongrel2.requests import Kind, Request
from brubeck_wsgi.mongrel2.uploads import open_stored
from brubeck_wsgi.mongrel2.window import Window
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.response import HeadWriter, early_hints, switching_protocols
from brubeck_wsgi.protocols.mongrel2 import cancel_reply, keep_alive_reply

_FILE_BLOCK = 1024 * 1024
_MOST_WAITING = 64  # requests that a client sends before it has its answers
_CLOSE, _PONG = 0x8, 0x8A


class Keeper(Protocol):
    """What a client belongs to: the door.

    Attributes:
        now: what *clock* said lately.
    """

    hub: Hub
    application: WSGIApplication
    writer: HeadWriter
    flusher: Flusher
    lock: AbstractContextManager[object]
    observer: Observer | None
    log: Log
    log_failure: FailureLog
    clock: Callable[[], float]
    now: float

    def count_request(self) -> None: ...

    def finish(self, client: Client) -> bool: ...

    def note_begun(self, client: Client) -> None: ...

    def note_upgraded(self, client: Client) -> None: ...


class Client:
    """A client, while it has requests to be answered; the face of `brubeck_wsgi.gateway.exchange.Transport` too.

    Args:
        door: what it belongs to.
        front: the way to it.
        key: of its messages.
        prefix: what stands before an answer to it.

    Attributes:
        waiting: its requests and their bodies, in order; or what is wrong with them.
        is_busy: whether it waits for a runner or has one.
        has_left: whether Mongrel2 has said that it has gone; `is_reset` says the same.
        persists: whether the connection may be used for another request.
        is_upgraded: whether it is a WebSocket by now.
        is_ended: whether its connection was closed or cancelled from here.
    """

    __slots__ = (
        *("disconnected", "has_left", "is_busy", "is_ended", "is_reset", "is_upgraded", "key", "persists", "waiting"),
        *("_arrivals", "_door", "_exchange", "_front", "_has_failed", "_is_modern", "_outbox", "_pace", "_prefix"),
        *("_sent_at", "_touched"),
    )

    body = None
    """Nothing of a body is ever left on the connection."""

    def __init__(self, door: Keeper, front: Front, key: bytes, prefix: bytes) -> None:
        self._door = door
        self._front = front
        self.key = key
        self._prefix = prefix
        self.waiting: deque[tuple[Request | RemoteProtocolError, bytes]] = deque()
        self.is_busy = self.has_left = self.is_reset = self.is_upgraded = self.is_ended = False
        self.persists = self._is_modern = True
        self.disconnected = Disconnected(self, door.hub)
        self._exchange: Exchange | None = None
        self._outbox: Outbox | None = None
        self._sent_at = 0.0
        self._touched = door.now
        self._has_failed = False
        self._arrivals: Arrivals | None = None  # these two of a WebSocket
        self._pace: Pace | None = None

    @property
    def plain_socket(self) -> Any:
        """There is none."""
        raise AttributeError("plain_socket")

    def take_over(self) -> Any:
        """There is nothing to take over but what `upgrade` returns."""
        raise RuntimeError("expected brubeck.upgrade to be used, there is no socket")

    # -- what the door calls

    @property
    def has_too_many(self) -> bool:
        """Whether so many requests wait that this is no client to be served."""
        return len(self.waiting) >= _MOST_WAITING

    def serve(self) -> bool:
        """Answer the next request; return whether there is another already."""
        request, body = self.waiting.popleft()
        try:
            if isinstance(request, Request):
                self._answer(request, body)
            else:
                self._refuse(request)
            self._end_answer()
        except ClientLeft:
            self.is_ended = True
        except GreenletExit:
            self.cancel()
        except BaseException:  # the time-outs of the hubs are none of Exception's
            self._door.log.exception("error in a request from Mongrel2")
            self.cancel()
        return self._door.finish(self)

    def leave(self) -> None:
        """Take note that the client has gone; called in the loop."""
        self.has_left = self.is_reset = True
        if self.disconnected is not None:
            self.disconnected.happen()
        for way in (self._arrivals, self._pace):
            if way is not None:
                way.end()

    def abort(self) -> None:
        """Do as if the client had gone; the connection is closed when the application returns."""
        self.leave()

    @property
    def front(self) -> Front:
        """The way to the client."""
        return self._front

    def release(self) -> None:
        """Give up what refers back to the client, so that nothing is left to the garbage collector."""
        self.disconnected = None  # type: ignore[assignment]  # nobody asks a client that has been served
        self._outbox = self._pace = self._arrivals = None

    def take_frame(self, flags: int, payload: bytes) -> None:
        """Take a frame of the WebSocket; called in the loop, with the door's lock held."""
        if self._pace is not None:
            if flags == _PONG and self._pace.take_pong(payload):
                return
            if flags & 0x0F == _CLOSE:
                self._pace.note_close()
        if not self._take_arrivals().add(flags, payload):
            self.cancel()
            self.leave()

    def cancel(self) -> None:
        """End the connection at once, so that the client sees no proper end of its answer."""
        if not self.is_ended:
            self.is_ended = True
            if self._outbox is not None:
                self._outbox.clear()
            self._front.publish(cancel_reply(self.key))

    def keep_alive(self, idle_since: float) -> None:
        """Have Mongrel2 take the connection for one in use, if nothing was sent since *idle_since*."""
        if self._touched < idle_since and not self.has_left and not self.is_ended:
            self._touched = self._door.clock()
            self._front.publish(keep_alive_reply(self.key))

    # -- a request

    def _answer(self, request: Request, body: bytes) -> None:
        door = self._door
        environ = request.environ.copy()
        environ["brubeck.disconnected"] = self.disconnected
        environ["wsgi.early_hints"] = self.send_early_hints
        environ["brubeck.mongrel2"] = self.key
        self.persists = request.persists
        self._is_modern = request.is_modern
        stored = None
        if request.kind is Kind.HANDSHAKE:
            environ["brubeck.upgrade"] = self.upgrade
        elif body:
            environ["wsgi.input"] = io.BytesIO(body)
        elif request.stored is not None:
            try:
                stored, size = open_stored(request.stored, request.length)
            except RemoteProtocolError as error:
                self._refuse(error)
                return
            environ["wsgi.input"] = stored
            environ["CONTENT_LENGTH"] = str(size)
        exchange = self._exchange = Exchange(self, environ, door.writer, request.is_modern, self._log_failure)
        door.count_request()
        try:
            if door.observer is None:
                exchange.run(door.application)
            else:
                door.observer.run(exchange, door.application)
        finally:
            self._exchange = None
            if stored is not None:
                stored.close()

    def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer what cannot be taken as a request."""
        self._door.log.warning("Invalid request from Mongrel2: %s", error)
        self.persists = False
        status, headers, body = error_response(error.status, str(error))
        lines = self._door.writer.write(status, headers)[0]
        lines += [b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body), body]
        self.send(b"".join(lines))

    def _end_answer(self) -> None:
        outbox = self._outbox
        if self._has_failed:
            self.cancel()
        elif self.is_ended:
            pass
        elif self.is_upgraded or not self.persists:
            self.is_ended = True
            if outbox is not None:
                outbox.flush()
            self._front.publish(self._prefix)  # no data: Mongrel2 closes after what was sent before
        elif outbox is not None and not self.waiting:
            outbox.flush()

    def _log_failure(self, message: str, environ: Environ, /, *, with_traceback: bool) -> None:
        if with_traceback and self._exchange is not None:
            self._has_failed = self._exchange.is_started
        self._door.log_failure(message, environ, with_traceback=with_traceback)

    # -- sending: the face of a transport

    def settle(self) -> None:
        """Do nothing: Mongrel2 has read the body."""

    def send(self, data: bytes, /) -> None:
        """Send all of *data*; `ClientLeft` if the client has gone."""
        if self.is_reset or not self._front.is_alive:
            self.is_reset = True
            raise ClientLeft("the client has left")
        if self._pace is not None and not self._pace.begin_to_send(len(data)):
            self.cancel()
            self.leave()
            raise ClientLeft("the client does not read what it is sent")
        if self._outbox is not None:
            self._outbox.send(data)
        elif self._sent_at or self.waiting:
            self._begin_outbox(data)
        else:
            self._sent_at = self._door.clock()
            self._door.note_begun(self)
            self._front.publish(self._prefix + data)

        if self._front.is_full:
            self._front.wait()

    def send_parts(self, head: bytes, body: bytes, /) -> None:
        """Send *head* and *body*."""
        self.send(head + body)

    def send_file(self, head: bytes, region: FileRegion, /) -> None:
        """Send *head* and a part of a file."""
        offset, end = region.offset, region.offset + region.size
        while True:
            block = os.pread(region.descriptor, min(end - offset, _FILE_BLOCK), offset)
            offset += len(block)
            self.send(head + block)
            head = b""
            if offset >= end:
                return
            if not block:
                self.persists = False
                raise ClientLeft("the file became shorter while it was sent")

    def _begin_outbox(self, data: bytes) -> None:
        door = self._door
        outbox = self._outbox = Outbox(self._publish, door.flusher, door.lock, self._sent_at)
        if self._sent_at:
            outbox.send(data)
        else:  # its next request waits already: the answers go together
            door.note_begun(self)
            outbox.hold(data)

    def _publish(self, data: bytes) -> None:
        self._touched = self._door.clock()
        if not self.is_reset:
            self._front.publish(self._prefix + data)

    # -- what the environ offers to the application

    def send_early_hints(self, headers: Sequence[tuple[str, str]]) -> None:
        """Send 103 Early Hints (RFC 8297); nothing to clients of HTTP/1.0, or once the answer has begun."""
        response = early_hints(headers)
        if self._is_modern and self._exchange is not None and not self._exchange.is_started:
            self.send(response)

    def upgrade(self, protocol: str, headers: Sequence[tuple[str, str]] = ()) -> Tunnel:
        """Answer 101 Switching Protocols (RFC 9110 §15.2.2), and hand the connection over.

        Args:
            protocol: for the Upgrade header, ``"websocket"``: Mongrel2 speaks no other.
            headers: more (name, value) pairs for the head.

        Returns:
            The way to send and receive bytes from now on; it ends when the application returns. What is received
            are the frames of the client, masked with zeros.

        Raises:
            RuntimeError: the answer has begun.
        """
        if self._exchange is None or self._exchange.is_started or self.is_upgraded:
            raise RuntimeError("expected to upgrade before anything is answered")
        self.send(switching_protocols(protocol, headers))
        self._exchange.status = "101 Switching Protocols"
        self.is_upgraded = True
        self.persists = False
        self._door.note_upgraded(self)
        tunnel = Tunnel(self)
        tunnel.mark = self._mark
        return tunnel

    def _mark(self, size: int) -> bytes | None:
        """See `brubeck_wsgi.gateway.tunnel.Tunnel.mark`; the first call says that all will be marked."""
        door = self._door
        with door.lock:
            pace = self._pace
            if pace is None:
                window = Window()
                outbox = self._outbox = Outbox(self._publish, door.flusher, door.lock, self._sent_at, window)
                pace = self._pace = Pace(door.hub, door.clock, outbox, window)
            return pace.mark(size)

    def receive_some(self, size: int = 65536, timeout_seconds: float | None = None) -> bytes | None:
        """Wait for bytes of an upgraded connection; ``b""`` at its end, None if the time is over."""
        with self._door.lock:
            arrivals = self._take_arrivals()
        data = arrivals.receive(size, timeout_seconds)
        if data == b"":
            self.has_left = True
        return data

    def _take_arrivals(self) -> Arrivals:
        """Return what the client has sent over its WebSocket; some may come before there is one."""
        arrivals = self._arrivals
        if arrivals is None:
            arrivals = self._arrivals = Arrivals(self._door.hub, self._door.clock, self._door.lock)
            if self.has_left or self.is_ended:
                arrivals.end()
        return arrivals
