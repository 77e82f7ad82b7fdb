"""Applications that echo what comes over a WebSocket, for websocket_echo.py; run by itself, with asyncio."""

from __future__ import annotations

import sys


def __getattr__(name: str) -> object:
    # Made on demand: each server loads its own only.
    try:
        return {"brubeck": _make_brubeck, "plain": _make_plain, "flask": _make_flask}[name]()
    except KeyError:
        raise AttributeError(name) from None


def _make_brubeck() -> object:
    from brubeck_wsgi import Brubeck

    application = Brubeck()

    @application.websocket("/echo")
    def echo(application, message, ws):
        for received in ws:
            ws.send(received)

    return application


def _make_plain() -> object:
    sys.modules["websockets.speedups"] = None  # type: ignore[assignment]  # as if the extra were not installed
    return _make_brubeck()


def _make_flask() -> object:
    from flask import Flask
    from flask_sock import Sock

    application = Flask(__name__)

    @Sock(application).route("/echo")
    def echo(ws):
        while True:
            ws.send(ws.receive())

    return application


async def _serve(port: int) -> None:
    from websockets.asyncio.server import serve

    async def echo(ws):
        async for received in ws:
            await ws.send(received)

    async with serve(echo, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    import asyncio

    asyncio.run(_serve(int(sys.argv[1])))
