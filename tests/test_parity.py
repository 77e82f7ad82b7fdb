"""The parity app: what users of Brubeck 0.4 had, in its sane form, row by row.

Where Brubeck's own way was not sound, or nobody wrote down what it was, the test has what a user would expect.
"""

from __future__ import annotations

import hashlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie

import pytest
from redis_server import running_redis
from servers import free_port, running
from webtest import TestApp

from tests.apps import parity_library, parity_lifecycle, parity_messages, parity_templates
from tests.apps.parity import COOKIE_SECRET, app, make_app


@pytest.fixture
def client():
    """A client of the main variant, with no cookies, before anything has happened."""
    parity_lifecycle.EVENTS.clear()
    return TestApp(app)


@pytest.fixture
def new_york(monkeypatch):
    """Local time that is not UTC."""
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def server():
    """The parity app behind Gunicorn, in New York."""
    port = free_port()
    command = ["gunicorn", "-k", "gevent", "-b", f"127.0.0.1:{port}", "tests.apps.parity:app"]
    with running(command, port, TZ="America/New_York") as server:
        yield server


def ask(client, request_line):
    """Return the answer to ``"GET /path"``, whatever its status."""
    method, path = request_line.split(" ", 1)
    return client.request(path, method=method, expect_errors=True)


def cookies_of(response):
    """Return the cookies that a response sets, by name, as the standard library reads them."""
    jar = SimpleCookie()
    for line in response.headers.getall("Set-Cookie"):
        jar.load(line)
    return jar


# -- self-description


def test_app_describes_itself(client):
    description = client.get("/parity").json

    assert description["app"] == "brubeck-parity"
    assert (description["server"], description["variant"]) == ("wsgi", "main")
    assert {"hello", "routing", "cookies", "lifecycle"} <= set(description["groups"])


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
def test_base_handler_answers_unknown_paths(variant, request_line, body):
    response = ask(TestApp(make_app(variant)), request_line)

    assert (response.status_code, response.text) == (404, body)


def test_base_handler_with_a_get_alone_does_not_find_what_is_posted():
    TestApp(make_app("custom404")).post("/nowhere", status=404)


@pytest.mark.parametrize("variant", ["custom404", "custom404b"])
def test_base_handler_leaves_known_paths_alone(variant):
    client = TestApp(make_app(variant))

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


