"""AutoAPI over WSGI: what each method answers, on one object and on several, and by which conditions."""

from __future__ import annotations

from uuid import uuid4

import pytest
from autoapi_clients import MERGE, NOBODY, ask, client_of, made

from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.dictshield import Document, StringField
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import TodoAPI


@pytest.fixture
def todos():
    """A client of an API with all operations."""
    return client_of(TodoAPI)


# -- one object


def test_post_makes_an_object_and_says_where_it_is(todos):
    answer = ask(todos, "POST", "/todo/", {"title": "buy milk"})

    assert answer.status_code == 201
    assert answer.json["title"] == "buy milk"
    assert answer.json["completed"] is False
    assert ask(todos, "GET", answer.headers["Location"]).json == answer.json
    assert answer.headers["Location"] == f"/todo/{answer.json['id']}"
    assert answer.json["url"] == f"http://localhost{answer.headers['Location']}"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/todo/", 200),
        ("GET", "/todo", 200),
        ("GET", "{item}", 200),
        ("GET", "{item}/", 200),
        ("HEAD", "/todo/", 200),
        ("HEAD", "{item}", 200),
        ("OPTIONS", "/todo/", 204),
        ("OPTIONS", "{item}", 204),
        ("GET", f"/todo/{NOBODY}", 404),
        ("GET", "/todo/no-uuid", 404),
        ("DELETE", f"/todo/{NOBODY}", 404),
        ("DELETE", "{item}", 204),
        ("DELETE", "/todo/", 204),
        ("DELETE", "/todo/?completed=true", 400),
        ("PUT", "/todo/", 405),
        ("PATCH", "/todo/", 405),
        ("POST", "{item}", 405),
        ("TRACE", "{item}", 405),
        ("GET", "/todo/?limit=0", 400),
        ("GET", "/todo/?limit=1001", 400),
        ("GET", "/todo/?limit=x", 400),
        ("GET", "/todo/?colour=red", 400),
        ("GET", "/todo/?internal=x", 400),
        ("GET", "/todo/?sort=due", 400),
        ("GET", "/todo/?cursor=x", 400),
        ("GET", "/todo/?order=x", 400),
        ("GET", "/todo/?limit=1&limit=2", 400),
        ("GET", "/todo/?count=maybe", 400),
        ("GET", f"/todo/{','.join(str(uuid4()) for _ in range(101))}", 400),
        ("GET", f"/todo/{NOBODY},{NOBODY}", 400),
    ],
)
def test_request_without_a_body_is_answered_with_status(todos, method, path, status):
    item, _ = made(todos)

    assert ask(todos, method, path.format(item=item)).status_code == status


@pytest.mark.parametrize(
    ("method", "content_type", "body", "status"),
    [
        ("POST", "application/json", b'{"title":"a"}', 201),
        ("POST", "application/vnd.x+json", b'{"title":"a"}', 201),
        ("POST", "application/json; charset=UTF-8", b'{"title":"a"}', 201),
        ("POST", "application/json; charset=latin-1", b'{"title":"a"}', 415),
        ("POST", "text/plain", b'{"title":"a"}', 415),
        ("POST", "", b'{"title":"a"}', 415),
        ("POST", "application/json", b'{"title":', 400),
        ("POST", "application/json", b"", 400),
        ("POST", "application/json", b'{"title":"\xff"}', 400),
        ("POST", "application/json", b"[" * 5000, 400),
        ("POST", "application/json", b"[]", 400),
        ("POST", "application/json", b"[5]", 422),
        ("POST", "application/json", b"null", 422),
        ("POST", "application/json", b"{}", 422),
        ("POST", "application/json", b'{"title":"a","order":"5"}', 422),
        ("POST", "application/json", b'{"title":"a","order":true}', 422),
        ("POST", "application/json", b'{"title":"a","due":""}', 422),
        ("PUT", "application/json", b'{"title":"b"}', 200),
        ("PUT", "application/json", b'{"completed":true}', 422),
        ("PUT", "application/json", b'{"title":"b","id":"%b"}' % NOBODY.encode(), 422),
        ("PUT", MERGE, b'{"title":"b"}', 200),
        ("PATCH", "application/json", b'{"completed":true}', 200),
        ("PATCH", MERGE, b'{"completed":true}', 200),
        ("PATCH", MERGE, b'{"title":null}', 422),
        ("PATCH", MERGE, b'{"order":null}', 200),
        ("PATCH", MERGE, b'{"order":-1}', 422),
        ("PATCH", MERGE, b"5", 422),
        ("PATCH", "application/json-patch", b"[]", 415),
    ],
)
def test_request_with_a_body_is_answered_with_status(todos, method, content_type, body, status):
    path = "/todo/" if method == "POST" else made(todos)[0]

    answer = ask(todos, method, path, body, Content_Type=content_type)

    assert answer.status_code == status
    if status >= 400:
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == status


