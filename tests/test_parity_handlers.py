"""Parity: what handlers go through, who may use them, what they take and show."""

from __future__ import annotations

import hashlib
import logging

import pytest
from webtest import TestApp

from tests.apps import parity_messages, parity_templates
from tests.apps.parity import make_app

pytest_plugins = ["parity_doors"]


# -- auth


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
def test_without_a_login_page_nobody_is_not_authenticated(client_of, method):
    nologin = client_of("nologin")
    response = nologin.request("/auth/web", method=method, status=401)

    assert "Location" not in response.headers
    assert nologin.get("/auth/web?user=dave").text == "private page of dave"


# -- errors, lifecycle


@pytest.mark.parametrize("path", ["/boom", "/boom/fun", "/boom/prepare", "/boom/init", "/life?do=raise"])
def test_exception_is_answered_with_nothing_of_it(client, path):
    response = client.get(path, status=500)

    assert "secret detail" not in response.text
    assert "X-Leak" not in response.headers


@pytest.mark.parametrize("path", ["/boom", "/boom/fun", "/boom/prepare", "/boom/init", "/life?do=raise"])
def test_exception_is_logged_once(local, caplog, path):
    local.get(path, status=500)

    assert [record.exc_info[0] for record in caplog.records if record.levelno == logging.ERROR] == [ValueError]


def test_on_finish_is_called_after_an_error_in_prepare(client):
    client.get("/boom/prepare", status=500)

    assert client.get("/life/log").json == ["finish-after-prepare-error"]


def test_error_in_on_finish_leaves_the_answer_alone(client):
    assert client.get("/boom/finish").text == "fine"


def test_error_in_on_finish_is_logged(local, caplog):
    local.get("/boom/finish")

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


def test_feed_is_plain_text(local, monkeypatch):
    monkeypatch.setattr(parity_messages, "FEED_SECONDS", 0)

    response = local.get("/feed")

    assert (response.headers["Content-Type"], response.text) == ("text/plain", "fed")


# -- templates


@pytest.fixture(params=parity_templates.ENGINES)
def pages(request, client_of):
    """A client of the application with each template engine."""
    return client_of(engine=request.param)


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
def test_failure_of_a_page_is_an_error_page(pages, do):
    response = pages.get(f"/tpl?do={do}", status=500)

    assert "Error 500" in response.text
    assert "secret detail" not in response.text


@pytest.mark.parametrize("do", ["missing", "raise"])
@pytest.mark.parametrize("engine", parity_templates.ENGINES)
def test_failure_of_a_page_is_logged_once(engine, caplog, do):
    TestApp(make_app(engine=engine)).get(f"/tpl?do={do}", status=500)

    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_page_for_users_only_refuses_with_an_error_page(pages):
    assert "Error 401" in pages.get("/auth/tpl", status=401).text
    assert pages.get("/auth/tpl?user=dave").html.p.text == "Hello, dude!"
