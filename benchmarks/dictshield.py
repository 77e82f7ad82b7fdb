"""What documents cost, beside msgspec, pydantic and marshmallow: ``python benchmarks/dictshield.py``.

One blog post with its author and ten comments: lengths, choices, a UUID, 11 moments, 11 e-mail addresses and a URL,
2.1 kB of JSON; the same checks everywhere. Once without and once with the patterns of addresses, which most models
have few of. Rounds are interleaved, so that a slow moment of the machine falls on everybody; the figures are medians
over the rounds, the ratios medians of the ratios of one round. Take the ratios: the machine matters.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import process_time
from typing import Annotated, Any, Literal
from uuid import UUID

# The grammar of e-mail addresses and URLs in words that every engine of regular expressions knows.
DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}\.?"
ATOM = r"[-!#$%&'*+/=?^_`{|}~0-9A-Za-z]+"
EMAIL = rf"^{ATOM}(?:\.{ATOM})*@{DOMAIN}$"
URL = rf"^https?://(?:{DOMAIN}|localhost)(?::[0-9]{{1,5}})?(?:[/?#]\S*)?$"
# And as Python (3.11) runs it best: what has matched is not tried in another way.
FAST_DOMAIN = r"(?:[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+\.)+[A-Za-z]{2,63}+\.?"
FAST_EMAIL = rf"^{ATOM}+(?:\.{ATOM}+)*+@{FAST_DOMAIN}$"
FAST_URL = rf"^https?://(?:{FAST_DOMAIN}|localhost)(?::[0-9]{{1,5}})?(?:[/?#]\S*+)?$"

STATUSES = ("draft", "published", "hidden")
PUBLIC = {
    "post": ["id", "title", "body", "tags", "created", "author", "comments"],
    "author": ["name", "url"],
    "comment": ["name", "text", "created"],
}


def example() -> dict[str, Any]:
    """Return the blog post as plain data."""
    comment = {"email": "desmond@example.com", "text": "It is the drum solo that makes it. " * 2, "approved": True}
    return {
        "id": "2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d",
        "title": "Take Five, and why it is in five",
        "body": "The piece is in E flat minor. " * 6,
        "status": "published",
        "tags": ["jazz", "quartet", "1959"],
        "views": 51,
        "created": "2026-05-18T03:33:20Z",
        "author": {"name": "Dave", "email": "dave@example.com", "url": "https://example.com/dave"},
        "comments": [
            {"name": f"Reader {number}", **comment, "created": f"2026-05-18T04:33:{number:02}Z"} for number in range(10)
        ],
    }


def wrong_example() -> dict[str, Any]:
    """Return a blog post with five errors at three depths."""
    data = copy.deepcopy(example())
    data["title"] = "x" * 200
    data["status"] = "lost"
    del data["author"]["name"]
    data["comments"][3]["text"] = 5
    data["comments"][7]["created"] = "yesterday"
    return data


def make_ours(has_patterns: bool) -> dict[str, Callable[..., Any]]:
    """Return what our documents do."""
    from brubeck_wsgi.dictshield import (
        BooleanField,
        DateTimeField,
        Document,
        EmailField,
        EmbeddedDocument,
        EmbeddedDocumentField,
        IntField,
        ListField,
        ShieldDocException,
        StringField,
        URLField,
    )

    address, link = (EmailField, URLField) if has_patterns else (StringField, StringField)

    class Author(EmbeddedDocument):
        _public_fields = PUBLIC["author"]
        name = StringField(required=True, max_length=80)
        email = address(max_length=120)
        url = link(max_length=200)

    class Comment(EmbeddedDocument):
        _public_fields = PUBLIC["comment"]
        name = StringField(required=True, max_length=80)
        email = address(max_length=120)
        text = StringField(required=True, max_length=2000)
        approved = BooleanField()
        created = DateTimeField()

    class Post(Document):
        _public_fields = PUBLIC["post"]
        title = StringField(required=True, max_length=120)
        body = StringField(max_length=20_000)
        status = StringField(choices=STATUSES)
        tags = ListField(StringField(max_length=30))
        views = IntField(min_value=0)
        created = DateTimeField()
        author = EmbeddedDocumentField(Author)
        comments = ListField(EmbeddedDocumentField(Comment))

    def errors(data: bytes) -> int:
        try:
            Post.load(data)
        except ShieldDocException as error:
            return len(error.error_list)
        return 0

    document = Post.load(json.dumps(example()))
    return {
        "JSON to object": Post.load,
        "dict to object": Post.load,
        "Doc(**d).validate()": lambda data: Post(**data).validate(),
        "object to JSON": lambda _: document.to_json(),
        "object to public JSON": lambda _: Post.dump(document, "public"),
        "bad JSON to all errors": errors,
        "ten reads": ten_reads_of(document),
        "ten writes": ten_writes_of(document),
    }


def make_msgspec(has_patterns: bool) -> dict[str, Callable[..., Any]]:
    """Return what raw Structs do; their public form is written by hand, and errors end at the first."""
    import msgspec
    from msgspec import UNSET, Meta, Struct, UnsetType

    address = Annotated[str, Meta(max_length=120, pattern=FAST_EMAIL if has_patterns else None)]
    link = Annotated[str, Meta(max_length=200, pattern=FAST_URL if has_patterns else None)]
    name = Annotated[str, Meta(min_length=1, max_length=80)]
    author = msgspec.defstruct("Author", [("name", name), ("email", address | None, None), ("url", link | None, None)])
    comment = msgspec.defstruct(
        "Comment",
        [
            ("name", name),
            ("text", Annotated[str, Meta(min_length=1, max_length=2000)]),
            ("email", address | None, None),
            ("approved", bool | None, None),
            ("created", datetime | None, None),
        ],
    )
    post = msgspec.defstruct(
        "Post",
        [
            ("title", Annotated[str, Meta(min_length=1, max_length=120)]),
            ("id", UUID | None, None),
            ("body", Annotated[str, Meta(max_length=20_000)] | None, None),
            ("status", Literal["draft", "published", "hidden"] | None, None),
            ("tags", list[Annotated[str, Meta(max_length=30)]], []),
            ("views", Annotated[int, Meta(ge=0)] | None, None),
            ("created", datetime | None, None),
            ("author", author | None, None),
            ("comments", list[comment], []),
        ],
    )

    class SeenAuthor(Struct):
        name: str
        url: str | UnsetType | None = UNSET

    class SeenComment(Struct):
        name: str
        text: str
        created: datetime | None

    class SeenPost(Struct):
        id: UUID | None
        title: str
        body: str | None
        tags: list[str]
        created: datetime | None
        author: SeenAuthor
        comments: list[SeenComment]

    decode = msgspec.json.Decoder(post).decode
    encode = msgspec.json.Encoder().encode
    thing: Any = decode(json.dumps(example()))

    def public(_: Any) -> bytes:
        comments = [SeenComment(one.name, one.text, one.created) for one in thing.comments]
        seen = SeenAuthor(thing.author.name, thing.author.url)
        return encode(SeenPost(thing.id, thing.title, thing.body, thing.tags, thing.created, seen, comments))

    return {
        "JSON to object": decode,
        "dict to object": lambda data: msgspec.convert(data, post),
        "object to JSON": lambda _: encode(thing),
        "object to public JSON": public,
    }


def make_pydantic(has_patterns: bool) -> dict[str, Callable[..., Any]]:
    """Return what pydantic's models do."""
    from pydantic import BaseModel, Field, ValidationError

    address = Annotated[str, Field(max_length=120, pattern=EMAIL if has_patterns else None)]
    link = Annotated[str, Field(max_length=200, pattern=URL if has_patterns else None)]
    title = Annotated[str, Field(min_length=1, max_length=80)]

    class Author(BaseModel):
        name: title  # type: ignore[valid-type]
        email: address | None = None  # type: ignore[valid-type]
        url: link | None = None  # type: ignore[valid-type]

    class Comment(BaseModel):
        name: title  # type: ignore[valid-type]
        email: address | None = None  # type: ignore[valid-type]
        text: Annotated[str, Field(min_length=1, max_length=2000)]
        approved: bool | None = None
        created: datetime | None = None

    class Post(BaseModel):
        id: UUID | None = None
        title: Annotated[str, Field(min_length=1, max_length=120)]
        body: Annotated[str, Field(max_length=20_000)] | None = None
        status: Literal["draft", "published", "hidden"] | None = None
        tags: list[Annotated[str, Field(max_length=30)]] = []
        views: Annotated[int, Field(ge=0)] | None = None
        created: datetime | None = None
        author: Author | None = None
        comments: list[Comment] = []

    Post.model_rebuild(_types_namespace={**globals(), **locals()})

    def errors(data: bytes) -> int:
        try:
            Post.model_validate_json(data)
        except ValidationError as error:
            return len(error.errors())
        return 0

    document = Post.model_validate(example())
    seen: Any = dict.fromkeys(PUBLIC["post"], True)
    seen |= {"author": set(PUBLIC["author"]), "comments": {"__all__": set(PUBLIC["comment"])}}
    return {
        "JSON to object": Post.model_validate_json,
        "dict to object": Post.model_validate,
        "Doc(**d).validate()": Post.model_validate,
        "object to JSON": lambda _: document.model_dump_json(exclude_none=True),
        "object to public JSON": lambda _: document.model_dump_json(include=seen, exclude_none=True),
        "bad JSON to all errors": errors,
        "ten reads": ten_reads_of(document),
        "ten writes": ten_writes_of(document),
    }


