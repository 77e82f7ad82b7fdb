"""Channels within one process."""

from __future__ import annotations

import heapq
import secrets
import time
from collections.abc import Iterator
from typing import Any

from brubeck_wsgi.channels.base import (
    HISTORY_MESSAGES,
    HISTORY_SECONDS,
    MESSAGE_BYTES,
    Channels,
    checked_limit,
)
from brubeck_wsgi.channels.logs import Archive, Bounds, Clock, Entry, LogCursor
from brubeck_wsgi.channels.positions import Position
from brubeck_wsgi.channels.presence import Roster
from brubeck_wsgi.channels.subscriptions import Subscription

MOST_CHANNELS = 10_000
"""Of how many channels history is kept, by default."""

HISTORY_BYTES = 64 * 1024 * 1024
"""How much all history may take, by default."""


class LoggedChannels(Channels):
    """Channels whose history each process keeps for itself.

    Args:
        history: how many messages of a channel are kept, to be read and replayed.
        history_seconds: for how long.
        max_channels: of how many channels; of others, those not written to for longest, history is forgotten.
        max_bytes: how much it may take in all.
        max_message_bytes: how long a message may be as JSON.
        clock: what time it is, in seconds since 1970.
    """

    def __init__(
        self,
        *,
        history: int = HISTORY_MESSAGES,
        history_seconds: float = HISTORY_SECONDS,
        max_channels: int = MOST_CHANNELS,
        max_bytes: int = HISTORY_BYTES,
        max_message_bytes: int = MESSAGE_BYTES,
        clock: Clock = time.time,
    ) -> None:
        self._bounds = Bounds(
            history,
            history_seconds,
            checked_limit("max_channels", max_channels, 1),
            checked_limit("max_bytes", max_bytes, 0),
        )
        self._clock = clock
        super().__init__(history=history, history_seconds=history_seconds, max_message_bytes=max_message_bytes)

    def members(self, name: str) -> dict[str, Any]:
        """Do as `Channels.members`."""
        self._begin()
        with self._lock:
            return self._roster.members(name)

    def _reset(self) -> None:
        super()._reset()
        self._archive = Archive(self._bounds, self._clock)
        self._roster = Roster()
        self._token = secrets.token_hex(4)
        self._number = 0

    def _begin(self) -> None:
        """Be ready to be used."""

    def _send(self, entry: Entry) -> None:
        """Tell other processes of a message; with the lock held."""

    def _publish(self, name: str, json: bytes) -> str:
        self._begin()
        with self._lock:
            self._number += 1
            entry = Entry(name, json, self._token, self._number, self._archive.stamp())
            self._archive.add(entry)
            self._tell(entry)
            self._send(entry)
        return entry.id

    def _attach(self, subscription: Subscription, after: dict[str, str | None]) -> None:
        self._begin()
        with self._lock:
            missed = [self._begin_in(subscription, name, text) for name, text in after.items()]
            # Of one channel in the order of its log, which positions follow.
            merged: Iterator[Entry] = heapq.merge(*missed, key=_stamp)
            subscription.replay(merged, True)
            self._add_hearer(subscription)

    def _begin_in(self, subscription: Subscription, name: str, text: str | None) -> list[Entry]:
        archive = self._archive
        if text is None:
            subscription.begin(name, LogCursor(None), archive.position(name))
            return []
        given = Position.parse(text)
        missed, is_complete = archive.after(name, given)
        known = Position(0, {}) if given is None else archive.known_part(given)
        subscription.begin(name, LogCursor(known), str(known))
        subscription.replay((), is_complete)
        return missed

    def _enter(self, name: str, member: str, info: Any) -> None:
        self._begin()
        with self._lock:
            self._headcount.enter(name, member, info)
            try:
                self._tell_changes(self._roster.enter(self._token, name, member, info))
                self._send_presence(name, member, is_present=True)
            except BaseException:
                self._let_leave(name, member)
                raise

    def _leave(self, name: str, member: str) -> None:
        with self._lock:
            self._let_leave(name, member)

    def _let_leave(self, name: str, member: str) -> None:
        if self._headcount.leave(name, member):
            self._tell_changes(self._roster.leave(self._token, name, member))
            self._send_presence(name, member, is_present=False)

    def _send_presence(self, name: str, member: str, is_present: bool) -> None:
        """Tell other processes whether *member* is served here; with the lock held."""


class MemoryChannels(LoggedChannels):
    """Channels within one process: for one worker, and for tests; see `LoggedChannels` for its options.

    Nothing is lost while the process lives, but what a slow receiver's subscription drops.
    """


def _stamp(entry: Entry) -> int:
    return entry.stamp
