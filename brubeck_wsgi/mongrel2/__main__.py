"""``python -m brubeck_wsgi.mongrel2 MODULE:NAME``: a WSGI application behind Mongrel2, in one process."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import cast

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.interfaces import WSGIApplication
from brubeck_wsgi.mongrel2.configuration import DEFAULT_FRONT
from brubeck_wsgi.mongrel2.connection import Mongrel2Connection


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; return the exit status, 2 for a mistake of the user's."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        connection = Mongrel2Connection(
            options.recv or _addresses("MONGREL2_RECV", DEFAULT_FRONT.recv),
            options.send or _addresses("MONGREL2_SEND", DEFAULT_FRONT.send),
            concurrency=options.concurrency,
            pool_size=options.pool_size,
            upload_temp_store=options.uploads,
            chroot=options.chroot,
            script_name=options.script_name,
        )
        connection.recv_forever_ever(_load(options.application))
    except ConfigurationError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


_DEFAULT = (
    f"(default: $MONGREL2_RECV, or {DEFAULT_FRONT.recv})",
    f"(default: $MONGREL2_SEND, or {DEFAULT_FRONT.send})",
)


def _addresses(variable: str, default: str) -> list[str]:
    return [address.strip() for address in (os.environ.get(variable) or default).split(",")]


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m brubeck_wsgi.mongrel2", description="Serve a WSGI application behind Mongrel2."
    )
    parser.add_argument("application", metavar="MODULE:NAME", help="where the application is, for example app:app")
    parser.add_argument("--recv", action="append", help=f"send_spec of the Handler; again for more {_DEFAULT[0]}")
    parser.add_argument("--send", action="append", help=f"recv_spec of the Handler; as often {_DEFAULT[1]}")
    parser.add_argument("--concurrency", default="gevent", help="gevent, eventlet or threads (default: gevent)")
    parser.add_argument("--pool-size", type=int, default=1000, help="requests at a time (default: 1000)")
    uploads, chroot = os.environ.get("MONGREL2_UPLOADS"), os.environ.get("MONGREL2_CHROOT", "")
    help_uploads = "upload.temp_store of Mongrel2, to take large bodies (default: $MONGREL2_UPLOADS)"
    parser.add_argument("--uploads", metavar="TEMPLATE", default=uploads, help=help_uploads)
    parser.add_argument("--chroot", default=chroot, help="the chroot of Mongrel2 (default: $MONGREL2_CHROOT)")
    parser.add_argument("--script-name", action="store_true", help="the fixed part of the route is SCRIPT_NAME")
    parser.add_argument("--log-level", default="INFO", help="of the standard library's logging (default: INFO)")
    return parser


def _load(reference: str) -> WSGIApplication:
    from gunicorn.errors import AppImportError  # type: ignore[import-untyped]  # Gunicorn has no annotations
    from gunicorn.util import import_app  # type: ignore[import-untyped]  # the same

    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return cast(WSGIApplication, import_app(reference))
    except (AppImportError, ImportError) as error:
        raise ConfigurationError(f"expected a WSGI application at {reference!r}: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
