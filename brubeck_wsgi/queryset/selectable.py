"""Pages of what is selected, over the one list that a store returns from a place on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any  # values that clients send

import msgspec

from brubeck_wsgi.queryset.binding import ModelBound
from brubeck_wsgi.queryset.cursors import Cursor, found_place, read_cursor, write_cursor
from brubeck_wsgi.queryset.errors import SelectionError
from brubeck_wsgi.queryset.kinds import Comparable
from brubeck_wsgi.queryset.results import Page, Stored
from brubeck_wsgi.queryset.selecting import Filter, Order, Selection, filter_from_text, read_filters, read_order

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 1000

_BATCH = 500  # objects that are read at a time where each is looked at


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
        accepts: Callable[[Stored], bool] | None = None,
    ) -> Page:
        """Return a page of the objects that meet all *filters*.

        Args:
            filters: `Filter`, or (field, operator, value); operators are those of `Operator`.
            sort: names of fields, descending with ``-`` in front; objects that are equal in these go by their id.
            cursor: where to begin: a cursor of another page of the same *filters* and *sort*.
            offset: how many to pass over; not with a cursor. A store has to look at each of them.
            limit: the most to return, 1 to `LARGEST_LIMIT`.
            with_total: count all that meet the filters.
            accepts: says of an object whether it is among them at all, beside *filters*; it is asked about one after
                the other, until a page is full, and about all of them to count them.

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
        total = self._counted(conditions, order, accepts) if with_total else None
        if start.is_backwards:
            turned = tuple(one.turned() for one in order)
            place = found_place(turned, start, self._fetch_one)
            found = self._selected(Selection(conditions, turned, place, 0, limit + 1), accepts)
            items = found[:limit][::-1]
            has_previous, has_next = len(found) > limit, start.place is not None
        else:
            place = found_place(order, start, self._fetch_one)
            found = self._selected(Selection(conditions, order, place, offset, limit + 1), accepts)
            items = found[:limit]
            has_previous, has_next = start.place is not None or offset > 0, len(found) > limit
        return Page(
            items,
            self._cursor(order, items[-1:], is_backwards=False) if has_next else None,
            self._cursor(order, items[:1], is_backwards=True) if has_previous else None,
            total,
        )

    def count(
        self, filters: Iterable[tuple[str, str, Any]] = (), *, accepts: Callable[[Stored], bool] | None = None
    ) -> int:
        """Return how many objects meet all *filters*, and *accepts* as `select` has it, as it has the errors."""
        return self._counted(read_filters(filters, self.shapes), read_order((), self.shapes, self.identity), accepts)

    def filter_from_text(self, field: str, operator: str, text: str) -> Filter:
        """Return the filter that texts of a query string mean, ``"done", "eq", "true"``; `SelectionError` if none."""
        return filter_from_text(field, operator, text, self.shapes)

    def _fetch_one(self, key: str) -> Stored | None:
        raise NotImplementedError

    def _select(self, selection: Selection) -> list[Stored]:
        raise NotImplementedError

    def _count(self, filters: tuple[Filter, ...]) -> int:
        raise NotImplementedError

    def _selected(self, selection: Selection, accepts: Callable[[Stored], bool] | None) -> list[Stored]:
        if accepts is None:
            return self._select(selection)
        passing = filter(accepts, self._one_by_one(selection._replace(offset=0, limit=_BATCH)))
        return list(islice(passing, selection.offset, selection.offset + selection.limit))

    def _counted(
        self, filters: tuple[Filter, ...], order: tuple[Order, ...], accepts: Callable[[Stored], bool] | None
    ) -> int:
        if accepts is None:
            return self._count(filters)
        return sum(map(accepts, self._one_by_one(Selection(filters, order, None, 0, _BATCH))))

    def _one_by_one(self, selection: Selection) -> Iterator[Stored]:
        """Yield all that is selected, which is read in batches of the limit."""
        while True:
            items = self._select(selection)
            yield from items
            if len(items) < selection.limit:
                return
            selection = selection._replace(after=_place(selection.order, items[-1]))

    def _cursor(self, order: tuple[Order, ...], items: Sequence[Stored], *, is_backwards: bool) -> str:
        """Return a cursor that leads away from the one of *items*; without one, from the end that is there."""
        if not items:
            return write_cursor(order, is_backwards, None)
        return write_cursor(order, is_backwards, _place(order, items[0]))


def _place(order: tuple[Order, ...], stored: Stored) -> tuple[Comparable, ...]:
    """Return the values by which an object has its place in an order."""
    document = msgspec.json.decode(stored.data)
    return tuple(one.shape.of(document) for one in order)
