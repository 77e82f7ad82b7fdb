"""Who the user is, and who gets to see what: the decorators, Basic, Bearer, login throttling."""

from __future__ import annotations

import base64
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from webtest import TestApp

from brubeck_wsgi import Brubeck, JSONMessageHandler, MessageHandler, TooManyRequests, WebMessageHandler
from brubeck_wsgi.auth import (
    BasicAuthMixin,
    BearerAuthMixin,
    LoginThrottle,
    UserHandlingMixin,
    authenticated,
    basic_credentials,
    bearer_token,
    is_safe_path,
    is_same_secret,
    web_authenticated,
)
from brubeck_wsgi.caching import MemoryCacheStore


class KnowsUser(UserHandlingMixin):
    """The user is who the argument says."""

    lookups = 0

    def get_current_user(self):
        self.lookups += 1
        return self.get_argument("user")


class PageHandler(KnowsUser, WebMessageHandler):
    @web_authenticated
    def get(self):
        return f"page of {self.current_user}"

    @web_authenticated
    def delete(self):
        return "deleted"


class PostOnlyHandler(KnowsUser, WebMessageHandler):
    @web_authenticated
    def post(self):
        return "posted"


def client_of(handler, pattern="^/page$", **options):
    return TestApp(Brubeck(handler_tuples=[(pattern, handler)], **options))


# -- authenticated


@pytest.fixture(params=["mixin first", "mixin last"])
def numbered(request):
    """A client of a handler with the mixin on either side of its base."""
    bases = (KnowsUser, WebMessageHandler)

    class Handler(*(bases if request.param == "mixin first" else reversed(bases))):
        @authenticated
        def get(self, number=5):
            return f"{number} for {self.current_user}"

    return client_of(Handler, r"^/page(?:/(\d+))?$")


@pytest.mark.parametrize(("path", "text"), [("/page", "5 for dave"), ("/page/7", "7 for dave")])
def test_user_gets_to_the_method_with_its_arguments_and_defaults(numbered, path, text):
    assert numbered.get(f"{path}?user=dave").text == text


@pytest.mark.parametrize("query", ["", "?user="])
def test_nobody_is_answered_401(numbered, query):
    response = numbered.get(f"/page{query}", status=401)

    assert (response.content_type, response.json["status"]) == ("application/problem+json", 401)


def test_answer_401_has_a_challenge_that_browsers_do_not_ask_for(numbered):
    assert numbered.get("/page", status=401).headers["WWW-Authenticate"] == 'Cookie realm="users"'


def test_user_is_looked_up_once_a_request():
    class Handler(KnowsUser, WebMessageHandler):
        @authenticated
        def get(self):
            return [self.current_user, self.current_user, self.lookups]

    client = client_of(Handler)

    assert client.get("/page?user=dave").json == ["dave", "dave", 1]
    assert client.get("/page?user=paul").json == ["paul", "paul", 1]


def test_nobody_is_looked_up_once_too():
    class Handler(KnowsUser, WebMessageHandler):
        def get(self):
            return [self.current_user, self.current_user, self.lookups]

    assert client_of(Handler).get("/page").json == [None, None, 1]


def test_without_a_lookup_of_its_own_a_handler_knows_nobody():
    class Handler(WebMessageHandler, UserHandlingMixin):
        def get(self):
            return [self.current_user, self.current_userprofile]

    assert client_of(Handler).get("/page").json == [None, None]


def test_profile_is_looked_up_once_a_request():
    class Handler(KnowsUser, WebMessageHandler):
        def get_current_userprofile(self):
            self.lookups += 1
            return {"plays": "piano"}

        def get(self):
            return [self.current_userprofile, self.current_userprofile, self.lookups]

    assert client_of(Handler).get("/page").json == [{"plays": "piano"}, {"plays": "piano"}, 1]


def test_what_auth_error_adds_goes_with_the_answer():
    class Handler(KnowsUser, JSONMessageHandler):
        def auth_error(self):
            self.add_to_payload("hint", "log in first")
            self.headers["X-Auth"] = "needed"
            self.set_cookie("asked", "yes")

        @authenticated
        def get(self):
            return self.render()

    response = client_of(Handler).get("/page", status=401)

    assert response.json == {"status_code": 401, "status_msg": "Unauthorized", "hint": "log in first"}
    assert (response.headers["X-Auth"], response.headers["Set-Cookie"]) == ("needed", "asked=yes; Path=/")


def test_what_was_to_be_said_before_does_not_go_with_a_refusal():
    class Handler(KnowsUser, JSONMessageHandler):
        def prepare(self):
            self.add_to_payload("secret", "plan")

        @authenticated
        def get(self):
            return self.render()

    assert "secret" not in client_of(Handler).get("/page", status=401).json


def test_auth_error_may_name_another_challenge():
    class Handler(KnowsUser, WebMessageHandler):
        def auth_error(self):
            self.headers["WWW-Authenticate"] = "Token"

        @authenticated
        def get(self):
            return "page"

    assert client_of(Handler).get("/page", status=401).headers.getall("WWW-Authenticate") == ["Token"]


