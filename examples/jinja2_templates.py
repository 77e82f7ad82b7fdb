"""Pages from Jinja2 templates: ``gunicorn -k gevent examples.jinja2_templates:app``.

Then open localhost:8000/brubeck?name=Dave in a browser, and localhost:8000/brubeck?name=nobody.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.jinja2_templates:app``.
"""

from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.templating import Jinja2Rendering, load_jinja2_env

TEMPLATES = Path(__file__).parent / "templates" / "jinja2"


class DemoHandler(Jinja2Rendering):
    def get(self):
        name = self.get_argument("name", "dude")
        if name == "nobody":
            return self.render_error(404, extra_txt="Nobody is not here.")
        return self.render_template("success.html", name=name)


app = Brubeck(
    handler_tuples=[(r"^/brubeck$", DemoHandler)],
    template_loader=load_jinja2_env(TEMPLATES),
)
