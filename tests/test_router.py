"""The index of the router: it finds what trying all rules in order finds, and tries only a few of them."""

from __future__ import annotations

import re
from functools import partial
from threading import Event, Thread

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brubeck_wsgi.routing import Converter, Miss, Router, Rule
from brubeck_wsgi.routing.converters import CONVERTERS
from brubeck_wsgi.routing.router import first_match


class FussyConverter(Converter):
    """Matches any text, and has second thoughts about most."""

    regex = "[^/]*"

    def load(self, text):
        return ["", "a", "ab"].index(text)


class WatchedRegex:
    """A regular expression that tells before it matches."""

    def __init__(self, regex, tell):
        self.regex = regex
        self.tell = tell

    def match(self, path):
        self.tell()
        return self.regex.match(path)

    def __getattr__(self, name):
        return getattr(self.regex, name)


def router_of(*routes):
    """Return a router of (pattern, methods) pairs; an endpoint is a rule's number and the method, ``*`` for any."""
    router = Router()
    for number, (pattern, methods) in enumerate(routes):
        endpoints = {method: (number, method) for method in methods if method != "*"}
        fallback = (number, "*") if "*" in methods else None
        router.add(Rule(pattern, endpoints, fallback, converters={**CONVERTERS, "fussy": FussyConverter()}))
    return router


def outcome(found):
    """Return what can be compared of an answer of a router."""
    return (found.allowed, found.rule) if isinstance(found, Miss) else found


def assert_index_agrees(routes, paths):
    router = router_of(*routes)
    beginnings = [rule.required_prefix()[0] for rule in router.rules]

    for path in {*paths, *beginnings, *(f"{path}\n" for path in beginnings)}:
        for method in ("GET", "PUT", "TRACE"):
            expected = outcome(first_match(router.rules, path, method))
            assert outcome(router.find(path, method)) == expected, f"{method} {path!r}"


def texts(parts, most):
    return st.lists(st.sampled_from(parts), max_size=most).map("".join)


def compiled(regex):
    """Return a compiled regular expression; None for what is not one."""
    try:
        return re.compile(*regex)
    except re.error:
        return None


QUANTIFIERS = ["?", "*", "+", "??", "?+", "{0}", "{1}", "{2}", "{0,1}"]


def composed(parts):
    """Return a strategy of regular expressions that are made of smaller ones."""
    rows = st.lists(parts, max_size=4).map("".join)
    alternatives = st.lists(rows, min_size=2, max_size=3).map("|".join)
    groups = st.tuples(st.sampled_from(["(", "(?:", "(?>"]), rows | alternatives, st.just(")")).map("".join)
    repeated = st.tuples(parts | groups, st.sampled_from(QUANTIFIERS)).map("".join)
    return rows | alternatives | groups | repeated


METHODS = st.sampled_from([["GET"], ["GET"], ["PUT"], ["GET", "PUT"], ["*"], []])

# Many rules in little room: nearly all of them match some of the paths.
NARROW_PATHS = texts(["/", "/a", "/b", "a", "b"], 4).map("/{}".format)
NARROW_PATTERNS = st.one_of(
    NARROW_PATHS,
    texts(["/", "/a", "a", "b"], 2).flatmap(
        lambda path: st.sampled_from([f"/{path}{{x}}", f"/{path}{{x:fussy}}", f"/{path}/{{x}}", f"/{{x:path}}{path}"])
    ),
    NARROW_PATHS.flatmap(
        lambda path: st.sampled_from(
            [f"^{path}", f"^{path}$", f"^{path}(/?)", f"^{path}\n$", f"^({path}).*b", f"^{path}?"]
        )
    ),
    NARROW_PATHS.map(lambda path: re.compile(path.upper(), re.IGNORECASE)),
)

# Whatever a regular expression may have in it.
ODD_TEXTS = ["/", "/a", "b", "A", "é", "1", "-", ".", "\n", "k", "\N{KELVIN SIGN}"]
ASSERTIONS = ["^", "$", r"\A", r"\Z", r"\b", "(?=a)", "(?!a)", "(?<=a)", "(?<!/)"]
CLASSES = [".", r"\w", "[ab]", "[a]", "[^a]", "()", r"\x61", "(?#a)"]
FLAGGED = ["(?s:.)", "(?m:^)", "(?m:$)", "(?i:a)", "(?i:k)", "(?-i:a)", "(?a:é)", "(?x: a )"]
ATOMS = [*map(re.escape, ODD_TEXTS), *ASSERTIONS, *CLASSES, *FLAGGED]
ODD_REGEXES = st.tuples(
    st.sampled_from(["^", "^/", "^/a", r"\A/", "", "/", "(?i)^/", "(?m)^/", "(?x) ^ /"]),
    st.recursive(st.sampled_from(ATOMS), composed, max_leaves=6),
    st.sampled_from(["", "$", r"\Z", "$$", "/?$", "\n$", "$\n?", "|^/b$"]),
).map("".join)
FLAGS = st.sampled_from([0, 0, 0, re.IGNORECASE, re.MULTILINE, re.VERBOSE, re.DOTALL, re.ASCII])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NARROW_PATTERNS, METHODS), max_size=12), st.lists(NARROW_PATHS, max_size=8))
@example([("^/a", ["GET"]), ("^/", ["GET"])], ["/ab"])
@example([("^/a\n$", ["PUT"]), ("^/a$", ["GET"])], ["/a\n"])
@example([("^/a$", ["GET"]), ("/{x}", ["GET"])], ["/a\n"])
@example([("^/a/b", ["GET"]), ("^/ab", ["PUT"])], ["/a/b", "/ab"])
@example([("^/a$", ["GET"]), ("/a{x:fussy}", ["GET"])], ["/a"])
def test_index_agrees_with_trying_rules_in_order_where_they_share_paths(routes, paths):
    assert_index_agrees(routes, paths)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.tuples(ODD_REGEXES, FLAGS).map(compiled).filter(bool), METHODS), max_size=5),
    st.lists(texts(ODD_TEXTS, 5), max_size=12),
)
def test_index_agrees_with_trying_rules_in_order_whatever_their_regular_expressions(routes, paths):
    assert_index_agrees(routes, [*paths, *(f"/{path}" for path in paths)])


