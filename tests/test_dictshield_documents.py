"""Documents: how they are made and reached, what they inherit, what identifies them, when they are valid."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import ClassVar
from uuid import UUID, uuid4

import msgspec
import pytest

from brubeck_wsgi.dictshield import (
    BaseField,
    BooleanField,
    DateTimeField,
    DictField,
    DictFieldNotFound,
    DictPunch,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    InvalidShield,
    ListField,
    MalformedDocument,
    ObjectIdField,
    ShieldDocException,
    ShieldException,
    StringField,
    UUIDField,
    diff_id_field,
    swap_field,
)

NO_LIST = "Only lists and tuples may be used in a list field"
SOME_UUID = UUID("2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d")


class Comment(EmbeddedDocument):
    text = StringField(required=True, max_length=20)
    votes = IntField(default=0, min_value=0)


class Post(Document):
    title = StringField(required=True, max_length=10)
    tags = ListField(StringField())
    extra = DictField()
    comments = ListField(EmbeddedDocumentField(Comment))
    best = EmbeddedDocumentField(Comment)


class Media(Document):
    title = StringField(max_length=40)


class Movie(Media):
    year = IntField()


# -- making and reaching


def test_unknown_keys_never_reach_the_document():
    post = Post(title="x", rogue=1, _data={}, validate=None)

    assert not hasattr(post, "rogue")
    assert post.validate() is True


@pytest.mark.parametrize("key", ["self", "cls", "values", "document"])
def test_any_name_may_be_a_key_or_a_field(key):
    document_type = type(Document)("Odd", (Document,), {"__module__": __name__, key: IntField()})

    assert Post(**{key: 1}).title is None
    assert getattr(document_type(**{key: "5"}), key) == 5


def test_input_is_copied():
    tags, extra = ["a"], {"list": [1]}

    for post in (Post(tags=tags, extra=extra), Post.load({"title": "x", "tags": tags, "extra": extra})):
        post.tags.append("b")
        post.extra["list"].append(2)

    assert (tags, extra) == (["a"], {"list": [1]})


def test_assigned_list_is_copied():
    post, tags = Post(), ["a"]
    post.tags = tags

    tags.append("b")

    assert post.tags == ["a"]


def test_field_is_reached_through_the_class_and_its_value_through_the_document():
    assert isinstance(Post.title, StringField)
    assert Post.title.field_name == "title"
    assert Post.title.owner_document is Post
    assert isinstance(Post.id, UUIDField)
    assert Post(title="x").title == Post(title="x")["title"] == "x"
    assert "title" in dir(Post)


def test_class_has_no_attribute_that_is_no_field():
    with pytest.raises(AttributeError, match="type object 'Post' has no attribute 'nothing'"):
        _ = Post.nothing


def test_fields_are_set_by_key():
    post = Post()
    post["title"] = "x"

    assert post.title == "x"
    with pytest.raises(KeyError):
        post["rogue"] = 1
    with pytest.raises(KeyError):
        post["rogue"]


def test_only_fields_with_values_are_in_a_document():
    post = Post(title="x")

    assert "title" in post
    assert "best" not in post
    assert "validate" not in post
    assert "rogue" not in post
    assert 5 not in post


def test_document_is_as_long_as_its_names_and_always_true():
    post = Post()

    assert list(post) == ["id", "title", "tags", "extra", "comments", "best"]
    assert len(post) == len(list(post))
    assert post
    assert type(Document)("Bare", (EmbeddedDocument,), {"__module__": __name__})()


def test_documents_are_equal_by_class_and_values():
    one, same, other = (Post(title=title, comments=[{"text": "y"}]) for title in ("x", "x", "z"))

    assert one == same
    assert one != other
    assert one != {"title": "x"}
    assert Media(title="x") != Movie(title="x")
    same.comments[0].text = "changed"
    assert one != same


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copied_document_is_equal(duplicate):
    post = Post(title="x", id=SOME_UUID, comments=[{"text": "y"}], extra={"a": [1]})

    assert duplicate(post) == post
    assert duplicate(post).validate()


def test_deep_copy_shares_nothing():
    post = Post(title="x", comments=[{"text": "y"}])

    copy.deepcopy(post).comments[0].text = "changed"

    assert post.comments[0].text == "y"


def test_document_has_no_hash_because_it_changes():
    with pytest.raises(TypeError, match="unhashable"):
        hash(Post())


def test_document_says_what_it_is():
    class Named(Document):
        name = StringField()

        def __unicode__(self):
            return f"called {self.name}"

    assert str(Post()) == "Post object"
    assert repr(Named(name="x")) == "<Named: called x>"


def test_attribute_that_is_no_field_is_as_in_any_class():
    post = Post()
    post.seen = True

    assert post.seen
    assert "seen" not in post.to_python()
    assert post == Post()


def test_init_of_a_class_runs_however_a_document_is_made():
    class Loud(EmbeddedDocument):
        title = StringField(required=True)

        def __init__(self, **values):
            super().__init__(**values)
            self.title = (self.title or "").upper()

    class Album(Document):
        songs = ListField(EmbeddedDocumentField(Loud))

    assert Loud(title="x", rogue=1).title == "X"
    assert Loud.load(b'{"title": "x", "self": 1}').title == "X"
    assert Album(songs=[{"title": "x"}]).songs[0].title == "X"
    assert Album.load('{"songs": [{"title": "x"}]}').songs[0].title == "X"
    with pytest.raises(ShieldDocException) as caught:
        Album.load('{"songs": [{"title": "x"}, {}]}')
    assert caught.value.error_list[0].path == ("songs", 1, "title")


# -- defaults


def test_callable_default_is_called_once_for_each_document():
    numbers = iter(range(100))

    class Numbered(Document):
        number = IntField(default=lambda: next(numbers))

    one = Numbered()

    assert one.number == one.number == 0
    assert Numbered().number == 1
    assert Numbered(number=50).number == 50
    assert Numbered.load("{}").number == 2
    assert Numbered.load("{}").number == 3


def test_none_means_the_default():
    class Defaulted(Document):
        number = IntField(default="5")

    document = Defaulted(number=None)

    assert document.number == 5
    document.number = 6
    document.number = None
    assert document.number == 5
    assert Defaulted.load('{"number": null}').number == 5


def test_mutable_default_is_not_shared():
    class Shared(Document):
        numbers = ListField(IntField(), default=[1])
        best = EmbeddedDocumentField(Comment, default=Comment(text="x"))

    for make in (Shared, lambda: Shared.load("{}")):
        one = make()
        one.numbers.append(2)
        one.best.text = "changed"

        assert make().numbers == [1]
        assert make().best.text == "x"


def test_default_is_converted_but_not_believed():
    class Wrong(Document):
        number = IntField(default=50, max_value=9)
        word = IntField(default=lambda: "word")

    assert Wrong().number == 50
    assert Wrong().word == "word"
    for make in (lambda: Wrong().validate(validate_all=True), lambda: Wrong.load("{}"), lambda: Wrong.load({})):
        with pytest.raises(ShieldDocException) as caught:
            make()
        assert [error.path for error in caught.value.error_list] == [("number",), ("word",)]


# -- inheritance


def test_class_is_named_after_its_bases():
    assert (Media._class_name, Movie._class_name) == ("Media", "Media.Movie")
    assert Movie(title="x").to_python() == {"title": "x", "_cls": "Media.Movie", "_types": ["Media", "Media.Movie"]}
    assert list(Movie._superclasses) == ["Media"]


def test_marks_may_be_left_out():
    class Plain(Document):
        _meta: ClassVar = {"allow_inheritance": False}
        title = StringField()

    class Still(Plain):
        pass

    assert Plain(title="x").to_python() == {"title": "x"}
    assert Still(title="x").to_json() == '{"title":"x"}'


def test_fields_are_not_shared_with_subclasses():
    assert Movie.title is not Media.title
    assert Movie.title.owner_document is Movie
    assert Media.title.owner_document is Media


def test_mixin_lends_its_fields_and_is_not_counted():
    class Timed(EmbeddedDocument):
        class Meta:
            mixin = True

        seconds = IntField(required=True)

    class Song(Document, Timed):
        title = StringField()

    assert list(Song._fields) == ["id", "seconds", "title"]
    assert Song._class_name == "Song"
    assert Song.load('{"seconds": 324}').seconds == 324
    with pytest.raises(ShieldException):
        Song().validate()


def test_nearest_declaration_of_a_field_counts():
    class Base(EmbeddedDocument):
        x = StringField()

    class Left(Base):
        pass

    class Right(Base):
        x = IntField()

    class Both(Left, Right):
        pass

    class Without(Both):
        x = None

    class Again(Without):
        y = IntField()

    assert isinstance(Both.x, IntField)
    assert Both.load('{"x": 5}').x == 5
    assert list(Without._fields) == []
    assert list(Again._fields) == ["y"]
    assert Again.load('{"x": 5, "y": 6}').y == 6


def test_subclass_that_is_compiled_after_its_base_has_its_own_fields():
    assert Media.load('{"title": "x", "year": 5}').title == "x"

    movie = Movie.load('{"title": "x", "year": 5}')

    assert (type(movie), movie.year) == (Movie, 5)


def test_options_of_meta_are_kept():
    class Stored(Document):
        class Meta:
            bucket = "songs"
            _private = 5

    class Below(Stored):
        pass

    assert Stored._options.bucket == Below._options.bucket == "songs"
    assert Document._options.bucket is None


@pytest.mark.parametrize("name", ["load", "dump", "validate", "to_json", "items", "json_schema", "make_publicsafe"])
def test_field_may_be_called_like_a_method(name):
    document_type = type(Document)("Clash", (Document,), {"__module__": __name__, name: IntField(required=True)})

    document = type(document_type).load(document_type, f'{{"{name}": "5"}}')

    assert getattr(document, name) == document[name] == 5
    with pytest.raises(ShieldDocException):
        type(document_type).load(document_type, "{}")


def test_annotations_of_a_class_stay_its_own():
    class Annotated(Document):
        title: StringField = StringField()
        note: Nowhere  # noqa: F821

    before = dict(Annotated.__annotations__)

    assert Annotated.load('{"title": "x"}').title == "x"
    assert Annotated.__annotations__ == before
    assert not hasattr(Annotated, "__dataclass_fields__")


def test_class_is_compiled_once_though_many_ask_at_a_time():
    class Busy(Document):
        comments = ListField(EmbeddedDocumentField(Comment))

    found, barrier = [], threading.Barrier(8)

    def ask():
        barrier.wait()
        found.append(Busy.load('{"comments": [{"text": "x"}]}').comments[0].text)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["x"] * 8


# -- identity


def test_identity_is_a_uuid_called_id():
    media = Media(id=str(SOME_UUID))

    assert media.id == SOME_UUID
    assert media.to_python()["id"] == SOME_UUID
    assert Media(_id=SOME_UUID).id == Media.load({"_id": str(SOME_UUID)}).id == SOME_UUID
    assert Media.id.field_name == "id"
    assert Media.id.validate(str(SOME_UUID)) == SOME_UUID
    with pytest.raises(ShieldException):
        Media.id.validate("x")


@pytest.mark.parametrize(
    ("meta", "name"),
    [
        ({}, "id"),
        ({"id_field": ObjectIdField}, "id"),
        ({"id_options": {"auto_fill": True}}, "_id"),
        ({"id_options": {"auto_fill": True, "uniq_field": "key"}}, "key"),
    ],
)
def test_identity_is_stored_as_its_options_say(meta, name):
    class Base(Document):
        Meta = type("Meta", (), meta)

    class Below(Base):
        pass

    given = "507f1f77bcf86cd799439011" if "id_field" in meta else SOME_UUID
    for document_type in (Base, Below):
        document = document_type(id=given)
        assert name in document.to_python()
        assert document_type.load(document.to_json()) == document
        if "auto_fill" in (meta.get("id_options") or {}):
            assert document_type().id


def test_own_field_called_id_is_the_identity():
    class Numbered(Document):
        id = IntField(required=True)

    assert Numbered(id="5").id == 5
    assert Numbered(_id="5").id == 5
    with pytest.raises(ShieldException):
        Numbered().validate()


def test_any_field_may_be_the_identity():
    class Product(Document):
        sku = StringField(id_field=True, required=True)

    class Book(Product):
        pages = IntField()

    for document_type in (Product, Book):
        product = document_type(_id="x5")
        assert product.sku == product.id == "x5"
        assert document_type.id is document_type.sku
        assert "id" not in document_type._fields
        assert product.to_python()["_id"] == "x5"
        assert document_type.load(b'{"id": "x5"}').sku == "x5"


def test_document_has_but_one_identity():
    with pytest.raises(InvalidShield, match="expected one id_field in Twice"):

        class Twice(Document):
            a = StringField(id_field=True)
            b = StringField(id_field=True)


def test_embedded_document_has_no_identity():
    assert "id" not in Comment._fields
    assert "id" not in Comment(text="x", id=uuid4()).to_python()


def test_field_that_is_called_like_another_name_of_a_field_is_refused():
    class Base(Document):
        a = StringField(uniq_field="b")

    with pytest.raises(InvalidShield, match="expected another name than 'b'"):

        class Below(Base):
            b = IntField()


def test_other_name_that_is_a_method_is_read_all_the_same():
    class Odd(Document):
        a = StringField(uniq_field="validate")

    assert Odd.load('{"validate": "x"}').a == "x"
    assert Odd(a="x").to_python()["validate"] == "x"
    assert Odd(a="x").validate()


# -- embedding


def test_embedded_document_may_be_named_before_it_is_there():
    class Album(Document):
        songs = ListField(EmbeddedDocumentField("LaterSong"))

    class LaterSong(EmbeddedDocument):
        title = StringField(required=True)

    assert type(Album(songs=[{"title": "x"}]).songs[0]) is LaterSong
    assert Album.load('{"songs": [{"title": "x"}]}').songs[0].title == "x"


def test_embedded_document_that_is_nowhere_is_a_mistake_of_the_class():
    class Album(Document):
        song = EmbeddedDocumentField("NoSuchSong")

    with pytest.raises(InvalidShield, match="a document class called 'NoSuchSong' for song"):
        Album(song={})


class Node(EmbeddedDocument):
    name = StringField(required=True)
    left = EmbeddedDocumentField("self")
    children = ListField(EmbeddedDocumentField("self"))
    _public_fields = ("name", "children")


class NamedNode(Node):
    title = StringField()


def test_document_may_hold_its_own_kind():
    data = {"name": "a", "left": {"name": "b"}, "children": [{"name": "c", "children": [{"name": "d"}]}]}

    for node in (Node(**data), Node.load(data), Node.load(msgspec.json.encode(data))):
        assert node.validate()
        assert node.left.name == "b"
        assert node.children[0].children[0].name == "d"
        assert Node.make_publicsafe(node)["children"][0]["children"][0] == {"name": "d", "children": []}
        assert Node.load(node.to_json()) == node
    data["children"][0]["children"][0]["name"] = 5
    for give in (data, msgspec.json.encode(data)):
        with pytest.raises(ShieldDocException) as caught:
            Node.load(give)
        assert caught.value.error_list[0].path == ("children", 0, "children", 0, "name")


def test_subclass_may_hold_the_kind_that_declared_itself():
    node = NamedNode(name="a", left=Node(name="b"), children=[NamedNode(name="c", title="d")])

    assert node.validate()
    assert node.children[0].title == "d"


def test_none_takes_an_embedded_document_away():
    post = Post(title="x", best={"text": "y"})
    post.best = None

    assert post.best is None
    assert "best" not in post


def test_list_of_two_kinds_takes_either():
    class Photo(EmbeddedDocument):
        width = IntField(required=True)

    class Page(Document):
        parts = ListField([EmbeddedDocumentField(Comment), EmbeddedDocumentField(Photo)])

    page = Page(parts=[{"text": "x"}, {"width": 5}, Photo(width=6)])

    assert [type(part).__name__ for part in page.parts] == ["Comment", "Photo", "Photo"]
    assert page.validate()
    with pytest.raises(ShieldDocException) as caught:
        Page(parts=[{"width": "wide"}]).validate(validate_all=True)
    assert caught.value.error_list[0].path == ("parts", 0, "text")


# -- validation


def test_errors_come_in_the_order_of_the_fields_and_from_all_depths():
    post = Post(tags=5, comments=[{"votes": -1}, {"text": "x"}], best={"text": "y" * 21})

    with pytest.raises(ShieldDocException) as caught:
        post.validate(validate_all=True)

    assert [(error.path, error.reason, error.field_name, error.detail) for error in caught.value.error_list] == [
        (("title",), "Required field missing", "title", "Required field missing"),
        (
            ("tags",),
            *("Only lists and tuples may be used in a list field", "tags") * 1,
            caught.value.error_list[1].detail,
        ),
        (("comments", 0, "text"), "Invalid ListField item", "comments", "Required field missing"),
        (("comments", 0, "votes"), "Invalid ListField item", "comments", "Int value below min_value: 0"),
        (("best", "text"), "String value is too long", "text", "String value is too long"),
    ]
    assert str(caught.value).startswith("Document had 5 errors - ['Required field missing - title:None'")


def test_first_error_is_raised_unless_all_are_wanted():
    with pytest.raises(ShieldException) as caught:
        Post(tags=5).validate()

    assert (caught.value.reason, caught.value.field_name) == ("Required field missing", "title")


def test_error_has_its_arguments_and_survives_pickling():
    with pytest.raises(ShieldException) as caught:
        Post(title="x", best={"text": 5}).validate()

    again = pickle.loads(pickle.dumps(caught.value))

    assert again.args[:3] == ("Invalid value", "text", 5)
    assert (again.path, again.detail, str(again)) == (("best", "text"), "Invalid value", "Invalid value - text:5")
    assert DictPunch is ShieldException
    assert issubclass(DictFieldNotFound, Exception)


def test_all_errors_survive_pickling():
    with pytest.raises(ShieldDocException) as caught:
        Post().validate(validate_all=True)

    again = pickle.loads(pickle.dumps(caught.value))

    assert (again.doc, [error.path for error in again.error_list]) == ("Post", [("title",)])


def test_errors_do_not_keep_the_frames_in_which_they_were_found():
    with pytest.raises(ShieldDocException) as caught:
        Post.load({"title": 5, "best": {"text": "x", "votes": "x"}})

    assert [error.__traceback__ for error in caught.value.error_list] == [None, None]


def test_validation_of_a_class_itself_counts_wherever_it_is():
    class Range(EmbeddedDocument):
        low = IntField()
        high = IntField()

        def validate(self, validate_all=False):
            super().validate(validate_all)
            if self.low > self.high:
                raise ShieldException("Upside down", "high", self.high)
            return True

    class Chart(Document):
        ranges = ListField(EmbeddedDocumentField(Range))
        one = EmbeddedDocumentField(Range)

    good, bad, odd = {"low": 1, "high": 2}, {"low": 2, "high": 1}, {"low": 1}

    assert Chart.load({"ranges": [good], "one": good}).validate()
    assert Chart.load(msgspec.json.encode({"ranges": [good], "one": good}))
    for give in ({"ranges": [good, bad], "one": odd}, msgspec.json.encode({"ranges": [good, bad], "one": odd})):
        with pytest.raises(ShieldDocException) as caught:
            Chart.load(give)
        assert [(error.path, error.detail) for error in caught.value.error_list] == [
            (("ranges", 1, "high"), "Upside down"),
            (("one",), "Invalid value"),
        ]
    with pytest.raises(ShieldDocException) as caught:
        Range.load(bad)
    assert caught.value.error_list[0].reason == "Upside down"


@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", b"\xff", b'{"title": "\xff"}', b'{"rogue": "\xff"}', '{"a": 01}']
)
def test_text_that_is_no_json_is_malformed(text):
    with pytest.raises(MalformedDocument) as caught:
        Post.load(text)

    assert caught.value.error_list[0].detail.startswith("Malformed JSON: ")
    assert caught.value.error_list[0].path == ()


@pytest.mark.parametrize("text", ["null", "[]", "5", '"x"', '[{"title": "x"}]'])
def test_json_that_is_no_object_is_no_document(text):
    with pytest.raises(ShieldDocException) as caught:
        Post.load(text)

    assert [(error.path, error.reason) for error in caught.value.error_list] == [((), "Not an object")]


def test_json_is_taken_from_every_kind_of_text():
    for text in (
        '{"title": "é"}',
        '{"title": "é"}'.encode(),
        bytearray('{"title": "é"}'.encode()),
        memoryview(b'{"title":"x"}'),
    ):
        assert Post.load(text).title


# -- class level


def test_class_level_deletes_rogue_keys_from_the_dictionary():
    values = {"title": "x", "rogue": 1, "_cls": "Post"}

    assert Post.validate_class_fields(values) is True
    assert values == {"title": "x"}


class Kept(Document):
    title = StringField(required=True)
    secret = StringField()
    flag = BooleanField(default=False)
    _private_fields = ("secret", "flag")


class Below(Kept):
    other = StringField()
    _private_fields = ("other",)


@pytest.mark.parametrize("key", ["id", "_id", "secret"])
def test_class_level_refuses_internal_and_private_fields(key):
    values = {"title": "x", key: "y"}

    (error,) = Kept.validate_class_fields(dict(values), validate_all=True)

    assert error.reason == "Overwrite of internal fields attempted"
    with pytest.raises(ShieldException):
        Kept.validate_class_fields(dict(values))
    with pytest.raises(ShieldException):
        Below.validate_class_partial(dict(values))


def test_class_level_lets_a_private_field_have_its_default():
    assert Kept.validate_class_fields({"title": "x", "flag": False}) is True


@pytest.mark.parametrize("values", [{}, {"title": None}, {"title": ""}, {"title": " "}])
def test_class_level_misses_what_is_required(values):
    (error,) = Kept.validate_class_fields(dict(values), validate_all=True)

    assert (error.reason, error.path) == ("Required field missing", ("title",))


def test_class_level_in_part_misses_nothing_but_what_is_taken_away():
    assert Kept.validate_class_partial({}) is True
    assert [error.reason for error in Kept.validate_class_partial({"title": None}, validate_all=True)] == [
        "Required field missing"
    ]


def test_class_level_takes_dictionaries_for_documents():
    assert Post.validate_class_fields({"title": "x", "best": {"text": "y"}, "comments": [{"text": "z"}]}) is True
    errors = Post.validate_class_fields({"best": {}, "comments": [{"text": 5}]}, validate_all=True)
    assert [error.path for error in errors] == [("title",), ("comments", 0, "text"), ("best", "text")]


def test_class_level_takes_every_name_of_a_field():
    class Named(Document):
        x = IntField(uniq_field="stored", minimized_field_name="s", required=True)

    for name in ("x", "stored", "s"):
        values = {name: "5"}
        assert Named.validate_class_fields(values) is True
        assert values == {name: "5"}


def test_blanks_alone_count_as_none_at_class_level_but_not_on_a_document():
    assert Kept(title=" ").validate() is True
    assert Kept.validate_class_fields({"title": " "}, validate_all=True)


# -- changing classes


def test_field_is_swapped_and_the_class_keeps_its_names():
    swapped = swap_field(Post, ObjectIdField, ["id", "title"])

    assert (swapped.__name__, swapped._class_name, swapped._types) == ("Post", "Post", ["Post"])
    assert isinstance(swapped.title, ObjectIdField)
    assert isinstance(Post.title, StringField)
    assert swapped(id="507f1f77bcf86cd799439011").to_python()["_id"]
    assert issubclass(swapped, Post)


def test_field_is_swapped_by_a_decorator_or_a_call():
    @diff_id_field(ObjectIdField, ["id", "owner"])
    class Owned(Document):
        owner = UUIDField()

    called = diff_id_field(ObjectIdField, ["id"], Media)

    assert isinstance(Owned.owner, ObjectIdField)
    assert isinstance(Owned.id, ObjectIdField)
    assert isinstance(called.id, ObjectIdField)


def test_old_module_paths_lead_to_the_same_names():
    from brubeck_wsgi import dictshield
    from brubeck_wsgi.dictshield import base, datastructures, document, fields
    from brubeck_wsgi.dictshield.fields import compound, mongo

    for module in (base, datastructures, document, fields, compound, mongo):
        for name in module.__all__:
            assert getattr(module, name) is getattr(dictshield, name, getattr(module, name))
    assert set(fields.__all__) <= set(dictshield.__all__)
    assert {name for name in dictshield.__all__ if not hasattr(dictshield, name)} == set()
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = dictshield.Nothing


def test_generated_functions_can_be_read():
    assert "def check(doc):" in Post.__source__("check")
    assert "return View_" in Post.__source__("view_public")
    assert Post.__source__("nothing") == ""


def test_assignment_of_a_field_without_conversion_is_plain():
    assert set(Post._takers) == {"id", "_id", "tags", "extra", "comments", "best"}
    assert isinstance(Post.extra, DictField)
    assert BaseField in type(Post.extra).__mro__
    assert DateTimeField.date_to_iso8601
