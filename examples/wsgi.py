"""A server without a command line, ``python -m examples.wsgi``, or with one: ``gunicorn -k gevent examples.wsgi:app``.

Then ``curl localhost:6767/brubeck``; with the command line the port is 8000.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.wsgi:app``.
"""

import os

from brubeck_wsgi import Brubeck, WebMessageHandler, WSGIConnection


class DemoHandler(WebMessageHandler):
    def get(self):
        return f"Served by {self.environ['SERVER_SOFTWARE']}\n"


app = Brubeck(
    msg_conn=WSGIConnection(port=int(os.environ.get("PORT", 6767))), handler_tuples=[(r"^/brubeck$", DemoHandler)]
)

if __name__ == "__main__":
    app.run()
