"""Waiting for descriptors in a strand: in the loop of the hub where one runs, else in the system."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from contextlib import suppress
from os import read as read_at_once  # eventlet replaces them in the module
from os import write as write_at_once
from typing import Any

from brubeck_wsgi.concurrency import Event, current


class Readiness:
    """Waits until one of some descriptors can be read, or somebody says so.

    Args:
        descriptors: to watch, until it is closed.
    """

    def __init__(self, descriptors: Sequence[int]) -> None:
        hub: Any = getattr(current(), "hub", None)  # a scheduler of threads has none
        self._event = Event()
        self._is_watched = hub is not None
        self._ends = [hub.watch(descriptor, self._event.set) for descriptor in descriptors] if hub else []
        self._pipe: tuple[int, int] | None = None
        if not self._is_watched:
            self._pipe = os.pipe()
            os.set_blocking(self._pipe[1], False)
            self._poll = select.poll()
            for descriptor in (self._pipe[0], *descriptors):
                self._poll.register(descriptor, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait, so many *seconds* at most."""
        if self._pipe is None:
            self._event.wait(seconds)
            self._event.clear()
            return
        for descriptor, _ in self._poll.poll(seconds * 1000):
            if descriptor == self._pipe[0]:
                read_at_once(descriptor, 64)

    def wake(self) -> None:
        """End the waiting, or the next one."""
        if self._pipe is None:
            self._event.set()
        else:
            with suppress(BlockingIOError):  # it is woken anyway
                write_at_once(self._pipe[1], b".")

    def close(self) -> None:
        """Watch nothing any more; before the descriptors are closed."""
        for end in self._ends:
            end()
        self._ends = []
        for descriptor in self._pipe or ():
            os.close(descriptor)
        self._pipe = None
