"""Parity: pieces of the library without HTTP, behind routes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from brubeck_wsgi import Brubeck, NotFound, WebMessageHandler
from brubeck_wsgi.auth import build_passwd_line, gen_hexdigest, split_passwd_line
from brubeck_wsgi.caching import BaseCacheStore, RedisCacheStore
from brubeck_wsgi.datamosh import OwnedHandlerMixin, StreamedHandlerMixin, get_typed_argument
from brubeck_wsgi.dictshield import Document
from brubeck_wsgi.modeling import adapt
from brubeck_wsgi.models import MillisecondField, User
from brubeck_wsgi.queryset import AbstractQueryset, DictQueryset, RedisQueryset
from brubeck_wsgi.timekeeping import curtime, datestring_to_millis, datetime_to_millis, millis_to_datetime, prettydate
from tests.apps.parity_autoapi import TestDoc

REDIS_URL = os.environ.get("PARITY_REDIS")
GROUPS = ("time", "mosh", "passwd", "user", *(["queryset", "cache"] if REDIS_URL else []))
PASSWORDS = {"ascii": "foo", "unicode": "café", "empty": "", "none": None, "long": "x" * 100}

OPERATIONS = {f"{verb}{kind}" for verb in ("create", "read", "update", "destroy") for kind in ("", "_one", "_many")}
OPERATIONS |= {"read_all"}
NAMES = {"NotFound": "FourOhFourException"}  # what Brubeck calls it

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


class Moment(Document):
    at = MillisecondField()


def lib_time(application, message):
    asked = message.json
    written = Moment(at="2011-03-09T00:00:00")
    return {
        "curtime_ok": isinstance(curtime(), int) and abs(curtime() - time.time() * 1000) < 2000,
        "pretty": [prettydate(datetime.now(UTC) - timedelta(seconds=seconds)) for seconds in asked.get("ago", ())],
        "pretty_old": prettydate(datetime(2011, 3, 9)),
        "roundtrip": datetime_to_millis(millis_to_datetime(1330000000000)),
        "strings": [attempt(lambda text=text: datestring_to_millis(text)) for text in asked.get("strings", ())],
        "ms": {
            "default": Moment().at,
            "int": Moment(at=5).at,
            "string": written.at,
            "valid": attempt(written.validate) is True,
        },
    }


def lib_user(application, message):
    user = User.create_user("JD", "foo", email=" A@B.com ")
    refused = {"badname": ("bad name", "x"), "bademail": ("ok", "x", "nope"), "nopass": ("ok", None)}
    return {
        "username": user.username,
        "check": [user.check_password("foo"), user.check_password("bar")],
        "password_prefix": user.password.split("$")[1],
        **{name: acceptance(lambda given=given: User.create_user(*given)) for name, given in refused.items()},
        "ownersafe": sorted(User.make_ownersafe(user)),
    }


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


def queryset(application, message, store):
    """Run operations of a client on a fresh queryset."""
    if store == "dict":
        return run_operations(DictQueryset(model=TestDoc), message.json)
    if store == "abstract":
        return run_operations(AbstractQueryset(model=TestDoc), message.json)
    if store in ("redis", "redisz") and REDIS_URL:
        from redis import Redis

        with Redis.from_url(REDIS_URL) as client:
            queries = RedisQueryset(client, "id", model=TestDoc, compress=store == "redisz")
            queries.destroy_all()
            return run_operations(queries, message.json)
    raise NotFound(f"expected one of the stores that there are, got {store!r:.40}")


def run_operations(queries: AbstractQueryset, operations: list[list[Any]]) -> list[Any]:
    """Return what each of *operations* on a queryset has for a result, as JSON can have it."""
    return [attempt(lambda one=one: shown(run_operation(queries, *one)), NAMES) for one in operations]


def run_operation(queries: AbstractQueryset, name: str, *arguments: Any) -> Any:
    if name not in OPERATIONS:
        raise ValueError(f"expected an operation that there is, got {name!r}")
    return getattr(queries, name)(*[documents(argument) for argument in arguments])


def documents(argument: Any) -> Any:
    """Return *argument* with a document in place of each object."""
    if isinstance(argument, list):
        return [documents(one) for one in argument]
    return TestDoc(**argument) if isinstance(argument, dict) else argument


def shown(result: Any) -> Any:
    if isinstance(result, list | tuple):
        return [shown(one) for one in result]
    if isinstance(result, TestDoc):
        fields = adapt(TestDoc).dump_python(result, None)
        return {"model": {name: value for name, value in fields.items() if not name.startswith("_")}}
    return result


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


def attempt(function: Callable[[], Any], names: dict[str, str] | None = None) -> Any:
    """Return what *function* returns, or which class of exception it raises, by its name or another of *names*."""
    try:
        return function()
    except Exception as error:
        name = type(error).__name__
        return {"error": (names or {}).get(name, name)}


def acceptance(function: Callable[[], Any]) -> str:
    """Return ``accepted``, or which class of exception *function* raises."""
    result = attempt(function)
    return result["error"] if isinstance(result, dict) else "accepted"


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes([(r"^/lib/mosh$", MoshHandler), (r"^/lib/passwd$", passwd), (r"^/lib/user$", lib_user)])
    app.add_route(r"^/lib/time$", method="POST")(lib_time)
    app.add_route(r"^/lib/queryset/(?P<store>\w+)$", method="POST")(queryset)
    app.add_route(r"^/lib/cache/(?P<store>\w+)$", method="POST")(cache)
