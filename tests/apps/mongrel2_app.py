"""A plain WSGI application that shows what the Mongrel2 door does, and `wsgiref.validate` around it."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

events: list[str] = []


def _shown(environ: dict[str, Any]) -> bytes:
    return json.dumps({key: value for key, value in environ.items() if isinstance(value, str)}).encode()


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """Answer by the path."""
    path = environ["PATH_INFO"]
    answer = _ANSWERS.get(path.split("/")[1], _hello)
    return answer(environ, start_response)


def _plain(start_response: Callable[..., Any], body: bytes, status: str = "200 OK") -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return _plain(start_response, b"hello")


def _environ(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return _plain(start_response, _shown(environ))


def _echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return _plain(start_response, environ["wsgi.input"].read(1 << 30))


def _digest(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    digest = hashlib.sha256()
    size = 0
    while piece := environ["wsgi.input"].read(65536):
        digest.update(piece)
        size += len(piece)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _plain(start_response, f"{size} {digest.hexdigest()} {kilobytes}".encode())


def _unread(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return _plain(start_response, b"not read")


def _process(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return _plain(start_response, str(os.getpid()).encode())


def _sleep(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    time.sleep(float(environ["PATH_INFO"].split("/")[2]))
    return _plain(start_response, str(os.getpid()).encode())


def _stream(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """Answer so many pieces of a size, with a pause between."""
    count, size, pause = (float(part) for part in environ["PATH_INFO"].split("/")[2:5])
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(int(count)):
        if pause and number:
            time.sleep(pause)
        yield (b"%d" % (number % 10)) * int(size)


class _Endless:
    """A stream that says when it is closed."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ
        self._number = 0

    def __iter__(self) -> _Endless:
        return self

    def __next__(self) -> bytes:
        disconnected = self._environ["brubeck.disconnected"]
        if self._number and disconnected.wait(0.05):
            events.append("noticed")
        self._number += 1
        return b"%d\n" % self._number

    def close(self) -> None:
        events.append("closed")


def _endless(environ: dict[str, Any], start_response: Callable[..., Any]) -> _Endless:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _Endless(environ)


def _wait(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    has_left = environ["brubeck.disconnected"].wait(20)
    events.append("left" if has_left else "stayed")
    return _plain(start_response, b"waited")


def _events(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return _plain(start_response, json.dumps(events).encode())


def _fail(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    raise RuntimeError("on purpose")


def _fail_late(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    time.sleep(0.1)
    raise RuntimeError("on purpose, later")


def _not_modified(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("304 Not Modified", [])
    return []


def _exit(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    sys.exit(3)


def _kill(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    os.kill(os.getpid(), 9)
    return []


def _file(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))  # the wrapper closes it


_ANSWERS: dict[str, Callable[..., Any]] = {
    "environ": _environ,
    "echo": _echo,
    "digest": _digest,
    "unread": _unread,
    "process": _process,
    "sleep": _sleep,
    "stream": _stream,
    "endless": _endless,
    "wait": _wait,
    "events": _events,
    "fail": _fail,
    "fail-late": _fail_late,
    "not-modified": _not_modified,
    "exit": _exit,
    "kill": _kill,
    "file": _file,
}
validated = validator(app)
