"""AutoAPI over WSGI: rules of an application's own say of each object what may be done with it."""

from __future__ import annotations

import json

import pytest
from autoapi_clients import ask
from pydantic import BaseModel
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.errors import Conflict, Forbidden, HTTPError, NotFound
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import EVERYTHING


class Paper(BaseModel):
    """Something of a tenant's."""

    id: str
    tenant: str = ""
    text: str = ""


class PaperAPI(AutoAPIBase):
    """Papers of which each tenant has to do with their own alone."""

    model = Paper
    operations = EVERYTHING

    def get_current_user(self):
        return self.environ.get("HTTP_X_USER")

    def authorize(self, operation, value=None):
        super().authorize(operation, value)
        if value is not None and value.tenant != self.current_user:
            raise NotFound("no such paper") if operation == "read" else Forbidden("not yours")


@pytest.fixture
def papers():
    """A client, and a queryset in which each third paper is of tenant a."""
    queries = DictQueryset(model=Paper, indexed=("text",))
    queries.create_many([Paper(id=f"{number:03}", tenant="abc"[number % 3], text="t") for number in range(30)])
    return papers_of(queries), queries


def papers_of(queries, **options):
    app = Brubeck()
    app.register_api(type("PaperAPI", (PaperAPI,), {"queries": queries, **options}))
    return TestApp(app)


def ids(answer):
    return [one["id"] for one in answer.json]


def link(answer, relation):
    """Return where a Link header leads; None if nowhere."""
    parts = answer.headers.get("Link", "").split(", ")
    return next((one[1 : one.index(">")] for one in parts if f'rel="{relation}"' in one), None)


def test_list_has_what_is_allowed_alone_in_full_pages(papers):
    client, _ = papers
    wanted = [f"{number:03}" for number in range(0, 30, 3)]

    first = ask(client, "GET", "/paper/?limit=4&count=true", X_User="a")
    second = ask(client, "GET", link(first, "next"), X_User="a")
    third = ask(client, "GET", link(second, "next"), X_User="a")
    back = ask(client, "GET", link(third, "prev"), X_User="a")

    assert [ids(one) for one in (first, second, third, back)] == [wanted[:4], wanted[4:8], wanted[8:], wanted[4:8]]
    assert first.headers["X-Total-Count"] == "10"
    assert link(third, "next") is None
    assert ids(ask(client, "GET", "/paper/?offset=7&sort=-id", X_User="a")) == wanted[2::-1]


def test_list_says_nothing_of_what_is_not_allowed(papers):
    client, queries = papers

    for query in ("", "?limit=1", "?text=t&count=true", "?sort=-text&limit=2"):
        answer = ask(client, "GET", f"/paper/{query}", X_User="nobody")
        assert answer.json == []
        assert link(answer, "next") is None
        assert answer.headers.get("X-Total-Count", "0") == "0"

    of_server = papers_of(queries, dialect="json-server")
    assert ask(of_server, "GET", "/paper/?_start=0&_end=0", X_User="a").headers["X-Total-Count"] == "10"


def test_list_is_no_shorter_where_the_rules_themselves_fail(papers):
    def authorize(self, operation, value=None):
        if value is not None:
            raise HTTPError(503, "who may what is not known")

    client = papers_of(papers[1], authorize=authorize)

    assert ask(client, "GET", "/paper/").status_code == 503
    assert ask(client, "DELETE", "/paper/").status_code == 503
    assert len(papers[1]) == 30


def test_object_is_made_if_it_is_allowed_as_it_would_be_stored(papers):
    client, queries = papers

    def before_create(self, value):
        value.tenant = value.tenant or self.current_user

    hooked = papers_of(queries, before_create=before_create)

    assert ask(client, "POST", "/paper/", {"id": "x", "tenant": "b"}, X_User="a").status_code == 403
    assert ask(client, "POST", "/paper/", {"id": "y", "tenant": "a"}, X_User="a").status_code == 201
    assert ask(hooked, "POST", "/paper/", {"id": "z"}, X_User="a").status_code == 201
    assert queries.get_many(["x"]) == [None]


def test_all_that_is_removed_is_what_is_allowed(papers):
    client, queries = papers

    assert ask(client, "DELETE", "/paper/", X_User="a").status_code == 204

    assert sorted(one.value.tenant for one in queries.read_all()) == ["b"] * 10 + ["c"] * 10


def test_hook_that_refuses_ends_the_removing_of_all(papers):
    def before_delete(self, value):
        raise Conflict("not now")

    client = papers_of(papers[1], before_delete=before_delete)

    assert ask(client, "DELETE", "/paper/", X_User="a").status_code == 409
    assert len(papers[1]) == 30


def test_rules_are_asked_about_an_object_as_it_is_when_it_is_removed(papers):
    _, queries = papers

    class GreedyAPI(PaperAPI):
        def before_delete(self, value):
            # Somebody takes the paper away from the tenant between the look and the removing.
            queries.update_one(value.model_copy(update={"tenant": "b"}))

    client = papers_of(queries, before_delete=GreedyAPI.before_delete)
    ask(client, "DELETE", "/paper/", X_User="a")

    assert len(queries) == 30


def test_several_objects_are_judged_each(papers):
    client, _ = papers

    made = client.post("/paper/", json.dumps([{"id": "p", "tenant": "a"}, {"id": "q", "tenant": "b"}]), {
        "Content-Type": "application/json", "X-User": "a"})  # fmt: skip

    assert [one["status"] for one in made.json["results"]] == [201, 403]
