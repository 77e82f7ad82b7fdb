"""A `Mongrel2Connection` while it serves: its sockets, its signals and its end."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from os import read as read_at_once  # eventlet replaces them in the module
from os import write as write_at_once
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from brubeck_wsgi.concurrency.hub import Hub
from brubeck_wsgi.concurrency.stopping import STOPPING, Stopping
from brubeck_wsgi.concurrency.with_threads import ThreadCrew, ThreadHub
from brubeck_wsgi.errors import MissingLibrary
from brubeck_wsgi.gateway.runners import Runners
from brubeck_wsgi.interfaces import Environ, WSGIApplication
from brubeck_wsgi.mongrel2.door import SWEEP_SECONDS, Crew, Door
from brubeck_wsgi.mongrel2.requests import RequestReader
from brubeck_wsgi.mongrel2.settings import Front, Settings
from brubeck_wsgi.mongrel2.uploads import sweep
from brubeck_wsgi.protocols.http1.response import HeadWriter

if TYPE_CHECKING:
    from brubeck_wsgi.mongrel2.with_zmq import Wire

logger = logging.getLogger("brubeck.mongrel2")

_SERVER = "brubeck"
_SUBSCRIPTION_MILLISECONDS = 100
_ROOM_SECONDS = 0.005
_STOP_STEP_SECONDS = 0.002
_LEAVE_SECONDS = 0.4  # ZeroMQ would connect again soon after


def _make_thread_hub() -> Hub:
    return cast(Hub, ThreadHub())  # it has what is used of one where there is no loop


def _make_gevent_hub() -> Hub:
    from brubeck_wsgi.concurrency.with_gevent import GeventHub

    return GeventHub()


def _make_eventlet_hub() -> Hub:
    from brubeck_wsgi.concurrency.with_eventlet import EventletHub

    return EventletHub()


HUBS: dict[str, Callable[[], Hub]] = {
    "gevent": _make_gevent_hub,
    "eventlet": _make_eventlet_hub,
    "threads": _make_thread_hub,
}
"""What a request may run in."""


class Serving:
    """Serves an application behind one or several Mongrel2 servers.

    Args:
        concurrency: a key of `HUBS`.
        fronts: the addresses of the servers.
        settings: how to behave.
        application: what answers.

    Raises:
        MissingLibrary: pyzmq or the hub is not installed.
    """

    def __init__(
        self, concurrency: str, fronts: Sequence[Front], settings: Settings, application: WSGIApplication
    ) -> None:
        hub = self._hub = HUBS[concurrency]()
        hub.patch()
        hub.start()
        self._is_threaded = isinstance(hub, ThreadHub)
        self._is_stopping = False
        self._watches: list[Callable[[], None]] = []
        crew: Crew = ThreadCrew(settings.most_requests) if self._is_threaded else Runners(hub)
        self._stopping = Stopping()
        constants = {"wsgi.errors": ErrorStream(), "SERVER_SOFTWARE": _SERVER, STOPPING: self._stopping}
        reader = RequestReader(settings, constants)
        writer = HeadWriter(_SERVER)
        self._door = Door(hub, crew, application, reader, writer, settings, logger, log_failure)
        self._wires = _make_wires(fronts, self._door, threading.Lock() if self._is_threaded else None)
        removed = sweep(settings)
        if removed:
            logger.warning("removed %s abandoned uploads", removed)

    def broadcast(self, identity: bytes, message: bytes) -> None:
        """Send a message to the Mongrel2 with this *identity*."""
        for wire in self._wires:
            if wire.has_identity(identity):
                wire.broadcast(message)

    def run(self, graceful_seconds: float) -> None:
        """Serve until told to stop, and then until all is answered."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        previous = self._listen_for_signals(writing)
        try:
            if self._is_threaded:
                self._run_threads(reading)
            else:
                self._run_hub(reading)
            self._leave(graceful_seconds)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)

    def _listen_for_signals(self, writing: int) -> dict[int, Any]:
        def stop(number: int, frame: FrameType | None) -> None:
            self._is_stopping = True
            with suppress(BlockingIOError):
                write_at_once(writing, b".")

        try:
            return {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:  # not in the main thread, where signals are somebody else's business
            return {}

    def _run_hub(self, reading: int) -> None:
        hub = self._hub
        told = hub.event()

        def tell() -> None:
            with suppress(BlockingIOError):
                read_at_once(reading, 64)
            told.set()

        hub.watch(reading, tell)
        for wire in self._wires:
            self._watch(wire)
        hub.every(SWEEP_SECONDS, self._sweep)
        while not self._is_stopping:
            told.wait(SWEEP_SECONDS)

    def _watch(self, wire: Wire) -> None:
        """Have the loop receive; the descriptors of ZeroMQ tell of changes only, so all has to be taken."""
        import zmq

        hub, door = self._hub, self._door

        def receive() -> None:
            if wire.is_leaving:
                return
            if wire.receive():
                hub.soon(receive)
            elif not door.has_room:
                door.call_when_room(receive)

        for socket, callback in ((wire.requests, receive), (wire.replies, wire.look_for_subscriptions)):
            descriptor = cast(int, socket.getsockopt(zmq.FD))
            self._watches.append(hub.watch(descriptor, callback))
        # What comes together with an answer that is sent is not told again.
        hub.every(_SUBSCRIPTION_MILLISECONDS / 1000, wire.look_for_subscriptions)

    def _sweep(self) -> None:
        self._door.sweep()
        for wire in self._wires:
            if not wire.is_leaving:
                wire.receive(is_peek=not self._door.has_room)

    def _run_threads(self, reading: int) -> None:
        import zmq

        poller = zmq.Poller()
        poller.register(reading, zmq.POLLIN)
        for wire in self._wires:
            poller.register(wire.requests, zmq.POLLIN)
        door = self._door
        due = door.clock() + SWEEP_SECONDS
        while not self._is_stopping:
            if door.has_room:
                poller.poll(_SUBSCRIPTION_MILLISECONDS)
            else:
                time.sleep(_ROOM_SECONDS)
            for wire in self._wires:
                wire.look_for_subscriptions()
                wire.receive()
            if door.clock() >= due:
                due = door.clock() + SWEEP_SECONDS
                self._sweep()

    def _leave(self, graceful_seconds: float) -> None:
        """Take what has been sent, and answer all of it."""
        door = self._door
        self._stopping.set()
        logger.info("leaving, %s requests in hand", door.in_hand)
        for wire in self._wires:
            wire.begin_to_leave()
        deadline = door.clock() + _LEAVE_SECONDS
        while not all(wire.has_left for wire in self._wires) and door.clock() < deadline:
            for wire in self._wires:
                self._hub.soon(wire.take_rest)  # in the loop, from which requests are served
            self._hub.sleep(_STOP_STEP_SECONDS)
        for end in self._watches:
            end()
        deadline = door.clock() + graceful_seconds
        while door.open_clients and door.clock() < deadline:
            self._hub.sleep(_STOP_STEP_SECONDS)
        for wire in self._wires:
            wire.close()


def _make_wires(fronts: Sequence[Front], door: Door, lock: AbstractContextManager[object] | None) -> list[Wire]:
    try:
        import zmq

        from brubeck_wsgi.mongrel2.with_zmq import Wire
    except ImportError as error:
        raise MissingLibrary("pyzmq", "mongrel2") from error
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    return [Wire(context, front, door, lock) for front in fronts]


class ErrorStream:
    """``wsgi.errors``: each line goes to the logger."""

    def write(self, text: str) -> None:
        """Log *text*."""
        if text.strip():
            logger.error("%s", text.rstrip("\n"))

    def writelines(self, lines: Iterable[str]) -> None:
        """Log each of *lines*."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: what is written has left."""


def log_failure(message: str, environ: Environ, /, *, with_traceback: bool) -> None:
    """Log what is wrong with an application."""
    method, uri = environ.get("REQUEST_METHOD"), environ.get("RAW_URI")
    logger.error("%s %s: %s", method, uri, message, exc_info=with_traceback)
