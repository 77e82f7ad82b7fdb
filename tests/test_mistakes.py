"""Mistakes that people make are said when the application is put together, with what was expected."""

from __future__ import annotations

import logging

import msgspec
import pytest
from webtest import TestApp

import brubeck_wsgi.handlers.sockets as sockets
from brubeck_wsgi import Brubeck, ConfigurationError, EventStreamHandler, WebMessageHandler, WebSocketHandler
from brubeck_wsgi.channels import MemoryChannels, RedisChannels
from brubeck_wsgi.cli import main
from brubeck_wsgi.testing import TestClient


class Nothing(WebMessageHandler):
    """Answers nothing."""


class Loud(WebMessageHandler):
    def GET(self):
        return "loud"


class Mute(WebSocketHandler):
    """Neither talks nor listens."""


class Eventless(EventStreamHandler):
    """Has no events."""


class Greeter(WebSocketHandler):
    def on_open(self):
        self.ws.send("hello")


class Unsupported(WebMessageHandler):
    def unsupported(self):
        return "whatever you say"


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (Nothing, r"expected Nothing to have a function for a method, like get\(\)$"),
        (Loud, r"expected Loud to have a function for a method, like get\(\), not GET\(\)$"),
        (Mute, r"expected Mute to have websocket\(ws\), or on_message\(message\)"),
        (Eventless, r"expected Eventless to have events\(\)"),
    ],
)
def test_class_that_can_answer_nothing_is_refused(handler, expected):
    with pytest.raises(ConfigurationError, match=expected):
        Brubeck().route("/")(handler)


@pytest.mark.parametrize("handler", [Greeter, Unsupported])
def test_class_that_can_do_something_is_taken(handler):
    Brubeck().route("/")(handler)


def test_coroutine_is_refused():
    async def handler(application, message):
        return "later"

    with pytest.raises(ConfigurationError, match="expected a plain function"):
        Brubeck().get("/")(handler)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda message: "one", "too many positional arguments"),
        (lambda application, message: "two", "got an unexpected keyword argument 'key'"),
        (lambda application, message, key, more: "four", "missing a required argument: 'more'"),
    ],
)
def test_function_that_cannot_be_called_is_refused(handler, expected):
    with pytest.raises(ConfigurationError, match=rf"expected <lambda>\(application, message, key\): {expected}"):
        Brubeck().get("/things/{key}")(handler)


@pytest.mark.parametrize(
    "handler",
    [
        lambda application, message, key: key,
        lambda application, message, key="none", more=5: key,
        lambda application, message, **fields: fields["key"],
        lambda *args, **kwargs: kwargs.get("key", args[-1]),
    ],
)
def test_function_that_can_be_called_is_taken(handler):
    app = Brubeck()
    app.get("/things/{key}")(handler)

    assert TestApp(app).get("/things/x").text == "x"


def test_field_of_another_framework_is_refused():
    for pattern in ("/things/<id>", "/things/<int:id>"):
        with pytest.raises(ConfigurationError, match=r"expected fields like \{name\}"):
            Brubeck().get(pattern)(lambda application, message: "")


def test_class_is_no_function_for_websockets():
    with pytest.raises(ConfigurationError, match=r"a class, Greeter, is added by app\.route"):
        Brubeck().websocket("/")(Greeter)


@pytest.mark.parametrize("pairs", [("^/$", Greeter), ["^/$", Greeter], {"/x": Greeter}])
def test_one_pair_is_no_list_of_pairs(pairs):
    with pytest.raises(ConfigurationError, match=r"expected \(pattern, handler\) pairs"):
        Brubeck(handler_tuples=pairs)


@pytest.mark.parametrize("channels", [MemoryChannels, "redis://localhost"])
def test_what_is_no_channels_is_refused(channels):
    with pytest.raises(ConfigurationError, match=r"expected channels like ZMQChannels\(\), made already"):
        Brubeck(channels=channels)


def test_url_is_no_client_of_redis():
    with pytest.raises(ConfigurationError, match=r"expected a client, redis\.Redis\.from_url"):
        RedisChannels("redis://localhost")


def test_file_is_no_module(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["routes", "songs.py:app"]) == 2

    assert "did you mean songs?" in capsys.readouterr().err


def test_server_without_websockets_is_warned_of_once(caplog):
    app = Brubeck()
    app.route("/")(Greeter)
    sockets._warn_once.cache_clear()

    with caplog.at_level(logging.WARNING, "brubeck.app"):
        for _ in range(2):
            TestApp(app).get("/", status=501)

    assert [record.getMessage() for record in caplog.records if "GeventWorker" in record.getMessage()] != []
    assert len(caplog.records) == 1


def test_first_of_what_is_wrong_with_a_message_is_the_reason_of_the_close():
    class Say(msgspec.Struct):
        text: str

    app = Brubeck()

    @app.websocket("/say")
    def say(application, message, ws):
        ws.receive_model(Say)

    with TestClient(app).websocket("/say") as ws:
        ws.send("{}")
        assert ws.wait_closed() == 1007

    assert ws.close_reason.startswith("expected a valid Say, got 1 error: #/text ")


def test_what_one_looks_at_says_what_it_is():
    app = Brubeck(channels=MemoryChannels())
    app.get("/")(lambda application, message: "")

    with app.channels.subscribe("news", "jobs") as subscription:
        app.channels.publish("news", 1)

        assert repr(app) == "<Brubeck with 1 routes>"
        assert repr(app.channels) == "<MemoryChannels, 2 listened to>"
        assert repr(subscription) == "<Subscription to news, jobs, 1 waiting>"
