"""Parity: who is known, and what only those get."""

from __future__ import annotations

from brubeck_wsgi import Brubeck, JSONMessageHandler, WebMessageHandler
from brubeck_wsgi.auth import UserHandlingMixin, authenticated, web_authenticated

GROUPS = ("auth",)


class ParityUser(UserHandlingMixin):
    """The user is who the argument says, or else the signed cookie."""

    lookups = 0

    def get_current_user(self):
        self.lookups += 1
        return self.get_argument("user") or self.get_cookie("user", secret=self.application.cookie_secret)


class APIHandler(WebMessageHandler, ParityUser):
    @authenticated
    def get(self):
        _, _, user = (self.current_user for _ in range(3))
        self.set_body(f"hello {user} ({self.lookups} lookup)")
        return self.render()


class JSONHandler(JSONMessageHandler, ParityUser):
    @authenticated
    def get(self):
        self.add_to_payload("user", self.current_user)
        return self.render(status_code=200)

    def auth_error(self):
        self.add_to_payload("hint", "log in first")
        self.headers["X-Auth"] = "needed"


class WebHandler(WebMessageHandler, ParityUser):
    @web_authenticated
    def get(self):
        self.set_body(f"private page of {self.current_user}")
        return self.render()

    @web_authenticated
    def post(self):
        self.set_cookie("user", self.current_user, secret=self.application.cookie_secret)
        return self.redirect("/auth/web")


class LoginHandler(WebMessageHandler):
    def get(self):
        self.set_body("login form")
        return self.render()


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes(
        [
            (r"^/auth/api$", APIHandler),
            (r"^/auth/json$", JSONHandler),
            (r"^/auth/web$", WebHandler),
            (r"^/login$", LoginHandler),
        ]
    )
