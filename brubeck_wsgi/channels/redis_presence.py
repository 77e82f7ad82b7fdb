"""Who is in which channel, kept in Redis: a hash for each channel, and a key for each process that lives."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from brubeck_wsgi.channels.presence import Members
from brubeck_wsgi.channels.streams import text

_TOKEN_CHARACTERS = 8
_LIFETIMES = 4  # a hash outlives its processes by so many of theirs


class RedisPresence:
    """The members that processes have told Redis of.

    Args:
        client: as the library redis has it. Any: its own types have every answer as awaitable too.
        prefix: stands before each key.
        token: the name of this process.
        seconds: after how many a process that says nothing counts as ended.
        turn: held while Redis is asked.

    Attributes:
        changes_key: of the stream that tells where somebody has come or left.
    """

    def __init__(
        self, client: Any, prefix: str, token: str, seconds: float, turn: AbstractContextManager[object]
    ) -> None:
        self.changes_key = f"{prefix}changes"
        self._client = client
        self._prefix = prefix
        self._token = token
        self._turn = turn
        self._milliseconds = int(seconds * 1000)

    def enter(self, channel: str, member: str, info: Any) -> None:
        """Say that this process serves a member."""
        self._write({channel: {member: info}}, {channel})

    def leave(self, gone: Iterable[tuple[str, str]]) -> None:
        """Say that this process serves members, given with their channels, no more."""
        pairs = list(gone)
        with self._turn, self._client.pipeline(transaction=False) as pipeline:
            for channel, member in pairs:
                pipeline.hdel(self._key(channel), f"{self._token}{member}")
            for channel in {channel for channel, _ in pairs}:
                pipeline.xadd(self.changes_key, {"channel": channel}, maxlen=1000, approximate=True)
            pipeline.execute()

    def refresh(self, members: Members) -> None:
        """Say that this process lives, and all that it serves."""
        self._write(members, ())

    def members(self, channel: str) -> dict[str, Any]:
        """Return who is in a channel, and what is said about each."""
        with self._turn:
            return self._members(channel)

    def _members(self, channel: str) -> dict[str, Any]:
        key = self._key(channel)
        fields = {text(field): info for field, info in self._client.hgetall(key).items()}
        tokens = sorted({field[:_TOKEN_CHARACTERS] for field in fields})
        if not tokens:
            return {}
        alive = self._client.mget([self._alive(token) for token in tokens])
        living = {token for token, found in zip(tokens, alive, strict=True) if found is not None}
        dead = [field for field in fields if field[:_TOKEN_CHARACTERS] not in living]
        if dead:
            self._client.hdel(key, *dead)
        return {
            field[_TOKEN_CHARACTERS:]: msgspec.json.decode(info)
            for field, info in sorted(fields.items())
            if field[:_TOKEN_CHARACTERS] in living
        }

    def _write(self, members: Members, changed: Iterable[str]) -> None:
        with self._turn, self._client.pipeline(transaction=False) as pipeline:
            pipeline.set(self._alive(self._token), b"1", px=self._milliseconds)
            for channel, found in members.items():
                key = self._key(channel)
                pipeline.hset(
                    key, mapping={f"{self._token}{member}": msgspec.json.encode(info) for member, info in found.items()}
                )
                pipeline.pexpire(key, _LIFETIMES * self._milliseconds)
            for channel in changed:
                pipeline.xadd(self.changes_key, {"channel": channel}, maxlen=1000, approximate=True)
            pipeline.execute()

    def _key(self, channel: str) -> str:
        return f"{self._prefix}members:{channel}"

    def _alive(self, token: str) -> str:
        return f"{self._prefix}alive:{token}"