# -- args, message, headers, body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_arguments_come_from_the_query_with_any_method(client, method):
    arguments = ask(client, f"{method} /args?a=1&b=caf%C3%A9&a=+2+").json

    assert arguments == {
        "one": "2",
        "raw": " 2 ",
        "many": ["1", "2"],
        "default": "2",
        "none": None,
        "nonelist": [],
        "all": {"a": ["1", " 2 "], "b": ["café"]},
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_arguments_of_the_form_follow_those_of_the_query(client, method):
    form = {"method": method, "content_type": "application/x-www-form-urlencoded", "body": b"a=2&c=%26"}

    arguments = client.request("/args?a=1", **form).json

    assert (arguments["one"], arguments["many"]) == ("2", ["1", "2"])
    assert arguments["all"] == {"a": ["1", "2"], "c": ["&"]}


def test_default_stands_in_for_an_argument_that_was_not_sent(client):
    arguments = client.get("/args?b=1").json

    assert (arguments["one"], arguments["default"], arguments["many"]) == (None, "dflt", [])


@pytest.mark.parametrize("request_line", ["GET /args?a=%ff", "GET /raw/%ff"])
def test_undecodable_text_is_the_clients_fault(client, request_line):
    assert ask(client, request_line).status_code == 400


@pytest.mark.parametrize("body", [b"", b"\x00\xff\r\n", b"x" * 100_000])
def test_body_comes_back_unchanged(client, body):
    response = client.post("/echo", body, content_type="application/octet-stream")

    assert (response.content_type, response.body) == ("application/octet-stream", body)


def test_message_tells_about_a_request(client):
    options = {"content_type": "text/plain; charset=utf-8", "headers": {"X-PROBE": "found"}}

    info = client.post("/info/here?a=1", "café".encode(), **options).json

    assert info == {
        "method": "POST",
        "path": "/info/here",
        "url": "http://localhost/info/here?a=1",
        "content_type": "text/plain",
        "body": "café",
        "header": "found",
        "remote_addr": None,
    }


def test_message_has_none_for_a_header_that_was_not_sent(client):
    assert client.get("/info", extra_environ={"REMOTE_ADDR": "192.0.2.1"}).json == {
        "method": "GET",
        "path": "/info",
        "url": "http://localhost/info",
        "content_type": "",
        "body": "",
        "header": None,
        "remote_addr": "192.0.2.1",
    }


@pytest.mark.parametrize(
    ("query", "name", "values"),
    [
        ("", "X-Probe", ["plain"]),
        ("?kind=int", "X-Probe", ["5"]),
        ("?kind=unicode", "X-Probe", ["café"]),
        ("?kind=replace", "X-Other", ["after"]),
        ("?kind=replace", "X-Probe", []),
        ("?kind=ctype", "Content-Type", ["text/css"]),
        ("?kind=case", "Content-Type", ["text/css"]),
    ],
)
def test_header_leaves_as_it_was_set(client, query, name, values):
    assert client.get(f"/headers{query}").headers.getall(name) == values


@pytest.mark.parametrize("kind", ["inject", "name"])
def test_header_that_would_begin_another_one_is_refused(client, caplog, kind):
    response = client.get(f"/headers?kind={kind}", status=500)

    assert not {"X-Injected", "X-Bad"} & set(response.headers)
    assert "ValueError: expected a " in caplog.text


@pytest.mark.parametrize(
    ("kind", "content_type", "body"),
    [
        ("unicode", "text/plain", "café ☃".encode()),
        ("utf8bytes", "application/octet-stream", "café".encode()),
        ("bytes", "application/octet-stream", b"\x00\xff\xfe\x80"),
        ("none", "text/plain", b""),
        ("int", "text/plain", b"5"),
        ("empty", "text/plain", b""),
    ],
)
def test_body_leaves_as_the_bytes_that_it_means(client, kind, content_type, body):
    response = client.get(f"/body?kind={kind}")

    assert (response.content_type, response.body) == (content_type, body)
    assert response.content_length == len(body)


# -- status, JSON


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/status", "200 OK", "status body"),
        ("/status?code=201", "201 Created", "status body"),
        ("/status?code=404&extra=no%20todo", "404 Not Found - no todo", "status body"),
        ("/status?code=404&msg=Gone%20Fishing", "404 Gone Fishing", "status body"),
        ("/status?code=404&msg=Gone&extra=fishing", "404 Gone - fishing", "status body"),
        ("/status?code=299", "299 Unknown", "status body"),
        ("/status?code=404&msg=Gone&http_200=1", "200 OK", "status body"),
        ("/status?code=404&msg=Gone&late=410", "410 Gone", "status body"),
        ("/status?code=204", "204 No Content", ""),
        ("/status?code=304", "304 Not Modified", ""),
        ("/nostatus", "200 OK", "forgot the status"),
        ("/web200", "200 OK", "not here"),
    ],
)
def test_status_and_reason_leave_as_they_were_set(client, path, status, body):
    response = ask(client, f"GET {path}")

    assert (response.status, response.text) == (status, body)


@pytest.mark.parametrize(
    "query", ["code=199", "code=600", "msg=a%0D%0AX-Injected:%201", "extra=a%0D%0AX-Injected:%201"]
)
def test_status_that_cannot_be_sent_is_the_handlers_mistake(client, query):
    response = client.get(f"/status?{query}", status=500)

    assert (response.status, "X-Injected" in response.headers) == ("500 Internal Server Error", False)


DATA = {"n": 1, "s": "café"}
OK = {"status_code": 200, "status_msg": "OK"}


