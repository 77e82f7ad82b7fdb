"""A clock that the page need not ask for the time: ``gunicorn -k gevent examples.clock:app``.

Then open http://localhost:8000/ in some browsers, or ``curl -N localhost:8000/ticks``. Behind Mongrel2:
``python -m brubeck_wsgi.mongrel2 examples.clock:app``.
"""

import time

from brubeck_wsgi import Brubeck, EventStreamHandler, Response, ServerSentEvent

PAUSE_SECONDS = 1.0
PAGE = """<!doctype html>
<title>Clock</title>
<p id="clock"></p>
<script>
  new EventSource("/ticks").addEventListener("tick", event => {
    document.getElementById("clock").textContent = JSON.parse(event.data).time;
  });
</script>
"""

app = Brubeck()


@app.get("/")
def page(application, message):
    return Response(PAGE, content_type="text/html; charset=utf-8")


@app.route("/ticks")
class Ticks(EventStreamHandler):
    def events(self):
        while True:
            yield ServerSentEvent({"time": time.strftime("%H:%M:%S")}, event="tick")
            time.sleep(PAUSE_SECONDS)  # the gevent worker serves others meanwhile
