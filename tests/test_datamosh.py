"""Arguments that say which data is meant."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from webtest import TestApp

from brubeck_wsgi import Brubeck, WebMessageHandler
from brubeck_wsgi.datamosh import LARGEST, OwnedHandlerMixin, StreamedHandlerMixin, get_typed_argument

HUGE = "9" * 5000


def ask(query, function):
    """Return what *function* makes of a handler that is asked for ``?query``."""
    answers = []

    class Handler(WebMessageHandler, OwnedHandlerMixin, StreamedHandlerMixin):
        def get(self):
            answers.append(function(self))

    TestApp(Brubeck(handler_tuples=[("^/$", Handler)])).get(f"/?{query}")
    return answers[0]


class Tempo(Enum):
    SLOW = "slow"


@pytest.mark.parametrize(
    ("query", "type_fun", "value"),
    [
        ("n=5", int, 5),
        ("n=-5", int, -5),
        ("n=5&n=6", int, 6),
        ("n=%205%20", int, 5),
        ("n=0.5", float, 0.5),
        ("n=a%20b", str, "a b"),
        ("n=", str, ""),
        ("n=1959-12-14", date.fromisoformat, date(1959, 12, 14)),
        ("n=slow", Tempo, Tempo.SLOW),
        ("n=SLOW", Tempo.__getitem__, Tempo.SLOW),
        ("n=00000000-0000-0000-0000-000000000005", UUID, UUID(int=5)),
    ],
)
def test_argument_is_what_the_function_makes_of_it(query, type_fun, value):
    assert ask(query, lambda handler: get_typed_argument("n", "default", handler, type_fun)) == value


@pytest.mark.parametrize(
    ("query", "type_fun"),
    [
        ("", int),
        ("m=5", int),
        ("n=", int),
        ("n=five", int),
        ("n=5.5", int),
        (f"n={HUGE}", int),
        ("n=five", Decimal),
        ("n=1959-13-14", date.fromisoformat),
        ("n=fast", Tempo),
        ("n=FAST", Tempo.__getitem__),
        ("n=5", UUID),
        ("n=5", lambda value: value + 5),
    ],
)
def test_argument_that_makes_no_sense_is_the_default(query, type_fun):
    assert ask(query, lambda handler: get_typed_argument("n", 7, handler, type_fun)) == 7


def test_default_is_returned_as_it_is():
    assert ask("", lambda handler: get_typed_argument("n", None, handler, str)) is None


def test_mistake_of_the_function_is_no_default():
    def forgetful(value):
        raise AssertionError

    TestApp(Brubeck(handler_tuples=[("^/$", _handler_of(forgetful))])).get("/?n=5", status=500)


def _handler_of(type_fun):
    class Handler(WebMessageHandler):
        def get(self):
            return [get_typed_argument("n", 7, self, type_fun)]

    return Handler


@pytest.mark.parametrize(
    ("query", "paging"),
    [
        ("", (0, 25, 0)),
        ("page=2", (2, 25, 50)),
        ("page=2&count=10", (2, 10, 20)),
        ("page=2&count=10&skip=5", (2, 10, 5)),
        ("count=0", (0, 0, 0)),
        ("count=26", (0, 25, 0)),
        ("count=1000&page=1", (1, 25, 25)),
        ("page=-1&count=-1&skip=-1", (0, 0, 0)),
        ("page=two&count=ten&skip=none", (0, 25, 0)),
        (f"page={LARGEST}", (LARGEST, 25, LARGEST)),
        ("page=" + "9" * 30, (LARGEST, 25, LARGEST)),
        (f"page={HUGE}&count={HUGE}&skip={HUGE}", (0, 25, 0)),
    ],
)
def test_paging_is_within_its_limits(query, paging):
    assert ask(query, lambda handler: handler.get_paging_arguments()) == paging


@pytest.mark.parametrize(
    ("options", "query", "paging"),
    [
        ({"max_count": None}, "count=1000&page=1", (1, 1000, 1000)),
        ({"max_count": None}, "count=" + "9" * 30, (0, LARGEST, 0)),
        ({"max_count": 100}, "count=1000", (0, 100, 0)),
        ({"max_count": 10}, "", (0, 10, 0)),
        ({"default_page": 3, "default_count": 5}, "", (3, 5, 15)),
        ({"default_page": 3, "default_count": 5}, "page=1", (1, 5, 5)),
    ],
)
def test_paging_has_the_limits_of_the_handler(options, query, paging):
    assert ask(query, lambda handler: handler.get_paging_arguments(**options)) == paging


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ("", 7),
        ("since=1330000000000", 1330000000000),
        ("since=-5", -5),
        ("since=yesterday", 7),
        ("since=" + "9" * 30, LARGEST),
    ],
)
def test_stream_begins_at_a_moment(query, since):
    assert ask(query, lambda handler: handler.get_stream_offset(7)) == since


def test_stream_begins_at_the_beginning_by_default():
    assert ask("", lambda handler: handler.get_stream_offset()) == 0


@pytest.mark.parametrize(("query", "owner"), [("", "anon"), ("owner=", "anon"), ("owner=%20dave%20", "dave")])
def test_owner_is_who_the_argument_says(query, owner):
    assert ask(query, lambda handler: handler.get_owner_username("anon")) == owner


def test_owner_is_nobody_by_default():
    assert ask("", lambda handler: handler.get_owner_username()) is None
