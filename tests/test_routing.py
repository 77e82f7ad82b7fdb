"""Which route answers a request, with what arguments; and what is answered where none does."""

from __future__ import annotations

import re
from functools import partial, wraps
from itertools import permutations

import pytest
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, MessageHandler, NotFound, WebMessageHandler, render

# A client may send any method; WebTest's lint and wsgiref.validate remark on those that they do not know.
INVENTED = pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")


def arguments(application, message, *args, **values):
    return {"args": args, "values": values}


def saying(text):
    """Return a handler function that answers *text*, whatever the arguments."""
    return lambda application, message, *args, **values: text


def client_of(*routes):
    """Return a client of an application with these (pattern, handler) pairs or (pattern, handler, methods)."""
    app = Brubeck()
    for pattern, handler, *methods in routes:
        app.route(pattern, *methods)(handler)
    return TestApp(app)


class Reader(WebMessageHandler):
    def get(self, *args, **values):
        return "read"


class Editor(Reader):
    def put(self, *args, **values):
        return "saved"


# -- adding routes

WAYS_OF_BRUBECK = {
    "handler_tuples": lambda pattern, handler: Brubeck(handler_tuples=[(pattern, handler)]),
    "init_routes": lambda pattern, handler: added(Brubeck.init_routes, [(pattern, handler)]),
    "add_route_rule": lambda pattern, handler: added(Brubeck.add_route_rule, pattern, handler),
    "add_route": lambda pattern, handler: decorated(Brubeck.add_route, pattern, handler),
}
WAYS_OF_TODAY = {
    "route": lambda pattern, handler: decorated(Brubeck.route, pattern, handler),
    "get": lambda pattern, handler: decorated(Brubeck.get, pattern, handler),
}
EVERY_WAY = {**WAYS_OF_BRUBECK, **WAYS_OF_TODAY}


def added(add, *route):
    app = Brubeck()
    add(app, *route)
    return app


def decorated(decorator, pattern, handler):
    app = Brubeck()
    assert decorator(app, pattern)(handler) is handler
    return app


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("pattern", ["/of/{year}", r"^/of/(?P<year>\d+)$", re.compile(r"/of/(?P<year>\d+)")], ids=str)
def test_every_way_of_adding_a_route_takes_every_kind_of_pattern(way, pattern):
    client = TestApp(EVERY_WAY[way](pattern, arguments))

    assert client.get("/of/1959").json == {"args": [], "values": {"year": "1959"}}


@pytest.mark.parametrize("way", WAYS_OF_BRUBECK)
def test_plain_text_is_a_regular_expression_in_the_ways_of_brubeck(way):
    client = TestApp(WAYS_OF_BRUBECK[way](r"/a(\d?)", arguments))

    assert client.get("/a5/b").json["args"] == ["5"]
    client.get("/b/a", status=404)


@pytest.mark.parametrize("way", WAYS_OF_TODAY)
def test_plain_text_is_a_whole_path_in_the_ways_of_today(way):
    client = TestApp(WAYS_OF_TODAY[way]("/a.b", saying("found")))

    assert client.get("/a.b").text == "found"
    for path in ("/a", "/a.b/", "/a.b/c", "/axb", "/a.b%0A"):
        client.get(path, status=404)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_shorthand_adds_a_function_for_its_method(method):
    app = Brubeck()
    getattr(app, method)("/")(saying("answered"))
    client = TestApp(app)

    assert client.request("/", method=method.upper()).text == "answered"
    assert client.request("/", method="TRACE", status=405).headers["Allow"] == (
        "GET, HEAD, OPTIONS" if method == "get" else f"{method.upper()}, OPTIONS"
    )


