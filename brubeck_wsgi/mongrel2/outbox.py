"""What is to be sent to one client, in as few messages as Mongrel2 wants.

More than 16 messages waiting for one client, and Mongrel2 ends its connection; a burst counts, however fast the client
reads. The size of a message does not matter. So pieces are joined: at most one message in 5 ms, and in bulk
larger and larger ones. What has its own time, as events have, leaves at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from brubeck_wsgi.mongrel2.window import Window

INTERVAL_SECONDS = 0.005
LONG_INTERVAL_SECONDS = 0.05
"""How far messages are apart at least: at first, and when so many have been sent that some may still wait."""

SMALLEST_BULK = 64 * 1024
LARGEST_BULK = 8 * 1024 * 1024
LARGEST_REGULATED_BULK = 256 * 1024
"""How large bulk becomes at most, for any client, and for one that tells what it has read."""

_TAKEN_SECONDS = 0.02  # how long a client is given for a message, before it counts as waiting
_MANY = 8  # messages that may wait, half of what Mongrel2 allows: send fewer and larger ones
_TOO_MANY = 12  # the producer waits a little for the client
_SOME = 2  # messages that may wait, from which on it is worth to ask the client
_STALLED_SECONDS = 5.0  # what waits for a client that tells nothing leaves nevertheless
_PAUSE_SECONDS = 0.25  # after that it is no bulk any more


class Timing(Protocol):
    """What of a scheduler is needed here; `brubeck_wsgi.concurrency.hub.Hub` has it."""

    def spawn(self, function: Callable[[], None], /) -> None: ...
    def sleep(self, seconds: float, /) -> None: ...


class Flusher:
    """Sends what waits in outboxes when its time has come.

    Args:
        timing: the scheduler.
        clock: seconds that never go back.
    """

    def __init__(self, timing: Timing, clock: Callable[[], float]) -> None:
        self.timing = timing
        self.clock = clock
        self._due: deque[Outbox] = deque()
        self._is_running = False

    def add(self, outbox: Outbox) -> None:
        """Look after *outbox*, which has just begun to wait."""
        self._due.append(outbox)
        if not self._is_running:
            self._is_running = True
            self.timing.spawn(self._run)

    def _run(self) -> None:
        while True:
            self.timing.sleep(INTERVAL_SECONDS)
            now = self.clock()
            for _ in range(len(self._due)):
                outbox = self._due.popleft()
                if outbox.tick(now):
                    self._due.append(outbox)
            if not self._due:
                self._is_running = False
                if not self._due:  # with threads, one may have been added before they could see that
                    return
                self._is_running = True


class Outbox:
    """The pieces for one client that have not left.

    Args:
        publish: sends a message.
        flusher: calls `tick` when there is something to wait for.
        lock: held while the pieces are touched; one that does nothing where only greenlets do.
        last: when the last message left, by the flusher's clock.
        window: what the client has read, if it tells that: then single messages leave at once as long as few wait,
            and the sender has to wait by itself.

    Attributes:
        sent: how many messages have left.
    """

    __slots__ = (
        *("_count", "_counted", "_flusher", "_is_due", "_largest", "_last", "_lock", "_pieces", "_publish", "_size"),
        *("_threshold", "_touched", "_window", "sent"),
    )

    def __init__(
        self,
        publish: Callable[[bytes], None],
        flusher: Flusher,
        lock: AbstractContextManager[object],
        last: float,
        window: Window | None = None,
    ) -> None:
        self._publish = publish
        self._flusher = flusher
        self._lock = lock
        self._last = self._counted = self._touched = last
        self._pieces: list[bytes] = []
        self._size = 0
        self._count = 1.0  # an estimate of how many messages the client has not taken
        self._threshold = SMALLEST_BULK
        self._is_due = False
        self._window = window
        self._largest = LARGEST_BULK if window is None else LARGEST_REGULATED_BULK
        self.sent = 0

    @property
    def may_have_some_waiting(self) -> bool:
        """Whether the client may not have taken some messages."""
        self._interval(self._flusher.clock())
        return self._count >= _SOME

    def note_taken(self, message: int) -> None:
        """Note that the client has taken all up to the message of this number."""
        with self._lock:
            now = self._flusher.clock()
            self._interval(now)
            self._count = max(0.0, min(self._count, self.sent - message))
            if self._pieces and now - self._last >= self._interval(now):
                self._flush_if_allowed(now)

    def send(self, data: bytes) -> None:
        """Send *data* soon, or at once; a producer that is much faster than any client waits here a little."""
        is_too_fast = False
        with self._lock:
            now = self._flusher.clock()
            if now - self._touched >= _PAUSE_SECONDS:
                self._threshold = SMALLEST_BULK
            self._touched = now
            self._pieces.append(data)
            self._size += len(data)
            is_bulk = self._size >= self._threshold
            if is_bulk and self._flush_if_allowed(now):
                self._threshold = min(self._threshold * 2, self._largest)
                is_too_fast = self._count >= _TOO_MANY and self._window is None
            elif self._is_due:
                pass
            elif is_bulk or now - self._last < self._interval(now) or not self._flush_if_allowed(now):
                self._is_due = True
                self._flusher.add(self)
        if is_too_fast:
            self._flusher.timing.sleep(LONG_INTERVAL_SECONDS)

    def hold(self, data: bytes) -> None:
        """Send *data* with what follows, or when its time has come."""
        with self._lock:
            self._pieces.append(data)
            self._size += len(data)
            if self._size >= self._threshold:
                self._flush(self._flusher.clock())
            elif not self._is_due:
                self._is_due = True
                self._flusher.add(self)

    def flush(self) -> None:
        """Send what waits."""
        with self._lock:
            if self._pieces:
                self._flush(self._flusher.clock())

    def clear(self) -> None:
        """Send nothing of what waits."""
        with self._lock:
            self._pieces = []
            self._size = 0

    def tick(self, now: float) -> bool:
        """Send what has waited long enough; return whether something still waits."""
        with self._lock:
            if self._pieces and now - self._last >= self._interval(now):
                self._flush_if_allowed(now)
            self._is_due = bool(self._pieces)
            return self._is_due

    def _interval(self, now: float) -> float:
        """Return how far the next message has to be from the last."""
        self._count = max(0.0, self._count - (now - self._counted) / _TAKEN_SECONDS)
        self._counted = now
        if self._window is not None and self._count < _MANY:
            return 0.0
        return INTERVAL_SECONDS if self._count < _MANY else LONG_INTERVAL_SECONDS

    def _flush_if_allowed(self, now: float) -> bool:
        """Send what waits, unless the client has too much to read; return whether that was done."""
        window = self._window
        if window is not None and self.sent >= window.last_message and now - self._last < _STALLED_SECONDS:
            return False
        self._flush(now)
        return True

    def _flush(self, now: float) -> None:
        pieces, self._pieces = self._pieces, []
        self._size = 0
        self._interval(now)
        self._count += 1
        self.sent += 1
        self._last = now
        self._publish(pieces[0] if len(pieces) == 1 else b"".join(pieces))
