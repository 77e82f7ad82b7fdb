"""Errors, raised and answered: ``gunicorn -k gevent examples.errors:app``.

Then ``curl -i localhost:8000/shows/1`` and the others, with ``-H 'Accept: text/html'`` too.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.errors:app``.
"""

from brubeck_wsgi import Brubeck, Conflict, HTTPError, NotFound, WebMessageHandler


class SoldOut(Exception):
    """What a box office raises that knows nothing of HTTP."""


class LostHandler(WebMessageHandler):
    def unsupported(self):
        raise NotFound(f"nothing plays at {self.message.path}, try /shows/1")


app = Brubeck(base_handler=LostHandler)


@app.get("/shows/1")
def double_booked(application, message):
    raise Conflict("two bands, one hall", type="/problems/double-booked", halls=["A"])


@app.get("/shows/2")
def stopped(application, message):
    raise HTTPError(451, "too loud", headers={"Link": '</police>; rel="blocked-by"'})


@app.get("/shows/3")
def popular(application, message):
    raise SoldOut("not one seat left")


@app.get("/shows/4")
def broken(application, message):
    return 5 / 0


@app.error_handler(SoldOut)
def sold_out(application, message, error):
    return f"Sorry: {error}.\n", 409


@app.error_handler(500)
def our_fault(application, message, error):
    return f"Our fault, and in our log as {message.request_id}.\n"