def make_marshmallow(has_patterns: bool) -> dict[str, Callable[..., Any]]:
    """Return what marshmallow's schemas do; they make dictionaries."""
    from marshmallow import Schema, ValidationError, fields, validate

    def checks(longest: int, pattern: str) -> list[Any]:
        found: list[Any] = [validate.Length(max=longest)]
        return [*found, validate.Regexp(pattern)] if has_patterns else found

    class Author(Schema):
        name = fields.String(required=True, validate=validate.Length(1, 80))
        email = fields.String(validate=checks(120, FAST_EMAIL))
        url = fields.String(validate=checks(200, FAST_URL))

    class Comment(Schema):
        name = fields.String(required=True, validate=validate.Length(1, 80))
        email = fields.String(validate=checks(120, FAST_EMAIL))
        text = fields.String(required=True, validate=validate.Length(1, 2000))
        approved = fields.Boolean()
        created = fields.DateTime()

    class Post(Schema):
        id = fields.UUID()
        title = fields.String(required=True, validate=validate.Length(1, 120))
        body = fields.String(validate=validate.Length(max=20_000))
        status = fields.String(validate=validate.OneOf(STATUSES))
        tags = fields.List(fields.String(validate=validate.Length(max=30)))
        views = fields.Integer(validate=validate.Range(min=0))
        created = fields.DateTime()
        author = fields.Nested(Author)
        comments = fields.List(fields.Nested(Comment))

    def errors(data: bytes) -> int:
        try:
            Post().loads(data)
        except ValidationError as error:
            return sum(len(one) if name in ("comments", "author") else 1 for name, one in error.messages_dict.items())
        return 0

    schema = Post()
    inner = [f"author.{name}" for name in PUBLIC["author"]] + [f"comments.{name}" for name in PUBLIC["comment"]]
    public = Post(only=[name for name in PUBLIC["post"] if name not in ("author", "comments")] + inner)
    thing = schema.load(example())
    return {
        "JSON to object": schema.loads,
        "dict to object": schema.load,
        "Doc(**d).validate()": schema.load,
        "object to JSON": lambda _: schema.dumps(thing),
        "object to public JSON": lambda _: public.dumps(thing),
        "bad JSON to all errors": errors,
    }


