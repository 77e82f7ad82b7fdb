"""A greeting, a chat and uploads in one site, to be put behind Mongrel2: see run.sh beside this file."""

from wsgiref.types import WSGIApplication

from examples.hello import app as hello
from examples.mongrel2.chat import chat
from examples.upload import app as upload

PLACES: dict[str, WSGIApplication] = {"/chat": chat, "/upload": upload}


def app(environ, start_response):
    """Have the application answer that is at home at the beginning of the path."""
    for prefix, application in PLACES.items():
        rest = environ["PATH_INFO"].removeprefix(prefix)
        if rest != environ["PATH_INFO"] and rest[:1] in ("", "/"):
            environ["SCRIPT_NAME"] += prefix
            environ["PATH_INFO"] = rest or "/"
            return application(environ, start_response)
    return hello(environ, start_response)
