"""Notices when the loop of a hub does not come round, and says what holds it while it still does."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any, NamedTuple, Protocol
from weakref import ref

BEAT_SECONDS = 0.1
"""How often the loop says that it is there; of that the lag is known."""

logger = logging.getLogger("brubeck.watchdog")


class Beating(Protocol):
    """What a watchdog needs of a hub; see `brubeck_wsgi.concurrency.hub.Hub`."""

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]: ...

    def native(self, module: str, name: str) -> Any: ...

    def share_logging(self) -> None: ...


class Subject(NamedTuple):
    """What a thread is busy with.

    Attributes:
        key: the same as long as it is the same thing.
        text: for people.
        request_id: of the request; ``""`` if it is none.
    """

    key: object
    text: str
    request_id: str


class Watchdog:
    """Watches one loop from a native thread, until there is no more use for it: neither thread nor loop keeps it alive.

    Args:
        seconds: for how long the loop may be held before that is logged.
        describe: tells from the innermost frame of a thread what it is busy with; None if that is nothing of ours.

    Attributes:
        lag: how many seconds the loop was late when last seen, or is late now.
        blocks: how often it has been held for longer than *seconds*.
        blocked_seconds: for how long, all in all.
    """

    def __init__(self, seconds: float, describe: Callable[[FrameType], Subject | None]) -> None:
        self._seconds = seconds
        self._step = min(seconds / 4, BEAT_SECONDS)
        self._describe = describe
        self._watched: Beating | None = None
        self.forget()

    def forget(self) -> None:
        """Begin anew; for a process that has just been forked, in which nobody watches."""
        self.lag = 0.0
        self.blocks = 0
        self.blocked_seconds = 0.0
        self._watched = None
        self._block: _Block | None = None
        self._last_beat = 0.0
        self._ended: list[float] = []

    def start(self, hub: Beating) -> None:
        """Watch the loop of *hub*, which is this thread's; nothing if one is watched already."""
        if self._watched is not None:
            return
        self._watched = hub
        hub.share_logging()
        sleep = hub.native("time", "sleep")
        self._loop_thread: int = hub.native("_thread", "get_ident")()
        self._last_beat = monotonic()
        self._await_beat(hub)
        hub.native("_thread", "start_new_thread")(_watch, (ref(self), hub, sleep, self._step))

    # -- in the loop

    def _await_beat(self, hub: Beating) -> None:
        beating = ref(self)

        def beat() -> None:
            watchdog = beating()
            if watchdog is not None:
                watchdog._beat(hub)

        self._forget_beat = hub.later(BEAT_SECONDS, beat)

    def _beat(self, hub: Beating) -> None:
        if self._watched is not hub:
            return
        now = monotonic()
        lag = now - self._last_beat - BEAT_SECONDS
        self.lag = lag if lag > 0 else 0.0
        self._last_beat = now
        if lag > self._seconds:
            self.blocks += 1
            self.blocked_seconds += lag
            self._ended.append(lag)
        self._await_beat(hub)

    # -- in the native thread

    def _look_after(self, hub: Beating) -> bool:
        """Look once; return whether *hub* is still watched."""
        try:
            if self._watched is hub:
                self._look()
        except Exception:  # of a description, or of a handler of the log: the next look may go well
            logger.exception("error while watching the loop")
        return self._watched is hub

    def _look(self) -> None:
        while self._ended:
            self._tell_end(self._ended.pop(0))
        late = monotonic() - self._last_beat - BEAT_SECONDS
        if late < self._seconds / 2:
            self._block = None
            return
        self.lag = late
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:  # its thread has ended
            self._watched = None
            return
        subject = self._describe(frame)
        block = self._block
        if block is None:
            block = self._block = _Block(subject)
        elif subject is None or block.subject is None or subject.key != block.subject.key:
            block.is_of_one = False
            block.subject = subject
        if late >= self._seconds and not block.is_logged and subject is not None:
            block.is_logged = True
            self._tell_block(block.is_of_one, subject, late, frame)

    def _tell_block(self, is_of_one: bool, subject: Subject, late: float, frame: FrameType) -> None:
        if is_of_one:
            what = f"{subject.text} has held the loop for {late:.2f} s, and still does"
        else:
            what = f"the loop has not come round for {late:.2f} s, its turn has {subject.text} now"
        stack = "".join(traceback.format_stack(frame)).rstrip()
        extra = {"request_id": subject.request_id}
        logger.warning("%s [%s]\n%s", what, subject.request_id, stack, extra=extra)

    def _tell_end(self, seconds: float) -> None:
        block, self._block = self._block, None
        if block is None or block.subject is None or not block.is_logged:
            return
        subject = block.subject
        who = subject.text if block.is_of_one else f"several requests, the last of them {subject.text},"
        extra = {"request_id": subject.request_id}
        logger.warning("%s held the loop for %.2f s [%s]", who, seconds, subject.request_id, extra=extra)


def _watch(watching: ref[Watchdog], hub: Beating, sleep: Callable[[float], None], step: float) -> None:
    is_watched = True
    while is_watched:
        sleep(step)
        watchdog = watching()
        is_watched = watchdog is not None and watchdog._look_after(hub)
        del watchdog  # while it sleeps, nothing holds it


class _Block:
    """A time in which the loop does not come round.

    Attributes:
        subject: what its thread was busy with when last seen.
        is_of_one: whether that was the same thing all the time.
        is_logged: whether it is in the log.
    """

    def __init__(self, subject: Subject | None) -> None:
        self.subject = subject
        self.is_of_one = subject is not None
        self.is_logged = False
