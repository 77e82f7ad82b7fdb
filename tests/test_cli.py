"""The ``brubeck`` command; test_serving.py has ``brubeck serve`` serve, test_template.py runs what ``new`` makes."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys

import pytest
from servers import server_environ

from brubeck_wsgi.cli import gunicorn_arguments, main

ROUTES = """
from brubeck_wsgi import Brubeck, WebMessageHandler

class Todo(WebMessageHandler):
    def get(self, id): pass

def anything(application, message): pass

def make():
    return app

app = Brubeck(handler_tuples=[(r"^/todo/(?P<id>[0-9]+)$", Todo), (r"^/any", anything)])

@app.post("/todo", name="add")
def add_todo(application, message): pass
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty working directory, from which nothing stays imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def failure(capsys, *arguments):
    """Run the command, which must fail in the user's way; return what it says."""
    status = main(arguments)

    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.startswith("brubeck: ")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("reference", ["webapp:app", "webapp:make()"])
def test_routes_are_shown_in_the_order_they_are_tried(project, capsys, reference):
    (project / "webapp.py").write_text(ROUTES)

    assert main(["routes", reference]) == 0

    assert [re.split(" {2,}", line) for line in capsys.readouterr().out.splitlines()] == [
        ["METHODS", "PATTERN", "HANDLER", "NAME"],
        ["GET, HEAD", "^/todo/(?P<id>[0-9]+)$", "webapp.Todo"],
        ["any", "^/any", "webapp.anything"],
        ["POST", "/todo", "webapp.add_todo", "add"],
    ]


@pytest.mark.parametrize("command", ["routes", "serve"])
@pytest.mark.parametrize(
    ("reference", "source", "expected"),
    [
        ("webapp", "", "expected MODULE:NAME, for example app:app, got 'webapp'"),
        ("webapp.py:app", "", "expected a module 'webapp.py'"),
        ("web app:app", "", "expected MODULE:NAME"),
        (":app", "", "expected MODULE:NAME"),
        ("nowhere:app", "", "expected a module 'nowhere' to import from"),
        ("nowhere.at.all:app", "", "expected a module 'nowhere' to import from"),
        ("webapp:app", "", "expected module 'webapp' to have 'app', it does not"),
        ("webapp:app", "import nowhere", "it raised ModuleNotFoundError: No module named 'nowhere'"),
        ("webapp:app", "app = (", "it raised SyntaxError: '(' was never closed (webapp.py, line 1)"),
        ("webapp:app", "\n\n1 / 0", "webapp.py, line 3)"),
        ("webapp:app", "from brubeck_wsgi import Brubeck\napp = Brubeck(handler_tuples=[('(', print)])", "line 2)"),
        ("webapp:app()", "def app():\n    raise ValueError('no database')", "it raised ValueError: no database"),
        ("webapp:app", "app = 3", "application at 'webapp:app', got 3"),
    ],
)
def test_application_that_cannot_be_imported_is_explained(project, capsys, command, reference, source, expected):
    (project / "webapp.py").write_text(source)

    assert expected in failure(capsys, command, reference)


def test_routes_are_those_of_a_brubeck_application(project, capsys):
    (project / "webapp.py").write_text("def app(environ, start_response): pass")

    assert "expected a Brubeck application at 'webapp:app'" in failure(capsys, "routes", "webapp:app")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"port": 9000}, ["--bind", "127.0.0.1:9000"]),
        ({"host": "0.0.0.0"}, ["--bind", "0.0.0.0:8000"]),
        ({"host": "::1", "port": 9000}, ["--bind", "[::1]:9000"]),
        ({"workers": 3}, ["--workers", "3"]),
        ({"reload": True}, ["--reload"]),
    ],
)
def test_serve_tells_gunicorn_what_it_was_told(monkeypatch, options, expected):
    monkeypatch.delenv("PORT", raising=False)
    asked = {"application": "app:app", "host": None, "port": None, "workers": None, "reload": False} | options

    arguments = gunicorn_arguments(argparse.Namespace(**asked))

    assert arguments == ["--worker-class", "brubeck_wsgi.workers.GeventWorker", *expected, "app:app"]


def test_serve_on_an_address_honours_the_port_of_the_environment(monkeypatch):
    monkeypatch.setenv("PORT", "5000")
    asked = argparse.Namespace(application="app:app", host="0.0.0.0", port=None, workers=None, reload=False)

    assert "0.0.0.0:5000" in gunicorn_arguments(asked)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["serve", "app:app", "--port", "http"], "expected a number from 1 to 65535, got 'http'"),
        (["serve", "app:app", "--port", "65536"], "expected a number from 1 to 65535"),
        (["serve", "app:app", "--workers", "0"], "expected a number, 1 or more, got '0'"),
    ],
)
def test_wrong_arguments_end_with_status_2(capsys, arguments, expected):
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert expected in capsys.readouterr().err


def test_new_makes_a_folder_with_every_file_of_the_template(project, capsys):
    assert main(["new", "take-five"]) == 0

    assert {path.name for path in (project / "take-five").iterdir()} == {
        *(".gitignore", ".python-version", "Procfile", "README.md", "app.py", "gunicorn.conf.py"),
        *("requirements-dev.txt", "requirements.txt", "test_app.py"),
    }
    assert "brubeck serve app:app" in capsys.readouterr().out


@pytest.mark.parametrize("make", ["mkdir", "touch"])
def test_new_overwrites_nothing(project, capsys, make):
    getattr(project / "site", make)()

    assert "expected the name of a new folder, 'site' is there already" in failure(capsys, "new", "site")
    assert not (project / "site").is_dir() or list((project / "site").iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "/tmp/a", ".hidden", "9lives", "a b", "ünder", "a\n"])
def test_new_takes_only_names_that_are_safe_everywhere(project, capsys, name):
    assert "expected a name of letters" in failure(capsys, "new", name)
    assert list(project.iterdir()) == []


@pytest.mark.parametrize("command", [["brubeck"], [sys.executable, "-m", "brubeck_wsgi"]])
def test_command_is_installed(command):
    shown = subprocess.run(
        [*command, "--version"], env=server_environ(), capture_output=True, text=True, check=True, timeout=60
    )

    assert shown.stdout.startswith("brubeck ")


def test_status_reaches_the_shell(tmp_path):
    command = [sys.executable, "-m", "brubeck_wsgi", "routes", "nowhere:app"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
