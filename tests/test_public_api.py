"""What the package promises: its names, the options of the application, and that all of it is described."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from servers import ROOT

import brubeck_wsgi
from brubeck_wsgi import Brubeck

# What users may rely on: a name goes from here only with a new major version.
PROMISED = [
    "AutoAPIBase",
    "BadRequest",
    "Brubeck",
    "BrubeckError",
    "ChannelClosed",
    "ConfigurationError",
    "Conflict",
    "ContentTooLarge",
    "Converter",
    "EventStreamHandler",
    "Forbidden",
    "FourOhFourException",
    "HTTPError",
    "Headers",
    "JSONMessageHandler",
    "MessageHandler",
    "MethodNotAllowed",
    "MissingLibrary",
    "Mongrel2Connection",
    "NotFound",
    "Request",
    "Response",
    "ServerSentEvent",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableContent",
    "UnsupportedMediaType",
    "UserHandlingMixin",
    "ValidationError",
    "WSGIConnection",
    "WebMessageHandler",
    "WebSocketHandler",
    "authenticated",
    "event_stream",
    "render",
    "web_authenticated",
]
# In the order of Brubeck 0.4, whose users may give them by place.
OPTIONS_OF_BRUBECK = [
    *("msg_conn", "handler_tuples", "pool", "no_handler", "base_handler", "template_loader", "log_level"),
    *("login_url", "db_conn", "cookie_secret", "api_base_url"),
]
PACKAGE = Path(brubeck_wsgi.__file__).parent
# What `brubeck new` copies is its user's.
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.is_relative_to(PACKAGE / "template")]


def loaded_by(code) -> set[str]:
    """Return the libraries that are loaded once *code* has run."""
    code += "\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return {name.partition(".")[0] for name in output.split()}


def definitions(path, prefix="", node=None):
    """Yield the public classes and functions of a file, those of public classes too, by their dotted names."""
    for child in (node or ast.parse(path.read_text())).body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from definitions(path, f"{prefix}{child.name}.", child)


# What one class describes, others have under the same name: those that inherit from it or keep its contract.
DESCRIBED_METHODS = {
    name.rpartition(".")[2]
    for path in MODULES
    for name, definition in definitions(path)
    if "." in name and ast.get_docstring(definition)
}


def is_described(name, definition) -> bool:
    """Tell whether a definition has a docstring, or has no need of one of its own."""
    is_part_of_a_protocol = ast.unparse(definition.body[-1]) == "..."
    is_known = "." in name and name.rpartition(".")[2] in DESCRIBED_METHODS
    return bool(ast.get_docstring(definition)) or is_part_of_a_protocol or is_known


def test_package_promises_these_names_and_no_others():
    assert sorted(brubeck_wsgi.__all__) == sorted(PROMISED)
    assert {name for name in vars(brubeck_wsgi) if name[0].isupper()} - {"TYPE_CHECKING"} <= set(PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_promised_name_leads_to_something_that_is_described(name):
    promised = getattr(brubeck_wsgi, name)

    assert promised.__name__ == name or name == "FourOhFourException"
    assert inspect.getdoc(promised)


def test_all_promised_names_come_with_a_star():
    names: dict[str, object] = {}

    exec("from brubeck_wsgi import *", names)

    assert set(PROMISED) <= set(names)


def test_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'brubeck_wsgi' has no attribute 'Mongrel'"):
        _ = brubeck_wsgi.Mongrel


def test_application_takes_the_options_of_brubeck_in_their_order():
    parameters = list(inspect.signature(Brubeck).parameters.values())

    by_place = [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert by_place == OPTIONS_OF_BRUBECK
    assert all(parameter.default is not inspect.Parameter.empty for parameter in parameters)


def test_every_option_of_the_application_is_described():
    description = inspect.getdoc(Brubeck)

    assert [name for name in inspect.signature(Brubeck).parameters if f"\n    {name}: " not in description] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_public_in_a_module_is_described(path):
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} does not say what it is for"
    assert [name for name, definition in definitions(path) if not is_described(name, definition)] == []


def test_types_ship_with_the_package():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert files("brubeck_wsgi").joinpath("py.typed").is_file()
    assert "py.typed" in build["tool"]["setuptools"]["package-data"]["brubeck_wsgi"]


def test_authentication_is_loaded_by_those_who_use_it():
    assert "secrets" not in loaded_by("import brubeck_wsgi")
    assert "secrets" in loaded_by("from brubeck_wsgi import authenticated")


def test_connection_loads_its_server_when_it_is_made():
    assert "gunicorn" not in loaded_by("from brubeck_wsgi import WSGIConnection")
    assert "gunicorn" in loaded_by("from brubeck_wsgi import WSGIConnection; WSGIConnection()")
