"""The routes of an application: from a pattern and a handler to a rule of its router."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.handlers import MessageHandler
from brubeck_wsgi.handlers.guarding import Guards
from brubeck_wsgi.handlers.policy import Bounds
from brubeck_wsgi.handlers.running import (
    Handler,
    Runner,
    check_handler,
    check_parameters,
    class_runners,
    function_runner,
    routed_runners,
    takes_by_place,
    unsupported_runner,
)
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import Response
from brubeck_wsgi.routing import Converter, Router, Rule
from brubeck_wsgi.routing.converters import CONVERTERS, check_converter
from brubeck_wsgi.settings import Pattern

_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token (RFC 9110 §9.1)
_TEMPLATE_FIELD = re.compile(r"\{[A-Za-z_]\w*(?::[A-Za-z_]\w*)?\}")


class RouteTable:
    """Adds routes to a router.

    Args:
        router: where they go.
        guards: what keeps handlers within bounds.
    """

    def __init__(self, router: Router[Runner], guards: Guards) -> None:
        self._router = router
        self._guards = guards
        self._runners: dict[type[MessageHandler], dict[str, Runner]] = {}  # shared by the routes of a class
        self._converters: dict[str, Converter] = dict(CONVERTERS)

    def add_converter(self, name: str, converter: Converter) -> None:
        """Let path templates that are added from now on use *converter* as ``{field:name}``.

        Raises:
            ConfigurationError: it cannot be used; the message says what was expected.
        """
        try:
            check_converter(name, converter)
        except (ValueError, re.error) as error:
            raise ConfigurationError(str(error)) from error
        self._converters[name] = converter

    def add(
        self, pattern: Pattern, handler: Handler, methods: Sequence[str] | None, name: str | None, bounds: Bounds
    ) -> None:
        """Add a route; the arguments are those of `Brubeck.route`.

        Raises:
            ConfigurationError: one of them cannot be used; the message says what was expected.
        """
        check_handler(handler)
        wanted = None if methods is None else _checked_methods(methods)
        endpoints: dict[str, Runner] = {}
        fallback: Runner | None = None
        if isinstance(handler, type):
            endpoints = self._runners.get(handler) or self._runners.setdefault(handler, routed_runners(handler))
            if wanted is not None:
                endpoints = _chosen(endpoints, wanted, handler)
        elif wanted is None:
            fallback = function_runner(handler)
        else:
            endpoints = dict.fromkeys(wanted, function_runner(handler))
        endpoints = self._guards.endpoints(endpoints, handler, bounds)
        if fallback is not None:
            fallback = self._guards.endpoints({"": fallback}, handler, bounds)[""]
        rule = Rule(pattern, endpoints, fallback, name, self._converters, handler)
        if rule.template is not None and not isinstance(handler, type):
            check_parameters(handler, rule.names)
        if rule.names and takes_by_place(handler, rule.endpoints, rule.names):
            rule.by_place = True
        if name is None and rule.template is not None:
            own_name: str = getattr(handler, "__name__", "")
            rule.name = own_name if own_name and not self._router.has_name(own_name) else None
        self._router.add(rule)

    def unknown(self, handler: Handler) -> Runner:
        """Return what runs *handler* for paths that no route matches."""
        check_handler(handler)
        if not isinstance(handler, type):
            return self._guards.endpoints({"": function_runner(handler)}, handler, {})[""]
        runners = self._guards.endpoints(class_runners(handler), handler, {})
        unsupported = unsupported_runner(handler)

        def run(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Any) -> Response:
            return runners.get(environ["REQUEST_METHOD"], unsupported)(application, environ, args, kwargs)

        return run


def as_brubeck_had_it(pattern: Pattern) -> Pattern:
    """Return the *pattern* of a route as its regular expression, if it is one; a path template as it is."""
    if not isinstance(pattern, str) or pattern.startswith("^") or _TEMPLATE_FIELD.search(pattern):
        return pattern
    try:
        return re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise ConfigurationError(f"route {pattern!r}: {error}") from error


def _checked_methods(methods: Sequence[str]) -> list[str]:
    """Return *methods* in the order of an Allow header; HEAD comes with GET."""
    if isinstance(methods, str) or not isinstance(methods, Iterable):
        raise ConfigurationError(f"expected a list of methods, got {methods!r:.80}")
    wanted = set()
    for method in methods:
        if not isinstance(method, str) or not _METHOD.fullmatch(method):
            raise ConfigurationError(f"expected the names of HTTP methods, like 'GET', got {method!r:.80}")
        wanted.add(method.upper())
    if not wanted:
        raise ConfigurationError("expected at least one method, got an empty list")
    order = [method for method in MessageHandler.SUPPORTED_METHODS if method in wanted]
    order += sorted(wanted.difference(order))
    return order if "HEAD" in wanted or "GET" not in wanted else [*order, "HEAD"]


def _chosen(runners: dict[str, Runner], wanted: Sequence[str], handler: type[MessageHandler]) -> dict[str, Runner]:
    chosen = {method: runner for method, runner in runners.items() if method in wanted}
    if not chosen:
        raise ConfigurationError(f"expected {handler.__name__} to have a function for {' or '.join(wanted)}")
    return chosen
