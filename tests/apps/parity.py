"""What users of Brubeck 0.4 had, on the names of this package: ``gunicorn -k gevent tests.apps.parity:app``.

PARITY_VARIANT says what answers unknown paths, PARITY_ENGINE names the template engine, and PARITY_REDIS is the URL
of a Redis. ``PARITY_MONGREL2=tcp://127.0.0.1:9999,tcp://127.0.0.1:9998 python -m tests.apps.parity`` serves it behind
Mongrel2, whose Handler has these two as send_spec and recv_spec.
"""

from __future__ import annotations

import os

from brubeck_wsgi import Brubeck, Mongrel2Connection, WebMessageHandler
from tests.apps import (
    parity_answers,
    parity_auth,
    parity_autoapi,
    parity_cookies,
    parity_library,
    parity_lifecycle,
    parity_messages,
    parity_routing,
    parity_templates,
)

COOKIE_SECRET = "parity-secret"
# In the order of their routes, of which the first that matches answers.
PARTS = (
    *(parity_routing, parity_messages, parity_answers, parity_cookies, parity_auth, parity_lifecycle),
    *(parity_autoapi, parity_library),
)


class NotFoundHandler(WebMessageHandler):
    def get(self):
        self.set_body(f"custom not found: {self.message.path}", status_code=404)
        return self.render()


class UnsupportedHandler(WebMessageHandler):
    def unsupported(self):
        self.set_body("custom unsupported", status_code=404)
        return self.render()


BASE_HANDLERS = {"main": None, "custom404": NotFoundHandler, "custom404b": UnsupportedHandler, "nologin": None}


def make_app(variant: str = "main", engine: str = "jinja2") -> Brubeck:
    """Return the application in one of its variants, a key of `BASE_HANDLERS`."""
    made = Brubeck(
        base_handler=BASE_HANDLERS[variant],
        login_url=None if variant == "nologin" else "/login",
        cookie_secret=COOKIE_SECRET,
        template_loader=parity_templates.ENGINES[engine][1],
    )

    @made.add_route("^/parity$", method="GET")
    def describe(application, message):
        return {
            "app": "brubeck-parity",
            "server": "mongrel2" if "brubeck.mongrel2" in message.environ else "wsgi",
            "engine": engine,
            "variant": variant,
            "implementation": "brubeck_wsgi",
            "groups": [group for part in (*PARTS, parity_templates) for group in part.GROUPS],
        }

    @made.add_route("^/parity/reset$", method="POST")
    def reset(application, message):
        parity_lifecycle.EVENTS.clear()
        parity_autoapi.reset()
        return "ok"

    for part in PARTS:
        part.add_routes(made)
    parity_templates.add_routes(made, engine)
    return made


app = make_app(os.environ.get("PARITY_VARIANT", "main"), os.environ.get("PARITY_ENGINE", "jinja2"))

if __name__ == "__main__":
    app.msg_conn = Mongrel2Connection(*os.environ["PARITY_MONGREL2"].split(","))
    app.run()
