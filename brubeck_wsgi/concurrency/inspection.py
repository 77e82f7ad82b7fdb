"""What runs in this process at the moment, found without touching any of it."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any, NamedTuple

from brubeck_wsgi.concurrency.finding import current
from brubeck_wsgi.concurrency.tasks import Task


class Running(NamedTuple):
    """A greenlet or a thread.

    Attributes:
        name: what it does.
        seconds: for how long; None if that is not known.
        stack: where it stands, as a traceback has it.
    """

    name: str
    seconds: float | None
    stack: str


def running_tasks(describe: Callable[[Any, FrameType], tuple[str, float | None] | None]) -> list[Running]:
    """Return all that runs, the oldest first; what is nothing of this package's comes last.

    Args:
        describe: tells of a greenlet, or what identifies a thread, and its innermost frame what it is about, and since
            when by `time.monotonic`; None if that is not known.
    """
    now = monotonic()
    found = []
    for name, carrier, frame in _frames():
        text, began = describe(carrier, frame) or _described_task(frame) or (name, None)
        stack = "".join(traceback.format_stack(frame)).rstrip()
        found.append(Running(text, None if began is None else now - began, stack))
    return sorted(found, key=lambda running: (running.seconds is None, -(running.seconds or 0.0)))


def _described_task(frame: FrameType | None) -> tuple[str, float | None] | None:
    while frame is not None:
        if frame.f_code is Task._run.__code__:
            task: Task[Any] = frame.f_locals["self"]
            return f"task {task.name}", task.began
        frame = frame.f_back
    return None


def _frames() -> list[tuple[str, Any, FrameType]]:
    """Return name, carrier and innermost frame of each thread, and of each greenlet that waits."""
    found: list[tuple[str, Any, FrameType]] = []
    here = sys._getframe()
    for identity, frame in sys._current_frames().items():
        carrier = current().calls.carrier() if frame is here else identity
        found.append((f"thread {identity}", carrier, frame))
    module: Any = sys.modules.get("greenlet")
    things = gc.get_objects() if module is not None else []
    for thing in things:
        if isinstance(thing, module.greenlet) and thing.gr_frame is not None:
            found.append((f"greenlet {id(thing):#x}", thing, thing.gr_frame))
    return found
