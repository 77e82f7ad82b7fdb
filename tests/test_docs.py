"""The documentation: what it shows is so, its links lead somewhere, and the reference leaves nothing out."""

from __future__ import annotations

import inspect

import pytest
from pages import PAGES, Reader, check_includes, check_links, read_blocks, read_links, restored_logging
from servers import ROOT
from webob.request import BaseRequest

import brubeck_wsgi
from brubeck_wsgi import Brubeck, Headers, JSONMessageHandler, MessageHandler, Response, WebMessageHandler
from brubeck_wsgi.request import Request

REFERENCE = ROOT / "docs" / "reference"
LANGUAGES = {"console", "nginx", "python", "text"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))


@pytest.fixture
def reader(tmp_path, monkeypatch, capsys):
    """Somebody who has an empty folder."""
    with restored_logging():
        yield Reader(tmp_path, monkeypatch, capsys)


def public_names(of):
    """Return the names that a class promises, and does not have from a base of another library."""
    inherited = vars(BaseRequest) if issubclass(of, BaseRequest) else {}
    return [name for name in vars(of) if not name.startswith("_") and name not in inherited]


@every_page
def test_page_does_what_it_says(page, reader):
    reader.follow(page)

    if any(block.language == "python" for block in read_blocks(page)):
        assert reader.checks, "expected an assert or a curl that shows what the code does"


@every_page
def test_links_of_page_lead_somewhere(page):
    check_links(page)


@every_page
def test_examples_on_page_are_those_of_the_project(page):
    check_includes(page)


@every_page
def test_blocks_of_page_say_their_language(page):
    assert {block.language for block in read_blocks(page)} <= LANGUAGES


def test_index_leads_to_every_page():
    index = ROOT / "docs" / "index.md"

    linked = {(index.parent / link).resolve() for link in read_links(index)}

    assert set(PAGES) - {index} <= linked


def test_reference_has_every_name_that_the_package_promises():
    reference = "".join(page.read_text() for page in REFERENCE.glob("*.md"))

    assert [name for name in brubeck_wsgi.__all__ if f"`{name}" not in reference] == []


@pytest.mark.parametrize(
    ("page", "described"),
    [
        ("application", Brubeck),
        ("handlers", MessageHandler),
        ("handlers", WebMessageHandler),
        ("handlers", JSONMessageHandler),
        ("request", Request),
        ("response", Response),
        ("response", Headers),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_reference_has_every_public_name_of_a_class(page, described):
    text = (REFERENCE / f"{page}.md").read_text()

    missing = [name for name in public_names(described) if f"`{name}" not in text and f".{name}" not in text]

    assert missing == []


def test_reference_has_every_option_of_the_application():
    text = (REFERENCE / "application.md").read_text()

    options = list(inspect.signature(Brubeck).parameters)

    assert [option for option in options if f"| `{option}` |" not in text] == []
