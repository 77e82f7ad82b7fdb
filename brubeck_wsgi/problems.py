"""Error answers: problem documents (RFC 9457), pages for browsers, and the traceback page of debug mode."""

from __future__ import annotations

import html
import ipaddress
import re
import traceback
from functools import lru_cache

import msgspec

from brubeck_wsgi.errors import HTTPError
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import HTML, PHRASES, Response

PROBLEM_JSON = "application/problem+json"

_FROM_PROXIES = ("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
_PORT = re.compile(r":\d*\Z")

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body><h1>{title}</h1>{text}</body>
</html>
"""


def problem_response(error: HTTPError, environ: Environ, title: str | None = None) -> Response:
    """Return the answer to a request that ended in *error*.

    Args:
        environ: its Accept header decides between a page (``text/html``) and a problem document.
        title: instead of the error's own.
    """
    title = title or error.title or PHRASES.get(error.status, "Error")
    if accepts_html(environ):
        text = f"<p>{html.escape(error.detail)}</p>" if error.detail else ""
        page = _PAGE.format(title=f"{error.status} {html.escape(title)}", text=text)
        response = Response(page, error.status, error.headers, content_type=HTML)
    else:
        document = {**error.members, "type": error.type, "title": title, "status": error.status}
        if error.detail:
            document["detail"] = error.detail
        response = Response(msgspec.json.encode(document), error.status, error.headers, content_type=PROBLEM_JSON)
    response.headers.add("Vary", "Accept")
    return response


def traceback_response(error: Exception) -> Response:
    """Return the page that shows *error* to the developer, for `is_on_loopback` requests only."""
    lines = html.escape("".join(traceback.format_exception(error)))
    return Response(_PAGE.format(title="500 Internal Server Error", text=f"<pre>{lines}</pre>"), 500, content_type=HTML)


def accepts_html(environ: Environ) -> bool:
    """Tell whether the client would rather have a page than JSON (RFC 9110 §12.5.1)."""
    return _prefers_html(environ.get("HTTP_ACCEPT", ""))


@lru_cache(maxsize=256)  # clients say the same all the time, and reading it takes ten times what the answer does
def _prefers_html(accept: str) -> bool:
    if "text/" not in accept.lower():
        return False
    from webob.acceptparse import create_accept_header

    offers = create_accept_header(accept).acceptable_offers([PROBLEM_JSON, "application/json", "text/html"])
    return bool(offers) and max(offers, key=lambda offer: offer[1])[0] == "text/html"


def is_on_loopback(environ: Environ) -> bool:
    """Tell whether the client sits at this machine: by its address, by the name it called, and without a proxy."""
    if any(name.startswith(_FROM_PROXIES) for name in environ):
        return False
    # The name too: a page of a stranger can point its own name at 127.0.0.1 (DNS rebinding).
    host = _PORT.sub("", environ.get("HTTP_HOST", "")).lower()
    return _is_loopback(environ.get("REMOTE_ADDR", "")) and (host == "localhost" or _is_loopback(host.strip("[]")))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
