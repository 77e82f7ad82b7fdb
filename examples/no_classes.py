"""Functions in place of classes, as Brubeck had them: ``gunicorn -k gevent examples.no_classes:app``.

Then ``curl localhost:8000/brubeck?name=Dave``, and ``curl -d name=Dave localhost:8000/decorated``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.no_classes:app``.
"""

from brubeck_wsgi import Brubeck, render


def plain(application, message):
    name = message.get_argument("name", "dude")
    return render(f"Take five, {name}!\n", 200, "OK", {})


app = Brubeck(handler_tuples=[(r"^/brubeck", plain)])


@app.add_route(r"^/decorated", method=["GET", "POST"])
def decorated(application, message):
    name = message.get_argument("name", "dude")
    return render(f"Decorated by {message.method}, {name}!\n", headers={"X-Bars": 5})
