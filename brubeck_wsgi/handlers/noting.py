"""What an application tells of a request to who looks on from around it: metrics and tracing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brubeck_wsgi.handlers.running import Runner
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import Response
from brubeck_wsgi.routing import Rule

ROUTE = "brubeck.route"
"""The key of the environ with the pattern of the route that answers, where `Brubeck.note_routes` has been called.

It is not there as long as no route has been found, and stays away where none is.
"""

ON_FAILURE = "brubeck.on_failure"
"""The key of the environ with what is called with each unexpected exception of the request; it must not raise."""


def noting_route(run: Runner, rule: Rule[Runner]) -> Runner:
    """Return *run* with a note before it that it is *rule* which answers."""
    pattern = rule.pattern

    def note(application: Any, environ: Environ, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Response:
        environ[ROUTE] = pattern
        return run(application, environ, args, kwargs)

    return note
