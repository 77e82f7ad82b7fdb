"""Answers that are made while they are sent: ``gunicorn -k gevent examples.streaming:app``.

Then ``curl -N localhost:8000/count/5``, and ``curl -N localhost:8000/squares.csv``.
Behind Mongrel2: ``python -m brubeck_wsgi.mongrel2 examples.streaming:app``.
"""

import time

from brubeck_wsgi import Brubeck, Response

PAUSE_SECONDS = 0.5

app = Brubeck()


@app.get("/count/{last:int}")
def count(application, message, last):
    for number in range(1, last + 1):
        yield f"{number}\n"
        time.sleep(PAUSE_SECONDS)  # the gevent worker serves others meanwhile


@app.get("/squares.csv")
def squares(application, message):
    headers = {"Content-Disposition": 'attachment; filename="squares.csv"'}
    return Response(rows(), headers=headers, content_type="text/csv; charset=utf-8")


def rows():
    try:
        yield "number,square\n"
        for number in range(1, 1001):
            yield f"{number},{number * number}\n"
    finally:
        print("closed: the client has it all, or has left")
