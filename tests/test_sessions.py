"""Sessions: one contract, in a signed cookie and in stores; and what only a store can do."""

from __future__ import annotations

import secrets
from functools import partial

import pytest
import redis
from redis_server import running_redis
from webtest import TestApp

from brubeck_wsgi import Brubeck, Forbidden, JSONMessageHandler, WebMessageHandler
from brubeck_wsgi.auth import authenticated
from brubeck_wsgi.caching import MemoryCacheStore, RedisCacheStore
from brubeck_wsgi.sessions import CookieSessions, SessionHandling, SessionUserMixin, StoreSessions

IDLE, ABSOLUTE = 600, 3600
KINDS = ["cookie", "memory", pytest.param("redis", marks=pytest.mark.redis)]


class Clock:
    now = 2_000_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def redis_url():
    with running_redis() as url:
        yield url


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return MemoryCacheStore(clock=clock)


class Site:
    """An application with sessions; ``/do?…`` changes the session as the arguments say, and answers it."""

    def __init__(self, sessions, base=SessionUserMixin, mixin=WebMessageHandler):
        class Do(base, mixin):
            def get(self):
                return act(self)

        class User(Do):
            def get(self):
                return [self.current_user]

        Do.sessions = sessions
        self.handler = Do
        self.app = Brubeck(handler_tuples=[("^/do$", Do), ("^/user$", User)], cookie_secret="secret")
        self.client = TestApp(self.app)

    def do(self, _status=None, **arguments):
        return self.client.get("/do", arguments, status=_status)

    def contents(self):
        return self.do().json

    def user(self):
        return self.client.get("/user").json[0]

    def visitor(self):
        """Return another visitor's client of the same application."""
        other = Site.__new__(Site)
        other.app, other.client = self.app, TestApp(self.app)
        return other


def act(handler):
    session = handler.session
    for name, value in handler.message.arguments.items():
        match name:
            case "push":
                session.setdefault("list", []).extend(value)
            case "drop":
                del session[value[-1]]
            case "clear":
                session.clear()
            case "rotate":
                session.rotate()
            case "login":
                handler.log_in(value[-1])
            case "logout":
                handler.log_out()
            case "fail":
                raise {"error": ValueError, "http": Forbidden}[value[-1]]
            case _:
                session[name] = value[-1]
    return dict(session)


@pytest.fixture(params=KINDS)
def make_sessions(request, clock, store):
    """Each way to keep sessions, by the same clock; what Redis expires it expires by its own."""
    options = {"idle_seconds": IDLE, "absolute_seconds": ABSOLUTE, "clock": clock}
    if request.param == "cookie":
        yield partial(CookieSessions, **options)
    elif request.param == "memory":
        yield partial(StoreSessions, store, **options)
    else:
        with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            client.flushdb()
            yield partial(StoreSessions, RedisCacheStore(client, clock=clock), **options)


@pytest.fixture
def sessions(make_sessions):
    return make_sessions()


@pytest.fixture
def site(sessions):
    return Site(sessions)


@pytest.fixture
def stored(store, clock):
    """A site with its sessions in memory, in the fixture `store`."""
    return Site(StoreSessions(store, idle_seconds=IDLE, absolute_seconds=ABSOLUTE, clock=clock))


def cookie_of(response):
    return response.headers.get("Set-Cookie")


# -- the contract


def test_what_is_put_into_the_session_is_there_in_the_next_request(site):
    site.do(name="café", city="Paris")
    site.do(city="Rome")

    assert site.contents() == {"name": "café", "city": "Rome"}


def test_visitors_have_sessions_of_their_own(site):
    other = site.visitor()
    site.do(name="dave")
    other.do(name="paul")

    assert (site.contents(), other.contents()) == ({"name": "dave"}, {"name": "paul"})


def test_change_inside_of_a_list_is_kept(site):
    site.do(push="a")
    site.do(push="b")

    assert site.contents() == {"list": ["a", "b"]}


