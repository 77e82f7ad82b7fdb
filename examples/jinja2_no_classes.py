"""Pages from Jinja2 templates by functions: ``gunicorn -k gevent examples.jinja2_no_classes:app``.

Then open localhost:8000/?name=Dave in a browser, and localhost:8000/nowhere.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.jinja2_no_classes:app``.
"""

from pathlib import Path

from brubeck_wsgi import Brubeck
from brubeck_wsgi.templating import load_jinja2_env

TEMPLATES = Path(__file__).parent / "templates" / "jinja2"

app = Brubeck(template_loader=load_jinja2_env(TEMPLATES))


@app.route("/", methods=["GET", "POST"])
def index(application, message):
    return application.render_template("success.html", name=message.get_argument("name", "dude"))


@app.error_handler(404)
def not_found(application, message, error):
    return application.render_template("errors.html", error_code=404, error_msg="Not Found", error_txt=error.detail)
