"""One Mongrel2, as the switchboard sees it: its messages, and answers for those that nobody can answer."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from brubeck_wsgi.mongrel2.loop import READ, WRITE, Loop
from brubeck_wsgi.mongrel2.roster import Member, Roster
from brubeck_wsgi.mongrel2.settings import Front
from brubeck_wsgi.mongrel2.streams import FrontStream
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.mongrel2 import cancel_reply, is_notice, reply_prefix, split_message

logger = logging.getLogger("brubeck.mongrel2")

_RETRY_SECONDS = 0.2
_PEEK_SECONDS = 1.0
_COMPLAINT_SECONDS = 10.0
_MOST_PENDING = 4096
_MOST_READS = 4  # before others have their turn
_ANSWER = (
    "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}"
)


class FrontLine:
    """The connections to one Mongrel2.

    The one for answers comes first: it says which identity the front has. The one for requests comes when some
    worker can answer them.

    Args:
        addresses: where to connect.
        loop: calls when something happens.
        roster: knows the workers.
        send: passes a message on to a worker.

    Attributes:
        identity: of the front; None while it is not there.
    """

    def __init__(self, addresses: Front, loop: Loop, roster: Roster, send: Callable[[Member, bytes], None]) -> None:
        self.identity: bytes | None = None
        self._addresses = addresses
        self._loop = loop
        self._roster = roster
        self._send = send
        self._replies: _Line | None = None
        self._requests: _Line | None = None
        self._pending: deque[tuple[bytes, bytes]] = deque()
        self._retry = self._peek = 0.0
        self._is_farewell = False
        self._malformed = 0
        self._complained = float("-inf")

    # -- what the switchboard calls

    def tick(self, now: float) -> None:
        """Connect what is not connected; look for notices while there is no room for requests."""
        if self._replies is None and now >= self._retry:
            self._retry = now + _RETRY_SECONDS
            with suppress(OSError):
                self._replies = _Line(self, FrontStream(self._addresses.send, b"PUB"), self._on_reply_side)
        if self.identity is None:
            return
        if self._requests is None and self._roster.has_room(self.identity):
            try:
                self._requests = _Line(self, FrontStream(self._addresses.recv, b"PULL"), self._take)
            except OSError:
                self._end()
        elif self._requests is not None and self._requests.is_paused and now >= self._peek:
            self._peek = now + _PEEK_SECONDS
            self._requests.read(1)

    def settle(self) -> None:
        """Pass on what has waited for room; read only while there is room."""
        identity = self.identity
        if identity is None or self._requests is None:
            return
        while self._pending:
            key, data = self._pending[0]
            member = self._roster.route(identity, key)
            if member is None:
                break
            self._pending.popleft()
            self._send(member, data)
        if not self._is_farewell:
            self._requests.pause(bool(self._pending) or not self._roster.has_room(identity))

    def apologize(self, lost: Iterable[tuple[bytes, bool]]) -> None:
        """Answer 502 for a worker that was killed; end what it had begun to answer.

        Args:
            lost: keys, and whether something of the answer was sent.
        """
        for key, has_begun in lost:
            if has_begun:
                self._publish(cancel_reply(key))
            else:
                self._refuse(key, 502, "Bad Gateway")

    def begin_farewell(self) -> None:
        """Have Mongrel2 send nothing more."""
        self._is_farewell = True
        while self._pending:
            self._refuse(self._pending.popleft()[0], 503, "Service Unavailable")
        if self._requests is not None:
            self._requests.pause(False)
            try:
                self._requests.stream.shut_down_sending()
            except OSError:
                self._requests.end()

    @property
    def has_said_farewell(self) -> bool:
        """Whether nothing more comes, and all answers have left."""
        return self._requests is None and (self._replies is None or self._replies.stream.backlog == 0)

    # -- messages

    def _take(self, messages: list[bytes]) -> None:
        identity = self.identity
        if identity is None:
            return
        for data in messages:
            try:
                key, head, _ = split_message(data)
            except RemoteProtocolError as error:
                self.complain("cannot understand a message", error)
                continue
            member = self._roster.holder(key)
            if is_notice(head):
                if member is not None:
                    self._send(member, data)
            elif self._is_farewell:
                self._refuse(key, 503, "Service Unavailable")
            elif member is None and self._pending:
                self._wait(key, data)
            else:
                member = self._roster.route(identity, key)
                if member is None:
                    self._wait(key, data)
                else:
                    self._send(member, data)

    def complain(self, what: str, error: Exception) -> None:
        """Log what nobody can be told otherwise; rarely, since who sends it may send a million."""
        self._malformed += 1
        now = time.monotonic()
        if now - self._complained >= _COMPLAINT_SECONDS:
            self._complained = now
            logger.warning("%s: %s (%s so far)", what, error, self._malformed)

    def _wait(self, key: bytes, data: bytes) -> None:
        if len(self._pending) < _MOST_PENDING:
            self._pending.append((key, data))
        else:
            self._refuse(key, 503, "Service Unavailable")

    def _on_reply_side(self, messages: list[bytes]) -> None:
        for message in messages:
            if message[:1] == b"\1":
                self.identity = message[1:]

    # -- answers

    def _refuse(self, key: bytes, status: int, phrase: str) -> None:
        body = f"{phrase}\n"
        prefix = reply_prefix(key)
        self._publish(prefix + _ANSWER.format(status, phrase, len(body), body).encode())
        self._publish(prefix)  # no data: it closes

    def _publish(self, message: bytes) -> None:
        if self._replies is not None:
            self._replies.stream.queue(message)
            self._replies.flush()

    # -- the end

    def on_line_ended(self, line: _Line) -> None:
        """Take note that a connection has ended; Mongrel2 has, unless this is the farewell."""
        if line is self._requests:
            self._requests = None
        if not self._is_farewell:
            self._end()

    def _end(self) -> None:
        identity, self.identity = self.identity, None
        lines = (self._replies, self._requests)
        self._replies = self._requests = None
        self._pending.clear()
        for line in lines:
            if line is not None:
                line.close()
        if identity is not None:
            self._roster.front_ended(identity)

    @property
    def loop(self) -> Loop:
        """What calls when something happens."""
        return self._loop


class _Line:
    """One connection to the front, in the loop.

    Args:
        front: what it belongs to.
        stream: the connection.
        take: called with messages that have arrived.

    Attributes:
        is_paused: whether nothing is read, so that what comes waits in Mongrel2.
    """

    def __init__(self, front: FrontLine, stream: FrontStream, take: Callable[[list[bytes]], None]) -> None:
        self.stream = stream
        self.is_paused = False
        self._front = front
        self._take = take
        self._wants_to_write = True
        self._watch()

    def on_events(self, may_read: bool, may_write: bool) -> None:
        if may_write:
            self.flush()
        if may_read and self.stream.fileno() >= 0:
            self.read(_MOST_READS)

    def read(self, most: int) -> None:
        """Take what has arrived, in up to so many portions."""
        for _ in range(most):
            try:
                messages = self.stream.read()
            except (OSError, RemoteProtocolError) as error:
                if isinstance(error, RemoteProtocolError):
                    self._front.complain("expected a Mongrel2 at the other end", error)
                self.end()
                return
            if messages is None:
                return
            self._take(messages)

    def flush(self) -> None:
        """Go on connecting, and send what waits."""
        try:
            self._wants_to_write = not self.stream.flush()
        except OSError:
            self.end()
            return
        self._watch()

    def pause(self, is_paused: bool) -> None:
        """Stop reading, or go on."""
        if is_paused != self.is_paused:
            self.is_paused = is_paused
            self._watch()

    def end(self) -> None:
        """Close, and tell the front."""
        self.close()
        self._front.on_line_ended(self)

    def close(self) -> None:
        """Close."""
        if self.stream.fileno() >= 0:
            self._front.loop.forget(self.stream.fileno())
            self.stream.close()

    def _watch(self) -> None:
        interest = (0 if self.is_paused else READ) | (WRITE if self._wants_to_write else 0)
        self._front.loop.watch(self.stream.fileno(), self, interest)
