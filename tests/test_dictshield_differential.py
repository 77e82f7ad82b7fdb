"""The fast way and the slow way of reading documents: what one takes, the other takes, and makes the same of it."""

from __future__ import annotations

import math
from collections import OrderedDict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import partial
from uuid import UUID

import msgspec
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
    ListField,
    LongField,
    MD5Field,
    MillisecondField,
    MultiValueDict,
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
from brubeck_wsgi.dictshield.reading import build_slowly, read_slowly


class Inner(EmbeddedDocument):
    n = IntField(required=True, max_value=9)
    text = StringField(max_length=3, minimized_field_name="t")


class Deeper(Inner):
    more = ListField(EmbeddedDocumentField(Inner))


class Own(EmbeddedDocument):
    a = IntField()
    b = IntField()

    def validate(self, validate_all=False):
        super().validate(validate_all)
        assert self.a is None or self.b is None or self.a <= self.b
        return True


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Moment(datetime):
    """A kind of datetime."""


class Text(str):
    """A kind of text."""


def even(value):
    return value % 2 == 0


FIELDS = {
    "Base": BaseField,
    "String": StringField,
    "String lengths": partial(StringField, min_length=2, max_length=4),
    "String regex": partial(StringField, regex="[a-f]+"),
    "String choices": partial(StringField, choices=["red", "blue"]),
    "String choices and length": partial(StringField, choices=["red", "blue"], max_length=3),
    "String validation": partial(StringField, validation=str.islower),
    "URL": URLField,
    "URL length": partial(URLField, max_length=20),
    "Email": EmailField,
    "Number": NumberField,
    "Number limits": partial(NumberField, min_value=-1.5, max_value=7),
    "Int": IntField,
    "Int limits": partial(IntField, min_value=0, max_value=5),
    "Int wide limits": partial(IntField, min_value=-(10**30), max_value=10**30),
    "Int choices": partial(IntField, choices=[1, 5]),
    "Int validation": partial(IntField, validation=even),
    "Long": LongField,
    "Float": FloatField,
    "Float limits": partial(FloatField, min_value=0, max_value=5.5),
    "Decimal": DecimalField,
    "Decimal limits": partial(DecimalField, min_value=Decimal("0.1"), max_value=5),
    "Boolean": BooleanField,
    "UUID": UUIDField,
    "UUID auto": partial(UUIDField, auto_fill=True),
    "ObjectId": ObjectIdField,
    "MD5": MD5Field,
    "SHA1": SHA1Field,
    "DateTime": DateTimeField,
    "TimeStamp": TimeStampField,
    "Millisecond": MillisecondField,
    "List of anything": partial(ListField, []),
    "List of Base": lambda **options: ListField(BaseField(), **options),
    "List of Int": lambda **options: ListField(IntField(max_value=9), **options),
    "List of String": lambda **options: ListField(StringField(max_length=3, required=True), **options),
    "List of Email": lambda **options: ListField(EmailField(), **options),
    "List of choices": lambda **options: ListField(StringField(choices=["red"]), **options),
    "List of Decimal": lambda **options: ListField(DecimalField(), **options),
    "List of lists": lambda **options: ListField(ListField(IntField()), **options),
    "List of two": lambda **options: ListField([IntField(), StringField(max_length=3)], **options),
    "List of documents": lambda **options: ListField(EmbeddedDocumentField(Inner), **options),
    "List of two documents": lambda **options: ListField(
        [EmbeddedDocumentField(Inner), EmbeddedDocumentField(Own)], **options
    ),
    "List of dicts": lambda **options: ListField(DictField(), **options),
    "List of UUID": lambda **options: ListField(UUIDField(), **options),
    "Sorted list": lambda **options: SortedListField(IntField(), **options),
    "Dict": DictField,
    "MultiValueDict": MultiValueDictField,
    "GeoPoint": GeoPointField,
    "Embedded": partial(EmbeddedDocumentField, Inner),
    "Embedded deeper": partial(EmbeddedDocumentField, Deeper),
    "Embedded with own validate": partial(EmbeddedDocumentField, Own),
}
OPTIONS = {
    "optional": {},
    "required": {"required": True},
    "required with names": {"required": True, "uniq_field": "x_", "minimized_field_name": "x"},
}

