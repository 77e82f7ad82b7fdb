"""The application: ``brubeck serve app:app``, then ``curl localhost:8000``."""

from brubeck_wsgi import Brubeck

app = Brubeck(log_level="INFO")


@app.get("/")
def index(application, message):
    return "Take five, dude!\n"


@app.get("/hello/{name}")
def hello(application, message, name):
    return {"hello": name}
