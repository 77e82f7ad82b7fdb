"""``python -m brubeck_wsgi.mongrel2 MODULE:NAME --recv ADDRESS --send ADDRESS``: a WSGI application behind Mongrel2."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import cast

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.interfaces import WSGIApplication
from brubeck_wsgi.mongrel2.connection import Mongrel2Connection


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; return the exit status, 2 for a mistake of the user's."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        connection = Mongrel2Connection(
            options.recv,
            options.send,
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


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m brubeck_wsgi.mongrel2", description="Serve a WSGI application behind Mongrel2."
    )
    parser.add_argument("application", metavar="MODULE:NAME", help="where the application is, for example app:app")
    parser.add_argument("--recv", action="append", required=True, help="send_spec of the Handler; again for more")
    parser.add_argument("--send", action="append", required=True, help="recv_spec of the Handler; as often")
    parser.add_argument("--concurrency", default="gevent", help="gevent, eventlet or threads (default: gevent)")
    parser.add_argument("--pool-size", type=int, default=1000, help="requests at a time (default: 1000)")
    parser.add_argument("--uploads", metavar="TEMPLATE", help="upload.temp_store of Mongrel2, to take large bodies")
    parser.add_argument("--chroot", default="", help="the chroot of Mongrel2, if it runs in one")
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
