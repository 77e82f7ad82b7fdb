"""What to select: filters, and an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple  # Any: values that clients send

from brubeck_wsgi.queryset.errors import SelectionError
from brubeck_wsgi.queryset.kinds import Comparable, FieldShape, Kind

MOST_FILTERS = 20
MOST_VALUES = 200
"""How many values the operator ``in`` takes."""


class Operator(StrEnum):
    """How a field is compared with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ISNULL = "isnull"


_OF_TEXT = (Operator.CONTAINS, Operator.STARTSWITH)


class Filter(NamedTuple):
    """A condition; what has no value in the field meets only ``ne`` and ``isnull``.

    Attributes:
        field: the name of the field.
        operator: how it is compared; its text will do.
        value: with what; several for ``in``, true or false for ``isnull``.
    """

    field: str
    operator: Operator | str
    value: Any

    def accepts(self, value: Comparable) -> bool:
        """Tell whether a value in the form to compare meets the condition, whose own is in that form too."""
        if self.operator == Operator.ISNULL:
            return (value is None) is self.value
        if value is None:
            return self.operator == Operator.NE
        found: bool = _TESTS[self.operator](value, self.value)
        return found


_TESTS: dict[str, Any] = {
    Operator.EQ: lambda value, other: value == other,
    Operator.NE: lambda value, other: value != other,
    Operator.LT: lambda value, other: value < other,
    Operator.LE: lambda value, other: value <= other,
    Operator.GT: lambda value, other: value > other,
    Operator.GE: lambda value, other: value >= other,
    Operator.IN: lambda value, others: value in others,
    Operator.CONTAINS: lambda value, other: other in value,
    Operator.STARTSWITH: lambda value, other: value.startswith(other),
}


class Order(NamedTuple):
    """What a selection is sorted by.

    Attributes:
        shape: the field.
        is_descending: whether the largest comes first.
    """

    shape: FieldShape
    is_descending: bool

    def turned(self) -> Order:
        """Return the other direction."""
        return Order(self.shape, not self.is_descending)


class Selection(NamedTuple):
    """What a store is asked for.

    Attributes:
        filters: conditions that all have to be met; values are in the form to compare.
        order: what it is sorted by; the last is the identity, so that no two have the same place.
        after: where it begins, behind the place with these values; None for the beginning.
        offset: how many to pass over there.
        limit: the most to return.
    """

    filters: tuple[Filter, ...]
    order: tuple[Order, ...]
    after: tuple[Comparable, ...] | None
    offset: int
    limit: int


def read_filters(filters: Iterable[tuple[str, str, Any]], shapes: Mapping[str, FieldShape]) -> tuple[Filter, ...]:
    """Return *filters* with their values in the form to compare; `SelectionError` for what makes no sense."""
    found = tuple(_read_filter(Filter(*one), shapes) for one in filters)
    if len(found) > MOST_FILTERS:
        raise SelectionError(f"expected at most {MOST_FILTERS} filters, got {len(found)}")
    return found


def filter_from_text(field: str, operator: str, text: str, shapes: Mapping[str, FieldShape]) -> Filter:
    """Return a filter as a query string has it: values of ``in`` are separated by commas.

    Raises:
        SelectionError: there is no such field or operator, or the text means no such value.
    """
    shape = _shape(field, shapes)
    if operator == Operator.ISNULL:
        return Filter(field, Operator.ISNULL, shape._replace(kind=Kind.BOOLEAN).read(text))
    if operator == Operator.IN:
        return _read_filter(Filter(field, operator, [shape.read(one) for one in text.split(",")]), shapes)
    return _read_filter(Filter(field, operator, shape.read(text)), shapes)


def read_order(sort: Sequence[str], shapes: Mapping[str, FieldShape], identity: FieldShape) -> tuple[Order, ...]:
    """Return the order that names of fields stand for, descending with ``-`` in front; by the identity at last."""
    order: list[Order] = []
    for name in sort:
        one = Order(_shape(name.removeprefix("-"), shapes), name.startswith("-"))
        if one.shape.name in [before.shape.name for before in order]:
            raise SelectionError(f"expected each field once in the order, got {one.shape.name!r} twice")
        order.append(one)
        if one.shape.name == identity.name:
            return tuple(order)
    # The direction of the one before: a database can then use an index for all of it.
    return (*order, Order(identity, bool(order) and order[-1].is_descending))


def _read_filter(wanted: Filter, shapes: Mapping[str, FieldShape]) -> Filter:
    shape = _shape(wanted.field, shapes)
    try:
        operator = Operator(wanted.operator)
    except ValueError:
        raise SelectionError(f"expected an operator of {[*Operator]}, got {wanted.operator!r:.40}") from None
    if operator is Operator.ISNULL:
        return Filter(shape.name, operator, shape._replace(kind=Kind.BOOLEAN).comparable(wanted.value))
    if operator in _OF_TEXT and shape.kind is not Kind.TEXT:
        raise SelectionError(f"expected a field of text for {operator}, got {shape.name}, of kind {shape.kind}")
    if operator is not Operator.IN:
        return Filter(shape.name, operator, shape.comparable(wanted.value))
    if isinstance(wanted.value, str) or not isinstance(wanted.value, Iterable):
        raise SelectionError(f"expected several values for in, got {wanted.value!r:.80}")
    values = tuple(dict.fromkeys(shape.comparable(value) for value in wanted.value))
    if len(values) > MOST_VALUES:
        raise SelectionError(f"expected at most {MOST_VALUES} values for in, got {len(values)}")
    return Filter(shape.name, operator, values)


def _shape(name: str, shapes: Mapping[str, FieldShape]) -> FieldShape:
    if name not in shapes:
        raise SelectionError(f"expected one of the fields {sorted(shapes)}, got {name!r:.80}")
    return shapes[name]
