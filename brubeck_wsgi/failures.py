"""What went wrong in an application: what its client is answered, and what its log says of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from brubeck_wsgi.errors import ConfigurationError, HTTPError
from brubeck_wsgi.handlers.answers import is_webob_response, make_response
from brubeck_wsgi.handlers.naming import loggable_path
from brubeck_wsgi.handlers.noting import ON_FAILURE
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.problems import is_on_loopback, problem_response, traceback_response
from brubeck_wsgi.requestid import request_id
from brubeck_wsgi.response import Response
from brubeck_wsgi.streams import Stream

if TYPE_CHECKING:
    from brubeck_wsgi.request import Request

ErrorHandler: TypeAlias = Callable[[Any, "Request", Exception], Any]
"""Called with the application, the message and the error; returns what a handler may return."""

ErrorKind: TypeAlias = type[Exception] | int

logger = logging.getLogger("brubeck.app")
_ERROR_STATUSES = range(400, 600)


class Failures:
    """The error handlers of an application, and what is answered where there is none.

    Args:
        application: a `Brubeck`.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._handlers: dict[ErrorKind, ErrorHandler] = {}

    def handle(self, kind: ErrorKind, handler: ErrorHandler) -> None:
        """Have *handler* answer errors of a *kind*, as `checked_kind` has it."""
        self._handlers[kind] = handler

    def answer(self, environ: Environ, error: Exception) -> Response:
        """Return the answer to a request that ended with *error*; it is ready to be sent."""
        application = self._application
        status = _intended_status(error)
        handler = self._nearest_handler(error, status)
        if handler is None:
            if not _is_intended(error):
                application.log_failure(environ, error)
            handler = self._handlers.get(status)
        if handler is not None:
            try:
                answer = handler(application, application.request_class(environ, application.max_body_size), error)
                return self.start(environ, _error_answer(answer, status, error))
            except Exception as second:
                application.log_failure(environ, second)
                error = second
        try:
            return self.start(environ, self._default(environ, error))
        except Exception as third:  # what the error carries cannot be sent, a header that breaks the line for example
            application.log_failure(environ, third)
            return problem_response(HTTPError(500), environ)

    def start(self, environ: Environ, response: Response) -> Response:
        """Make a response ready to be sent, and have what goes wrong in its stream logged."""
        response.start(environ)
        if isinstance(response.body, Stream):
            response.body.on_error = partial(self._application.log_failure, environ)
        return response

    def _nearest_handler(self, error: Exception, status: int) -> ErrorHandler | None:
        handlers = self._handlers
        if not handlers or status not in _ERROR_STATUSES:  # webob.exc raises redirections too
            return None
        return next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)

    def _default(self, environ: Environ, error: Exception) -> Response:
        if isinstance(error, HTTPError):
            return problem_response(error, environ)
        if is_webob_response(error):
            return make_response(error)
        if self._application.debug and is_on_loopback(environ):
            return traceback_response(error)
        return problem_response(HTTPError(500), environ)


def log_failure(environ: Environ, error: Exception) -> None:
    """Log an unexpected exception with the request that it ended."""
    if ON_FAILURE in environ:
        environ[ON_FAILURE](error)
    logger.error(
        "%s %s failed: %r [%s]",
        environ.get("REQUEST_METHOD"),
        loggable_path(environ),
        error,
        request_id(environ),
        exc_info=error,
        extra={"request_id": request_id(environ)},
    )


def checked_kind(kind: ErrorKind) -> ErrorKind:
    """Return *kind* if errors can be of it: an exception class, or a status from 400 to 599."""
    is_class = isinstance(kind, type) and issubclass(kind, Exception)
    if not is_class and not (isinstance(kind, int) and kind in _ERROR_STATUSES):
        raise ConfigurationError(f"expected an exception class or a status from 400 to 599, got {kind!r}")
    return kind


def _is_intended(error: Exception) -> bool:
    """Tell an exception that says what to answer: an `HTTPError`, or one of webob.exc, which are responses."""
    return isinstance(error, HTTPError) or is_webob_response(error)


def _intended_status(error: Exception) -> int:
    if isinstance(error, HTTPError):
        return error.status
    status: int = getattr(error, "status_code", 500) if is_webob_response(error) else 500
    return status


def _error_answer(answer: Any, status: int, error: Exception) -> Response:
    response = make_response("" if answer is None else answer)
    if not isinstance(answer, Response | tuple) and not is_webob_response(answer):
        response.status_code = status  # it said nothing of a status, and is no constant of the application
    for name, value in getattr(error, "headers", {}).items() if isinstance(error, HTTPError) else ():
        if name not in response.headers:
            response = response.copy()
            response.headers[name] = value
    return response
