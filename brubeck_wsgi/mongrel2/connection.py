"""`Mongrel2Connection`: serves a WSGI application behind Mongrel2, in one process, over pyzmq."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from os import read as read_at_once  # eventlet replaces them in the module
from os import write as write_at_once
from types import FrameType
from typing import Any, cast

from brubeck_wsgi.concurrency.hub import Hub
from brubeck_wsgi.concurrency.with_threads import ThreadCrew, ThreadHub
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.gateway.runners import Runners
from brubeck_wsgi.interfaces import Environ, WSGIApplication
from brubeck_wsgi.mongrel2.door import SWEEP_SECONDS, Crew, Door
from brubeck_wsgi.mongrel2.requests import RequestReader
from brubeck_wsgi.mongrel2.settings import Settings, make_fronts, with_uploads
from brubeck_wsgi.mongrel2.uploads import sweep
from brubeck_wsgi.mongrel2.with_zmq import Wire, make_context
from brubeck_wsgi.protocols.http1.response import HeadWriter
from brubeck_wsgi.protocols.mongrel2 import serialize_replies

logger = logging.getLogger("brubeck.mongrel2")

_SERVER = "brubeck"
_SUBSCRIPTION_MILLISECONDS = 100
_ROOM_SECONDS = 0.005
_STOP_STEP_SECONDS = 0.002
_LEAVE_SECONDS = 0.15  # ZeroMQ would connect again soon after
_REPLY = bytes | str


class Mongrel2Connection:
    """Serves a WSGI application to the clients of one or several Mongrel2 servers.

    A process that leaves under load may lose a request: ZeroMQ's sockets cannot be left without. The Gunicorn
    workers of this package lose none; see `brubeck_wsgi.mongrel2.worker`.

    Args:
        pull_addr: where requests come from, ``send_spec`` of Mongrel2's Handler: ``"tcp://127.0.0.1:9997"``; a
            list for several servers.
        pub_addr: where answers go, its ``recv_spec``; as many.
        concurrency: ``"gevent"``, ``"eventlet"`` or ``"threads"``: what a request runs in.
        pool_size: how many requests are taken at a time; others wait in ZeroMQ.
        upload_temp_store: ``upload.temp_store`` of Mongrel2, if large bodies are to be taken.
        chroot: Mongrel2's, if it runs in one.
        script_name: whether the fixed part of a route's pattern becomes SCRIPT_NAME.
        graceful_seconds: how long requests may take when the process is told to stop.

    Raises:
        ConfigurationError: an argument is not what is described here.
    """

    def __init__(
        self,
        pull_addr: str | Sequence[str],
        pub_addr: str | Sequence[str],
        *,
        concurrency: str = "gevent",
        pool_size: int = 1000,
        upload_temp_store: str | None = None,
        chroot: str = "",
        script_name: bool = False,
        graceful_seconds: float = 30.0,
    ) -> None:
        self.fronts = make_fronts(pull_addr, pub_addr)
        if concurrency not in _HUBS:
            raise ConfigurationError(f"expected concurrency as one of {', '.join(_HUBS)}, got {concurrency!r}")
        if not isinstance(pool_size, int) or pool_size < 1:
            raise ConfigurationError(f"expected pool_size as a number of requests, 1 or more, got {pool_size!r}")
        self.concurrency = concurrency
        settings = Settings(chroot=chroot, most_requests=pool_size, has_script_name=script_name)
        self.settings = with_uploads(settings, upload_temp_store)
        self._graceful_seconds = graceful_seconds
        self._serving: _Serving | None = None

    def recv_forever_ever(self, application: WSGIApplication) -> None:
        """Serve *application* until SIGTERM or SIGINT, and then until all is answered.

        Raises:
            ConfigurationError: the application cannot be called.
            MissingLibrary: pyzmq or the hub is not installed.
        """
        if not callable(application):
            raise ConfigurationError(f"expected a WSGI application, got {application!r:.80}")
        self._serving = _Serving(self, application)
        self._serving.run(self._graceful_seconds)

    # -- answers beside the application's own, as Brubeck had them

    def send(self, uuid: str, conn_id: str | int, msg: _REPLY) -> None:
        """Send bytes, or text as UTF-8, to one client of the Mongrel2 *uuid*, as they are."""
        self.reply_bulk(uuid, [conn_id], msg)

    def reply(self, req: Any, msg: _REPLY) -> None:
        """Send *msg* to the client of a request, as it is.

        Args:
            req: the request, or its environ.
            msg: bytes, or text as UTF-8; the client reads it as HTTP, or as frames of its WebSocket.
        """
        self.send(*address_of(req), msg)

    def reply_bulk(self, uuid: str, idents: Iterable[str | int], data: _REPLY) -> None:
        """Send *data* to many clients of one Mongrel2; in as few messages as it takes, 128 clients in each."""
        if self._serving is None:
            raise RuntimeError("expected a connection that serves")
        connections = [str(ident).encode("latin-1", "replace") for ident in idents]
        payload = data.encode() if isinstance(data, str) else data
        for message in serialize_replies(uuid.encode("latin-1", "replace"), connections, payload):
            self._serving.broadcast(uuid.encode(), message)

    def close(self, req: Any) -> None:
        """Close the connection of a request's client, after what was sent before."""
        self.reply(req, b"")

    def close_bulk(self, uuid: str, idents: Iterable[str | int]) -> None:
        """Close the connections of many clients of one Mongrel2."""
        self.reply_bulk(uuid, idents, b"")


