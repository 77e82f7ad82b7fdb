"""The scheduler face over gevent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import MethodType
from typing import Any, cast

from greenlet import greenlet

from brubeck_wsgi.concurrency.hub import Event


class GeventHub:
    """See `brubeck_wsgi.concurrency.hub.Hub`."""

    name = "gevent"

    def __init__(self) -> None:
        import gevent  # here, so that a missing library is an error of whoever asks for it

        self._gevent = gevent
        self._watchers: list[Any] = []

    @classmethod
    def of_this_thread(cls) -> GeventHub:
        """Return the face of the hub that this thread has, or gets with its first greenlet."""
        from gevent import hub

        face = cls()
        face._use(hub.get_hub())
        return face

    def patch(self) -> None:
        from gevent import monkey

        monkey.patch_all()

    def start(self) -> None:
        from gevent import hub

        hub.reinit()
        self._use(hub.get_hub())

    def _use(self, hub: Any) -> None:
        self._hub = hub
        # Not the hub's own switch, which asks each greenlet whether it wants to know that it is left.
        self.park: Callable[[], Any] = MethodType(greenlet.switch, self._hub)

    def watch(self, descriptor: int, callback: Callable[[], object]) -> Callable[[], None]:
        watcher = self._hub.loop.io(descriptor, 1)
        watcher.start(callback)

        def end() -> None:
            watcher.stop()
            watcher.close()

        return end

    def every(self, seconds: float, callback: Callable[[], None]) -> None:
        timer = self._hub.loop.timer(seconds, seconds)
        timer.start(callback)
        self._watchers.append(timer)  # the loop does not keep it alive

    def soon(self, callback: Callable[[], None]) -> None:
        self._hub.loop.run_callback(callback)

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        timer = self._hub.loop.timer(seconds)

        def end() -> None:
            timer.stop()
            timer.close()

        timer.start(callback)
        return end

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        self._gevent.spawn(function, *args)

    def sleep(self, seconds: float) -> None:
        self._gevent.sleep(seconds)

    def native(self, module: str, name: str) -> Any:
        from gevent import monkey

        return monkey.get_original(module, name)

    def share_logging(self) -> None:
        """Do nothing: gevent's locks are for threads too."""

    def runner(self, function: Callable[[], None]) -> greenlet:
        return greenlet(function, self._hub)

    def holds_locals(self, runner: greenlet) -> bool:
        # gevent.local notes each local that has values for a greenlet in the greenlet itself.
        return bool(runner.__dict__)

    def event(self) -> Event:
        from gevent.event import Event as GeventEvent

        return cast(Event, GeventEvent())

    def cooperative_socket(self, family: int, kind: int, descriptor: int) -> Any:
        from gevent import socket

        return socket.socket(family, kind, fileno=descriptor)

    def limit(self, seconds: float) -> AbstractContextManager[Any]:
        return cast("AbstractContextManager[Any]", self._gevent.Timeout(seconds, False))  # type: ignore[arg-type]  # its types do not know False