@pytest.mark.parametrize(
    ("methods", "allow"),
    [
        ("PUT", "PUT, OPTIONS"),
        ("get", "GET, HEAD, OPTIONS"),
        (["put", "POST"], "POST, PUT, OPTIONS"),
        (("PUT", "LOCK", "OPTIONS"), "PUT, OPTIONS, LOCK"),
    ],
)
def test_add_route_takes_one_method_or_several_in_either_case(methods, allow):
    app = Brubeck()
    app.add_route("^/$", method=methods)(saying("answered"))

    assert TestApp(app).request("/", method="TRACE", status=405).headers["Allow"] == allow


@INVENTED
@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "BREW"])
def test_function_without_methods_answers_any(method):
    client = client_of(("/", lambda application, message: message.method))

    assert client.request("/", method=method).text == method


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "expected a path that starts with '/', or a regular expression that starts with '^', got ''"),
        ("a/{b}", "expected a path that starts with '/'"),
        ("/{a:number}", "expected one of float, int, path, str, uuid in '/{a:number}', got 'number'"),
        ("/{a}/{a:int}", "expected each field once in '/{a}/{a:int}', 'a' comes again"),
        ("/{a", "expected fields like {name} or {name:int} in '/{a', got '/{a'"),
        ("/{}", "expected fields like"),
        ("/{a b}", "expected fields like"),
        ("/{5}", "expected fields like"),
        ("/{{a}}", "expected fields like"),
        ("/{a:int:str}", "expected fields like"),
        ("/a}", "expected fields like"),
        ("^/(a", "unterminated subpattern"),
        ("^/(?P<a>a)(?P<a>b)", "redefinition of group name"),
        ("^/a{99999999999999999999}", "repetition number is too large"),
        (re.compile(b"^/a"), "expected text, or a compiled pattern of text"),
        (b"/a", "expected text, or a compiled pattern of text"),
        (None, "expected text, or a compiled pattern of text"),
    ],
)
def test_pattern_that_cannot_be_understood_is_refused_when_it_is_added(pattern, message):
    app = Brubeck()

    with pytest.raises(ConfigurationError, match=re.escape(message)):
        app.route(pattern)(arguments)

    assert app.router.rules == []


@pytest.mark.parametrize("pattern", ["/(a", "/a{99999999999999999999}", "/{a}{2}", None])
def test_handler_tuple_that_cannot_be_understood_is_refused(pattern):
    with pytest.raises(ConfigurationError):
        Brubeck(handler_tuples=[(pattern, arguments)])


@pytest.mark.parametrize("handler", [None, "arguments", object(), dict, NotFound])
def test_what_is_no_handler_is_refused(handler):
    with pytest.raises(ConfigurationError, match="expected a"):
        Brubeck().add_route_rule("^/", handler)
    with pytest.raises(ConfigurationError, match="expected a"):
        Brubeck().get("/")(handler)


@pytest.mark.parametrize("methods", ["GET", 5])
def test_methods_of_a_route_are_a_list(methods):
    with pytest.raises(ConfigurationError, match=f"expected a list of methods, got {methods!r}"):
        Brubeck().route("/", methods)(arguments)


@pytest.mark.parametrize("methods", [["GET, POST"], [""], ["a b"], ["GET\n"], ["É"], [1], [None], b"GET", []])
@pytest.mark.parametrize("handler", [arguments, Reader])
def test_what_is_no_name_of_a_method_is_refused(handler, methods):
    app = Brubeck()

    with pytest.raises(ConfigurationError, match=r"expected (the names of HTTP methods|at least one)"):
        app.add_route("/", methods)(handler)

    assert app.router.rules == []


@pytest.mark.parametrize(
    ("methods", "allow"), [(["GET"], "GET, HEAD, OPTIONS"), (["put"], "PUT, OPTIONS"), (["HEAD"], "HEAD, OPTIONS")]
)
def test_class_answers_only_the_methods_of_its_route(methods, allow):
    client = client_of(("/", Editor, methods))

    assert client.request("/", method="TRACE", status=405).headers["Allow"] == allow
    client.request("/", method=methods[0].upper(), status=200)


