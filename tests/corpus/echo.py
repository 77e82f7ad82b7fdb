"""The application that the corpus is sent to: it answers what it was given, as JSON."""

from __future__ import annotations

import json

_SHOWN = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "RAW_URI", "SERVER_PROTOCOL"),
    *("CONTENT_TYPE", "CONTENT_LENGTH", "wsgi.url_scheme"),
)


def application(environ, start_response):
    seen = {key: value for key, value in environ.items() if key in _SHOWN or key.startswith("HTTP_")}
    seen["body"] = environ["wsgi.input"].read().decode("latin-1")
    answer = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
