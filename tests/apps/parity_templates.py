"""Parity: pages and errors from templates, by one engine of four."""

from __future__ import annotations

from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.auth import authenticated
from brubeck_wsgi.templating import (
    Jinja2Rendering,
    MakoRendering,
    MustacheRendering,
    TornadoRendering,
    load_jinja2_env,
    load_mako_env,
    load_mustache_env,
    load_tornado_env,
)
from tests.apps.parity_auth import ParityUser

GROUPS = ("templates",)

TEMPLATES = Path(__file__).parent / "templates"
# By engine: its handler, what loads its templates, and the name of the page.
ENGINES = {
    "jinja2": (Jinja2Rendering, load_jinja2_env(TEMPLATES / "jinja2"), "page.html"),
    "mako": (MakoRendering, load_mako_env(TEMPLATES / "mako"), "page.html"),
    "tornado": (TornadoRendering, load_tornado_env(TEMPLATES / "tornado"), "page.html"),
    "mustache": (MustacheRendering, load_mustache_env(TEMPLATES / "mustache"), "page"),
}


def add_routes(app: Brubeck, engine: str) -> None:
    """Add the routes of this part, for an application that has loaded the templates of *engine*."""
    rendering, _, page = ENGINES[engine]

    class TemplateHandler(rendering):
        def get(self):
            match self.get_argument("do"):
                case "status":
                    return self.render_template(page, _status_code=201, name="made")
                case "error":
                    return self.render_error(int(self.get_argument("code") or 500))
                case "missing":
                    return self.render_template("nowhere")
                case "raise":
                    raise ValueError("secret detail")
            return self.render_template(page, name=self.get_argument("name", "dude"))

    class PrivateTemplateHandler(TemplateHandler, ParityUser):
        @authenticated
        def get(self):
            return super().get()

    def page_of_function(application, message):
        return application.render_template(page, name=message.get_argument("name", "dude"))

    app.init_routes(
        [
            (r"^/tpl$", TemplateHandler),
            (r"^/tplfun$", page_of_function),
            (r"^/auth/tpl$", PrivateTemplateHandler),
        ]
    )