def test_route_for_get_alone_answers_head_of_a_class_by_its_own_function():
    class OwnHead(Reader):
        def head(self):
            self.headers["X-Head"] = "own"

    assert client_of(("/", OwnHead, ["GET"])).head("/").headers["X-Head"] == "own"


def test_class_without_any_of_the_methods_of_its_route_is_refused():
    with pytest.raises(ConfigurationError, match="expected Editor to have a function for POST or DELETE"):
        Brubeck().route("/", ["DELETE", "POST"])(Editor)


# -- patterns and arguments


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("^/a$", ["/a", "/a%0A"], ["/a/", "/ab", "/", "/x/a"]),
        (r"^/a\Z", ["/a"], ["/a%0A"]),
        ("^/a", ["/a", "/ab", "/a/b"], ["/", "/x/a"]),
        (re.compile("/a"), ["/a", "/ab"], ["/x/a"]),
        (re.compile("a"), [], ["/a"]),
        (re.compile(""), ["/", "/a"], []),
        (re.compile("^/a|/b$"), ["/ab", "/b"], ["/bc"]),
        (re.compile("^/RECORDS$", re.IGNORECASE), ["/records", "/Records"], ["/record"]),
        ("^(?i:/A)/b$", ["/a/b", "/A/b"], ["/a/B"]),
        (re.compile("^/a$", re.MULTILINE), ["/a", "/a%0Ab"], ["/ab", "/b%0A/a"]),
        (re.compile("^/a  # (the first", re.VERBOSE), ["/ab"], ["/b"]),
        ("^/caf[éè]$", ["/caf%C3%A9"], ["/caf%E2%82%AC", "/cafe"]),
        ("/café", ["/caf%C3%A9"], ["/cafe%CC%81"]),
        ("/a b", ["/a%20b"], ["/a+b"]),
        ("/a/b", ["/a/b", "/a%2Fb"], ["//a/b", "/a//b", "/a/b/", "/a/./b"]),
        ("/a//b", ["/a//b"], ["/a/b"]),
    ],
    ids=str,
)
def test_pattern_matches_from_the_beginning_of_the_path(pattern, matching, other):
    client = client_of((pattern, arguments))

    found = {path: client.get(path, expect_errors=True).status_code == 200 for path in [*matching, *other]}

    assert found == {**dict.fromkeys(matching, True), **dict.fromkeys(other, False)}


@pytest.mark.parametrize(
    ("pattern", "args", "values"),
    [
        ("^/a/b", [], {}),
        ("/{x}/{y}", [], {"x": "a", "y": "b"}),
        ("^/(a)/(b)", ["a", "b"], {}),
        ("^/(?:a)/(b)", ["b"], {}),
        ("^/(?P<x>a)/(?P<y>b)", [], {"x": "a", "y": "b"}),
        ("^/(?P<x>a)/(b)", [], {"x": "a"}),
        ("^/(a)/(b)?(c)?", ["a", "b"], {}),
        ("^/(c)?(a)/(b)", [None, "a", "b"], {}),
        ("^/(?P<x>a)/(?P<y>c)?", [], {"x": "a"}),
        ("^/(a)/(b*)(c*)", ["a", "b", ""], {}),
    ],
)
def test_named_groups_become_keywords_and_others_positional_arguments(pattern, args, values):
    assert client_of((pattern, arguments)).get("/a/b").json == {"args": args, "values": values}


def concert(application, message, hall, year="1963", **rest):
    return f"{hall}, {year}, {rest}"


class Concert(WebMessageHandler):
    def get(self, hall, year="1963", **rest):
        return f"{hall}, {year}, {rest}"

    def put(self, year, hall, **rest):
        return f"{hall}, {year}, {rest}"