MAKERS = {"ours": make_ours, "msgspec": make_msgspec, "pydantic": make_pydantic, "marshmallow": make_marshmallow}
# What is measured, its bars against pydantic without and with patterns, and what it is given.
TASKS: dict[str, tuple[float | None, float | None, str]] = {
    "JSON to object": (0.50, 0.80, "json"),
    "dict to object": (0.60, 1.0, "dict"),
    "Doc(**d).validate()": (1.0, 1.3, "dict"),
    "object to JSON": (0.75, 0.75, "nothing"),
    "object to public JSON": (0.42, 0.42, "nothing"),
    "bad JSON to all errors": (2.5, 2.5, "bad"),
    "ten reads": (1.0, 1.0, "nothing"),
    "ten writes": (1.0, 1.0, "nothing"),
}


def ten_reads_of(post: Any) -> Callable[..., Any]:
    """Return what reads ten attributes; of one, the call would be most of it."""

    def read(_: Any) -> None:
        post.id, post.title, post.body, post.status, post.tags  # noqa: B018
        post.views, post.created, post.author, post.comments, post.title  # noqa: B018

    return read


def ten_writes_of(post: Any) -> Callable[..., Any]:
    """Return what writes an attribute ten times."""

    def write(_: Any) -> None:
        post.title = post.title = post.title = post.title = post.title = "Take Five"
        post.title = post.title = post.title = post.title = post.title = "Take Five"

    return write


