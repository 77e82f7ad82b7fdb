"""How an application learns that its server is about to stop: ``brubeck.stopping`` in the environ."""

from __future__ import annotations

from collections.abc import Callable

from brubeck_wsgi.concurrency.primitives import Event

STOPPING = "brubeck.stopping"
"""The key of the environ where a server has a `Stopping`, one for all requests."""


class Stopping(Event):
    """An event that happens when the server begins to stop; it calls those who cannot wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._made = 0

    def call(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call *callback*, which must not wait, when it happens; at once if it has.

        Returns:
            What prevents that.
        """
        self._made = number = self._made + 1
        self._callbacks[number] = callback
        if self.is_set():
            self._call_all()
        return lambda: self._forget(number)

    def set(self) -> None:
        """Let it happen."""
        super().set()
        self._call_all()

    def _call_all(self) -> None:
        while self._callbacks:
            _, callback = self._callbacks.popitem()
            callback()

    def _forget(self, number: int) -> None:
        self._callbacks.pop(number, None)
