"""What strands coordinate with: the same on greenlets and on threads, and interrupted wherever they wait."""

from __future__ import annotations

import time
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from brubeck_wsgi.concurrency.finding import current
from brubeck_wsgi.concurrency.strands import Scheduler, Strand

Item = TypeVar("Item")


def sleep(seconds: float) -> None:
    """Let others run for so many *seconds*, 0 or more."""
    scheduler = current()
    strand = scheduler.enter()
    deadline = time.monotonic() + seconds
    try:
        while scheduler.park(strand, deadline - time.monotonic()):
            pass  # woken by somebody who had waited for something else
    finally:
        scheduler.leave(strand)


class _Awaited:
    """Something that strands wait for, one behind the other."""

    def __init__(self) -> None:
        self._mutex = allocate_lock()  # held for a few steps that never wait
        self._waiting: deque[tuple[Scheduler, Strand]] = deque()

    def _wait_for(self, attempt: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until *attempt*, which is called with the mutex held, succeeds; return whether it did in time."""
        with self._mutex:
            if attempt():
                return True
        if timeout is not None and timeout <= 0:
            return False
        deadline = None if timeout is None else time.monotonic() + timeout
        scheduler = current()
        strand = scheduler.enter()
        waiting = scheduler, strand
        try:
            while True:
                with self._mutex:
                    if attempt():
                        return True
                    self._waiting.append(waiting)
                left = None if deadline is None else deadline - time.monotonic()
                try:
                    is_in_time = scheduler.park(strand, left)
                finally:
                    with self._mutex:
                        if waiting in self._waiting:
                            self._waiting.remove(waiting)
                if not is_in_time:
                    with self._mutex:
                        return attempt()
        except BaseException:
            self._wake(1)  # if it was this strand's turn, it is the next one's now
            raise
        finally:
            scheduler.leave(strand)

    def _wake(self, count: int | None = None) -> None:
        """Let the first *count* that wait try again; all if it is None."""
        with self._mutex:
            woken = [
                self._waiting.popleft() for _ in range(len(self._waiting) if count is None else count) if self._waiting
            ]
        for scheduler, strand in woken:
            scheduler.unpark(strand)


class Event(_Awaited):
    """Something that happens, and that any number of strands wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._is_set = False

    def is_set(self) -> bool:
        """Tell whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Let it happen."""
        self._is_set = True
        self._wake()

    def clear(self) -> None:
        """Let it not have happened."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it happens, *timeout* seconds at most; return whether it has."""
        return self._wait_for(self.is_set, timeout)


class Semaphore(_Awaited):
    """Lets a limited number of strands in at a time; a context manager.

    Args:
        value: how many.
    """

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError(f"expected a number of strands, 0 or more, got {value!r}")
        super().__init__()
        self._value = value

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait to be let in, *timeout* seconds at most; return whether it came to that."""
        return self._wait_for(self._take, timeout)

    def release(self) -> None:
        """Let one more in."""
        with self._mutex:
            self._value += 1
        self._wake(1)

    def _take(self) -> bool:
        if not self._value:
            return False
        self._value -= 1
        return True

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Lock(Semaphore):
    """Lets one strand in at a time; a context manager."""

    def __init__(self) -> None:
        super().__init__(1)

    def release(self) -> None:
        """Let the next in; `RuntimeError` if nobody is in."""
        if self._value:
            raise RuntimeError("expected to release a lock that is held")
        super().release()

    def locked(self) -> bool:
        """Tell whether somebody is in."""
        return not self._value


class Full(Exception):
    """A queue had no room in time."""


class Empty(Exception):
    """A queue had nothing in time."""


class Queue(Generic[Item]):
    """First in, first out.

    Args:
        most: how many items it holds; whoever has another waits. 0 for any number.
    """

    def __init__(self, most: int = 0) -> None:
        self._items: deque[Item] = deque()
        self._most = most
        self._room = _Awaited()
        self._things = _Awaited()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item, timeout: float | None = None) -> None:
        """Add *item*; `Full` if there is no room within *timeout* seconds."""

        def add() -> bool:
            if self._most and len(self._items) >= self._most:
                return False
            self._items.append(item)
            return True

        if not self._room._wait_for(add, timeout):
            raise Full
        self._things._wake(1)

    def get(self, timeout: float | None = None) -> Item:
        """Take the first item; `Empty` if there is none within *timeout* seconds."""
        taken: list[Item] = []

        def take() -> bool:
            if self._items:
                taken.append(self._items.popleft())
            return bool(taken)

        if not self._things._wait_for(take, timeout):
            raise Empty
        self._room._wake(1)
        return taken[0]


class Local:
    """Attributes that each request and task has for itself; a task begins with those of whoever starts it."""

    def __init__(self) -> None:
        object.__setattr__(self, "_values", ContextVar("brubeck_local", default=None))

    def _read(self) -> dict[str, Any]:
        values: ContextVar[dict[str, Any] | None] = object.__getattribute__(self, "_values")
        return values.get() or {}

    def _write(self, values: dict[str, Any]) -> None:
        # A new dictionary each time: a child shares the old one, and must not see what changes here.
        object.__getattribute__(self, "_values").set(values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._read()[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._write({**self._read(), name: value})

    def __delattr__(self, name: str) -> None:
        values = dict(self._read())
        if name not in values:
            raise AttributeError(name)
        del values[name]
        self._write(values)
