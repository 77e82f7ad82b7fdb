"""The application: settings, routes and hooks, and the WSGI callable over them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from logging import INFO
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, Unpack

from brubeck_wsgi.body import MAX_BODY_SIZE, content_length
from brubeck_wsgi.concurrency.watchdog import Watchdog
from brubeck_wsgi.cookies import Secret
from brubeck_wsgi.errors import BadRequest, ConfigurationError, MethodNotAllowed
from brubeck_wsgi.failures import ErrorHandler, ErrorKind, Failures, checked_kind, log_failure
from brubeck_wsgi.handlers import MessageHandler, WebMessageHandler
from brubeck_wsgi.handlers.answers import make_response
from brubeck_wsgi.handlers.guarding import Guards
from brubeck_wsgi.handlers.naming import loggable_path
from brubeck_wsgi.handlers.noting import ROUTE, noting_route
from brubeck_wsgi.handlers.policy import Bounds, Policy, checked_seconds
from brubeck_wsgi.handlers.running import (
    Handler,
    Runner,
    unsupported_runner,
)
from brubeck_wsgi.handlers.watching import Lookout, as_text
from brubeck_wsgi.interfaces import Environ, ServerConnection, StartResponse, WSGIApplication
from brubeck_wsgi.requestid import request_id
from brubeck_wsgi.response import Response
from brubeck_wsgi.routetable import RouteTable, as_brubeck_had_it
from brubeck_wsgi.routing import Converter, Found, Miss, Router
from brubeck_wsgi.settings import (
    HandlerTuples,
    Pattern,
    checked_channels,
    checked_request_class,
    checked_secret,
    checked_size,
    configure_logging,
    connection_and_pairs,
    load_templates,
)
from brubeck_wsgi.streams import Stream
from brubeck_wsgi.templating import render_template

if TYPE_CHECKING:
    from brubeck_wsgi.channels import Channels
    from brubeck_wsgi.formdata import FormLimits
    from brubeck_wsgi.request import Request


class RegisteredAPI(Protocol):
    """What has routes to add; a class of `brubeck_wsgi.autoapi`, which is built upon this module."""

    def register(self, application: Any, prefix: str | None = None) -> None:
        """Add them to an application."""


AnyHandler = TypeVar("AnyHandler", bound=Handler)
Talk = TypeVar("Talk", bound=Callable[..., Any])
BeforeHook: TypeAlias = Callable[["Brubeck", "Request"], Any]
AfterHook: TypeAlias = Callable[["Brubeck", "Request", Response], Any]
Middleware: TypeAlias = Callable[..., WSGIApplication]

logger = logging.getLogger("brubeck.app")
access_logger = logging.getLogger("brubeck.access")
_INSIDE = "brubeck.application"  # the key of the application whose middleware a request has passed
_is_logged = access_logger.isEnabledFor
# Where it looks the answer up, at less than half the cost of asking; without it every request asks.
_known_levels: dict[int, bool] = getattr(access_logger, "_cache", {})


class Brubeck:
    """A web application; call it as WSGI has it, or give it to a server.

    Args:
        msg_conn: what `run` serves on.
        handler_tuples: (pattern, handler) pairs, as `init_routes` takes them. These two may change places.
        pool: kept for handlers; the server decides how many requests run at a time.
        no_handler: a handler, class or function, for paths that no route matches.
        base_handler: a handler class for the same; its ``unsupported()`` answers what it has no method for.
        template_loader: a function that returns the template environment, as `render_template` needs it.
        log_level: sets the level of the ``brubeck`` loggers, and has them write to standard error where the
            program has not set up logging itself; None leaves logging alone.
        login_url: where handlers send those who have to log in.
        db_conn: a database connection or pool for handlers.
        cookie_secret: signs cookies; of several the first signs and all verify.
        api_base_url: where APIs are registered.
        max_body_size: the largest request body that is read, in bytes.
        request_class: what handlers get as their message; `Request` or a subclass of it.
        form_limits: what a multipart form may have; None for what the request class says.
        debug: show the traceback of an unexpected exception to clients on this machine.
        timeout: how many seconds a handler may take, a streamed answer included, before it is stopped; None for any
            number. This and what follows is for all handlers whose class or route says nothing else.
        timeout_status: what the client gets then, 503 or 504.
        stop_on_disconnect: whether a handler is stopped when its client leaves; None for GET, HEAD and OPTIONS only.
        max_concurrent: how many requests may be in handlers at a time; None for any number.
        max_waiting: how many more may wait for that; who comes after them gets 503.
        max_lag: by how many seconds the loop of gevent or eventlet may be late before clients get 503; None for any.
        watchdog: for how many seconds a handler may hold that loop before the log names it; None to watch nothing.
        channels: what carries messages between handlers; None for some within each process.

    Raises:
        ConfigurationError: an option or a route cannot be used; the message says what was expected.
    """

    def __init__(
        self,
        msg_conn: ServerConnection | HandlerTuples | None = None,
        handler_tuples: HandlerTuples | ServerConnection | None = None,
        pool: Any = None,
        no_handler: Handler | None = None,
        base_handler: type[MessageHandler] | None = None,
        template_loader: Callable[[], Any] | None = None,
        log_level: int | str | None = None,
        login_url: str | None = None,
        db_conn: Any = None,
        cookie_secret: Secret | None = None,
        api_base_url: str = "/",
        *,
        max_body_size: int = MAX_BODY_SIZE,
        request_class: type[Request] | None = None,
        form_limits: FormLimits | None = None,
        debug: bool = False,
        timeout: float | None = None,
        timeout_status: int = 503,
        stop_on_disconnect: bool | None = None,
        max_concurrent: int | None = None,
        max_waiting: int = 0,
        max_lag: float | None = None,
        watchdog: float | None = 1.0,
        channels: Channels | None = None,
    ) -> None:
        self.msg_conn, pairs = connection_and_pairs(msg_conn, handler_tuples)
        self.pool = pool() if callable(pool) else pool
        self.base_handler = base_handler or WebMessageHandler
        self.login_url = login_url
        self.db_conn = db_conn
        self.cookie_secret = checked_secret(cookie_secret)
        self.api_base_url = api_base_url
        self.max_body_size = checked_size(max_body_size)
        self.request_class = checked_request_class(request_class, form_limits)
        self.debug = debug
        self._channels = checked_channels(channels)
        self.template_env = load_templates(template_loader)
        if log_level is not None:
            configure_logging(log_level)
        self.router: Router[Runner] = Router()
        self._lookout = Lookout(self.router, checked_seconds("watchdog", watchdog), self._arm)
        policy = Policy(timeout, timeout_status, stop_on_disconnect, max_concurrent, max_waiting)
        guards = Guards(policy, checked_seconds("max_lag", max_lag), self._lookout.lag)
        self._routes = RouteTable(self.router, guards)
        self._unknown = self._routes.unknown(no_handler or self.base_handler)
        self._failures = Failures(self)
        self._before: list[BeforeHook] = []
        self._after: list[AfterHook] = []
        self._wrapped: WSGIApplication | None = None
        self._arm()
        if pairs is not None:
            self.init_routes(pairs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self.router.rules)} routes>"

    # -- routes

    def init_routes(self, handler_tuples: HandlerTuples) -> None:
        """Add a route for each (pattern, handler) pair, in order; see `add_route_rule`."""
        for pair in handler_tuples:
            if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
                raise ConfigurationError(f"expected (pattern, handler) pairs, got {pair!r:.80}")
            self.add_route_rule(*pair)

    def register_api(self, api: RegisteredAPI, prefix: str | None = None) -> None:
        """Add the routes of an API, a subclass of `brubeck_wsgi.autoapi.AutoAPIBase`.

        Args:
            api: its class.
            prefix: where it is, ``"/api/v1/todo"``; by default `api_base_url` with the name of the class, without
                ``API`` and in lower case.
        """
        api.register(self, prefix)

    def add_route_rule(self, pattern: Pattern, handler: Handler) -> None:
        """Add a route, as Brubeck had it.

        Args:
            pattern: a regular expression, matched from the beginning of the path; text with fields like
                ``{id}`` or ``{id:int}`` is a path template and matches whole paths.
            handler: a handler class, or a function that answers any method.
        """
        self._routes.add(as_brubeck_had_it(pattern), handler, None, None, {})

    def add_route(
        self, url_pattern: Pattern, method: str | Sequence[str] | None = None
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that adds a function as `add_route_rule` does.

        Args:
            url_pattern: as `add_route_rule` takes it.
            method: the HTTP method, or several, in either case; None for any.
        """
        return self.route(as_brubeck_had_it(url_pattern), methods=[method] if isinstance(method, str) else method)

    def route(
        self,
        pattern: Pattern,
        methods: Sequence[str] | None = None,
        name: str | None = None,
        **bounds: Unpack[Bounds],
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that adds a handler, class or function.

        Args:
            pattern: a path template, ``"/todo/{id:uuid}"``, which matches the whole path; or a regular
                expression, compiled or beginning with ``^``, matched from the beginning of the path.
            methods: what a function answers; None for any. A class answers those that it has functions for.
            name: for `url_for`; a template's is its handler's own by default, where no other route has it.
            bounds: what keeps the handler within bounds on this route; see `Bounds`.
        """

        def register(handler: AnyHandler) -> AnyHandler:
            self._routes.add(pattern, handler, methods, name, bounds)
            return handler

        return register

    def get(
        self, pattern: Pattern, name: str | None = None, **bounds: Unpack[Bounds]
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that adds a function for GET (and HEAD); see `route`."""
        return self.route(pattern, ["GET"], name, **bounds)

    def post(
        self, pattern: Pattern, name: str | None = None, **bounds: Unpack[Bounds]
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that adds a function for POST; see `route`."""
        return self.route(pattern, ["POST"], name, **bounds)

    def put(
        self, pattern: Pattern, name: str | None = None, **bounds: Unpack[Bounds]
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that adds a function for PUT; see `route`."""
        return self.route(pattern, ["PUT"], name, **bounds)

    def patch(
        self, pattern: Pattern, name: str | None = None, **bounds: Unpack[Bounds]
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that adds a function for PATCH; see `route`."""
        return self.route(pattern, ["PATCH"], name, **bounds)

    def delete(
        self, pattern: Pattern, name: str | None = None, **bounds: Unpack[Bounds]
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that adds a function for DELETE; see `route`."""
        return self.route(pattern, ["DELETE"], name, **bounds)

    def websocket(self, pattern: Pattern, name: str | None = None, **options: Any) -> Callable[[Talk], Talk]:
        """Return a decorator that adds a function for WebSockets, ``(application, message, ws, **url_args)``.

        Args:
            pattern: as `route` has it.
            name: the same.
            options: attributes of `WebSocketHandler`: ``allowed_origins``, ``subprotocols`` and others.
        """
        from brubeck_wsgi.handlers.sockets import socket_handler  # which brings wsproto

        def register(function: Talk) -> Talk:
            self._routes.add(pattern, socket_handler(function, **options), None, name, {})
            return function

        return register

    def add_converter(self, name: str, converter: Converter) -> None:
        """Let path templates that are added from now on use *converter* as ``{field:name}``."""
        self._routes.add_converter(name, converter)

    def url_for(self, name: str, /, **values: Any) -> str:
        """Return the path of the route called *name*.

        Args:
            values: the fields of its template; others become the query.

        Raises:
            ConfigurationError: no route has the name, or it is a regular expression.
            ValueError: a field has no value, or one that it does not match.
        """
        return self.router.named(name).url(values)

    # -- hooks

    def before_request(self, hook: BeforeHook) -> BeforeHook:
        """Call ``hook(application, message)`` before a request is routed; what it returns, if anything, answers."""
        self._before.append(hook)
        return hook

    def after_request(self, hook: AfterHook) -> AfterHook:
        """Call ``hook(application, message, response)`` for each answer, errors too; it may return another."""
        self._after.append(hook)
        return hook

    def error_handler(self, kind: ErrorKind) -> Callable[[ErrorHandler], ErrorHandler]:
        """Return a decorator: ``handler(application, message, error)`` answers errors of this kind.

        Args:
            kind: an exception class, for itself and its subclasses, or a status from 400 to 599. The nearest
                class comes before the status. Status 500 covers unexpected exceptions too.
        """
        checked = checked_kind(kind)

        def register(handler: ErrorHandler) -> ErrorHandler:
            self._failures.handle(checked, handler)
            return handler

        return register

    def add_middleware(self, middleware: Middleware, *args: Any, **options: Any) -> None:
        """Wrap the application in WSGI middleware, ``middleware(wsgi_application, …)``; the last added is outermost."""
        wrapped = middleware(self._wrapped or self._innermost, *args, **options)
        if not callable(wrapped):
            raise ConfigurationError(f"expected {middleware!r} to return a WSGI application, got {wrapped!r:.80}")
        self._wrapped = wrapped
        self._arm()

    def note_routes(self) -> None:
        """Have the environ of each request name the route that answers it, its pattern under ``"brubeck.route"``.

        Metrics and tracing call this. Where nobody does, requests are not slower for it.
        """
        self.router.decorate(noting_route)

    # -- templates

    def render_template(self, template_file: str, /, **context: Any) -> str:
        """Return the text of a template of the environment that `template_loader` loaded; a handler returns it as HTML.

        Raises:
            ConfigurationError: the application has no environment.
            Exception: whatever the engine raises where the template is missing, or fails.
        """
        return render_template(self.template_env, template_file, context)

    # -- serving

    def run(self) -> None:
        """Serve on the connection that the application was given, until told to stop."""
        if self.msg_conn is None:
            raise ConfigurationError(
                "expected a connection to serve on, for example Brubeck(msg_conn=WSGIConnection(port=6767))"
            )
        self.msg_conn.recv_forever_ever(self)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if self._outermost is not None and environ.get(_INSIDE) is not self:
            return self._outermost(environ, start_response)
        started = perf_counter() if _known_levels.get(INFO, True) and _is_logged(INFO) else None
        try:
            response = self._run_before(environ) if self._before else None
            if response is None:
                path = environ.get("PATH_INFO") or "/"
                if "CONTENT_LENGTH" in environ:
                    content_length(environ)
                method = environ["REQUEST_METHOD"]
                known = self.router.literal.get(path)
                found: Found[Runner] | Miss[Runner] | None = None
                if known is not None:
                    found = known.get(method) or known.get("")
                if found is None:
                    found = self.router.find(path if path.isascii() else _decoded(path), method)
                if isinstance(found, tuple):
                    run, args, kwargs = found
                    response = run(self, environ, args, kwargs)
                else:
                    response = self._answer_miss(environ, found)
            if response.body.__class__ is not bytes:
                self._failures.start(environ, response)
        except Exception as error:
            response = self._failures.answer(environ, error)
        if self._after:
            response = self._run_after(environ, response)
        if started is not None:
            self._log_request(environ, response, started)
        return response.send(environ, start_response)

    @property
    def channels(self) -> Channels:
        """Where handlers publish and subscribe; made when it is first asked for, if the application was given none."""
        if self._channels is None:
            from brubeck_wsgi.channels import MemoryChannels  # which most applications do without

            self._channels = MemoryChannels()
        return self._channels

    @property
    def watchdog(self) -> Watchdog | None:
        """What watches the loop of this process, and counts; None if nobody does."""
        return self._lookout.watchdog

    def running(self) -> str:
        """Return what runs in this process, requests, tasks and others, with ages and stacks, as text."""
        return as_text(self._lookout.running())

    def log_running_on(self, signal_number: int) -> None:
        """Log what runs whenever the process gets a signal; to be called in the main thread."""
        self._lookout.log_on(signal_number)

    def log_failure(self, environ: Environ, error: Exception) -> None:
        """Log an unexpected exception with the request that it ended."""
        log_failure(environ, error)

    def _arm(self) -> None:
        """Have the next request begin what belongs to a process: here, it costs the others nothing."""
        self._outermost: WSGIApplication | None = self._begin

    def _begin(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self._outermost = self._wrapped
        has_begun = self._lookout.begin()
        try:
            return self(environ, start_response)
        finally:
            if not has_begun:
                self._arm()

    def _innermost(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request that has come through the middleware."""
        environ[_INSIDE] = self
        return self(environ, start_response)

    def _answer_miss(self, environ: Environ, miss: Miss[Runner]) -> Response:
        if miss.rule is None:
            return self._unknown(self, environ, (), {})
        environ[ROUTE] = miss.rule.pattern
        allowed = tuple(dict.fromkeys((*miss.allowed, "OPTIONS")))
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(allowed)})
        handler = miss.rule.handler
        if isinstance(handler, type):
            return unsupported_runner(handler, allowed)(self, environ, (), {})
        raise MethodNotAllowed(allowed, f"expected one of {', '.join(allowed)}")

    def _run_before(self, environ: Environ) -> Response | None:
        message = self.request_class(environ, self.max_body_size)
        for hook in self._before:
            answer = hook(self, message)
            if answer is not None:
                return make_response(answer)
        return None

    def _run_after(self, environ: Environ, response: Response) -> Response:
        message = self.request_class(environ, self.max_body_size)
        response = response.copy()  # what a hook changes may be a constant of the application
        for hook in self._after:
            body = response.body
            try:
                answer = hook(self, message, response)
                if answer is not None and answer is not response:
                    replaced, response = response, make_response(answer).copy()
                    response.on_close(replaced.close)
                if response.body is not body:
                    if isinstance(body, Stream):
                        body.on_error = None  # what stands around it now reports its errors
                    self._failures.start(environ, response)
            except Exception as error:
                self._give_up(environ, response)
                response = self._failures.answer(environ, error).copy()
        return response

    def _give_up(self, environ: Environ, response: Response) -> None:
        try:
            response.close()
        except Exception as error:
            self.log_failure(environ, error)

    def _log_request(self, environ: Environ, response: Response, started: float) -> None:
        def log() -> None:
            access_logger.info(
                "%s %s %s %s %.1fms [%s]",
                response.status_code,
                environ["REQUEST_METHOD"],
                loggable_path(environ),
                environ.get("REMOTE_ADDR") or "-",
                (perf_counter() - started) * 1000,
                request_id(environ),
                extra={"request_id": request_id(environ)},
            )

        if response.is_streamed:
            response.on_close(log)
        else:
            log()


def _decoded(path: str) -> str:
    try:
        return path.encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("expected UTF-8 in the path") from None