def test_refusal_is_the_handlers_own_error():
    class Handler(KnowsUser, WebMessageHandler):
        def auth_error(self):
            self.asked = True

        def render_error(self, status_code):
            self.set_body(f"no: {status_code} {self.asked}", status_code=status_code)
            return self.render()

        @authenticated
        def get(self):
            return "page"

    assert client_of(Handler).get("/page", status=401).text == "no: 401 True"


def test_handler_that_is_not_for_the_web_refuses_too():
    class Handler(UserHandlingMixin, MessageHandler):
        @authenticated
        def get(self):
            return "page"

    assert client_of(Handler).get("/page", status=401).json["status"] == 401


# -- web_authenticated


def test_user_gets_to_the_page():
    assert client_of(PageHandler, login_url="/login").get("/page?user=dave").text == "page of dave"


@pytest.mark.parametrize(
    ("request_line", "location"),
    [
        ("GET /page", "/login?next=/page"),
        ("HEAD /page", "/login?next=/page"),
        ("GET /page?a=1&b=%26%20c", "/login?next=/page%3Fa%3D1%26b%3D%2526%2520c"),
        ("DELETE /page", "/login?next=/page"),
        ("POST /post", "/login"),
        ("GET //evil.example/page", "/login"),
        ("GET /%5Cevil.example/page", "/login?next=/%255Cevil.example/page"),
        ("GET /caf%C3%A9/page", "/login?next=/caf%25C3%25A9/page"),
    ],
)
def test_nobody_is_sent_to_the_login_which_knows_the_way_back(request_line, location):
    app = Brubeck(handler_tuples=[("^/post$", PostOnlyHandler), ("^/.*page$", PageHandler)], login_url="/login")
    method, path = request_line.split()

    response = TestApp(app).request(path, method=method, status=302)

    assert response.headers["Location"] == location


@pytest.mark.parametrize(
    ("login_url", "location"),
    [
        ("/login?lang=fr", "/login?lang=fr&next=/page"),
        ("/login#form", "/login?next=/page#form"),
        ("https://sso.example/in", "https://sso.example/in?next=/page"),
    ],
)
def test_login_url_keeps_its_parts(login_url, location):
    assert client_of(PageHandler, login_url=login_url).get("/page", status=302).headers["Location"] == location


def test_way_back_has_the_place_where_the_application_is_mounted():
    response = client_of(PageHandler, login_url="/app/login").get(
        "/page", extra_environ={"SCRIPT_NAME": "/app"}, status=302
    )

    assert response.headers["Location"] == "/app/login?next=/app/page"


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("?next=/page?a=1", "/login?next=/page%3Fa%3D1"),
        ("?next=//evil.example", "/login"),
        ("", "/login"),
    ],
)
def test_login_that_is_refused_keeps_its_way_back(query, location):
    response = client_of(PageHandler, "^/login$", login_url="/login").get(f"/login{query}", status=302)

    assert response.headers["Location"] == location


def test_without_a_login_url_nobody_is_answered_401_and_the_application_told(caplog):
    response = client_of(PageHandler).get("/page", status=401)

    assert "Location" not in response.headers
    assert [record.levelno for record in caplog.records if "expected Brubeck(login_url=…)" in record.message] == [
        logging.ERROR
    ]


SAFE = ["/", "/page", "/page?a=1&b=//c", "/a//b", "/café", "/a b", "/@evil.example", "/.evil", "/%2Fevil.example"]
UNSAFE = [
    *("", "page", "//evil.example", "///evil.example", "https://evil.example", "javascript:alert(1)", "?a=/"),
    *("/\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example", "/\r\n/x", "/a\\b", "/\x00"),
]


@pytest.mark.parametrize("url", SAFE)
def test_path_of_this_site_is_safe(url):
    assert is_safe_path(url)


@pytest.mark.parametrize("url", UNSAFE)
def test_url_that_may_lead_elsewhere_is_not_safe(url):
    assert not is_safe_path(url)


class NextHandler(UserHandlingMixin, WebMessageHandler):
    def get(self):
        return self.redirect(self.next_url("/home"))


@pytest.mark.parametrize(
    ("next_", "location"),
    [("/page?a=1", "/page?a=1"), ("", "/home"), ("//evil.example", "/home"), ("/\t/evil.example", "/home")],
)
def test_login_sends_only_to_paths_of_this_site(next_, location):
    response = client_of(NextHandler).get("/page", {"next": next_}, status=302)

    assert response.headers["Location"] == location


# -- Basic and Bearer


def basic(text):
    octets = text if isinstance(text, bytes) else text.encode()
    return f"Basic {base64.b64encode(octets).decode()}"