def test_problem_points_to_all_that_is_wrong(todos):
    answer = ask(todos, "POST", "/todo/", {"order": -1, "labels": ["x" * 21]})

    assert {error["pointer"] for error in answer.json["errors"]} == {"#/title", "#/order", "#/labels/0"}


def test_put_replaces_all_that_the_client_sees_and_keeps_what_it_does_not_see():
    store = DictQueryset(indexed=())
    client = client_of(TodoAPI, queries=store)
    item, _ = made(client, order=5)
    identity = item.rpartition("/")[2]
    store.patch_one(identity, {"internal": "kept"})

    answer = ask(client, "PUT", item, {"title": "b", "internal": "overwritten"})

    assert "order" not in answer.json
    assert "internal" not in answer.json
    assert store.read_one(identity).value.internal == "kept"


def test_client_does_not_write_fields_that_it_does_not_see():
    client = client_of(TodoAPI, queries=(store := DictQueryset()))

    ask(client, "POST", "/todo/", {"title": "a", "internal": "mine"})

    assert store.read_all()[0].value.internal is None


def test_patch_merges_into_what_is_there(todos):
    item, _ = made(todos, order=5, labels=["a"])

    answer = ask(todos, "PATCH", item, {"order": None, "labels": ["b"]}, Content_Type=MERGE)

    assert answer.json["labels"] == ["b"]
    assert answer.json["title"] == "buy milk"
    assert "order" not in answer.json


def test_id_that_exists_is_a_conflict(todos):
    identity = str(uuid4())
    made(todos, id=identity)

    assert ask(todos, "POST", "/todo/", {"title": "b", "id": identity}).status_code == 409


@pytest.mark.parametrize("identity", ["", "a,b", "a/b", ".", "..", ".a", "a b", "ä", "a\0", "x" * 129])
def test_text_that_could_not_stand_in_a_path_is_no_id(identity):
    class Doc(Document):
        id = StringField(required=True)

    client = client_of(type("DocAPI", (AutoAPIBase,), {"model": Doc}))

    assert ask(client, "POST", "/doc/", {"id": identity}).status_code == 422


# -- several


def test_list_of_good_objects_is_made(todos):
    answer = ask(todos, "POST", "/todo/", [{"title": "a"}, {"title": "b"}])

    assert answer.status_code == 201
    assert [one["title"] for one in answer.json] == ["a", "b"]


def test_list_of_which_some_are_bad_tells_of_each_what_came_of_it(todos):
    answer = ask(todos, "POST", "/todo/", [{"title": "a"}, {"title": 5}])

    assert answer.status_code == 207
    assert [one["status"] for one in answer.json["results"]] == [201, 422]
    assert answer.json["results"][1]["problem"]["errors"][0]["pointer"] == "#/title"
    assert len(ask(todos, "GET", "/todo/").json) == 1


def test_several_ids_are_read_replaced_changed_and_removed(todos):
    paths = [made(todos)[0] for _ in range(2)]
    both = f"/todo/{','.join(path.rpartition('/')[2] for path in paths)}"

    assert len(ask(todos, "GET", both).json) == 2
    assert [one["title"] for one in ask(todos, "PUT", both, [{"title": "a"}, {"title": "b"}]).json] == ["a", "b"]
    assert [one["order"] for one in ask(todos, "PATCH", both, {"order": 7}).json] == [7, 7]
    assert [one["order"] for one in ask(todos, "PATCH", both, [{"order": 1}, {"order": 2}]).json] == [1, 2]
    assert ask(todos, "PUT", both, [{"title": "a"}]).status_code == 400
    assert ask(todos, "GET", f"{both},{NOBODY}").status_code == 207
    assert ask(todos, "DELETE", f"{both},{NOBODY}").status_code == 207
    assert ask(todos, "DELETE", both).status_code == 404


# -- conditions and preferences


