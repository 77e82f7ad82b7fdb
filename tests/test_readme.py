"""The README: what it shows is so, and its commands exist."""

from __future__ import annotations

import re

import pytest
from pages import README, Reader, check_includes, check_links, read_blocks, restored_logging
from servers import ROOT


@pytest.fixture
def reader(tmp_path, monkeypatch, capsys):
    """Somebody who has an empty folder."""
    with restored_logging():
        yield Reader(tmp_path, monkeypatch, capsys)


def test_readme_does_what_it_says(reader):
    reader.follow(README)

    assert reader.checks


def test_readme_links_lead_somewhere():
    check_links(README)


def test_readme_examples_are_those_of_the_project():
    check_includes(README)


def test_readme_has_the_two_commands_and_what_they_do_is_in_the_makefile():
    commands = [block.text for block in read_blocks(README) if block.language == "console"]
    makefile = (ROOT / "Makefile").read_text()

    for target in ("serve", "test"):
        assert any(re.search(rf"^\$ make {target}$", text, re.M) for text in commands)
        assert re.search(rf"^{target}:", makefile, re.M)


def test_readme_is_about_a_screen():
    assert len(README.read_text().splitlines()) <= 120