@pytest.mark.parametrize(
    ("query", "status", "payload"),
    [
        ("", 200, OK),
        ("data=1", 200, OK | {"data": DATA}),
        ("data=1&extra=1", 200, OK | {"data": DATA, "extra": "yes"}),
        ("data=1&extra=1&hide=1", 200, DATA),
        ("extra=1&hide=1", 200, OK | {"extra": "yes"}),
        ("nan=1", 200, OK | {"data": None}),  # JSON has no NaN
        ("data=1&clear=1", 200, OK),
        ("code=201", 201, {"status_code": 201, "status_msg": "Created"}),
        ("code=404&http_200=1", 200, {"status_code": 404, "status_msg": "Not Found"}),
        ("data=1&code=404&hide=1&http_200=1", 200, DATA),
        ("status=404", 404, {"status_code": 404, "status_msg": "Not Found"}),
        ("status=404&txt=no%20todo", 404, {"status_code": 404, "status_msg": "Not Found - no todo"}),
        ("status=404&data=1&clear=1", 404, {"status_code": 404, "status_msg": "Not Found"}),
        ("status=404&code=410", 410, {"status_code": 410, "status_msg": "Gone"}),
    ],
)
def test_json_handler_answers_its_payload(client, query, status, payload):
    response = client.get(f"/json?{query}", status=status)

    assert (response.content_type, response.json) == ("application/json", payload)


def test_json_handler_answers_an_error_as_its_payload(client):
    response = client.get("/json/err", status=403)

    assert response.content_type == "application/json"
    assert response.json == {"status_code": 403, "status_msg": "Forbidden"}


def test_exception_of_a_json_handler_is_answered_as_json_with_nothing_of_it(client):
    response = client.get("/json/boom", status=500)

    assert response.json["status"] == 500
    assert "secret" not in response.text


# -- cookies


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("", "key=val; Path=/"),
        ("k=a&v=b", "a=b; Path=/"),
        ("path=/p", "key=val; Path=/p"),
        ("domain=example.org", "key=val; Domain=example.org; Path=/"),
        ("max_age=60", "key=val; Max-Age=60; Path=/"),
        ("max_age=0", "key=val; Max-Age=0; Path=/"),
        ("secure=1&httponly=1", "key=val; HttpOnly; Path=/; Secure"),
        ("expires=ts", "key=val; Expires=Wed, 18 May 2033 03:33:20 GMT; Path=/"),
        ("expires=dt", "key=val; Expires=Wed, 18 May 2033 03:33:20 GMT; Path=/"),
    ],
)
def test_cookie_is_set_with_the_attributes_that_were_given(client, new_york, query, line):
    response = client.get(f"/cookie/set?{query}")

    assert response.headers.getall("Set-Cookie") == [line]


@pytest.mark.parametrize("value", ["plain", "with space", 'semi; "quoted", \\', "café ☃", "a=b&c"])
def test_cookie_comes_back_as_the_text_that_was_set(client, value):
    client.get("/cookie/set", {"v": value})

    assert client.get("/cookie/get").json == {"value": value, "default": value, "all": {"key": value}}


def test_cookie_of_a_number_without_a_secret_is_the_handlers_mistake(client, caplog):
    response = client.get("/cookie/set?type=int", status=500)

    assert "Set-Cookie" not in response.headers
    assert "expected text as the value of cookie 'key', got int" in caplog.text


@pytest.mark.parametrize("query", ["k=a%20b", "path=/;x", "domain=a%0D%0Ab", "v=" + "x" * 4100])
def test_cookie_that_browsers_would_misread_is_not_set(client, query):
    assert "Set-Cookie" not in client.get(f"/cookie/set?{query}", status=500).headers


@pytest.mark.parametrize(("query", "status"), [("", 200), ("?redirect=1", 302)])
def test_every_cookie_has_a_header_of_its_own(client, query, status):
    response = client.get(f"/cookie/multi{query}", status=status)

    lines = ["one=1; Path=/", "two=2; Path=/", "three=3; Max-Age=60; Path=/"]
    assert response.headers.getall("Set-Cookie") == lines


def test_cookie_that_was_not_sent_is_its_default(client):
    assert client.get("/cookie/get?k=other").json == {"value": None, "default": "dflt", "all": {}}


