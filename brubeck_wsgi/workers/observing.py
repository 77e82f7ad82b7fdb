"""Access log and request hooks, as Gunicorn has them; where neither is asked for, nobody looks on."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple, TypeAlias

from gunicorn.config import PostRequest, PreRequest  # type: ignore[import-untyped]  # Gunicorn has no annotations
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # the same

from brubeck_wsgi.gateway.exchange import Exchange
from brubeck_wsgi.interfaces import Environ, HeaderList, WSGIApplication

AccessLog: TypeAlias = Callable[[Exchange, "RequestView", float], None]
"""Called with an exchange that is over, its request, and the seconds that it took."""

_ATOM = re.compile(r"%\(([^)]*)\)s|%%|%")
_DEBUG = 10


def _headers(environ: Environ) -> HeaderList:
    found = [(key[5:].replace("_", "-"), value) for key, value in environ.items() if key.startswith("HTTP_")]
    return found + [(key.replace("_", "-"), environ[key]) for key in _UNPREFIXED if key in environ]


_UNPREFIXED = ("CONTENT_TYPE", "CONTENT_LENGTH")
_FACTS_OF_A_REQUEST: dict[str, Callable[[Environ], Any]] = {
    "method": lambda environ: environ["REQUEST_METHOD"],
    "uri": lambda environ: environ["RAW_URI"],
    "path": lambda environ: environ["RAW_URI"].partition("?")[0],
    "query": lambda environ: environ["QUERY_STRING"],
    "scheme": lambda environ: environ["wsgi.url_scheme"],
    "version": lambda environ: (1, 1) if environ["SERVER_PROTOCOL"] == "HTTP/1.1" else (1, 0),
    "remote_addr": lambda environ: (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]),
    "peer_addr": lambda environ: (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]),
    "headers": _headers,
}


class RequestView:
    """A request, as Gunicorn shows it to hooks and loggers; they may keep things of their own on it.

    Attributes:
        method, uri, path, query, version, scheme, remote_addr, peer_addr: of the request.
        headers: (NAME, value) pairs.
    """

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    def __getattr__(self, name: str) -> Any:
        find = _FACTS_OF_A_REQUEST.get(name)
        if find is None:
            raise AttributeError(name)
        value = self.__dict__[name] = find(self._environ)
        return value

    def hand_back(self) -> None:
        """Let the application see the headers as a hook has left them."""
        changed = self.__dict__.get("headers")
        if changed is None or changed == (sent := _headers(self._environ)):
            return
        for name, _ in sent:
            del self._environ[_key(name)]
        for name, value in changed:
            before = self._environ.get(_key(name))
            self._environ[_key(name)] = value if before is None else f"{before},{value}"


def _key(name: str) -> str:
    """Return the name of a header as it is in an environ."""
    variable = name.upper().replace("-", "_")
    return variable if variable in _UNPREFIXED else f"HTTP_{variable}"


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
        log_access: called after, with how many seconds the exchange took; None if there is no log.
    """

    def __init__(
        self,
        worker: Any,
        pre_request: Callable[[Any, RequestView], None] | None,
        post_request: Callable[[Any, RequestView, Environ, ResponseView], None] | None,
        log_access: AccessLog | None,
    ) -> None:
        self._worker = worker
        self._pre_request = pre_request
        self._post_request = post_request
        self._log_access = log_access

    def run(self, exchange: Exchange, application: WSGIApplication) -> None:
        """Do what `brubeck_wsgi.gateway.observer.Observer` says."""
        started = time.perf_counter()
        request = RequestView(exchange.environ)
        try:
            if self._pre_request is None or self._is_let_through(exchange, request, self._pre_request):
                exchange.run(application)
        finally:
            if self._log_access is not None:
                self._call("access log", self._log_access, exchange, request, time.perf_counter() - started)
            if self._post_request is not None:
                response = ResponseView(exchange)
                hook = self._post_request
                self._call("post_request hook", hook, self._worker, request, exchange.environ, response)

    def _is_let_through(
        self, exchange: Exchange, request: RequestView, hook: Callable[[Any, RequestView], None]
    ) -> bool:
        if self._call("pre_request hook", hook, self._worker, request):
            request.hand_back()
            return True
        exchange.refuse(500, "")
        return False

    def _call(self, name: str, function: Callable[..., None], *args: Any) -> bool:
        """Call what the user has brought along; return whether it went well."""
        try:
            function(*args)
        except Exception:
            self._worker.log.exception("Exception in %s", name)
            return False
        return True


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


def access_log_for(cfg: Any, log: Any) -> AccessLog | None:
    """Return what writes the access log; None if there is none.

    Gunicorn's own logger works out all that a line could say before it looks at the format. Unless somebody could
    see the difference, only what the format asks for is worked out here.
    """
    is_stock = type(log).access is Logger.access
    if is_stock and not log.access_log_enabled:
        return None
    parts = compile_format(cfg.access_log_format) if is_stock and _is_plain(log) else None
    if parts is None:
        return lambda exchange, request, seconds: log.access(
            ResponseView(exchange), request, exchange.environ, timedelta(seconds=seconds)
        )
    template, atoms = parts
    handlers = log.access_log.handlers
    if log.access_log.isEnabledFor(logging.INFO) and all(map(_writes_lines, handlers)):
        line = template + "\n"

        def write_line(exchange: Exchange, request: RequestView, seconds: float) -> None:
            fact = Fact(exchange, exchange.environ, seconds)
            text = line % tuple([atom(fact) for atom in atoms])
            for handler in handlers:
                stream = handler.stream  # another one once the files were opened again
                stream.write(text)
                stream.flush()

        return write_line
    info = log.access_log.info

    def write(exchange: Exchange, request: RequestView, seconds: float) -> None:
        fact = Fact(exchange, exchange.environ, seconds)
        info(template, *[atom(fact) for atom in atoms])

    return write


def _is_plain(log: Any) -> bool:
    """Tell whether a line is all that comes of a record: formatters and filters of the user's look for the atoms."""
    kind, access_log = type(log), log.access_log
    return (
        all(getattr(kind, name) is getattr(Logger, name) for name in ("atoms", "atoms_wrapper_class", "now"))
        and not access_log.propagate
        and not access_log.filters
        and all(getattr(handler, "_gunicorn", False) and not handler.filters for handler in access_log.handlers)
    )


def _writes_lines(handler: Any) -> bool:
    """Tell whether all that *handler* does with a record is to write its message to a stream.

    Then no record need be made, which takes as long as all the rest of a request.
    """
    return (
        type(handler) in (logging.StreamHandler, logging.FileHandler)
        and handler.terminator == "\n"
        and type(handler.formatter) is logging.Formatter
        and handler.formatter._fmt == "%(message)s"
        and handler.level <= logging.INFO
    )


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
        key = _key(name)
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
        user = base64.b64decode(credentials.strip().encode("utf-8")).partition(b":")[0].decode("utf-8")
    except (binascii.Error, ValueError):
        return "-"
    return str(_quoted(user)) or "-"


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
    "b": lambda fact: fact.exchange.sent,
    "B": lambda fact: fact.exchange.sent,
    "f": lambda fact: _quoted(fact.environ.get("HTTP_REFERER", "-")),
    "a": lambda fact: _quoted(fact.environ.get("HTTP_USER_AGENT", "-")),
    "T": lambda fact: int(fact.seconds),
    "D": lambda fact: int(fact.seconds * 1_000_000),
    "M": lambda fact: int(fact.seconds * 1000),
    "L": lambda fact: f"{fact.seconds:.6f}",
    "p": lambda fact: f"<{os.getpid()}>",
}
