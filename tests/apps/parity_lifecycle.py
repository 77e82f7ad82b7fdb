"""Parity: exceptions at every step of a handler's life, and the order of its steps."""

from __future__ import annotations

from brubeck_wsgi import Brubeck, FourOhFourException, WebMessageHandler

GROUPS = ("errors", "lifecycle")

EVENTS: list[str] = []
"""What the handlers of this process have gone through; ``/life/log`` takes it away."""


def boom(*_):
    raise ValueError("secret detail")


class BoomHandler(WebMessageHandler):
    def get(self):
        self.headers["X-Leak"] = "1"
        boom()


class PrepareBoomHandler(WebMessageHandler):
    prepare = get = boom

    def on_finish(self):
        EVENTS.append("finish-after-prepare-error")


class InitializeBoomHandler(WebMessageHandler):
    initialize = get = boom


class FinishBoomHandler(WebMessageHandler):
    on_finish = boom

    def get(self):
        self.set_body("fine")
        return self.render()


class CustomBoomHandler(WebMessageHandler):
    get = boom

    def error(self, err):
        self.set_body(f"handled {type(err).__name__}", status_code=503)
        return self.render()


class NothingHandler(WebMessageHandler):
    def get(self):
        self.set_body("nothing returned")
        self.render()


class FourOhFourHandler(WebMessageHandler):
    def get(self):
        raise FourOhFourException


class RenderErrorHandler(WebMessageHandler):
    def get(self):
        return self.render_error(int(self.get_argument("code")))


class LifeHandler(WebMessageHandler):
    def initialize(self):
        EVENTS.append("initialize")

    def prepare(self):
        EVENTS.append("prepare")
        match self.get_argument("do"):
            case "redirect":
                self.redirect("/brubeck")
            case "error":
                self.render_error(403)
            case "body":
                self.set_body("from prepare")

    def get(self):
        EVENTS.append("get")
        if self.get_argument("do") == "raise":
            boom()
        if not self.body:
            self.set_body("from get")
        return self.render()

    def on_finish(self):
        EVENTS.append("on_finish")


class NaiveHandler(WebMessageHandler):
    def initialize(self):
        self.mine = "set without super"

    def get(self):
        self.set_body(self.mine)
        self.headers["X-Mine"] = "ok"
        return self.render()


def life_log(application, message):
    events = EVENTS[:]
    EVENTS.clear()
    return events


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes(
        [
            (r"^/boom$", BoomHandler),
            (r"^/boom/fun$", boom),
            (r"^/boom/prepare$", PrepareBoomHandler),
            (r"^/boom/init$", InitializeBoomHandler),
            (r"^/boom/finish$", FinishBoomHandler),
            (r"^/boom/custom$", CustomBoomHandler),
            (r"^/nothing$", NothingHandler),
            (r"^/fourohfour$", FourOhFourHandler),
            (r"^/rendererror$", RenderErrorHandler),
            (r"^/life$", LifeHandler),
            (r"^/life/log$", life_log),
            (r"^/naive$", NaiveHandler),
        ]
    )