@pytest.mark.parametrize(
    ("pattern", "required"),
    [
        ("/a/b", ("/a/b", True)),
        ("/a/{x}/b", ("/a/", False)),
        ("^/a/b$", ("/a/b", True)),
        (r"^/a\.b\Z", ("/a.b", True)),
        ("^(/(a))/b$", ("/a/b", True)),
        ("^(/a$)", ("/a", True)),
        ("^/a/b", ("/a/b", False)),
        (r"^/a/(\d+)$", ("/a/", False)),
        ("^/ab?$", ("/a", False)),
        ("^/a(?:b|c)", ("/a", False)),
        ("^/(?:a/b|a/c)$", ("/a/", False)),
        ("^/a|^/b", ("/", False)),
        (re.compile("^/a$", re.MULTILINE), ("/a", False)),
        ("^(?m:/a$)", ("", False)),
        (re.compile("^/ a  # b", re.VERBOSE), ("/a", False)),
        (re.compile("^/a$", re.IGNORECASE), ("", False)),
        ("^(?i:/a)$", ("", False)),
        ("^/(?=a)", ("/", False)),
        (re.compile(""), ("", False)),
        ("^$", ("", True)),
    ],
    ids=str,
)
def test_rule_knows_what_every_path_that_it_matches_begins_with(pattern, required):
    assert Rule(pattern, {}).required_prefix() == required


@pytest.mark.parametrize(
    ("pattern", "path", "tried"),
    [
        ("/records/{}", "/records/77", 0),
        ("/records/{}/{{x}}", "/records/77/a", 1),
        (r"^/records/{}/(\d+)$", "/records/77/5", 1),
        (r"^/records/{}-(\d+)$", "/records/77-5", 1),
        ("^/records/{}$", "/records/77", 0),
        ("^/records/{}$", "/records/77\n", 1),
        ("/records/{}", "/records/none", 0),
        ("/records/{}", "/records/none\n", 0),
        (r"^/records/{}/(\d+)$", "/records/none", 0),
    ],
)
def test_of_thousands_of_rules_only_those_are_tried_that_can_match(pattern, path, tried):
    router = router_of(*((pattern.format(number), ["GET"]) for number in range(2000)))
    expected = first_match(router.rules, path, "GET")
    router.find("/", "GET")
    rules_tried = []
    for rule in router.rules:
        rule.regex = WatchedRegex(rule.regex, partial(rules_tried.append, rule))

    found = router.find(path, "GET")

    assert outcome(found) == outcome(expected)
    assert len(rules_tried) == tried


def test_path_that_a_rule_names_is_looked_up_also_where_others_convert_their_fields():
    router = router_of(("/records/{x:int}", ["GET"]), ("/records/new", ["GET"]))
    router.find("/", "GET")

    assert router.literal["/records/new"]["GET"] == ((1, "GET"), (), {})


def test_miss_names_each_method_of_the_path_once_and_the_first_rule_that_matches():
    router = router_of(("/b", ["PATCH"]), ("/{x}", ["PUT", "GET"]), ("/a", ["GET", "POST"]))

    miss = router.find("/a", "TRACE")

    assert (miss.allowed, miss.rule) == (("PUT", "GET", "POST"), router.rules[1])


def test_rule_added_while_the_index_is_built_is_found():
    def be_slow():
        being_built.set()
        added.wait(0.05)  # comes to pass only if the router lets another rule in now

    def add_another():
        being_built.wait()
        router.add(Rule("/b", {"GET": "b"}))
        added.set()

    router, rule, being_built, added = Router(), Rule("/a", {"GET": "a"}), Event(), Event()
    rule.regex = WatchedRegex(rule.regex, be_slow)
    router.add(rule)
    adding = Thread(target=add_another)
    adding.start()
    router.find("/a", "GET")
    adding.join()

    assert router.find("/b", "GET") == ("b", (), {})
