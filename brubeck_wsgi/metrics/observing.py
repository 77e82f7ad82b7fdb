"""Middleware that tells of each request which route answered it, with what status, and how long that took."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Protocol

from brubeck_wsgi.handlers.noting import ROUTE
from brubeck_wsgi.interfaces import Environ, StartResponse, WSGIApplication
from brubeck_wsgi.middleware.looking_on import METHODS, Onlooker

UNKNOWN_ROUTE = "(unknown)"
"""The route of all requests for which there is none."""

UNKNOWN_METHOD = "_OTHER"
"""The method of all requests whose method is none that is known."""


class Recorder(Protocol):
    """Where it is written down what requests come to."""

    def begin(self) -> None:
        """Take note that a request has begun."""
        ...

    def end(self, route: str, method: str, status: str, seconds: float) -> None:
        """Take note that a request is over, its body included.

        Args:
            route: the pattern of the route, or `UNKNOWN_ROUTE`: never what the client has made up.
            method: the same of the method, or `UNKNOWN_METHOD`.
            status: three digits; ``"101"`` for a connection that goes on as something else.
            seconds: how long it took.
        """
        ...


class Observing:
    """WSGI middleware that tells a recorder of each request.

    Args:
        application: the WSGI application to wrap; one with `Brubeck.note_routes` called says what its routes are.
        recorder: whom to tell.
    """

    def __init__(self, application: WSGIApplication, recorder: Recorder) -> None:
        self._application = application
        self._recorder = recorder

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        return _Observation(environ, start_response, self._recorder).run(self._application)


class _Observation(Onlooker):
    """One request, and when it began."""

    __slots__ = ("_recorder", "_started")

    def __init__(self, environ: Environ, start_response: StartResponse, recorder: Recorder) -> None:
        self._started = perf_counter()
        self._recorder = recorder
        super().__init__(environ, start_response)
        recorder.begin()

    def end(self) -> None:
        environ = self.environ
        method = environ["REQUEST_METHOD"]
        self._recorder.end(
            environ.get(ROUTE, UNKNOWN_ROUTE),
            method if method in METHODS else UNKNOWN_METHOD,
            self.status,
            perf_counter() - self._started,
        )
