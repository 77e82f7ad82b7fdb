"""Whatever is valid comes back the same from JSON and from plain data, by whichever way it goes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck_wsgi.dictshield import (
    BooleanField,
    DateTimeField,
    DecimalField,
    DictField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    GeoPointField,
    IntField,
    ListField,
    MultiValueDictField,
    NumberField,
    ObjectId,
    ObjectIdField,
    ShieldDocException,
    SortedListField,
    StringField,
    TimeStampField,
    UUIDField,
)


class Inner(EmbeddedDocument):
    text = StringField(required=True, max_length=20)
    number = IntField(min_value=-5)
    inner = EmbeddedDocumentField("self")


class Everything(Document):
    text = StringField(minimized_field_name="t")
    choice = StringField(choices=["a", "b"])
    number = NumberField()
    whole = IntField(uniq_field="whole_number")
    real = FloatField()
    exact = DecimalField()
    truth = BooleanField()
    oid = ObjectIdField()
    moment = DateTimeField()
    stamp = TimeStampField()
    words = ListField(StringField())
    rows = ListField(ListField(IntField()))
    either = ListField([IntField(), StringField()])
    ordered = SortedListField(IntField())
    extra = DictField()
    query = MultiValueDictField()
    point = GeoPointField()
    uuid = UUIDField()
    one = EmbeddedDocumentField(Inner)
    many = ListField(EmbeddedDocumentField(Inner))
    _public_fields = tuple(name for name in ("text", "whole", "one", "many"))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=".$"), max_size=5)
reals = st.floats(allow_nan=False, allow_infinity=False)
wholes = st.integers(-(2**70), 2**70)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
moments = st.datetimes(timezones=st.none() | st.just(UTC) | st.sampled_from([UTC]))
inners = st.recursive(
    st.fixed_dictionaries({"text": texts.filter(bool)}, optional={"number": st.integers(-5)}),
    lambda inner: st.fixed_dictionaries({"text": texts.filter(bool), "inner": inner}),
    max_leaves=3,
)
VALUES = {
    "text": texts,
    "choice": st.sampled_from(["a", "b"]),
    "number": reals | wholes,
    "whole": wholes,
    "real": reals,
    "exact": st.decimals(allow_nan=False, allow_infinity=False),
    "truth": st.booleans(),
    "oid": st.binary(min_size=12, max_size=12).map(ObjectId),
    "moment": moments,
    "stamp": st.integers(-(10**9), 10**10),
    "words": st.lists(texts),
    "rows": st.lists(st.lists(wholes, max_size=3), max_size=3),
    "either": st.lists(wholes | texts.filter(lambda text: not text.strip().lstrip("+-").isdecimal())),
    "ordered": st.lists(wholes).map(sorted),
    "extra": st.dictionaries(keys, plain, max_size=3),
    "query": st.dictionaries(keys, st.lists(texts, max_size=2), max_size=3),
    "point": st.lists(reals | st.integers(-180, 180), min_size=2, max_size=2),
    "uuid": st.uuids(),
    "one": inners,
    "many": st.lists(inners, max_size=3),
}
documents = st.fixed_dictionaries({}, optional=VALUES)


@given(documents)
def test_document_comes_back_from_json(values):
    document = Everything(**values)
    assert document.validate()

    for text in (document.to_json(), document.to_json().encode(), document.to_json(sort_keys=True)):
        assert Everything.load(text) == document


@given(documents)
def test_document_comes_back_from_plain_data(values):
    document = Everything(**values)

    assert Everything.load(document.to_python()) == document
    assert Everything(**document.to_python()) == document
    assert Everything(**document.to_json(encode=False)) == document


@given(documents)
def test_both_writers_of_json_say_the_same(values):
    document = Everything(**values)

    assert json.loads(document.to_json()) == document.to_json(encode=False)
    assert json.loads(document.make_json_publicsafe(document)) == document.make_json_publicsafe(document, encode=False)


@given(
    st.dictionaries(st.sampled_from([*VALUES, "id", "_id", "t", "rogue"]), plain | st.floats() | st.binary(max_size=9))
)
@settings(max_examples=300)
def test_any_data_is_taken_or_refused_alike_by_every_way(values):
    made = Everything(**values)
    try:
        loaded = Everything.load(values)
    except ShieldDocException as error:
        errors = [one.path for one in error.error_list]
        try:
            made.validate(validate_all=True)
        except ShieldDocException as late:
            assert [one.path for one in late.error_list] == errors  # noqa: PT017
        else:
            raise AssertionError(f"expected {values} to be refused") from error
    else:
        assert made.validate()
        assert loaded == made


@given(st.recursive(plain, lambda inner: st.dictionaries(st.sampled_from(list(VALUES)), inner), max_leaves=10))
@settings(max_examples=50)
def test_any_json_is_taken_or_refused_as_a_dictionary_of_it_is(data):
    text = json.dumps(data)

    assert outcome(text) == (outcome(json.loads(text)) if isinstance(data, dict) else [()])


def outcome(data):
    try:
        return Everything.load(data)
    except ShieldDocException as error:
        return [one.path for one in error.error_list]


@given(moments)
def test_moment_is_written_as_msgspec_writes_it(moment):
    class Moment(Document):
        _meta = {"allow_inheritance": False}  # noqa: RUF012
        at = DateTimeField()

    assert json.loads(Moment(at=moment).to_json())["at"] == Moment(at=moment).to_json(encode=False)["at"]
    assert datetime.fromisoformat(Moment(at=moment).to_json(encode=False)["at"]) == moment
