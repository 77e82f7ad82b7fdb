"""Coroutines for plain blocking code: the same face over gevent, over eventlet, and over threads where no hub runs."""

from brubeck_wsgi.concurrency.deadlines import shield, timeout
from brubeck_wsgi.concurrency.finding import current
from brubeck_wsgi.concurrency.primitives import Empty, Event, Full, Local, Lock, Queue, Semaphore, sleep
from brubeck_wsgi.concurrency.strands import Cancelled, Scheduler
from brubeck_wsgi.concurrency.tasks import Task, TaskGroup, gather, map_tasks, race, spawn

__all__ = [
    "Cancelled",
    "Empty",
    "Event",
    "Full",
    "Local",
    "Lock",
    "Queue",
    "Scheduler",
    "Semaphore",
    "Task",
    "TaskGroup",
    "current",
    "gather",
    "map_tasks",
    "race",
    "shield",
    "sleep",
    "spawn",
    "timeout",
]
