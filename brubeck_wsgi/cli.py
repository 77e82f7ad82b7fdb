"""The ``brubeck`` command: show an application's routes, serve it with Gunicorn, begin a new one."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import brubeck_wsgi
from brubeck_wsgi.app import Brubeck
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.mongrel2.configuring import add_arguments, configuration_for

_REFERENCE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)(?P<call>\(\))?")
_FOLDER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_HEADINGS = ("METHODS", "PATTERN", "HANDLER", "NAME")


class UsageError(Exception):
    """The command cannot do what it was told to; the message says what was expected."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: what follows the command's name; those of this process by default.

    Returns:
        The exit status: 0, or 2 for a mistake of the user's.
    """
    parser = _make_parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except UsageError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def load_application(reference: str) -> Any:
    """Import an application, from the working directory too.

    Args:
        reference: ``"module:name"``, or ``"module:name()"`` where the name is a function that makes it.

    Raises:
        UsageError: there is no such thing, or what is there fails.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UsageError(f"expected MODULE:NAME, for example app:app, got {reference!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module = _import_module(match["module"])
    try:
        application = getattr(module, match["name"])
    except AttributeError:
        raise UsageError(f"expected module {match['module']!r} to have {match['name']!r}, it does not") from None
    if match["call"] is None:
        return application
    try:
        return application()
    except Exception as error:
        raise UsageError(f"expected {reference!r} to make an application, {_failure(error)}") from error


def route_table(application: Brubeck) -> list[tuple[str, str, str, str]]:
    """Return (methods, pattern, handler, name) for each route, in the order in which they are tried."""
    return [
        (
            "any" if rule.fallback is not None else ", ".join(rule.endpoints),
            rule.pattern,
            f"{getattr(rule.handler, '__module__', '?')}.{getattr(rule.handler, '__qualname__', repr(rule.handler))}",
            rule.name or "",
        )
        for rule in application.router.rules
    ]


def gunicorn_arguments(options: argparse.Namespace) -> list[str]:
    """Return Gunicorn's own arguments for those of ``brubeck serve``; where there are none its settings decide."""
    arguments = ["--worker-class", "brubeck_wsgi.workers.GeventWorker"]
    if options.host is not None or options.port is not None:
        host = options.host or "127.0.0.1"
        port = options.port or os.environ.get("PORT") or "8000"
        arguments += ["--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    if options.workers is not None:
        arguments += ["--workers", str(options.workers)]
    if options.reload:
        arguments.append("--reload")
    return [*arguments, options.application]


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="brubeck", description="Brubeck WSGI: a microframework on Gunicorn.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {brubeck_wsgi.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    routes = commands.add_parser("routes", help="show the routes of an application, in the order they are tried")
    _add_application(routes)
    routes.set_defaults(run=_show_routes)

    serve = commands.add_parser("serve", help="serve an application with Gunicorn and Brubeck's gevent worker")
    _add_application(serve)
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1, or as Gunicorn's settings have it)")
    serve.add_argument("--port", type=_port, help="port to listen on (default: PORT, or 8000)")
    serve.add_argument("--workers", type=_count, help="number of processes (default: WEB_CONCURRENCY, or one)")
    serve.add_argument("--reload", action="store_true", help="start again when the code changes")
    serve.set_defaults(run=_serve)

    mongrel2 = commands.add_parser("mongrel2-config", help="print a mongrel2.conf for an application")
    _add_application(mongrel2)
    add_arguments(mongrel2)
    mongrel2.set_defaults(run=_configure_mongrel2)

    new = commands.add_parser("new", help="begin an application in a new folder")
    new.add_argument("name", metavar="NAME", help="what the folder is to be called")
    new.set_defaults(run=_begin)
    return parser


def _add_application(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="MODULE:NAME", help="where the application is, for example app:app")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 65535, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number, 1 or more, got {text!r}")
    return int(text)


def _show_routes(options: argparse.Namespace) -> None:
    application = load_application(options.application)
    if not isinstance(application, Brubeck):
        raise UsageError(f"expected a Brubeck application at {options.application!r}, got {application!r:.80}")
    for line in _aligned([_HEADINGS, *route_table(application)]):
        print(line)


def _serve(options: argparse.Namespace) -> None:
    # Imported here only to say what is wrong in a line, where Gunicorn would show its own insides. Gunicorn
    # starts as a fresh program, so that nothing of this import is left in what it forks.
    application = load_application(options.application)
    if not callable(application):
        raise UsageError(f"expected a WSGI application at {options.application!r}, got {application!r:.80}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "gunicorn", *gunicorn_arguments(options)]
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


def _configure_mongrel2(options: argparse.Namespace) -> None:
    application = load_application(options.application)
    try:
        print(configuration_for(application, options), end="")
    except ConfigurationError as error:
        raise UsageError(str(error)) from error


def _begin(options: argparse.Namespace) -> None:
    name = options.name
    if not _FOLDER_NAME.fullmatch(name):
        raise UsageError(f"expected a name of letters, digits, '-' and '_' that starts with a letter, got {name!r}")
    folder = Path(name)
    try:
        folder.mkdir()
    except FileExistsError:
        raise UsageError(f"expected the name of a new folder, {name!r} is there already") from None
    except OSError as error:
        raise UsageError(f"expected to be able to make the folder {name!r}: {error.strerror}") from error
    for source in (resources.files("brubeck_wsgi") / "template").iterdir():
        if source.is_file():  # no __pycache__, which pip makes when it installs
            (folder / source.name).write_bytes(source.read_bytes())
    print(f"{name}/ has an application in it. To serve it:\n\n    cd {name}\n    brubeck serve app:app --reload")


def _import_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that is there, and imports one that is not, is another mistake.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            hint = f"; did you mean {name.removesuffix('.py')}?" if name.endswith(".py") else ""
            raise UsageError(
                f"expected a module {error.name!r} to import from {os.getcwd()}, found none{hint}"
            ) from error
        raise UsageError(f"expected to import {name!r}, {_failure(error)}") from error
    except Exception as error:
        raise UsageError(f"expected to import {name!r}, {_failure(error)}") from error


def _failure(error: Exception) -> str:
    """Say in a line what failed and where: in the last of the user's own lines, if any."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f" ({frame.filename}, line {frame.lineno})" for frame in reversed(frames) if _is_users(frame)), "")
    return f"it raised {type(error).__name__}: {error}{place}"


def _is_users(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    libraries = (Path(brubeck_wsgi.__file__).parent, Path(sys.prefix))
    return path.is_relative_to(os.getcwd()) and not any(path.is_relative_to(library) for library in libraries)


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
