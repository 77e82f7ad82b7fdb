"""Sorting in Python, as every store sorts: None first, then by the values, and by the identity at last."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Generic, TypeVar  # Any: what compares

from brubeck_wsgi.queryset.kinds import Comparable
from brubeck_wsgi.queryset.selecting import Order

Item = TypeVar("Item")
Values = Mapping[str, Comparable]

_SPARE = 500  # items beyond those that are wanted, lest they are sorted for each that comes


def sort(items: list[Item], order: tuple[Order, ...], values_of: Callable[[Item], Values]) -> None:
    """Sort *items* in place, of which *values_of* returns the values by the names of fields."""
    for one in reversed(order):  # the sort keeps the order of what is equal, so that the first field decides
        items.sort(key=_key_of(one.shape.name, values_of), reverse=one.is_descending)


class Foremost(Generic[Item]):
    """The first of many items, of which it keeps no more than are wanted.

    Args:
        order: what they are sorted by.
        most: how many are wanted.
    """

    def __init__(self, order: tuple[Order, ...], most: int) -> None:
        self._order = order
        self._most = most
        self._kept: list[tuple[Values, Item]] = []

    def add(self, values: Values, item: Item) -> None:
        """Add an item that has *values*."""
        self._kept.append((values, item))
        if len(self._kept) > 2 * self._most + _SPARE:
            self._sort()

    def items(self) -> list[Item]:
        """Return the items in their order."""
        self._sort()
        return [item for _, item in self._kept]

    def _sort(self) -> None:
        sort(self._kept, self._order, itemgetter(0))
        del self._kept[self._most :]


def find_behind(
    items: list[Item], order: tuple[Order, ...], place: tuple[Comparable, ...], values_of: Callable[[Item], Values]
) -> int:
    """Return the number of the first of sorted *items* that comes after *place*."""
    return bisect_right(items, False, key=lambda item: is_behind(values_of(item), order, place))


def is_behind(values: Values, order: tuple[Order, ...], place: tuple[Comparable, ...]) -> bool:
    """Tell whether something with *values* comes after *place*."""
    for one, there in zip(order, place, strict=True):
        here = values[one.shape.name]
        if here != there:
            return (_key(here) > _key(there)) is not one.is_descending
    return False


def _key_of(name: str, values_of: Callable[[Item], Values]) -> Callable[[Item], Any]:
    return lambda item: _key(values_of(item)[name])


def _key(value: Comparable) -> tuple[bool, Any]:
    return value is not None, value
