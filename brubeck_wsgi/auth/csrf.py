"""Forms that only our own pages can send: cross-site request forgery, and two defences against it.

Browsers tell where a request comes from (Fetch Metadata, and Origin of RFC 6454); and a form holds a token
that another site cannot read. Requests that carry no cookie but a token of their own need neither.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import inspect
import secrets
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlsplit

from brubeck_wsgi.auth.users import vary_by_cookie
from brubeck_wsgi.errors import Forbidden
from brubeck_wsgi.handlers import WebMessageHandler
from brubeck_wsgi.handlers.base import lazy
from brubeck_wsgi.interfaces import Environ

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110 §9.2.1), and so need no protection."""

_NONCE_BYTES = 16
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_origin(environ: Environ, trusted: Collection[str] = ()) -> None:
    """Raise `Forbidden` if a browser sends this request for the page of another site.

    What says nothing of where it comes from passes: it is no browser, or one of long ago.

    Args:
        trusted: other origins that may, ``"https://example.org"``.
    """
    if environ["REQUEST_METHOD"] in SAFE_METHODS:
        return
    origin = environ.get("HTTP_ORIGIN") or ""
    if origin and origin in trusted:
        return
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        is_own = site in ("same-origin", "none")  # none: the user's own doing
    else:
        source = origin or environ.get("HTTP_REFERER")
        own = _own_origin(environ)
        is_own = not source or (own is not None and _origin(source) == own)
    if not is_own:
        raise Forbidden("expected a request from a page of this site")


class CSRFProtection(WebMessageHandler):
    """Has each method that may change something checked before it runs: origin first, then the token.

    A form sends `csrf_token` as the field of that name, a script as the header ``X-CSRF-Token``. The
    application needs a `cookie_secret`.

    Attributes:
        trusted_origins: other sites whose pages may send requests here with a token.
    """

    trusted_origins: Collection[str] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for method in cls.SUPPORTED_METHODS:
            if method not in SAFE_METHODS and callable(getattr(cls, method.lower(), None)):
                _protect(cls, method.lower())

    @property
    def csrf_token(self) -> str:
        """The token for a form of this answer; another text each time, so that compression cannot betray it."""
        vary_by_cookie(self)
        return _mask(self._csrf_nonce)

    def check_csrf(self) -> None:
        """Raise `Forbidden` unless the request comes from a page of this site."""
        check_origin(self.environ, self.trusted_origins)
        nonce = self._sent_nonce()
        token = self.environ.get("HTTP_X_CSRF_TOKEN") or self.get_argument("csrf_token", "")
        if nonce is None or not hmac.compare_digest(nonce, _unmask(token)):
            raise Forbidden("expected the csrf_token of a page of this site; load the page again")

    @lazy
    def _csrf_nonce(self) -> bytes:
        nonce = self._sent_nonce()
        if nonce is None:
            nonce = secrets.token_bytes(_NONCE_BYTES)
            self.set_cookie(self._csrf_cookie, nonce.hex(), secret=True)
        return nonce

    @property
    def _csrf_cookie(self) -> str:
        # __Host-: no neighbour in the domain can set it (RFC 6265bis §4.1.3.2), but browsers want HTTPS for it.
        return "__Host-csrf" if self.environ.get("wsgi.url_scheme") == "https" else "csrf"

    def _sent_nonce(self) -> bytes | None:
        signed = self.get_cookie(self._csrf_cookie, secret=True)
        return bytes.fromhex(signed) if isinstance(signed, str) else None


def _protect(handler_class: type[CSRFProtection], name: str) -> None:
    method = inspect.getattr_static(handler_class, name)
    if getattr(method, "is_csrf_checked", False):
        return

    @functools.wraps(method)
    def checked(self: CSRFProtection, *args: Any, **kwargs: Any) -> Any:
        self.check_csrf()
        run: Callable[..., Any] = method.__get__(self, type(self))
        return run(*args, **kwargs)

    checked.is_csrf_checked = True  # type: ignore[attr-defined]  # a mark for the classes below
    setattr(handler_class, name, checked)


def _mask(nonce: bytes) -> str:
    mask = secrets.token_bytes(len(nonce))
    return base64.urlsafe_b64encode(mask + _xor(mask, nonce)).decode()


def _unmask(token: str) -> bytes:
    try:
        octets = base64.urlsafe_b64decode(token)
    except (binascii.Error, ValueError):  # ValueError: text that is not ASCII
        return b""
    half = len(octets) // 2
    return _xor(octets[:half], octets[half:])


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=False))


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None


def _own_origin(environ: Environ) -> tuple[str, str | None, int | None] | None:
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return _origin(f"{environ['wsgi.url_scheme']}://{host}")
