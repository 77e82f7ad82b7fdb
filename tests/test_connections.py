"""What a connection makes of its arguments; test_serving.py has it serve."""

from __future__ import annotations

import pytest

from brubeck_wsgi.connections import WSGIConnection
from brubeck_wsgi.errors import ConfigurationError


def test_port_and_address_become_what_gunicorn_binds():
    assert WSGIConnection().settings["bind"] == "127.0.0.1:6767"
    assert WSGIConnection(port=80, host="0.0.0.0").settings["bind"] == "0.0.0.0:80"


def test_address_of_ip_version_6_is_bracketed():
    assert WSGIConnection(host="::1").settings["bind"] == "[::1]:6767"


def test_bind_takes_the_place_of_port_and_host():
    assert WSGIConnection(bind="unix:/run/app.sock").settings["bind"] == "unix:/run/app.sock"


def test_port_of_the_environment_does_not_matter(monkeypatch):
    monkeypatch.setenv("PORT", "9999")
    monkeypatch.setenv("WEB_CONCURRENCY", "9")

    settings = WSGIConnection(port=6767).settings

    assert (settings["bind"], settings["workers"]) == ("127.0.0.1:6767", 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"port": "6767"}, "expected port as a number"),
        ({"port": 0}, "expected port as a number"),
        ({"port": 65536}, "expected port as a number"),
        ({"host": ""}, "expected host as an address"),
        ({"host": "local host"}, "expected host as an address"),
        ({"host": None}, "expected host as an address"),
        ({"workers": 0}, "expected workers as a number"),
        ({"workers": "2"}, "expected workers as a number"),
        ({"worker_class": 3}, "expected another value for worker_class"),
        ({"threads": "many"}, "expected another value for threads"),
        ({"timeout": -1}, "expected another value for timeout"),
        ({"bind": "127.0.0.1:http"}, "expected settings that fit each other: 'http' is not a valid port"),
        ({"post_fork": lambda: None}, "expected another value for post_fork"),
        ({"keep_alive": 5}, "expected the name of a setting of Gunicorn's, got 'keep_alive'"),
        ({"reload": True}, "'reload' is for gunicorn's command"),
        ({"config": "other.py"}, "'config' is for gunicorn's command"),
    ],
)
def test_argument_that_cannot_be_served_is_a_configuration_error(arguments, expected):
    with pytest.raises(ConfigurationError) as caught:
        WSGIConnection(**arguments)

    assert expected in str(caught.value)


@pytest.mark.parametrize("worker_class", ["gevnt", "brubeck_wsgi.nowhere.Worker", "brubeck_wsgi.errors.Worker"])
def test_worker_class_that_cannot_be_loaded_is_a_configuration_error(worker_class):
    connection = WSGIConnection(worker_class=worker_class)

    with pytest.raises(ConfigurationError, match="expected a worker class that Gunicorn can load"):
        connection.recv_forever_ever(lambda environ, start_response: [])


def test_what_cannot_be_called_is_not_served():
    with pytest.raises(ConfigurationError, match="expected a WSGI application, got 'app:app'"):
        WSGIConnection().recv_forever_ever("app:app")
