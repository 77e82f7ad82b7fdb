"""Pages from Mako templates: ``gunicorn -k gevent examples.mako_templates:app``.

Then open localhost:8000/brubeck?name=Dave in a browser, and localhost:8000/brubeck?name=nobody.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.mako_templates:app``.
"""

from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.templating import MakoRendering, load_mako_env

TEMPLATES = Path(__file__).parent / "templates" / "mako"


class DemoHandler(MakoRendering):
    def get(self):
        name = self.get_argument("name", "dude")
        if name == "nobody":
            return self.render_error(404, extra_txt="Nobody is not here.")
        return self.render_template("success.html", name=name)


app = Brubeck(
    handler_tuples=[(r"^/brubeck$", DemoHandler)],
    template_loader=load_mako_env(TEMPLATES),
)
