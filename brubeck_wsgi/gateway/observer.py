"""Who looks on while a server serves: its log, and what wants to know of each request."""

from __future__ import annotations

from typing import Any, Protocol

from brubeck_wsgi.gateway.exchange import Exchange
from brubeck_wsgi.interfaces import WSGIApplication


class Log(Protocol):
    """Where the server says what happens; Gunicorn's logger, or one of the standard library."""

    def debug(self, message: str, /, *args: Any) -> None: ...
    def warning(self, message: str, /, *args: Any) -> None: ...
    def exception(self, message: str, /, *args: Any) -> None: ...


class Observer(Protocol):
    """Is there when a request is answered: for access logs and hooks."""

    def run(self, exchange: Exchange, application: WSGIApplication) -> None:
        """Call ``exchange.run(application)``, and do what is to be done before and after."""
        ...