def test_what_is_taken_out_is_gone(site):
    site.do(name="dave", city="Paris")
    site.do(drop="city")

    assert site.contents() == {"name": "dave"}


def test_visitor_without_a_session_gets_no_cookie(site):
    assert cookie_of(site.do()) is None


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(site):
    assert cookie_of(site.do(name="dave")).endswith("; HttpOnly; Path=/; SameSite=Lax")


def test_cookie_is_for_https_only_where_it_is_set_over_https(site):
    response = site.client.get("/do?name=dave", extra_environ={"wsgi.url_scheme": "https"})

    assert cookie_of(response).endswith("; Secure")


def test_answer_that_depends_on_a_session_says_so_to_caches(site):
    assert site.do().headers["Vary"] == "Cookie"


def test_session_that_is_cleared_is_forgotten_by_the_browser(site):
    site.do(name="dave")

    response = site.do(clear="1")

    assert cookie_of(response).startswith("session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/")
    assert "session" not in site.client.cookies


@pytest.mark.parametrize("cookie", ["forged", "0" * 64, "", "é", "x" * 4000, '"\\000"'])
def test_cookie_of_somebody_elses_making_begins_a_new_session(site, cookie):
    headers = {"Cookie": f"session={cookie}".encode().decode("latin-1")}

    response = site.client.get("/do?name=dave", headers=headers)

    assert response.json == {"name": "dave"}
    assert f"session={cookie};" not in cookie_of(response)


@pytest.mark.parametrize("make_sessions", ["cookie", "memory"], indirect=True)
def test_session_that_is_not_used_expires(site, clock):
    site.do(name="dave")

    clock.now += IDLE

    assert site.contents() == {}


def test_session_that_is_used_does_not_expire(site, clock):
    site.do(name="dave")
    for _ in range(4):
        clock.now += IDLE - 1
        assert site.contents() == {"name": "dave"}


def test_session_expires_in_the_end_however_much_it_is_used(site, clock):
    site.do(name="dave")
    began = clock.now
    while clock.now < began + ABSOLUTE - 100:
        clock.now += 100
        assert site.do(push="a").json["name"] == "dave"

    clock.now += 100

    assert site.contents() == {}


def test_session_lives_as_long_as_the_browser_is_open(site):
    assert "Max-Age" not in cookie_of(site.do(name="dave"))


def test_persistent_session_lives_as_long_as_it_may_be_kept(make_sessions, clock):
    site = Site(make_sessions(is_persistent=True))
    first = site.do(name="dave")
    clock.now += 100
    second = site.do(rotate="1")

    assert f"; Max-Age={ABSOLUTE};" in cookie_of(first)
    assert f"; Max-Age={ABSOLUTE - 100};" in cookie_of(second)


def test_what_was_kept_by_an_error_that_is_raised_is_nothing(site):
    site.do(name="dave")

    for kind in ("error", "http"):
        response = site.do(name="paul", fail=kind, _status="*")
        assert cookie_of(response) is None

    assert site.contents() == {"name": "dave"}


def test_session_is_kept_whatever_the_way_of_the_answer(sessions):
    class Handler(SessionHandling):
        def get(self, way):
            early = self.render() if way == "early" else None
            self.session["way"] = way
            match way:
                case "text":
                    return "text"
                case "error":
                    return self.render_error(404)
                case "redirect":
                    return self.redirect("/")
                case "tuple":
                    return "text", 201
                case "stream":
                    return (piece for piece in ["text"])
                case "early":
                    return early
            self.set_body("text")
            return None

    Handler.sessions = sessions
    site = Site(sessions)
    site.app.add_route_rule(r"^/(\w+)$", Handler)

    for way in ("text", "error", "redirect", "tuple", "stream", "early", "none"):
        response = site.client.get(f"/{way}", status="*")
        assert site.contents() == {"way": way}
        assert len(response.headers.getall("Set-Cookie")) <= 1


