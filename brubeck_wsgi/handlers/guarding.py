"""Handlers that are stopped: when their time is over, and when their client has left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping
from errno import ECONNRESET
from functools import partial
from typing import Any

from brubeck_wsgi.concurrency import current
from brubeck_wsgi.concurrency.calls import Call
from brubeck_wsgi.errors import HTTPError
from brubeck_wsgi.handlers.naming import handler_name, loggable_path
from brubeck_wsgi.handlers.policy import Bounds, Policy, said_by_class
from brubeck_wsgi.handlers.running import Runner
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.requestid import request_id
from brubeck_wsgi.response import Response, Stream

logger = logging.getLogger("brubeck.app")

DISCONNECTED = "brubeck.disconnected"
"""The key of the environ where a server tells that the client has left."""

CHANGING_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods of handlers that may stop half-way without leaving anything half done (RFC 9110 §9.2.1)."""


class HandlerTimeout(HTTPError):
    """503 or 504: the handler was stopped at its deadline."""

    def __init__(self, status: int) -> None:
        super().__init__(status, "the answer took too long")


class ClientClosedRequest(HTTPError):
    """499: the handler was stopped because its client had left. Nobody reads this but the log."""

    def __init__(self) -> None:
        super().__init__(499, "the client has left", title="Client Closed Request")


class AnswerAborted(ConnectionResetError):
    """Breaks off an answer that has begun and whose handler was stopped, which is logged already."""


def guarded(run: Runner, policy: Policy, method: str, name: str) -> Runner:
    """Return what runs a handler within its *policy*; *run* itself if that says nothing.

    Args:
        run: runs the handler.
        policy: its bounds.
        method: the one that is answered; ``""`` for any.
        name: of the handler, for the log.
    """
    timeout = policy.timeout
    stops = _stopped_methods(policy, method)
    if timeout is None and not stops:
        return run

    def guard(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        disconnected = environ.get(DISCONNECTED)
        if disconnected is not None and environ["REQUEST_METHOD"] not in stops:
            disconnected = None
        if disconnected is None and timeout is None:
            return run(application, environ, args, kwargs)
        call = Call(current())
        if timeout is not None:
            call.limit(timeout)
        if disconnected is not None:
            call.stop_with(disconnected)
        try:
            response = run(application, environ, args, kwargs)
            if response.body.__class__ is not bytes:
                return _held(response, environ, call, partial(_end, call, environ, name))
        except BaseException as error:
            _end(call, environ, name)
            if error is not call.stopped:
                raise
            raise (ClientClosedRequest() if call.has_left else HandlerTimeout(policy.timeout_status)) from None
        call.end()
        return response

    return guard


def _stopped_methods(policy: Policy, method: str) -> Container[str]:
    """Return the methods, of *method* or of all if it is ``""``, whose handlers stop when their clients leave."""
    if policy.stop_on_disconnect is None:
        return CHANGING_NOTHING if not method else CHANGING_NOTHING & {method}
    return _Everything() if policy.stop_on_disconnect else ()


class _Everything:
    """Has whatever is asked for in it."""

    def __contains__(self, item: object) -> bool:
        return True


def _held(response: Response, environ: Environ, call: Call, end: Callable[[], None]) -> Response:
    """Return a streamed answer whose call is over when it is."""
    response.start(environ)
    if isinstance(response.body, Stream):
        response.body = _StoppableStream(response.body, call, end)
    else:
        response.on_close(end)
    return response


class _StoppableStream(Stream):
    """A streamed body that may be stopped between its pieces.

    Args:
        stream: what is streamed.
        call: what may be stopped.
        end: called when it is over.
    """

    __slots__ = ("_call", "_end")

    def __init__(self, stream: Stream, call: Call, end: Callable[[], None]) -> None:
        self._call = call
        self._end = end
        super().__init__(stream)

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except BaseException as error:
            if error is not self._call.stopped:
                raise
            raise AnswerAborted(ECONNRESET, f"the answer is broken off: {self._call.reason}") from None

    def close(self) -> None:
        """Stop: the generator's ``finally`` blocks run, and may wait."""
        try:
            super().close()
        finally:
            self._end()


def _end(call: Call, environ: Environ, name: str) -> None:
    """Note that a handler is over; say in the log if it was stopped."""
    call.end()
    stopped = call.stopped
    if stopped is None:
        return
    request = environ["REQUEST_METHOD"], loggable_path(environ)
    identity = request_id(environ)
    message, extra = "%s %s: stopped %s after %.2f s: %s [%s]", {"request_id": identity}
    if call.has_left:
        logger.info(message, *request, name, call.seconds, call.reason, identity, extra=extra)
    else:
        logger.warning(message, *request, name, call.seconds, call.reason, identity, extra=extra, exc_info=stopped)


class Guards:
    """Puts handlers within their bounds.

    Args:
        said: what the application says of all of them.
    """

    def __init__(self, said: Bounds) -> None:
        self._policy = Policy().but(said)
        # Those of a class are the same on all its routes, of which there may be thousands.
        self._made: dict[tuple[Any, ...], dict[str, Runner]] = {}

    def endpoints(self, runners: Mapping[str, Runner], handler: Any, said: Bounds) -> dict[str, Runner]:
        """Return *runners*, by method, within the bounds of their handler and their route.

        Args:
            runners: run *handler*; under ``""`` for any other method.
            said: what the route says.
        """
        policy = self._policy.but(said_by_class(handler)).but(said)
        key = (*runners.items(), policy)
        made = self._made.get(key)
        if made is None:
            name = handler_name(handler)
            made = {method: guarded(run, policy, method, name) for method, run in runners.items()}
            if isinstance(handler, type):
                self._made[key] = made
        return made
