"""A board of notes that is up to date by long polls: ``gunicorn -k gevent examples.long_poll_board:app``.

Then open localhost:8000 in two windows. It needs neither WebSockets nor streams between browser and server.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.long_poll_board:app``.
"""

from pathlib import Path

from brubeck_wsgi import Brubeck, Response
from brubeck_wsgi.errors import BadRequest

PAGE = (Path(__file__).parent / "pages" / "long_poll_board.html").read_text()

app = Brubeck()


@app.get("/")
def page(application, message):
    return Response(PAGE, content_type="text/html; charset=utf-8")


@app.get("/notes")
def notes(application, message):
    """Answer the notes after the last that the client has; wait for one if there is none."""
    batch = application.channels["notes"].wait(after=message.get_argument("after", "0"), timeout=25)
    return {"notes": [note.data for note in batch], "after": batch.position, "is_complete": batch.is_complete}


@app.post("/notes")
def pin(application, message):
    text = message.get_argument("text", "").strip()
    if not 0 < len(text) <= 500:
        raise BadRequest("expected a note of 1 to 500 characters")
    application.channels["notes"].publish(text)
    return "", 204