@pytest.mark.parametrize(
    ("header", "credentials"),
    [
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ("Aladdin", "open sesame")),  # RFC 7617 §2
        ("Basic dGVzdDoxMjPCow==", ("test", "123£")),  # RFC 7617 §2.1
        (basic("dave:five:four"), ("dave", "five:four")),
        (basic(":"), ("", "")),
        ("basic  " + basic("a:b").split()[1] + " ", ("a", "b")),
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic !", None),
        ("Basic YWJj", None),
        ("Basic YTpi YTpi", None),
        (basic(b"dave:\xff"), None),
        (basic("da\0ve:five"), None),
        ("Basic YTpiY", None),
        ("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
    ],
)
def test_basic_credentials_are_read_or_there_are_none(header, credentials):
    assert basic_credentials({} if header is None else {"HTTP_AUTHORIZATION": header}) == credentials


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM"),  # RFC 6750 §2.1
        ("bearer a~b+/c==", "a~b+/c=="),
        (None, None),
        ("Bearer", None),
        ("Bearer a b", None),
        ("Bearer a=b", None),
        ("Bearer \xe9", None),
        ("Basic YTpi", None),
    ],
)
def test_bearer_token_is_read_or_there_is_none(header, token):
    assert bearer_token({} if header is None else {"HTTP_AUTHORIZATION": header}) == token


class BasicHandler(BasicAuthMixin, WebMessageHandler):
    def check_credentials(self, username, password):
        return username if username == "dave" and is_same_secret("five", password) else None

    @authenticated
    def get(self):
        return f"hello {self.current_user}"


class BearerHandler(BearerAuthMixin, WebMessageHandler):
    def check_token(self, token):
        return {"abc": "dave"}.get(token)

    @authenticated
    def get(self):
        return f"hello {self.current_user}"


@pytest.mark.parametrize(("handler", "header"), [(BasicHandler, basic("dave:five")), (BearerHandler, "Bearer abc")])
def test_user_with_the_right_credentials_is_known(handler, header):
    assert client_of(handler).get("/page", headers={"Authorization": header}).text == "hello dave"


@pytest.mark.parametrize(
    ("handler", "header", "challenge"),
    [
        (BasicHandler, None, 'Basic realm="users", charset="UTF-8"'),
        (BasicHandler, basic("dave:four"), 'Basic realm="users", charset="UTF-8"'),
        (BearerHandler, None, 'Bearer realm="users"'),
        (BearerHandler, "Bearer abcd", 'Bearer realm="users"'),
    ],
)
def test_user_without_them_is_asked_for_them(handler, header, challenge):
    response = client_of(handler).get("/page", headers={"Authorization": header} if header else {}, status=401)

    assert response.headers["WWW-Authenticate"] == challenge


@pytest.mark.parametrize(("mixin", "header"), [(BasicAuthMixin, basic("dave:five")), (BearerAuthMixin, "Bearer abc")])
def test_without_a_check_of_its_own_a_handler_knows_nobody_by_credentials(mixin, header):
    class Handler(mixin, WebMessageHandler):
        def get(self):
            return [self.current_user]

    assert client_of(Handler).get("/page", headers={"Authorization": header}).json == [None]


@pytest.mark.parametrize(("known", "sent"), [("five", "five"), ("café", "café"), ("", "")])
def test_same_secrets_are_the_same(known, sent):
    assert is_same_secret(known, sent)


@pytest.mark.parametrize(("known", "sent"), [("five", "fiv"), ("café", "cafe"), ("five", ""), ("five", "FIVE")])
def test_other_secrets_are_not_the_same(known, sent):
    assert not is_same_secret(known, sent)


# -- login throttling


class Clock:
    now = 2_000_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return LoginThrottle(MemoryCacheStore(clock=clock), limit=3, seconds=300)


def attempt(throttle, name, times=1):
    for _ in range(times):
        throttle.attempt(name)


def test_attempts_beyond_the_limit_are_refused_with_a_time_to_come_back(throttle):
    attempt(throttle, "dave", 3)

    with pytest.raises(TooManyRequests, match="try again in 300 seconds") as refusal:
        throttle.attempt("dave")

    assert (refusal.value.status, refusal.value.headers) == (429, {"Retry-After": "300"})


def test_names_are_counted_apart(throttle):
    attempt(throttle, "dave", 3)

    attempt(throttle, "paul", 3)


def test_attempts_are_forgotten_some_time_after_the_first(throttle, clock):
    attempt(throttle, "dave")
    clock.now += 299
    attempt(throttle, "dave", 2)
    with pytest.raises(TooManyRequests):
        throttle.attempt("dave")

    clock.now += 1

    attempt(throttle, "dave", 3)


def test_attempts_are_forgotten_when_the_password_was_right(throttle):
    attempt(throttle, "dave", 3)

    throttle.forget("dave")

    attempt(throttle, "dave", 3)


def test_two_throttles_over_one_store_count_apart_by_their_prefixes():
    store = MemoryCacheStore()
    by_name, by_address = LoginThrottle(store, limit=1), LoginThrottle(store, limit=1, prefix="addresses:")
    attempt(by_name, "dave")

    attempt(by_address, "dave")


def test_name_of_any_length_and_kind_takes_little_room():
    throttle = LoginThrottle(MemoryCacheStore(max_bytes=600))

    attempt(throttle, "x" * 100_000)
    attempt(throttle, "\udcff☃")


def test_many_attempts_at_once_are_no_way_around_the_limit(throttle):
    def is_let_through(_):
        try:
            throttle.attempt("dave")
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(is_let_through, range(50))) == 3
