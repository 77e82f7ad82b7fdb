"""What a server passes on, whatever is asked: ``gunicorn -k gevent examples.m2reader:app``.

Then ``curl -d take=5 'localhost:8000/any/thing?at=all'``; Mongrel2 says from which of its connections that came.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.m2reader:app``.
"""

from brubeck_wsgi import Brubeck
from brubeck_wsgi.mongrel2.connection import address_of


def read(application, message):
    return {
        "from": address_of(message) if "brubeck.mongrel2" in message.environ else None,
        "method": message.method,
        "path": message.path,
        "headers": dict(message.headers),
        "arguments": message.arguments,
        "body": message.text,
    }


app = Brubeck(no_handler=read)