@pytest.mark.parametrize(
    ("pattern", "path", "text"),
    [
        (r"^/(?P<hall>\w+)/(?P<year>\d+)$", "/Carnegie/1963", "Carnegie, 1963, {}"),
        (r"^/(?P<year>\d+)/(?P<hall>\w+)$", "/1963/Carnegie", "Carnegie, 1963, {}"),
        (r"^/(?P<year>\d+)/(?P<seat>\d)/(?P<hall>\w+)$", "/1963/5/Carnegie", "Carnegie, 1963, {'seat': '5'}"),
        (r"^/(?P<hall>\w+)/(?P<seat>\d)$", "/Carnegie/5", "Carnegie, 1963, {'seat': '5'}"),
        (r"^/(?P<hall>\w+)/(\d+)$", "/Carnegie/5", "Carnegie, 1963, {}"),
        ("/{hall}/{year}", "/Carnegie/1963", "Carnegie, 1963, {}"),
        ("/{year:int}/{hall}", "/1963/Carnegie", "Carnegie, 1963, {}"),
    ],
)
@pytest.mark.parametrize("handler", [concert, Concert])
def test_named_groups_reach_the_parameters_of_their_names_in_any_order(handler, pattern, path, text):
    client = client_of((pattern, handler))

    assert client.get(path).text == text
    assert client.head(path).headers["Content-Length"] == str(len(text))
    if "year" in pattern:
        assert client.put(path).text == text


def player(application, message, name="Dave", instrument="piano"):
    return f"{name}, {instrument}"


class Player(WebMessageHandler):
    def get(self, name="Dave", instrument="piano"):
        return f"{name}, {instrument}"


class PreparedPlayer(Player):
    def prepare(self):
        pass


@pytest.mark.parametrize("handler", [player, Player, PreparedPlayer])
@pytest.mark.parametrize(
    "pattern", [r"^/p(?:/(\w+))?(?:-(\w+))?$", r"^/p(?:/(?P<name>\w+))?(?:-(?P<instrument>\w+))?$"]
)
@pytest.mark.parametrize(
    ("path", "text"),
    [("/p", "Dave, piano"), ("/p/Paul", "Paul, piano"), ("/p-sax", "Dave, sax"), ("/p/Paul-sax", "Paul, sax")],
)
def test_optional_group_that_did_not_match_leaves_the_default_in_force(handler, pattern, path, text):
    assert client_of((pattern, handler)).get(path).text == text


def plainly_decorated(handler):
    @wraps(handler)
    def decorated(*args, **values):
        return handler(*args, **values)

    return decorated


class Band:
    def album(self, application, message, year, title="Time Out", label=None):
        return f"{year}, {title}, {label}"

    __call__ = album


def album(application, message, year, title="Time Out", label=None):
    return f"{year}, {title}, {label}"


def strict_album(application, message, year, title="Time Out", *, label):
    return f"{year}, {title}, {label}"


class Album(WebMessageHandler):
    @plainly_decorated
    def get(self, year, title="Time Out", label=None):
        return f"{year}, {title}, {label}"

    @staticmethod
    def put(year, title="Time Out", label=None):
        return f"{year}, {title}, {label}"

    @classmethod
    def delete(cls, year, title="Time Out", label=None):
        return f"{year}, {title}, {label}"


class PreparedAlbum(Album):
    def prepare(self):
        pass


ALBUMS = {
    "function": (album, "GET"),
    "decorated": (plainly_decorated(album), "GET"),
    "partial": (partial(album), "GET"),
    "method": (Band().album, "GET"),
    "object": (Band(), "GET"),
    **{f"{kind.__name__}.{method}": (kind, method) for kind in (Album, PreparedAlbum) for method in ("GET", "PUT")},
    "classmethod": (PreparedAlbum, "DELETE"),
}


@pytest.mark.parametrize("kind", ALBUMS)
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/albums", "None, Time Out, None"),
        ("/albums/1959", "1959, Time Out, None"),
        ("/albums=Time+Further+Out", "None, Time+Further+Out, None"),
        ("/albums-Columbia", "None, Time Out, Columbia"),
    ],
)
@pytest.mark.parametrize(
    "pattern",
    [
        r"^/albums(?:/(\w+))?(?:=([\w+]+))?(?:-(\w+))?$",
        r"^/albums(?:/(?P<year>\w+))?(?:=(?P<title>[\w+]+))?(?:-(?P<label>\w+))?$",
    ],
    ids=["positional", "named"],
)
def test_optional_group_that_did_not_match_is_none_where_the_handler_has_no_default(kind, pattern, path, text):
    handler, method = ALBUMS[kind]

    assert client_of((pattern, handler)).request(path, method=method).text == text


