"""Applications of every kind that can be called are called with an environ and a start_response."""

from __future__ import annotations

from functools import partial

import pytest

from brubeck_wsgi.gateway.exchange import called_directly


def application(*arguments):
    return list(arguments)


class Object:
    def __call__(self, environ, start_response):
        return [environ, start_response]


class Heir(Object):
    """Has what can be called from elsewhere."""


class Static:
    @staticmethod
    def __call__(environ, start_response):
        return [environ, start_response]


class OfClass:
    @classmethod
    def __call__(cls, environ, start_response):
        return [environ, start_response]


class Forwarding:
    __call__ = partial(application)


class Made(list):
    """A class that is the application: an answer is made for each request."""

    def __init__(self, environ, start_response):
        super().__init__([environ, start_response])


@pytest.mark.parametrize(
    "kind",
    [
        application,
        partial(application),
        Object(),
        Heir(),
        Static(),
        OfClass(),
        Forwarding(),
        Made,
        Object().__call__,
        lambda environ, start_response: [environ, start_response],
    ],
)
def test_application_is_called_whatever_it_is(kind):
    assert called_directly(kind)("environ", "start_response") == ["environ", "start_response"]
