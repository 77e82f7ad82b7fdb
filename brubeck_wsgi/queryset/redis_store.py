"""Objects in Redis, which all processes and machines of an application share."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby, islice
from typing import Any, TypeVar  # Any: the client, whose own types have every answer as awaitable too

import msgspec

from brubeck_wsgi.queryset import redis_scripts
from brubeck_wsgi.queryset.base import AbstractQueryset
from brubeck_wsgi.queryset.errors import Unreadable, VersionConflict
from brubeck_wsgi.queryset.kinds import Comparable, FieldShape, Kind
from brubeck_wsgi.queryset.ordering import Foremost, find_behind, is_behind, sort
from brubeck_wsgi.queryset.redis_members import EVERYTHING, Range, behind, from_equal, member, ranges_of
from brubeck_wsgi.queryset.results import Stored, version_of
from brubeck_wsgi.queryset.selecting import Filter, Order, Selection

Item = TypeVar("Item")

_BATCH = 500  # objects a command or a script handles; Redis does nothing else meanwhile
_FEW = 1000  # so many candidates are fetched and sorted here rather than looked for in the order
_MISSING, _CONFLICT = -1, -2


class RedisQueryset(AbstractQueryset):
    """A store in Redis 4 or newer: a hash of JSON, as Brubeck has it, with sorted sets to find objects by.

    Args:
        db_conn: a client as the library redis has it, ``redis.Redis.from_url(…)``.
        api_id: the field that tells objects apart, and the name of the hash.
        name: the name of the hash, where it is not *api_id*; ``id`` if neither is said.
        compress: whether objects are compressed; those that are not, or are, are read in any case.
        compress_level: 1, which is fast, to 9, which is small.
        options: `model` and `indexed`, as `AbstractQueryset` has them.
    """

    def __init__(
        self,
        db_conn: Any,
        api_id: str | None = None,
        *,
        name: str | None = None,
        compress: bool = False,
        compress_level: int = 1,
        **options: Any,
    ) -> None:
        self.name = name or api_id or "id"
        self._compress_level = compress_level if compress else None
        self._save_script = db_conn.register_script(redis_scripts.SAVE)
        self._remove_script = db_conn.register_script(redis_scripts.REMOVE)
        self._page_script = db_conn.register_script(redis_scripts.PAGE)
        self._is_checked = False
        super().__init__(db_conn, api_id, **options)

    def reindex(self) -> None:
        """Make the indexes anew: after other fields are *indexed*, or others have written to the hash."""
        self._is_checked = True
        self.db_conn.delete(*self._keys[1:])
        found = (self._read(key, raw) for key, raw in self.db_conn.hscan_iter(self.name, count=_BATCH))
        for batch in _batches(found):
            # The script leaves alone what has changed since it was read; who changed it has indexed it.
            self._run(self._save_script, [self._save_args([one], "swap", one.version) for one in batch])

    # -- what the contract needs

    def _fetch(self, keys: Sequence[str]) -> list[Stored | None]:
        found: list[Stored | None] = []
        for part in _batches(keys):
            answers = self.db_conn.hmget(self.name, part)
            found += [None if raw is None else self._read(key, raw) for key, raw in zip(part, answers, strict=True)]
        return found

    def _fetch_all(self) -> list[Stored]:
        return [self._read(key, raw) for key, raw in self.db_conn.hgetall(self.name).items()]

    def _save(self, items: Sequence[Stored]) -> list[bool]:
        return [answer == 1 for answer in self._run_save(items, "save")]

    def _add(self, items: Sequence[Stored]) -> list[bool]:
        return [answer == 1 for answer in self._run_save(items, "add")]

    def _swap(self, item: Stored, version: str) -> None:
        answer = self._run_save([item], "swap", version)[0]
        if answer == _MISSING:
            raise self._not_found(item.id)
        if answer == _CONFLICT:
            raise VersionConflict(item.id, version)

    def _remove(self, keys: Sequence[str]) -> list[Stored | None]:
        answers = self._run_remove(keys, "*")
        return [None if raw == _MISSING else self._read(key, raw) for key, raw in zip(keys, answers, strict=True)]

    def _remove_version(self, key: str, version: str) -> Stored:
        answer = self._run_remove([key], version)[0]
        if answer == _MISSING:
            raise self._not_found(key)
        if answer == _CONFLICT:
            raise VersionConflict(key, version)
        return self._read(key, answer)

    def _remove_all(self) -> list[Stored]:
        with self.db_conn.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(self.name)
            pipeline.delete(*self._keys)
            removed = pipeline.execute()[0]
        return [self._read(key, raw) for key, raw in removed.items()]

    def _next_number(self) -> int:
        while True:
            number: int = self.db_conn.incr(f"{{{self.name}}}:last")
            if not self.db_conn.hexists(self.name, str(number)):
                return number

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

    # -- finding

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
            items, last = self._index_page(first, part, 0, _BATCH)
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
            items, last = self._index_page(order, part, 0, _BATCH)
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

    def _check_indexes(self) -> None:
        """Make the indexes if there are objects that are in none: Brubeck's, or of before fields were declared."""
        if self._is_checked:
            return
        with self.db_conn.pipeline(transaction=True) as pipeline:
            pipeline.hlen(self.name)
            for name in self.shapes:
                pipeline.zcard(self._index(name))
            counts = pipeline.execute()
        self._is_checked = True
        if len(set(counts)) > 1:
            self.reindex()

    # -- objects and keys

    @cached_property
    def _keys(self) -> list[str]:
        """The keys of the scripts: the objects, the index of the identity, index and places of each field."""
        _, *fields = self.shapes
        others = [key for name in fields for key in (self._index(name), f"{{{self.name}}}:places:{name}")]
        return [self.name, self._index(self.identity.name), *others]

    def _index(self, field: str) -> str:
        return f"{{{self.name}}}:index:{field}"

    def _run_save(self, items: Sequence[Stored], action: str, version: str = "") -> list[int]:
        return self._run(self._save_script, [self._save_args(batch, action, version) for batch in _batches(items)])

    def _save_args(self, items: Sequence[Stored], action: str, version: str) -> list[Any]:
        args: list[Any] = [action, version, len(self.shapes) - 1]
        for one in items:
            args += [one.id, self._raw(one.data), *self._members(one)]
        return args

    def _run_remove(self, keys: Sequence[str], version: str) -> list[Any]:
        parts = []
        for batch in _batches(keys):
            args: list[Any] = [version, len(self.shapes) - 1]
            for key in batch:
                args += [key, self._identity_member(key)]
            parts.append(args)
        return self._run(self._remove_script, parts)

    def _run(self, script: Any, parts: list[list[Any]]) -> list[Any]:
        """Run a script with each list of arguments, all of them sent at once."""
        if len(parts) == 1:
            answers: list[Any] = script(keys=self._keys, args=parts[0])
            return answers
        with self.db_conn.pipeline(transaction=False) as pipeline:
            for args in parts:
                script(keys=self._keys, args=args, client=pipeline)
            return [answer for answers in pipeline.execute() for answer in answers]

    def _members(self, stored: Stored) -> list[bytes]:
        values = self._values(stored)
        own = values[self.identity.name]
        return [member(shape, values[name], self.identity, own) for name, shape in self.shapes.items()]

    def _identity_member(self, key: str) -> bytes:
        value: Comparable = key
        if self.identity.kind is Kind.INTEGER:
            value = int(key) if key.removeprefix("-").isdecimal() else 0  # there is no such object
        return member(self.identity, value, self.identity, value)

    def _values(self, stored: Stored) -> dict[str, Comparable]:
        document = msgspec.json.decode(stored.data)
        return {name: shape.of(document) for name, shape in self.shapes.items()}

    def _version(self, data: bytes) -> str:
        return version_of(self._raw(data))  # Redis has no other form of it to compare

    def _raw(self, data: bytes) -> bytes:
        return data if self._compress_level is None else zlib.compress(data, self._compress_level)

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


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _bytes(text: bytes | str) -> bytes:
    """Return what Redis has, also by a client that decodes it."""
    return text.encode() if isinstance(text, str) else text
