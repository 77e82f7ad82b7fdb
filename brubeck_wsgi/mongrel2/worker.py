"""Gunicorn workers that serve behind Mongrel2: ``gunicorn -k egg:brubeck-wsgi#mongrel2``, or ``#mongrel2-eventlet``.

MONGREL2_RECV and MONGREL2_SEND of the environment say where Mongrel2 is. Gunicorn's own listening socket serves a
health page. Workers come and go, by TERM, HUP or max_requests, without a request lost or answered twice:
see `brubeck_wsgi.mongrel2.switchboard`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import gunicorn  # type: ignore[import-untyped]  # Gunicorn has no annotations

from brubeck_wsgi.concurrency.stopping import STOPPING
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.gateway.poller import Poller
from brubeck_wsgi.gateway.runners import Runners
from brubeck_wsgi.gateway.server import Listener, Server
from brubeck_wsgi.gateway.server import Settings as ServerSettings
from brubeck_wsgi.interfaces import Environ, StartResponse
from brubeck_wsgi.mongrel2.door import SWEEP_SECONDS, Door
from brubeck_wsgi.mongrel2.front import Front
from brubeck_wsgi.mongrel2.link import Link
from brubeck_wsgi.mongrel2.replies import ReplyKeeper
from brubeck_wsgi.mongrel2.requests import RequestReader
from brubeck_wsgi.mongrel2.settings import fronts_from_environment, settings_from_environment
from brubeck_wsgi.mongrel2.spawning import new_link, take_stream
from brubeck_wsgi.mongrel2.uploads import sweep
from brubeck_wsgi.workers.configuration import ErrorStream, listener_maker, make_parser, make_writer
from brubeck_wsgi.workers.observing import observer_for
from brubeck_wsgi.workers.worker import EventletWorker as HTTPEventletWorker
from brubeck_wsgi.workers.worker import GeventWorker as HTTPGeventWorker


class _Mongrel2:
    """What the workers of both hubs have in common; stands before a worker of `brubeck_wsgi.workers`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # Here, in the master: the switchboard is to outlive this worker.
        self.link = new_link(fronts_from_environment())

    @classmethod
    def setup(cls) -> None:
        """Be called by Gunicorn's master before it makes workers; end it where no worker could start."""
        super().setup()  # type: ignore[misc]  # of the worker that stands behind this
        try:
            fronts_from_environment()
            settings_from_environment()
        except ConfigurationError as error:
            raise SystemExit(str(error)) from None

    def _make_server(self) -> Any:
        return _Service(self)


class GeventWorker(_Mongrel2, HTTPGeventWorker):
    """A Gunicorn worker behind Mongrel2, on gevent."""


class EventletWorker(_Mongrel2, HTTPEventletWorker):
    """A Gunicorn worker behind Mongrel2, on eventlet."""


class _Service:
    """What a worker runs: the door to Mongrel2, and a health page; the face of `brubeck_wsgi.gateway.server.Server`."""

    def __init__(self, worker: Any) -> None:
        cfg, log, hub = worker.cfg, worker.log, worker.hub
        settings = settings_from_environment()._replace(most_requests=worker.worker_connections)
        runners = Runners(hub)
        poller = Poller(hub, runners)
        self._hub = hub
        self._log = log
        self._fronts: set[bytes] = set()
        self._is_stopping = False
        self._link = Link(hub, poller, take_stream(worker.link), settings.most_requests, self._lose_switchboard)
        constants = {
            "wsgi.errors": ErrorStream(log),
            "wsgi.multiprocess": cfg.workers > 1,
            "SERVER_SOFTWARE": gunicorn.SERVER_SOFTWARE,
            STOPPING: worker.stopping,
        }
        self._worker = worker
        self._door = Door(
            hub,
            runners,
            worker.wsgi,
            RequestReader(settings, constants),
            make_writer(),
            settings,
            log,
            worker._log_failure,
            observer_for(worker, cfg, log),
            notes=self._link,
            limit=worker.max_requests,
            on_limit=worker._wear_out,
        )
        self._link.door = self._door
        self._replies = ReplyKeeper(
            hub, poller, [front.send for front in fronts_from_environment()], self, self._door.clock
        )
        make = listener_maker(cfg, log)
        listeners = [Listener(wrapped.sock, make(wrapped.sock)) for wrapped in worker.sockets]
        self._health = Server(
            hub,
            self._answer_health,
            listeners,
            make_parser(cfg),
            make_writer(),
            ServerSettings(cfg.keepalive, worker.worker_connections, is_alone=cfg.workers == 1),
            log,
            worker._log_failure,
        )
        removed = sweep(settings)
        if removed:
            log.warning("removed %s abandoned uploads", removed)

    # -- the door to Mongrel2 opens and closes

    def front_opened(self, identity: bytes, front: Front, /) -> None:
        """Take note that a Mongrel2 takes answers."""
        self._fronts.add(identity)
        self._door.front_opened(identity, front)
        self._link.front_ready(identity)

    def front_closed(self, identity: bytes, /) -> None:
        """Take note that a Mongrel2 has gone."""
        self._fronts.discard(identity)
        self._door.front_closed(identity)
        self._link.front_gone(identity)

    def _lose_switchboard(self) -> None:
        if not self._is_stopping:
            self._log.error("the switchboard has ended, and so does this worker")
            self._worker.alive = False
            self._worker._told.set()

    # -- what the worker calls

    def start(self) -> None:
        """Begin to serve."""
        self._link.start()
        self._hub.every(SWEEP_SECONDS, self._door.sweep)
        self._health.start()

    @property
    def open_connections(self) -> int:
        """How much is still to be done."""
        is_linked = not self._link.has_ended
        return self._door.open_clients + self._health.open_connections + is_linked + bool(self._replies.backlog)

    def stop(self, keeps_accepting: bool = False) -> None:
        """Take nothing new."""
        self._is_stopping = True
        self._link.leave()
        self._health.stop(keeps_accepting)

    def stop_accepting(self) -> None:
        """Close the listeners of the health page."""
        self._health.stop_accepting()

    def end_idle(self) -> None:
        """Close the idle connections to the health page."""
        self._health.end_idle()

    def close(self) -> None:
        """End everything."""
        self._health.close()
        self._link.flush()
        self._replies.close()
        self._link.close()

    def _answer_health(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Say how things are: 200 while a Mongrel2 is there, 503 while none is."""
        door = self._door
        facts = {
            "fronts": sorted(identity.decode("latin-1") for identity in self._fronts),
            "in_hand": door.in_hand,
            "requests": door.requests,
            "malformed": door.malformed,
            "time": int(time.time()),
        }
        status = "200 OK" if self._fronts else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        return [json.dumps(facts).encode()]
