"""From a matched route to a response: how a handler, class or function, is run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, Protocol, TypeAlias

from brubeck_wsgi.errors import ConfigurationError, HTTPError
from brubeck_wsgi.handlers.answers import TEXT_HEADER, is_webob_response, make_response
from brubeck_wsgi.handlers.base import MessageHandler
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import Response, made

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


def unsupported_runner(handler_class: type[MessageHandler], allowed: tuple[str, ...] = ()) -> Runner:
    """Return what answers a method that *handler_class* does not have, by its ``unsupported()``.

    Args:
        allowed: the methods that the path has; empty if the path is not known.
    """
    return _class_runner(handler_class, "unsupported", allowed)


def function_runner(function: FunctionHandler) -> Runner:
    """Return what runs a handler that is a function."""
    defaults = _positional_defaults(function, 2)

    def run(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        if None in args:
            args = _with_defaults(args, defaults)
        answer = function(application, application.request_class(environ, application.max_body_size), *args, **kwargs)
        if answer is None:
            return Response("")
        return make_response(answer)

    return run


def check_handler(handler: object) -> None:
    """Raise `ConfigurationError` unless *handler* is a handler class or a function."""
    if isinstance(handler, type) and not issubclass(handler, MessageHandler):
        raise ConfigurationError(f"expected a subclass of MessageHandler, got {handler.__name__}")
    if not callable(handler):
        raise ConfigurationError(f"expected a handler class or a function, got {handler!r:.80}")


def _class_runner(handler_class: type[MessageHandler], name: str, allowed: tuple[str, ...] = ()) -> Runner:
    # What the class does not override is not called: most handlers have no hooks, and the ceremony for
    # hooks that do nothing would cost as much as all the rest (benchmarks/framework.py).
    hooks = ("__init__", "initialize", "prepare", "on_finish", "error")
    if allowed or any(_overridden(handler_class, hook) for hook in hooks):
        return _hooked_runner(handler_class, name, allowed)
    return _plain_runner(handler_class, name)


def _plain_runner(handler_class: type[MessageHandler], name: str) -> Runner:
    method = getattr(handler_class, name)
    if not isinstance(inspect.getattr_static(handler_class, name), FunctionType):
        method = _bound_caller(name)
    defaults = _positional_defaults(method, 1)
    make: Callable[[type[MessageHandler]], MessageHandler] = handler_class.__new__

    def run(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        handler = make(handler_class)
        handler.application = application
        handler.environ = environ
        if kwargs:
            answer = method(handler, **kwargs)
        elif args:
            answer = method(handler, *(_with_defaults(args, defaults) if None in args else args))
        else:
            answer = method(handler)
        if answer.__class__ is str and not handler._is_changed:
            return made(answer.encode(), [TEXT_HEADER])  # make_response, unrolled for what is answered most
        return _response(handler, answer)

    return run


def _hooked_runner(handler_class: type[MessageHandler], name: str, allowed: tuple[str, ...]) -> Runner:
    defaults = _positional_defaults(getattr(handler_class, name), 1)
    answers_errors = _overridden(handler_class, "error")

    def run(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        handler = handler_class(application, application.request_class(environ, application.max_body_size))
        handler.allowed_methods = allowed
        handler.initialize()
        response: Response | None = None
        try:
            answer = handler.prepare()
            if answer is None and handler._rendered is None:
                args = _with_defaults(args, defaults) if None in args else args
                answer = getattr(handler, name)(*args, **kwargs)
            response = _response(handler, answer).start(environ)
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
    if answer is None:
        return handler._rendered or handler.render()
    response = make_response(answer)
    if response is handler._rendered or not handler._is_changed:
        return response
    return handler.complete(response)


def _finish(handler: MessageHandler, environ: Environ) -> None:
    try:
        handler.on_finish()
    except Exception as error:
        handler.application.log_failure(environ, error)


def _overridden(handler_class: type[MessageHandler], name: str) -> bool:
    return getattr(handler_class, name) is not getattr(MessageHandler, name)


def _positional_defaults(function: Callable[..., Any], skip: int) -> tuple[Any, ...]:
    """Return the defaults of the positional parameters after the first *skip*; None where there is none."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ()
    defaults = getattr(function, "__defaults__", None) or ()
    missing = code.co_argcount - len(defaults)
    return tuple(defaults[place - missing] if place >= missing else None for place in range(skip, code.co_argcount))


def _with_defaults(args: tuple[Any, ...], defaults: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put the handler's own default where an optional group did not match; leave such groups out at the end."""
    while args and args[-1] is None and len(args) > 0 and (len(args) <= len(defaults) or not defaults):
        args = args[:-1]
    return tuple(
        defaults[place] if value is None and place < len(defaults) else value for place, value in enumerate(args)
    )
