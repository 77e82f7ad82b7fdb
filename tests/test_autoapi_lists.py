"""AutoAPI over WSGI: filters, order and pages of lists, in each dialect, and Brubeck's payload."""

from __future__ import annotations

import json

import pytest
from autoapi_clients import ask, client_of

from tests.apps.autoapi_app import TodoAPI


@pytest.fixture
def numbered():
    """A client with ten todos, of orders 0 to 9, the even ones completed."""
    client = client_of(TodoAPI)
    todos = [{"title": f"t{number}", "order": number, "completed": number % 2 == 0} for number in range(10)]
    ask(client, "POST", "/todo/", todos)
    return client


@pytest.mark.parametrize(
    ("query", "orders"),
    [
        ("sort=order", range(10)),
        ("sort=-order&limit=3", [9, 8, 7]),
        ("sort=completed,-order&limit=2", [9, 7]),
        ("order=3", [3]),
        ("order__gt=7&sort=order", [8, 9]),
        ("order__le=1&sort=order", [0, 1]),
        ("order__in=3,5&sort=order", [3, 5]),
        ("order__ne=3&completed=false&sort=order", [1, 5, 7, 9]),
        ("title__contains=9", [9]),
        ("title__startswith=t9", [9]),
        ("offset=8&sort=order", [8, 9]),
    ],
)
def test_list_is_filtered_sorted_and_cut(numbered, query, orders):
    answer = ask(numbered, "GET", f"/todo/?{query}")

    assert [one["order"] for one in answer.json] == list(orders)


def test_links_lead_through_all_pages_and_back(numbered):
    answer = ask(numbered, "GET", "/todo/?sort=order&limit=4&count=true")
    seen = [[one["order"] for one in answer.json]]
    assert answer.headers["X-Total-Count"] == "10"

    while "next" in (links := links_of(answer)):
        answer = ask(numbered, "GET", links["next"])
        seen.append([one["order"] for one in answer.json])

    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [one["order"] for one in ask(numbered, "GET", links_of(answer)["prev"]).json] == [4, 5, 6, 7]
    assert [one["order"] for one in ask(numbered, "GET", links_of(answer)["first"]).json] == [0, 1, 2, 3]


def links_of(answer):
    found = {}
    for link in answer.headers.get("Link", "").split(", "):
        target, _, relation = link.partition("; rel=")
        found[relation.strip('"')] = target.strip("<>")
    return found


# -- dialects


def test_simple_rest_is_spoken():
    client = client_of(TodoAPI, dialect="simple-rest")
    ids = [ask(client, "POST", "/todo/", {"title": f"t{n}", "order": n}).json["id"] for n in range(5)]

    page = client.get("/todo", {"sort": '["order","DESC"]', "range": "[1,2]", "filter": "{}"})
    many = client.get("/todo", {"filter": json.dumps({"id": ids[:2]})})

    assert [one["order"] for one in page.json] == [3, 2]
    assert page.headers["Content-Range"] == "todo 1-2/5"
    assert {one["id"] for one in many.json} == set(ids[:2])
    assert client.delete(f"/todo/{ids[0]}").json["id"] == ids[0]
    assert client.get("/todo", {"range": "[2,1]"}).json == []
    assert len(client.get("/todo", {"range": "[0,5000]"}).json) == 4


@pytest.mark.parametrize(
    "query",
    [
        {"range": "x"},
        {"range": "[-1,1]"},
        {"range": f"[{10**30},{10**30}]"},
        {"sort": '["order"]'},
        {"sort": '["order","down"]'},
        {"filter": '{"title": null}'},
        {"filter": '{"title": {"a": 1}}'},
        {"filter": '{"other": 1}'},
        {"page": "1"},
    ],
)
def test_simple_rest_refuses_what_makes_no_sense(query):
    assert client_of(TodoAPI, dialect="simple-rest").get("/todo", query, status=400)


def test_json_server_is_spoken():
    client = client_of(TodoAPI, dialect="json-server")
    ids = [ask(client, "POST", "/todo/", {"title": f"t{n}", "order": n}).json["id"] for n in range(5)]

    page = client.get("/todo?_sort=order&_order=DESC&_start=1&_end=3")
    many = client.get(f"/todo?id={ids[0]}&id={ids[1]}")

    assert [one["order"] for one in page.json] == [3, 2]
    assert page.headers["X-Total-Count"] == "5"
    assert {one["id"] for one in many.json} == set(ids[:2])
    assert [one["order"] for one in client.get("/todo?order_gte=3&_sort=order").json] == [3, 4]
    assert client.get("/todo?_sort=order&_order=down", status=400)
    nothing = client.get("/todo?_start=2&_end=2")
    assert (nothing.json, nothing.headers["X-Total-Count"]) == ([], "5")
    assert client.delete(f"/todo/{ids[0]}").json["id"] == ids[0]


# -- Brubeck's payload


def test_payload_is_that_of_brubeck_where_it_is_wanted():
    client = client_of(TodoAPI, payload="brubeck", url_field=None)

    created = ask(client, "POST", "/todo/", {"title": "a"})
    identity = created.json["data"]["id"]

    assert (created.json["status_code"], created.json["status_msg"]) == (201, "Created")
    assert ask(client, "GET", "/todo/").json["data"][0]["id"] == identity
    assert ask(client, "GET", f"/todo/{identity}").json["data"]["title"] == "a"
    assert ask(client, "DELETE", f"/todo/{identity}").json["status_code"] == 200
    missing = ask(client, "GET", f"/todo/{identity}")
    assert (missing.status_code, missing.json["status_code"]) == (404, 404)
    assert ask(client, "POST", "/todo/", {}).status_code == 400


def test_status_is_hidden_where_that_is_wanted():
    client = client_of(TodoAPI, payload="brubeck", hide_status=True)

    assert ask(client, "GET", "/todo/").json == []
