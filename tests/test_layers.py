"""The architecture: who may import whom, and who may name which library.

Every import counts, also those inside functions and under TYPE_CHECKING: those are where cycles hide.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import brubeck_wsgi

PACKAGE = Path(brubeck_wsgi.__file__).parent

# A module may import from its own layer and from those above it in this list; the longest name decides.
LAYERS = [
    ("errors", "interfaces", "timekeeping"),
    ("protocols", "concurrency", "headers", "streams", "dictshield", "passwords"),
    ("gateway", "websocket", "body", "formdata", "cookies", "requestid", "request", "response", "problems", "routing"),
    ("modeling", "models", "channels"),
    ("handlers", "queryset"),
    (
        *("app", "failures", "routetable", "settings", "auth", "sessions", "caching", "templating", "datamosh"),
        *("staticfiles", "middleware"),
        *("connections", "workers", "mongrel2", "metrics", "tracing"),
    ),
    ("autoapi", "testing"),
    ("", "cli", "__main__"),
]
# The two halves of design.md: neither imports the other.
HOUSE = (
    *("body", "formdata", "cookies", "headers", "requestid", "request", "response", "problems", "routing"),
    *("handlers", "app", "failures", "routetable", "settings", "dictshield", "passwords", "modeling", "models"),
    *("auth", "sessions", "caching", "templating", "datamosh", "staticfiles", "middleware", "channels", "queryset"),
    *("streams", "metrics", "tracing", "autoapi", "testing"),
)
DOORS = ("gateway", "workers", "connections", "mongrel2")

# Which modules may import a library; None for any.
LIBRARIES = {
    "msgspec": HOUSE,
    "webob": HOUSE,
    "itsdangerous": ("cookies",),
    "multipart": ("formdata",),
    "argon2": ("passwords",),
    "bcrypt": ("passwords", "auth"),
    "pydantic": ("modeling",),
    "gunicorn": ("workers", "connections", "mongrel2"),
    "gunicorn_h1c": ("protocols.http1",),
    "jinja2": ("templating",),
    "mako": ("templating",),
    "pystache": ("templating",),
    "tornado": ("templating",),
    "prometheus_client": ("metrics",),
    "opentelemetry": ("tracing",),
    "brotli": ("middleware",),
    "zstandard": ("middleware",),
    "webtest": ("testing",),
    "wsproto": ("protocols.websocket", "protocols.websocket_client", "protocols.deflate", "protocols.frames"),
    "websockets": ("protocols.frames",),
    "zmq": ("concurrency", "mongrel2", "channels"),
    "sqlalchemy": ("queryset.sql_store", "queryset.sql_tables", "queryset.sql_statements", "queryset.sql_errors"),
    "gevent": ("concurrency.with_gevent",),
    "eventlet": ("concurrency.with_eventlet",),
    "greenlet": ("concurrency",),
}
# A protocol has bytes in its hands and nothing else.
OUTSIDE_WORLD = {"socket", "_socket", "select", "selectors", "ssl", "threading", "time", "os", "asyncio", "subprocess"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(path: Path) -> set[str]:
    """Return what a file imports, wherever it does; of this package without its name in front."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names if is_module(node.module, alias.name))
    return found


def is_module(package: str | None, name: str) -> bool:
    if package is None or not package.startswith("brubeck_wsgi"):
        return False
    place = PACKAGE.joinpath(*package.split(".")[1:], name)
    return place.is_dir() or place.with_suffix(".py").exists()


# What `brubeck new` copies is its user's, and nothing imports it.
FILES = {
    module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if not path.is_relative_to(PACKAGE / "template")
}
OWN_IMPORTS = {
    name: {
        target.removeprefix("brubeck_wsgi").removeprefix(".")
        for target in imported(path)
        if target.split(".")[0] == "brubeck_wsgi"
    }
    for name, path in FILES.items()
}
LIBRARY_IMPORTS = {
    name: {target.split(".")[0] for target in imported(path)} - set(sys.stdlib_module_names) - {"brubeck_wsgi"}
    for name, path in FILES.items()
}


def is_within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or (room and name.startswith(f"{room}.")) for room in rooms)


def layer(name: str) -> int:
    found = [number for number, rooms in enumerate(LAYERS) if is_within(name, rooms)]
    assert found, f"{name} stands in no layer: add it to LAYERS"
    return found[0]


@pytest.mark.parametrize("name", FILES)
def test_module_imports_from_its_own_layer_and_those_below(name):
    too_high = {target for target in OWN_IMPORTS[name] if layer(target) > layer(name)}

    assert not too_high, f"{name} imports {too_high}"


def test_no_imports_go_round_in_a_circle():
    graph = {
        # A package's __init__ counts as its door to others, and not for the modules inside it.
        name: {target for target in targets if target != name and not name.startswith(f"{target}.")}
        for name, targets in OWN_IMPORTS.items()
    }

    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("name", [name for name in FILES if is_within(name, HOUSE)])
def test_house_imports_no_door(name):
    assert not {target for target in OWN_IMPORTS[name] if is_within(target, DOORS)}


@pytest.mark.parametrize("name", [name for name in FILES if is_within(name, DOORS)])
def test_door_does_not_import_the_house(name):
    assert not {target for target in OWN_IMPORTS[name] if is_within(target, HOUSE)}


@pytest.mark.parametrize("name", FILES)
def test_library_is_imported_only_where_the_design_has_it(name):
    wrong = {library for library in LIBRARY_IMPORTS[name] if not is_within(name, LIBRARIES.get(library, ()))}

    assert not wrong, f"{name} imports {wrong}"


@pytest.mark.parametrize("name", [name for name in FILES if is_within(name, ("protocols",))])
def test_protocol_does_no_input_and_output(name):
    assert not imported(FILES[name]) & OUTSIDE_WORLD


def test_importing_the_package_loads_no_hub_and_no_server():
    code = "import sys, brubeck_wsgi; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "brubeck_wsgi" in loaded
    assert not {"gevent", "eventlet", "greenlet", "gunicorn", "webob", "zmq", "wsproto"} & set(loaded)
