"""A progress bar and a live clock over Server-Sent Events: ``gunicorn -k gevent examples.progress:app``.

Then open localhost:8000 in a browser, or ``curl -N localhost:8000/clock``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.progress:app``.
"""

import secrets
from datetime import datetime
from pathlib import Path

from brubeck_wsgi import Brubeck, EventStreamHandler, Response, ServerSentEvent
from brubeck_wsgi.concurrency import sleep, spawn

PAGE = (Path(__file__).parent / "pages" / "progress.html").read_text()
PAUSE_SECONDS = 0.1

app = Brubeck()


@app.get("/")
def page(application, message):
    return Response(PAGE, content_type="text/html; charset=utf-8")


@app.route("/clock")
class ClockHandler(EventStreamHandler):
    def events(self):
        while True:
            yield f"{datetime.now():%H:%M:%S}"
            sleep(1)


@app.post("/jobs")
def start(application, message):
    job = secrets.token_hex(8)
    spawn(work, application.channels[f"job {job}"])
    return {"job": job}


def work(channel):
    for percent in range(0, 101, 5):
        channel.publish(percent)
        sleep(PAUSE_SECONDS)  # something that takes time


@app.route("/jobs/{job}")
class ProgressHandler(EventStreamHandler):
    """Who comes late, or comes back, hears what was before."""

    def events(self, job):
        with self.application.channels.subscribe(f"job {job}", after=self.last_event_id or "0") as subscription:
            for message in subscription:
                yield ServerSentEvent(message.data, id=message.position)
                if message.data == 100:
                    return