# JSON texts of values; what Python reads of them is tried as a dictionary too.
TEXTS = [
    *("null", "true", "false", '""', '" "', '"a"', '"ab"', '"abc"', '"abcd"', '"abcde"', '"red"', '"Red"', '"blue"'),
    *("0", "1", "-1", "5", "6", "7", "8", "-0", "3.0", "3.7", "-1.5", "-1.6", "0.1", "0.10", "5.5", "5.6", "1e2"),
    *("1e400", "-1e400", "1E-400", "18446744073709551616", "-9223372036854775809", "1" + "0" * 40, "0.0"),
    "1.000000000000000000000000001",
    *('"5"', '" 5 "', '"5.0"', '"-3"', '"+3"', '"1_0"', '"0x10"', '"1e5"', '"NaN"', '"Infinity"', '"٣"', '"1e999"'),
    '"' + "9" * 5000 + '"',
    '"2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d"',
    '"2b1c9dc11d4c4b7a9c1e0f2d3a4b5c6d"',
    '"{2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d}"',
    '"2B1C9DC1-1D4C-4B7A-9C1E-0F2D3A4B5C6D"',
    '"2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6"',
    '"507f1f77bcf86cd799439011"',
    '"507f1f77bcf86cd79943901z"',
    '"d41d8cd98f00b204e9800998ecf8427e"',
    '"0x1d8cd98f00b204e9800998ecf8427e"',
    '" 41d8cd98f00b204e9800998ecf8427e"',
    '"da39a3ee5e6b4b0d3255bfef95601890afd80709"',
    '"2020-01-02T03:04:05"',
    '"2020-01-02T03:04:05Z"',
    '"2020-01-02t03:04:05z"',
    '"2020-01-02 03:04:05.5"',
    '"2020-01-02T03:04:05.123456789+05:30"',
    '"2020-01-02T03:04:05-0030"',
    '"2020-01-02T03:04:60"',
    '"2020-02-30T03:04:05"',
    '"2020-01-02"',
    '"2020-01-02T24:00:00"',
    '"0000-01-02T03:04:05"',
    '"9999-12-31T23:59:59.9999999"',
    '"x2020-01-02T03:04:05"',
    '"2020-01-02T03:04:05\\n"',
    '"dave@example.com"',
    '"dave@example.com\\n"',
    '"dave@example"',
    '"dave@-example.com"',
    '"dave..x@example.com"',
    '"http://example.com"',
    '"HTTPS://example.museum:80/a?b#c"',
    '"http://example.com/a b"',
    '"ftp://example.com"',
    '"http://localhost"',
    '"http://127.0.0.1/"',
    "[]",
    "[1]",
    '["5"]',
    "[1, null]",
    "[10]",
    '["red"]',
    '["abcd"]',
    '[""]',
    '["red", 5]',
    "[[1], [2, 3]]",
    '[["1"], "x"]',
    "[3.5, 0.1]",
    "[1.5, true]",
    "[1, 2, 3]",
    '["0.10", 0.10]',
    '["dave@example.com"]',
    '["2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d"]',
    "{}",
    '{"n": 1}',
    '{"n": "1"}',
    '{"n": 10}',
    '{"n": null}',
    '{"n": 1, "text": "abc"}',
    '{"n": 1, "t": "abcd"}',
    '{"t": "a", "n": 1, "text": null}',
    '{"n": 1, "more": [{"n": 2}, {"n": "x"}]}',
    '{"n": 1, "more": [{"n": 2, "unknown": {"deep": [1e400]}}]}',
    '{"a": 1, "b": 2}',
    '{"a": 2, "b": 1}',
    '{"a.b": 1}',
    '{"$a": 1}',
    '{"a": {"b.c": [1, {"d": 2.5}]}}',
    '{"lat": 1, "lon": 2.5}',
    '{"lat": 1, "lon": "x"}',
    '{"a": [1, 2], "b": "x"}',
    '{"_fields": {}, "__class__": 1, "n": 1}',
    '[{"n": 1}, {"n": 2, "text": "abc"}]',
    '[{"n": 1}, {"n": "x"}, {"text": "toolong"}]',
    '[{"n": 1}, null]',
    '[{"n": 1}, 5, [], "x"]',
    '[{"a": 1}, {"n": 1}]',
    '[{"a": 2, "b": 1}]',
]

