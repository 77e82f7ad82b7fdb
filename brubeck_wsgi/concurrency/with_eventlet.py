"""The scheduler face over eventlet."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast

from greenlet import greenlet

from brubeck_wsgi.concurrency.hub import Event

# Of these, the stubs know nothing.
_logging: Any = logging
_reinit_at_fork: Callable[[logging.Handler], None] = _logging._register_at_fork_reinit_lock


class EventletHub:
    """See `brubeck_wsgi.concurrency.hub.Hub`."""

    name = "eventlet"

    def __init__(self) -> None:
        import eventlet  # here, so that a missing library is an error of whoever asks for it

        self._eventlet = eventlet

    @classmethod
    def of_this_thread(cls) -> EventletHub:
        """Return the face of the hub that this thread has, or gets with its first greenlet."""
        from eventlet import hubs

        face = cls()
        face._use(hubs.get_hub())
        return face

    def patch(self) -> None:
        self._eventlet.monkey_patch()
        self.share_logging()

    def start(self) -> None:
        from eventlet import hubs

        hubs.use_hub()
        self._use(hubs.get_hub())

    def _use(self, hub: Any) -> None:
        self._hub = hub
        # Its bound method, and not the hub's own switch, which looks after greenlets that never park here.
        self.park = self._hub.greenlet.switch

    def watch(self, descriptor: int, callback: Callable[[], object]) -> Callable[[], None]:
        listener = self._hub.add(self._hub.READ, descriptor, lambda _: callback(), _ignore, _ignore)
        return lambda: self._hub.remove(listener)

    def every(self, seconds: float, callback: Callable[[], None]) -> None:
        def call() -> None:
            self._hub.schedule_call_global(seconds, call)
            callback()

        self._hub.schedule_call_global(seconds, call)

    def soon(self, callback: Callable[[], None]) -> None:
        self._hub.schedule_call_global(0, callback)

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        timer = self._hub.schedule_call_global(seconds, callback)
        return cast("Callable[[], None]", timer.cancel)

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        self._eventlet.spawn(function, *args)

    def sleep(self, seconds: float) -> None:
        self._eventlet.sleep(seconds)

    def native(self, module: str, name: str) -> Any:
        from eventlet import patcher

        return getattr(patcher.original(module), name)

    def share_logging(self) -> None:
        # eventlet's locks are for one thread: who has to wait for another thread waits for ever, or is switched to
        # where it is not ("Cannot switch to a different thread").
        make_lock: Any = self.native("_thread", "RLock")

        def create_lock(handler: logging.Handler) -> None:
            handler.lock = make_lock()
            _reinit_at_fork(handler)

        logging.Handler.createLock = create_lock  # type: ignore[method-assign,assignment]  # of later ones
        # A lock that is one already may be held by another thread.
        if not isinstance(_logging._lock, make_lock):
            _logging._lock = make_lock()
        for reference in list(_logging._handlerList):
            handler = reference()
            if handler is not None and not isinstance(handler.lock, make_lock | None):
                handler.createLock()

    def runner(self, function: Callable[[], None]) -> greenlet:
        return greenlet(function, self._hub.greenlet)

    def holds_locals(self, runner: greenlet) -> bool:
        # eventlet.corolocal keeps values in dictionaries with weak references to greenlets as keys.
        return weakref.getweakrefcount(runner) > 0

    def event(self) -> Event:
        return _Event(self._eventlet)

    def cooperative_socket(self, family: int, kind: int, descriptor: int) -> Any:
        from eventlet.green import socket

        return socket.socket(family, kind, fileno=descriptor)

    def limit(self, seconds: float) -> AbstractContextManager[Any]:
        return cast("AbstractContextManager[Any]", self._eventlet.Timeout(seconds, False))


class _Event:
    """What eventlet calls an event can be sent once, and waited for without a limit only."""

    def __init__(self, eventlet: Any) -> None:
        from eventlet.event import Event as EventletEvent

        self._eventlet = eventlet
        self._event = EventletEvent()

    def set(self) -> None:
        if not self._event.ready():
            self._event.send(True)

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None:
            return cast(bool, self._event.wait())
        limit: AbstractContextManager[bool] = self._eventlet.Timeout(timeout, False)
        with limit:  # which swallows what ends the waiting
            self._event.wait()
        return cast(bool, self._event.ready())


def _ignore(*_: object) -> None:
    """Do what there is to do when the hub gives a descriptor up: nothing, it is ours."""
