"""WebSockets in handlers: the loop form, the form with hooks, and functions; JSON and models as messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from types import FunctionType
from typing import Any, TypeVar, cast

import msgspec

from brubeck_wsgi.concurrency import spawn
from brubeck_wsgi.concurrency.stopping import STOPPING
from brubeck_wsgi.errors import BadRequest, ConfigurationError, Forbidden, HTTPError
from brubeck_wsgi.handlers.answers import encode_json
from brubeck_wsgi.handlers.base import overrides
from brubeck_wsgi.handlers.loading import refusal
from brubeck_wsgi.handlers.web import WebMessageHandler
from brubeck_wsgi.interfaces import ChannelClosed, Environ, StartResponse
from brubeck_wsgi.protocols.handshake import HandshakeRefused
from brubeck_wsgi.protocols.websocket import FAILED, GOING_AWAY, INVALID, POLICY_VIOLATION, TRY_AGAIN
from brubeck_wsgi.response import Response
from brubeck_wsgi.websocket import PING_SECONDS, WebSocketChannel, read_handshake

MAX_MESSAGE_SIZE = 1024 * 1024

logger = logging.getLogger("brubeck.app")

_LAST_SECONDS = 2.0  # for a client to answer that the server stops
_HOOKS = ("open", "message", "close")
_CLOSE_CODES = {400: INVALID, 422: INVALID, 503: TRY_AGAIN}
_NO_WEBSOCKETS = (
    "this server makes no WebSockets; expected Gunicorn with -k brubeck_wsgi.workers.GeventWorker or EventletWorker, "
    "without TLS of its own, or Mongrel2"
)

Model = TypeVar("Model")
SocketFunction = TypeVar("SocketFunction", bound=Callable[..., Any])


class Socket(WebSocketChannel):
    """A WebSocket: what `WebSocketChannel` has, and JSON and models."""

    def send_json(self, value: Any) -> None:
        """Send *value* as JSON: what a handler may return as JSON, models in their public form."""
        self.send(encode_json(value).decode())

    def receive_json(self, timeout: float | None = None) -> Any:
        """Wait for a message of JSON; errors as `receive` has them, and `BadRequest` for what is no JSON."""
        message = self.receive(timeout)
        try:
            return msgspec.json.decode(message)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(f"expected a message of JSON: {error}") from None

    def receive_model(self, model: type[Model], timeout: float | None = None) -> Model:
        """Wait for a message of JSON that stands for an object of *model*; see `brubeck_wsgi.modeling`.

        Raises:
            ChannelClosed: none will come any more.
            TimeoutError: none came in time.
            BadRequest: it is no JSON.
            UnprocessableContent: it is no valid object; its ``errors`` list what is wrong, by JSON pointers.
        """
        from brubeck_wsgi.modeling import Invalid, adapt

        message = self.receive(timeout)
        text = message.encode() if isinstance(message, str) else message
        try:
            found: Model = adapt(cast(Any, model)).load(text)
        except Invalid as error:
            raise refusal(error) from None
        return found


class WebSocketHandler(WebMessageHandler):
    """A handler that talks over a WebSocket; it lives as long as that, and has no time limit.

    A subclass has either `websocket`, which receives by itself, or the hooks `on_open`, `on_message` and `on_close`.
    Hooks that are called `open`, `message` and `close` are taken as well, and renamed: in a handler, ``message`` stays
    the request. What `prepare` returns or raises is answered instead of the WebSocket. Headers and cookies that it
    sets go with the handshake. Tasks of `tasks` are cancelled when the WebSocket is closed.

    Attributes:
        ws: the WebSocket, once it is open.
        subprotocols: what it can speak, best first.
        allowed_origins: whose pages may connect beside those of the same origin: ``"https://app.example"``; ``"*"``
            for any. Clients that are no browsers say no origin, and may.
        max_message_size: the largest message that is taken, in bytes, inflated if it came compressed.
        ping_interval: after how many seconds of silence the client is asked whether it is there; None for never.
        compression: whether messages are compressed for clients that can read them.
    """

    SUPPORTED_METHODS = ("GET",)
    timeout = None
    # A message would be left half done. Who waits for another notices: it is `ChannelClosed`.
    stop_on_disconnect = False

    ws: Socket
    subprotocols: Sequence[str] = ()
    allowed_origins: Collection[str] = ()
    max_message_size: int = MAX_MESSAGE_SIZE
    ping_interval: float | None = PING_SECONDS
    compression: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in _HOOKS:
            hook = vars(cls).get(name)
            if isinstance(hook, FunctionType):
                if f"on_{name}" in vars(cls):
                    raise ConfigurationError(f"expected {cls.__name__} to have {name} or on_{name}, not both")
                setattr(cls, f"on_{name}", hook)
                delattr(cls, name)
        if isinstance(cls.allowed_origins, str) or isinstance(cls.subprotocols, str):
            raise ConfigurationError(f"expected allowed_origins and subprotocols of {cls.__name__} as lists of text")

    @classmethod
    def check_class(cls) -> None:
        """See `MessageHandler.check_class`."""
        if not overrides(cls, WebSocketHandler, "websocket", "on_open", "on_message"):
            raise ConfigurationError(f"expected {cls.__name__} to have websocket(ws), or on_message(message)")
        super().check_class()

    def websocket(self, ws: Socket, *args: Any, **kwargs: Any) -> None:
        """Talk; the WebSocket is closed when it returns.

        Args:
            ws: the WebSocket: iterate over its messages, or `receive` them; `send`.
            args, kwargs: what the route found in the path.
        """
        self.on_open(*args, **kwargs)
        for message in ws:
            self.on_message(message)

    def on_open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to talk; called with what the route found in the path."""

    def on_message(self, message: str | bytes) -> None:
        """Take a message of the client's."""

    def on_close(self, code: int, reason: str) -> None:
        """Clean up; called however the WebSocket was closed, 1006 if without a word (RFC 6455 §7.4)."""

    def check_origin(self, origin: str) -> bool:
        """Tell whether pages of *origin* may connect; those of other sites would with the cookies of their visitors."""
        return origin in self.allowed_origins or "*" in self.allowed_origins or _is_own(origin, self.environ)

    def get(self, *args: Any, **kwargs: Any) -> Response:
        """Answer the handshake, and talk.

        Raises:
            HTTPError: 426 for a request that wants no WebSocket, 400 for one that cannot have it; 501 if the server
                cannot make one; 403 for an origin that may not.
        """
        environ = self.environ
        can_upgrade = environ.get("brubeck.upgrade") is not None
        try:
            if can_upgrade or "brubeck.mongrel2" in environ:  # which tells of a handshake only
                read_handshake(environ)
            if not can_upgrade:
                _warn_once()
                raise HTTPError(501, _NO_WEBSOCKETS)
            self._check_origin()
            ws = self.ws = Socket.accept(
                environ,
                self.subprotocols,
                self._handshake_headers(),
                self.max_message_size,
                self.ping_interval,
                self.compression,
            )
        except HandshakeRefused as refused:
            raise HTTPError(refused.status, str(refused), headers=dict(refused.headers)) from None
        self._talk(ws, args, kwargs)
        return Switched()

    def _check_origin(self) -> None:
        origin = self.environ.get("HTTP_ORIGIN")
        if origin is not None and not self.check_origin(origin):
            raise Forbidden(f"pages of {origin[:100]!r} may not connect")

    def _handshake_headers(self) -> list[tuple[str, str]]:
        headers = [] if self._headers is None else list(self._headers.pairs)
        return headers + [("Set-Cookie", line) for line in (self._cookies.lines() if self._cookies else ())]

    def _talk(self, ws: Socket, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        stopping = self.environ.get(STOPPING)
        forget = None
        if stopping is not None:
            forget = stopping.call(partial(spawn, _end_with_server, ws))
        try:
            self._run(ws, args, kwargs)
        finally:
            if forget is not None:
                forget()
            if self._scope is not None:
                self._scope.cancel()
            self.on_close(ws.close_code or FAILED, ws.close_reason)

    def _run(self, ws: Socket, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            # A call with a star takes stack of C's, which each wait copies, and each WebSocket keeps.
            if args or kwargs:
                self.websocket(ws, *args, **kwargs)
            else:
                self.websocket(ws)
        except Exception as error:
            if isinstance(error, ChannelClosed) and ws.close_code is not None:
                return
            if isinstance(error, HTTPError):
                fallback = POLICY_VIOLATION if error.status < 500 else FAILED
                ws.close(_CLOSE_CODES.get(error.status, fallback), _reason(error))
            else:
                self.application.log_failure(self.environ, error)
                ws.close(FAILED)
        except BaseException:
            ws.begin_close(FAILED)
            raise
        else:
            ws.close()


class Switched(Response):
    """The answer that has been given already: 101. Nothing more is said to the server."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._status_code = 101

    def copy(self) -> Response:
        """Return this answer: there is no other."""
        return self

    def send(self, environ: Environ, start_response: StartResponse) -> Sequence[bytes]:
        """Do what waits for the end."""
        self.close()
        return []


def socket_handler(function: Callable[..., Any], **options: Any) -> type[WebSocketHandler]:
    """Return a handler class around a function, ``(application, message, ws, **url_args)``.

    Args:
        function: talks; the WebSocket is closed when it returns.
        options: attributes of `WebSocketHandler`.

    Raises:
        ConfigurationError: the class has no such attribute.
    """
    if isinstance(function, type):
        raise ConfigurationError(f"expected a function; a class, {function.__name__}, is added by app.route")
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise ConfigurationError(f"expected some of {', '.join(_OPTIONS)}, got {', '.join(unknown)}")

    def websocket(self: WebSocketHandler, ws: Socket, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            function(self.application, self.message, ws, *args, **kwargs)
        else:
            function(self.application, self.message, ws)

    name = getattr(function, "__name__", "websocket")
    members = {"websocket": websocket, "__doc__": function.__doc__, "__module__": function.__module__}
    return type(name, (WebSocketHandler,), members | options)


@cache
def _warn_once() -> None:
    logger.warning("a request for a WebSocket was refused: %s", _NO_WEBSOCKETS)  # a browser does not show its user why


def _end_with_server(ws: Socket) -> None:
    ws.begin_close(GOING_AWAY, "the server stops")
    ws.abandon_after(_LAST_SECONDS)  # who receives gets the answer of the client meanwhile, and is gone


def _reason(error: HTTPError) -> str:
    """Return what there is room to say: of several things that are wrong the first."""
    errors: Any = error.members.get("errors") or ()
    first: dict[str, str] = next(iter(errors), {})
    return f"{error.detail}: {first['pointer']} {first['detail']}" if first else error.detail or ""


_OPTIONS = (
    *("subprotocols", "allowed_origins", "max_message_size", "ping_interval", "compression"),
    *("timeout", "stop_on_disconnect", "max_concurrent", "max_waiting"),
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _is_own(origin: str, environ: Environ) -> bool:
    """Tell whether *origin* is the host that the client asked for, whatever is between it and us does to the scheme."""
    scheme, separator, name = origin.lower().partition("://")
    host: str = environ.get("HTTP_HOST", "").lower()
    if not separator or not host or scheme not in _DEFAULT_PORTS:
        return False
    default = _DEFAULT_PORTS[scheme]
    return name.removesuffix(default) == host.removesuffix(default)