def seconds(task: Callable[..., Any], given: Any, times: int) -> float:
    """Return how long one call takes, the mean of *times*."""
    started = process_time()
    for _ in range(times):
        task(given)
    return (process_time() - started) / times


def measure(has_patterns: bool, rounds: int, times: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of every round, by task and library."""
    given = {
        "json": json.dumps(example(), separators=(",", ":")).encode(),
        "dict": example(),
        "bad": json.dumps(wrong_example(), separators=(",", ":")).encode(),
        "nothing": None,
    }
    made = {}
    for name, maker in MAKERS.items():
        try:
            made[name] = maker(has_patterns)
        except ImportError:
            print(f"{name} is not installed", file=sys.stderr)
    for name, tasks in made.items():
        found = tasks["bad JSON to all errors"](given["bad"]) if "bad JSON to all errors" in tasks else 5
        assert found == 5, f"expected {name} to find five errors, got {found}"
    public = {name: json.loads(tasks["object to public JSON"](None)) for name, tasks in made.items()}
    assert len({json.dumps(sorted(one)) for one in public.values()}) == 1, "expected the same public form of all"
    results: dict[str, dict[str, list[float]]] = {task: {name: [] for name in made} for task in TASKS}
    for _ in range(rounds):
        for task, (_, _, kind) in TASKS.items():
            for name, tasks in made.items():
                if task in tasks:
                    fewer = 10 if name == "marshmallow" else 1
                    results[task][name].append(seconds(tasks[task], given[kind], times // fewer))
    return results


def show(results: dict[str, dict[str, list[float]]], has_patterns: bool) -> bool:
    """Print a table; return whether every bar is met."""
    names = list(next(iter(results.values())))
    print(
        f"\n{'with' if has_patterns else 'without'} patterns, µs".ljust(26), *(name.rjust(12) for name in names), end=""
    )
    print("  of pydantic    bar")
    is_met = True
    for task, measured in results.items():
        figures = [f"{statistics.median(one) * 1e6:12.2f}" if one else " " * 12 for one in measured.values()]
        ratios = [own / other for own, other in zip(measured["ours"], measured["pydantic"], strict=True)]
        ratio, bar = statistics.median(ratios), TASKS[task][has_patterns]
        is_met = is_met and (bar is None or ratio <= bar)
        print(
            task.ljust(26), *figures, f"{ratio:11.2f}", f"{bar:7.2f}", "" if bar is None or ratio <= bar else "  missed"
        )
    return is_met


def start_up(rounds: int) -> bool:
    """Print what it takes to import each and make the models, over bare Python; return whether the bar is met.

    Of this distribution only the documents are imported: the framework around them has its own price.
    """
    root = Path(__file__).resolve().parent.parent
    stub = f"package = types.ModuleType('brubeck_wsgi'); package.__path__ = [{str(root / 'brubeck_wsgi')!r}]"
    code = f"import sys, types; {stub}; sys.modules['brubeck_wsgi'] = package; import benchmarks.dictshield as b"
    taken: dict[str, list[float]] = {name: [] for name in ("", *MAKERS)}
    with tempfile.TemporaryDirectory() as compiled:  # all of them compiled before, as what pip installs is
        settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        for number in range(rounds + 1):
            for name, one in taken.items():
                use = f"; b.make_{name}(True)" if name else ""
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run([sys.executable, "-c", code + use], cwd=root, env=settings, check=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                if number:
                    one.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    bare = statistics.median(taken.pop(""))
    over = {name: statistics.median(one) - bare for name, one in taken.items()}
    ratio = over["ours"] / over["pydantic"]
    print("\nimport and first use, ms:", ", ".join(f"{name} {value * 1e3:.0f}" for name, value in over.items()), end="")
    print(f"; of pydantic {ratio:.2f}, bar 0.45", "" if ratio <= 0.45 else "  missed")
    return ratio <= 0.45


def main() -> int:
    """Measure and print; return 1 if a bar is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--times", type=int, default=2000, help="calls a round")
    arguments = options.parse_args()
    met = [
        show(measure(has_patterns, arguments.rounds, arguments.times), has_patterns) for has_patterns in (False, True)
    ]
    met.append(start_up(arguments.rounds))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
