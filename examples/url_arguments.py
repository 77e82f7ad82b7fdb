"""What the path tells a handler: ``gunicorn -k gevent examples.url_arguments:app``.

Then ``curl localhost:8000/albums/1959/5``, and the paths that it answers with.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.url_arguments:app``.
"""

from datetime import date

from brubeck_wsgi import Brubeck, Converter, WebMessageHandler


class DayConverter(Converter):
    regex = r"\d{4}-\d{2}-\d{2}"

    def load(self, text):
        return date.fromisoformat(text)  # its ValueError says that 2026-02-30 is no match


class PlayerHandler(WebMessageHandler):
    def get(self, name, instrument="piano"):
        return f"{name} plays the {instrument}\n"


app = Brubeck(
    handler_tuples=[
        (r"^/players/(\w+)(?:/(\w+))?$", PlayerHandler),  # groups: get("Dave"), get("Paul", "saxophone")
        (r"^/named/(?P<name>\w+)(?:/(?P<instrument>\w+))?$", PlayerHandler),  # named groups: get(name="Dave")
    ]
)
app.add_converter("day", DayConverter())


@app.get("/albums/{year:int}/{track:int}")
def track(application, message, year, track):
    return {
        "track": [year, track],
        "previous": application.url_for("track", year=year, track=track - 1),
        "concert": application.url_for("concert", day=date(year, 12, 14), hall="Carnegie Hall", seats=2),
        "cover": application.url_for("cover", path=f"{year}/front.jpg"),
    }


@app.get("/concerts/{day:day}/{hall}", name="concert")
def concert_on_a_day(application, message, day, hall):
    return f"{hall} on a {day:%A}, {message.get_argument('seats', '1')} seats\n"


@app.get("/covers/{path:path}")
def cover(application, message, path):
    return f"the picture {path}\n"
