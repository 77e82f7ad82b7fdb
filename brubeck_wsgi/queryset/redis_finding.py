"""How a store in Redis finds objects: along its indexes, which are `redis_members`."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any  # the client's script, whose own types have every answer as awaitable too

import msgspec

from brubeck_wsgi.queryset.base import AbstractQueryset
from brubeck_wsgi.queryset.errors import Unreadable
from brubeck_wsgi.queryset.kinds import Comparable, FieldShape
from brubeck_wsgi.queryset.ordering import Foremost, find_behind, is_behind, sort
from brubeck_wsgi.queryset.redis_members import EVERYTHING, Range, behind, from_equal, member, ranges_of
from brubeck_wsgi.queryset.results import Stored, version_of
from brubeck_wsgi.queryset.selecting import Filter, Order, Selection

BATCH = 500  # objects a command or a script handles; Redis does nothing else meanwhile
_FEW = 1000  # so many candidates are fetched and sorted here rather than looked for in the order


class RedisFinding(AbstractQueryset):
    """The part of a store in Redis that selects and counts.

    Attributes:
        name: the name of the hash.
    """

    name: str
    _page_script: Any

    def _check_indexes(self) -> None:
        """Make the indexes if there are none."""
        raise NotImplementedError

    def _select(self, selection: Selection) -> list[Stored]:
        self._check_indexes()
        first = selection.order[0]
        part, filters = self._part(first.shape, selection.filters)
        narrowest = self._narrowest(filters)
        if narrowest is not None:
            return self._sorted(selection, narrowest)
        if not _is_indexed(selection.order):
            return self._sorted_in_runs(selection, part, filters)
        if selection.after is not None:
            place = member(first.shape, selection.after[0], self.identity, selection.after[-1])
            part = part.within(behind(place, first.is_descending))
        return self._walked(selection, part, filters)

    def _count(self, filters: tuple[Filter, ...]) -> int:
        self._check_indexes()
        if not filters:
            count: int = self.db_conn.hlen(self.name)
            return count
        ranges = ranges_of(filters[0], self.shapes[filters[0].field])
        if len(filters) == 1 and ranges is not None:
            return self._count_ranges(filters[0].field, ranges)
        items = self._all() if (found := self._narrowest(filters, None)) is None else self._in_ranges(*found)
        return sum(self._meets(one, filters) for one in items)

    def _part(self, shape: FieldShape, filters: tuple[Filter, ...]) -> tuple[Range, tuple[Filter, ...]]:
        """Return where in the index of a field filters are met, and the filters that it does not know of."""
        part = EVERYTHING
        others = []
        for one in filters:
            ranges = ranges_of(one, shape) if one.field == shape.name else None
            if ranges is not None and len(ranges) == 1:
                part = part.within(ranges[0])
            else:
                others.append(one)
        return part, tuple(others)

    def _walked(self, selection: Selection, part: Range, filters: tuple[Filter, ...]) -> list[Stored]:
        """Return what is selected in a part of the index that is in the order already."""
        found: list[Stored] = []
        left = selection.offset
        first = selection.order[0]
        if not filters:
            return self._index_page(first, part, selection.offset, selection.limit)[0]
        while len(found) < selection.limit:
            items, last = self._index_page(first, part, 0, BATCH)
            if not last:
                break
            found += [one for one in items if self._meets(one, filters)]
            del found[: (passed := min(left, len(found)))]
            left -= passed
            part = part.within(behind(last, first.is_descending))
        return found[: selection.limit]

    def _sorted_in_runs(self, selection: Selection, part: Range, filters: tuple[Filter, ...]) -> list[Stored]:
        """Return what is selected where an index is in the order of the first field alone.

        Objects that are equal in it follow each other there; they are sorted here, and no more of them are kept than
        are wanted.
        """
        (first, *_), after = selection.order, selection.after
        if after is not None:
            part = part.within(from_equal(first.shape, after[0], first.is_descending))
        found: list[Stored] = []
        wanted = selection.offset + selection.limit
        pairs = ((self._values(one), one) for one in self._everything_in(first, part))
        for value, run in groupby(pairs, key=lambda pair: pair[0][first.shape.name]):
            foremost: Foremost[Stored] = Foremost(selection.order, wanted - len(found))
            for values, one in run:
                is_passed = after is not None and value == after[0] and not is_behind(values, selection.order, after)
                if not is_passed and all(wish.accepts(values[wish.field]) for wish in filters):
                    foremost.add(values, one)
            found += foremost.items()
            if len(found) == wanted:
                break
        return found[selection.offset :]

    def _sorted(self, selection: Selection, narrowest: tuple[str, list[Range]]) -> list[Stored]:
        """Return what is selected of the few that a filter leaves; they are in no order yet."""
        places = {one: self._values(one) for one in self._in_ranges(*narrowest) if self._meets(one, selection.filters)}
        items = list(places)
        sort(items, selection.order, places.__getitem__)
        first = selection.offset
        if selection.after is not None:
            first += find_behind(items, selection.order, selection.after, places.__getitem__)
        return items[first : first + selection.limit]

    def _narrowest(self, filters: tuple[Filter, ...], most: int | None = _FEW) -> tuple[str, list[Range]] | None:
        """Return the filter that leaves the fewest, as a field and ranges; None if all leave more than *most*."""
        found = [(one.field, ranges_of(one, self.shapes[one.field])) for one in filters]
        known = [(field, ranges) for field, ranges in found if ranges is not None]
        counts = [self._count_ranges(field, ranges) for field, ranges in known]
        if not known or (most is not None and min(counts) > most):
            return None
        return known[counts.index(min(counts))]

    def _count_ranges(self, field: str, ranges: list[Range]) -> int:
        with self.db_conn.pipeline(transaction=False) as pipeline:
            for one in ranges:
                pipeline.zlexcount(self._index(field), *one.bounds())
            return sum(pipeline.execute())

    def _in_ranges(self, field: str, ranges: list[Range]) -> Iterator[Stored]:
        for one in ranges:
            yield from self._everything_in(Order(self.shapes[field], False), one)

    def _all(self) -> Iterator[Stored]:
        return self._everything_in(Order(self.identity, False), EVERYTHING)

    def _everything_in(self, order: Order, part: Range) -> Iterator[Stored]:
        while True:
            items, last = self._index_page(order, part, 0, BATCH)
            yield from items
            if not last:
                return
            part = part.within(behind(last, order.is_descending))

    def _index_page(self, order: Order, part: Range, offset: int, limit: int) -> tuple[list[Stored], bytes]:
        """Return what is in a part of an index, and the last member of it; none if there are no more."""
        bounds = part.bounds()
        command, bounds = ("ZREVRANGEBYLEX", bounds[::-1]) if order.is_descending else ("ZRANGEBYLEX", bounds)
        keys = [self.name, self._index(order.shape.name)]
        last, *pairs = self._page_script(keys=keys, args=[command, *bounds, offset, limit])
        items = [self._read(key, raw) for key, raw in zip(pairs[::2], pairs[1::2], strict=True)]
        return items, _bytes(last)

    def _meets(self, stored: Stored, filters: tuple[Filter, ...]) -> bool:
        if not filters:
            return True
        values = self._values(stored)
        return all(one.accepts(values[one.field]) for one in filters)

    # -- objects and keys

    def _index(self, field: str) -> str:
        return f"{{{self.name}}}:index:{field}"

    def _values(self, stored: Stored) -> dict[str, Comparable]:
        document = msgspec.json.decode(stored.data)
        return {name: shape.of(document) for name, shape in self.shapes.items()}

    def _read(self, key: bytes | str, raw: bytes | str) -> Stored:
        name, data = _bytes(key).decode(), _bytes(raw)
        version = version_of(data)
        if data[:1] != b"{":
            try:
                data = zlib.decompress(data)
            except zlib.error as error:
                raise Unreadable(name, str(error)) from error
        return Stored(name, data, version, self.model)


def _is_indexed(order: tuple[Order, ...]) -> bool:
    """Tell whether an index is in this order."""
    return len(order) <= 2 and order[0].is_descending is order[-1].is_descending


def _bytes(text: bytes | str) -> bytes:
    """Return what Redis has, also by a client that decodes it."""
    return text.encode() if isinstance(text, str) else text
