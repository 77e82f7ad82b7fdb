"""The WSGI applications of benchmarks/serve.py: each does the least that its scene needs."""

import time

TEXT = [("Content-Type", "text/plain"), ("Content-Length", "13")]
MEBIBYTE = b"x" * 1024 * 1024
PIECE = b"x" * 100
waiting_handlers = 0


def hello(environ, start_response):
    """Answer 13 bytes."""
    start_response("200 OK", TEXT)
    return [b"Hello, world!"]


def sleep(environ, start_response):
    """Answer after a millisecond."""
    time.sleep(0.001)
    start_response("200 OK", TEXT)
    return [b"Hello, world!"]


def post(environ, start_response):
    """Read the body, answer how long it is."""
    body = b"%d" % len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def answer(environ, start_response):
    """Answer 1 MiB."""
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(MEBIBYTE)))])
    return [MEBIBYTE]


def stream(environ, start_response):
    """Answer 100 pieces of 100 bytes, of a length that is not declared."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(100):
        yield PIECE


def crowd(environ, start_response):
    """Answer hello; wait for long on ``/wait``; tell on ``/count`` how many do."""
    global waiting_handlers
    body = b"Hello, world!"
    if environ["PATH_INFO"] == "/wait":
        waiting_handlers += 1
        time.sleep(3600)
    elif environ["PATH_INFO"] == "/count":
        body = b"%13d" % waiting_handlers
    start_response("200 OK", TEXT)
    return [body]
