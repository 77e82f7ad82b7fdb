"""Handlers: classes that live for one request, what they may return, and how they are run."""

from brubeck_wsgi.handlers.base import MessageHandler
from brubeck_wsgi.handlers.web import JSONMessageHandler, WebMessageHandler, render

__all__ = ["JSONMessageHandler", "MessageHandler", "WebMessageHandler", "render"]
