"""CORS as browsers read it (Fetch standard): who may read an answer, and what a preflight allows."""

from __future__ import annotations

import pytest
from browsers import chromium
from servers import free_port, running
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, NotFound, Response
from brubeck_wsgi.middleware import CORS

PAGE = "https://app.example"
STRANGER = "https://evil.example"


def client_of(**options):
    """Return a client of an application with CORS around it."""
    app = Brubeck()

    @app.route("/plain", methods=["GET", "PUT", "OPTIONS"])
    def plain(application, message):
        return message.method

    @app.get("/missing")
    def missing(application, message):
        raise NotFound("no such tune")

    @app.get("/own")
    def own(application, message):
        headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true", "Vary": "Cookie"}
        return Response("own", headers=headers)

    app.add_middleware(CORS, **options)
    return TestApp(app)


def preflight(client, origin=PAGE, method="PUT", names=None, status="*"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    if names is not None:
        headers["Access-Control-Request-Headers"] = names
    return client.options("/plain", headers=headers, status=status)


def granted(answer):
    """Return the headers of CORS, without what all of them begin with."""
    prefix = "access-control-"
    return {
        name.lower().removeprefix(prefix): value
        for name, value in answer.headers.items()
        if name.lower().startswith(prefix)
    }


# -- answers


def test_page_of_an_allowed_origin_may_read_the_answer():
    answer = client_of(origins=[PAGE, "http://localhost:3000"]).get("/plain", headers={"Origin": PAGE})

    assert (answer.text, granted(answer), answer.headers["Vary"]) == ("GET", {"allow-origin": PAGE}, "Origin")


@pytest.mark.parametrize(
    "origin",
    [
        *(STRANGER, "http://app.example", "https://app.example:8443", "https://app.example.evil.example"),
        *("https://evilapp.example", "https://app.example/", "HTTPS://APP.EXAMPLE", "https://app.example, x"),
        *("https://user@app.example", "null", "", "*", "https://app.example ", "app.example", "https://"),
    ],
)
@pytest.mark.parametrize("allowed", [[PAGE], lambda origin: origin == PAGE])
def test_page_of_any_other_origin_may_not(origin, allowed):
    answer = client_of(origins=allowed, credentials=True, expose=["X-Total"]).get("/plain", headers={"Origin": origin})

    assert (answer.text, granted(answer)) == ("GET", {})
    assert answer.headers["Vary"] == "Origin"


def test_answer_to_nobody_in_particular_says_that_it_depends_on_the_origin():
    answer = client_of(origins=[PAGE]).get("/plain")

    assert (granted(answer), answer.headers["Vary"]) == ({}, "Origin")


@pytest.mark.parametrize("headers", [{}, {"Origin": STRANGER}, {"Origin": "null"}])
def test_any_origin_is_the_same_answer_for_all(headers):
    answer = client_of(origins=["*"]).get("/plain", headers=headers)

    assert granted(answer) == {"allow-origin": "*"}
    assert "Vary" not in answer.headers


def test_credentials_go_to_the_origin_that_asks_by_its_name():
    answer = client_of(origins=[PAGE], credentials=True).get("/plain", headers={"Origin": PAGE})

    assert granted(answer) == {"allow-origin": PAGE, "allow-credentials": "true"}


def test_function_decides_about_origins():
    client = client_of(origins=lambda origin: origin.endswith(".app.example"))

    assert granted(client.get("/plain", headers={"Origin": "https://a.app.example"}))
    assert not granted(client.get("/plain", headers={"Origin": STRANGER}))


@pytest.mark.parametrize(
    "origin", ["x\u00ff.app.example", "https://a.app.example\u00e9", "https://a b.app.example", ""]
)
def test_function_is_asked_only_about_what_can_be_an_origin(origin):
    def allow(origin):
        raise AssertionError(origin)

    client_of(origins=allow).get("/plain", headers={"Origin": origin})


def test_headers_are_exposed_with_the_answer_and_not_with_the_preflight():
    client = client_of(origins=[PAGE], expose=["X-Total", "Link"])

    assert granted(client.get("/plain", headers={"Origin": PAGE}))["expose-headers"] == "X-Total, Link"
    assert "expose-headers" not in granted(preflight(client))


def test_error_can_be_read_as_well():
    answer = client_of(origins=[PAGE]).get("/missing", headers={"Origin": PAGE}, status=404)

    assert granted(answer) == {"allow-origin": PAGE}
    assert answer.headers["Vary"] == "Accept, Origin"


@pytest.mark.parametrize("origin", [PAGE, STRANGER])
def test_what_the_application_says_of_cors_is_replaced(origin):
    answer = client_of(origins=[PAGE]).get("/own", headers={"Origin": origin})

    assert granted(answer) == ({"allow-origin": PAGE} if origin == PAGE else {})
    assert answer.headers["Vary"] == "Cookie, Origin"


# -- preflights


def test_preflight_says_what_is_allowed_and_for_how_long():
    answer = preflight(client_of(origins=[PAGE], methods=["get", "PUT"], headers=["X-Token"], max_age=60), status=204)

    assert granted(answer) == {
        "allow-origin": PAGE,
        "allow-methods": "GET, PUT",
        "allow-headers": "X-Token",
        "max-age": "60",
    }
    assert (answer.headers["Vary"], answer.body) == ("Origin", b"")


def test_preflight_with_credentials_allows_them():
    answer = preflight(client_of(origins=[PAGE], credentials=True, headers=["X-Token"]), names="x-token")

    assert granted(answer)["allow-credentials"] == "true"
    assert "*" not in granted(answer).values()


@pytest.mark.parametrize("origin", [STRANGER, "null", "garbage"])
def test_preflight_of_a_stranger_is_refused(origin):
    answer = preflight(client_of(origins=[PAGE], credentials=True), origin, status=403)

    assert (granted(answer), answer.headers["Vary"]) == ({}, "Origin")


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("x-token, content-type", "x-token, content-type"),
        ("authorization", "authorization"),
        ("x-token,\tx y, b\u00e4d, ok,,", "x-token, ok"),
        (",".join(["a"] * 5000), ", ".join(["a"] * 100)),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("origins", [["*"], [PAGE]])
def test_any_header_means_those_that_are_asked_for(origins, asked, allowed):
    answer = preflight(client_of(origins=origins, headers=["*"]), names=asked, status=204)

    assert granted(answer).get("allow-headers") == allowed


def test_any_method_means_the_one_that_is_asked_for():
    assert granted(preflight(client_of(origins=[PAGE], methods=["*"]), method="BREW"))["allow-methods"] == "BREW"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": PAGE}, {"Access-Control-Request-Method": "PUT"}, {}],
    ids=["no method", "no origin", "neither"],
)
def test_options_that_is_no_preflight_goes_to_the_application(headers):
    answer = client_of(origins=[PAGE]).options("/plain", headers=headers, status=200)

    assert (answer.text, bool(granted(answer))) == ("OPTIONS", headers == {"Origin": PAGE})


