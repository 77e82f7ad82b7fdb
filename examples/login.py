"""A login with a form, and a page for those who did: ``gunicorn -k gevent examples.login:app``.

The name is jd, the password foo. Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.login:app``.
"""

import os
import secrets
from pathlib import Path

from brubeck_wsgi import Brubeck, TooManyRequests
from brubeck_wsgi.auth import CSRFProtection, LoginThrottle, web_authenticated
from brubeck_wsgi.caching import MemoryCacheStore
from brubeck_wsgi.passwords import hash_password, verify_password
from brubeck_wsgi.sessions import SessionUserMixin
from brubeck_wsgi.templating import Jinja2Rendering, load_jinja2_env

PASSWORDS = {"jd": hash_password("foo")}
throttle = LoginThrottle(MemoryCacheStore(), limit=5, seconds=60)


class PageHandler(SessionUserMixin, CSRFProtection, Jinja2Rendering):
    """What all pages here have: a session with its user, forms with a token, templates."""


class LandingHandler(PageHandler):
    @web_authenticated
    def get(self):
        return self.render_template("landing.html", user=self.current_user, csrf_token=self.csrf_token)


class LoginHandler(PageHandler):
    def get(self, problem=None, status=200):
        context = {"problem": problem, "next": self.next_url(), "csrf_token": self.csrf_token}
        return self.render_template("login.html", _status_code=status, **context)

    def post(self):
        username, password = self.get_argument("username", ""), self.get_argument("password", "", strip=False)
        try:
            throttle.attempt(username)
        except TooManyRequests as error:
            return self.get(error.detail, error.status)
        if not verify_password(password, PASSWORDS.get(username)):
            return self.get("That is not the name, or not the password.", 422)
        throttle.forget(username)
        self.log_in(username)
        return self.redirect(self.next_url())


class LogoutHandler(PageHandler):
    def post(self):
        self.log_out()
        return self.redirect("/login")


app = Brubeck(
    handler_tuples=[(r"^/$", LandingHandler), (r"^/login$", LoginHandler), (r"^/logout$", LogoutHandler)],
    template_loader=load_jinja2_env(Path(__file__).parent / "templates" / "login"),
    login_url="/login",
    cookie_secret=os.environ.get("COOKIE_SECRET") or secrets.token_urlsafe(),
)
