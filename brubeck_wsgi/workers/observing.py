"""Access log and request hooks, as Gunicorn has them; where neither is asked for, nobody looks on."""

from __future__ import annotations

import base64
import binascii
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from gunicorn.config import PostRequest, PreRequest  # type: ignore[import-untyped]  # Gunicorn has no annotations
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # the same

from brubeck_wsgi.gateway.exchange import Exchange
from brubeck_wsgi.interfaces import Environ, HeaderList, WSGIApplication

_ATOM = re.compile(r"%\(([^)]*)\)s|%%|%")
_DEBUG = 10


class RequestView:
    """A request, as Gunicorn shows it to hooks and loggers.

    Attributes:
        method, uri, path, query, version, scheme, remote_addr: of the request.
        headers: (NAME, value) pairs.
    """

    def __init__(self, environ: Environ) -> None:
        self._environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.uri: str = environ["RAW_URI"]
        self.path: str = environ["RAW_URI"].partition("?")[0]
        self.query: str = environ["QUERY_STRING"]
        self.scheme: str = environ["wsgi.url_scheme"]
        self.version = (1, 1) if environ["SERVER_PROTOCOL"] == "HTTP/1.1" else (1, 0)
        self.remote_addr = (environ["REMOTE_ADDR"], environ["REMOTE_PORT"])

    @property
    def headers(self) -> HeaderList:
        environ = self._environ
        found = [(key[5:].replace("_", "-"), value) for key, value in environ.items() if key.startswith("HTTP_")]
        for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if key in environ:
                found.append((key.replace("_", "-"), environ[key]))
        return found