def test_cookie_is_deleted_where_it_was_set(client):
    deleted = cookies_of(client.get("/cookie/del"))["key"]

    assert (deleted.value, deleted["path"], deleted["max-age"]) == ("", "/p", "0")
    assert deleted["expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_all_cookies_that_the_browser_sent_are_deleted(client):
    client.get("/cookie/set?k=a")
    client.get("/cookie/set?k=b")

    assert set(cookies_of(client.get("/cookie/del?all=1"))) == {"a", "b"}
    assert client.get("/cookie/get").json["all"] == {}


@pytest.mark.parametrize(
    ("type_", "value"),
    [("str", "user-42"), ("int", 42), ("dict", {"uid": 42, "roles": ["a", "b"]}), ("unicode", "café")],
)
def test_signed_cookie_comes_back_as_the_value_that_was_signed(client, type_, value):
    client.get(f"/cookie/signed/set?type={type_}")

    expected = {"value": value, "default": value, "wrongkey": None, "raw": True}
    assert client.get("/cookie/signed/get").json == expected


def test_signed_cookie_is_out_of_reach_of_scripts_and_other_sites(client):
    signed = cookies_of(client.get("/cookie/signed/set"))["sess"]

    assert (signed["httponly"], signed["samesite"], signed["path"]) == (True, "Lax", "/")


def test_signed_cookie_that_was_not_sent_is_its_default(client):
    expected = {"value": None, "default": "dflt", "wrongkey": None, "raw": False}

    assert client.get("/cookie/signed/get").json == expected


@pytest.mark.parametrize("change", [lambda signed: "forged", lambda signed: signed[:-1], lambda signed: "x" + signed])
def test_signed_cookie_that_was_tampered_with_is_its_default(change):
    cookie = f"sess={change(signed_text())}"

    expected = {"value": None, "default": "dflt", "wrongkey": None, "raw": True}
    assert TestApp(app).get("/cookie/signed/get", headers={"Cookie": cookie}).json == expected


def test_signed_cookie_does_not_hold_under_another_name():
    cookie = f"admin={signed_text()}"

    assert TestApp(app).get("/cookie/signed/get?k=admin", headers={"Cookie": cookie}).json["value"] is None


def signed_text():
    return cookies_of(TestApp(app).get("/cookie/signed/set"))["sess"].value


def test_cookie_secret_is_the_applications():
    assert app.cookie_secret == COOKIE_SECRET == "parity-secret"


# -- redirect


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("", "/brubeck"),
        ("/a b/café", "/a%20b/caf%C3%A9"),
        ("/a%20b?q=1&r=%26#there", "/a%20b?q=1&r=%26#there"),
        ("https://example.org/x", "https://example.org/x"),
    ],
)
def test_redirect_leads_to_the_url(client, to, location):
    response = client.get("/redirect", {"to": to}, status=302)

    assert (response.headers["Location"], response.body) == (location, b"")


def test_redirect_keeps_the_headers_that_were_set_before(client):
    assert client.get("/redirect", status=302).headers["X-Before"] == "1"


@pytest.mark.parametrize("to", ["/a\r\nX-Injected: 1", "/a\nX-Injected: 1", "/a\tb", "/a\x7f"])
def test_redirect_refuses_what_could_inject_a_header(client, to):
    response = client.get("/redirect", {"to": to}, status=500)

    assert not {"Location", "X-Injected"} & set(response.headers)


# -- auth


@pytest.fixture
def nologin():
    """A client of the variant without a login page."""
    return TestApp(make_app("nologin"))


def test_user_is_looked_up_once(client):
    assert client.get("/auth/api?user=dave").text == "hello dave (1 lookup)"


@pytest.mark.parametrize("path", ["/auth/api", "/auth/api?user=", "/auth/json"])
def test_nobody_is_not_authenticated(client, path):
    client.get(path, status=401)


def test_auth_error_comes_before_the_answer_and_goes_with_it(client):
    response = client.get("/auth/json", status=401)

    assert response.json == {"status_code": 401, "status_msg": "Unauthorized", "hint": "log in first"}
    assert response.headers["X-Auth"] == "needed"


def test_user_is_in_the_payload(client):
    response = client.get("/auth/json?user=dave")

    assert response.json == {"status_code": 200, "status_msg": "OK", "user": "dave"}
    assert "X-Auth" not in response.headers


def test_nobody_is_sent_to_the_login_page(client):
    response = client.get("/auth/web?a=1", status=302)

    assert response.headers["Location"] == "/login?next=/auth/web%3Fa%3D1"
    assert response.follow().text == "login form"


