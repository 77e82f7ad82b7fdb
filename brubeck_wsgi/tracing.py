"""A span for each request (https://opentelemetry.io/docs/specs/semconv/http/http-spans/), off until asked for.

Only the API of OpenTelemetry is used: where spans go is set up by whoever runs the application, with its SDK.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from brubeck_wsgi.errors import MissingLibrary
from brubeck_wsgi.handlers.naming import loggable_path
from brubeck_wsgi.handlers.noting import ON_FAILURE, ROUTE
from brubeck_wsgi.interfaces import Environ, StartResponse, WSGIApplication
from brubeck_wsgi.middleware.looking_on import METHODS, Onlooker

if TYPE_CHECKING:
    from brubeck_wsgi.app import Brubeck

_MOST_CHARACTERS = 1024  # of what a client has sent, in one attribute


def trace(app: Brubeck, tracer_provider: Any = None) -> None:
    """Make a span for each request of *app* from now on; best when all other middleware has been added.

    Args:
        app: the application.
        tracer_provider: of OpenTelemetry; None for the one of the process.

    Raises:
        MissingLibrary: ``opentelemetry-api`` is not installed.
    """
    app.note_routes()
    app.add_middleware(Tracing, tracer_provider)


class Tracing:
    """WSGI middleware that makes a span for each request.

    It goes on from where the client's ``traceparent`` says that it was, by the propagators of the process. It is the
    current span while the application answers, in the tasks that a handler starts too, and ends with the answer.

    Args:
        application: the WSGI application to wrap; one with `Brubeck.note_routes` called says what its routes are.
        tracer_provider: of OpenTelemetry; None for the one of the process.

    Raises:
        MissingLibrary: ``opentelemetry-api`` is not installed.
    """

    def __init__(self, application: WSGIApplication, tracer_provider: Any = None) -> None:
        try:
            from opentelemetry import context, propagate, trace
        except ImportError as error:
            raise MissingLibrary("opentelemetry-api", "opentelemetry") from error
        self._application = application
        self._tracer = trace.get_tracer("brubeck_wsgi", tracer_provider=tracer_provider)
        self._extract = partial(propagate.extract, getter=_Headers())  # type: ignore[arg-type]  # it has what is used
        self._in_span = trace.set_span_in_context
        self._server, self._error = trace.SpanKind.SERVER, trace.StatusCode.ERROR
        self._attach, self._detach = context.attach, context.detach

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        came_with = self._extract(environ)
        method = environ["REQUEST_METHOD"]
        name = method if method in METHODS else "HTTP"
        span = self._tracer.start_span(name, came_with, self._server, _attributes(environ))
        inside = partial(self._attached, self._in_span(span, came_with))
        return _Traced(environ, start_response, span, self._error).run(self._application, inside)

    @contextmanager
    def _attached(self, current: Any) -> Iterator[None]:
        token = self._attach(current)
        try:
            yield
        finally:
            self._detach(token)


class _Traced(Onlooker):
    """One request, and its span."""

    __slots__ = ("_error", "_has_failed", "_span")

    def __init__(self, environ: Environ, start_response: StartResponse, span: Any, error: Any) -> None:
        self._span = span
        self._error = error
        self._has_failed = False
        super().__init__(environ, start_response)
        environ[ON_FAILURE] = self.fail

    def fail(self, error: BaseException) -> None:
        self._has_failed = True
        self._span.record_exception(error)
        self._span.set_attribute("error.type", f"{type(error).__module__}.{type(error).__qualname__}")
        self._span.set_status(self._error, str(error)[:_MOST_CHARACTERS])

    def end(self) -> None:
        span, route, method = self._span, self.environ.get(ROUTE), self.environ["REQUEST_METHOD"]
        self.environ.pop(ON_FAILURE, None)  # it refers back to this
        if route is not None:
            span.set_attribute("http.route", route)
            span.update_name(f"{method if method in METHODS else 'HTTP'} {route}")
        span.set_attribute("http.response.status_code", int(self.status))
        if self.status >= "500" and not self._has_failed:
            span.set_attribute("error.type", self.status)
            span.set_status(self._error)
        span.end()


class _Headers:
    """Reads headers out of an environ, as propagators do (`opentelemetry.propagators.textmap.Getter`)."""

    def get(self, carrier: Environ, key: str) -> list[str] | None:
        value = carrier.get(f"HTTP_{key.upper().replace('-', '_')}")
        return None if value is None else [value]

    def keys(self, carrier: Environ) -> list[str]:
        return [name[5:].replace("_", "-").lower() for name in carrier if name.startswith("HTTP_")]


def _attributes(environ: Environ) -> dict[str, Any]:
    """Return what is known of a request when it begins; its query is left out, which may hold what is secret."""
    method = environ["REQUEST_METHOD"]
    found: dict[str, Any] = {
        "http.request.method": method if method in METHODS else "_OTHER",
        "url.scheme": environ.get("wsgi.url_scheme", "http"),
        "url.path": loggable_path(environ)[:_MOST_CHARACTERS],
        "network.protocol.version": environ.get("SERVER_PROTOCOL", "").removeprefix("HTTP/"),
    }
    if method not in METHODS:
        found["http.request.method_original"] = method[:_MOST_CHARACTERS]
    for attribute, key in _SENT.items():
        if value := environ.get(key):
            found[attribute] = value[:_MOST_CHARACTERS]
    return found


_SENT = {
    "server.address": "HTTP_HOST",
    "client.address": "REMOTE_ADDR",
    "user_agent.original": "HTTP_USER_AGENT",
}
