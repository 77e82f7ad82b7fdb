"""The parity app: what users of Brubeck 0.4 had, in its sane form, row by row.

Where Brubeck's own way was not sound, or nobody wrote down what it was, the test has what a user would expect.
"""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from doors import ask
from mongrel2_servers import mongrel2, needs_mongrel2
from redis_server import running_redis
from servers import free_port, running
from webtest import TestApp

from tests.apps import parity_library
from tests.apps.parity import make_app

pytest_plugins = ["parity_doors"]


# -- self-description


def test_app_describes_itself(client):
    description = client.get("/parity").json

    assert description["app"] == "brubeck-parity"
    assert (description["engine"], description["variant"]) == ("jinja2", "main")
    assert {"hello", "routing", "cookies", "lifecycle"} <= set(description["groups"])


def test_app_knows_which_server_it_is_behind(client, request):
    behind = "mongrel2" if request.node.callspec.params["door"] == "mongrel2" else "wsgi"

    assert client.get("/parity").json["server"] == behind


def test_reset_empties_the_event_list(client):
    client.get("/life")

    assert client.post("/parity/reset").text == "ok"
    assert client.get("/life/log").json == []


# -- hello, routing


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        ("GET /brubeck", "Take five, dude!"),
        ("GET /brubeck?name=Dave%20B", "Take five, Dave B!"),
        ("GET /brubeck/and/more", "Take five, dude!"),
        ("GET /class/Dave", "name=Dave"),
        ("GET /class/caf%C3%A9", "name=café"),
        ("GET /raw/a.b%20c", "name=a.b c"),
        ("GET /raw/%E2%98%83", "name=☃"),
        ("GET /fun/Dave", "fun=Dave"),
        ("DELETE /fun/Dave", "fun=Dave"),
        ("GET /any", "method=GET"),
        ("PATCH /any", "method=PATCH"),
        ("GET /opt/1/2", "a=1 b=2"),
        ("GET /opt/1", "a=1 b=none"),
        ("GET /optpos/1/2", "a=1 b=2"),
        ("GET /optpos/1", "a=1 b=none"),
        ("GET /empty/1/2", "a=1 b=2"),
        ("GET /empty/1/", "a=1 b="),  # the group has matched, if only an empty text
        ("GET /mixed/1/2", "args=0 kw=k"),
        ("GET /order/first", "first"),
        ("GET /order/anything", "first"),
        ("GET /noanchor", "first"),
        ("GET /noanchor/more", "first"),
        ("GET /decopos/Dave", "decopos=Dave"),
        ("GET /deco/Dave", "deco=Dave"),
        ("GET /deconone", "deconone GET"),
        ("PUT /deconone", "deconone PUT"),
        ("GET /decolower", "decolower"),
        ("GET /decotwo", "decotwo GET"),
        ("POST /decotwo", "decotwo POST"),
    ],
)
def test_first_pattern_that_matches_answers_with_what_it_captured(client, request_line, body):
    response = ask(client, request_line)

    assert (response.status_code, response.text) == (200, body)


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/Brubeck", "/class/", "/class/a-b", "/raw/a%2Fb", "/any/", "/opt/1/", "/a/noanchor", "/deco/"],
)
def test_path_that_no_pattern_matches_is_not_found(client, path):
    assert client.get(path, status=404).content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("variant", "request_line", "body"),
    [
        ("custom404", "GET /nowhere", "custom not found: /nowhere"),
        ("custom404b", "GET /nowhere", "custom unsupported"),
        ("custom404b", "POST /nowhere", "custom unsupported"),
    ],
)
def test_base_handler_answers_unknown_paths(client_of, variant, request_line, body):
    response = ask(client_of(variant), request_line)

    assert (response.status_code, response.text) == (404, body)


def test_base_handler_with_a_get_alone_does_not_find_what_is_posted(client_of):
    client_of("custom404").post("/nowhere", status=404)


@pytest.mark.parametrize("variant", ["custom404", "custom404b"])
def test_base_handler_leaves_known_paths_alone(client_of, variant):
    client = client_of(variant)

    assert client.get("/brubeck").text == "Take five, dude!"
    assert client.put("/onlypost", status=405).headers["Allow"] == "POST, OPTIONS"


# -- methods


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_method_reaches_the_function_of_its_name(client, method):
    assert ask(client, f"{method} /methods").text == f"did {method}"


