"""Brubeck: a WSGI-first microframework in which every request runs as a coroutine.

What is imported here is what the package promises; the rest is its own affair.
"""

from importlib import import_module
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
from brubeck_wsgi.interfaces import ChannelClosed
from brubeck_wsgi.response import Response
from brubeck_wsgi.routing import Converter

if TYPE_CHECKING:
    from brubeck_wsgi.auth import UserHandlingMixin, authenticated, web_authenticated
    from brubeck_wsgi.autoapi import AutoAPIBase
    from brubeck_wsgi.connections import WSGIConnection
    from brubeck_wsgi.handlers.events import EventStreamHandler, ServerSentEvent, event_stream
    from brubeck_wsgi.handlers.sockets import WebSocketHandler
    from brubeck_wsgi.mongrel2.connection import Mongrel2Connection
    from brubeck_wsgi.request import Request

__version__ = "1.0.0a1"

__all__ = [
    "AutoAPIBase",
    "BadRequest",
    "Brubeck",
    "BrubeckError",
    "ChannelClosed",
    "ConfigurationError",
    "Conflict",
    "ContentTooLarge",
    "Converter",
    "EventStreamHandler",
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
    "ServerSentEvent",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableContent",
    "UnsupportedMediaType",
    "UserHandlingMixin",
    "ValidationError",
    "WSGIConnection",
    "WebMessageHandler",
    "WebSocketHandler",
    "authenticated",
    "event_stream",
    "render",
    "web_authenticated",
]


# What they bring is loaded by those who use it (PEP 562): WebOb when an application is made, a server to serve on it.
_ON_DEMAND = {
    "AutoAPIBase": "brubeck_wsgi.autoapi",
    "EventStreamHandler": "brubeck_wsgi.handlers.events",
    "Mongrel2Connection": "brubeck_wsgi.mongrel2.connection",
    "Request": "brubeck_wsgi.request",
    "ServerSentEvent": "brubeck_wsgi.handlers.events",
    "UserHandlingMixin": "brubeck_wsgi.auth",
    "WSGIConnection": "brubeck_wsgi.connections",
    "WebSocketHandler": "brubeck_wsgi.handlers.sockets",
    "authenticated": "brubeck_wsgi.auth",
    "event_stream": "brubeck_wsgi.handlers.events",
    "web_authenticated": "brubeck_wsgi.auth",
}


def __getattr__(name: str) -> object:
    module = _ON_DEMAND.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
