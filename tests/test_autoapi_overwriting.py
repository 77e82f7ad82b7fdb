"""AutoAPI over WSGI: a POST in the place of an object changes it, and several ids are no way around conditions."""

from __future__ import annotations

import threading

import pytest
from autoapi_clients import ask
from pydantic import BaseModel
from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.queryset import DictQueryset


class Page(BaseModel):
    id: str | None = None
    owner: str = ""
    text: str = ""
    score: int = 0
    slug: str = ""


class PageAPI(AutoAPIBase):
    model = Page
    owner_field = "owner"
    access = "user"
    read_only = ("score",)
    write_once = ("slug",)
    post_overwrites = True

    def get_current_user(self):
        return self.environ.get("HTTP_X_USER")


def api_of(**options):
    queries = DictQueryset(model=Page, indexed=("owner",))
    queries.create_one(Page(id="p", owner="ann", text="a", score=5, slug="ann-slug"))
    app = Brubeck()
    app.register_api(type("PageAPI", (PageAPI,), {"queries": queries, **options}))
    return TestApp(app), queries


def post(client, data, user="bob", **headers):
    return ask(client, "POST", "/page/", data, X_User=user, **headers)


def test_post_in_the_place_of_an_object_changes_what_put_would_change():
    client, queries = api_of()

    answer = post(client, {"id": "p", "text": "b", "owner": "bob"})

    assert (answer.status_code, answer.headers["Content-Location"]) == (200, "/page/p")
    assert queries.get("p").value == Page(id="p", owner="ann", text="b", score=5, slug="ann-slug")


@pytest.mark.parametrize("wrong", [{"slug": "evil"}, {"score": 6}])
def test_post_in_the_place_of_an_object_leaves_fixed_fields_alone(wrong):
    client, queries = api_of()

    assert post(client, {"id": "p", **wrong}).status_code == 422
    assert post(client, [{"id": "p", **wrong}, {"id": "q"}]).json["results"][0]["status"] == 422
    assert queries.get("p").value.text == "a"


def test_post_in_the_place_of_an_object_is_for_those_who_may_change_it():
    owners = {"create": "user", "read": "user", "update": "owner"}

    assert post(api_of(access=owners)[0], {"id": "p"}).status_code == 403
    assert post(api_of(access=owners)[0], {"id": "p"}, user="ann").status_code == 200
    assert post(api_of(operations=("create", "read"))[0], {"id": "p"}, user="ann").status_code == 409


def test_role_is_that_of_the_object_that_is_there():
    class Secret(Page):
        __roles__ = {"public": ["id", "text"], "owner": {"hide": []}}

    options = {"model": Secret, "roles": {"anyone": "public", "owner": "owner"}, "read_only": (), "write_once": ()}
    queries = DictQueryset(model=Secret)
    client, _ = api_of(queries=queries, **options)
    queries.create_one(Secret(id="p", owner="ann", score=5))

    assert post(client, {"id": "p", "text": "b", "score": 7}).json == {"id": "p", "text": "b"}
    assert queries.get("p").value.score == 5


def test_post_in_the_place_of_an_object_obeys_conditions():
    client, queries = api_of(requires_conditions=True)
    etag = ask(client, "GET", "/page/p", X_User="ann").headers["ETag"]

    assert post(client, {"id": "p", "text": "b"}).status_code == 428
    assert post(client, [{"id": "p", "text": "b"}]).json["results"][0]["status"] == 428
    each = post(client, [{"id": "p", "text": "b"}, {"id": "new"}], If_Match='"other"').json["results"]
    assert [one["status"] for one in each] == [412, 412]
    assert post(client, [{"id": "p"}, {"id": "new"}], If_None_Match="*").json["results"][0]["status"] == 412
    assert post(client, {"id": "p", "text": "b"}, If_Match='"other"').status_code == 412
    assert post(client, {"id": "p", "text": "b"}, If_None_Match="*").status_code == 412
    assert post(client, {"id": "new"}, If_Match=etag).status_code == 412
    assert queries.get("p").value.text == "a"
    assert post(client, {"id": "p", "text": "b"}, If_Match=etag).status_code == 200
    assert post(client, {"id": "newer"}).status_code == 201


def test_object_that_comes_while_another_is_made_is_not_taken_over():
    def before_create(self, value):
        if "late" not in self.queries._entries:
            self.queries.create_one(Page(id="late", owner="ann", slug="ann-slug"))

    client, queries = api_of(before_create=before_create)

    assert post(client, {"id": "late", "text": "b"}).status_code == 200
    assert queries.get("late").value == Page(id="late", owner="ann", text="b", slug="ann-slug")


def test_many_who_make_the_same_object_at_once_make_one():
    client, queries = api_of()
    together = threading.Barrier(8)
    statuses = []

    def make(user):
        together.wait(30)
        statuses.append(post(client, {"id": "new", "text": user}, user=user).status_code)

    threads = [threading.Thread(target=make, args=(f"user{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] * 7 + [201]
    assert len(queries) == 2


def test_object_whose_id_the_application_makes_is_not_taken_over():
    def before_create(self, value):
        value.id = "p"

    client, queries = api_of(before_create=before_create)

    assert post(client, {"text": "b"}).status_code == 409
    assert queries.get("p").value.text == "a"


# -- several ids


@pytest.mark.parametrize(("method", "data"), [("PATCH", {"text": "b"}), ("PUT", [{"text": "b"}]), ("DELETE", None)])
@pytest.mark.parametrize("ids", ["p,", ",p", "p,q"])
def test_several_ids_are_no_way_around_conditions(method, data, ids):
    client, queries = api_of(requires_conditions=True)
    queries.create_one(Page(id="q"))
    if "q" in ids and isinstance(data, list):
        data *= 2

    assert ask(client, method, f"/page/{ids}", data, X_User="ann").status_code == 428
    refused = 400 if "q" in ids else 412
    for condition in ("If_Match", "If_None_Match"):
        value = '"other"' if condition == "If_Match" else "*"
        assert ask(client, method, f"/page/{ids}", data, X_User="ann", **{condition: value}).status_code in (
            refused,
            *([207] if isinstance(data, list) and refused == 412 else []),
        )
    assert len(queries) == 2
    assert queries.get("p").value.text == "a"


def test_several_ids_with_a_condition_are_refused_where_none_is_required():
    client, _ = api_of()

    assert ask(client, "PATCH", "/page/p,q", {"text": "b"}, X_User="ann", If_Match='"x"').status_code == 400
    assert ask(client, "PATCH", "/page/p,", {"text": "b"}, X_User="ann").status_code == 200
