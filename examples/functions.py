"""Functions as handlers, and what they return: ``gunicorn -k gevent examples.functions:app``.

Then ``curl -i localhost:8000/text``, and the other paths.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.functions:app``.
"""

from dataclasses import dataclass
from datetime import date

from brubeck_wsgi import Brubeck, Response, render


@dataclass
class Record:
    title: str
    released: date


def anything(application, message):
    return f"{message.method} {message.path}\n"


app = Brubeck(handler_tuples=[(r"^/any/", anything)])


@app.get("/text")
def text(application, message):
    return "Take Five\n"


@app.get("/json")
def record(application, message):
    return {"record": Record("Time Out", date(1959, 12, 14)), "bars": [5, 4]}


@app.get("/model")
def model(application, message):
    return Record("Time Further Out", date(1961, 11, 15))


@app.post("/records")
def create(application, message):
    return {"title": message.get_argument("title")}, 201, {"Location": "/json"}


@app.get("/page")
def page(application, message):
    return Response("<h1>Take Five</h1>\n", content_type="text/html; charset=utf-8")


@app.add_route(r"^/teapot$", method=["GET", "POST"])
def teapot(application, message):
    return render("short and stout\n", status_code=418, headers={"X-Pours": "tea"})


@app.delete("/records")
def nothing(application, message):
    return None
