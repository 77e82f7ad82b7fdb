"""What a type checker, and so an editor, knows of documents."""

from __future__ import annotations

import os

import pytest
from servers import ROOT

SNIPPET = """
from datetime import datetime

from brubeck_wsgi.dictshield import (
    BooleanField, DateTimeField, DictField, Document, EmbeddedDocument, EmbeddedDocumentField, IntField, ListField,
    StringField,
)


class Comment(EmbeddedDocument):
    text = StringField(required=True)


class Todo(Document):
    title = StringField(max_length=40)
    done = BooleanField(default=False)
    votes = IntField()
    due = DateTimeField()
    tags = ListField(StringField())
    best = EmbeddedDocumentField(Comment)
    comments = ListField(EmbeddedDocumentField(Comment))
    extra = DictField()

    def shout(self) -> str:
        return self.title.upper()


todo = Todo(title="x")
Todo().votes = "5"
reveal_type(todo)
reveal_type(todo.title)
reveal_type(todo.done)
reveal_type(todo.votes)
reveal_type(todo.due)
reveal_type(todo.tags)
reveal_type(todo.best)
reveal_type(todo.comments[0].text)
reveal_type(todo.extra)
reveal_type(Todo.title)
reveal_type(Todo.load(b"{}"))
reveal_type(Todo.load_partial(b"{}"))
reveal_type(Todo.dump(todo, "public"))
reveal_type(todo.validate())
"""
REVEALED = [
    "snippet.Todo",
    "str",
    "bool",
    "int",
    "datetime.datetime",
    "list[str]",
    "snippet.Comment",
    "str",
    "dict[str, Any]",
    "brubeck_wsgi.dictshield.fields.text.StringField",
    "snippet.Todo",
    "dict[str, Any]",
    "bytes",
    "bool",
]


MISTAKES = [
    ("todo.title.uper()", 'has no attribute "uper"'),
    ("todo.nothing", 'has no attribute "nothing"'),
    ("todo.votes.upper()", 'has no attribute "upper"'),
    ("StringField(max_length='x')", "incompatible type"),
]


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """What mypy says of the snippet and of the mistakes, by line."""
    api = pytest.importorskip("mypy.api")
    path = tmp_path_factory.mktemp("typing") / "snippet.py"
    path.write_text(SNIPPET + "".join(f"{line}\n" for line, _ in MISTAKES))
    before = os.getcwd()
    os.chdir(ROOT)
    try:
        output, _, _ = api.run([str(path), "--cache-dir", ".mypy_cache/snippets", "--strict"])
    finally:
        os.chdir(before)
    return output.splitlines()


def test_values_have_the_types_of_their_fields(lines):
    revealed = [line.split('"')[1] for line in lines if "Revealed type" in line]

    assert [name.replace("builtins.", "") for name in revealed] == REVEALED


def test_mistakes_are_found_and_nothing_else(lines):
    errors = [line for line in lines if "error:" in line]

    assert len(errors) == len(MISTAKES)
    assert [message for (_, message), error in zip(MISTAKES, errors, strict=True) if message not in error] == []
