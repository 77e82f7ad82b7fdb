"""A page of figures beside an application: answered whatever state that is in, and not to everybody."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable

from brubeck_wsgi.errors import ConfigurationError, Forbidden, HTTPError, MethodNotAllowed, Unauthorized
from brubeck_wsgi.interfaces import Environ, StartResponse, WSGIApplication
from brubeck_wsgi.problems import is_on_loopback, problem_response
from brubeck_wsgi.response import Response

Render = Callable[[Environ], tuple[bytes, str]]
"""Returns a body and its Content-Type; may raise an `HTTPError`."""

_SHORTEST_TOKEN = 16


class Endpoint:
    """WSGI middleware that answers one path itself, before hooks, limits and routes of the application.

    Args:
        application: the WSGI application to wrap.
        path: which path.
        token: what a client has to send, ``Authorization: Bearer …``; None to answer only clients on this machine.
        render: what makes the page.

    Raises:
        ConfigurationError: the path is none, or the token is too short to be a secret.
    """

    def __init__(self, application: WSGIApplication, path: str, token: str | None, render: Render) -> None:
        if not isinstance(path, str) or not path.startswith("/"):
            raise ConfigurationError(f"expected path as one that starts with '/', got {path!r:.80}")
        if token is not None and (not isinstance(token, str) or len(token) < _SHORTEST_TOKEN):
            raise ConfigurationError(f"expected token as text of {_SHORTEST_TOKEN} characters or more")
        self._application = application
        self._path = path
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._render = render

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if environ.get("PATH_INFO") != self._path:
            return self._application(environ, start_response)
        try:
            response = self._answer(environ)
        except HTTPError as error:
            response = problem_response(error, environ)
        return response.send(environ, start_response)

    def _answer(self, environ: Environ) -> Response:
        if self._expected is None:
            if not is_on_loopback(environ):
                raise Forbidden("this page is for clients on the same machine")
        elif not hmac.compare_digest(
            environ.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace"), self._expected
        ):
            raise Unauthorized("expected the token of this page", headers={"WWW-Authenticate": "Bearer"})
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(("GET", "HEAD"))
        body, content_type = self._render(environ)
        return Response(body, headers={"Cache-Control": "no-store"}, content_type=content_type)
