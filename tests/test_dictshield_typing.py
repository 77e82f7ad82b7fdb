"""What a type checker, and so an editor, knows of documents."""

from __future__ import annotations

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
todo.votes = "5"
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


def run_mypy(tmp_path, source):
    api = pytest.importorskip("mypy.api")
    path = tmp_path / "snippet.py"
    path.write_text(source)
    output, _, _ = api.run([str(path), "--cache-dir", str(ROOT / ".mypy_cache" / "snippets"), "--strict"])
    return output


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_values_have_the_types_of_their_fields(tmp_path):
    output = run_mypy(tmp_path, SNIPPET)

    revealed = [line.split('"')[1] for line in output.splitlines() if "Revealed type" in line]
    assert [name.replace("builtins.", "") for name in revealed] == REVEALED
    assert "error" not in output


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("todo.title.uper()", 'has no attribute "uper"'),
        ("todo.nothing", 'has no attribute "nothing"'),
        ("todo.votes.upper()", 'has no attribute "upper"'),
        ("StringField(max_length='x')", "incompatible type"),
    ],
)
def test_mistakes_are_found(tmp_path, line, message):
    output = run_mypy(tmp_path, SNIPPET + line + "\n")

    assert message in output
