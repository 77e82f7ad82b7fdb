"""The Gunicorn worker: its process, its signals and its end (https://docs.gunicorn.org/en/stable/design.html)."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import read as read_at_once  # eventlet replaces it in the module
from types import FrameType
from typing import Any, ClassVar

from gunicorn.sock import ssl_context  # type: ignore[import-untyped]  # Gunicorn has no annotations
from gunicorn.workers.base_async import AsyncWorker  # type: ignore[import-untyped]  # the same

from brubeck_wsgi.concurrency.hub import Event, Hub
from brubeck_wsgi.concurrency.stopping import Stopping
from brubeck_wsgi.gateway.handover import Bound, Handover
from brubeck_wsgi.gateway.poller import epoll
from brubeck_wsgi.gateway.server import Listener, Server, Settings
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.workers.configuration import listener_maker, make_parser, make_writer, unspoken
from brubeck_wsgi.workers.observing import observer_for

_NOTIFY_SECONDS = 1.0
_LAST_CHANCE_SECONDS = 1.0  # for idle connections, when the worker stops
_STOP_STEP_SECONDS = 0.02
_GARBAGE_THRESHOLD = 10_000


class _Worker(AsyncWorker):  # type: ignore[misc]  # Gunicorn has no annotations
    """What the workers of all hubs have in common.

    Attributes:
        hub_name: ``"gevent"`` or ``"eventlet"``, which is also the name of the library.
        requirement: what pip installs it by.
        stopping: tells applications that the worker begins to stop.
    """

    hub_name: ClassVar[str]
    requirement: ClassVar[str]
    make_hub: ClassVar[Callable[[], Hub]]

    @classmethod
    def setup(cls) -> None:
        """Be called by Gunicorn's master before it makes workers; end it where no worker could start."""
        if importlib.util.find_spec(cls.hub_name) is None:
            raise SystemExit(f"the {cls.hub_name} worker needs {cls.hub_name}: pip install {cls.requirement}")

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Be called by Gunicorn's master when it has its settings; say what will be slower than it might be."""
        reason = _reason_for_gunicorn(cfg)
        if reason is not None:
            log.info("%s: connections are served by Gunicorn's own code, at its speed", reason)

    def init_process(self) -> None:
        """Begin the process: here, after the fork, the standard library becomes cooperative."""
        # Until Gunicorn has set its own, signals go to what the master has left in this process, and are lost; a
        # master that reloads or stops then waits for this worker as long as graceful_timeout.
        signal.signal(signal.SIGTERM, self.handle_exit)
        self.hub = type(self).make_hub()
        self.hub.patch()
        self.hub.start()
        self._told: Event = self.hub.event()
        self.stopping = Stopping()
        self._is_worn = False
        # Before the application is loaded: Gunicorn ends when a worker cannot begin, and starts another for one
        # that fails later, again and again.
        self._tls = ssl_context(self.cfg) if self.cfg.is_ssl else None
        super().init_process()

    def run(self) -> None:
        """Serve until told to stop, and then until all is answered."""
        gc.collect()
        gc.freeze()  # what is loaded by now stays
        if gc.get_threshold()[0] < _GARBAGE_THRESHOLD:
            gc.set_threshold(_GARBAGE_THRESHOLD)
        server = self._server = self._make_server()
        self.hub.watch(self.PIPE[0], self._wake)
        server.start()
        seconds = min(_NOTIFY_SECONDS, self.timeout or _NOTIFY_SECONDS)  # which is half of the setting
        while self.alive:
            self.notify()
            self._told.wait(seconds)
            self._told = self.hub.event()
        self._stop(server)

    def notify(self) -> None:
        """Tell the master that the loop is not blocked; stop if the master is gone."""
        super().notify()
        if self.ppid != os.getppid():
            self.log.info("Parent changed, shutting down: %s", self)
            self.alive = False

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at once; in a greenlet, since a signal handler must not wait."""
        self.hub.spawn(super().handle_quit, sig, frame)

    def handle_usr1(self, sig: int, frame: FrameType | None) -> None:
        """Open the log files again; in a greenlet, since a signal handler must not wait for a lock."""
        self.hub.spawn(super().handle_usr1, sig, frame)

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Limit how long Gunicorn's own code waits for a request; it does that in this context."""
        assert isinstance(self._server, Handover)
        with self._server.idle(), self.hub.limit(self.cfg.keepalive):
            yield

    def _wake(self) -> None:
        """Have `run` look whether it is to stop: a signal has come, or the reloader has found a change."""
        with suppress(BlockingIOError):
            read_at_once(self.PIPE[0], 4096)
        self._told.set()

    def _make_server(self) -> Server | Handover:
        cfg = self.cfg
        sockets = [wrapped.sock for wrapped in self.sockets]
        reason = _reason_for_gunicorn(cfg)
        if reason is not None:
            return Handover(self.hub, sockets, self._serve_with_gunicorn, self.worker_connections)
        settings = Settings(
            keepalive_seconds=cfg.keepalive,
            most_connections=self.worker_connections,
            is_alone=cfg.workers == 1 or cfg.reuse_port,
            most_requests=self.max_requests,
            on_limit=self._wear_out,
        )
        make = listener_maker(cfg, self.log, self.stopping)
        return Server(
            self.hub,
            self.wsgi,
            [Listener(listening, make(listening)) for listening in sockets],
            make_parser(cfg),
            make_writer(),
            settings,
            self.log,
            self._log_failure,
            observer_for(self, cfg, self.log),
        )

    def _wear_out(self) -> None:
        if self.alive:
            self.log.info("Autorestarting worker after current request.")
        self.alive = False
        self._is_worn = True
        self._told.set()

    def _stop(self, server: Server | Handover) -> None:
        """Answer all that has reached this worker, give idle connections a last chance, and end."""
        patience_ends = time.monotonic() + self.cfg.graceful_timeout
        self.stopping.set()  # streams and WebSockets would go on otherwise
        if self._is_worn and self.cfg.workers == 1:
            # Another worker is started only when this one has gone: it goes on accepting while connections have
            # their last chance, so that nobody has to wait for its successor that long.
            server.stop(keeps_accepting=True)
            self._wait_until_closed(server, min(patience_ends, time.monotonic() + _LAST_CHANCE_SECONDS))
        server.stop()
        self._wait_until_closed(server, min(patience_ends, time.monotonic() + _LAST_CHANCE_SECONDS))
        self._wait_until_closed(server, patience_ends, ends_idle=True)
        if server.open_connections:
            self.log.warning("Worker graceful timeout (pid:%s)", self.pid)
        server.close()

    def _wait_until_closed(self, server: Server | Handover, until: float, ends_idle: bool = False) -> None:
        while server.open_connections and time.monotonic() < until:
            if ends_idle:
                server.end_idle()
            self.notify()
            self.hub.sleep(_STOP_STEP_SECONDS)

    def _serve_with_gunicorn(self, client: Any, address: Any, bound: Bound) -> None:
        client.setblocking(True)
        if self._tls is not None:
            try:
                client = self._tls.wrap_socket(
                    client,
                    server_side=True,
                    suppress_ragged_eofs=self.cfg.suppress_ragged_eofs,
                    do_handshake_on_connect=self.cfg.do_handshake_on_connect,
                )
            except OSError as error:
                self.log.debug("TLS handshake failed: %s", error)
                client.close()
                return
        self.handle(bound, client, address)

    def _log_failure(self, message: str, environ: Environ, /, *, with_traceback: bool) -> None:
        log = self.log.exception if with_traceback else self.log.error
        log("%s %s: %s", environ.get("REQUEST_METHOD"), environ.get("RAW_URI"), message)


def _reason_for_gunicorn(cfg: Any) -> str | None:
    """Return why Gunicorn's own code has to serve; None if it need not."""
    return unspoken(cfg) or ("no epoll on this system" if epoll is None else None)


def _make_gevent_hub() -> Hub:
    from brubeck_wsgi.concurrency.with_gevent import GeventHub

    return GeventHub()


def _make_eventlet_hub() -> Hub:
    from brubeck_wsgi.concurrency.with_eventlet import EventletHub

    return EventletHub()


class GeventWorker(_Worker):
    """A Gunicorn worker on gevent."""

    hub_name = "gevent"
    requirement = "gevent"
    make_hub = staticmethod(_make_gevent_hub)


class EventletWorker(_Worker):
    """A Gunicorn worker on eventlet."""

    hub_name = "eventlet"
    requirement = "'brubeck-wsgi[eventlet]'"
    make_hub = staticmethod(_make_eventlet_hub)
