"""Users who send what they know with every request: Basic (RFC 7617) and Bearer (RFC 6750)."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import Any

from brubeck_wsgi.auth.users import UserHandlingMixin
from brubeck_wsgi.interfaces import Environ

_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BasicAuthMixin(UserHandlingMixin):
    """Has the user from a name and a password, for which browsers ask; over HTTPS only."""

    auth_challenge = 'Basic realm="users", charset="UTF-8"'

    def get_current_user(self: Any) -> Any:
        """Return the user whose name and password were sent, as `check_credentials` knows them."""
        credentials = basic_credentials(self.environ)
        return None if credentials is None else self.check_credentials(*credentials)

    def check_credentials(self, username: str, password: str) -> Any:
        """Return the user of that name if it is the password. For subclasses, here it is nobody."""
        return None


class BearerAuthMixin(UserHandlingMixin):
    """Has the user from a token, as programs send it; over HTTPS only."""

    auth_challenge = 'Bearer realm="users"'

    def get_current_user(self: Any) -> Any:
        """Return the user whose token was sent, as `check_token` knows it."""
        token = bearer_token(self.environ)
        return None if token is None else self.check_token(token)

    def check_token(self, token: str) -> Any:
        """Return the user who has *token*. For subclasses, here it is nobody."""
        return None


def basic_credentials(environ: Environ) -> tuple[str, str] | None:
    """Return the user name and the password that the request brings; None if there are none to be read."""
    token = _credentials(environ, "basic")
    if token is None:
        return None
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    username, colon, password = text.partition(":")
    return (username, password) if colon and not _CONTROL.search(text) else None


def bearer_token(environ: Environ) -> str | None:
    """Return the token that the request brings in its Authorization header; None if there is none to be read."""
    return _credentials(environ, "bearer")


def is_same_secret(known: str, sent: str) -> bool:
    """Compare two secrets in a time that does not tell how much of them is the same."""
    return hmac.compare_digest(known.encode(), sent.encode())


def _credentials(environ: Environ, wanted: str) -> str | None:
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    token = token.strip(" ")
    return token if scheme.lower() == wanted and _TOKEN68.match(token) else None
