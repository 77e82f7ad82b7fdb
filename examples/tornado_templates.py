"""Pages from Tornado templates: ``gunicorn -k gevent examples.tornado_templates:app``.

Then open localhost:8000/brubeck?name=Dave in a browser, and localhost:8000/brubeck?name=nobody.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.tornado_templates:app``.
"""

from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.templating import TornadoRendering, load_tornado_env

TEMPLATES = Path(__file__).parent / "templates" / "tornado"


class DemoHandler(TornadoRendering):
    def get(self):
        name = self.get_argument("name", "dude")
        if name == "nobody":
            return self.render_error(404, extra_txt="Nobody is not here.")
        return self.render_template("success.html", name=name)


app = Brubeck(
    handler_tuples=[(r"^/brubeck$", DemoHandler)],
    template_loader=load_tornado_env(TEMPLATES),
)
