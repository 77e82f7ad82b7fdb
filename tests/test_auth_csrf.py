"""Cross-site request forgery: what another site's page cannot have a browser do here."""

from __future__ import annotations

import pytest
from webtest import TestApp

from brubeck_wsgi import Brubeck, Forbidden, WebMessageHandler
from brubeck_wsgi.auth import CSRFProtection, check_origin

HTTPS = {"wsgi.url_scheme": "https"}
EVIL = "https://evil.example"


class FormHandler(CSRFProtection):
    def get(self):
        return self.csrf_token

    def post(self, place="5"):
        return f"posted {self.get_argument('text')} at {place}"

    def put(self, place):
        return f"put at {place}"


@pytest.fixture
def client():
    return client_of(FormHandler)


def client_of(handler):
    return TestApp(Brubeck(handler_tuples=[(r"^/form(?:/(\d+))?$", handler)], cookie_secret="secret"))


# -- the token


def test_form_with_the_token_of_a_page_is_taken(client):
    token = client.get("/form").text

    assert client.post("/form", {"csrf_token": token, "text": "hello"}).text == "posted hello at 5"
    assert client.post("/form/7", {"csrf_token": token, "text": "hello"}).text == "posted hello at 7"


def test_script_sends_the_token_as_a_header(client):
    token = client.get("/form").text

    assert client.put_json("/form/7", {}, headers={"X-CSRF-Token": token}).text == "put at 7"


@pytest.mark.parametrize("change", [lambda t: "", lambda t: t[:-4], lambda t: "A" * len(t), lambda t: t + "é"])
def test_form_without_the_token_is_refused(client, change):
    token = change(client.get("/form").text)

    response = client.post("/form", {"csrf_token": token}, status=403)

    assert response.json["detail"] == "expected the csrf_token of a page of this site; load the page again"


def test_form_without_the_cookie_is_refused(client):
    token = client.get("/form").text
    client.reset()

    client.post("/form", {"csrf_token": token}, status=403)


def test_token_of_one_browser_does_not_hold_in_another(client):
    token = client.get("/form").text
    client.reset()
    client.get("/form")

    client.post("/form", {"csrf_token": token}, status=403)


def test_cookie_and_token_of_somebody_elses_making_are_refused(client):
    client.set_cookie("csrf", "00" * 16)

    client.post("/form", {"csrf_token": "A" * 44}, status=403)


def test_every_page_has_another_text_for_the_token_and_all_hold(client):
    tokens = {client.get("/form").text for _ in range(5)}

    assert len(tokens) == 5
    assert [client.post("/form", {"csrf_token": token}).status_code for token in tokens] == [200] * 5


def test_cookie_is_set_once_and_is_out_of_reach_of_scripts_and_other_sites(client):
    first, second = client.get("/form"), client.get("/form")

    assert first.headers["Set-Cookie"].endswith("; HttpOnly; Path=/; SameSite=Lax")
    assert "Set-Cookie" not in second.headers
    assert first.headers["Vary"] == second.headers["Vary"] == "Cookie"


def test_over_https_no_neighbour_in_the_domain_can_set_the_cookie(client):
    cookie = client.get("/form", extra_environ=HTTPS).headers["Set-Cookie"]

    assert cookie.startswith("__Host-csrf=")
    assert cookie.endswith("; HttpOnly; Path=/; SameSite=Lax; Secure")


def test_methods_that_a_base_has_are_checked_too():
    class Base(WebMessageHandler):
        def delete(self, place=None):
            return "deleted"

    class Handler(CSRFProtection, Base):
        pass

    class Child(Handler):
        def patch(self, place=None):
            return "patched"

    for handler in (Handler, Child):
        client_of(handler).delete("/form", status=403)
    client_of(Child).patch("/form", status=403)


def test_check_comes_before_the_method_whatever_it_is():
    class Handler(CSRFProtection):
        @staticmethod
        def post(place=None):
            return "posted"

        @classmethod
        def put(cls, place=None):
            return cls.__name__

        def get(self, place=None):
            return self.csrf_token

    client = client_of(Handler)
    client.post("/form", status=403)
    headers = {"X-CSRF-Token": client.get("/form").text}

    assert client.post("/form", headers=headers).text == "posted"
    assert client.put("/form", headers=headers).text == "Handler"


