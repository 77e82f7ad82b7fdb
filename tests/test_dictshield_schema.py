"""JSON Schema: in the old shape and in that of 2020-12, from documents and to them."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from brubeck_wsgi.dictshield import (
    BaseField,
    BooleanField,
    DateTimeField,
    DecimalField,
    DictField,
    Document,
    EmailField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    GeoPointField,
    IntField,
    InvalidShield,
    ListField,
    LongField,
    MD5Field,
    MillisecondField,
    MultiValueDictField,
    NumberField,
    ObjectIdField,
    SHA1Field,
    ShieldDocException,
    SortedListField,
    StringField,
    TimeStampField,
    URLField,
    UUIDField,
)


class Comment(EmbeddedDocument):
    """A word from a reader.

    And more about that.
    """

    text = StringField(required=True, max_length=20)
    email = EmailField()
    _public_fields = ("text",)


class Node(EmbeddedDocument):
    name = StringField(required=True)
    children = ListField(EmbeddedDocumentField("self"))


class Post(Document):
    title = StringField(required=True, max_length=40, regex="[A-Z]", description="What it is called")
    status = StringField(choices=["draft", "public"], default="draft")
    comments = ListField(EmbeddedDocumentField(Comment))
    best = EmbeddedDocumentField(Comment)
    tree = EmbeddedDocumentField(Node)
    _public_fields = ("id", "title", "comments")


def probe(field):
    return type(Document)("Probe", (Document,), {"__module__": __name__, "x": field, "_public_fields": ["x"]})


# A field, its schema in the old shape without the title, and in that of 2020-12.
SCHEMAS = [
    (BaseField(), {"type": "any"}, {}),
    (StringField(), {"type": "string"}, {"type": "string"}),
    (
        StringField(min_length=1, max_length=5, regex="a+"),
        {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "a+"},
        {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^(?:a+)"},
    ),
    (StringField(regex="^a"), {"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^a"}),
    (StringField(required=True), {"type": "string", "required": True}, {"type": "string", "minLength": 1}),
    (StringField(choices=["a", "b"]), {"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
    (StringField(default="a"), {"type": "string", "default": "a"}, {"type": "string", "default": "a"}),
    (StringField(default=lambda: "a"), {"type": "string"}, {"type": "string"}),
    (StringField(description="d"), {"type": "string", "description": "d"}, {"type": "string", "description": "d"}),
    (URLField(), {"type": "string", "format": "url"}, {"type": "string", "format": "uri"}),
    (EmailField(), {"type": "string", "format": "email"}, {"type": "string", "format": "email"}),
    (NumberField(), {"type": "number"}, {"type": "number"}),
    (IntField(), {"type": "number"}, {"type": "integer"}),
    (LongField(), {"type": "number"}, {"type": "integer"}),
    (
        IntField(min_value=0, max_value=9),
        {"type": "number", "minimum": 0, "maximum": 9},
        {"type": "integer", "minimum": 0, "maximum": 9},
    ),
    (FloatField(), {"type": "number"}, {"type": "number"}),
    (
        DecimalField(min_value=Decimal(1), max_value=Decimal("1.5")),
        {"type": "number", "minimum": 1, "maximum": 1.5},
        {"type": ["string", "number"], "format": "decimal", "minimum": 1, "maximum": 1.5},
    ),
    (DecimalField(default="0.1"), {"type": "number", "default": "0.1"}, {"default": "0.1"}),
    (BooleanField(), {"type": "boolean"}, {"type": "boolean"}),
    (UUIDField(), {"type": "string"}, {"type": "string", "format": "uuid"}),
    (ObjectIdField(), {"type": "string"}, {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}),
    (
        MD5Field(),
        {"type": "string", "minLength": 32, "maxLength": 32},
        {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"},
    ),
    (
        SHA1Field(),
        {"type": "string", "minLength": 40, "maxLength": 40},
        {"type": "string", "pattern": "^[0-9a-fA-F]{40}$"},
    ),
    (DateTimeField(), {"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
    (
        DateTimeField(default=datetime(2026, 5, 18)),
        {"type": "string", "format": "date-time", "default": "2026-05-18T00:00:00"},
        {"default": "2026-05-18T00:00:00"},
    ),
    (DateTimeField(format="%Y"), {"type": "string", "format": "date-time"}, {}),
    (TimeStampField(), {"type": "number", "format": "utc-seconds"}, {"type": ["integer", "string"]}),
    (MillisecondField(), {"type": "number"}, {"type": "integer"}),
    (
        ListField(IntField()),
        {"type": "array", "items": [{"type": "number", "title": "x"}]},
        {"type": "array", "items": {"type": "integer"}},
    ),
    (
        ListField([IntField(), StringField()]),
        {"type": "array", "items": [{"type": "number", "title": "x"}, {"type": "string", "title": "x"}]},
        {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
    ),
    (ListField([]), {"type": "array", "items": []}, {"type": "array"}),
    (
        SortedListField(IntField()),
        {"type": "array", "items": [{"type": "number", "title": "x"}]},
        {"type": "array", "items": {"type": "integer"}},
    ),
    (DictField(), {"type": "object"}, {"type": "object", "propertyNames": {"pattern": "^[^.$]*$"}}),
    (MultiValueDictField(), {"type": "object"}, {"type": "object"}),
    (
        GeoPointField(),
        {"type": "array", "items": {"type": "number"}, "minLength": 2, "maxLength": 2},
        {
            "anyOf": [
                {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
                {
                    "type": "object",
                    "additionalProperties": {"type": "number"},
                    "minProperties": 2,
                    "maxProperties": 2,
                },
            ]
        },
    ),
]


def name_of(value):
    return type(value).__name__ if isinstance(value, BaseField) else None


@pytest.mark.parametrize(("field", "old", "new"), SCHEMAS, ids=name_of)
def test_field_is_described_in_both_shapes(field, old, new):
    document_type = probe(field)

    assert document_type.for_jsonschema()["properties"]["x"] == {"title": "x", **old}
    described = document_type.json_schema()["properties"]["x"]
    assert new.items() <= described.items()
    json.dumps(described)


def test_old_shape_has_the_public_fields_and_calls_the_identity_by_its_old_name():
    schema = Post.for_jsonschema()

    assert list(schema) == ["type", "title", "properties"]
    assert (schema["type"], schema["title"]) == ("object", "Post")
    assert list(schema["properties"]) == ["_id", "title", "comments"]
    assert schema["properties"]["comments"]["items"] == [
        {
            "type": "object",
            "title": "Comment",
            "properties": {"text": {"type": "string", "title": "text", "required": True, "maxLength": 20}},
        }
    ]
    assert json.loads(Post.to_jsonschema()) == schema


def test_old_shape_of_a_document_within_itself_ends():
    schema = Node.for_jsonschema()

    assert schema["properties"]["children"]["items"] == [{"type": "object", "title": "Node"}]


def test_schema_of_2020_refers_to_documents_by_name():
    schema = Post.json_schema()

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["title"]
    assert schema["properties"]["best"] == {"$ref": "#/$defs/Comment"}
    assert schema["$defs"]["Comment"]["description"] == "A word from a reader."
    assert schema["$defs"]["Node"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert schema["properties"]["title"]["description"] == "What it is called"


def test_schema_of_a_document_within_itself_refers_to_itself():
    schema = Node.json_schema()

    assert schema["$ref"] == "#/$defs/Node"
    assert schema["$defs"]["Node"]["required"] == ["name"]


def test_schema_of_a_role_has_what_the_role_sees_at_every_level():
    schema = Post.json_schema("public")

    assert list(schema["properties"]) == ["id", "title", "comments"]
    assert list(schema["$defs"]["Comment"]["properties"]) == ["text"]
    assert Post.json_schema("stranger")["properties"] == {}


def test_two_documents_of_one_name_are_told_apart():
    other = type(EmbeddedDocument)("Comment", (EmbeddedDocument,), {"__module__": __name__, "n": IntField()})

    class Both(Document):
        one = EmbeddedDocumentField(Comment)
        two = EmbeddedDocumentField(other)

    schema = Both.json_schema()

    assert schema["properties"]["two"] == {"$ref": "#/$defs/Comment2"}
    assert "n" in schema["$defs"]["Comment2"]["properties"]


GOOD = {"title": "Aa", "status": "public", "comments": [{"text": "x", "email": "a@example.com"}], "best": {"text": "y"}}
BAD = [
    {"title": "aa"},
    {"title": "A" * 41},
    {"title": "A", "status": "lost"},
    {"title": "A", "comments": [{"email": "a@example.com"}]},
    {"title": "A", "comments": [{"text": "x" * 21}]},
    {"title": "A", "best": {"text": "x", "email": "nowhere"}},
    {},
]


@pytest.mark.parametrize("schema", [Post.json_schema(), {"properties": Post.for_jsonschema()["properties"]}])
def test_schema_becomes_a_document_again(schema):
    again = Document.from_jsonschema({"title": "Again", **schema})

    assert again.load(dict(GOOD, rogue=1)).title == "Aa"
    with pytest.raises(ShieldDocException):
        again.load({"title": "A" * 41})


@pytest.mark.parametrize("data", BAD)
def test_document_from_a_schema_refuses_what_the_first_refuses(data):
    again = Document.from_jsonschema(Post.json_schema())

    for document_type in (Post, again):
        with pytest.raises(ShieldDocException):
            document_type.load(data)
    assert again.__name__ == "Post"


def test_document_within_itself_comes_back_from_its_schema():
    again = EmbeddedDocument.from_jsonschema(Node.json_schema())

    assert again.load({"name": "a", "children": [{"name": "b"}]}).children[0].name == "b"
    with pytest.raises(ShieldDocException):
        again.load({"name": "a", "children": [{"name": "b", "children": [{}]}]})


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "string"}, StringField),
        ({"type": "string", "format": "phone"}, StringField),
        ({"type": "string", "format": "email"}, EmailField),
        ({"type": "string", "format": "url"}, URLField),
        ({"type": "string", "format": "date-time"}, DateTimeField),
        ({"type": "string", "format": "uuid"}, UUIDField),
        ({"type": ["string", "number"], "format": "decimal"}, DecimalField),
        ({"type": "number", "format": "utc-seconds"}, TimeStampField),
        ({"type": "integer"}, IntField),
        ({"type": "number"}, NumberField),
        ({"type": "boolean"}, BooleanField),
        ({"type": ["null", "boolean"]}, BooleanField),
        ({"type": "any"}, BaseField),
        ({"type": ["null"]}, BaseField),
        ({}, BaseField),
        ({"type": "array", "items": {"type": "integer"}}, ListField),
        ({"type": "array", "items": [{"type": "integer"}]}, ListField),
        ({"type": "array"}, ListField),
        ({"type": "object"}, DictField),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, EmbeddedDocumentField),
    ],
)
def test_schema_of_a_property_becomes_a_field(schema, field):
    document_type = Document.from_jsonschema({"title": "Made", "properties": {"x": schema}})

    assert type(document_type.x) is field


def test_options_are_read_from_both_shapes():
    old = Document.from_jsonschema({"title": "Old", "properties": {"_id": {"type": "number"}, "x": {"required": True}}})
    new = Document.from_jsonschema(
        {
            "title": "New",
            "description": "What it is for",
            "properties": {"x": {"type": "integer", "minimum": 1, "enum": [1, 2], "default": 2, "description": "d"}},
            "required": ["x"],
        }
    )

    assert isinstance(old.id, NumberField)
    assert old.x.required
    assert (new.x.required, new.x.min_value, new.x.choices, new.x.default) == (True, 1, [1, 2], 2)
    assert (new.__doc__, new.x.description) == ("What it is for", "d")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"properties": {"x": {}}}, "missing Document title"),
        ({"title": "X"}, "missing one or more properties"),
        ({"title": "X", "properties": {}}, "missing one or more properties"),
        ({"title": "X", "properties": {"a b": {}}}, "a property name that Python takes"),
        ({"title": "X", "properties": {"x": {"type": "file"}}}, "a type of JSON Schema"),
        ({"title": "X", "properties": {"x": {"$ref": "https://example.com/x"}}}, "a reference within the schema"),
        ({"title": "X", "properties": {"x": {"$ref": "#/$defs/Nowhere"}}}, "to be in the schema"),
    ],
)
def test_schema_that_no_document_can_have_is_refused(schema, message):
    with pytest.raises(InvalidShield, match=message):
        Document.from_jsonschema(schema)


def test_reading_a_schema_leaves_it_and_other_classes_as_they_are():
    class Odd(StringField):
        """A kind of text of the application's."""

    schema = Post.json_schema()
    before = json.dumps(schema)

    made = Document.from_jsonschema(schema)

    assert type(made.title) is StringField
    assert json.dumps(schema) == before
