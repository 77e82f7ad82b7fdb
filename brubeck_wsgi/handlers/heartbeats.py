"""A streamed body that is kept alive: what a generator yields, and heartbeats while it is silent.

The generator runs in a strand of its own, since it may wait for long, in ``queue.get`` for example, and somebody has
to find out meanwhile whether the client is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from brubeck_wsgi.concurrency import Cancelled, Empty, Queue, Semaphore, Task
from brubeck_wsgi.concurrency.stopping import Stopping

_MOST_AHEAD = 16  # pieces that the generator may be ahead of the client; what is there goes out together
_CLOSE_SECONDS = 10.0  # for the ``finally`` blocks of the generator


class Pulse(NamedTuple):
    """What is sent beside what the generator yields.

    Attributes:
        opening: the first piece, at once: a client is to know that it has its answer.
        heartbeat: what is sent while the generator is silent.
        seconds: after how long a silence.
        farewell: the last piece where the server stops.
    """

    opening: bytes
    heartbeat: bytes
    seconds: float
    farewell: bytes


class _End(NamedTuple):
    """What comes behind the last piece: the error that was, or None; or whether the server stops."""

    error: BaseException | None = None
    is_stop: bool = False


class KeptAlive:
    """The pieces of such a body; closing it ends the generator, and waits for its ``finally`` blocks.

    Args:
        source: what yields, closed if it can be.
        serialize: makes a piece of what it yields.
        pulse: what is sent beside that.
        stopping: tells that the server stops; None if it does not tell.
    """

    def __init__(
        self, source: Iterable[Any], serialize: Callable[[Any], bytes], pulse: Pulse, stopping: Stopping | None
    ) -> None:
        self._source = source
        self._serialize = serialize
        self._pulse = pulse
        self._stopping = stopping
        self._forget: Callable[[], None] | None = None
        self._pieces: Queue[bytes | _End] = Queue()
        self._room = Semaphore(_MOST_AHEAD)
        self._task: Task[None] | None = None
        self._end: _End | None = None
        self._is_open = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._is_open:
            self._is_open = True
            return self._pulse.opening
        if self._end is not None:
            return self._last(self._end)
        if self._task is None:
            self._begin()
        try:
            piece = self._pieces.get(self._pulse.seconds)
        except Empty:
            return self._pulse.heartbeat
        pieces = []
        while not isinstance(piece, _End):
            pieces.append(piece)
            self._room.release()
            if not len(self._pieces):
                return b"".join(pieces)
            piece = self._pieces.get()
        self._end = piece
        return b"".join(pieces) if pieces else self._last(piece)

    def close(self) -> None:
        """End the generator; errors of its ``finally`` blocks are raised."""
        if self._forget is not None:
            self._forget()
        task, self._task = self._task, None
        self._end = _End()
        if task is not None:
            task.cancel()
            task.join(_CLOSE_SECONDS)
            if task.error is not None and not isinstance(task.error, Cancelled):
                raise task.error
        elif not self._is_done:
            self._close_source()

    _is_done = False  # whether the source has been closed

    def _begin(self) -> None:
        self._task = Task(self._run)
        if self._stopping is not None:
            self._forget = self._stopping.call(lambda: self._pieces.put(_End(is_stop=True)))

    def _run(self) -> None:
        """Hand over what the source yields; in a strand of its own."""
        try:
            for item in self._source:
                piece = self._serialize(item)
                self._room.acquire()
                self._pieces.put(piece)
        except Exception as error:
            self._pieces.put(_End(error))
        else:
            self._pieces.put(_End())
        finally:
            self._close_source()

    def _close_source(self) -> None:
        self._is_done = True
        close = getattr(self._source, "close", None)
        if close is not None:
            close()

    def _last(self, end: _End) -> bytes:
        """Return what comes last, once."""
        self._end = _End()
        if end.is_stop:
            return self._pulse.farewell
        if end.error is not None:
            raise end.error
        raise StopIteration
