"""Redis Streams as channels use them: ids, entries, and whether one reaches back far enough.

https://redis.io/docs/latest/develop/data-types/streams/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from brubeck_wsgi.channels.messages import Record

BEGINNING = "0-0"
"""The position before all entries."""

StreamId: TypeAlias = tuple[int, int]

_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_FIELD = "json"
_PAGE = 100


def parse_id(text: str) -> StreamId | None:
    """Return the two numbers of an id, milliseconds since 1970 and a count; None if it is none."""
    found = _ID.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def stream_id(after: str) -> str | None:
    """Return the id that *after* stands for, which is ``"0"`` or an id; None if it is neither."""
    return BEGINNING if after == "0" else after if parse_id(after) else None


class StreamCursor:
    """See `brubeck_wsgi.channels.subscriptions.Cursor`.

    Args:
        after: the last entry that the receiver has had.
    """

    def __init__(self, after: str) -> None:
        self._after = parse_id(after) or (0, 0)

    def take(self, record: Record) -> str | None:
        number = parse_id(record.id)
        assert number is not None
        if number <= self._after:
            return None
        self._after = number
        return record.id


class Streams:
    """The streams of a database.

    Args:
        client: as the library redis has it. Any: its own types have every answer as awaitable too.
        prefix: stands before each key.
        length: how many entries a stream keeps at the least.
        seconds: for how long it is kept after its last entry.
        turn: held while Redis is asked something that it answers at once.
    """

    def __init__(
        self, client: Any, prefix: str, length: int, seconds: float, turn: AbstractContextManager[object]
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._length = length
        self._seconds = seconds
        self._turn = turn

    def add(self, name: str, json: bytes) -> str:
        """Append an entry, and return its id."""
        key = self._prefix + name
        with self._turn, self._client.pipeline(transaction=False) as pipeline:
            pipeline.xadd(key, {_FIELD: json}, maxlen=self._length, approximate=True)
            pipeline.pexpire(key, max(1, int(self._seconds * 1000)))
            return text(pipeline.execute()[0])

    def newest(self, name: str) -> str:
        """Return the id of the last entry."""
        with self._turn:
            entries = self._client.xrevrange(self._prefix + name, count=1)
        return text(entries[0][0]) if entries else BEGINNING

    def oldest(self, name: str) -> str:
        """Return the id of the first entry that is kept."""
        with self._turn:
            entries = self._client.xrange(self._prefix + name, count=1)
        return text(entries[0][0]) if entries else BEGINNING

    def after(self, name: str, after: str, most_bytes: int, most: int | None = None) -> tuple[list[Record], bool]:
        """Return the newest entries after the id *after* that are not too old.

        Args:
            name: of the channel.
            after: the id.
            most_bytes: how long they may be in all; one may be as long as it is.
            most: how many at the most; None for any number.

        Returns:
            the entries, oldest first, and whether these are all there are.
        """
        with self._turn:
            seconds, microseconds = self._client.time()
        too_old = int((seconds + microseconds / 1_000_000 - self._seconds) * 1000)
        begin = max(parse_id(after) or (0, 0), (max(0, too_old), 0))
        end = "+"
        found: list[Record] = []
        size = 0
        while True:  # from the newest to older ones: of what is too much, those are left out
            with self._turn:
                page = self._client.xrevrange(self._prefix + name, max=end, min=f"({begin[0]}-{begin[1]}", count=_PAGE)
            for entry in page:
                one = record(name, *entry)
                size += len(one.json)
                if len(found) == most or (found and size > most_bytes):
                    return found[::-1], False
                found.append(one)
            if len(page) < _PAGE:
                return found[::-1], True
            end = f"({text(page[-1][0])}"

    def reaches(self, name: str, after: str) -> bool:
        """Tell whether all entries after *after* are still there."""
        key, number = self._prefix + name, parse_id(after)
        if number is None:
            return False
        with self._turn, self._client.pipeline(transaction=False) as pipeline:
            pipeline.xrange(key, min=after, max=after, count=1)
            pipeline.xrange(key, count=1)
            pipeline.xrevrange(key, count=1)
            exact, oldest, newest = pipeline.execute()
        if not newest:
            return number == (0, 0)
        if exact or number >= (parse_id(text(newest[0][0])) or (0, 0)):
            return True
        if number > (0, 0):
            return number > (parse_id(text(oldest[0][0])) or (0, 0))
        with self._turn:
            facts = {text(name): value for name, value in self._client.xinfo_stream(key).items()}
        # Redis before 7 does not count what was added: there it is complete as long as nothing can have been cut.
        return bool(facts["length"] == facts.get("entries-added", min(facts["length"], self._length)))

    def read(
        self, cursors: dict[str, str], others: dict[str, str], count: int, milliseconds: int
    ) -> Iterator[tuple[str, list[Any]]]:
        """Wait for entries.

        Args:
            cursors: the ids after which to read, by names of channels.
            others: the same by keys of streams that are no channels.
            count: how many entries of each at the most.
            milliseconds: how long to wait.

        Yields:
            the name or key, and the entries.
        """
        keys = {self._prefix + name: name for name in cursors} | {key: key for key in others}
        wanted = {self._prefix + name: after for name, after in cursors.items()} | others
        reply = self._client.xread(wanted, count=count, block=milliseconds) or ()
        for key, entries in reply.items() if isinstance(reply, dict) else reply:  # in its third protocol
            if entries and isinstance(entries[0], list) and not isinstance(entries[0][0], bytes | str):
                entries = entries[0]
            yield keys[text(key)], entries


def record(name: str, id: bytes | str, fields: dict[Any, Any]) -> Record:
    """Return what an entry of a channel's stream says."""
    value = next(iter(fields.values()), b"null")
    return Record(name, text(id), value.encode() if isinstance(value, str) else value, text(id))


def text(value: bytes | str) -> str:
    """Return what Redis has answered, whichever way its client is set to."""
    return value if isinstance(value, str) else value.decode()
