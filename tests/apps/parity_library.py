"""Parity: pieces of the library without HTTP, behind routes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from brubeck_wsgi import Brubeck, NotFound, WebMessageHandler
from brubeck_wsgi.auth import build_passwd_line, gen_hexdigest, split_passwd_line
from brubeck_wsgi.caching import BaseCacheStore, RedisCacheStore
from brubeck_wsgi.datamosh import OwnedHandlerMixin, StreamedHandlerMixin, get_typed_argument

REDIS_URL = os.environ.get("PARITY_REDIS")
GROUPS = ("mosh", "passwd", "cache") if REDIS_URL else ("mosh", "passwd")
PASSWORDS = {"ascii": "foo", "unicode": "café", "empty": "", "none": None, "long": "x" * 100}

_CACHE_KEYS = "parity-cache:"


class MoshHandler(WebMessageHandler, StreamedHandlerMixin, OwnedHandlerMixin):
    def get(self):
        options = {"max_count": None} if "nomax" in self.message.arguments else {}
        return {
            "paging": self.get_paging_arguments(**options),
            "since": self.get_stream_offset(),
            "typed": get_typed_argument("n", 7, self, int),
            "owner": attempt(lambda: self.get_owner_username("anon")),
        }


def passwd(application, message):
    lines = {name: attempt(lambda password=password: password_line(password)) for name, password in PASSWORDS.items()}
    return {**lines, "badalg": attempt(lambda: gen_hexdigest("x", algorithm="md5"))["error"]}


def password_line(password: str) -> list[Any]:
    """Return the algorithm of the line of *password*, how many delimiters it has, and two checks of it."""
    line = build_passwd_line(*gen_hexdigest(password))
    algorithm, salt, digest = split_passwd_line(line)
    checks = [gen_hexdigest(one, algorithm, salt)[2] == digest for one in (password, f"{password}y")]
    return [algorithm, line.count("|||"), *checks]


def cache(application, message, store):
    if store == "base":
        return run_steps(BaseCacheStore(), message.json)
    if store == "redis" and REDIS_URL:
        from redis import Redis

        with Redis.from_url(REDIS_URL) as client:
            for key in client.scan_iter(f"{_CACHE_KEYS}*"):
                client.delete(key)
            return run_steps(RedisCacheStore(client, prefix=_CACHE_KEYS), message.json)
    raise NotFound(f"expected one of the stores that there are, got {store!r:.40}")


def run_steps(store: Any, steps: list[list[Any]]) -> list[Any]:
    """Return what each of *steps* on *store* has for a result."""
    return [attempt(lambda step=step: run_step(store, *step)) for step in steps]


def run_step(store: Any, name: str, *arguments: Any) -> Any:
    match name, arguments:
        case "save", (key, value, seconds):
            return store.save(key, value, expire=time.time() + seconds)
        case "sleep", (seconds,):
            return time.sleep(seconds)
        case "session_id", ():
            first, second = store.generate_session_id(), store.generate_session_id()
            return [len(first), first != second]
        case (("save" | "load" | "delete" | "delete_expired"), _):
            result = getattr(store, name)(*arguments)
            return result.decode() if isinstance(result, bytes) else result
    raise ValueError(f"expected a step that there is, got {name!r}")


def attempt(function: Callable[[], Any]) -> Any:
    """Return what *function* returns, or which class of exception it raises."""
    try:
        return function()
    except Exception as error:
        return {"error": type(error).__name__}


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes([(r"^/lib/mosh$", MoshHandler), (r"^/lib/passwd$", passwd)])
    app.add_route(r"^/lib/cache/(?P<store>\w+)$", method="POST")(cache)
