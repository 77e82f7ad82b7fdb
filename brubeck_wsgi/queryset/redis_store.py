"""Objects in Redis, which all processes and machines of an application share."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar  # Any: the client, whose own types have every answer as awaitable too

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset import redis_scripts
from brubeck_wsgi.queryset.errors import VersionConflict
from brubeck_wsgi.queryset.kinds import Comparable, Kind
from brubeck_wsgi.queryset.redis_finding import BATCH, RedisFinding
from brubeck_wsgi.queryset.redis_members import member
from brubeck_wsgi.queryset.results import Stored, version_of

Item = TypeVar("Item")

_MISSING, _CONFLICT = -1, -2


class RedisQueryset(RedisFinding):
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
        if not hasattr(db_conn, "register_script"):
            raise ConfigurationError(f"expected a client, redis.Redis.from_url(…), got {type(db_conn).__name__}")
        self.name = name or api_id or "id"
        self._compress_level = compress_level if compress else None
        self._save_script = db_conn.register_script(redis_scripts.SAVE)
        self._remove_script = db_conn.register_script(redis_scripts.REMOVE)
        self._page_script = db_conn.register_script(redis_scripts.PAGE)
        self._is_checked = False
        super().__init__(db_conn, api_id, **options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}{self._of_model()} in {self.name!r}>"

    def reindex(self) -> None:
        """Make the indexes anew: after other fields are *indexed*, or others have written to the hash."""
        self._is_checked = True
        self.db_conn.delete(*self._keys[1:])
        found = (self._read(key, raw) for key, raw in self.db_conn.hscan_iter(self.name, count=BATCH))
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

    # -- indexes

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

    def _version(self, data: bytes) -> str:
        return version_of(self._raw(data))  # Redis has no other form of it to compare

    def _raw(self, data: bytes) -> bytes:
        return data if self._compress_level is None else zlib.compress(data, self._compress_level)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch
