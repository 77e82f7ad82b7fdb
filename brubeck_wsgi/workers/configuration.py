"""Gunicorn's settings, as the gateway and the protocols want them."""

from __future__ import annotations

import ipaddress
import os
import socket
import wsgiref.util
from collections.abc import Callable, Iterable
from typing import Any

import gunicorn  # type: ignore[import-untyped]  # Gunicorn has no annotations

from brubeck_wsgi.concurrency.stopping import STOPPING, Stopping
from brubeck_wsgi.gateway.environ import EnvironMaker, HeaderPolicy
from brubeck_wsgi.gateway.files import FileWrapper
from brubeck_wsgi.protocols.http1.head import HeadParser, Limits
from brubeck_wsgi.protocols.http1.response import HeadWriter

_MOST_FIELDS = 256  # what the parser has room for
_LONGEST_LINE = 8190


def unspoken(cfg: Any) -> str | None:
    """Return what *cfg* asks for that only Gunicorn's own code speaks; None if there is nothing."""
    wanted = [
        (cfg.is_ssl, "TLS"),
        (cfg.proxy_protocol != "off", "PROXY protocol"),
        (cfg.protocol != "http", "uWSGI protocol"),
        ("h2" in cfg.http_protocols and cfg.http2_cleartext != "off", "HTTP/2"),  # which over TLS is TLS
        (cfg.permit_obsolete_folding, "permit_obsolete_folding"),
        (cfg.strip_header_spaces, "strip_header_spaces"),
        (cfg.casefold_http_method, "casefold_http_method"),
        (cfg.http_parser == "python", "http_parser = 'python'"),
    ]
    return next((name for is_wanted, name in wanted if is_wanted), None)


def make_parser(cfg: Any) -> HeadParser:
    """Return a parser with the limits of *cfg*."""
    line = cfg.limit_request_line
    limits = Limits(
        # Gunicorn takes 0 for no limit; there is always one here.
        request_line=line if 0 < line < _LONGEST_LINE else _LONGEST_LINE,
        fields=min(cfg.limit_request_fields, _MOST_FIELDS) if cfg.limit_request_fields > 0 else _MOST_FIELDS,
        field_size=cfg.limit_request_field_size if cfg.limit_request_field_size > 0 else _LONGEST_LINE,
    )
    return HeadParser(limits, cfg.permit_unconventional_http_method, cfg.permit_unconventional_http_version)


def make_writer() -> HeadWriter:
    """Return a writer of heads that names the server as Gunicorn does."""
    return HeadWriter(gunicorn.SERVER)


def listener_maker(cfg: Any, log: Any, stopping: Stopping | None = None) -> Callable[[socket.socket], EnvironMaker]:
    """Return what makes the maker of environs for a listening socket.

    Args:
        cfg: Gunicorn's settings.
        log: its logger.
        stopping: what tells applications that the worker stops; None if there are none.
    """
    policy = HeaderPolicy(
        header_map=cfg.header_map,
        forwarder_headers=frozenset(cfg.forwarder_headers),
        secure_scheme_headers=dict(cfg.secure_scheme_headers),
        is_trusted=trust(cfg.forwarded_allow_ips),
    )
    errors = ErrorStream(log)

    def make(listening: socket.socket) -> EnvironMaker:
        name = listening.getsockname()
        is_named = isinstance(name, tuple)
        constants = {
            "SERVER_NAME": name[0] if is_named else "localhost",
            "SERVER_PORT": str(name[1]) if is_named else "80",
            "SERVER_SOFTWARE": gunicorn.SERVER_SOFTWARE,
            "SCRIPT_NAME": os.environ.get("SCRIPT_NAME", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": errors,
            "wsgi.multithread": True,
            "wsgi.multiprocess": cfg.workers > 1,
            "wsgi.run_once": False,
            # The standard library's is read like any iterable, by whoever has switched sendfile off.
            "wsgi.file_wrapper": wsgiref.util.FileWrapper if cfg.sendfile is False else FileWrapper,
            "wsgi.input_terminated": True,
            STOPPING: stopping,
        }
        return EnvironMaker(constants, policy, is_named)

    return make


def trust(allowed: Iterable[str]) -> Callable[[str], bool]:
    """Return what tells of the address of a peer whether it may speak for others.

    Args:
        allowed: addresses and networks; ``"*"`` for all. A unix socket is trusted always.
    """
    allowed = list(allowed)
    if "*" in allowed:
        return lambda address: True
    networks = [ipaddress.ip_network(network) for network in allowed]

    def is_trusted(address: str) -> bool:
        if not address:
            return True
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in networks)

    return is_trusted


class ErrorStream:
    """``wsgi.errors``: writes where Gunicorn's error log goes, also after it was opened again.

    Args:
        log: Gunicorn's logger.
    """

    def __init__(self, log: Any) -> None:
        self._log = log

    def write(self, text: str) -> None:
        """Write *text* to each stream of the error log."""
        for stream in self._streams():
            stream.write(text)
            stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of *lines*."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: what is written has left."""

    def _streams(self) -> list[Any]:
        handlers = getattr(getattr(self._log, "error_log", None), "handlers", ())
        return [stream for handler in handlers if (stream := getattr(handler, "stream", None)) is not None]
