"""The handler class: one object for one request, from `initialize` to `on_finish`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, overload
from urllib.parse import quote

from brubeck_wsgi.concurrency import TaskGroup
from brubeck_wsgi.cookies import Secret
from brubeck_wsgi.errors import ConfigurationError, HTTPError, MethodNotAllowed, NotFound
from brubeck_wsgi.handlers.answers import encode_json
from brubeck_wsgi.handlers.loading import dump_model, load_model, load_part
from brubeck_wsgi.handlers.scope import Scope
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.problems import problem_response
from brubeck_wsgi.response import BINARY, JSON, PHRASES, TEXT, Response, status_line
from brubeck_wsgi.routing.rules import PATH_SAFE
from brubeck_wsgi.timekeeping import curtime

if TYPE_CHECKING:
    from brubeck_wsgi.formdata import FormLimits
    from brubeck_wsgi.request import Request

Value = TypeVar("Value")


class Application(Protocol):
    """What a handler needs of the application that it belongs to."""

    db_conn: Any
    cookie_secret: Secret | None
    login_url: str | None
    max_body_size: int
    request_class: type[Request]

    def url_for(self, name: str, /, **values: Any) -> str:
        """Return the path of the route called *name*."""
        ...


def overrides(handler_class: type, base: type, *names: str) -> bool:
    """Tell whether a handler class has one of these of its own, and not that of *base*."""
    return any(getattr(handler_class, name) is not getattr(base, name) for name in names)


class lazy(Generic[Value]):  # noqa: N801  # a decorator, as property is
    """An attribute that is made when it is first read, and kept in the instance."""

    def __init__(self, make: Callable[[Any], Value]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[Value]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> lazy[Value] | Value:
        if instance is None:
            return self
        value = self._make(instance)
        setattr(instance, self._name, value)  # not through __dict__, which would have to be made first
        return value


class MessageHandler:
    """Answers one message; its way is `initialize`, `prepare`, the method, `on_finish`.

    A subclass has a function for each HTTP method it answers, ``get()``, ``post()`` and so on, called with
    what the route found in the path. What such a function may return says `brubeck_wsgi.handlers.answers`;
    None answers what the handler's own state says (`render`).

    Args:
        application: the application that received the message.
        message: the request.

    Attributes:
        SUPPORTED_METHODS: the methods that may be functions of the class; nothing else can be called by a client.
        max_body_size: the largest body this handler reads, in bytes; None for the application's.
        form_limits: what a multipart form may have that this handler reads; None for what the application says.
        timeout: how many seconds the handler may take before it is stopped; None for any number. This and
            `timeout_status`, `stop_on_disconnect`, `max_concurrent` and `max_waiting` are the application's where
            a class does not set them; see `brubeck_wsgi.handlers.policy.Bounds`.
        content_type: the Content-Type of text and bytes that this handler answers, where its headers do not
            say another; None for plain text and ``application/octet-stream``.
    """

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    max_body_size: int | None = None
    form_limits: FormLimits | None = None

    _SUCCESS_CODE = 200
    _UPDATED_CODE = 200
    _CREATED_CODE = 201
    _MULTI_CODE = 207
    _FAILED_CODE = 400
    _AUTH_FAILURE = 401
    _FORBIDDEN = 403
    _NOT_FOUND = 404
    _NOT_ALLOWED = 405
    _SERVER_ERROR = 500

    # The state that most handlers never change stands here, so that making a handler sets two attributes.
    application: Any
    environ: Environ
    timeout: float | None
    timeout_status: int
    stop_on_disconnect: bool | None
    max_concurrent: int | None
    max_waiting: int
    allowed_methods: tuple[str, ...] = ()
    content_type: str | None = None
    _is_changed = False  # whether what the method returns is not all of the answer
    _status_code = _SUCCESS_CODE
    _status_msg: str | None = None
    # The answer once there is one; False when the state has changed since, so that it has to be rendered again.
    _rendered: Response | Literal[False] | None = None
    _scope: Scope | None = None  # the tasks and deferred calls, once there are any
    _is_repeated = False  # whether it is rendered again for such a change, as the handler had it before

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._is_changed = cls.content_type is not None

    def __init__(self, application: Application, message: Request) -> None:
        self.application = application
        self.environ = message.environ
        self.__dict__["message"] = self._within_limits(message)

    @classmethod
    def check_class(cls) -> None:
        """Raise `ConfigurationError` if the class can answer nothing; called when a route leads to it."""
        methods = [method.lower() for method in cls.SUPPORTED_METHODS]
        can_answer = any(callable(getattr(cls, one, None)) for one in methods)
        hooks = ("initialize", "prepare", "unsupported")  # which may answer too
        if not can_answer and not overrides(cls, MessageHandler, *hooks):
            shown = next((f", not {one.upper()}()" for one in methods if hasattr(cls, one.upper())), "")
            raise ConfigurationError(f"expected {cls.__name__} to have a function for a method, like get(){shown}")

    # -- hooks

    def initialize(self) -> None:
        """Set up the handler; called first. For subclasses, nothing happens here."""

    def prepare(self) -> Any:
        """Do what comes before the method; a value other than None, or a rendered answer, replaces the method."""

    def on_finish(self) -> None:
        """Clean up; called when the answer is made, and for a streamed one when it is over, whatever happened."""

    def error(self, err: Exception) -> Any:
        """Answer after an unexpected exception, which is logged already; override it for an answer of your own."""
        return self.render_error(self._SERVER_ERROR)

    def unsupported(self) -> Any:
        """Answer a method that the path does not have; for the base handler, a path that is not known."""
        if self.allowed_methods:
            raise MethodNotAllowed(self.allowed_methods, f"expected one of {', '.join(self.allowed_methods)}")
        raise NotFound(f"nothing is at {self.message.path}")

    # -- what runs beside the handler, and after it

    @property
    def tasks(self) -> TaskGroup:
        """A group for what is to run beside the handler, over when the request is.

        It is waited for when the method has returned, before the answer is made, and for a streamed answer at its
        end; an error of a task is an error of the handler, and ends the other tasks.
        """
        return self._begun_scope().tasks

    def defer(self, function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Call *function* when the answer has been sent; not at all if the handler ends in an error.

        Its errors are logged. A server that stops waits for it, as long as its graceful timeout allows.
        """
        self._begun_scope().defer(partial(function, *args, **kwargs))

    def _begun_scope(self) -> Scope:
        scope = self._scope
        if scope is None:
            scope = self._scope = Scope()
        self._is_changed = True
        return scope

    # -- the request and the application

    @lazy
    def message(self) -> Request:
        """The request."""
        application = self.application
        return self._within_limits(application.request_class(self.environ, application.max_body_size))

    def _within_limits(self, message: Request) -> Request:
        own = message.__dict__  # WebOb would keep an attribute in the environ
        if self.max_body_size is not None:
            own["max_body_size"] = self.max_body_size
        if self.form_limits is not None:
            own["form_limits"] = self.form_limits
        return message

    @property
    def db_conn(self) -> Any:
        """The database connection that the application was given."""
        return self.application.db_conn

    @lazy
    def current_time(self) -> int:
        """When this was first asked, in milliseconds since 1970-01-01 UTC."""
        return curtime()

    def load(self, model: type[Value]) -> Value:
        """Return the object that the JSON body stands for, valid; see `brubeck_wsgi.modeling`.

        Args:
            model: a document class, a pydantic model, a msgspec Struct, a dataclass, a TypedDict, or a class of attrs.

        Raises:
            UnsupportedMediaType: the Content-Type is not JSON.
            BadRequest: it is no JSON.
            UnprocessableContent: it is no valid object; its ``errors`` list what is wrong, by JSON pointers.
        """
        return load_model(self.message, model)

    def load_partial(self, model: type) -> dict[str, Any]:
        """Return the fields of *model* that the JSON body has, by their names: for a PATCH. Errors as of `load`."""
        return load_part(self.message, model)

    def dump(self, obj: Any, role: str = "public") -> Response:
        """Return the answer that is what *role* sees of an object of a model, or of a list of them."""
        return Response(dump_model(obj, role), content_type=JSON)

    def url_for(self, name: str, /, **values: Any) -> str:
        """Return the path of a route, below where the application is mounted; see `Brubeck.url_for`."""
        prefix = self.environ.get("SCRIPT_NAME", "").encode("latin-1")
        path: str = self.application.url_for(name, **values)
        return quote(prefix, safe=PATH_SAFE) + path

    # -- status and payload

    @property
    def status_code(self) -> int:
        """The status of the answer, 200 unless `set_status` said otherwise."""
        return self._status_code

    @property
    def status_msg(self) -> str:
        """The reason phrase of the answer."""
        return self._status_msg or PHRASES.get(self._status_code, "Unknown")

    def set_status(self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None) -> None:
        """Set the status of the answer.

        Args:
            status_code: 200 to 599.
            status_msg: the reason phrase; the registered one by default.
            extra_txt: appended to the phrase, ``Not Found - no such todo``.

        Raises:
            ValueError: the code is out of range, or the phrase could break the status line.
        """
        if extra_txt:
            status_msg = f"{status_msg or PHRASES.get(status_code, 'Unknown')} - {extra_txt}"
        status_line(status_code, status_msg)
        self._status_code = status_code
        self._status_msg = status_msg
        self._is_changed = True
        self._rendered = self._rendered and False

    @lazy
    def _payload(self) -> dict[str, Any]:
        return {}

    def add_to_payload(self, key: str, value: Any) -> None:
        """Set one member of the JSON answer."""
        self._payload[key] = value
        self._rendered = self._rendered and False

    def clear_payload(self) -> None:
        """Forget the payload; the status stays."""
        self._payload.clear()
        self._rendered = self._rendered and False

    @lazy
    def timestamp(self) -> int:
        """The time of the message, in milliseconds since 1970-01-01 UTC."""
        return self.current_time

    def set_timestamp(self, timestamp: int) -> None:
        """Set the time of the message, here and in the payload."""
        self.__dict__["timestamp"] = timestamp
        self.add_to_payload("timestamp", timestamp)

    # -- the answer

    def render(self, status_code: int | None = None, **options: Any) -> Response:
        """Return the answer as the handler's state has it: the payload and the status, as JSON."""
        if status_code is not None:
            self.set_status(status_code)
        body = encode_json({"status_code": self.status_code, "status_msg": self.status_msg, **self._payload})
        return self._keep(Response(body, self._status_code, content_type=JSON, status_msg=self._status_msg))

    def render_error(
        self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None, **options: Any
    ) -> Response:
        """Return an error answer in place of what was to be said, as `problem_response` makes it.

        Args:
            status_code: 400 to 599.
            status_msg: the reason phrase; also the title of the problem.
            extra_txt: the detail of the problem.
        """
        self.clear_payload()
        self.set_status(status_code, status_msg)
        response = problem_response(HTTPError(status_code, extra_txt or "", title=status_msg), self.environ)
        response.status_msg = self._status_msg
        return self._keep(response)

    def complete(self, response: Response) -> Response:
        """Return *response*, which came from what the method returned, with the handler's own state added."""
        if self._status_code != self._SUCCESS_CODE or self._status_msg is not None:
            response = response.copy()
            if response.status_code == self._SUCCESS_CODE:
                response.status_code = self._status_code
                response.status_msg = self._status_msg
        if self.content_type is not None and response.headers.get("Content-Type") in (TEXT, BINARY):
            response = response.copy()
            response.headers["Content-Type"] = self.content_type
        return response

    def forget(self) -> None:
        """Drop everything that was to be answered; what failed half-way must not show in the error."""
        self.clear_payload()
        self._status_code = self._SUCCESS_CODE
        self._status_msg = None
        self._is_changed = type(self)._is_changed
        self._rendered = None
        self._is_repeated = False

    def _keep(self, response: Response) -> Response:
        self._rendered = response
        return response

    def _render_again(self) -> Response:
        self._is_repeated = True
        return self.render()
