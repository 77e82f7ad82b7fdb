"""The parity app in all its variants, with each of its engines: the header X-Parity says which, ``nologin mako``."""

from __future__ import annotations

from tests.apps.parity import BASE_HANDLERS, make_app
from tests.apps.parity_templates import ENGINES

APPLICATIONS = {f"{variant} {engine}": make_app(variant, engine) for variant in BASE_HANDLERS for engine in ENGINES}


def app(environ, start_response):
    """Have the application answer that was asked for."""
    return APPLICATIONS[environ.get("HTTP_X_PARITY", "main jinja2")](environ, start_response)
