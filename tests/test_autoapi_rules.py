"""AutoAPI over WSGI: who may do what, which fields are written, and hooks."""

from __future__ import annotations

import msgspec
import pytest
from autoapi_clients import NOBODY, ask, client_of, made
from pydantic import BaseModel

from brubeck_wsgi import AutoAPIBase, Conflict
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import ItemAPI, Note, NoteAPI, TodoAPI


def test_read_only_and_write_once_fields_stay_as_they_are():
    client = client_of(ItemAPI)
    item = ask(client, "POST", "/item/", {"name": "a", "sku": "x1"}).headers["Location"]

    assert ask(client, "POST", "/item/", {"name": "a", "price": 5}).status_code == 422
    assert ask(client, "PATCH", item, {"price": 5}).status_code == 422
    assert ask(client, "PATCH", item, {"sku": "x2"}).status_code == 422
    assert ask(client, "PUT", item, {"id": 1, "name": "b", "sku": "x1", "price": 0.0}).json["name"] == "b"


@pytest.fixture
def notes():
    """A client of an API whose objects have owners, and the path of a note of Ada's."""
    client = client_of(NoteAPI)
    answer = ask(client, "POST", "/note/", {"text": "a", "secret": "s"}, Authorization="Bearer ada-token")
    return client, answer.headers["Location"]


@pytest.mark.parametrize(
    ("who", "read", "changed"), [("", 200, 401), ("Bearer bob-token", 200, 403), ("Bearer ada-token", 200, 200)]
)
def test_owner_alone_changes_an_object(notes, who, read, changed):
    client, item = notes

    assert ask(client, "GET", item, Authorization=who).status_code == read
    answer = ask(client, "PATCH", item, {"text": "b"}, Authorization=who)
    assert answer.status_code == changed
    if changed == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/note/", {}),
        ("POST", "/note/", {"Content-Type": "text/plain"}),
        ("POST", "/note/", {"Accept": "text/html"}),
        ("POST", "/note/", {"Idempotency-Key": "no key"}),
        ("PUT", f"/note/{NOBODY}", {}),
        ("PATCH", "/note/no-uuid", {"Content-Type": "text/plain"}),
        ("DELETE", f"/note/{NOBODY}", {}),
        ("DELETE", "/note/a,a", {}),
    ],
)
@pytest.mark.parametrize("body", [b"", b"{", b"[{}]"])
def test_nobody_learns_more_than_that_a_user_is_expected(notes, method, path, headers, body):
    answer = ask(notes[0], method, path, body, **headers)

    assert answer.status_code == 401


def test_rules_of_your_own_are_asked_before_there_is_an_object_and_about_it():
    asked = []

    def authorize(self, operation, value=None):
        asked.append((operation, value and value.title))

    client = client_of(TodoAPI, authorize=authorize)
    item, _ = made(client)
    asked.clear()

    ask(client, "PATCH", item, {"title": "b"})
    ask(client, "DELETE", f"/todo/{NOBODY}")

    assert asked == [("patch", None), ("patch", "buy milk"), ("delete", None)]


def test_role_of_your_own_is_that_of_each_object():
    def role_for(self, value):
        return "owner" if value is not None and value.text == "shared" else "public"

    client = client_of(NoteAPI, role_for=role_for, roles=None)
    ada = {"Authorization": "Bearer ada-token"}
    shared, kept = (ask(client, "POST", "/note/", {"text": text}, **ada) for text in ("shared", "kept"))

    assert ("owner" in shared.json, "owner" in kept.json) == (True, False)
    assert {one["text"]: "owner" in one for one in ask(client, "GET", "/note/").json} == {"shared": True, "kept": False}
    assert "owner" in ask(client, "GET", shared.headers["Location"]).json
    etag = shared.headers["ETag"]
    assert ask(client, "PATCH", shared.headers["Location"], {}, If_Match=etag, **ada).status_code == 200


def test_owner_sees_more_than_others(notes):
    client, item = notes

    assert "secret" not in ask(client, "GET", item).json
    assert "secret" not in ask(client, "GET", "/note/", Authorization="Bearer bob-token").json[0]
    assert ask(client, "GET", item, Authorization="Bearer ada-token").json["secret"] == "s"
    assert ask(client, "GET", "/note/", Authorization="Bearer ada-token").json[0]["secret"] == "s"


def test_nobody_makes_an_object_for_somebody_else(notes):
    client, _ = notes

    answer = ask(client, "POST", "/note/", {"text": "a", "owner": "ada"}, Authorization="Bearer bob-token")

    assert answer.json["owner"] == "bob"


