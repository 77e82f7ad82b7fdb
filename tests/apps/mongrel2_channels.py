"""WebSockets over a Channel, for either door: echo, count, push, and what a handler learns of the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from brubeck_wsgi.interfaces import ChannelClosed
from brubeck_wsgi.websocket import HandshakeRefused, WebSocketChannel

endings: list[list[Any]] = []


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer by the path."""
    path = environ["PATH_INFO"]
    if path == "/endings":
        body = json.dumps(endings).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]
    if path == "/":
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]
    if path == "/refuse":
        start_response("403 Forbidden", [("Content-Length", "2")])
        return [b"no"]
    try:
        channel = WebSocketChannel.accept(environ, ["chat"], most_message_bytes=100_000, ping_seconds=0.3)
    except HandshakeRefused as refused:
        start_response(f"{refused.status} Refused", [("Content-Length", "0"), *refused.headers])
        return []
    try:
        _TALKS[path](channel)
    except ChannelClosed as closed:
        endings.append([path, closed.code, closed.reason])
    else:
        endings.append([path, channel.close_code, channel.close_reason])
    return []


def _echo(channel: Any) -> None:
    for message in channel:
        channel.send(message)


def _push(channel: Any) -> None:
    for number in range(300):
        channel.send(f"{number}")
    channel.close(3001, "that was all")


def _slow(channel: Any) -> None:
    time.sleep(0.5)
    channel.send(channel.receive())
    channel.close()


def _silent(channel: Any) -> None:
    channel.receive(timeout=30)


def _fail(channel: Any) -> None:
    channel.send("soon")
    raise RuntimeError("on purpose")


_TALKS = {"/echo": _echo, "/push": _push, "/slow": _slow, "/silent": _silent, "/fail": _fail}