def test_handler_that_answers_its_errors_forgets_what_failed_half_way(sessions):
    class Handler(SessionHandling):
        def get(self):
            self.session["name"] = "half-way"
            raise ValueError

        def error(self, err):
            self.session["failed"] = True
            return self.render_error(500)

    Handler.sessions = sessions
    site = Site(sessions)
    site.app.add_route_rule("^/error$", Handler)

    site.client.get("/error", status=500)

    assert site.contents() == {"failed": True}


def test_json_handler_has_sessions_too(sessions):
    site = Site(sessions, mixin=JSONMessageHandler)
    site.do(name="dave")

    assert site.contents() == {"name": "dave"}


def test_what_json_cannot_hold_is_the_handlers_mistake(sessions, caplog):
    class Handler(SessionHandling):
        def get(self):
            self.session["name"] = object()
            return "text"

    Handler.sessions = sessions
    site = Site(sessions)
    site.app.add_route_rule("^/object$", Handler)

    assert cookie_of(site.client.get("/object", status=500)) is None
    assert "object" in caplog.text


# -- users


def test_user_is_who_has_logged_in(site):
    site.do(login="dave")

    assert site.user() == "dave"


def test_what_a_handler_calls_a_user_is_no_login(site):
    site.do(user="dave")

    assert site.user() is None


def test_decorated_method_is_for_those_who_have_logged_in(site):
    class Handler(site.handler):
        @authenticated
        def get(self):
            return f"hello {self.current_user}"

    site.app.add_route_rule("^/hello$", Handler)
    site.client.get("/hello", status=401)

    site.do(login="dave")
    assert site.client.get("/hello").text == "hello dave"

    site.do(logout="1")
    site.client.get("/hello", status=401)


def test_login_and_logout_show_in_the_same_request(sessions):
    class Handler(SessionUserMixin):
        def get(self):
            before = self.current_user
            self.log_in(5)
            between = self.current_user
            self.log_out()
            return [before, between, self.current_user]

    Handler.sessions = sessions
    site = Site(sessions)
    site.app.add_route_rule("^/inout$", Handler)

    response = site.client.get("/inout")

    assert response.json == [None, 5, None]
    assert cookie_of(response) is None


def test_login_keeps_what_the_visitor_had_before(site):
    site.do(push="record")
    site.do(login="dave")

    assert (site.contents()["list"], site.user()) == (["record"], "dave")


def test_login_of_another_user_begins_with_an_empty_session(site):
    site.do(login="dave", diary="secret")
    site.do(login="paul")

    assert ("diary" in site.contents(), site.user()) == (False, "paul")


def test_logout_leaves_nothing_in_the_browser(site):
    site.do(login="dave")
    site.do(logout="1")

    assert "session" not in site.client.cookies
    assert site.contents() == {}


def test_login_begins_the_time_of_a_session_anew(site, clock):
    site.do(name="visitor")
    for _ in range(6):
        clock.now += IDLE - 10
        site.do(login="dave")

    assert site.user() == "dave"


def test_id_from_before_the_login_is_worth_nothing_after_it(site):
    site.do(name="victim")
    known_before = site.client.cookies["session"]
    site.do(login="dave")

    attacker = site.visitor()
    attacker.client.set_cookie("session", known_before.strip('"'))

    assert attacker.user() is None


# -- in a cookie


def test_signed_cookie_is_not_written_for_every_request(clock):
    site = Site(CookieSessions(idle_seconds=IDLE, clock=clock))
    site.do(name="dave")
    clock.now += IDLE / 60 - 0.1

    assert cookie_of(site.do()) is None
    clock.now += 0.2
    assert cookie_of(site.do()) is not None
    assert cookie_of(site.do()) is None


def test_session_too_large_for_a_cookie_is_the_handlers_mistake(clock, caplog):
    site = Site(CookieSessions(clock=clock))

    site.do(name=secrets.token_hex(3000), _status=500)

    assert "expected a cookie of at most 4096 bytes" in caplog.text