def test_user_gets_nothing_but_their_own_where_all_is_for_owners():
    client = client_of(NoteAPI, access="owner", queries=DictQueryset(model=Note, indexed=("owner", "text")))
    paths = [
        ask(client, "POST", "/note/", {"text": who}, Authorization=f"Bearer {who}-token").headers["Location"]
        for who in ("ada", "bob")
    ]

    assert [one["text"] for one in ask(client, "GET", "/note/", Authorization="Bearer ada-token").json] == ["ada"]
    assert ask(client, "GET", paths[1], Authorization="Bearer ada-token").status_code == 404
    assert ask(client, "GET", "/note/").status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_object_of_somebody_else_is_answered_as_one_that_is_not_there(method):
    client = client_of(NoteAPI, access="owner", queries=DictQueryset(model=Note, indexed=("owner", "text")))
    ada, bob = ({"Authorization": f"Bearer {who}-token"} for who in ("ada", "bob"))
    item = ask(client, "POST", "/note/", {"text": "a"}, **ada).headers["Location"]
    data = None if method in ("GET", "DELETE") else {"text": "b"}

    def seen(path):
        answer = ask(client, method, path, data, **bob)
        headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
        return answer.status_code, headers, answer.text.replace(path.removeprefix("/note/"), "ID")

    assert seen(item) == seen(f"/note/{NOBODY}")
    assert seen(item)[0] == 404


def test_keys_of_whom_nobody_knows_are_not_those_of_a_user_with_any_name():
    options = {"get_current_user": lambda self: self.environ.get("HTTP_X_USER")}
    client = client_of(TodoAPI, idempotent_answers=True, **options)

    def replayed(**headers):
        answer = ask(client, "POST", "/todo/", {"title": "a"}, Idempotency_Key="k", **headers)
        assert answer.status_code == 201
        return "Idempotency-Replayed" in answer.headers

    assert not replayed(X_User="None")
    assert not replayed(X_User="nobody")
    assert not replayed()
    assert replayed(X_User="None")
    assert replayed()


def test_hooks_come_before_and_after_each_operation():
    seen = []

    class HookedAPI(TodoAPI):
        name = "todo"

        def before_create(self, value):
            if value.title == "no":
                raise Conflict("not this one")
            value.title = value.title.upper()
            return value

        def after_create(self, value):
            seen.append(("created", value.title))

        def before_update(self, value, old):
            seen.append(("updating", old.title, value.title))

        def after_update(self, value, old):
            seen.append(("updated", value.title))

        def before_delete(self, value):
            seen.append(("deleting", value.title))

        def after_delete(self, value):
            seen.append(("deleted", value.title))

        def after_read(self, value):
            seen.append(("read", value.title))

        def before_list(self, wanted):
            return wanted._replace(limit=1)

        def after_list(self, values):
            seen.append(("listed", len(values)))

    client = client_of(HookedAPI)
    item, _ = made(client, title="a")
    assert ask(client, "POST", "/todo/", {"title": "no"}).status_code == 409
    made(client, title="z")
    for method, path, data in [
        ("GET", item, None),
        ("PUT", item, {"title": "b"}),
        ("PATCH", item, {"title": "c"}),
        ("GET", "/todo/", None),
        ("DELETE", item, None),
    ]:
        ask(client, method, path, data)

    assert seen == [
        *[("created", "A"), ("created", "Z"), ("read", "A"), ("updating", "A", "b"), ("updated", "b")],
        *[("updating", "b", "c"), ("updated", "c"), ("listed", 1), ("deleting", "c"), ("deleted", "c")],
    ]


def test_put_makes_what_is_not_there_where_the_api_says_so():
    client = client_of(TodoAPI, put_creates=True)

    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "a"}, If_Match="*").status_code == 404
    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "a"}, If_None_Match="*").status_code == 201
    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "b"}, If_None_Match="*").status_code == 412
    assert ask(client, "PUT", f"/todo/{NOBODY}", {"title": "b"}).status_code == 200


class Strict(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    id: str
    title: str = ""


class StrictModel(BaseModel, extra="forbid"):
    id: str
    title: str = ""


class Lenient(msgspec.Struct, kw_only=True):
    id: str
    title: str = ""


@pytest.mark.parametrize(
    ("model", "made", "changed"), [(Lenient, 201, 200), (Strict, 422, 422), (StrictModel, 422, 422)]
)
def test_members_that_are_no_fields_are_dropped_unless_the_model_refuses_them(model, made, changed):
    client = client_of(type("ThingAPI", (AutoAPIBase,), {"model": model}))
    ask(client, "POST", "/thing/", {"id": "a", "title": "x"})

    assert ask(client, "PATCH", "/thing/a", {"titel": "y"}).status_code == changed
    assert ask(client, "POST", "/thing/", {"id": "b", "titel": "y"}).status_code == made
    assert ask(client, "GET", "/thing/a").json == {"id": "a", "title": "x"}
