"""Parity: the APIs that users of Brubeck 0.4 had, with its payload, in their sane form."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from webtest import TestApp

from tests.apps.parity import app


@pytest.fixture
def client():
    made = TestApp(app)
    assert made.post("/parity/reset").text == "ok"
    return made


def test_group_is_offered(client):
    assert "autoapi" in client.get("/parity").json["groups"]


def test_todo_is_made_with_an_id_and_answered_in_the_payload(client):
    answer = client.post_json("/todo/", {"title": "a", "internal": "secret"}, status=201)

    assert (answer.json["status_code"], answer.json["status_msg"]) == (201, "Created")
    assert UUID(answer.json["data"]["id"])
    assert answer.json["data"]["completed"] is False
    assert "internal" not in answer.text


def test_todos_are_read_one_several_and_all(client):
    ids = [client.post_json("/todo/", {"title": title}).json["data"]["id"] for title in ("a", "b")]

    assert client.get(f"/todo/{ids[0]}").json["data"]["title"] == "a"
    assert client.get(f"/todo/{ids[0]}/").json["data"]["title"] == "a"
    assert [one["title"] for one in client.get(f"/todo/{','.join(ids)}").json["data"]] == ["a", "b"]
    assert {one["id"] for one in client.get("/todo/").json["data"]} == set(ids)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/todo/{uuid4()}", b"", 404),
        ("DELETE", f"/todo/{uuid4()}", b"", 404),
        ("POST", "/todo/", b"{}", 400),
        ("POST", "/todo/", b'{"title": "%b"}' % (b"x" * 41), 400),
        ("POST", "/todo/", b'[{"title": "a"}, {}]', 207),
        ("PUT", f"/todo/{uuid4()}", b'{"title": "a", "id": "%b"}' % str(uuid4()).encode(), 400),
    ],
)
def test_status_is_in_the_payload_too(client, method, path, body, status):
    answer = client.request(path, method=method, body=body, content_type="application/json", expect_errors=True)

    assert answer.status_code == answer.json["status_code"] == status


def test_put_replaces_and_delete_removes(client):
    identity = client.post_json("/todo/", {"title": "a"}).json["data"]["id"]

    assert client.put_json(f"/todo/{identity}", {"id": identity, "title": "b"}).json["data"]["title"] == "b"
    assert client.delete(f"/todo/{identity}").json["status_code"] == 200
    assert client.get(f"/todo/{identity}", status=404).json["status_code"] == 404


def test_status_is_hidden_by_the_render_of_the_api(client):
    made = client.post_json("/api/v1/docs/", {"id": "d1", "data": "x"}, status=201)

    assert (made.json["id"], made.json["data"]) == ("d1", "x")
    assert client.get("/api/v1/docs/d1").json["data"] == "x"
    assert [one["id"] for one in client.get("/api/v1/docs/").json] == ["d1"]


def test_list_with_what_is_there_and_what_is_new_is_multi_status(client):
    client.post_json("/api/v1/docs/", {"id": "d1", "data": "x"})

    answer = client.post_json("/api/v1/docs/", [{"id": "d1", "data": "y"}, {"id": "d2", "data": "y"}], status=207)

    assert [one["status_code"] for one in answer.json] == [200, 201]


def test_manifest_has_the_schemas_of_both(client):
    assert [one["title"] for one in client.get("/manifest.json").json] == ["Todo", "TestDoc"]
