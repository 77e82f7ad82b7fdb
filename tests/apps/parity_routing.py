"""Parity: patterns, what they capture, and the methods of a path."""

from __future__ import annotations

from brubeck_wsgi import Brubeck, WebMessageHandler, render

GROUPS = ("hello", "routing", "methods")


class BrubeckHandler(WebMessageHandler):
    def get(self):
        self.set_body(f"Take five, {self.get_argument('name', 'dude')}!")
        return self.render()


class NameHandler(WebMessageHandler):
    def get(self, name):
        self.set_body(f"name={name}")
        return self.render()


class OptionalHandler(WebMessageHandler):
    def get(self, a, b="none"):
        self.set_body(f"a={a} b={b}")
        return self.render()


class MixedHandler(WebMessageHandler):
    def get(self, *args, **kw):
        self.set_body(f"args={len(args)} kw={','.join(sorted(kw))}")
        return self.render()


class FirstHandler(WebMessageHandler):
    def get(self):
        self.set_body("first")
        return self.render()


class SecondHandler(WebMessageHandler):
    def get(self):
        self.set_body("second")
        return self.render()


class MethodsHandler(WebMessageHandler):
    def get(self):
        self.set_body(f"did {self.message.method}")
        return self.render()

    post = put = delete = patch = get


class OnlyPostHandler(WebMessageHandler):
    def post(self):
        self.set_body("posted")
        return self.render()


class OwnHeadHandler(WebMessageHandler):
    def get(self):
        self.set_body("body")
        return self.render()

    def head(self):
        self.headers["X-Head"] = "own"
        self.set_status(200)
        return self.render()


class OwnOptionsHandler(WebMessageHandler):
    def get(self):
        self.set_body("body")
        return self.render()

    def options(self):
        self.set_body("my options")
        return self.render()


def fun(application, message, name):
    return render(f"fun={name}")


def any_method(application, message):
    return render(f"method={message.method}")


ROUTES = [
    (r"^/brubeck", BrubeckHandler),
    (r"^/class/(\w+)$", NameHandler),
    (r"^/raw/([^/]+)$", NameHandler),
    (r"^/fun/(?P<name>\w+)$", fun),
    (r"^/any$", any_method),
    (r"^/opt/(?P<a>\w+)(?:/(?P<b>\w+))?$", OptionalHandler),
    (r"^/optpos/(\w+)(?:/(\w+))?$", OptionalHandler),
    (r"^/empty/(?P<a>\w+)/(?P<b>\w*)$", OptionalHandler),
    (r"^/mixed/(\w+)/(?P<k>\w+)$", MixedHandler),
    (r"^/order/", FirstHandler),
    (r"^/order/first$", SecondHandler),
    (r"/noanchor", FirstHandler),
]
METHOD_ROUTES = [
    (r"^/methods$", MethodsHandler),
    (r"^/onlypost$", OnlyPostHandler),
    (r"^/ownhead$", OwnHeadHandler),
    (r"^/ownoptions$", OwnOptionsHandler),
]


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes(ROUTES)

    @app.add_route(r"^/decopos/(\w+)$", method="GET")
    def decopos(application, message, name):
        return render(f"decopos={name}")

    @app.add_route(r"^/deco/(?P<name>\w+)$", method="GET")
    def deco(application, message, name):
        return render(f"deco={name}")

    @app.add_route(r"^/deconone$")
    def deconone(application, message):
        return render(f"deconone {message.method}")

    @app.add_route(r"^/decolower$", method="get")
    def decolower(application, message):
        return render("decolower")

    @app.add_route(r"^/decotwo$", method=["GET", "POST"])
    def decotwo(application, message):
        return render(f"decotwo {message.method}")

    app.init_routes(METHOD_ROUTES)
