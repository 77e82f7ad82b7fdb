"""Cursors: text for clients that stands for a place in an order.

A client can read it: it holds values of the fields that the order goes by. Of a long text it holds the beginning alone,
so that it fits into a URL.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple  # Any: values that clients send

import msgspec

from brubeck_wsgi.queryset.errors import SelectionError
from brubeck_wsgi.queryset.kinds import LONGEST_TEXT, Comparable, FieldShape, Kind
from brubeck_wsgi.queryset.results import Stored
from brubeck_wsgi.queryset.selecting import Order

LONGEST_CURSOR = 8192

_MOST_BYTES = 64  # of a text in a cursor, as JSON
_LAST = "\U0010ffff"


class Beginning(NamedTuple):
    """A long text in a cursor.

    Attributes:
        text: how it begins.
        check: tells it from others that begin so.
    """

    text: str
    check: int

    def is_of(self, value: Comparable) -> bool:
        """Tell whether a value is the text."""
        return isinstance(value, str) and value.startswith(self.text) and zlib.crc32(value.encode()) == self.check

    def before_all(self, is_descending: bool) -> str:
        """Return a text that comes, in an order, before all that begin so."""
        return self.text + _LAST * (LONGEST_TEXT - len(self.text)) if is_descending else self.text


class Cursor(NamedTuple):
    """A place in an order.

    Attributes:
        is_backwards: whether it leads to what is before the place.
        place: the values there; None for the end that it leads away from.
    """

    is_backwards: bool
    place: tuple[Comparable | Beginning, ...] | None


def write_cursor(order: tuple[Order, ...], is_backwards: bool, place: tuple[Comparable, ...] | None) -> str:
    """Return the cursor of a place, or of the end that it leads away from, as text."""
    # The last is the identity, which tells where to find the rest.
    values = None if place is None else [*map(_shortened, place[:-1]), place[-1]]
    text = msgspec.json.encode([is_backwards, _names(order), values])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def read_cursor(order: tuple[Order, ...], text: str) -> Cursor:
    """Return the cursor that a client sent; `SelectionError` if it is none of this order."""
    try:
        if len(text) > LONGEST_CURSOR:
            raise ValueError
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        is_backwards, names, values = msgspec.json.decode(data, type=_Text)
        if names != _names(order):
            raise ValueError
        if values is None:
            return Cursor(is_backwards, None)
        place = tuple(_read_value(one.shape, value) for one, value in zip(order, values, strict=True))
        if isinstance(place[-1], Beginning):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError) as error:
        raise SelectionError(f"expected a cursor of a list in this order, got {text!r:.80}") from error
    return Cursor(is_backwards, place)


_Text = tuple[bool, list[str], list[Comparable | tuple[str, int]] | None]


def found_place(
    order: tuple[Order, ...], cursor: Cursor, fetch: Callable[[str], Stored | None]
) -> tuple[Comparable, ...] | None:
    """Return the values of a cursor's place in the order in which what comes behind it is selected.

    Args:
        order: that order.
        cursor: the cursor.
        fetch: returns the object with an id. Texts that the cursor has but the beginnings of are taken from it. Where
            it is gone or has changed meanwhile, the place is before all that begin so: some of these come once more,
            and none is missed.
    """
    if cursor.place is None:
        return None
    values: dict[str, Comparable] = {}
    if any(isinstance(value, Beginning) for value in cursor.place):
        stored = fetch(str(cursor.place[-1]))
        document = {} if stored is None else msgspec.json.decode(stored.data)
        values = {one.shape.name: one.shape.of(document) for one in order}
    return tuple(
        _whole(value, values.get(one.shape.name), one) if isinstance(value, Beginning) else value
        for one, value in zip(order, cursor.place, strict=True)
    )


def _whole(beginning: Beginning, value: Comparable, order: Order) -> Comparable:
    return value if beginning.is_of(value) else beginning.before_all(order.is_descending)


def _shortened(value: Comparable) -> Comparable | Beginning:
    if not isinstance(value, str) or _size(value) <= _MOST_BYTES:
        return value
    text = value[:_MOST_BYTES]
    while _size(text) > _MOST_BYTES:
        text = text[: len(text) * 3 // 4]
    return Beginning(text, zlib.crc32(value.encode()))


def _size(text: str) -> int:
    return len(msgspec.json.encode(text)) - 2


def _names(order: tuple[Order, ...]) -> list[str]:
    return [f"-{one.shape.name}" if one.is_descending else one.shape.name for one in order]


def _read_value(shape: FieldShape, value: Any) -> Comparable | Beginning:
    if isinstance(value, tuple):
        if shape.kind is not Kind.TEXT:
            raise ValueError
        shape.comparable(value[0])
        return Beginning(*value)
    if value is None and shape.may_be_null:
        return None
    return shape.comparable(value)
