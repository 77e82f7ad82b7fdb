"""Objects in the memory of this process, and in a file if one is named."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any  # identities, and what `AbstractQueryset` takes

import msgspec

from brubeck_wsgi.concurrency.turns import Turns
from brubeck_wsgi.queryset.base import ANY_VERSION, AbstractQueryset
from brubeck_wsgi.queryset.errors import VersionConflict
from brubeck_wsgi.queryset.kinds import Comparable, FieldShape, Kind
from brubeck_wsgi.queryset.ordering import find_behind, sort
from brubeck_wsgi.queryset.results import Stored, version_of
from brubeck_wsgi.queryset.selecting import Filter, Order, Selection
from brubeck_wsgi.queryset.snapshots import SnapshotFile

_MOST_ORDERS = 16  # lists of everything in some order that are kept
_MOST_MOVES = 20  # after more changes such a list is sorted anew


class _Entry:
    """An object in the store, with the values that it is found by once somebody has looked."""

    __slots__ = ("_values", "stored")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self._values: dict[str, Comparable] | None = None

    def values(self, shapes: dict[str, FieldShape]) -> dict[str, Comparable]:
        if self._values is None:
            document = msgspec.json.decode(self.stored.data)
            self._values = {name: shape.of(document) for name, shape in shapes.items()}
        return self._values


class _Sorted:
    """All entries in some order, as they were after a number of changes; the list never changes.

    Attributes:
        used: when somebody last wanted it, counted in lists that were made.
    """

    __slots__ = ("changes", "entries", "used")

    def __init__(self, changes: int, entries: list[_Entry], used: int) -> None:
        self.changes = changes
        self.entries = entries
        self.used = used


_NOT_SORTED = _Sorted(-1, [], 0)


class DictQueryset(AbstractQueryset):
    """A store in this process, for any number of threads and greenlets.

    Args:
        snapshot: a file that has the objects when the store begins, and all of them again after every change; for
            one process, and for so few objects that they are written in no time.
        options: those of `AbstractQueryset`.
    """

    def __init__(self, *, snapshot: str | os.PathLike[str] | None = None, **options: Any) -> None:
        # A lock of the interpreter's own: what is done under it never waits, so that greenlets need no other.
        self._turns = Turns()
        self._entries: dict[str, _Entry] = {}
        self._last_number = 0
        # Lists never change, and go with the number of changes that they know of: whoever reads one needs no lock.
        self._sorted: dict[tuple[Order, ...], _Sorted] = {}
        self._lists_made = 0
        self._changes = 0
        self._last_moves: deque[tuple[_Entry | None, _Entry | None]] = deque(maxlen=_MOST_MOVES)
        self._snapshot = None if snapshot is None else SnapshotFile(snapshot)
        super().__init__(**options)

    def __repr__(self) -> str:
        number = len(self._entries)
        return f"<{type(self).__name__}{self._of_model()}, {number} object{'' if number == 1 else 's'}>"

    def __len__(self) -> int:
        """Return how many objects there are."""
        return len(self._entries)

    def __bool__(self) -> bool:
        """Be true even while it is empty."""
        return True

    def _prepare(self) -> None:
        if self._snapshot is not None:
            self._put([Stored(key, data, version_of(data), self.model) for key, data in self._snapshot.read().items()])

    def _step(self) -> AbstractContextManager[Any]:
        return self._turns if self._snapshot is None else _StepWithSnapshot(self._turns, self._write_snapshot)

    def _write_snapshot(self) -> None:
        if self._snapshot is not None:
            self._snapshot.write(lambda: {entry.stored.id: entry.stored.data for entry in list(self._entries.values())})

    def get(self, item_id: Any) -> Stored:
        """Do as `AbstractQueryset.get`."""
        entry = self._entries.get(item_id if type(item_id) is str else str(item_id))
        if entry is None:
            raise self._not_found(str(item_id))
        return entry.stored

    def _fetch(self, keys: Sequence[str]) -> list[Stored | None]:
        entries = [self._entries.get(key) for key in keys]
        return [None if entry is None else entry.stored for entry in entries]

    def _fetch_all(self) -> list[Stored]:
        return [entry.stored for entry in list(self._entries.values())]

    def _save(self, items: Sequence[Stored]) -> list[bool]:
        news = [item.id not in self._entries for item in items]
        self._put(items)
        return news

    def _add(self, items: Sequence[Stored]) -> list[bool]:
        news = [item.id not in self._entries for item in items]
        self._put([item for item, is_new in zip(items, news, strict=True) if is_new])
        return news

    def _swap(self, item: Stored, version: str) -> None:
        self._expect(item.id, version)
        self._put([item])

    def _remove(self, keys: Sequence[str]) -> list[Stored | None]:
        entries = [self._entries.pop(key, None) for key in keys]
        for entry in entries:
            self._note_move(entry, None)
        return [None if entry is None else entry.stored for entry in entries]

    def _remove_version(self, key: str, version: str) -> Stored:
        stored = self._expect(key, version)
        self._remove([key])
        return stored

    def _remove_all(self) -> list[Stored]:
        removed = self._fetch_all()
        self._entries.clear()
        self._sorted = {}
        self._changes += _MOST_MOVES + 1
        return removed

    def _next_number(self) -> int:
        with self._turns:
            self._last_number += 1
            return self._last_number

    def _select(self, selection: Selection) -> list[Stored]:
        entries = self._in_order(selection.order)
        first = 0
        if selection.after is not None:
            first = find_behind(entries, selection.order, selection.after, self._values)
        if not selection.filters:
            first += selection.offset
            return [entry.stored for entry in entries[first : first + selection.limit]]
        found: list[Stored] = []
        left = selection.offset
        for number in range(first, len(entries)):
            if self._meets(entries[number], selection.filters):
                if left:
                    left -= 1
                    continue
                found.append(entries[number].stored)
                if len(found) == selection.limit:
                    break
        return found

    def _count(self, filters: tuple[Filter, ...]) -> int:
        if not filters:
            return len(self._entries)
        return sum(self._meets(entry, filters) for entry in list(self._entries.values()))

    def _put(self, items: Sequence[Stored]) -> None:
        for item in items:
            self._note_move(self._entries.get(item.id), entry := _Entry(item))
            self._entries[item.id] = entry
            if self.identity.kind is Kind.INTEGER:
                self._last_number = max(self._last_number, int(item.id))

    def _note_move(self, before: _Entry | None, after: _Entry | None) -> None:
        """Note that one entry gives way to another, for the lists in order; the lock is held."""
        self._last_moves.append((before, after))
        self._changes += 1

    def _place_behind(self, entries: list[_Entry], order: tuple[Order, ...], entry: _Entry) -> int:
        values = self._values(entry)
        return find_behind(entries, order, tuple(values[one.shape.name] for one in order), self._values)

    def _expect(self, key: str, version: str) -> Stored:
        entry = self._entries.get(key)
        if entry is None:
            raise self._not_found(key)
        if version not in (ANY_VERSION, entry.stored.version):
            raise VersionConflict(key, version)
        return entry.stored

    def _meets(self, entry: _Entry, filters: tuple[Filter, ...]) -> bool:
        values = self._values(entry)
        return all(one.accepts(values[one.field]) for one in filters)

    def _in_order(self, order: tuple[Order, ...]) -> list[_Entry]:
        known = self._sorted.get(order, _NOT_SORTED)
        if known.changes == self._changes:
            known.used = self._lists_made
            return known.entries
        changes = known.changes
        with self._turns:
            now = self._changes
            missed = now - changes
            is_near = changes >= 0 and missed <= _MOST_MOVES
            moves = list(self._last_moves)[-missed:] if is_near else []
            entries = known.entries.copy() if is_near else list(self._entries.values())
        if not is_near:
            sort(entries, order, self._values)
        for before, after in moves:
            if before is not None:
                del entries[self._place_behind(entries, order, before) - 1]
            if after is not None:
                entries.insert(self._place_behind(entries, order, after), after)
        with self._turns:
            self._keep(order, now, entries)
        return entries

    def _keep(self, order: tuple[Order, ...], changes: int, entries: list[_Entry]) -> None:
        """Keep a list in the place of the one that nobody has wanted for longest; the lock is held."""
        self._lists_made += 1
        if order not in self._sorted and len(self._sorted) >= _MOST_ORDERS:
            del self._sorted[min(self._sorted, key=lambda one: self._sorted[one].used)]
        self._sorted[order] = _Sorted(changes, entries, self._lists_made)

    def _values(self, entry: _Entry) -> dict[str, Comparable]:
        return entry.values(self.shapes)


class _StepWithSnapshot:
    """Has a turn, and writes a snapshot after it if all went well."""

    def __init__(self, turns: Turns, write: Any) -> None:
        self._turns = turns
        self._write = write

    def __enter__(self) -> None:
        self._turns.acquire()

    def __exit__(self, kind: object, *_: object) -> None:
        self._turns.release()
        if kind is None:
            self._write()
