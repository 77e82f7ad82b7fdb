"""What nobody sends in good faith: it is refused like any other mistake, soon, and changes nothing but values."""

from __future__ import annotations

import json
from time import process_time

import pytest

from brubeck_wsgi.dictshield import (
    DecimalField,
    DictField,
    Document,
    EmailField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    ShieldDocException,
    ShieldException,
    StringField,
    URLField,
)


class Node(EmbeddedDocument):
    name = StringField(max_length=5)
    child = EmbeddedDocumentField("self")
    children = ListField(EmbeddedDocumentField("self"))


class Tree(Document):
    root = EmbeddedDocumentField(Node)
    whole = IntField()
    real = FloatField()
    exact = DecimalField(max_value=10)
    extra = DictField()
    email = EmailField()
    url = URLField()
    names = ListField(StringField(max_length=3))


SPECIAL_KEYS = [
    *("_fields", "_data", "_class_name", "_keys", "_takers", "_options", "_public_fields", "_private_fields"),
    *("_made_plan", "_visible", "__class__", "__dict__", "__init__", "__setattr__", "__msgspec_cache__"),
    *("validate", "to_python", "to_json", "make_publicsafe", "load", "dump", "Meta", "self", "cls", "values"),
]


@pytest.mark.parametrize("key", SPECIAL_KEYS)
@pytest.mark.parametrize("value", [{}, None, "x", 5, []])
def test_key_is_data_and_never_an_attribute(key, value):
    data = {key: value, "whole": "not a number"}
    before = {name: getattr(Tree, name, None) for name in ("_fields", "_keys", "_public_fields", "validate")}

    made = Tree(**data)
    with pytest.raises(ShieldDocException):
        Tree.load(data)
    with pytest.raises(ShieldDocException):
        Tree.load(json.dumps(data))
    with pytest.raises(ShieldException):
        made.validate()

    assert set(vars(made)) == set(Tree._fields)
    assert type(made) is Tree
    assert {name: getattr(Tree, name, None) for name in before} == before
    assert key not in Tree.load_partial({key: value})


def errors_of(judge):
    """Return the errors for which *judge* refuses; anything else that it raises is one of ours."""
    try:
        judge()
    except ShieldDocException as error:
        return error.error_list
    except ShieldException as error:
        return [error]
    return []


def nested(depth, innermost):
    data = innermost
    for _ in range(depth):
        data = {"child": data}
    return {"root": data}


def nested_text(depth, innermost):
    return '{"root":' + '{"child":' * depth + innermost + "}" * depth + "}"


@pytest.mark.parametrize("depth", [200, 900, 5_000, 100_000])
@pytest.mark.parametrize("innermost", ['{"name": "x"}', '{"name": "too long"}', '"x"'])
def test_deep_nesting_in_json_is_taken_or_refused(depth, innermost):
    errors = errors_of(lambda: Tree.load(nested_text(depth, innermost)))

    assert errors or innermost == '{"name": "x"}'


@pytest.mark.parametrize("depth", [200, 400, 900, 5_000])
@pytest.mark.parametrize("innermost", [{"name": "x"}, {"name": "too long"}, "x"])
def test_deep_nesting_in_a_dictionary_is_taken_or_refused(depth, innermost):
    data = nested(depth, innermost)

    made = Tree(**data)
    for judge in (lambda: Tree.load(data), made.validate, lambda: made.validate(validate_all=True)):
        assert errors_of(judge) or innermost == {"name": "x"}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"rogue":' + "[" * 100_000, '{"extra":' + '{"a":' * 100_000])
def test_deep_nesting_of_what_is_no_field_is_refused(text):
    with pytest.raises(ShieldDocException):
        Tree.load(text)


def test_deep_and_wide_nesting_takes_no_longer_than_its_size():
    wide = {"children": [{"name": "x"} for _ in range(2_000)], "name": "too long"}
    flat, deep = nested(1, wide), nested(150, wide)

    assert seconds_to_refuse(deep) < 30 * seconds_to_refuse(flat)


def seconds_to_refuse(data):
    best = []
    for _ in range(3):
        start = process_time()
        with pytest.raises(ShieldDocException):
            Tree.load(data)
        best.append(process_time() - start)
    return min(best)


NUMBERS = [
    "9" * 10_000,
    "1e400",
    "-1e400",
    "1e-400",
    "1e999999999",
    '"1e999999999"',
    '"' + "9" * 10_000 + '"',
    "-0",
    "0.0",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", ["whole", "real", "exact"])
def test_huge_number_is_taken_or_refused(field, number):
    text = f'{{"{field}": {number}}}'
    errors = errors_of(lambda: Tree.load(text))

    assert [one.path for one in errors] in ([], [(field,)], [()])
    if not errors:
        assert Tree.load(Tree.load(text).to_json()) == Tree.load(text)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("email", "a" * 100_000),
        ("email", "a." * 100_000),
        ("email", '"' + "\\a" * 50_000),
        ("email", "a@" + "a-" * 100_000),
        ("email", "a@" + "a." * 100_000 + "1"),
        ("url", "http://" + "a" * 100_000),
        ("url", "http://" + "a." * 100_000),
        ("url", "http://" + "a-" * 100_000 + "."),
        ("url", "http://example.com/" + "a" * 100_000 + " "),
    ],
)
def test_pattern_refuses_a_long_text_in_one_pass(field, text):
    start = process_time()

    with pytest.raises(ShieldDocException):
        Tree.load({field: text})

    assert process_time() - start < 1


def test_many_errors_are_not_all_looked_for():
    with pytest.raises(ShieldDocException) as caught:
        Tree.load({"names": ["long"] * 100_000})

    assert 100 <= len(caught.value.error_list) <= 2_000


@pytest.mark.parametrize(
    "data",
    [
        {"names": [[]] * 5, "root": {"children": {"a": 1}}},
        {"root": {"children": [1, None, "x", [], {"children": 5}]}},
        {"extra": {"a.b": 1}},
        {"extra": {"": {}}},
        {"id": {"a": 1}},
        {"id": ["2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d"]},
        {"root": []},
        {"names": "abc"},
    ],
)
def test_data_of_the_wrong_shape_raises_nothing_but_its_errors(data):
    for judge in (lambda: Tree.load(data), lambda: Tree.load(json.dumps(data)), Tree(**data).validate):
        assert all(isinstance(error, ShieldException) for error in errors_of(judge))
