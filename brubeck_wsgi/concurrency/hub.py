"""What a door needs of a scheduler: its loop, and greenlets that it may keep and use again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import greenlet

Greenlet = greenlet.greenlet
GreenletExit = greenlet.GreenletExit
current_greenlet = greenlet.getcurrent


class Event(Protocol):
    """Something that happens once, and that greenlets can wait for."""

    def set(self) -> None:
        """Let it happen."""
        ...

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until it has happened, for *timeout* seconds at most."""
        ...


class Hub(Protocol):
    """The scheduler of one process.

    Everything but `name`, `patch` and `start` is for after `start`.

    Attributes:
        name: ``"gevent"`` or ``"eventlet"``.
        park: give control to the loop from within a greenlet; returns when somebody switches back.
    """

    name: str
    park: Callable[[], Any]

    def patch(self) -> None:
        """Make the standard library cooperative in this process."""
        ...

    def start(self) -> None:
        """Make the loop of this process; in a child, forget the parent's."""
        ...

    def watch(self, descriptor: int, callback: Callable[[], object]) -> Callable[[], None]:
        """Call *callback*, which must not block, in the loop while *descriptor* can be read; return what ends that."""
        ...

    def every(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call *callback*, which must not block, in the loop every so many *seconds*."""
        ...

    def soon(self, callback: Callable[[], None]) -> None:
        """Call *callback*, which must not block, in the loop, once."""
        ...

    def later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback*, which must not block, in the loop after so many *seconds*; return what prevents that."""
        ...

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        """Run *function* in a greenlet of its own."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let others run for so many *seconds*."""
        ...

    def native(self, module: str, name: str) -> Any:
        """Return what *module* of the standard library has under *name* where nothing is patched."""
        ...

    def share_logging(self) -> None:
        """See to it that threads without a loop can log beside the greenlets of this one."""
        ...

    def runner(self, function: Callable[[], None]) -> Greenlet:
        """Return a greenlet below the loop that runs *function* once the loop switches to it."""
        ...

    def holds_locals(self, runner: Greenlet) -> bool:
        """Tell whether something has kept values for this greenlet, as ``threading.local`` does."""
        ...

    def event(self) -> Event:
        """Return an event that has not happened."""
        ...

    def cooperative_socket(self, family: int, kind: int, descriptor: int) -> Any:
        """Return a socket over *descriptor* whose waiting is the hub's; it owns the descriptor."""
        ...

    def limit(self, seconds: float) -> AbstractContextManager[Any]:
        """Return a context that is left quietly after so many *seconds*."""
        ...