# -- mistakes in setting it up


@pytest.mark.parametrize(
    "options",
    [
        {"origins": ["*"], "credentials": True},
        {"origins": "*", "credentials": True},
        {"origins": [PAGE, "*"]},
        {"origins": ["https://app.example/"]},
        {"origins": ["https://app.example:443"]},
        {"origins": ["http://app.example:80"]},
        {"origins": ["https://App.example"]},
        {"origins": ["app.example"]},
        {"origins": ["https://*.app.example"]},
        {"origins": ["null"]},
        {"origins": [None]},
        {"origins": [PAGE], "headers": "X-Token"},
        {"origins": [PAGE], "headers": ["X Token"]},
        {"origins": [PAGE], "expose": ["X-Token\r\nX-Evil: 1"]},
        {"origins": [PAGE], "methods": ["PUT,POST"]},
    ],
)
def test_options_that_cannot_be_meant_are_refused_at_once(options):
    with pytest.raises(ConfigurationError):
        client_of(**options)


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://[2001:db8::1]", "https://[::1]:8443", "capacitor://localhost"]
)
def test_origin_in_any_form_that_browsers_send_is_taken(origin):
    assert granted(client_of(origins=origin).get("/plain", headers={"Origin": origin})) == {"allow-origin": origin}


# -- a real browser

APP = """
import os

from brubeck_wsgi import Brubeck, Response
from brubeck_wsgi.middleware import CORS


def takes(application, message):
    return Response(message.cookies.get("who", "nobody"), headers={"X-Total": "5"})


def login(application, message):
    response = Response("hello")
    response.set_cookie("who", "Dave")
    return response


def make_app(**options):
    app = Brubeck()
    app.route("/takes", methods=["GET", "PUT", "DELETE"])(takes)
    app.get("/login")(login)
    if options:
        app.add_middleware(CORS, **options)
    return app


page = os.environ["PAGE"]
apps = {
    "closed": make_app(),
    "open": make_app(origins=["*"], headers=["*"]),
    "ours": make_app(origins=[page], methods=["PUT"], headers=["X-Token"], expose=["X-Total"], credentials=True),
}


def application(environ, start_response):
    name, _, path = environ["PATH_INFO"].lstrip("/").partition("/")
    return apps.get(name, apps["closed"])(environ | {"PATH_INFO": f"/{path}"}, start_response)
"""
ASK = """
const done = arguments[2];
fetch(arguments[0], arguments[1])
  .then(async answer => done([await answer.text(), answer.headers.get("X-Total")]), () => done("refused"));
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A browser at one origin; a function that has its page ask another one, and returns what the page could read."""
    folder = tmp_path_factory.mktemp("cors")
    (folder / "cors_app.py").write_text(APP)
    ports = free_port(), free_port()
    page, other = (f"http://127.0.0.1:{port}" for port in ports)
    command = ["gunicorn", "--no-control-socket", "-k", "brubeck_wsgi.workers.GeventWorker", "cors_app:application"]
    command += [part for port in ports for part in ("-b", f"127.0.0.1:{port}")]
    with running(command, ports[0], cwd=folder, PAGE=page), chromium(folder / "profile") as browser:
        browser.get(f"{page}/closed/login")
        yield lambda path, **options: browser.execute_async_script(ASK, f"{other}{path}", options)


@pytest.mark.browser
@pytest.mark.serving
@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        ("/closed/takes", {}, "refused"),
        ("/open/takes", {}, ["nobody", None]),
        ("/open/takes", {"method": "DELETE", "headers": {"X-Anything": "5"}}, ["nobody", None]),
        ("/open/takes", {"credentials": "include"}, "refused"),
        ("/ours/takes", {}, ["nobody", "5"]),
        ("/ours/takes", {"credentials": "include"}, ["Dave", "5"]),
        ("/ours/takes", {"credentials": "include", "method": "PUT"}, ["Dave", "5"]),
        ("/ours/takes", {"method": "PUT", "headers": {"X-Token": "5"}}, ["nobody", "5"]),
        ("/ours/takes", {"method": "DELETE"}, "refused"),
        ("/ours/takes", {"method": "PUT", "headers": {"X-Other": "5"}}, "refused"),
    ],
)
def test_browser_lets_a_page_read_what_is_allowed_and_nothing_else(elsewhere, path, options, expected):
    assert elsewhere(path, **options) == expected
