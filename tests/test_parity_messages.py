"""Parity: what a request has, and what its answer can have."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from doors import ask
from webtest import TestApp

from tests.apps.parity import COOKIE_SECRET, app

pytest_plugins = ["parity_doors"]


def cookies_of(response):
    """Return the cookies that a response sets, by name, as the standard library reads them."""
    jar = SimpleCookie()
    for line in response.headers.getall("Set-Cookie"):
        jar.load(line)
    return jar


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
        "remote_addr": "127.0.0.1",
    }


def test_message_has_none_for_a_header_that_was_not_sent(client):
    assert client.get("/info").json == {
        "method": "GET",
        "path": "/info",
        "url": "http://localhost/info",
        "content_type": "",
        "body": "",
        "header": None,
        "remote_addr": "127.0.0.1",
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
def test_header_that_would_begin_another_one_is_refused(client, kind):
    response = client.get(f"/headers?kind={kind}", status=500)

    assert not {"X-Injected", "X-Bad"} & set(response.headers)


@pytest.mark.parametrize(
    ("path", "mistake"),
    [
        ("/headers?kind=inject", "ValueError: expected a "),
        ("/headers?kind=name", "ValueError: expected a "),
        ("/cookie/set?type=int", "expected text as the value of cookie 'key', got int"),
    ],
)
def test_mistake_of_the_handler_is_logged(local, caplog, path, mistake):
    local.get(path, status=500)

    assert mistake in caplog.text


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
def test_cookie_is_set_with_the_attributes_that_were_given(client, query, line):
    response = client.get(f"/cookie/set?{query}")

    assert response.headers.getall("Set-Cookie") == [line]


@pytest.mark.parametrize("value", ["plain", "with space", 'semi; "quoted", \\', "café ☃", "a=b&c"])
def test_cookie_comes_back_as_the_text_that_was_set(client, value):
    client.get("/cookie/set", {"v": value})

    assert client.get("/cookie/get").json == {"value": value, "default": value, "all": {"key": value}}


def test_cookie_of_a_number_without_a_secret_is_the_handlers_mistake(client):
    assert "Set-Cookie" not in client.get("/cookie/set?type=int", status=500).headers


@pytest.mark.parametrize("query", ["k=a%20b", "path=/;x", "domain=a%0D%0Ab", "v=" + "," * 1400])
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
