"""The page for users of Brubeck 0.4: where it says that a name is, there it is, and it leaves no module out."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from servers import ROOT

PAGE = (ROOT / "docs" / "coming_from_brubeck.md").read_text()
BY_NAME = PAGE[PAGE.index("## Name by name") : PAGE.index("## What changed")]
PLACES = sorted(set(re.findall(r"`(brubeck_wsgi(?:\.\w+)+)`", BY_NAME)))
MODULES = {
    *("request_handling", "request", "connections", "auth", "caching", "templating", "models", "datamosh"),
    *("timekeeping", "queryset", "autoapi"),
}


def found(place):
    """Return what is at a dotted path."""
    parts = place.split(".")
    for end in range(len(parts), 0, -1):
        try:
            thing = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for name in parts[end:]:
            thing = getattr(thing, name)
        return thing
    raise AssertionError(place)


@pytest.mark.parametrize("place", PLACES)
def test_name_is_where_the_page_says(place):
    assert found(place) is not None


def test_every_module_of_brubeck_has_its_table():
    assert set(re.findall(r"^### brubeck\.(\w+)$", PAGE, re.M)) == MODULES


# The rows whose names are methods and attributes of the one class that stands beside them.
MEMBERS = [
    (name, place)
    for names, place in re.findall(r"^\| (.+?) \| `(brubeck_wsgi[\w.]*\.[A-Z]\w+)` \|", BY_NAME, re.M)
    for name in re.findall(r"`(?:\w+\.)?([a-z_]\w*|[A-Z_]+)\b", names)
]


@pytest.mark.parametrize(("name", "place"), MEMBERS)
def test_member_is_of_the_class_that_stands_beside_it(name, place):
    cls = found(place)

    assert hasattr(cls, name) or name in getattr(cls, "__annotations__", {}) or _is_option(cls, name)


def _is_option(cls, name):
    return name in cls.__init__.__code__.co_varnames
