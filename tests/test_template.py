"""What ``brubeck new`` makes: an application that passes its own tests, boots, and that Heroku builds as it is."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ROOT, free_port, running, server_environ

from brubeck_wsgi.cli import main

# What Heroku's Python buildpack takes for the list of an app's packages; with two it does not guess.
PACKAGE_MANAGER_FILES = ["Pipfile", "Pipfile.lock", "poetry.lock", "requirements.txt", "uv.lock"]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A new application, just made."""
    monkeypatch.chdir(tmp_path)
    main(["new", "site"])
    return tmp_path / "site"


def test_new_application_passes_its_own_tests(site):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
    command += ["-W", "ignore:'cgi' is deprecated:DeprecationWarning"]
    tested = subprocess.run(
        command, cwd=site, env=server_environ(), capture_output=True, text=True, check=False, timeout=120
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "3 passed" in tested.stdout


@pytest.mark.serving
def test_new_application_boots_from_its_procfile(site):
    port = free_port()
    with running(["honcho", "start", "web"], port, cwd=site, PORT=str(port), WEB_CONCURRENCY="2") as server:
        server.wait_until(lambda: server.output().count("Booting worker") == 2, "second worker")

        assert server.get("/hello/dave") == (200, b'{"hello":"dave"}')


def test_heroku_finds_one_package_manager(site):
    assert [name for name in PACKAGE_MANAGER_FILES if (site / name).exists()] == ["requirements.txt"]
    assert (site / "requirements.txt").read_text().split() == ["brubeck-wsgi"]


def test_heroku_finds_the_minor_version_of_python(site):
    assert re.fullmatch(r"3\.\d+", (site / ".python-version").read_text().strip())
    assert not (site / "runtime.txt").exists()  # the buildpack's older way, which would contradict it


@pytest.mark.parametrize("folder", ["site", "repository"])
def test_heroku_finds_a_web_process(site, folder):
    procfile = (site if folder == "site" else ROOT) / "Procfile"

    processes = dict(line.split(": ", 1) for line in procfile.read_text().splitlines())

    assert processes["web"].startswith("gunicorn -k gevent ")


def test_settings_are_those_of_the_repository(site):
    assert (site / "gunicorn.conf.py").read_bytes() == (ROOT / "gunicorn.conf.py").read_bytes()


def test_settings_fit_the_router_and_the_patience_of_heroku(monkeypatch):
    settings = configuration(monkeypatch)

    assert settings["keepalive"] > 90
    assert settings["graceful_timeout"] < 30
    assert settings["control_socket_disable"] is True


@pytest.mark.parametrize(
    ("environ", "trusted"),
    [
        ({}, None),
        ({"DYNO": "web.1"}, "*"),
        ({"DYNO": "web.1", "FORWARDED_ALLOW_IPS": "10.0.0.1"}, None),
    ],
)
def test_forwarded_headers_are_trusted_where_only_the_router_can_connect(monkeypatch, environ, trusted):
    assert configuration(monkeypatch, **environ).get("forwarded_allow_ips") == trusted


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_settings_are_valid_with_every_stock_worker(site, worker):
    shown = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--print-config", "-k", worker, "app:app"],
        cwd=site,
        env=server_environ(PORT="6768", WEB_CONCURRENCY="3", DYNO="web.1"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    settings = dict(re.split(r"\s*= ", line, maxsplit=1) for line in shown.stdout.splitlines() if "= " in line)
    assert settings["bind"] == "['0.0.0.0:6768']"
    assert settings["workers"] == "3"
    assert settings["forwarded_allow_ips"] == "['*']"
    assert settings["config"] == "./gunicorn.conf.py"


def configuration(monkeypatch: pytest.MonkeyPatch, **environ: str) -> dict[str, object]:
    """Run gunicorn.conf.py as Gunicorn does, with nothing but *environ* set of what it asks for."""
    for name in ("DYNO", "FORWARDED_ALLOW_IPS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(Path(ROOT, "gunicorn.conf.py")))
