"""The examples of auth, login and templates do what they show."""

from __future__ import annotations

import base64

import pytest
from browsers import chromium
from doors import SERVERS, serving
from servers import DEADLINE_SECONDS
from webtest import TestApp

from brubeck_wsgi.auth import LoginThrottle
from brubeck_wsgi.caching import MemoryCacheStore
from examples import (
    auth,
    jinja2_no_classes,
    jinja2_templates,
    login,
    mako_templates,
    mustache_templates,
    tornado_templates,
)

every_engine = pytest.mark.parametrize(
    "example",
    [jinja2_templates, mako_templates, tornado_templates, mustache_templates],
    ids=lambda example: example.__name__.split(".")[1],
)


# -- auth


def basic(credentials):
    return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def test_auth_knows_who_has_the_password():
    response = TestApp(auth.app).get("/brubeck", headers=basic("jd:foo"))

    assert response.text == "jd logged in successfully!\n"


@pytest.mark.parametrize("headers", [{}, basic("jd:bar"), basic("dj:foo"), basic("dj:")])
def test_auth_asks_everybody_else(headers):
    response = TestApp(auth.app).get("/brubeck", headers=headers, status=401)

    assert response.headers["WWW-Authenticate"].startswith("Basic ")


# -- templates


@every_engine
def test_page_greets_by_name(example):
    client = TestApp(example.app)

    assert client.get("/brubeck").html.p.text == "Take five, dude!"
    assert client.get("/brubeck", {"name": "<Dave>"}).html.p.text == "Take five, <Dave>!"


@every_engine
def test_error_has_a_page_too(example):
    response = TestApp(example.app).get("/brubeck?name=nobody", status=404)

    assert (response.html.h1.text, response.html.p.text) == ("404 Not Found", "Nobody is not here.")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_function_renders_pages(method):
    response = TestApp(jinja2_no_classes.app).request("/?name=Dave", method=method)

    assert (response.content_type, response.html.p.text) == ("text/html", "Take five, Dave!")


def test_function_renders_errors():
    response = TestApp(jinja2_no_classes.app).get("/nowhere", status=404)

    assert (response.content_type, response.html.h1.text) == ("text/html", "404 Not Found")


# -- login


@pytest.fixture
def browser(monkeypatch):
    """A browser that has not been here, before anybody has tried to log in."""
    monkeypatch.setattr(login, "throttle", LoginThrottle(MemoryCacheStore(), limit=3))
    return TestApp(login.app)


def log_in(browser, password="foo"):
    form = browser.get("/").follow().form
    form["username"], form["password"] = "jd", password
    return form.submit(expect_errors=True)


def test_landing_page_is_for_those_who_have_logged_in(browser):
    assert browser.get("/").headers["Location"] == "/login?next=/"

    assert log_in(browser).follow().html.h1.text == "Hello, jd!"
    assert browser.get("/").html.h1.text == "Hello, jd!"


def test_logout_is_one(browser):
    landing = log_in(browser).follow()

    landing.form.submit().follow()

    assert browser.get("/").headers["Location"] == "/login?next=/"


def test_wrong_password_is_told_without_saying_what_was_wrong(browser):
    response = log_in(browser, "bar")

    assert response.status_code == 422
    assert response.html.find(role="alert").text == "That is not the name, or not the password."
    assert browser.get("/").status_code == 302


def test_too_many_wrong_passwords_shut_out_the_right_one(browser):
    for _ in range(3):
        log_in(browser, "bar")

    assert log_in(browser, "foo").status_code == 429


def test_login_form_of_another_site_is_refused(browser):
    browser.post("/login", {"username": "jd", "password": "foo"}, status=403)
    form = browser.get("/login").form
    form["username"], form["password"] = "jd", "foo"
    form.submit(headers={"Origin": "https://evil.example"}, status=403)


def test_login_leads_nowhere_else(browser):
    form = browser.get("/login?next=//evil.example").form
    form["username"], form["password"] = "jd", "foo"

    assert form.submit().headers["Location"] == "/"


@pytest.mark.browser
@pytest.mark.parametrize("door", SERVERS)
def test_login_and_logout_in_a_browser(tmp_path, door):
    with serving(door, "examples.login:app") as server, chromium(tmp_path / "profile") as browser:
        site = f"http://127.0.0.1:{server.port}"
        browser.implicitly_wait(DEADLINE_SECONDS)
        browser.get(f"{site}/?a=1")
        assert browser.current_url == f"{site}/login?next=/%3Fa%3D1"

        fill_in(browser, "bar")
        browser.find_element("xpath", "//*[@role='alert']")
        fill_in(browser, "foo")
        browser.find_element("xpath", "//h1[.='Hello, jd!']")
        assert browser.current_url == f"{site}/?a=1"

        browser.find_element("tag name", "button").click()
        browser.find_element("xpath", "//h1[.='Log in']")
        browser.get(site)
        assert browser.current_url == f"{site}/login?next=/"


def fill_in(browser, password):
    browser.find_element("name", "username").send_keys("jd")
    browser.find_element("name", "password").send_keys(password)
    browser.find_element("tag name", "button").click()
