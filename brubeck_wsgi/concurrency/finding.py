"""Which scheduler a thread runs under, found without patching or starting anything."""

from __future__ import annotations

import os
import sys
from _thread import _local as thread_local  # gevent and eventlet replace the one of threading
from typing import Any

from brubeck_wsgi.concurrency.on_threads import ThreadScheduler
from brubeck_wsgi.concurrency.strands import Scheduler

_found: Any = thread_local()
_threads = ThreadScheduler()
os.register_at_fork(after_in_child=_threads.calls.forget)  # the thread that looks at them is the parent's


def current() -> Scheduler:
    """Return the scheduler of this thread: that of the hub which has made the standard library cooperative, if any.

    A thread that has a hub of its own without such a patch uses it too.
    """
    scheduler: Scheduler | None = getattr(_found, "scheduler", None)
    return scheduler or _find()


def _find() -> Scheduler:
    scheduler: Scheduler | None = None
    # Imported here: where no hub runs, nobody needs greenlets.
    if _runs_gevent():
        from brubeck_wsgi.concurrency.on_greenlets import GreenletScheduler
        from brubeck_wsgi.concurrency.with_gevent import GeventHub

        scheduler = GreenletScheduler(GeventHub.of_this_thread())
    elif _runs_eventlet():
        from brubeck_wsgi.concurrency.on_greenlets import GreenletScheduler
        from brubeck_wsgi.concurrency.with_eventlet import EventletHub

        scheduler = GreenletScheduler(EventletHub.of_this_thread())
    if scheduler is None:
        return _threads  # not kept: a hub may come yet
    _found.scheduler = scheduler
    return scheduler


def _runs_gevent() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("socket"):
        return True
    hub = sys.modules.get("gevent._hub_local")
    return hub is not None and hub.get_hub_if_exists() is not None


def _runs_eventlet() -> bool:
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and patcher.is_monkey_patched("socket"):
        return True
    hubs = sys.modules.get("eventlet.hubs")
    return hubs is not None and getattr(hubs._threadlocal, "hub", None) is not None