class ResponseView:
    """A response, as Gunicorn shows it to hooks and loggers.

    Attributes:
        status: ``"200 OK"``; None if there was none.
        headers: (name, value) pairs.
        sent: how many bytes of the body were sent.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.status = exchange.status
        self.headers = exchange.headers
        self.sent = exchange.sent
        self.headers_sent = exchange.is_started
        self.response_length = exchange.sent

    @property
    def status_code(self) -> int | None:
        return int(self.status[:3]) if self.status else None


class Observation:
    """Runs exchanges with the hooks and the access log around them.

    Args:
        worker: what the hooks get.
        pre_request: called before; None if there is none.
        post_request: called after; None if there is none.
        log_access: called after with the exchange and the seconds that it took; None if there is no log.
    """

    def __init__(
        self,
        worker: Any,
        pre_request: Callable[[Any, RequestView], None] | None,
        post_request: Callable[[Any, RequestView, Environ, ResponseView], None] | None,
        log_access: Callable[[Exchange, float], None] | None,
    ) -> None:
        self._worker = worker
        self._pre_request = pre_request
        self._post_request = post_request
        self._log_access = log_access

    def run(self, exchange: Exchange, application: WSGIApplication) -> None:
        """Do what `brubeck_wsgi.gateway.server.Observer` says."""
        started = time.perf_counter()
        try:
            if self._pre_request is None or self._is_let_through(exchange, self._pre_request):
                exchange.run(application)
        finally:
            if self._log_access is not None:
                self._log_access(exchange, time.perf_counter() - started)
            if self._post_request is not None:
                self._call_post_request(exchange, self._post_request)

    def _is_let_through(self, exchange: Exchange, hook: Callable[[Any, RequestView], None]) -> bool:
        try:
            hook(self._worker, RequestView(exchange.environ))
        except Exception:
            self._worker.log.exception("Exception in pre_request hook")
            exchange.refuse(500, "")
            return False
        return True

    def _call_post_request(
        self, exchange: Exchange, hook: Callable[[Any, RequestView, Environ, ResponseView], None]
    ) -> None:
        environ = exchange.environ
        try:
            hook(self._worker, RequestView(environ), environ, ResponseView(exchange))
        except Exception:
            self._worker.log.exception("Exception in post_request hook")


def observer_for(worker: Any, cfg: Any, log: Any) -> Observation | None:
    """Return what has to be there when requests are answered; None if nothing has to."""
    pre_request = cfg.pre_request
    if pre_request is PreRequest.default and not log.error_log.isEnabledFor(_DEBUG):
        pre_request = None  # it only writes a debug line
    post_request = None if cfg.post_request is PostRequest.default else cfg.post_request
    log_access = access_log_for(cfg, log)
    if pre_request is None and post_request is None and log_access is None:
        return None
    return Observation(worker, pre_request, post_request, log_access)


def access_log_for(cfg: Any, log: Any) -> Callable[[Exchange, float], None] | None:
    """Return what writes the access log; None if there is none.

    Gunicorn's own logger works out all that a line could say before it looks at the format. Unless the user's
    logger does it in a way of its own, only what the format asks for is worked out here.
    """
    kind = type(log)
    is_stock = kind.access is Logger.access
    if is_stock and not log.access_log_enabled:
        return None
    is_plain = is_stock and kind.atoms is Logger.atoms and kind.atoms_wrapper_class is Logger.atoms_wrapper_class
    parts = compile_format(cfg.access_log_format) if is_plain and kind.now is Logger.now else None
    if parts is None:
        return lambda exchange, seconds: log.access(
            ResponseView(exchange),
            RequestView(exchange.environ),
            exchange.environ,
            timedelta(seconds=seconds),
        )
    template, atoms = parts
    info = log.access_log.info

    def write(exchange: Exchange, seconds: float) -> None:
        fact = Fact(exchange, exchange.environ, seconds)
        try:
            info(template, *[atom(fact) for atom in atoms])
        except Exception:
            log.exception("cannot write the access log")

    return write


class Fact(NamedTuple):
    """What a line of the access log is about."""

    exchange: Exchange
    environ: Environ
    seconds: float


Atom = Callable[[Fact], object]


def compile_format(text: str) -> tuple[str, list[Atom]] | None:
    """Return the template of a line and what makes each of its parts; None if it asks for something unusual.

    Args:
        text: in the form of Gunicorn's ``access_log_format``.
    """
    atoms: list[Atom] = []
    for match in _ATOM.finditer(text):
        if match[0] == "%%":
            continue
        atom = _atom(match[1]) if match[1] is not None else None
        if atom is None:
            return None
        atoms.append(atom)
    return _ATOM.sub(lambda match: "%s" if match[1] is not None else match[0], text), atoms


def _atom(name: str) -> Atom | None:
    if name in _ATOMS:
        return _ATOMS[name]
    if name[:1] == "{" and name[-2:-1] == "}":
        return _named_atom(name[1:-2].lower(), name[-1])
    return (lambda fact: "-") if name else None


def _named_atom(name: str, kind: str) -> Atom | None:
    """Return the atom of a request header, a response header, or a variable of the environ."""
    if kind == "i":
        variable = name.upper().replace("-", "_")
        key = variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"
        return lambda fact: _quoted(fact.environ.get(key, "-"))
    if kind == "o":
        return lambda fact: _quoted(next((v for k, v in reversed(fact.exchange.headers) if k.lower() == name), "-"))
    if kind == "e":
        return lambda fact: _quoted(next((v for k, v in fact.environ.items() if k.lower() == name), "-"))
    return None


def _quoted(value: object) -> object:
    return value.replace('"', '\\"') if isinstance(value, str) else value


def _user(fact: Fact) -> str:
    scheme, _, credentials = fact.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return "-"
    try:
        decoded = base64.b64decode(credentials.strip().encode("utf-8")).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return "-"
    return str(_quoted(decoded.partition(":")[0])) or "-"


_now_second = 0
_now_text = ""


def _now(fact: Fact) -> str:
    global _now_second, _now_text
    second = int(time.time())
    if second != _now_second:
        _now_second, _now_text = second, time.strftime("[%d/%b/%Y:%H:%M:%S %z]")
    return _now_text


_ATOMS: dict[str, Atom] = {
    "h": lambda fact: fact.environ.get("REMOTE_ADDR", "-"),
    "l": lambda fact: "-",
    "u": _user,
    "t": _now,
    "r": lambda fact: _quoted(
        f"{fact.environ['REQUEST_METHOD']} {fact.environ['RAW_URI']} {fact.environ['SERVER_PROTOCOL']}"
    ),
    "s": lambda fact: fact.exchange.status[:3] if fact.exchange.status else None,
    "m": lambda fact: fact.environ["REQUEST_METHOD"],
    "U": lambda fact: _quoted(fact.environ["PATH_INFO"]),
    "q": lambda fact: _quoted(fact.environ["QUERY_STRING"]),
    "H": lambda fact: fact.environ["SERVER_PROTOCOL"],
    "b": lambda fact: str(fact.exchange.sent) if fact.exchange.sent else "-",
    "B": lambda fact: fact.exchange.sent,
    "f": lambda fact: _quoted(fact.environ.get("HTTP_REFERER", "-")),
    "a": lambda fact: _quoted(fact.environ.get("HTTP_USER_AGENT", "-")),
    "T": lambda fact: int(fact.seconds),
    "D": lambda fact: int(fact.seconds * 1_000_000),
    "M": lambda fact: int(fact.seconds * 1000),
    "L": lambda fact: f"{fact.seconds:.6f}",
    "p": lambda fact: f"<{os.getpid()}>",
}
