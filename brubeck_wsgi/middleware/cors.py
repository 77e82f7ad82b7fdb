"""Middleware that lets pages of other origins read answers (Fetch standard, "CORS protocol")."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeAlias

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.headers import with_vary
from brubeck_wsgi.interfaces import Environ, ExceptionInfo, HeaderList, StartResponse, WSGIApplication

Origins: TypeAlias = Collection[str] | Callable[[str], bool]
"""Origins like ``"https://app.example"``, ``["*"]`` for any, or a function that tells whether one is allowed."""

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_DEFAULT_PORT = re.compile(r"http://.*:80|https://.*:443")  # which browsers leave out
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MOST_NAMES = 100  # that are read of what one preflight asks for


class CORS:
    """WSGI middleware that answers preflights, and says in every answer who may read it.

    It has the only say: what the application itself puts into the headers of CORS is replaced.

    Args:
        application: the WSGI application to wrap.
        origins: whose pages may read answers; see `Origins`.
        methods: that they may use. GET, HEAD and POST need no permission.
        headers: that they may send, beside those that need no permission; ``["*"]`` for any.
        expose: headers of answers that they may read, beside those that everybody may.
        credentials: whether they may send cookies and read what is answered to them. Not for any origin.
        max_age: how long a browser may keep the answer to a preflight, in seconds.

    Raises:
        ConfigurationError: an origin that no browser would send, a name that is none, or credentials for any origin.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        origins: Origins,
        methods: Sequence[str] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
        headers: Sequence[str] = (),
        expose: Sequence[str] = (),
        credentials: bool = False,
        max_age: int = 600,
    ) -> None:
        self._application = application
        allowed = [origins] if isinstance(origins, str) else origins
        self._is_open = not callable(allowed) and list(allowed) == ["*"]
        if self._is_open and credentials:
            raise ConfigurationError("expected the origins that may use credentials, got '*'")
        self._is_allowed = allowed if callable(allowed) else _checked_origins(allowed, self._is_open)
        self._methods = [name.upper() for name in _checked_names("methods", methods)]
        self._headers = _checked_names("headers", headers)
        self._max_age = str(int(max_age))
        self._granted = [("Access-Control-Allow-Credentials", "true")] if credentials else []
        self._exposed = (
            [("Access-Control-Expose-Headers", ", ".join(_checked_names("expose", expose)))] if expose else []
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        granted = self._grant(environ)
        if (
            environ["REQUEST_METHOD"] == "OPTIONS"
            and "HTTP_ORIGIN" in environ
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        ):
            return self._answer_preflight(environ, start_response, granted)

        def start(
            status: str, headers: HeaderList, exc_info: ExceptionInfo | None = None, /
        ) -> Callable[[bytes], object]:
            kept = [pair for pair in headers if not pair[0].lower().startswith("access-control-")]
            if granted:
                kept += [*granted, *self._exposed]
            kept = self._varied(kept)
            return start_response(status, kept) if exc_info is None else start_response(status, kept, exc_info)

        return self._application(environ, start)

    def _grant(self, environ: Environ) -> HeaderList:
        """Return the headers that let the page which asks read the answer; ``[]`` if it may not."""
        if self._is_open:
            return [("Access-Control-Allow-Origin", "*")]
        origin = environ.get("HTTP_ORIGIN", "")
        # Only what can be an origin is asked about, and said again.
        if (_ORIGIN.fullmatch(origin) or origin == "null") and self._is_allowed(origin):
            return [("Access-Control-Allow-Origin", origin), *self._granted]
        return []

    def _answer_preflight(
        self, environ: Environ, start_response: StartResponse, granted: HeaderList
    ) -> Iterable[bytes]:
        if not granted:
            text = b"this origin may not read what is here\n"
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
            start_response("403 Forbidden", self._varied(headers))
            return [text]
        methods = _granted_names(self._methods, environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"])
        names = _granted_names(self._headers, environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""))
        headers = [*granted, ("Access-Control-Allow-Methods", methods), ("Access-Control-Max-Age", self._max_age)]
        if names:
            headers.append(("Access-Control-Allow-Headers", names))
        start_response("204 No Content", self._varied(headers))
        return []

    def _varied(self, headers: HeaderList) -> HeaderList:
        # Whatever the answer to this origin is: a cache may have to answer another with it.
        return headers if self._is_open else with_vary(headers, "Origin")


def _checked_origins(origins: Collection[str], is_open: bool) -> Callable[[str], bool]:
    for origin in () if is_open else origins:
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin) or _DEFAULT_PORT.fullmatch(origin):
            raise ConfigurationError(f"expected origins as browsers send them, 'https://app.example', got {origin!r}")
    return frozenset(origins).__contains__


def _checked_names(option: str, names: Sequence[str]) -> list[str]:
    if isinstance(names, str) or not all(isinstance(name, str) and _TOKEN.fullmatch(name) for name in names):
        raise ConfigurationError(f"expected a list of names as {option}, got {names!r:.80}")
    return list(names)


def _granted_names(names: list[str], asked: str) -> str:
    """Return what to allow; for ``["*"]`` what is asked for, since browsers do not take ``*`` for everything."""
    if names == ["*"]:
        names = [name.strip() for name in asked.split(",", _MOST_NAMES)[:_MOST_NAMES]]
        names = [name for name in names if _TOKEN.fullmatch(name)]
    return ", ".join(names)