def test_without_a_cookie_secret_the_application_is_told(caplog):
    TestApp(Brubeck(handler_tuples=[("^/form$", FormHandler)])).get("/form", status=500)

    assert "expected Brubeck(cookie_secret=…) to sign cookies with" in caplog.text


# -- the origin


OWN = [
    {},
    {"HTTP_SEC_FETCH_SITE": "same-origin"},
    {"HTTP_SEC_FETCH_SITE": "none"},
    {"HTTP_ORIGIN": "http://site.example"},
    {"HTTP_ORIGIN": "http://site.example:80"},
    {"HTTP_ORIGIN": "http://SITE.example"},
    {"HTTP_REFERER": "http://site.example/form?a=1"},
    {"HTTP_ORIGIN": "https://friend.example"},
    {"HTTP_ORIGIN": "https://friend.example", "HTTP_SEC_FETCH_SITE": "cross-site"},
    {"HTTP_HOST": "site.example:8080", "HTTP_ORIGIN": "http://site.example:8080"},
    {"wsgi.url_scheme": "https", "HTTP_ORIGIN": "https://site.example"},
    {"HTTP_HOST": "[::1]:8000", "HTTP_ORIGIN": "http://[::1]:8000"},
]
OTHERS = [
    {"HTTP_SEC_FETCH_SITE": "cross-site"},
    {"HTTP_SEC_FETCH_SITE": "same-site"},
    {"HTTP_SEC_FETCH_SITE": ""},
    {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "http://site.example"},
    {"HTTP_ORIGIN": EVIL},
    {"HTTP_ORIGIN": "null"},
    {"HTTP_ORIGIN": "https://site.example"},
    {"HTTP_ORIGIN": "http://site.example:8080"},
    {"HTTP_ORIGIN": "http://site.example.evil.example"},
    {"HTTP_ORIGIN": "http://[site.example"},
    {"HTTP_ORIGIN": "http://site.example:port"},
    {"HTTP_ORIGIN": "http://[bad", "HTTP_HOST": "[bad"},
    {"HTTP_REFERER": f"{EVIL}/http://site.example/"},
]


def post_environ(**changes):
    return {
        "REQUEST_METHOD": "POST",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "site.example",
        "SERVER_NAME": "10.0.0.1",
        "SERVER_PORT": "8000",
        **changes,
    }


@pytest.mark.parametrize("headers", OWN, ids=repr)
def test_request_of_an_own_or_trusted_page_or_of_no_browser_passes(headers):
    check_origin(post_environ(**headers), trusted=["https://friend.example"])


@pytest.mark.parametrize("headers", OTHERS, ids=repr)
def test_request_of_another_sites_page_is_refused(headers):
    with pytest.raises(Forbidden, match="expected a request from a page of this site"):
        check_origin(post_environ(**headers), trusted=["https://friend.example"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_request_that_changes_nothing_passes(method):
    check_origin(post_environ(REQUEST_METHOD=method, HTTP_ORIGIN=EVIL))


def test_origin_is_compared_with_the_server_where_no_host_was_sent():
    environ = post_environ(HTTP_ORIGIN="http://10.0.0.1:8000")
    del environ["HTTP_HOST"]

    check_origin(environ)


def test_form_of_another_sites_page_is_refused_even_with_the_token(client):
    token = client.get("/form").text

    client.post("/form", {"csrf_token": token}, headers={"Origin": EVIL}, status=403)


def test_handler_may_trust_other_sites():
    class Handler(FormHandler):
        trusted_origins = ("https://friend.example",)

    client = client_of(Handler)
    token = client.get("/form").text

    client.post("/form", {"csrf_token": token}, headers={"Origin": "https://friend.example"})
    client.post("/form", {"csrf_token": token}, headers={"Origin": EVIL}, status=403)


def test_function_may_check_the_origin_of_its_request():
    app = Brubeck()

    @app.post("/order")
    def order(application, message):
        check_origin(message.environ)
        return "ordered"

    assert TestApp(app).post("/order").text == "ordered"
    TestApp(app).post("/order", headers={"Origin": EVIL}, status=403)
