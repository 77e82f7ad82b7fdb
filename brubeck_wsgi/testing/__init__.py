"""Tests without a server: WebTest's client, for WebSockets and streams of events too."""

from brubeck_wsgi.testing.client import TestClient
from brubeck_wsgi.testing.sockets import TestSocket
from brubeck_wsgi.testing.streams import TestStream

__all__ = ["TestClient", "TestSocket", "TestStream"]