@pytest.mark.parametrize(
    ("request_line", "allowed"),
    [
        ("GET /onlypost", {"POST", "OPTIONS"}),
        ("HEAD /onlypost", {"POST", "OPTIONS"}),
        ("POST /brubeck", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE /methods", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("POST /deco/Dave", {"GET", "HEAD", "OPTIONS"}),
        ("POST /decolower", {"GET", "HEAD", "OPTIONS"}),
        ("PUT /decotwo", {"GET", "HEAD", "POST", "OPTIONS"}),
    ],
)
def test_method_that_a_known_path_does_not_have_is_not_allowed(client, request_line, allowed):
    response = ask(client, request_line)

    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_head_is_answered_from_get_without_the_body(client):
    response = client.head("/brubeck")

    assert (response.body, response.content_length) == (b"", len("Take five, dude!"))


def test_options_lists_the_methods_that_a_path_has(client):
    response = client.options("/onlypost")

    assert (response.status_code, response.headers["Allow"]) == (204, "POST, OPTIONS")


def test_handler_with_a_head_of_its_own_answers_that(client):
    assert client.head("/ownhead").headers["X-Head"] == "own"
    assert client.get("/ownhead").text == "body"


def test_handler_with_options_of_its_own_answers_those(client):
    assert client.options("/ownoptions").text == "my options"
    assert client.get("/ownoptions").text == "body"


# -- the library, without HTTP


@pytest.fixture(scope="module")
def redis_url():
    with running_redis() as url:
        yield url


@pytest.fixture(params=["base", pytest.param("redis", marks=pytest.mark.redis)])
def run_cache_steps(request, client, monkeypatch):
    """Runs steps on a fresh store of each kind."""
    if request.param == "redis" and request.node.callspec.params["door"] == "webtest":
        monkeypatch.setattr(parity_library, "REDIS_URL", request.getfixturevalue("redis_url"))
    return lambda *steps: client.post_json(f"/lib/cache/{request.param}", steps).json


def test_cache_keeps_what_it_is_given_until_its_time(run_cache_steps):
    results = run_cache_steps(
        *(["load", "a"], ["save", "a", "café"], ["load", "a"], ["save", "a", {"n": 1}], ["load", "a"]),
        *(["save", "b", "short", 0.01], ["save", "c", "long", 100], ["sleep", 0.02], ["load", "b"], ["load", "c"]),
        *(["delete_expired"], ["load", "c"], ["delete", "c"], ["load", "c"], ["delete", "nowhere"]),
        *(["save", "d", "past", -1], ["load", "d"], ["save", "e"], ["session_id"]),
    )

    assert results == [
        *(None, None, "café", None, {"n": 1}),
        *(None, None, None, None, "long"),
        *(None, "long", None, None, None),
        *(None, None, {"error": "TypeError"}, [64, True]),
    ]


def test_cache_is_fresh_for_every_request(run_cache_steps):
    run_cache_steps(["save", "a", "value"])

    assert run_cache_steps(["load", "a"]) == [None]


@pytest.fixture(params=["dict", *(pytest.param(one, marks=pytest.mark.redis) for one in ("redis", "redisz"))])
def run_operations(request, client, monkeypatch):
    """Runs operations on a fresh queryset of each kind."""
    if request.param != "dict" and request.node.callspec.params["door"] == "webtest":
        monkeypatch.setattr(parity_library, "REDIS_URL", request.getfixturevalue("redis_url"))
    return lambda *operations: client.post_json(f"/lib/queryset/{request.param}", operations).json


def test_queryset_creates_reads_updates_and_destroys(run_operations):
    a, b, c = ({"id": one, "data": f"of {one} ☃"} for one in "abc")
    other = {"id": "a", "data": "other"}

    results = run_operations(
        *(
            ["read_all"],
            ["read", []],
            ["create", a],
            ["create", a],
            ["create", [b, c]],
            ["read", "b"],
            ["read", ["c", "a"]],
        ),
        *(["update", other], ["update", [other, b]], ["read_one", "a"], ["destroy", "a"], ["destroy", ["b", "c"]]),
        *(["read_all"], ["read", "a"], ["destroy", "a"], ["read", ["a"]], ["destroy", ["a"]]),
    )

    a, b, c, other = ({"model": one} for one in (a, b, c, other))
    missing = {"error": "FourOhFourException"}
    assert results == [
        *([], [], ["Created", a], ["Updated", a], [["Created", b], ["Created", c]], ["OK", b], [["OK", c], ["OK", a]]),
        *(["Updated", other], [["Updated", other], ["Updated", b]], ["OK", other], ["Updated", other]),
        *([["Updated", b], ["Updated", c]], [], missing, missing, [["Not Found", None]], [["Not Found", None]]),
    ]


def test_queryset_is_fresh_for_every_request(run_operations):
    run_operations(["create", {"id": "a"}])

    assert run_operations(["read_all"]) == [[]]


def test_abstract_queryset_leaves_everything_to_others(client):
    operations = [["create", {"id": "a"}], ["read", "a"], ["read_all"], ["update", {"id": "a"}], ["destroy", ["a"]]]

    results = client.post_json("/lib/queryset/abstract", operations).json

    assert results == [{"error": "NotImplementedError"}] * 5


def test_queryset_that_is_not_there_is_not_found(client, local):
    client.post_json("/lib/queryset/nowhere", [], status=404)
    local.post_json("/lib/queryset/redis", [], status=404)


def test_cache_that_is_not_there_is_not_found(client, local):
    client.post_json("/lib/cache/nowhere", [], status=404)
    local.post_json("/lib/cache/redis", [], status=404)


@pytest.mark.parametrize(
    ("query", "paging", "since", "typed", "owner"),
    [
        ("", [0, 25, 0], 0, 7, "anon"),
        ("page=2&count=10&since=1330000000000&n=5&owner=dave", [2, 10, 20], 1330000000000, 5, "dave"),
        ("page=2&count=1000&n=five&since=x", [2, 25, 50], 0, 7, "anon"),
        ("page=2&count=1000&nomax", [2, 1000, 2000], 0, 7, "anon"),
        ("skip=3&owner=caf%C3%A9", [0, 25, 3], 0, 7, "café"),
    ],
)
def test_arguments_say_which_data_is_meant(client, query, paging, since, typed, owner):
    answer = client.get(f"/lib/mosh?{query}").json

    assert answer == {"paging": paging, "since": since, "typed": typed, "owner": owner}


@pytest.mark.parametrize(
    ("ago", "pretty"),
    [
        ([0, 10, 90, 400], ["just now", "10 seconds ago", "1 minute ago", "6 minutes ago"]),
        ([4000, 9000, 90_000, 300_000], ["1 hour ago", "2 hours ago", "1 day ago", "3 days ago"]),
    ],
)
def test_time_that_has_passed_is_told_in_words(client, ago, pretty):
    told = client.post_json("/lib/time", {"ago": ago}).json["pretty"]

    assert [re.sub(r"^1\d seconds", "10 seconds", text) for text in told] == pretty  # it goes on meanwhile


def test_time_is_that_of_greenwich_wherever_the_server_is(client):
    strings = ["2011-03-09", "2011-03-09T12:00:00", "2011-03-09T12:00:00Z", "2011-03-09 12:00:00-05:00", "yesterday"]

    told = client.post_json("/lib/time", {"strings": strings}).json

    assert told["strings"] == [
        *(1299628800000, 1299672000000, 1299672000000, 1299690000000),
        {"error": "ValidationError"},
    ]
    assert (told["curtime_ok"], told["roundtrip"], told["pretty_old"]) == (True, 1330000000000, "09 Mar 2011")
    assert told["ms"] == {"default": None, "int": 5, "string": 1299628800000, "valid": True}
    assert told["pretty"] == client.post_json("/lib/time", {}).json["pretty"] == []


def test_user_is_made_and_knows_the_password(client):
    assert client.get("/lib/user").json == {
        "username": "jd",
        "check": [True, False],
        "password_prefix": "argon2id",
        "badname": "ValidationError",
        "bademail": "ShieldException",
        "nopass": "ValidationError",
        "ownersafe": ["date_joined", "email", "last_login", "username"],
    }


def test_password_lines_are_made_and_checked(client):
    assert client.get("/lib/passwd").json == {
        **{name: ["scrypt", 2, True, False] for name in ("ascii", "unicode", "empty", "long")},
        "none": {"error": "ValueError"},
        "badalg": "ValueError",
    }


# -- as it is started


def test_ten_clients_are_fed_in_the_time_of_one(door):
    if door is make_app:
        pytest.skip("there are no others to wait for in this process")
    clients = [TestApp(door("main", "jinja2")) for _ in range(10)]
    started = time.monotonic()
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda client: client.get("/feed").text, clients))

    assert answers == ["fed"] * 10
    assert time.monotonic() - started < 9  # one after the other they would take ten seconds


@pytest.mark.serving
def test_gunicorn_serves_what_the_environment_says():
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", "gevent", "-b", f"127.0.0.1:{port}", "tests.apps.parity:app"]
    with running(command, port, PARITY_ENGINE="mako", PARITY_VARIANT="custom404b") as server:
        description = json.loads(server.get("/parity")[1])

        assert server.get("/nowhere") == (404, b"custom unsupported")
    assert (description["server"], description["engine"]) == ("wsgi", "mako")
    assert (description["variant"], "cache" in description["groups"]) == ("custom404b", False)


class TestBehindMongrel2:
    pytestmark = needs_mongrel2

    def test_python_serves_what_the_environment_says(self):
        with mongrel2() as front:
            command = [sys.executable, "-m", "tests.apps.parity"]
            where = {"PARITY_MONGREL2": f"{front.address.recv},{front.address.send}"}
            with running(command, front.port, PARITY_ENGINE="tornado", **where) as server:
                description = json.loads(server.get("/parity")[1])

        assert (description["server"], description["engine"]) == ("mongrel2", "tornado")
