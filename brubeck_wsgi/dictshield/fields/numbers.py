"""Fields of numbers, and of truth."""

from __future__ import annotations

import math
import operator
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, TypeVar  # Any: values before validation

from msgspec import Meta

from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.jsontext import NumberText
from brubeck_wsgi.dictshield.sourcecode import Code

Number = TypeVar("Number")

_INT_TEXT = re.compile(r"\s*[+-]?[0-9]+\s*")
_FLOAT_TEXT = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
# msgspec holds limits of integers in 64 bits.
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class _LimitedField(BaseField[Number]):
    """A number between limits.

    Attributes:
        number_type: the name of the kind of number, in the reasons of errors.
    """

    json_type = "number"
    number_type: str = "Number"

    def __init__(self, min_value: Any = None, max_value: Any = None, **options: Any) -> None:
        self.min_value = min_value
        self.max_value = max_value
        super().__init__(**options)

    def problem(self, value: Any) -> str | None:
        if self.min_value is not None and value < self.min_value:
            return f"{self.number_type} value below min_value: {self.min_value}"
        if self.max_value is not None and value > self.max_value:
            return f"{self.number_type} value above max_value: {self.max_value}"
        return None

    def schema_limits(self) -> dict[str, Any]:
        return {"minimum": _json_number(self.min_value), "maximum": _json_number(self.max_value)}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {"type": "number", **self.schema_limits()}

    def out_of_limits(self, code: Code, value: str) -> list[str]:
        """Return the expressions for the limits."""
        doubts = []
        if self.min_value is not None:
            doubts.append(f"{value} < {code.name(self.min_value, 'least')}")
        if self.max_value is not None:
            doubts.append(f"{value} > {code.name(self.max_value, 'most')}")
        return doubts


class NumberField(_LimitedField[Number]):
    """A number, whole or not.

    Args:
        number_class: what its values are; None for an int where it can be one, else a float.
        number_type: the name of that, for the reasons of errors.
        min_value: the least that is acceptable.
        max_value: the most.
        options: those of `BaseField`.
    """

    classes: ClassVar[tuple[type, ...]] = (int, float)
    """The exact classes of values that are kept as they are."""

    def __init__(
        self,
        number_class: type | None = None,
        number_type: str | None = None,
        min_value: Any = None,
        max_value: Any = None,
        **options: Any,
    ) -> None:
        self.number_class = number_class
        if number_type is not None:
            self.number_type = number_type
        super().__init__(min_value, max_value, **options)

    def convert(self, value: Any) -> Any:
        if self.number_class is not None:
            return self._checked(self.number_class(value), value)
        if isinstance(value, float | Decimal) and type(value) is not float:
            value = float(value)
        if type(value) in (int, float):
            return self._checked(value, value)
        try:
            return _whole(value)
        except (ValueError, TypeError):
            return self._checked(_fraction(value, self), value)

    def _checked(self, number: Any, value: Any) -> Any:
        if isinstance(number, float) and not math.isfinite(number):
            raise self.error(f"Not {self.number_type}", value)
        return number

    def for_python(self, value: Any) -> Any:
        return self.convert(value)

    def annotation(self) -> Any:
        return int | float if self.number_class is None else None

    def kind(self) -> type | None:
        return self.classes[0] if len(self.classes) == 1 else None

    def limits(self, code: Code, value: str) -> list[str]:
        wrong = [] if self.kind() else [f"(type({value}) is not int and type({value}) is not float)"]
        return [*wrong, *self.out_of_limits(code, value), *self._infinite(code, value)]

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        return self.out_of_limits(code, value) + ([] if is_json else self._infinite(code, value))

    def _infinite(self, code: Code, value: str) -> list[str]:
        return [f"not {code.name(math.isfinite, 'isfinite')}({value})"] if float in self.classes else []

    def view(self, code: Code, value: str, role: str | None) -> str:
        if self.is_custom("for_json", "for_python", "release"):
            return super().view(code, value, role)
        variable = code.variable()
        right = " or ".join(f"{variable}.__class__ is {kind.__name__}" for kind in self.classes)
        given = code.name(self.for_json, "json")
        return f"{variable} if ({variable} := {value}) is None or {right} else {given}({variable})"


