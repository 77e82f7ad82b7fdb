"""The smallest application: ``gunicorn -k gevent examples.hello:app``, then ``curl localhost:8000``.

Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.hello:app``.
"""

from brubeck_wsgi import Brubeck

app = Brubeck()


@app.get("/")
def hello(application, message):
    return f"Take five, {message.get_argument('name', 'dude')}!\n"
