"""WSGI middleware, for `Brubeck.add_middleware` and for any other WSGI application."""

from brubeck_wsgi.middleware.compression import Compression
from brubeck_wsgi.middleware.cors import CORS

__all__ = ["CORS", "Compression"]
