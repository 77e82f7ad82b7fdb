"""What kinds of values the fields of a model have, and the one form of a value of each kind that stores compare.

In that form text goes by its code points, moments are text in UTC, and a field that is not there is None, which comes
first.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin  # Any: types, and values that clients send
from uuid import UUID

import msgspec

from brubeck_wsgi.dictshield.metaclass import DocumentMetaclass
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.modeling import Model
from brubeck_wsgi.modeling.shapes import fields_of, is_typed_dict
from brubeck_wsgi.queryset.errors import SelectionError

LARGEST_INTEGER = 2**63 - 1
LONGEST_TEXT = 1000
"""How many characters a text to compare with may have."""

Comparable = str | int | float | bool | None


class Kind(StrEnum):
    """What values of a field are, as far as a store can compare them; OTHER it cannot."""

    TEXT = "text"
    UUID = "UUID"
    MOMENT = "date and time"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OTHER = "structure"


class FieldShape(NamedTuple):
    """A field as stores know it.

    Attributes:
        name: its name.
        key: what it is called in JSON.
        kind: what its values are.
        takes_null: whether null is a value of it.
        may_be_null: whether an object may have no value in it: null, or nothing at all.
    """

    name: str
    key: str
    kind: Kind
    takes_null: bool
    may_be_null: bool

    def of(self, document: Mapping[str, Any]) -> Comparable:
        """Return the value in an object that is plain data out of JSON, in the form to compare."""
        value = document.get(self.key)
        if self.kind is Kind.MOMENT and isinstance(value, str):
            return moment_text(value)
        found: Comparable = value
        return found

    def comparable(self, value: Any) -> Comparable:
        """Return a value from outside in the form to compare; `SelectionError` if it is of another kind."""
        try:
            if value is not None:
                found: Comparable = _READERS[self.kind](value)
                return found
        except (ValueError, TypeError, OverflowError):
            pass
        raise SelectionError(f"expected {self.name} to be compared with a value of kind {self.kind}, got {value!r:.80}")

    def read(self, text: str) -> Comparable:
        """Return the value that *text*, from a query string, stands for; errors are those of `comparable`."""
        if self.kind is Kind.BOOLEAN:
            return self.comparable({"true": True, "1": True, "false": False, "0": False}.get(text.lower()))
        if self.kind in (Kind.INTEGER, Kind.NUMBER):
            try:
                return self.comparable(msgspec.json.decode(text))
            except msgspec.DecodeError:
                return self.comparable(text)
        return self.comparable(text)


def shapes_of(model_class: Any, model: Model) -> dict[str, FieldShape]:
    """Return the fields of a class by their names."""
    schema = model.json_schema(None)
    properties = _resolved(schema, schema).get("properties", {})
    required = set(_resolved(schema, schema).get("required", ()))
    leaves_out = _leaves_out(model_class)
    declared = {field.name: (field.key, field.type) for field in fields_of(model_class)}
    # Documents are known by their schema alone; in it an identity that was changed has another key.
    known = declared or {key: (key, None) for key in properties}
    if model.identity and model.identity not in known and "_id" in known:
        known = {model.identity if name == "_id" else name: place for name, place in known.items()}
    found = {}
    for name, (key, hint) in known.items():
        part = _resolved(properties.get(key, {}), schema)
        kinds, takes_null = _kinds(part, schema)
        may_be_missing = key not in required and (leaves_out or msgspec.UnsetType in get_args(hint))
        if _is_moment(hint):
            kinds = {Kind.MOMENT}
        kind = kinds.pop() if len(kinds) == 1 else Kind.OTHER
        found[name] = FieldShape(name, key, kind, takes_null, takes_null or may_be_missing)
    return found


def indexed_shapes(shapes: Mapping[str, FieldShape], names: tuple[str, ...]) -> dict[str, FieldShape]:
    """Return those of *shapes* that are named; `ConfigurationError` for one that stores cannot compare."""
    unknown = [name for name in names if name not in shapes]
    if unknown:
        raise ConfigurationError(f"expected indexed to be of the fields {', '.join(shapes)}, got {unknown[0]!r:.60}")
    wrong = [name for name in names if shapes[name].kind is Kind.OTHER]
    if wrong:
        kind = shapes[wrong[0]].kind
        raise ConfigurationError(
            f"expected indexed fields of text, numbers, booleans or moments, got {wrong[0]!r:.60}, of kind {kind}"
        )
    return {name: shapes[name] for name in names}


def moment_text(value: str | datetime) -> str:
    """Return a moment as text that sorts; `ValueError` if it is none.

    One with a zone is in UTC and ends with ``Z``; one without is as it stands.
    """
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        return moment.isoformat(timespec="microseconds")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _text(value: Any) -> str:
    plain = value.value if isinstance(value, Enum) else value
    if not isinstance(plain, str):
        plain = msgspec.to_builtins(plain)  # a date; what JSON has as text
    if not isinstance(plain, str) or len(plain) > LONGEST_TEXT or "\0" in plain:  # PostgreSQL has no text with NUL
        raise ValueError
    plain.encode()
    return plain


def _uuid(value: Any) -> str:
    return str(value if isinstance(value, UUID) else UUID(value))


def _moment(value: Any) -> str:
    if not isinstance(value, str | datetime):
        raise TypeError
    return moment_text(value)


def _integer(value: Any) -> int:
    plain = value.value if isinstance(value, Enum) else value
    if type(plain) is not int or abs(plain) > LARGEST_INTEGER:
        raise ValueError
    return plain


def _number(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_READERS: dict[Kind, Any] = {
    Kind.TEXT: _text,
    Kind.UUID: _uuid,
    Kind.MOMENT: _moment,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
}
_TYPES = {"string": Kind.TEXT, "integer": Kind.INTEGER, "number": Kind.NUMBER, "boolean": Kind.BOOLEAN}
_FORMATS = {"uuid": Kind.UUID, "date-time": Kind.MOMENT, "decimal": Kind.OTHER}


def _kinds(part: Any, schema: Mapping[str, Any]) -> tuple[set[Kind], bool]:
    """Return what a part of a schema may be, and whether it may be null."""
    part = _resolved(part, schema)
    choices = part.get("anyOf") or part.get("oneOf")
    if choices:
        found = [_kinds(choice, schema) for choice in choices]
        return set().union(*(kinds for kinds, _ in found)), any(null for _, null in found)
    if "enum" in part or "const" in part:
        return _kinds_of_values(part.get("enum", [part.get("const")]))
    types_ = part.get("type", ())
    names = {types_} if isinstance(types_, str) else set(types_)
    kinds = {_FORMATS.get(part.get("format", ""), _TYPES.get(name, Kind.OTHER)) for name in names - {"null"}}
    # Where no type is said, anything may stand, and null too.
    return kinds or ({Kind.OTHER} if not names else set()), "null" in names or not names


def _kinds_of_values(values: list[Any]) -> tuple[set[Kind], bool]:
    by_type = {str: Kind.TEXT, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}
    return {by_type.get(type(one), Kind.OTHER) for one in values if one is not None}, None in values


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref")
    if reference is None:
        return part
    found: Mapping[str, Any] = schema
    for step in reference.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def _leaves_out(model_class: Any) -> bool:
    """Tell whether JSON of an object may be without a field that is not required."""
    if issubclass(model_class, msgspec.Struct):
        return bool(model_class.__struct_config__.omit_defaults)
    return isinstance(model_class, DocumentMetaclass) or is_typed_dict(model_class)


def _is_moment(hint: Any) -> bool:
    """Tell whether an annotation means a date with a time, which not every schema says."""
    if get_origin(hint) is Annotated:
        return _is_moment(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return all(_is_moment(one) for one in get_args(hint) if one is not type(None))
    return hint is datetime
