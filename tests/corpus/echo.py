"""The applications that the corpus is sent to: they answer what they were given, as JSON."""

from __future__ import annotations

import json

_SHOWN = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "RAW_URI", "SERVER_PROTOCOL"),
    *("CONTENT_TYPE", "CONTENT_LENGTH", "wsgi.url_scheme"),
)


def application(environ, start_response):
    """Read the body, and answer."""
    return _answer(_seen(environ) | {"body": environ["wsgi.input"].read().decode("latin-1")}, start_response)


def deaf(environ, start_response):
    """Answer without a look at the body."""
    return _answer(_seen(environ), start_response)


def _seen(environ):
    return {key: value for key, value in environ.items() if key in _SHOWN or key.startswith("HTTP_")}


def _answer(seen, start_response):
    answer = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
