"""What an application can tell of its process: what holds the loop, what runs, what would block."""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any
from weakref import WeakSet

from brubeck_wsgi.concurrency import current
from brubeck_wsgi.concurrency.inspection import Running, running_tasks
from brubeck_wsgi.concurrency.patching import find_blocking
from brubeck_wsgi.concurrency.watchdog import Subject, Watchdog, logger
from brubeck_wsgi.handlers.naming import handler_name, loggable_path
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.requestid import request_id
from brubeck_wsgi.routing import Router

_OF_DOORS = "brubeck_wsgi.gateway.exchange"


class Lookout:
    """Knows requests by the frames that serve them, so that serving them need not write anything down.

    Args:
        router: of the application, which knows its handlers.
        seconds: for how long the loop may be held before that is logged; None if nobody is to watch.
        on_fork: called in a process that has just been forked, for which `begin` is to be called again.

    Attributes:
        watchdog: what watches; None if nobody does.
    """

    def __init__(self, router: Router[Any], seconds: float | None, on_fork: Callable[[], None]) -> None:
        self._router = router
        self.watchdog = None if seconds is None else Watchdog(seconds, self.find_subject)
        self._on_fork = on_fork
        self._is_telling = False
        _lookouts.add(self)

    def lag(self) -> float:
        """Return by how many seconds the loop is late; 0 if nobody watches it."""
        return 0.0 if self.watchdog is None else self.watchdog.lag

    def forget(self) -> None:
        """Forget the process that this one was forked from."""
        self._is_telling = False
        if self.watchdog is not None:
            self.watchdog.forget()
            self._on_fork()

    def begin(self) -> bool:
        """Begin to watch this process, in a request of it, if it runs gevent or eventlet.

        Returns:
            False if it is too early to tell: a program that asks the application itself, as tests do, may have a loop
            and not be in it, and owes it no turn.
        """
        scheduler: Any = current()
        hub: Any = getattr(scheduler, "hub", None)
        if hub is None or self.watchdog is None:
            return True
        if not scheduler.is_below_loop():
            return False
        self.watchdog.start(hub)
        # It takes a while to look through all modules.
        hub.native("_thread", "start_new_thread")(_log_blocking, ())
        return True

    def find_subject(self, frame: FrameType | None) -> Subject | None:
        """Return the request that the innermost *frame* of a thread is busy with; None if it is none."""
        environ = _environ_of(frame)
        return None if environ is None else Subject(id(environ), self._describe(environ), request_id(environ))

    def running(self) -> list[Running]:
        """Return what runs in this process: requests, tasks, and other greenlets and threads."""
        begun = current().calls.begun()

        def describe(carrier: Any, frame: FrameType) -> tuple[str, float | None] | None:
            subject = self.find_subject(frame)
            if subject is None:
                return None
            return f"{subject.text} [{subject.request_id}]", begun.get(carrier)

        return running_tasks(describe)

    def log_on(self, number: int) -> None:
        """Log what runs whenever the process gets the signal *number*."""
        signal.signal(number, self._log_running)

    def _log_running(self, number: int, frame: FrameType | None) -> None:
        if self._is_telling:
            return  # the next signal may come at any time, here too
        self._is_telling = True
        # What was interrupted may hold a lock of the log: another thread has to wait for that.
        hub: Any = getattr(current(), "hub", None)
        start = _thread.start_new_thread if hub is None else hub.native("_thread", "start_new_thread")
        start(self._tell_running, (as_text(self.running()),))

    def _tell_running(self, text: str) -> None:
        try:
            logger.warning("what runs now:\n%s", text)
        finally:
            self._is_telling = False

    def _describe(self, environ: Environ) -> str:
        """Return the request line, and which handler and route answers it."""
        line = f"{environ['REQUEST_METHOD']} {loggable_path(environ)}"
        path = environ.get("PATH_INFO") or "/"
        path = path.encode("latin-1", "replace").decode(errors="replace")
        for rule in self._router.rules:
            if rule.regex.match(path) and (rule.fallback or environ["REQUEST_METHOD"] in rule.endpoints):
                return f"{line}, of {handler_name(rule.handler)} on route {rule.pattern!r},"
        return line


_lookouts: WeakSet[Lookout] = WeakSet()


def _forget_parent() -> None:
    for lookout in list(_lookouts):
        lookout.forget()


os.register_at_fork(after_in_child=_forget_parent)


def _log_blocking() -> None:
    for sentence in find_blocking():
        logger.warning("%s", sentence)


def _environ_of(frame: FrameType | None) -> Environ | None:
    """Return the environ that *frame* or one below it has to do with."""
    while frame is not None:
        names = frame.f_code.co_varnames
        found = None
        if "environ" in names:
            found = frame.f_locals.get("environ")
        elif frame.f_globals.get("__name__") == _OF_DOORS and names[:1] == ("self",):
            # A streamed answer is made when the application has returned; other servers have it as a local too.
            found = getattr(frame.f_locals.get("self"), "environ", None)
        if isinstance(found, dict) and "REQUEST_METHOD" in found:
            return found
        frame = frame.f_back
    return None


def as_text(running: list[Running]) -> str:
    """Return what runs as text for people."""
    return "\n".join(
        f"{one.name}: {'of unknown age' if one.seconds is None else f'{one.seconds:.2f} s'}\n{one.stack}"
        for one in running
    )