def test_handler_without_a_parameter_for_an_optional_group_answers_where_it_did_not_match():
    client = client_of((r"^/band(?:/(\w+))?$", lambda application, message: "the quartet"))

    assert client.get("/band").text == "the quartet"


def test_keyword_of_a_handler_is_none_where_its_group_did_not_match():
    client = client_of((r"^/albums/(?P<year>\d+)(?:/(?P<label>\w+))?$", strict_album))

    assert client.get("/albums/1959").text == "1959, Time Out, None"


# -- which of several


@pytest.mark.parametrize(
    "order", list(permutations(["literal", "template", "regex", "wide", "any case"])), ids=" ".join
)
def test_first_route_that_matches_answers_whatever_the_kinds_of_patterns(order):
    patterns = {
        "literal": "/a/b",
        "template": "/{x}/{y}",
        "regex": "^/a/[b]$",
        "wide": "^/",
        "any case": re.compile("/A/B", re.IGNORECASE),
    }
    client = client_of(*((patterns[kind], saying(kind)) for kind in order))

    assert client.get("/a/b").text == order[0]


def test_route_without_the_method_leaves_the_path_to_later_ones():
    client = client_of(("/a", saying("first"), ["PUT"]), ("^/a", saying("second"), ["GET"]), ("/{x}", saying("third")))

    assert client.put("/a").text == "first"
    assert client.get("/a").text == "second"
    assert client.post("/a").text == "third"


def test_route_added_between_requests_counts():
    client = client_of(("/a", saying("a"), ["GET"]))
    client.post("/a", status=405)

    client.app.post("/a")(saying("posted"))
    client.app.get("/b")(saying("b"))

    assert [client.post("/a").text, client.get("/a").text, client.get("/b").text] == ["posted", "a", "b"]


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"PATH_INFO": ""}, "/"),
        ({"PATH_INFO": "/a", "SCRIPT_NAME": "/mounted"}, "/a"),
        ({"PATH_INFO": "", "SCRIPT_NAME": "/a"}, "/"),
    ],
)
def test_path_is_the_one_below_the_place_where_the_application_is_mounted(environ, found):
    client = client_of(("/", saying("/")), ("/a", saying("/a")))

    assert client.get("/", extra_environ=environ).text == found


def test_path_that_is_not_utf_8_is_a_bad_request():
    client_of(("^/", arguments)).get("/%FF", status=400)


# -- HEAD, OPTIONS and Allow


@pytest.mark.parametrize("answers", [[Reader], [saying("read"), ["GET"]], [saying("read")]])
@pytest.mark.parametrize("pattern", ["/a", "/{x}", "^/(a)"])
def test_head_is_answered_by_what_answers_get_without_its_body(pattern, answers):
    client = client_of((pattern, *answers))

    response = client.head("/a")

    assert (response.status_code, response.headers["Content-Length"], response.body) == (200, "4", b"")


def test_class_with_a_head_of_its_own_answers_it():
    class Header(Reader):
        def head(self):
            self.headers["X-Head"] = "own"
            return ""

    assert client_of(("/a", Header)).head("/a").headers["X-Head"] == "own"