def test_login_by_a_signed_cookie_lasts(client):
    posted = client.post("/auth/web", {"user": "café"}, status=302)

    assert posted.headers["Location"] == "/auth/web"
    assert posted.follow().text == "private page of café"
    assert client.get("/auth/api").text == "hello café (1 lookup)"


def test_cookie_of_a_user_that_was_tampered_with_is_nobody(client):
    client.get("/auth/web", headers={"Cookie": "user=dave"}, status=302)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_login_page_nobody_is_not_authenticated(nologin, method):
    response = nologin.request("/auth/web", method=method, status=401)

    assert "Location" not in response.headers
    assert nologin.get("/auth/web?user=dave").text == "private page of dave"


# -- errors, lifecycle


@pytest.mark.parametrize("path", ["/boom", "/boom/fun", "/boom/prepare", "/boom/init", "/life?do=raise"])
def test_exception_is_logged_once_and_answered_with_nothing_of_it(client, caplog, path):
    response = client.get(path, status=500)

    assert "secret detail" not in response.text
    assert "X-Leak" not in response.headers
    assert [record.exc_info[0] for record in caplog.records if record.levelno == logging.ERROR] == [ValueError]


def test_on_finish_is_called_after_an_error_in_prepare(client):
    client.get("/boom/prepare", status=500)

    assert client.get("/life/log").json == ["finish-after-prepare-error"]


def test_error_in_on_finish_is_logged_and_leaves_the_answer_alone(client, caplog):
    assert client.get("/boom/finish").text == "fine"
    assert "ValueError('secret detail')" in caplog.text


def test_error_function_of_the_handler_answers_its_exceptions(client):
    assert client.get("/boom/custom", status=503).text == "handled ValueError"


def test_handler_that_returns_nothing_answers_what_it_set(client):
    assert client.get("/nothing").text == "nothing returned"


def test_four_oh_four_exception_is_not_found(client):
    client.get("/fourohfour", status=404)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 418, 500, 503])
def test_render_error_answers_the_status(client, code):
    assert client.get(f"/rendererror?code={code}", status=code).json["status"] == code


@pytest.mark.parametrize(
    ("query", "status", "steps"),
    [
        ("", 200, ["initialize", "prepare", "get", "on_finish"]),
        ("?do=body", 200, ["initialize", "prepare", "get", "on_finish"]),
        ("?do=redirect", 302, ["initialize", "prepare", "on_finish"]),
        ("?do=error", 403, ["initialize", "prepare", "on_finish"]),
        ("?do=raise", 500, ["initialize", "prepare", "get", "on_finish"]),
    ],
)
def test_handler_goes_through_its_steps_in_order(client, query, status, steps):
    client.get(f"/life{query}", status=status)

    assert client.get("/life/log").json == steps
    assert client.get("/life/log").json == []


@pytest.mark.parametrize(("query", "body"), [("", "from get"), ("?do=body", "from prepare")])
def test_body_that_prepare_set_is_there_in_the_method(client, query, body):
    assert client.get(f"/life{query}").text == body


def test_redirect_in_prepare_is_the_answer(client):
    response = client.get("/life?do=redirect", status=302)

    assert (response.headers["Location"], response.body) == ("/brubeck", b"")


def test_handler_need_not_call_initialize_of_its_base(client):
    response = client.get("/naive")

    assert (response.text, response.headers["X-Mine"]) == ("set without super", "ok")


# -- upload, long polling


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_uploaded_files_come_with_the_fields_of_the_form(client, method):
    files = [
        ("score", "five.pdf", b"%PDF\r\n\x00"),
        ("score", "café.txt", b""),
        ("cover", "c.png", b"png", "image/png"),
    ]
    content_type, body = client.encode_multipart([("a", " 1 "), ("b", "☃")], files)

    answer = client.request("/upload?a=0", method=method, body=body, content_type=content_type).json

    assert answer == {
        "has_files": True,
        "arguments": {"a": ["0", " 1 "], "b": ["☃"]},
        "a": "1",
        "files": {
            "score": [
                described("five.pdf", "application/pdf", b"%PDF\r\n\x00"),
                described("café.txt", "text/plain", b""),
            ],
            "cover": [described("c.png", "image/png", b"png")],
        },
    }


