"""Handlers that are stopped: when their time is over, and when their client has left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from brubeck_wsgi.concurrency import current
from brubeck_wsgi.concurrency.calls import Begun, Bound, Stop
from brubeck_wsgi.concurrency.halting import Stopped
from brubeck_wsgi.errors import HTTPError
from brubeck_wsgi.handlers.admission import Gate, behind, shedding
from brubeck_wsgi.handlers.naming import handler_name, loggable_path
from brubeck_wsgi.handlers.policy import Bounds, Policy, said_by_class
from brubeck_wsgi.handlers.running import Runner
from brubeck_wsgi.interfaces import AnswerAborted, Environ
from brubeck_wsgi.requestid import request_id
from brubeck_wsgi.response import Response
from brubeck_wsgi.streams import Stream

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
        super().__init__(499, "the client has left")


def guarded(run: Runner, bound: Bound, timeout_status: int, name: str) -> Runner:
    """Return what runs a handler within its *bound*.

    Args:
        run: runs the handler.
        bound: how long it may take, and what it has to do with its client.
        timeout_status: what the client gets if it takes longer.
        name: of the handler, for the log.
    """
    is_timed = bound.seconds is not None

    def guard(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        disconnected = environ.get(DISCONNECTED)
        if disconnected is None and not is_timed:
            return run(application, environ, args, kwargs)
        # What follows costs each request: subscripts and attributes are half as dear as get(), pop() and functions of
        # our own (benchmarks/deadlines.py).
        try:
            calls = current().calls if disconnected is None else disconnected.calls
        except AttributeError:  # another server's, which can only be asked
            calls = current().calls
        try:
            begun = calls.tables[bound]
        except KeyError:
            begun = calls.table(bound)
        carrier = calls.carrier()
        # A request within a request, with the same bound, may take the place of the other, which then has none.
        begun[carrier] = environ
        try:
            response = run(application, environ, args, kwargs)
            if response.body.__class__ is not bytes:
                return _held(response, environ, partial(end, environ, carrier, begun))
        except BaseException as error:
            stop = end(environ, carrier, begun)
            if stop is None or error is not stop.error:
                raise
            raise (ClientClosedRequest() if stop.has_left else HandlerTimeout(timeout_status)) from None
        try:
            del begun[carrier]
        except KeyError:
            calls.end(carrier, bound)
        return response

    def end(environ: Environ, carrier: Any, begun: Begun) -> Stop | None:
        """Note that a handler is over in another way; return how it was stopped, if it was."""
        stop = current().calls.end(carrier, bound) if begun.pop(carrier, None) is None else None
        if stop is not None and stop.error is not None:
            _log_stop(environ, stop, name)
        return stop

    return guard


def _client(environ: Environ) -> Any:
    return environ.get(DISCONNECTED)


def _client_that_may_stop(environ: Environ) -> Any:
    return environ.get(DISCONNECTED) if environ["REQUEST_METHOD"] in CHANGING_NOTHING else None


def _held(response: Response, environ: Environ, end: Callable[[], object]) -> Response:
    """Return a streamed answer whose call is over when it is."""
    response.start(environ)
    if isinstance(response.body, Stream):
        response.body = _StoppableStream(response.body, end)
    else:
        response.on_close(end)
    return response


class _StoppableStream(Stream):
    """A streamed body that may be stopped between its pieces.

    Args:
        stream: what is streamed.
        end: called when it is over.
    """

    __slots__ = ("_end",)

    def __init__(self, stream: Stream, end: Callable[[], object]) -> None:
        self._end = end
        super().__init__(stream)

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except Stopped as error:
            raise AnswerAborted(f"the answer is broken off: {error}") from None

    def close(self) -> None:
        """Stop: the generator's ``finally`` blocks run, and may wait."""
        try:
            super().close()
        finally:
            self._end()


def _log_stop(environ: Environ, stop: Stop, name: str) -> None:
    request = environ["REQUEST_METHOD"], loggable_path(environ)
    identity = request_id(environ)
    message, extra = "%s %s: stopped %s after %.2f s: %s [%s]", {"request_id": identity}
    if stop.has_left:
        logger.info(message, *request, name, stop.seconds, stop.reason, identity, extra=extra)
    else:
        logger.warning(message, *request, name, stop.seconds, stop.reason, identity, extra=extra, exc_info=stop.error)


class Guards:
    """Puts handlers within their bounds.

    Args:
        policy: of those whose class and route say nothing. What it says of how many may run counts all of them.
        most_lag: by how many seconds the loop may be late before clients are sent away; None for any.
        lag: returns by how many it is.
    """

    def __init__(self, policy: Policy, most_lag: float | None = None, lag: Callable[[], float] = lambda: 0.0) -> None:
        self._policy = replace(policy, max_concurrent=None, max_waiting=0)
        self._common_gate = _gate(policy)
        self._gates: dict[tuple[Any, ...], Gate | None] = {}
        self._bounds: dict[tuple[Any, ...], Bound] = {}
        self._most_lag = most_lag
        self._lag = lag
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
            name, gate = handler_name(handler), self._gate(policy, handler)
            made = {method: self._bounded(run, policy, method, name, gate) for method, run in runners.items()}
            if isinstance(handler, type):
                self._made[key] = made
        return made

    def _gate(self, policy: Policy, handler: Any) -> Gate | None:
        """Return the gate of a handler; of a class on all its routes the same."""
        if not isinstance(handler, type):
            return _gate(policy)
        key = handler, policy.max_concurrent, policy.max_waiting
        if key not in self._gates:
            self._gates[key] = _gate(policy)
        return self._gates[key]

    def _bounded(self, run: Runner, policy: Policy, method: str, name: str, gate: Gate | None) -> Runner:
        """Return *run* within all bounds; waiting to be let in is a part of its time."""
        run = behind(run, [one for one in (gate, self._common_gate) if one is not None])
        bound = self._bound(policy, method)
        run = run if bound is None else guarded(run, bound, policy.timeout_status, name)
        return run if self._most_lag is None else shedding(run, self._most_lag, self._lag)

    def _bound(self, policy: Policy, method: str) -> Bound | None:
        """Return what bounds a handler, in common with all that are bound by the same; None if nothing does.

        Args:
            policy: of the handler.
            method: that it answers; ``""`` for any.
        """
        stops = policy.stop_on_disconnect
        if stops is None and method:
            stops = method in CHANGING_NOTHING
        client = {True: _client, False: None, None: _client_that_may_stop}[stops]
        if client is None and policy.timeout is None:
            return None
        return self._bounds.setdefault((policy.timeout, client), Bound(policy.timeout, client))


def _gate(policy: Policy) -> Gate | None:
    return None if policy.max_concurrent is None else Gate(policy.max_concurrent, policy.max_waiting)
