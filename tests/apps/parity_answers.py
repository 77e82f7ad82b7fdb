"""Parity: statuses, JSON payloads and redirects."""

from __future__ import annotations

from brubeck_wsgi import Brubeck, JSONMessageHandler, WebMessageHandler

GROUPS = ("status", "JSON", "redirect")


class StatusHandler(WebMessageHandler):
    def get(self):
        self.body = "status body"
        code = int(self.get_argument("code") or 200)
        self.set_status(code, status_msg=self.get_argument("msg"), extra_txt=self.get_argument("extra"))
        if "http_200" in self.message.arguments:
            return self.render(http_200=True)
        if "late" in self.message.arguments:
            return self.render(status_code=int(self.get_argument("late")))
        return self.render()


class NoStatusHandler(WebMessageHandler):
    def get(self):
        self.body = "forgot the status"
        return self.render()


class Web200Handler(WebMessageHandler):
    def get(self):
        self.set_body("not here", status_code=404)
        return self.render(http_200=True)


class JSONHandler(JSONMessageHandler):
    def get(self):
        given = self.message.arguments
        if "data" in given:
            self.add_to_payload("data", {"n": 1, "s": "café"})
        if "extra" in given:
            self.add_to_payload("extra", "yes")
        if "nan" in given:
            self.add_to_payload("data", float("nan"))
        if "status" in given:
            self.set_status(int(self.get_argument("status")), extra_txt=self.get_argument("txt"))
        if "clear" in given:
            self.clear_payload()
        code = self.get_argument("code", None if "status" in given else 200)
        return self.render(status_code=code and int(code), hide_status="hide" in given, http_200="http_200" in given)


class JSONBoomHandler(JSONMessageHandler):
    def get(self):
        raise ValueError("secret detail")


class JSONErrorHandler(JSONMessageHandler):
    def get(self):
        return self.render_error(403)


class RedirectHandler(WebMessageHandler):
    def get(self):
        self.headers["X-Before"] = "1"
        return self.redirect(self.get_argument("to") or "/brubeck")


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes(
        [
            (r"^/status$", StatusHandler),
            (r"^/nostatus$", NoStatusHandler),
            (r"^/web200$", Web200Handler),
            (r"^/json$", JSONHandler),
            (r"^/json/boom$", JSONBoomHandler),
            (r"^/json/err$", JSONErrorHandler),
            (r"^/redirect$", RedirectHandler),
        ]
    )
