"""The doors of an application: the servers that a user would put it behind, and WebTest's way to ask them."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from mongrel2_servers import handler, mongrel2, needs_mongrel2
from servers import DEADLINE_SECONDS, Server, free_port, running

SERVERS = [
    pytest.param("gevent", marks=pytest.mark.serving),
    pytest.param("eventlet", marks=pytest.mark.serving),
    pytest.param("mongrel2", marks=needs_mongrel2),
]
"""Gunicorn with its two workers of ours, and Mongrel2 with a process behind it."""

_OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}


@contextmanager
def serving(door: str, application: str, **variables: str) -> Iterator[Server]:
    """Serve ``module:name`` behind one of `SERVERS`.

    Args:
        variables: to set in its environment.
    """
    if door == "mongrel2":
        with mongrel2(static={}) as front, handler(application, front, **variables) as server:
            yield server
        return
    port = free_port()
    worker = {"gevent": "GeventWorker", "eventlet": "EventletWorker"}[door]
    command = ["gunicorn", "--no-control-socket", "-k", f"brubeck_wsgi.workers.{worker}", "-b", f"127.0.0.1:{port}"]
    with running([*command, application], port, **variables) as server:
        yield server


class Remote:
    """A WSGI application that passes requests on to a real server, so that WebTest can ask it like any other.

    Args:
        port: where the server listens on 127.0.0.1.
        headers: to add to each request.
    """

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._port = port
        self._added = headers

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Ask the server."""
        path = quote(environ["PATH_INFO"].encode("latin-1"))
        query = environ.get("QUERY_STRING")
        target = f"{path}?{query}" if query else path
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or None
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE_SECONDS)) as client:
            client.request(environ["REQUEST_METHOD"], target, body, self._headers(environ))
            response = client.getresponse()
            content = response.read()
        headers = [pair for pair in response.getheaders() if pair[0].lower() not in _OF_THE_CONNECTION]
        start_response(f"{response.status} {response.reason}", headers)
        return [content]

    def _headers(self, environ: dict[str, Any]) -> dict[str, str]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        return headers | self._added


def ask(client: Any, request_line: str) -> Any:
    """Return the answer to ``"GET /path"``, whatever its status."""
    method, path = request_line.split(" ", 1)
    return client.request(path, method=method, expect_errors=True)
