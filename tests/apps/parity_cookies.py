"""Parity: cookies, plain and signed."""

from __future__ import annotations

from datetime import datetime

from brubeck_wsgi import Brubeck, WebMessageHandler

GROUPS = ("cookies",)

EXPIRIES = {"ts": 2_000_000_000, "dt": datetime(2033, 5, 18, 3, 33, 20)}  # the same moment; without a zone it is UTC
SIGNED_VALUES = {"str": "user-42", "int": 42, "dict": {"uid": 42, "roles": ["a", "b"]}, "unicode": "café"}


class SetHandler(WebMessageHandler):
    def get(self):
        given = self.message.arguments
        attributes = {name: self.get_argument(name) for name in ("path", "domain") if name in given}
        attributes |= {name: True for name in ("secure", "httponly") if name in given}
        if "max_age" in given:
            attributes["max_age"] = int(self.get_argument("max_age"))
        if "expires" in given:
            attributes["expires"] = EXPIRIES[self.get_argument("expires")]
        value = 5 if self.get_argument("type") == "int" else self.get_argument("v") or "val"
        self.set_cookie(self.get_argument("k") or "key", value, **attributes)
        self.set_body("set")
        return self.render()


class MultiHandler(WebMessageHandler):
    def get(self):
        self.set_cookie("one", "1")
        self.set_cookie("two", "2", path="/")
        self.set_cookie("three", "3", max_age=60)
        if "redirect" in self.message.arguments:
            return self.redirect("/brubeck")
        self.set_body("multi")
        return self.render()


class GetHandler(WebMessageHandler):
    def get(self):
        key = self.get_argument("k", "key")
        return {
            "value": self.get_cookie(key),
            "default": self.get_cookie(key, "dflt"),
            "all": self.message.cookies,
        }


class DeleteHandler(WebMessageHandler):
    def get(self):
        if "all" in self.message.arguments:
            self.delete_cookies()
        else:
            self.delete_cookie("key", path="/p")
        self.set_body("deleted")
        return self.render()


class SignedSetHandler(WebMessageHandler):
    def get(self):
        value = SIGNED_VALUES[self.get_argument("type", "str")]
        self.set_cookie("sess", value, secret=self.application.cookie_secret)
        self.set_body("signed")
        return self.render()


class SignedGetHandler(WebMessageHandler):
    def get(self):
        key = self.get_argument("k", "sess")
        secret = self.application.cookie_secret
        return {
            "value": self.get_cookie(key, secret=secret),
            "default": self.get_cookie(key, default="dflt", secret=secret),
            "wrongkey": self.get_cookie(key, secret="other"),
            "raw": key in self.message.cookies,
        }


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes(
        [
            (r"^/cookie/set$", SetHandler),
            (r"^/cookie/multi$", MultiHandler),
            (r"^/cookie/get$", GetHandler),
            (r"^/cookie/del$", DeleteHandler),
            (r"^/cookie/signed/set$", SignedSetHandler),
            (r"^/cookie/signed/get$", SignedGetHandler),
        ]
    )