def address_of(request: Any) -> tuple[str, str]:
    """Return the identity of the Mongrel2 and the number of the connection that a request came on.

    Args:
        request: the request, or its environ.

    Raises:
        ValueError: it did not come from Mongrel2.
    """
    environ: Environ = request if isinstance(request, dict) else request.environ
    key = environ.get("brubeck.mongrel2")
    if key is None:
        raise ValueError("expected a request from Mongrel2")
    uuid, _, connection = key.decode("ascii").partition(" ")
    return uuid, connection


def _make_thread_hub() -> Hub:
    return cast(Hub, ThreadHub())  # it has what is used of one where there is no loop


def _make_gevent_hub() -> Hub:
    from brubeck_wsgi.concurrency.with_gevent import GeventHub

    return GeventHub()


def _make_eventlet_hub() -> Hub:
    from brubeck_wsgi.concurrency.with_eventlet import EventletHub

    return EventletHub()


_HUBS: dict[str, Callable[[], Hub]] = {
    "gevent": _make_gevent_hub,
    "eventlet": _make_eventlet_hub,
    "threads": _make_thread_hub,
}


class _Serving:
    """A connection that serves."""

    def __init__(self, connection: Mongrel2Connection, application: WSGIApplication) -> None:
        hub = self._hub = _HUBS[connection.concurrency]()
        hub.patch()
        hub.start()
        self._is_threaded = isinstance(hub, ThreadHub)
        self._is_stopping = False
        self._watches: list[Callable[[], None]] = []
        settings = connection.settings
        lock: AbstractContextManager[object] = threading.RLock() if self._is_threaded else nullcontext()
        crew: Crew = ThreadCrew(settings.most_requests) if self._is_threaded else Runners(hub)
        reader = RequestReader(settings, {"wsgi.errors": ErrorStream(), "SERVER_SOFTWARE": _SERVER})
        writer = HeadWriter(_SERVER)
        self._door = Door(hub, crew, application, reader, writer, settings, logger, log_failure, lock=lock)
        context = make_context()
        reply_lock: AbstractContextManager[object] = threading.Lock() if self._is_threaded else nullcontext()
        self._wires = [Wire(context, front, self._door, reply_lock) for front in connection.fronts]
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

        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}

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
