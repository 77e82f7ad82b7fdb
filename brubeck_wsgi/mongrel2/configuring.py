"""``brubeck mongrel2-config MODULE:NAME``: what may be said at the command line about a mongrel2.conf."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import Any

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.mongrel2.configuration import DEFAULT_FRONT, Wishes, make_configuration
from brubeck_wsgi.mongrel2.settings import Front, make_fronts

_DEFAULT = Wishes()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to *parser*."""
    recv, send = DEFAULT_FRONT
    parser.add_argument("--recv", help=f"where handlers receive from (default: as the application has it, or {recv})")
    parser.add_argument("--send", help=f"where handlers send to (default: as the application has it, or {send})")
    parser.add_argument("--host", action="append", help="a name of the server; again for more (default: 127.0.0.1)")
    parser.add_argument("--bind", default=_DEFAULT.bind, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=_DEFAULT.port, help="port to listen on (default: %(default)s)")
    parser.add_argument("--route", default=_DEFAULT.route, help="path of the application (default: %(default)s)")
    parser.add_argument("--static", action="append", metavar="/PATH/=DIRECTORY", help="files below the chroot")
    parser.add_argument("--chroot", default=_DEFAULT.chroot, help="where Mongrel2 is to run (default: here)")
    parser.add_argument("--no-uploads", action="store_true", help="refuse bodies larger than --content-length")
    for name, what in (
        ("content-length", "bytes of a body that come in the message"),
        ("head-size", "bytes of the head of a request"),
        ("idle-seconds", "after which a silent connection is closed; 0 for never"),
    ):
        default = getattr(_DEFAULT, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{what} (default: %(default)s)")


def configuration_for(application: Any, options: argparse.Namespace) -> str:
    """Return the text of a mongrel2.conf for *application*, as *options* have it.

    Raises:
        ConfigurationError: they say something that cannot be written there.
    """
    return make_configuration(
        Wishes(
            front=_front(application, options),
            hosts=options.host or _DEFAULT.hosts,
            bind=options.bind,
            port=options.port,
            route=options.route,
            static=dict(_static(options.static or ())),
            chroot=options.chroot,
            content_length=options.content_length,
            uploads=not options.no_uploads,
            head_size=options.head_size,
            idle_seconds=options.idle_seconds,
        )
    )


def _front(application: Any, options: argparse.Namespace) -> Front:
    """Return the addresses: what is said here, else what the application connects to."""
    connected = getattr(getattr(application, "msg_conn", None), "fronts", None)
    recv, send = connected[0] if connected else DEFAULT_FRONT
    recv = options.recv or os.environ.get("MONGREL2_RECV") or recv
    send = options.send or os.environ.get("MONGREL2_SEND") or send
    return make_fronts(recv.split(","), send.split(","))[0]


def _static(options: Iterable[str]) -> Iterable[tuple[str, str]]:
    for option in options:
        route, equals, directory = option.partition("=")
        if not equals:
            raise ConfigurationError(f"expected --static /PATH/=DIRECTORY, got {option!r}")
        yield route, directory
