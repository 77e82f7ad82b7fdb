"""The first demo of Brubeck, a class and its route: ``gunicorn -k gevent examples.minimal:app``.

Then ``curl localhost:8000/brubeck?name=Dave``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.minimal:app``.
"""

from brubeck_wsgi import Brubeck, WebMessageHandler


class DemoHandler(WebMessageHandler):
    def get(self):
        name = self.get_argument("name", "dude")
        self.set_body(f"Take five, {name}!\n")
        return self.render()


app = Brubeck(handler_tuples=[(r"^/brubeck", DemoHandler)])
