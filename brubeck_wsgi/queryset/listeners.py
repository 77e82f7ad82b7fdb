"""Who is told of changes."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from brubeck_wsgi.queryset.results import Change

Listener: TypeAlias = Callable[[Change], object]

_logger = logging.getLogger(__name__)


class Listeners:
    """Tells listeners of each change, one after the other and in order, whoever makes them at the same time."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._changes: deque[Change] = deque()
        self._turn = [None]  # taken by who tells; taking the last item of a list is atomic, with threads too

    def add(self, listener: Listener) -> Callable[[], None]:
        """Tell *listener* from now on, until what is returned is called."""
        self._listeners = (*self._listeners, listener)

        def remove() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return remove

    def queue(self, change: Change) -> None:
        """Note something to tell."""
        if self._listeners:
            self._changes.append(change)

    def tell(self) -> None:
        """Tell what was noted, unless somebody is at it already, who then tells this too."""
        while self._changes:
            try:
                self._turn.pop()
            except IndexError:
                return
            try:
                while self._changes:
                    self._tell(self._changes.popleft())
            finally:
                self._turn.append(None)

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:  # the change has happened, and the others are to know it
                _logger.exception("a listener failed at the change %s of %r", change.kind, change.id)
