"""How a request and its handler are called where people read of them: in logs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from brubeck_wsgi.interfaces import Environ


def loggable_path(environ: Environ) -> str:
    """Return the path as the request line had it: what is decoded could forge lines of the log."""
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return quote(path.encode("latin-1", "replace"), safe="/!$&'()*+,;=:@~")


def handler_name(handler: Any) -> str:
    """Return the name of a handler, class or function, with its module."""
    name = getattr(handler, "__qualname__", None) or type(handler).__qualname__
    return f"{getattr(handler, '__module__', '?')}.{name}"