ALLOWED = [
    ([("/a", saying(""), ["DELETE"])], "DELETE, OPTIONS"),
    ([("/a", saying(""), ["GET", "POST"])], "GET, POST, HEAD, OPTIONS"),
    ([("/a", Reader)], "GET, HEAD, OPTIONS"),
    ([("/a", Editor)], "GET, PUT, HEAD, OPTIONS"),
    ([("/a", saying(""), ["PUT"]), ("^/a$", saying(""), ["PATCH"])], "PUT, PATCH, OPTIONS"),
    ([("^/a", saying(""), ["PATCH"]), ("/a", saying(""), ["PUT"])], "PATCH, PUT, OPTIONS"),
    ([("/a", Reader), ("/{x}", saying(""), ["POST"])], "GET, HEAD, POST, OPTIONS"),
    ([("/{x}", saying(""), ["POST"]), ("/a", Reader), ("^/(a)", Editor)], "POST, GET, HEAD, PUT, OPTIONS"),
    ([("/a", saying(""), ["POST"]), ("/b", Editor), ("/a/", Editor), ("/{x:int}", Editor)], "POST, OPTIONS"),
    ([("^/a", saying(""), ["POST"]), ("^/(?!a)", Editor), (re.compile("^/A"), Editor)], "POST, OPTIONS"),
]


@pytest.mark.parametrize(("routes", "allow"), ALLOWED)
def test_wrong_method_is_answered_405_with_exactly_the_methods_of_the_path(routes, allow):
    response = client_of(*routes).request("/a", method="TRACE", status=405)

    assert response.headers["Allow"] == allow


@pytest.mark.parametrize(("routes", "allow"), ALLOWED)
def test_options_is_answered_with_exactly_the_methods_of_the_path(routes, allow):
    response = client_of(*routes).options("/a", status=204)

    assert (response.headers["Allow"], response.body) == (allow, b"")


@pytest.mark.parametrize(("routes", "allow"), ALLOWED)
def test_every_method_that_is_allowed_is_answered(routes, allow):
    client = client_of(*routes)

    for method in allow.split(", "):
        assert client.request("/a", method=method).status_code in (200, 204)


def test_class_answers_options_itself_if_it_can():
    class Optional(Reader):
        def options(self):
            return "mine"

    client = client_of(("/a", Optional))

    assert client.options("/a").text == "mine"
    assert client.put("/a", status=405).headers["Allow"] == "GET, OPTIONS, HEAD"


def test_class_answers_a_method_that_it_does_not_have_by_its_unsupported():
    class Polite(Editor):
        def unsupported(self):
            return f"only {', '.join(self.allowed_methods)}", 405

    client = client_of(("/a", Polite), ("^/a", saying(""), ["POST"]))

    assert client.delete("/a", status=405).text == "only GET, PUT, HEAD, POST, OPTIONS"


@INVENTED
def test_client_cannot_call_what_is_no_method_of_http():
    client = client_of(("/a", Reader))

    for method in ("PREPARE", "RENDER", "__INIT__", "get"):
        client.request("/a", method=method, status=405)


# -- no route


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
def test_path_that_no_route_matches_is_not_found_whatever_the_method(method):
    response = client_of(("/a", Editor)).request("/b", method=method, status=404)

    assert "Allow" not in response.headers


def test_base_handler_answers_what_no_route_matches():
    class Base(WebMessageHandler):
        def get(self):
            return f"no {self.message.path}", 404

        def unsupported(self):
            return render("nothing to change", 410)

    client = TestApp(Brubeck(handler_tuples=[("^/a$", Editor)], base_handler=Base))

    assert client.get("/b", status=404).text == "no /b"
    assert client.put("/b", status=410).text == "nothing to change"
    assert client.delete("/a", status=405).headers["Allow"] == "GET, PUT, HEAD, OPTIONS"


@pytest.mark.parametrize("no_handler", [Reader, saying("read")])
def test_no_handler_answers_what_no_route_matches_in_place_of_the_base_handler(no_handler):
    client = TestApp(Brubeck(no_handler=no_handler, base_handler=MessageHandler))

    assert client.get("/anywhere").text == "read"


def test_no_handler_has_to_be_a_handler():
    with pytest.raises(ConfigurationError, match="expected a handler class or a function, got 'nobody'"):
        Brubeck(no_handler="nobody")