# What only a dictionary of Python can hold.
OBJECTS = [
    float("nan"),
    float("inf"),
    -math.inf,
    Decimal("1.5"),
    Decimal("3"),
    Decimal("NaN"),
    Decimal("-Infinity"),
    10**400,
    b"ab",
    b"0123456789ab",
    b"0123456789abcdef",
    bytearray(b"ab"),
    Colour.RED,
    Level.LOW,
    Text("ab"),
    Text("2020-01-02T03:04:05"),
    datetime(2020, 1, 2, 3, 4, 5),
    datetime(2020, 1, 2, tzinfo=timezone(timedelta(hours=5))),
    Moment(2020, 1, 2),
    date(2020, 1, 2),
    UUID(int=5),
    {1, 2},
    frozenset({1}),
    (1, 2),
    ("1", "x"),
    [(1,), (2,)],
    [{1}],
    range(3),
    iter([1]),
    {1: 2},
    {None: 1, "n": 1},
    {("a",): 1},
    OrderedDict(n=1),
    MultiValueDict({"n": [1, 2]}),
    MultiValueDict({"a.b": [1]}),
    Inner(n=1),
    Inner(n="x"),
    Deeper(n=1, more=[{"n": 2}]),
    Own(a=2, b=1),
    [Inner(n=1), {"n": 2}],
    [Deeper(n=1)],
    {"n": Inner(n=1)},
    {"n": 1, "more": ({"n": 2},)},
    {"n": 1, "more": {1}},
    [[Inner(n=1)]],
    object,
    len,
    complex(1, 2),
]

ids = {"ids": lambda value: value if isinstance(value, str) else None}


def document_of(field, options):
    return type(Document)("Probe", (Document,), {"__module__": __name__, "field": FIELDS[field](**OPTIONS[options])})


CLASSES = {(field, options): document_of(field, options) for field in FIELDS for options in OPTIONS}


def outcome(make):
    """Return the values of the document that *make* makes, or the errors that it is refused for."""
    try:
        document = make()
    except ShieldDocException as error:
        return [(one.path, one.reason, one.field_name, one.detail) for one in error.error_list]
    return comparable(document)


def comparable(value):
    if hasattr(value, "_fields"):
        return type(value).__name__, {name: comparable(value[name]) for name in value}
    if isinstance(value, MultiValueDict):
        return "MultiValueDict", comparable(dict(value.lists()))
    if isinstance(value, dict):
        return "dict", [(key, comparable(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [comparable(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)  # a kind of text is equal to it
    return type(value), str(value) if value != value else value


def read_in_the_slow_way(document_type, values):
    errors = []
    document = read_slowly(document_type, values, (), errors)
    if errors:
        raise ShieldDocException("", errors)
    return document


def make_and_validate(document_type, values, make):
    document = make(document_type, values)
    document.validate(validate_all=True)
    return document


def every_way(document_type, values):
    return {
        "load": outcome(lambda: document_type.load(values)),
        "slow": outcome(lambda: read_in_the_slow_way(document_type, values)),
        "made": outcome(lambda: make_and_validate(document_type, values, lambda kind, values: kind(**values))),
        "made slowly": outcome(lambda: make_and_validate(document_type, values, build_slowly)),
    }


def is_fresh(field, value):
    return field == "UUID auto" and value in (None, "")


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_every_way_makes_the_same_of_a_dictionary(field, options):
    document_type = CLASSES[field, options]
    values = [msgspec.json.decode(text) for text in TEXTS if "e400" not in text] + OBJECTS

    for value in values:
        if not is_fresh(field, value):
            found = every_way(document_type, {"field": value})
            assert all(one == found["load"] for one in found.values()), (value, found)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_json_is_read_the_same_fast_and_slowly(field, options):
    document_type = CLASSES[field, options]

    for text in TEXTS:
        if is_fresh(field, {"null": None, '""': ""}.get(text, text)):
            continue
        whole = f'{{"field": {text}, "unknown": [1e400, {{"x": null}}]}}'
        fast = outcome(lambda whole=whole: document_type.load(whole))
        slow = outcome(lambda whole=whole: read_json_slowly(document_type, whole))
        assert fast == slow, text


def read_json_slowly(document_type, text):
    from brubeck_wsgi.dictshield.jsontext import decode_json

    return read_in_the_slow_way(document_type, decode_json(text))


@pytest.mark.parametrize("key", ["field", "x_", "x"])
@pytest.mark.parametrize("text", ["5", '"5"', "null", "99"])
def test_every_name_of_a_field_is_read_the_same_fast_and_slowly(key, text):
    document_type = CLASSES["Int limits", "required with names"]
    whole = f'{{"{key}": {text}, "_id": null, "id": "2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d"}}'

    assert outcome(lambda: document_type.load(whole)) == outcome(lambda: read_json_slowly(document_type, whole))


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in ("List of two", "List of two documents")])
def test_good_documents_are_made_by_msgspec(field):
    if field == "Millisecond":
        pytest.skip("it is a number to msgspec only where it is one already")
    plan = CLASSES[field, "optional"]._plan()

    assert plan.box is not None


def test_enough_is_tried():
    assert len(TEXTS) + len(OBJECTS) >= 150
