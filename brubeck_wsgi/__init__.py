"""Brubeck: a WSGI-first microframework in which every request runs as a coroutine.

What is imported here is what the package promises; the rest is its own affair.
"""

from typing import TYPE_CHECKING

from brubeck_wsgi.app import Brubeck
from brubeck_wsgi.errors import (
    BadRequest,
    BrubeckError,
    ConfigurationError,
    Conflict,
    ContentTooLarge,
    Forbidden,
    FourOhFourException,
    HTTPError,
    MethodNotAllowed,
    MissingLibrary,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnprocessableContent,
    UnsupportedMediaType,
    ValidationError,
)
from brubeck_wsgi.handlers import JSONMessageHandler, MessageHandler, WebMessageHandler, render
from brubeck_wsgi.headers import Headers
from brubeck_wsgi.response import Response
from brubeck_wsgi.routing import Converter

if TYPE_CHECKING:
    from brubeck_wsgi.connections import WSGIConnection
    from brubeck_wsgi.mongrel2.connection import Mongrel2Connection
    from brubeck_wsgi.request import Request

__version__ = "1.0.0a1"

__all__ = [
    "BadRequest",
    "Brubeck",
    "BrubeckError",
    "ConfigurationError",
    "Conflict",
    "ContentTooLarge",
    "Converter",
    "Forbidden",
    "FourOhFourException",
    "HTTPError",
    "Headers",
    "JSONMessageHandler",
    "MessageHandler",
    "MethodNotAllowed",
    "MissingLibrary",
    "Mongrel2Connection",
    "NotFound",
    "Request",
    "Response",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableContent",
    "UnsupportedMediaType",
    "ValidationError",
    "WSGIConnection",
    "WebMessageHandler",
    "render",
]


def __getattr__(name: str) -> object:
    # Request brings WebOb, which is loaded when an application is made; most programs make no connection (PEP 562).
    if name == "Request":
        from brubeck_wsgi.request import Request

        return Request
    if name == "WSGIConnection":
        from brubeck_wsgi.connections import WSGIConnection

        return WSGIConnection
    if name == "Mongrel2Connection":
        from brubeck_wsgi.mongrel2.connection import Mongrel2Connection

        return Mongrel2Connection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
