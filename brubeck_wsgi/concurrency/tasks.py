"""Tasks, and groups of them that end before their scope does: nothing is left running behind anybody's back."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from time import monotonic
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from brubeck_wsgi.concurrency.finding import current
from brubeck_wsgi.concurrency.primitives import Event, Semaphore
from brubeck_wsgi.concurrency.strands import Cancelled, Strand

Result = TypeVar("Result")

running: set[Task[Any]] = set()
"""The tasks of this process that have begun and are not over."""
# Those of its parent do not run in a process that has just been forked.
os.register_at_fork(after_in_child=running.clear)


class Task(Generic[Result]):
    """A call that runs beside whoever started it, with a copy of its context variables.

    Args:
        function: what to call.
        args: its arguments.
        kwargs: its keyword arguments.
        at_end: called when it is over, in its own strand; it must not wait.

    Attributes:
        name: of the function.
        began: when it was started, by `time.monotonic`.
    """

    def __init__(
        self,
        function: Callable[..., Result],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        at_end: Callable[[Task[Result]], None] | None = None,
    ) -> None:
        self.name: str = getattr(function, "__qualname__", repr(function))
        self.began = monotonic()
        self._call = copy_context().run, function, args, kwargs or {}
        self._at_end = at_end
        self._is_over = Event()
        self._is_cancelled = False
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._scheduler = current()
        self._strand: Strand = self._scheduler.start(self._run)

    @property
    def is_done(self) -> bool:
        """Whether it is over, however it ended."""
        return self._is_over.is_set()

    @property
    def error(self) -> BaseException | None:
        """What it raised; None if it returned, or is not over."""
        return self._error

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it is over, *timeout* seconds at most; return whether it is."""
        return self._is_over.wait(timeout)

    def result(self, timeout: float | None = None) -> Result:
        """Wait for what the call returns.

        Raises:
            TimeoutError: it is not over after *timeout* seconds.
            Cancelled: it was cancelled.
            BaseException: what it raised.
        """
        if not self.join(timeout):
            raise TimeoutError(f"expected {self.name} to be over in {timeout} seconds")
        if self._error is not None:
            raise self._error
        return cast(Result, self._result)

    def cancel(self) -> None:
        """End it where it waits, or is going to wait next; it may take its time to clean up."""
        if not self.is_done and not self._is_cancelled:
            self._is_cancelled = True
            self._scheduler.interrupt(self._strand, lambda: None if self.is_done else Cancelled(self.name))

    def _run(self) -> None:
        running.add(self)
        strand = self._scheduler.enter()
        run, function, args, kwargs = self._call
        try:
            error = strand.take_interrupt()
            if error is not None:
                raise error
            self._result = run(function, *args, **kwargs)
        except BaseException as raised:
            self._error = raised
        finally:
            del self._call
            running.discard(self)
            self._is_over.set()
            self._scheduler.leave(strand)
            if self._at_end is not None:
                self._at_end(self)


def spawn(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Task[Result]:
    """Call *function* beside the caller; prefer a `TaskGroup`, which waits for it and hears of its errors."""
    return Task(function, args, kwargs)


class TaskGroup:
    """Tasks that are over when the ``with`` block is.

    The first error cancels the others and what is left of the block, and is raised when all have ended; several
    errors are raised as an `ExceptionGroup`.

    Args:
        limit: how many run at a time; whoever starts another waits. None for any number.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = Semaphore(limit) if limit is not None else None
        self._tasks: list[Task[Any]] = []
        self._errors: list[BaseException] = []
        self._owner: Strand | None = None
        self._is_in_block = False
        self._has_interrupted = False

    def __enter__(self) -> TaskGroup:
        self._scheduler = current()
        self._owner = self._scheduler.enter()
        self._is_in_block = True
        return self

    def spawn(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Task[Result]:
        """Call *function* beside the caller.

        Raises:
            RuntimeError: the group is over, or not begun.
        """
        if self._owner is None:
            raise RuntimeError("expected to spawn in a group whose block has begun and is not over")
        if self._limit is not None:
            self._limit.acquire()
        task = Task(function, args, kwargs, self._at_end)
        self._tasks.append(task)
        return task

    def cancel(self) -> None:
        """Cancel all tasks of the group."""
        for task in list(self._tasks):
            task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._is_in_block = False
        if isinstance(error, _GroupFailed) and error.group is self:
            error = None
        if error is not None:
            self.cancel()
        interruption = self._join_all()
        owner, self._owner = cast(Strand, self._owner), None
        self._scheduler.leave(owner)
        if interruption is not None and error is None:
            raise interruption
        errors = [raised for raised in self._errors if raised is not error]
        if error is not None and not isinstance(error, Exception):
            return False  # what ends this strand comes before what went wrong in others
        if not errors:
            return error is None
        if error is not None:
            errors.insert(0, error)
        if len(errors) == 1:
            raise errors[0]
        raise BaseExceptionGroup("several tasks failed", errors)

    def _join_all(self) -> BaseException | None:
        """Wait for all tasks; return what the waiting was interrupted with, after which they are cancelled."""
        interruption: BaseException | None = None
        while True:
            unfinished = [task for task in self._tasks if not task.is_done]
            if not unfinished:
                return interruption
            try:
                unfinished[0].join()
            except BaseException as raised:
                interruption = interruption or raised
                self.cancel()

    def _at_end(self, task: Task[Any]) -> None:
        if self._limit is not None:
            self._limit.release()
        error = task.error
        if error is None or isinstance(error, Cancelled):
            return
        self._errors.append(error)
        self.cancel()
        if self._owner is not None and self._is_in_block and not self._has_interrupted:
            self._has_interrupted = True
            self._scheduler.interrupt(self._owner, self._failure)

    def _failure(self) -> BaseException | None:
        return _GroupFailed(self) if self._is_in_block else None


class _GroupFailed(Cancelled):
    """Ends the block of a group, one of whose tasks has failed."""

    def __init__(self, group: TaskGroup) -> None:
        super().__init__("a task of the group failed")
        self.group = group


def gather(*calls: Callable[[], Result]) -> list[Result]:
    """Call all of *calls* beside each other; return what they return, in their order; errors as `TaskGroup` has."""
    with TaskGroup() as group:
        tasks = [group.spawn(call) for call in calls]
    return [task.result() for task in tasks]


def race(*calls: Callable[[], Result]) -> Result:
    """Call all of *calls* beside each other; return what the first returns, and cancel the others.

    Raises:
        ValueError: there are none.
        BaseException: what the first that ended raised.
    """
    if not calls:
        raise ValueError("expected calls to race, got none")
    has_winner = Event()
    ended: list[Task[Result]] = []

    def at_end(task: Task[Result]) -> None:
        ended.append(task)
        has_winner.set()

    tasks: list[Task[Result]] = []
    try:
        tasks.extend(Task(call, at_end=at_end) for call in calls)
        has_winner.wait()
        return ended[0].result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            task.join()


def map_tasks(function: Callable[[Any], Result], items: Any, limit: int = 10) -> list[Result]:
    """Call *function* with each of *items*, *limit* at a time; return what it returns, in their order."""
    with TaskGroup(limit) as group:
        tasks = [group.spawn(function, item) for item in items]
    return [task.result() for task in tasks]
