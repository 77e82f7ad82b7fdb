"""What comes out of documents, and for whom: nobody sees what is not theirs, however it got in there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from brubeck_wsgi.dictshield import (
    BaseField,
    DateTimeField,
    DictField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    InvalidShield,
    ListField,
    MultiValueDictField,
    StringField,
)

SOME_UUID = UUID("2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d")


class Author(EmbeddedDocument):
    name = StringField(required=True)
    email = StringField()
    password = StringField()
    _public_fields = ("name",)
    _private_fields = ("password",)


class Insider(Author):
    salary = IntField()
    _public_fields = ("name", "salary")
    _private_fields = ("salary",)


class Unlisted(EmbeddedDocument):
    a = StringField()
    b = StringField()
    _private_fields = ("b",)


class Post(Document):
    title = StringField(minimized_field_name="t")
    notes = StringField()
    author = EmbeddedDocumentField(Author)
    authors = ListField(EmbeddedDocumentField(Author))
    nested = ListField(ListField(EmbeddedDocumentField(Author)))
    anything = BaseField()
    listed = ListField([])
    extra = DictField()
    plain = EmbeddedDocumentField(Unlisted)
    created = DateTimeField()
    _public_fields = ("title", "author", "authors", "nested", "anything", "listed", "extra", "plain", "created")
    _private_fields = ("notes",)


def author(**more):
    return Author(name="Dave", email="dave@example.com", password="secret", **more)


def full_post():
    return Post(
        id=SOME_UUID,
        title="Take Five",
        notes="secret",
        author=author(),
        authors=[author(), Insider(name="Paul", password="secret", salary=5)],
        nested=[[author()]],
        anything={"x": [author()]},
        listed=[author(), (author(),)],
        extra={"a": {"b": author()}},
        plain={"a": "x", "b": "secret"},
        created=datetime(2026, 5, 18, tzinfo=UTC),
    )


SEEN = {"name": "Dave"}
PUBLIC = {
    "t": "Take Five",
    "author": SEEN,
    "authors": [SEEN, {"name": "Paul", "salary": 5}],
    "nested": [[SEEN]],
    "anything": {"x": [SEEN]},
    "listed": [SEEN, [SEEN]],
    "extra": {"a": {"b": SEEN}},
    "plain": {},
    "created": "2026-05-18T00:00:00Z",
}
OWNED = {"name": "Dave", "email": "dave@example.com"}
OWNER = {
    "t": "Take Five",
    "author": OWNED,
    "authors": [OWNED, {"name": "Paul"}],
    "nested": [[OWNED]],
    "anything": {"x": [OWNED]},
    "listed": [OWNED, [OWNED]],
    "extra": {"a": {"b": OWNED}},
    "plain": {"a": "x"},
    "created": "2026-05-18T00:00:00Z",
}
FORMS = [("public", PUBLIC), ("owner", OWNER)]


def safe(role, data, **options):
    return getattr(Post, f"make_json_{role}safe")(data, **options)


@pytest.mark.parametrize(("role", "expected"), FORMS)
def test_every_level_is_filtered_by_its_own_lists(role, expected):
    post = full_post()

    assert json.loads(safe(role, post)) == expected
    assert safe(role, post, encode=False) == expected
    assert json.loads(Post.dump(post, role)) == expected
    assert "secret" not in safe(role, post)


@pytest.mark.parametrize(("role", "expected"), FORMS)
def test_python_form_has_the_same_fields(role, expected):
    data = getattr(Post, f"make_{role}safe")(full_post())

    assert data.pop("created") == datetime(2026, 5, 18, tzinfo=UTC)
    assert json.loads(json.dumps(data)) == {key: value for key, value in expected.items() if key != "created"}


@pytest.mark.parametrize(("role", "expected"), FORMS)
def test_list_of_documents_is_a_list_of_what_is_seen(role, expected):
    assert json.loads(safe(role, [full_post(), full_post()])) == [expected, expected]
    assert safe(role, [full_post()], encode=False) == [expected]


@pytest.mark.parametrize(("role", "expected"), FORMS)
def test_dictionary_is_filtered_like_a_document_and_left_as_it_is(role, expected):
    data = full_post().to_python()
    for name in ("anything", "listed", "extra"):  # plain data in there has no class to say who may see it
        del data[name]
    data["authors"][1] = dict(OWNED, password="secret")
    data |= {"rogue": "secret", "none": None}
    before = repr(data)

    shown = json.loads(safe(role, data))

    assert "secret" not in json.dumps(shown)
    assert shown["author"] == expected["author"]
    assert shown["nested"] == expected["nested"]
    assert shown["t"] == "Take Five"
    assert repr(data) == before


@pytest.mark.parametrize("role", ["public", "owner"])
def test_list_of_dictionaries_in_an_embedded_list_is_filtered(role):
    data = {"authors": [{"name": "Dave", "password": "secret", "rogue": 1}], "author": {"password": "secret"}}

    assert "secret" not in safe(role, data)
    assert "rogue" not in safe(role, data)


def test_containers_that_come_out_are_copies():
    post = full_post()
    for data in (post.to_python(), Post.make_publicsafe(post)):
        data["extra"]["a"]["new"] = 1
        data["listed"].append(1)

    assert "new" not in post.extra["a"]
    assert 1 not in post.listed


def test_public_sees_nothing_of_a_class_without_a_list():
    class Bare(Document):
        a = StringField()

    assert Bare.make_publicsafe(Bare(a="x", id=SOME_UUID)) == {}
    assert Bare.make_json_publicsafe(Bare(a="x", id=SOME_UUID)) == "{}"
    assert Bare.make_json_publicsafe({"a": "x", "b": "y"}) == "{}"


def test_private_fields_of_base_classes_add_up():
    insider = Insider(name="Paul", password="secret", salary=5)

    assert Insider.make_ownersafe(insider) == {"name": "Paul"}
    assert Insider._get_internal_fields() == {"_id", "id", "_cls", "_types", "password", "salary"}


def test_list_may_name_a_field_by_what_it_is_stored_as():
    class Renamed(Document):
        a = StringField(uniq_field="stored")
        b = StringField(minimized_field_name="s")
        _private_fields = ("stored",)
        _public_fields = ("s", "_id")

    document = Renamed(a="secret", b="x", id=SOME_UUID)

    assert Renamed.make_ownersafe(document) == {"s": "x"}
    assert Renamed.make_publicsafe(document) == {"id": SOME_UUID, "s": "x"}


class Roles(Document):
    __roles__ = {"editor": ["title", "inner"], "auditor": {"hide": ["draft"]}, "public": ["title"]}  # noqa: RUF012
    title = StringField()
    draft = StringField()
    inner = EmbeddedDocumentField(Author)


class MoreRoles(Roles):
    __roles__ = {"auditor": {"hide": ["inner"]}, "guest": ()}  # noqa: RUF012


ROLE_CASES = [
    (Roles, "editor", {"title": "x", "inner": {}}),
    (Roles, "auditor", {"id": str(SOME_UUID), "title": "x", "inner": {}}),
    (Roles, "public", {"title": "x", "inner": None}),
    (Roles, "stranger", {}),
    (MoreRoles, "editor", {"title": "x", "inner": {}}),
    (MoreRoles, "auditor", {"id": str(SOME_UUID), "title": "x"}),
    (MoreRoles, "guest", {}),
]


@pytest.mark.parametrize(("document_type", "role", "expected"), ROLE_CASES)
def test_named_role_sees_what_is_declared_for_it(document_type, role, expected):
    document = document_type(id=SOME_UUID, title="x", draft="y", inner=author())
    expected = {key: value for key, value in expected.items() if value is not None}

    assert json.loads(document_type.dump(document, role)) == expected
    assert json.loads(json.dumps(document_type.dump_python(document, role), default=str)) == expected


@pytest.mark.parametrize("declaration", ["title", {"show": ["title"]}, {"hide": [], "show": []}])
def test_role_that_is_declared_wrongly_is_refused(declaration):
    document_type = type(Document)(
        "Wrong", (Document,), {"__module__": __name__, "title": StringField(), "__roles__": {"x": declaration}}
    )

    with pytest.raises(InvalidShield, match="expected"):
        document_type.dump(document_type(), "x")


def test_store_sees_all_with_the_marks_of_every_class():
    data = json.loads(full_post().to_json())

    assert data["notes"] == "secret"
    assert (data["_cls"], data["_types"]) == ("Post", ["Post"])
    assert data["authors"][1]["_types"] == ["Author", "Author.Insider"]
    assert data["authors"][1]["salary"] == 5
    assert data == full_post().to_json(encode=False)
    assert full_post().to_python()["id"] == SOME_UUID


def test_what_is_none_is_left_out():
    assert Post(title="x").to_python() == {
        "title": "x",
        "authors": [],
        "nested": [],
        "listed": [],
        "extra": {},
        "_cls": "Post",
        "_types": ["Post"],
    }


def test_json_is_compact_and_sorted_json_is_that_of_the_standard_library():
    post = full_post()

    assert post.to_json(sort_keys=True) == json.dumps(post.to_json(encode=False), sort_keys=True)
    assert safe("public", post, sort_keys=True) == json.dumps(PUBLIC, sort_keys=True)
    assert '":"' in post.to_json()


def test_msgspec_by_itself_does_not_encode_a_document():
    post = full_post()

    for encode in (msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins):
        with pytest.raises(TypeError):
            encode(post)
        with pytest.raises(TypeError):
            encode({"a": [post.author]})


@pytest.mark.parametrize("role", ["public", "owner", None])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", Author(name="Dave", password="secret")),
        ("author", {"name": "Dave", "password": "secret"}),
        ("author", [Author(name="Dave", password="secret")]),
        ("author", "word"),
        ("authors", Author(name="Dave", password="secret")),
        ("authors", "word"),
        ("authors", 5),
        ("authors", [None, 5, "word", {"name": "Dave", "password": "secret"}]),
        ("nested", [5, [Author(name="Dave", password="secret"), 5]]),
        ("extra", Author(name="Dave", password="secret")),
        ("created", "word"),
        ("created", Author(name="Dave", password="secret")),
        ("created", datetime),
    ],
)
def test_invalid_document_leaks_nothing(role, field, value):
    post = Post()
    object.__setattr__(post, field, value)  # as a careless program might

    try:
        shown = Post.dump(post, role).decode()
    except (ValueError, TypeError):
        return  # what cannot be written is not
    assert role is None or "secret" not in shown


def test_hidden_field_does_not_come_out_by_a_view_of_a_base_class():
    insider = Insider(name="Paul", password="secret", salary=5)

    assert json.loads(Author.make_json_ownersafe(insider)) == {"name": "Paul"}


def test_multivalue_dictionary_comes_out_as_lists():
    class Query(Document):
        arguments = MultiValueDictField()
        _public_fields = ("arguments",)

    query = Query(arguments={"a": [1, author()], "b": 2})

    assert json.loads(Query.make_json_publicsafe(query)) == {"arguments": {"a": [1, SEEN], "b": [2]}}


@pytest.mark.parametrize("thing", [5, "x", None])
def test_what_is_no_document_is_refused(thing):
    with pytest.raises(TypeError, match="expected a document, a mapping or a list of them"):
        Post.make_publicsafe(thing)
    with pytest.raises(TypeError, match="expected a document, a mapping or a list of them"):
        Post.make_json_publicsafe(thing)