def test_client_that_has_the_state_is_told_so(todos):
    item, etag = made(todos)
    page = ask(todos, "GET", "/todo/")

    assert ask(todos, "GET", item, If_None_Match=etag).status_code == 304
    assert ask(todos, "GET", item, If_None_Match=f"W/{etag}").status_code == 304
    assert ask(todos, "GET", item, If_None_Match='"other"').status_code == 200
    assert ask(todos, "GET", "/todo/", If_None_Match=page.headers["ETag"]).status_code == 304
    assert ask(todos, "GET", item, If_Match='"other"').status_code == 412


@pytest.mark.parametrize(("method", "data"), [("PUT", {"title": "b"}), ("PATCH", {"title": "b"}), ("DELETE", None)])
def test_change_of_another_state_than_the_client_knows_is_refused(todos, method, data):
    item, etag = made(todos)
    ask(todos, "PATCH", item, {"order": 1})

    assert ask(todos, method, item, data, If_Match=etag).status_code == 412
    assert ask(todos, method, item, data, If_Match="*").status_code < 300


def test_etag_of_a_change_is_that_of_the_object(todos):
    item, _ = made(todos)

    changed = ask(todos, "PATCH", item, {"order": 1})

    assert ask(todos, "GET", item).headers["ETag"] == changed.headers["ETag"]


def test_change_without_condition_is_refused_where_one_is_required():
    client = client_of(TodoAPI, requires_conditions=True)
    item, etag = made(client)

    assert ask(client, "PATCH", item, {"order": 1}).status_code == 428
    assert ask(client, "PATCH", item, {"order": 1}, If_Match=etag).status_code == 200


@pytest.mark.parametrize(
    ("method", "data", "minimal", "full"),
    [
        ("POST", {"title": "a"}, 201, 201),
        ("PUT", {"title": "a"}, 204, 200),
        ("PATCH", {}, 204, 200),
        ("DELETE", None, 204, 200),
    ],
)
def test_client_says_whether_it_wants_the_object_back(todos, method, data, minimal, full):
    for preferred, status in (("minimal", minimal), ("representation", full)):
        path = "/todo/" if method == "POST" else made(todos)[0]

        answer = ask(todos, method, path, data, Prefer=f"return={preferred}")

        assert answer.status_code == status
        assert bool(answer.body) is (preferred == "representation")


def test_preference_for_little_takes_nothing_from_what_is_read(todos):
    both = f"{made(todos)[0]},{made(todos)[0].rpartition('/')[2]}"

    answer = ask(todos, "GET", both, Prefer="return=minimal")

    assert len(answer.json) == 2
    assert "Preference-Applied" not in answer.headers


def test_nothing_comes_back_of_all_that_is_removed(todos):
    made(todos)

    assert ask(todos, "DELETE", "/todo/", Prefer="return=representation").status_code == 204


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html,*/*;q=0.1", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
    ],
)
def test_what_the_client_takes_decides(todos, accept, status):
    item, _ = made(todos)

    assert ask(todos, "GET", item, Accept=accept).status_code == status
    assert ask(todos, "GET", "/todo/", Accept=accept).status_code == status


def test_method_that_is_not_there_is_told_which_are(todos):
    item, _ = made(todos)

    assert ask(todos, "POST", item, {}).headers["Allow"] == "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
    assert ask(todos, "OPTIONS", "/todo/").headers["Allow"] == "GET, POST, DELETE, HEAD, OPTIONS"


def test_operations_that_are_not_named_are_not_there():
    client = client_of(TodoAPI, operations=("list", "create"))

    assert ask(client, "OPTIONS", "/todo/").headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert ask(client, "GET", f"/todo/{NOBODY}").status_code == 404


def test_post_with_the_same_key_is_done_once(todos):
    answers = [ask(todos, "POST", "/todo/", {"title": "a"}, Idempotency_Key='"k1"') for _ in range(2)]

    assert answers[0].json == answers[1].json
    assert answers[1].status_code == 201
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert answers[1].headers["Location"] == answers[0].headers["Location"]
    assert len(ask(todos, "GET", "/todo/").json) == 1
    assert ask(todos, "POST", "/todo/", {"title": "b"}, Idempotency_Key='"k1"').status_code == 422
    assert ask(todos, "POST", "/todo/", {"title": "b"}, Idempotency_Key="bad key").status_code == 400


def test_refused_post_with_the_same_key_is_refused_again(todos):
    answers = [ask(todos, "POST", "/todo/", {"order": 1}, Idempotency_Key="k2") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json == answers[1].json