class IntField(NumberField[int]):
    """A whole number; text of one becomes one, and so does 3.0.

    Args:
        min_value: the least that is acceptable.
        max_value: the most.
        options: those of `BaseField`.
    """

    number_type = "Int"
    classes = (int,)

    def __init__(self, min_value: Any = None, max_value: Any = None, **options: Any) -> None:
        super().__init__(int, None, min_value, max_value, **options)

    def convert(self, value: Any) -> Any:
        try:
            return _whole(value)
        except (ValueError, TypeError, OverflowError):
            raise self.error(f"Not {self.number_type}", value) from None

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {**super().json_schema(schemas), "type": "integer"}

    def annotation(self) -> Any:
        limits = {"ge": self.min_value, "le": self.max_value}
        limits = {name: limit for name, limit in limits.items() if _is_small(limit)}
        return Annotated[int, Meta(**limits)] if limits else int

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        is_seen = all(limit is None or _is_small(limit) for limit in (self.min_value, self.max_value))
        return [] if is_seen else self.out_of_limits(code, value)


class LongField(IntField):
    """A whole number; Python has no other kind any more."""

    number_type = "Long"


class FloatField(NumberField[float]):
    """A number with a fraction; text of one becomes one.

    Args:
        min_value: the least that is acceptable.
        max_value: the most.
        options: those of `BaseField`.
    """

    number_type = "Float"
    classes = (float,)

    def __init__(self, min_value: Any = None, max_value: Any = None, **options: Any) -> None:
        super().__init__(float, None, min_value, max_value, **options)

    def convert(self, value: Any) -> Any:
        return self._checked(_fraction(value, self), value)

    def annotation(self) -> Any:
        return float


class DecimalField(_LimitedField[Decimal]):
    """A decimal number, as text in JSON.

    Args:
        min_value: the least that is acceptable.
        max_value: the most.
        options: those of `BaseField`.
    """

    number_type = "Decimal"

    def convert(self, value: Any) -> Any:
        try:
            number = Decimal(_decimal_source(value))
        except (InvalidOperation, ValueError, TypeError):
            raise self.error("Could not convert to decimal", value) from None
        if not number.is_finite():
            raise self.error("Could not convert to decimal", value)
        return number

    def for_python(self, value: Any) -> Any:
        return self.convert(value)

    def for_json(self, value: Any) -> Any:
        return str(self.convert(value))

    def schema_limits(self) -> dict[str, Any]:
        return {"minimum": _json_number(self.min_value), "maximum": _json_number(self.max_value)}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {"type": ["string", "number"], "format": "decimal", **self.schema_limits()}

    def annotation(self) -> Any:
        return Decimal

    def kind(self) -> type | None:
        return Decimal

    def limits(self, code: Code, value: str) -> list[str]:
        return self.unseen(code, value, is_json=False)

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        return [f"not {value}.is_finite()", *self.out_of_limits(code, value)]

    def view(self, code: Code, value: str, role: str | None) -> str:
        return self.view_call(code, value, self.for_json)


class BooleanField(BaseField[bool]):
    """True or False, and nothing that only looks like it."""

    json_type = "boolean"

    def convert(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise self.error("Not a boolean", value)
        return value

    def for_python(self, value: Any) -> Any:
        return bool(value)

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {"type": "boolean"}

    def annotation(self) -> Any:
        return bool

    def kind(self) -> type | None:
        return bool

    def limits(self, code: Code, value: str) -> list[str]:
        return []


def _whole(value: Any) -> int:
    """Return *value* as an int that is equal to it; ValueError or TypeError if there is none."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        if _INT_TEXT.fullmatch(value) is None:
            raise ValueError(value)
        return int(value)
    if isinstance(value, float | Decimal):
        number = int(value)
        if number != value:
            raise ValueError(value)
        return number
    return operator.index(value)


def _fraction(value: Any, field: NumberField[Any]) -> float:
    """Return *value* as a float."""
    if isinstance(value, str):
        if _FLOAT_TEXT.fullmatch(value) is None:
            raise field.error(f"Not {field.number_type}", value)
    elif not isinstance(value, float | int | Decimal) and not hasattr(value, "__float__"):
        raise field.error(f"Not {field.number_type}", value)
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        raise field.error(f"Not {field.number_type}", value) from None


def _decimal_source(value: Any) -> Any:
    if isinstance(value, NumberText):
        return value.text
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str | Decimal):
        return value
    raise TypeError(value)


def _is_small(limit: Any) -> bool:
    return type(limit) is int and _SMALLEST <= limit <= _LARGEST


def _json_number(limit: Any) -> Any:
    """Return a limit as JSON has numbers."""
    if isinstance(limit, Decimal):
        return int(limit) if limit == limit.to_integral_value() else float(limit)
    return limit
