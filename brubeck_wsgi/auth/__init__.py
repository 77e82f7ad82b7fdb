"""Who the user is, what only a known one may do, and that it is really the user who wants it."""

from brubeck_wsgi.auth.csrf import CSRFProtection, check_origin
from brubeck_wsgi.auth.passwd_lines import build_passwd_line, check_passwd_line, gen_hexdigest, split_passwd_line
from brubeck_wsgi.auth.schemes import BasicAuthMixin, BearerAuthMixin, basic_credentials, bearer_token, is_same_secret
from brubeck_wsgi.auth.throttling import LoginThrottle
from brubeck_wsgi.auth.users import UserHandlingMixin, authenticated, is_safe_path, web_authenticated

__all__ = [
    "BasicAuthMixin",
    "BearerAuthMixin",
    "CSRFProtection",
    "LoginThrottle",
    "UserHandlingMixin",
    "authenticated",
    "basic_credentials",
    "bearer_token",
    "build_passwd_line",
    "check_origin",
    "check_passwd_line",
    "gen_hexdigest",
    "is_safe_path",
    "is_same_secret",
    "split_passwd_line",
    "web_authenticated",
]
