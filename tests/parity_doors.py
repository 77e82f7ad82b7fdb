"""The doors through which the parity app is asked: in this process, and behind real servers; always in New York."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import pytest
from doors import SERVERS, Remote, serving
from redis_server import running_redis
from webtest import TestApp

from tests.apps import parity_lifecycle
from tests.apps.parity import app, make_app

NEW_YORK = "EST5EDT,M3.2.0,M11.1.0"  # in full, so that no list of zones has to be there
DOORS = ["webtest", *SERVERS]
Door = Callable[[str, str], Any]
"""Called with a variant and an engine; returns the WSGI application."""


@contextmanager
def open_door(name: str) -> Iterator[Door]:
    """Open one of `DOORS`; with a Redis behind it, if it is a server and Redis is installed."""
    if name == "webtest":
        with _in_new_york():
            yield make_app
        return
    with running_redis() if shutil.which("redis-server") else nullcontext() as redis_url:
        variables = {"TZ": NEW_YORK} | ({"PARITY_REDIS": redis_url} if redis_url else {})
        with serving(name, "tests.apps.parity_variants:app", **variables) as server:
            yield lambda variant, engine: Remote(server.port, {"X-Parity": f"{variant} {engine}"})


@contextmanager
def _in_new_york() -> Iterator[None]:
    with patch.dict(os.environ, TZ=NEW_YORK):
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="module", params=DOORS)
def door(request):
    """The way to the application: what is asked here is asked through each door, in New York."""
    with open_door(request.param) as door:
        yield door


@pytest.fixture
def client_of(door):
    """Returns a client of the application in a variant and with an engine, with no cookies."""

    def make(variant="main", engine="jinja2"):
        client = TestApp(door(variant, engine), extra_environ={"REMOTE_ADDR": "127.0.0.1"})
        client.post("/parity/reset")
        return client

    return make


@pytest.fixture
def client(client_of):
    """A client of the main variant, with no cookies, before anything has happened."""
    return client_of()


@pytest.fixture
def local():
    """The same in this process alone, for tests that look at more than the answer."""
    parity_lifecycle.EVENTS.clear()
    return TestApp(app)
