"""A worker's connection to the switchboard: messages come in, notes of what becomes of them go out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from brubeck_wsgi.concurrency.hub import Hub
from brubeck_wsgi.gateway.poller import GONE, READABLE, WRITABLE, Poller
from brubeck_wsgi.mongrel2.door import Door
from brubeck_wsgi.mongrel2.notes import END, Note
from brubeck_wsgi.mongrel2.streams import MOST_MESSAGE_BYTES, Stream
from brubeck_wsgi.protocols import zmtp

_MOST_READS = 4  # before the loop has its turn again


class Link:
    """The connection; the face of `brubeck_wsgi.mongrel2.door.Notes` too.

    Args:
        hub: the scheduler.
        poller: calls when something happens.
        stream: the connection.
        limit: how many requests are wanted at a time.
        on_lost: called when the switchboard has ended, which it does not as long as it is wanted.

    Attributes:
        door: takes the messages; to be set before anything can arrive.
        has_ended: whether nothing more comes.
    """

    is_busy = True  # for the poller: it is never served, only notified
    has_left = False
    door: Door

    def __init__(self, hub: Hub, poller: Poller, stream: Stream, limit: int, on_lost: Callable[[], None]) -> None:
        self.has_ended = False
        self._hub = hub
        self._stream = stream
        self._poller = poller
        self._on_lost = on_lost
        self._frames = zmtp.FrameReader(MOST_MESSAGE_BYTES)
        self._begun: set[bytes] = set()
        self._notes: list[bytes] = [b"%b%d" % (Note.LIMIT, limit)]
        self._is_due = False

    def start(self) -> None:
        """Begin to take messages."""
        self._poller.add(self._stream.fileno(), self)
        self.flush()

    def leave(self) -> None:
        """Ask for nothing new; `has_ended` is set when all is done."""
        self._note(Note.LEAVING)

    def close(self) -> None:
        """End."""
        if self._stream.fileno() >= 0:
            self._poller.remove(self._stream.fileno())
            self._stream.close()

    # -- what the door tells

    def done(self, key: bytes, /) -> None:
        """Note that a message has been dealt with."""
        self._begun.discard(key)
        self._note(Note.DONE + key)

    def begun(self, key: bytes, /) -> None:
        """Note that something was sent; only said if the request is not done with the same turn of the loop."""
        self._begun.add(key)
        self._be_due()

    def upgraded(self, key: bytes, /) -> None:
        """Note that a request has become a WebSocket."""
        self._note(Note.UPGRADED + key)

    def front_ready(self, identity: bytes) -> None:
        """Note that a front takes the answers of this worker."""
        self._note(Note.READY + identity)

    def front_gone(self, identity: bytes) -> None:
        """Note that it does not any more."""
        self._note(Note.GONE + identity)

    def flush(self) -> None:
        """Send the notes."""
        self._is_due = False
        if self._begun:
            self._notes.extend(Note.BEGUN + key for key in self._begun)
            self._begun.clear()
        if self._notes:
            self._stream.queue(zmtp.frame(b"\n".join(self._notes)))
            self._notes.clear()
        with suppress(OSError):  # that it has ended, reading tells
            self._stream.flush()

    # -- what the poller calls

    def serve(self) -> bool:
        """Never called."""
        return False

    def notice(self, flags: int) -> None:
        """Take note of what epoll says; called in the loop."""
        if flags & WRITABLE and self._stream.backlog:
            self.flush()
        if flags & (READABLE | GONE):
            self._read()

    def _read(self) -> None:
        door = self.door
        for _ in range(_MOST_READS):
            if self._stream.fileno() < 0:
                return
            try:
                data = self._stream.receive()
            except OSError:
                data = b""
            if data is None:
                return
            if not data:
                self.close()
                self.has_ended = True
                self._on_lost()
                return
            for message in self._frames.receive(data):
                door.take(message)
            door.run()
            if END in self._frames.commands:
                self.has_ended = True
            self._frames.commands.clear()
        self._hub.soon(self._read)

    def _note(self, note: bytes) -> None:
        self._notes.append(note)
        self._be_due()

    def _be_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._hub.soon(self.flush)