def described(filename, content_type, content):
    return {
        "filename": filename,
        "content_type": content_type,
        "size": len(content),
        "md5": hashlib.md5(content).hexdigest(),
    }


def test_form_without_files_has_none(client):
    answer = client.post("/upload", {"a": "1"}).json

    assert answer == {"has_files": True, "arguments": {"a": ["1"]}, "a": "1", "files": {}}


@pytest.mark.parametrize("body", [b"", b"no boundary", b"--b\r\nno end"])
def test_malformed_upload_is_the_clients_fault(client, body):
    client.request("/upload", method="POST", body=body, content_type="multipart/form-data; boundary=b", status=400)


def test_feed_is_plain_text(client, monkeypatch):
    monkeypatch.setattr(parity_messages, "FEED_SECONDS", 0)

    response = client.get("/feed")

    assert (response.headers["Content-Type"], response.text) == ("text/plain", "fed")


# -- templates


@pytest.fixture(params=parity_templates.ENGINES)
def pages(request):
    """A client of the application with each template engine."""
    return TestApp(make_app(engine=request.param))


def test_engine_is_the_one_that_was_asked_for(pages, request):
    assert pages.get("/parity").json["engine"] == request.node.callspec.params["pages"]


@pytest.mark.parametrize("path", ["/tpl", "/tplfun"])
def test_page_greets_by_name(pages, path):
    for name in ("dude", "café ☃", "<script>&\"'"):
        response = pages.get(path, {} if name == "dude" else {"name": name})

        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert (response.html.title.text, response.html.p.text) == ("Page", f"Hello, {name}!")
        assert "<script>" not in response.text


def test_page_has_the_status_that_it_is_rendered_with(pages):
    response = pages.get("/tpl?do=status", status=201)

    assert response.html.p.text == "Hello, made!"


@pytest.mark.parametrize(("query", "code"), [("", 500), ("&code=404", 404), ("&code=503", 503)])
def test_error_is_a_page_too(pages, query, code):
    response = pages.get(f"/tpl?do=error{query}", status=code)

    assert response.content_type == "text/html"
    assert f"Error {code}" in response.text


@pytest.mark.parametrize("do", ["missing", "raise"])
def test_failure_of_a_page_is_logged_and_an_error_page(pages, caplog, do):
    response = pages.get(f"/tpl?do={do}", status=500)

    assert "Error 500" in response.text
    assert "secret detail" not in response.text
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_page_for_users_only_refuses_with_an_error_page(pages):
    assert "Error 401" in pages.get("/auth/tpl", status=401).text
    assert pages.get("/auth/tpl?user=dave").html.p.text == "Hello, dude!"


# -- the library, without HTTP


@pytest.fixture(scope="module")
def redis_url():
    with running_redis() as url:
        yield url


@pytest.fixture(params=["base", pytest.param("redis", marks=pytest.mark.redis)])
def run_cache_steps(request, client, monkeypatch):
    """Runs steps on a fresh store of each kind."""
    if request.param == "redis":
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


@pytest.mark.parametrize("store", ["redis", "nowhere"])
def test_cache_that_is_not_there_is_not_found(client, store):
    client.post_json(f"/lib/cache/{store}", [], status=404)


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


def test_password_lines_are_made_and_checked(client):
    assert client.get("/lib/passwd").json == {
        **{name: ["scrypt", 2, True, False] for name in ("ascii", "unicode", "empty", "long")},
        "none": {"error": "ValueError"},
        "badalg": "ValueError",
    }


# -- behind a real server


@pytest.mark.serving
def test_ten_clients_are_fed_in_the_time_of_one(server):
    started = time.monotonic()
    with ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(server.get, ["/feed"] * 10))

    assert answers == [(200, b"fed")] * 10
    assert 1 <= time.monotonic() - started < 3


@pytest.mark.serving
def test_cookie_expires_at_the_same_moment_in_new_york(server):
    client = server.connect()
    client.request("GET", "/cookie/set?expires=dt")
    cookie = client.getresponse().headers["Set-Cookie"]
    client.close()

    assert cookie == "key=val; Expires=Wed, 18 May 2033 03:33:20 GMT; Path=/"
