"""A visit counter in a signed cookie: ``gunicorn -k gevent examples.cookies:app``.

Then ``curl -c jar -b jar localhost:8000`` some times, and open localhost:8000 in a browser.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.cookies:app``.
"""

import os
import secrets

from brubeck_wsgi import Brubeck, Response, WebMessageHandler


class VisitHandler(WebMessageHandler):
    def get(self):
        visits = self.get_cookie("visits", default=0, secret=True) + 1  # a forged one counts as none
        self.set_cookie("visits", visits, secret=True, max_age=30 * 24 * 3600)
        return f"{self.get_cookie('name', 'Stranger')}, this is visit {visits}.\n"

    def delete(self):
        self.delete_cookies()
        return "We never met.\n"


# Without the variable a restart makes a new secret, and the visits of before it are forgotten.
app = Brubeck(
    handler_tuples=[(r"^/$", VisitHandler)],
    cookie_secret=os.environ.get("COOKIE_SECRET") or secrets.token_urlsafe(),
)


@app.get("/name/{name}")
def remember(application, message, name):
    response = Response(f"Welcome, {name}; you were {message.cookies.get('name', 'nobody')}.\n")
    response.set_cookie("name", name, max_age=30 * 24 * 3600, samesite="Lax")
    return response
