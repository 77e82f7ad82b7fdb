"""A name and a password with every request: ``gunicorn -k gevent examples.auth:app``.

Then ``curl -u jd:foo localhost:8000/brubeck``, and ``curl -i localhost:8000/brubeck``; a browser asks for the two.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.auth:app``.
"""

from brubeck_wsgi import Brubeck, WebMessageHandler
from brubeck_wsgi.auth import BasicAuthMixin, authenticated
from brubeck_wsgi.passwords import hash_password, verify_password

PASSWORDS = {"jd": hash_password("foo")}


class DemoHandler(BasicAuthMixin, WebMessageHandler):
    def check_credentials(self, username, password):
        return username if verify_password(password, PASSWORDS.get(username)) else None

    @authenticated
    def get(self):
        return f"{self.current_user} logged in successfully!\n"


app = Brubeck(handler_tuples=[(r"^/brubeck$", DemoHandler)])
