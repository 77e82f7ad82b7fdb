"""`Mongrel2Connection`: serves a WSGI application behind Mongrel2, in one process, over pyzmq."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.interfaces import Environ, WSGIApplication
from brubeck_wsgi.mongrel2.serving import HUBS, Serving
from brubeck_wsgi.mongrel2.settings import Settings, make_fronts, with_uploads
from brubeck_wsgi.protocols.mongrel2 import serialize_replies

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
        if concurrency not in HUBS:
            raise ConfigurationError(f"expected concurrency as one of {', '.join(HUBS)}, got {concurrency!r}")
        if not isinstance(pool_size, int) or pool_size < 1:
            raise ConfigurationError(f"expected pool_size as a number of requests, 1 or more, got {pool_size!r}")
        self.concurrency = concurrency
        settings = Settings(chroot=chroot, most_requests=pool_size, has_script_name=script_name)
        self.settings = with_uploads(settings, upload_temp_store)
        self._graceful_seconds = graceful_seconds
        self._serving: Serving | None = None

    def recv_forever_ever(self, application: WSGIApplication) -> None:
        """Serve *application* until SIGTERM or SIGINT, and then until all is answered.

        Raises:
            ConfigurationError: the application cannot be called.
            MissingLibrary: pyzmq or the hub is not installed.
        """
        if not callable(application):
            raise ConfigurationError(f"expected a WSGI application, got {application!r:.80}")
        self._serving = Serving(self.concurrency, self.fronts, self.settings, application)
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
