"""The pace at which a WebSocket is sent something: that at which its client reads."""

from __future__ import annotations

from collections.abc import Callable

from brubeck_wsgi.concurrency.hub import Event, Hub
from brubeck_wsgi.gateway.errors import ClientLeft
from brubeck_wsgi.gateway.patience import Patience
from brubeck_wsgi.mongrel2.outbox import Outbox
from brubeck_wsgi.mongrel2.window import Window


class Pace:
    """Has who sends wait for a client that is far behind.

    Args:
        hub: the scheduler.
        clock: seconds that never go back.
        outbox: what all is sent through.
        window: the outbox's, with what the client has read.
    """

    def __init__(self, hub: Hub, clock: Callable[[], float], outbox: Outbox, window: Window) -> None:
        self._hub = hub
        self._clock = clock
        self._outbox = outbox
        self._window = window
        self._room: Event | None = None
        self._has_ended = False

    def mark(self, size: int) -> bytes | None:
        """See `brubeck_wsgi.gateway.tunnel.Tunnel.mark`; with the lock of the outbox held."""
        return self._window.mark(size, self._outbox.sent + 1, self._outbox.may_have_some_waiting)

    def take_pong(self, payload: bytes) -> bool:
        """Take note of what the client has read if *payload* tells that; return whether it does."""
        message = self._window.take_pong(payload)
        if message is None:
            return False
        self._outbox.note_taken(message)
        self._wake()
        return True

    def note_close(self) -> None:
        """Take note that the client has begun to close: it answers nothing more."""
        self._window.close()
        self._wake()

    def end(self) -> None:
        """Take note that the connection has ended."""
        self._has_ended = True
        self._outbox.clear()
        self._wake()

    def begin_to_send(self, size: int) -> bool:
        """Wait until so many bytes may be sent; return False if the client reads nothing: give it up then.

        Raises:
            ClientLeft: it has gone meanwhile.
        """
        if self._window.is_full and not self._wait():
            return False
        self._window.note(size)
        return True

    def _wait(self) -> bool:
        window, clock = self._window, self._clock
        patience = Patience()
        while not window.has_room:
            read, now = window.read, clock()
            deadline = patience.begin(now)
            self._room = self._hub.event()
            if not window.has_room and not self._has_ended:  # with threads, something may have come meanwhile
                self._room.wait(max(0.0, deadline - now))
            self._room = None
            patience.end(clock())
            if self._has_ended:
                raise ClientLeft("the client has left")
            if window.read == read and clock() >= deadline:
                return False
            patience.moved(window.read - read)
        return True

    def _wake(self) -> None:
        if self._room is not None:
            self._room.set()
