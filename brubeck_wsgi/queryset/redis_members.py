"""The members of an index in Redis: a sorted set whose scores are all 0, and which therefore goes by the bytes.

A member is a value, in bytes that sort as the values do, and the id of the object that has it. So what is equal,
smaller, larger, begins with something or comes after a place in the order is a range of members, whatever the kind.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, cast

from brubeck_wsgi.queryset.kinds import LARGEST_INTEGER, Comparable, FieldShape, Kind
from brubeck_wsgi.queryset.selecting import Filter, Operator

_NULL = b"0"
_VALUE = b"1"
_BEHIND_VALUES = b"2"
# Ends a value. A NUL in a text is written as NUL and 1, so that the text sorts behind the one that ends there.
_END = b"\0\0"
_HIGHEST = b"\xff"  # is in no UTF-8


class Range(NamedTuple):
    """Some members that stand together.

    Attributes:
        low: the first, or what comes before it.
        is_above_low: whether *low* itself is left out.
        high: the last, or what comes after it.
        is_below_high: whether *high* itself is left out.
    """

    low: bytes
    is_above_low: bool
    high: bytes
    is_below_high: bool

    def within(self, other: Range) -> Range:
        """Return what both have."""
        low, is_above_low = max((self.low, self.is_above_low), (other.low, other.is_above_low))
        high, is_at_high = min((self.high, not self.is_below_high), (other.high, not other.is_below_high))
        return Range(low, is_above_low, high, not is_at_high)

    def bounds(self) -> tuple[bytes, bytes]:
        """Return both ends, as Redis takes them."""
        return (b"(" if self.is_above_low else b"[") + self.low, (b"(" if self.is_below_high else b"[") + self.high


EVERYTHING = Range(_NULL, False, _BEHIND_VALUES, True)
_NULLS = Range(_NULL, False, _VALUE, True)
_VALUES = Range(_VALUE, False, _BEHIND_VALUES, True)


def member(shape: FieldShape, value: Comparable, identity: FieldShape, identity_value: Comparable) -> bytes:
    """Return the member for an object: the value of a field, and who it is. What stands behind the last NUL is the id.

    Args:
        shape: the field.
        value: its value, in the form to compare.
        identity: the field that tells objects apart.
        identity_value: the value of that.
    """
    return _start(shape, value) + _END + _identity_part(identity, identity_value)


def ranges_of(condition: Filter, shape: FieldShape) -> list[Range] | None:
    """Return the members that meet a condition on their field; None if they do not stand together."""
    operator, value = condition.operator, condition.value
    if operator == Operator.ISNULL:
        return [_NULLS if value else _VALUES]
    if operator == Operator.IN:
        return [_equal(shape, one) for one in value]
    if operator in (Operator.NE, Operator.CONTAINS):
        return None
    start = _start(shape, value)
    if operator == Operator.STARTSWITH:
        return [Range(start, False, start + _HIGHEST, True)]
    first, last = start + _END, start + _END + _HIGHEST
    ends = {
        Operator.EQ: Range(first, False, last, False),
        Operator.LT: Range(_VALUE, False, first, True),
        Operator.LE: Range(_VALUE, False, last, False),
        Operator.GT: Range(last, True, _BEHIND_VALUES, True),
        Operator.GE: Range(first, False, _BEHIND_VALUES, True),
    }
    return [ends[Operator(operator)]]


def behind(place: bytes, is_descending: bool) -> Range:
    """Return what comes after a member in an order."""
    if is_descending:
        return EVERYTHING._replace(high=place, is_below_high=True)
    return EVERYTHING._replace(low=place, is_above_low=True)


def from_equal(shape: FieldShape, value: Comparable, is_descending: bool) -> Range:
    """Return what comes in an order with a value or after it."""
    equal = _equal(shape, value)
    if is_descending:
        return EVERYTHING._replace(high=equal.high, is_below_high=False)
    return EVERYTHING._replace(low=equal.low, is_above_low=False)


def _equal(shape: FieldShape, value: Comparable) -> Range:
    start = _start(shape, value) + _END
    return Range(start, False, start + _HIGHEST, False)


def _start(shape: FieldShape, value: Comparable) -> bytes:
    return _NULL if value is None else _VALUE + _encoded(shape.kind, value)


def _identity_part(identity: FieldShape, value: Comparable) -> bytes:
    key = str(value).encode()
    return _encoded(identity.kind, value) + b"\0" + key if identity.kind is Kind.INTEGER else key


def _encoded(kind: Kind, value: Comparable) -> bytes:
    if kind is Kind.BOOLEAN:
        return b"1" if value else b"0"
    if kind is Kind.INTEGER:
        return b"%016x" % (cast(int, value) + LARGEST_INTEGER + 1)
    if kind is Kind.NUMBER:
        return _encoded_number(cast(float, value))
    return cast(str, value).encode().replace(b"\0", b"\0\1")


def _encoded_number(value: float) -> bytes:
    (bits,) = struct.unpack(">Q", struct.pack(">d", value + 0.0))  # + 0.0 makes 0 of -0
    # IEEE 754 numbers sort as their bits do, once negative ones are turned over.
    return b"%016x" % (bits ^ 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else bits | 1 << 63)
