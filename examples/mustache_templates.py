"""Pages from Mustache templates: ``gunicorn -k gevent examples.mustache_templates:app``.

Then open localhost:8000/brubeck?name=Dave in a browser, and localhost:8000/brubeck?name=nobody.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.mustache_templates:app``.
"""

from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.templating import MustacheRendering, load_mustache_env

TEMPLATES = Path(__file__).parent / "templates" / "mustache"


class DemoHandler(MustacheRendering):
    def get(self):
        name = self.get_argument("name", "dude")
        if name == "nobody":
            return self.render_error(404, extra_txt="Nobody is not here.")
        return self.render_template("success", name=name)


app = Brubeck(
    handler_tuples=[(r"^/brubeck$", DemoHandler)],
    template_loader=load_mustache_env(TEMPLATES),
)
