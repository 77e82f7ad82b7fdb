"""What serving.wsgi_apps does, as raw ASGI."""

import asyncio

from serving.wsgi_apps import MEBIBYTE, PIECE

waiting_handlers = 0


async def hello(scope, receive, send):
    """Answer 13 bytes."""
    await _send(send, b"Hello, world!")


async def sleep(scope, receive, send):
    """Answer after a millisecond."""
    await asyncio.sleep(0.001)
    await _send(send, b"Hello, world!")


async def post(scope, receive, send):
    """Read the body, answer how long it is."""
    pieces = []
    while True:
        message = await receive()
        pieces.append(message["body"])
        if not message.get("more_body"):
            break
    await _send(send, b"%d" % len(b"".join(pieces)))


async def answer(scope, receive, send):
    """Answer 1 MiB."""
    await _send(send, MEBIBYTE)


async def stream(scope, receive, send):
    """Answer 100 pieces of 100 bytes, of a length that is not declared."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(100):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def crowd(scope, receive, send):
    """Answer hello; wait for long on ``/wait``; tell on ``/count`` how many do."""
    global waiting_handlers
    body = b"Hello, world!"
    if scope["path"] == "/wait":
        waiting_handlers += 1
        await asyncio.sleep(3600)
    elif scope["path"] == "/count":
        body = b"%13d" % waiting_handlers
    await _send(send, body)


async def _send(send, body):
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