def test_signed_cookie_of_another_kind_begins_a_new_session(clock):
    site = Site(CookieSessions(clock=clock))

    class Handler(WebMessageHandler):
        def get(self):
            self.set_cookie("session", {"data": "dave"}, secret=True)

    site.app.add_route_rule("^/other$", Handler)
    site.client.get("/other")

    assert site.contents() == {}


def test_cookie_takes_the_attributes_it_is_given(clock):
    site = Site(CookieSessions("visit", clock=clock, path="/do", domain="localhost", samesite="Strict"))

    response = site.client.get("/do?name=dave", headers={"Host": "localhost"})
    cleared = site.client.get("/do?clear=1", headers={"Host": "localhost", "Cookie": cookie_of(response).split(";")[0]})

    assert cookie_of(response).startswith("visit=")
    assert cookie_of(response).endswith("; Domain=localhost; HttpOnly; Path=/do; SameSite=Strict")
    assert cookie_of(cleared).startswith("visit=; Domain=localhost;")
    assert "; Path=/do" in cookie_of(cleared)


# -- in a store


def test_cookie_of_a_stored_session_has_nothing_but_an_id(stored):
    cookie = cookie_of(stored.do(name="dave"))

    name, value = cookie.split(";")[0].split("=")
    assert (name, len(value)) == ("session", 64)
    assert cookie_of(stored.do(name="paul")) is None


def test_whoever_reads_the_store_has_no_id_to_use(clock):
    keys = []

    class ReadStore(MemoryCacheStore):
        def save(self, key, data, expire=None):
            keys.append(key)
            super().save(key, data, expire)

    site = Site(StoreSessions(ReadStore(clock=clock), clock=clock))
    site.do(name="dave")

    assert [site.client.cookies["session"] in key for key in keys] == [False]


def test_id_that_the_store_does_not_have_is_never_taken(stored, store):
    stored.client.set_cookie("session", "0" * 64)

    stored.do(login="dave")

    assert stored.client.cookies["session"] != "0" * 64


@pytest.mark.parametrize("step", [{"rotate": "1"}, {"login": "dave"}, {"clear": "1"}, {"logout": "1"}])
def test_old_id_is_gone_from_the_store(stored, store, step):
    stored.do(name="dave")
    old = stored.client.cookies["session"]
    stored.do(**step)

    thief = stored.visitor()
    thief.client.set_cookie("session", old)

    assert thief.contents() == {}
    assert len(store) == (0 if {"clear", "logout"} & set(step) else 1)


def test_rotation_keeps_what_is_in_the_session(stored):
    stored.do(name="dave")
    old = stored.client.cookies["session"]
    stored.do(rotate="1")

    assert stored.contents() == {"name": "dave"}
    assert stored.client.cookies["session"] != old


def test_request_that_was_under_way_at_the_logout_does_not_bring_the_session_back(stored, store):
    stored.do(login="dave")

    class Slow(stored.handler):
        def get(self):
            self.session["late"] = True
            stored.client.get("/do?logout=1", headers={"Cookie": self.environ["HTTP_COOKIE"]})
            return "text"

    stored.app.add_route_rule("^/slow$", Slow)
    stored.client.get("/slow")

    assert len(store) == 0
    assert "session" not in stored.client.cookies


def test_session_that_has_expired_is_no_longer_in_the_store(stored, store, clock):
    stored.do(name="dave")
    clock.now += IDLE

    stored.do()

    assert len(store) == 0


@pytest.mark.redis
def test_store_keeps_a_session_as_long_as_it_may_be_idle(redis_url, clock):
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        site = Site(StoreSessions(RedisCacheStore(client, clock=clock), idle_seconds=IDLE, clock=clock))

        site.do(name="dave")
        [key] = client.keys()
        first = client.pttl(key)
        client.pexpire(key, 1000)
        site.do()

        assert IDLE * 1000 - 60_000 < first <= IDLE * 1000
        assert IDLE * 1000 - 60_000 < client.pttl(key) <= IDLE * 1000
