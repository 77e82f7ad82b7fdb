"""Who the user of a request is, and handlers' methods that only a known one gets to."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlsplit

from brubeck_wsgi.handlers import JSONMessageHandler, WebMessageHandler
from brubeck_wsgi.handlers.base import MessageHandler, lazy
from brubeck_wsgi.headers import with_vary
from brubeck_wsgi.response import Response

Method = TypeVar("Method", bound=Callable[..., Any])

logger = logging.getLogger("brubeck.auth")

# Browsers take "//host" and "/\host" for another site, and do not see tabs and line breaks (WHATWG URL §4.4).
_SAFE_PATH = re.compile(r"/(?!/)[^\\\x00-\x1f\x7f]*\Z")


def authenticated(method: Method) -> Method:
    """Decorate a method of a handler: without a user it answers 401, by the handler's own `render_error`.

    ``auth_error()`` is called first: what it adds to headers, cookies and a JSON payload goes with the answer.
    """

    @functools.wraps(method)
    def for_users(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs) if self.current_user else _refuse(self)

    return cast(Method, for_users)


def web_authenticated(method: Method) -> Method:
    """Decorate a method of a handler: without a user it redirects to the application's `login_url`.

    The login page gets the way back as its argument ``next``, a path of this site; see
    `UserHandlingMixin.next_url`. If the application has no `login_url`, the answer is that of `authenticated`.
    """

    @functools.wraps(method)
    def for_users(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.current_user:
            return method(self, *args, **kwargs)
        login_url = self.application.login_url
        if not login_url:
            logger.error("expected Brubeck(login_url=…) to send to who asks for %s", self.environ.get("PATH_INFO"))
            return _refuse(self)
        return self.redirect(_with_next(login_url, _way_back(self, login_url)))

    return cast(Method, for_users)


class UserHandlingMixin:
    """Knows the user of the request; on either side of a `WebMessageHandler` among the bases of a handler.

    Attributes:
        auth_challenge: the WWW-Authenticate header of a 401, without which it may not leave (RFC 9110
            §15.5.2). Browsers ask nobody for a scheme that they do not know.
    """

    auth_challenge: str = 'Cookie realm="users"'

    @lazy
    def current_user(self) -> Any:
        """What `get_current_user` returned, which is asked once a request; anything false is nobody."""
        return self.get_current_user()

    @lazy
    def current_userprofile(self) -> Any:
        """What `get_current_userprofile` returned, which is asked once a request."""
        return self.get_current_userprofile()

    def get_current_user(self) -> Any:
        """Return the user, by a session or a token for example; for subclasses, here it is nobody."""
        return None

    def get_current_userprofile(self) -> Any:
        """Return the profile of the user; for subclasses, here there is none."""
        return None

    def auth_error(self) -> None:
        """Do what comes before the answer 401. For subclasses, nothing happens here."""

    def next_url(self: Any, default: str = "/") -> str:
        """Return where to go after the login: the argument ``next`` if it is a path of this site, else *default*."""
        url: str = self.get_argument("next", "")
        return url if is_safe_path(url) else default


def is_safe_path(url: str) -> bool:
    """Tell whether a browser that is sent to *url* stays on this site."""
    return _SAFE_PATH.match(url) is not None


def vary_by_cookie(handler: WebMessageHandler) -> None:
    """Have caches keep the answer for those only who send the same cookies (RFC 9110 §12.5.5)."""
    pairs = handler.headers.pairs
    pairs[:] = with_vary(pairs, "Cookie")


def _refuse(handler: Any) -> Response:
    handler.clear_payload()
    if isinstance(handler, WebMessageHandler) and isinstance(handler, UserHandlingMixin):
        handler.headers.setdefault("WWW-Authenticate", handler.auth_challenge)
    handler.auth_error()
    said = dict(handler._payload)
    answer: Response = handler.render_error(MessageHandler._AUTH_FAILURE)
    if not said or not isinstance(handler, JSONMessageHandler):
        return answer
    for key, value in said.items():  # an error's payload is empty, but these were meant for it
        handler.add_to_payload(key, value)
    return handler.render()


def _way_back(handler: Any, login_url: str) -> str | None:
    """Return the path to come back to, if there is one that a browser could follow."""
    if handler.message.path == urlsplit(login_url).path:
        path = handler.get_argument("next", "")  # the login itself is refused: its way back still holds
    elif handler.message.method in ("GET", "HEAD") or callable(getattr(handler, "get", None)):
        path = handler.message.path_qs
    else:
        return None
    return path if is_safe_path(path) else None


def _with_next(login_url: str, path: str | None) -> str:
    if path is None:
        return login_url
    parts = urlsplit(login_url)
    query = f"{parts.query}&" if parts.query else ""
    return parts._replace(query=f"{query}next={quote(path, safe='/')}").geturl()
