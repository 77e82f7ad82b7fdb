"""Pages of what is selected, over the one list that a store returns from a place on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any  # values that clients send

import msgspec

from brubeck_wsgi.queryset.binding import ModelBound
from brubeck_wsgi.queryset.errors import SelectionError
from brubeck_wsgi.queryset.results import Page, Stored
from brubeck_wsgi.queryset.selecting import (
    Cursor,
    Filter,
    Order,
    Selection,
    filter_from_text,
    read_cursor,
    read_filters,
    read_order,
    write_cursor,
)

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 1000


class Selectable(ModelBound):
    """Something whose objects can be filtered, sorted and paged through."""

    def select(
        self,
        filters: Iterable[tuple[str, str, Any]] = (),
        sort: Sequence[str] = (),
        *,
        cursor: str | None = None,
        offset: int = 0,
        limit: int = DEFAULT_LIMIT,
        with_total: bool = False,
    ) -> Page:
        """Return a page of the objects that meet all *filters*.

        Args:
            filters: `Filter`, or (field, operator, value); operators are those of `Operator`.
            sort: names of fields, descending with ``-`` in front; objects that are equal in these go by their id.
            cursor: where to begin: a cursor of another page of the same *filters* and *sort*.
            offset: how many to pass over; not with a cursor. A store has to look at each of them.
            limit: the most to return, 1 to `LARGEST_LIMIT`.
            with_total: count all that meet the filters.

        Raises:
            SelectionError: an unknown or undeclared field, a value of another kind, a cursor of another order.
        """
        if not 1 <= limit <= LARGEST_LIMIT:
            raise SelectionError(f"expected a limit from 1 to {LARGEST_LIMIT}, got {limit!r}")
        if offset < 0 or (offset and cursor):
            raise SelectionError(f"expected an offset of 0 or more and no cursor with it, got {offset!r}")
        conditions = read_filters(filters, self.shapes)
        order = read_order(sort, self.shapes, self.identity)
        start = read_cursor(order, cursor) if cursor else Cursor(False, None)
        total = self._count(conditions) if with_total else None
        if start.is_backwards:
            turned = tuple(one.turned() for one in order)
            found = self._select(Selection(conditions, turned, start.place, 0, limit + 1))
            items = found[:limit][::-1]
            has_previous, has_next = len(found) > limit, start.place is not None
        else:
            found = self._select(Selection(conditions, order, start.place, offset, limit + 1))
            items = found[:limit]
            has_previous, has_next = start.place is not None or offset > 0, len(found) > limit
        return Page(
            items,
            self._cursor(order, items[-1:], is_backwards=False) if has_next else None,
            self._cursor(order, items[:1], is_backwards=True) if has_previous else None,
            total,
        )

    def count(self, filters: Iterable[tuple[str, str, Any]] = ()) -> int:
        """Return how many objects meet all *filters*; errors are those of `select`."""
        return self._count(read_filters(filters, self.shapes))

    def filter_from_text(self, field: str, operator: str, text: str) -> Filter:
        """Return the filter that texts of a query string mean, ``"done", "eq", "true"``; `SelectionError` if none."""
        return filter_from_text(field, operator, text, self.shapes)

    def _select(self, selection: Selection) -> list[Stored]:
        raise NotImplementedError

    def _count(self, filters: tuple[Filter, ...]) -> int:
        raise NotImplementedError

    def _cursor(self, order: tuple[Order, ...], items: Sequence[Stored], *, is_backwards: bool) -> str:
        """Return a cursor that leads away from the one of *items*; without one, from the end that is there."""
        if not items:
            return write_cursor(order, Cursor(is_backwards, None))
        document = msgspec.json.decode(items[0].data)
        return write_cursor(order, Cursor(is_backwards, tuple(one.shape.of(document) for one in order)))
