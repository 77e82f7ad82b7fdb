"""Cache stores: what is kept for a while, in this process or in Redis, under one contract.

A value is anything that JSON can hold, or bytes; what is loaded is equal to what was saved, and never
the same object. Nothing is pickled: who can write to the store cannot run code here.
"""

from __future__ import annotations

import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

Clock: TypeAlias = Callable[[], float]
"""Returns the seconds since 1970-01-01 UTC."""

MEMORY_BYTES = 64 * 1024 * 1024
"""What a `MemoryCacheStore` holds at most, by default."""

_ENTRY_BYTES = 256  # what an entry costs beside its key and value: the tuple, the dictionary's and the list's place
_RAW = b"\x00"  # stands before bytes; no JSON begins with it


def generate_session_id() -> str:
    """Return an id that nobody can guess: 256 random bits as 64 hexadecimal digits."""
    return secrets.token_hex(32)


class CacheStore(Protocol):
    """What sessions and login throttling need of a store; the stores of this module have it.

    Times are seconds since 1970-01-01 UTC, as `time.time` has them; a value whose time has come is gone.
    """

    def save(self, key: str, data: Any, expire: float | None = None) -> None:
        """Keep *data* until *expire*; None: as long as there is room. A moment that has passed deletes it."""

    def replace(self, key: str, data: Any, expire: float | None = None) -> bool:
        """Do what `save` does if *key* is there, in one step; return whether it was."""

    def load(self, key: str, expire: float | None = None) -> Any:
        """Return the value, None if there is none; with *expire* it is kept until then from now on."""

    def delete(self, key: str) -> None:
        """Forget the value, if there is one."""

    def delete_expired(self) -> None:
        """Free the room of what has expired."""

    def increment(self, key: str, seconds: float) -> int:
        """Count one more, and return the count; it begins at 1, and is forgotten *seconds* after that."""


class _Entry(NamedTuple):
    data: bytes
    expire: float | None


class MemoryCacheStore:
    """A store in this process; when it is full, what was not used for longest goes first.

    Args:
        max_bytes: how much keys and values may take together.
        clock: what time it is.
    """

    generate_session_id = staticmethod(generate_session_id)

    def __init__(self, max_bytes: int = MEMORY_BYTES, clock: Clock = time.time) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def save(self, key: str, data: Any, expire: float | None = None) -> None:
        """Do as `CacheStore.save`; `ValueError` for a value that would not fit into the empty store."""
        encoded = _encode(data)
        with self._lock:
            self._put(key, encoded, expire)

    def replace(self, key: str, data: Any, expire: float | None = None) -> bool:
        """Do as `CacheStore.replace`; errors as `save` has them."""
        encoded = _encode(data)
        with self._lock:
            if self._find(key) is None:
                return False
            self._put(key, encoded, expire)
            return True

    def load(self, key: str, expire: float | None = None) -> Any:
        """Do as `CacheStore.load`."""
        with self._lock:
            entry = self._find(key)
            if entry is None:
                return None
            if expire is not None:
                self._put(key, entry.data, expire)
        return _decode(entry.data)

    def delete(self, key: str) -> None:
        """Do as `CacheStore.delete`."""
        with self._lock:
            self._remove(key)

    def delete_expired(self) -> None:
        """Do as `CacheStore.delete_expired`; it looks at every entry."""
        with self._lock:
            for key in [key for key, entry in self._entries.items() if self._is_over(entry.expire)]:
                self._remove(key)

    def increment(self, key: str, seconds: float) -> int:
        """Do as `CacheStore.increment`."""
        with self._lock:
            entry = self._find(key)
            count, expire = (0, self._clock() + seconds) if entry is None else (int(entry.data), entry.expire)
            self._put(key, _encode(count + 1), expire)
            return count + 1

    def _find(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._is_over(entry.expire):
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def _put(self, key: str, data: bytes, expire: float | None) -> None:
        size = _size(key, data)
        if size > self._max_bytes:
            raise ValueError(f"expected a value that takes at most {self._max_bytes} bytes, {key!r:.80} takes {size}")
        self._remove(key)
        if self._is_over(expire):
            return
        self._entries[key] = _Entry(data, expire)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._remove(next(iter(self._entries)))

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _size(key, entry.data)

    def _is_over(self, expire: float | None) -> bool:
        return expire is not None and expire <= self._clock()


BaseCacheStore = MemoryCacheStore
"""Brubeck's name for `MemoryCacheStore`."""


class RedisCacheStore:
    """A store in Redis 6.2 or newer, which all processes and machines of an application share.

    Args:
        redis_connection: a client as the library redis has it, ``redis.Redis.from_url(…)``.
        prefix: stands before every key, and keeps applications of one database apart.
        clock: what time it is.
    """

    generate_session_id = staticmethod(generate_session_id)

    def __init__(self, redis_connection: Any, prefix: str = "", clock: Clock = time.time) -> None:
        # Any: the library's own types have every answer as awaitable too.
        self._redis = redis_connection
        self._prefix = prefix
        self._clock = clock

    def save(self, key: str, data: Any, expire: float | None = None) -> None:
        """Do as `CacheStore.save`."""
        self._set(key, data, expire)

    def replace(self, key: str, data: Any, expire: float | None = None) -> bool:
        """Do as `CacheStore.replace`."""
        return self._set(key, data, expire, xx=True)

    def load(self, key: str, expire: float | None = None) -> Any:
        """Do as `CacheStore.load`; what was not saved by a store like this one is not there."""
        name = self._prefix + key
        left = self._milliseconds_until(expire)
        if left is None:
            data = self._redis.get(name)
        elif left > 0:
            data = self._redis.getex(name, px=left)
        else:
            data = self._redis.getdel(name)
        return None if data is None else _decode(data.encode() if isinstance(data, str) else data)

    def delete(self, key: str) -> None:
        """Do as `CacheStore.delete`."""
        self._redis.delete(self._prefix + key)

    def delete_expired(self) -> None:
        """Do nothing: Redis frees the room by itself."""

    def increment(self, key: str, seconds: float) -> int:
        """Do as `CacheStore.increment`."""
        name = self._prefix + key
        # One transaction: a count whose time could not be set any more would be kept for ever.
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(name, 0, px=max(1, math.ceil(seconds * 1000)), nx=True)
            pipeline.incr(name)
            count: int = pipeline.execute()[-1]
        return count

    def _set(self, key: str, data: Any, expire: float | None, **conditions: bool) -> bool:
        encoded = _encode(data)
        left = self._milliseconds_until(expire)
        if left is not None and left <= 0:
            return bool(self._redis.delete(self._prefix + key))
        return bool(self._redis.set(self._prefix + key, encoded, px=left, **conditions))

    def _milliseconds_until(self, expire: float | None) -> int | None:
        return None if expire is None else math.ceil((expire - self._clock()) * 1000)


def _size(key: str, data: bytes) -> int:
    return len(key) + len(data) + _ENTRY_BYTES


def _encode(value: Any) -> bytes:
    return _RAW + value if isinstance(value, bytes) else msgspec.json.encode(value)


def _decode(data: bytes) -> Any:
    if data[:1] == _RAW:
        return data[1:]
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None  # not of our making
