"""A handler class, one object a request: ``gunicorn -k gevent examples.class_handler:app``.

Then ``curl localhost:8000/brubeck?name=Dave``, and ``curl -d name=Dave localhost:8000/brubeck``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.class_handler:app``.
"""

from brubeck_wsgi import Brubeck, Forbidden, WebMessageHandler


class BrubeckHandler(WebMessageHandler):
    def initialize(self):
        self.name = "dude"

    def prepare(self):
        self.name = self.get_argument("name", self.name)
        if self.name == "Paul":
            raise Forbidden("Paul plays the saxophone")

    def get(self):
        self.set_body(f"Take five, {self.name}!\n")
        self.headers["Content-Language"] = "en"
        return self.render()

    def post(self):
        self.set_status(201)
        return {"taken": 5, "by": self.name}

    def on_finish(self):
        self.name = ""


app = Brubeck(handler_tuples=[(r"^/brubeck$", BrubeckHandler)])
