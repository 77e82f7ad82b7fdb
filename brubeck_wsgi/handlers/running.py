"""From a matched route to a response: how a handler, class or function, is run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import FunctionType
from typing import Any, Protocol, TypeAlias

from brubeck_wsgi.errors import ConfigurationError, HTTPError
from brubeck_wsgi.handlers.answers import TEXT_HEADER, is_webob_response, make_response
from brubeck_wsgi.handlers.base import MessageHandler, overrides
from brubeck_wsgi.handlers.scope import is_streamed
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import Response

Runner: TypeAlias = Callable[[Any, Environ, tuple[Any, ...], Mapping[str, Any]], Response]
"""Called with the application, the environ, and the positional and keyword arguments of the route."""

FunctionHandler: TypeAlias = Callable[..., Any]
"""A handler that is a function, ``(application, message, **url_args)``."""

Handler: TypeAlias = type[MessageHandler] | FunctionHandler


class FailureLog(Protocol):
    """How the application logs an exception of a handler, once."""

    def log_failure(self, environ: Environ, error: Exception) -> None: ...


def class_runners(handler_class: type[MessageHandler]) -> dict[str, Runner]:
    """Return what runs each method that *handler_class* answers; HEAD by `get` where it has no `head`."""
    runners = {
        method: _class_runner(handler_class, method.lower())
        for method in handler_class.SUPPORTED_METHODS
        if callable(getattr(handler_class, method.lower(), None))
    }
    if "GET" in runners:
        runners.setdefault("HEAD", runners["GET"])
    return runners


def routed_runners(handler_class: type[MessageHandler]) -> dict[str, Runner]:
    """Return `class_runners` of a class that a route leads to; `ConfigurationError` if it can answer nothing."""
    handler_class.check_class()
    return class_runners(handler_class)


def unsupported_runner(handler_class: type[MessageHandler], allowed: tuple[str, ...] = ()) -> Runner:
    """Return what answers a method that *handler_class* does not have, by its ``unsupported()``.

    Args:
        allowed: the methods that the path has; empty if the path is not known.
    """
    return _class_runner(handler_class, "unsupported", allowed)


def function_runner(function: FunctionHandler) -> Runner:
    """Return what runs a handler that is a function."""
    parameters = _Parameters(function, 2)

    def run(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        if None in args:
            args = parameters.by_place(args)
        elif kwargs and None in kwargs.values():
            kwargs = parameters.by_name(kwargs)
        answer = function(application, application.request_class(environ, application.max_body_size), *args, **kwargs)
        if answer is None:
            return Response("")
        return make_response(answer)

    return run


def takes_by_place(handler: Handler, methods: Iterable[str], names: tuple[str, ...]) -> bool:
    """Tell whether *names* are the first parameters from the path of all that answers *methods*, in this order."""
    if not isinstance(handler, type):
        return _begins_with(handler, 2, names)
    runs = {method.lower() for method in methods}
    if "head" in runs:
        runs.add("get")
    return all(_begins_with(inspect.getattr_static(handler, run), 1, names) for run in runs if hasattr(handler, run))


def _begins_with(function: object, skip: int, names: tuple[str, ...]) -> bool:
    if not isinstance(function, FunctionType):
        return False
    code = function.__code__
    return code.co_varnames[skip : min(skip + len(names), code.co_argcount)] == names


def check_handler(handler: object) -> None:
    """Raise `ConfigurationError` unless *handler* is a handler class or a function."""
    if isinstance(handler, type) and not issubclass(handler, MessageHandler):
        raise ConfigurationError(f"expected a subclass of MessageHandler, got {handler.__name__}")
    if not callable(handler):
        raise ConfigurationError(f"expected a handler class or a function, got {handler!r:.80}")
    if inspect.iscoroutinefunction(handler):
        raise ConfigurationError(f"expected a plain function, which may wait as it is, got {handler!r:.80}")


def check_parameters(function: FunctionHandler, names: tuple[str, ...]) -> None:
    """Raise `ConfigurationError` unless *function* can be called as a handler with the fields of a template."""
    if not isinstance(function, FunctionType):
        return
    try:
        inspect.signature(function, follow_wrapped=False).bind(None, None, **dict.fromkeys(names))
    except TypeError as error:
        expected = ", ".join(("application", "message", *names))
        raise ConfigurationError(f"expected {function.__name__}({expected}): {error}") from None


def _class_runner(handler_class: type[MessageHandler], name: str, allowed: tuple[str, ...] = ()) -> Runner:
    # What the class does not override is not called: most handlers have no hooks, and the ceremony for
    # hooks that do nothing would cost as much as all the rest (benchmarks/framework.py).
    hooks = ("__init__", "initialize", "prepare", "on_finish", "error")
    if allowed or overrides(handler_class, MessageHandler, *hooks):
        return _hooked_runner(handler_class, name, allowed)
    return _plain_runner(handler_class, name)


def _plain_runner(handler_class: type[MessageHandler], name: str) -> Runner:
    method = getattr(handler_class, name)
    if not isinstance(inspect.getattr_static(handler_class, name), FunctionType):
        method = _bound_caller(name)
    parameters = _method_parameters(handler_class, name)
    new = object.__new__
    make: Callable[[type[MessageHandler]], MessageHandler] = handler_class.__new__

    def run(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        handler = make(handler_class)
        handler.application = application
        handler.environ = environ
        try:
            if args:
                if None in args:
                    args = parameters.by_place(args)
                answer = method(handler, args[0]) if len(args) == 1 else method(handler, *args)
            elif kwargs:
                answer = method(handler, **(parameters.by_name(kwargs) if None in kwargs.values() else kwargs))
            else:
                answer = method(handler)
            if answer.__class__ is str and not handler._is_changed:
                # make_response, unrolled for what is answered most
                response = new(Response)
                response._status_code = 200
                response._status_msg = response._on_close = None
                response.header_list = [TEXT_HEADER]
                response.body = answer.encode()
                return response
            return _response(handler, answer)
        except BaseException as error:
            _fail(handler, error)
            raise

    return run


def _hooked_runner(handler_class: type[MessageHandler], name: str, allowed: tuple[str, ...]) -> Runner:
    parameters = _method_parameters(handler_class, name)
    answers_errors = overrides(handler_class, MessageHandler, "error")

    def run(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        handler = handler_class(application, application.request_class(environ, application.max_body_size))
        handler.allowed_methods = allowed
        handler.initialize()
        response: Response | None = None
        try:
            try:
                answer = handler.prepare()
                if answer is None and handler._rendered is None:
                    if None in args:
                        args = parameters.by_place(args)
                    elif kwargs and None in kwargs.values():
                        kwargs = parameters.by_name(kwargs)
                    answer = getattr(handler, name)(*args, **kwargs)
                response = _response(handler, answer).start(environ)
            except BaseException as error:
                _fail(handler, error)
                raise
        except Exception as error:
            if not answers_errors or isinstance(error, HTTPError) or is_webob_response(error):
                raise
            application.log_failure(environ, error)
            handler.forget()
            response = _response(handler, handler.error(error)).start(environ)
        finally:
            if response is not None and response.is_streamed:
                response.on_close(lambda: _finish(handler, environ))
            else:
                _finish(handler, environ)
        return response

    return run


def _bound_caller(name: str) -> Callable[..., Any]:
    """Return what calls a method that is no plain function of the class: a property, a static or partial method."""

    def call(handler: MessageHandler, *args: Any, **kwargs: Any) -> Any:
        return getattr(handler, name)(*args, **kwargs)

    return call


def _response(handler: MessageHandler, answer: Any) -> Response:
    scope = handler._scope if handler._is_changed else None
    if scope is None:
        return _made_of(handler, answer)
    held = is_streamed(answer)
    if not held:
        scope.join()
    response = _made_of(handler, answer).copy()  # it may be a constant of the application
    return scope.put_off(scope.hold(response) if held else response, partial(_log_failure, handler))


def _made_of(handler: MessageHandler, answer: Any) -> Response:
    if answer is None:
        return handler._rendered or handler._render_again()
    response = make_response(answer)
    if response is handler._rendered or not handler._is_changed:
        return response
    response = handler.complete(response)
    if isinstance(answer, tuple):  # it says its status, 200 as well as any other
        response.status_msg, response.status_code = None, answer[1]
    return response


def _fail(handler: MessageHandler, error: BaseException) -> None:
    """End what a handler that failed has running beside it, which may be why it failed."""
    if handler._scope is not None:
        handler._scope.fail(error)


def _finish(handler: MessageHandler, environ: Environ) -> None:
    try:
        handler.on_finish()
        if handler._scope is not None:
            handler._scope.join()
    except Exception as error:
        _log_failure(handler, error)


def _log_failure(handler: MessageHandler, error: Exception) -> None:
    handler.application.log_failure(handler.environ, error)


class _Parameters:
    """What a handler takes from the path: its defaults stand in for groups that did not match.

    Args:
        function: the handler; behind a decorator that says so (`functools.wraps`), what it decorates.
        skip: how many parameters come before those of the path.
    """

    def __init__(self, function: Callable[..., Any], skip: int) -> None:
        try:
            parameters = list(inspect.signature(function).parameters.values())[skip:]
        except (TypeError, ValueError):  # something in C, or a property
            parameters = []
        single = [one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
        self._required = frozenset(one.name for one in single if one.default is one.empty)
        self._defaults = tuple(
            None if one.name in self._required else one.default for one in single if one.kind is not one.KEYWORD_ONLY
        )

    def by_place(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return *args* with defaults in place of None; at the end, where only ``*args`` takes it, None is left out."""
        defaults = self._defaults
        while len(args) > len(defaults) and args[-1] is None:
            args = args[:-1]
        return tuple(
            defaults[place] if value is None and place < len(defaults) else value for place, value in enumerate(args)
        )

    def by_name(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return *kwargs* without None, except for parameters that have no default."""
        return {name: value for name, value in kwargs.items() if value is not None or name in self._required}


def _method_parameters(handler_class: type[MessageHandler], name: str) -> _Parameters:
    is_bound = isinstance(inspect.getattr_static(handler_class, name), staticmethod | classmethod)
    return _Parameters(getattr(handler_class, name), 0 if is_bound else 1)
