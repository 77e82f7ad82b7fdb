"""Fields that hold dictionaries, and points on a map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any  # values before validation

from brubeck_wsgi.dictshield.errors import InvalidShield
from brubeck_wsgi.dictshield.fields.base import CONTAINERS, BaseField, copied
from brubeck_wsgi.dictshield.fields.numbers import NumberField
from brubeck_wsgi.dictshield.hooks import hooked
from brubeck_wsgi.dictshield.multivalue import MultiValueDict
from brubeck_wsgi.dictshield.sourcecode import Code

_KEY_REASON = 'Invalid dictionary key name - keys may not contain "." or "$" characters'
_POINT_REASON = "GeoPointField can only accept tuples, lists of (x, y), or dicts of {k1: v1, k2: v2}"


class DictField(BaseField[dict[str, Any]]):
    """A dictionary of anything, whose keys are text without ``.`` and ``$``.

    Args:
        basecls: the kind of field that its values are thought of as; nothing depends on it.
        options: those of `BaseField`.
    """

    json_type = "object"
    wrong_kind = "Only dictionaries may be used in a DictField"

    def __init__(self, basecls: type[BaseField[Any]] | None = None, *args: Any, **options: Any) -> None:
        self.basecls: type[BaseField[Any]] = basecls or BaseField
        if not isinstance(self.basecls, type) or not issubclass(self.basecls, BaseField):
            raise InvalidShield(f"expected basecls to be a kind of field, got {basecls!r:.60}")
        options.setdefault("default", dict)
        super().__init__(*args, **options)

    def convert(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise self.error(self.wrong_kind, value)
        return copied(value if isinstance(value, dict) else dict(value))

    def problem(self, value: Any) -> str | None:
        return None if _has_fit_keys(value) else _KEY_REASON

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {"type": "object", "propertyNames": {"pattern": "^[^.$]*$"}}

    def annotation(self) -> Any:
        return dict[str, Any]

    def kind(self) -> type | None:
        return dict

    def limits(self, code: Code, value: str) -> list[str]:
        return self.unseen(code, value, is_json=False)

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        return [f"{value} and not {code.name(_has_fit_keys, 'fit_keys')}({value})"]

    def write_plain(self, code: Code, value: str) -> None:
        code.line(f"if type({value}) is not dict: return {code.refusal}")
        item = code.variable()
        with code.block(f"for {item} in {value}.values():"):
            code.line(f"if type({item}) in {code.name(CONTAINERS, 'containers')}: return {code.refusal}")


class MultiValueDictField(DictField):
    """A dictionary with a list of values for each key.

    Args:
        basecls: as for `DictField`.
        options: those of `BaseField`.
    """

    wrong_kind = "Only dictionaries or MultiValueDict may be used in a DictField"

    def __init__(self, basecls: type[BaseField[Any]] | None = None, *args: Any, **options: Any) -> None:
        options.setdefault("default", MultiValueDict)
        super().__init__(basecls, *args, **options)

    def convert(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise self.error(self.wrong_kind, value)
        return MultiValueDict((key, copied(values)) for key, values in MultiValueDict(value).lists())

    def for_json(self, value: Any) -> Any:
        return dict(MultiValueDict(value).lists())

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        values: dict[str, Any] = {"additionalProperties": {"type": "array"}} if not schemas.is_input else {}
        return {**super().json_schema(schemas), **values}

    def annotation(self) -> Any:
        return hooked(self.validate)

    def kind(self) -> type | None:
        return MultiValueDict

    def limits(self, code: Code, value: str) -> list[str]:
        return super().unseen(code, value, is_json=False)

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        return []

    def write_plain(self, code: Code, value: str) -> None:
        """Do nothing: it is our own code that takes the value."""

    def view(self, code: Code, value: str, role: str | None) -> str:
        return f"{self.loosely(code, role)}({value})"


class GeoPointField(BaseField[Any]):
    """A point: two numbers, in a list, a tuple, or a dictionary of two keys."""

    json_type = "array"

    def convert(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            numbers = list(value.values())
        elif isinstance(value, list | tuple):
            numbers = list(value)
        else:
            raise self.error(_POINT_REASON, value)
        if len(numbers) != 2:
            raise self.error("Value must be a two-dimensional point", value)
        if not all(map(_is_coordinate, numbers)):
            raise self.error("Both values in point must be float or int", value)
        return copied(dict(value) if isinstance(value, Mapping) else value)

    def schema_limits(self) -> dict[str, Any]:
        return {"items": NumberField().for_jsonschema(), "maxLength": 2, "minLength": 2}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        number = {"type": "number"}
        as_list = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
        as_object = {"type": "object", "additionalProperties": number, "minProperties": 2, "maxProperties": 2}
        return {"anyOf": [as_list, as_object]}

    def annotation(self) -> Any:
        return hooked(self.validate)


def _has_fit_keys(value: Mapping[Any, Any]) -> bool:
    # In one go: keys joined have a "." or "$" where one of them has; a key that is no text raises TypeError.
    try:
        joined = "".join(value)
    except TypeError:
        return False
    return "." not in joined and "$" not in joined


def _is_coordinate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
