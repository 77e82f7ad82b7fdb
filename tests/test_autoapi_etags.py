"""AutoAPI over WSGI: an ETag tells states of what a client sees apart, and nothing of what it does not see."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import msgspec
import pytest
from autoapi_clients import ask
from pydantic import BaseModel
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.queryset import DictQueryset


class Card(msgspec.Struct, kw_only=True):
    """A card whose holder alone knows its number."""

    __roles__ = {"public": ["id", "name"], "owner": {"hide": []}}
    id: str
    name: str = ""
    owner: str = ""
    pin: str = "0000"


class CardAPI(AutoAPIBase):
    model = Card
    owner_field = "owner"
    roles = {"anyone": "public", "owner": "owner"}  # noqa: RUF012  # as applications write it

    def get_current_user(self):
        return self.environ.get("HTTP_X_USER")


@pytest.fixture
def cards():
    """A client, and the cards of ann and bob, of the same name."""
    queries = DictQueryset(model=Card, indexed=("owner",))
    queries.create_many([Card(id=owner, name="n", owner=owner, pin=pin) for owner, pin in [("ann", "1"), ("bob", "2")]])
    app = Brubeck()
    app.register_api(type("CardAPI", (CardAPI,), {"queries": queries}))
    return TestApp(app), queries


def test_etag_says_nothing_of_what_the_client_does_not_see(cards):
    client, queries = cards
    before = [ask(client, "GET", path).headers["ETag"] for path in ("/card/ann", "/card/", "/card/?id=ann")]

    queries.patch_one("ann", {"pin": "4711"})

    after = [ask(client, "GET", path).headers["ETag"] for path in ("/card/ann", "/card/", "/card/?id=ann")]
    assert after == before
    stored = queries.get("ann")
    for secret in (stored.version, hashlib.sha1(stored.data).hexdigest()):
        assert secret[:8] not in "".join(after)


def test_etag_of_who_sees_all_is_another_one_when_that_changes(cards):
    client, queries = cards
    before = ask(client, "GET", "/card/ann", X_User="ann").headers["ETag"]

    queries.patch_one("ann", {"pin": "4711"})

    assert ask(client, "GET", "/card/ann", X_User="ann").headers["ETag"] != before
    assert ask(client, "PATCH", "/card/ann", {"pin": "1"}, X_User="ann", If_Match=before).status_code == 412


def test_change_is_made_if_what_the_client_sees_is_as_it_expects(cards):
    client, queries = cards
    seen = ask(client, "GET", "/card/ann").headers["ETag"]
    queries.patch_one("ann", {"pin": "4711"})

    answer = ask(client, "PATCH", "/card/ann", {"name": "m"}, If_Match=seen)

    assert answer.status_code == 200
    assert answer.headers["ETag"] == ask(client, "GET", "/card/ann").headers["ETag"] != seen
    assert queries.get("ann").value.pin == "4711"
    assert ask(client, "PATCH", "/card/ann", {"name": "o"}, If_Match=seen).status_code == 412
    assert ask(client, "DELETE", "/card/ann", If_Match=seen).status_code == 412
    assert ask(client, "DELETE", "/card/ann", If_Match=answer.headers["ETag"]).status_code == 204


@pytest.mark.parametrize("model", [Card, type("Plain", (msgspec.Struct,), {"__annotations__": {"id": str}})])
def test_etag_is_the_same_wherever_the_object_is_the_same(model):
    tags = set()
    for _ in range(2):
        app = Brubeck()
        app.register_api(type("CardAPI", (AutoAPIBase,), {"model": model, "queries": DictQueryset(model=model)}))
        client = TestApp(app)
        tags |= {
            ask(client, "POST", "/card/", {"id": "a"}).headers["ETag"],
            ask(client, "GET", "/card/a").headers["ETag"],
        }

    assert len(tags) == 1


def test_etag_does_not_depend_on_the_order_in_which_a_process_has_a_set():
    code = """
import sys
sys.path[:0] = ["tests"]
from test_autoapi_etags import Tagged, PydanticTagged, tag_of
print(tag_of(Tagged), tag_of(PydanticTagged))
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "1234"
    }

    assert len(found) == 1


class Tagged(msgspec.Struct):
    """Something with a set in it, of which somebody does not see all."""

    __roles__ = {"owner": {"hide": ["secret"]}}
    id: str
    tags: frozenset[str] = frozenset("abcdefgh")
    secret: str = ""


class PydanticTagged(BaseModel):
    """The same."""

    __roles__ = {"owner": {"hide": ["secret"]}}
    id: str
    tags: set[str] = set("abcdefgh")
    secret: str = ""


def tag_of(model):
    app = Brubeck()
    app.register_api(type("CardAPI", (AutoAPIBase,), {"model": model, "queries": DictQueryset(model=model)}))
    return ask(TestApp(app), "POST", "/card/", {"id": "a"}).headers["ETag"]
