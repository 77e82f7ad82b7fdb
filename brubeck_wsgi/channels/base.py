"""The face of channels, the same whatever carries the messages."""

from __future__ import annotations

import os
import weakref
from _thread import allocate_lock
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import msgspec

from brubeck_wsgi.channels.messages import Batch, Message, PresenceChange, Record
from brubeck_wsgi.channels.positions import After, split_positions
from brubeck_wsgi.channels.presence import Headcount
from brubeck_wsgi.channels.subscriptions import OVERFLOWS, Overflow, Subscription
from brubeck_wsgi.errors import ConfigurationError, ValidationError

HISTORY_MESSAGES = 100
"""How many messages of a channel are kept, by default."""

HISTORY_SECONDS = 3600.0
"""For how long, by default."""

MESSAGE_BYTES = 1024 * 1024
"""How long a message may be as JSON, by default."""

WAITING_BYTES = 8 * 1024 * 1024
"""How long all messages that wait for a receiver may be as JSON, by default."""

_NAME_CHARACTERS = 200
_MOST_NAMES = 100
_INFO_BYTES = 16 * 1024

Limited = TypeVar("Limited", int, float)


class Channels(ABC):
    """Names under which messages are published to all who listen at the time.

    A channel is there as soon as somebody names it. All of this may be used in any strand.

    Args:
        history: how many messages of a channel are kept, to be read and replayed.
        history_seconds: for how long.
        max_message_bytes: how long a message may be as JSON.
    """

    def __init__(
        self,
        *,
        history: int = HISTORY_MESSAGES,
        history_seconds: float = HISTORY_SECONDS,
        max_message_bytes: int = MESSAGE_BYTES,
    ) -> None:
        self._history = checked_limit("history", history, 0)
        self._history_seconds = checked_limit("history_seconds", history_seconds, 0.0)
        self._max_message_bytes = checked_limit("max_message_bytes", max_message_bytes, 1)
        self._reset()
        _all_channels.add(self)

    # -- the face

    def publish(self, name: str, data: Any) -> str:
        """Send *data*, anything that JSON can hold, to all who listen to the channel *name*.

        Returns:
            the id of the message.

        Raises:
            ValidationError: *data* is no JSON, or too long; or *name* can be no channel's.
        """
        return self._publish(checked_name(name), _encode("data", data, self._max_message_bytes))

    def subscribe(
        self,
        *names: str,
        after: After = None,
        limit: int = 1000,
        limit_bytes: int = WAITING_BYTES,
        overflow: Overflow = "drop_oldest",
        presence: bool = False,
    ) -> Subscription:
        """Listen to one or several channels from now on.

        Args:
            names: of the channels.
            after: begin with what history has after this: the `position` of a message, a batch or a subscription
                to the same channels, or the id of a message of the one channel; or a mapping of names to such.
            limit: how many messages may wait for the receiver.
            limit_bytes: how long they may be in all, as JSON; one may wait however long it is.
            overflow: what happens to more than that: the oldest is dropped, or what comes is, or the subscription
                ends with `SlowSubscriber`.
            presence: receive a `PresenceChange` for each member that comes or leaves, too.
        """
        if not names or len(names) > _MOST_NAMES:
            raise ValidationError(f"expected 1 to {_MOST_NAMES} names of channels, got {len(names)}")
        if overflow not in OVERFLOWS:
            raise ValidationError(f"expected overflow as one of {', '.join(OVERFLOWS)}, got {overflow!r}")
        if limit < 1 or limit_bytes < 1:
            raise ValidationError(f"expected limits of 1 message and 1 byte or more, got {limit!r} and {limit_bytes!r}")
        wanted = list(dict.fromkeys(checked_name(name) for name in names))
        subscription = Subscription(wanted, limit, limit_bytes, overflow, presence, self._detach)
        try:
            self._attach(subscription, split_positions(after, wanted))
        except BaseException:
            subscription.close()
            raise
        return subscription

    def wait(self, name: str, after: str | None = None, timeout: float = 25.0, limit: int = 1000) -> Batch:
        """Return what came after *after*; if that is nothing, wait until something comes: a long poll.

        Args:
            name: of the channel.
            after: the position of the last batch; None for now.
            timeout: how many seconds to wait; the batch is empty if nothing comes.
            limit: how many messages at the most.
        """
        # What is dropped because it is too new is there for the next poll.
        with self.subscribe(name, after=after, limit=limit, overflow="drop_newest") as subscription:
            is_complete = subscription.is_complete
            messages: list[Message] = []
            try:
                messages.append(subscription.receive(timeout))
            except TimeoutError:
                return Batch([], subscription.position, is_complete)
            messages += subscription.receive_all(limit - 1)
            return Batch(messages, subscription.position, is_complete)

    def history(self, name: str, after: str | None = None, limit: int | None = None) -> Batch:
        """Return what is kept of a channel, oldest first.

        Args:
            name: of the channel.
            after: only what came after this; None for all.
            limit: only so many of the newest.
        """
        with self.subscribe(name, after="0" if after is None else after) as subscription:
            is_complete = subscription.is_complete
            messages = subscription.receive_all()
            if limit is not None and len(messages) > limit:
                messages, is_complete = messages[len(messages) - limit :], False
            return Batch(messages, subscription.position, is_complete)

    @contextmanager
    def present(self, name: str, member: str, info: Any = None) -> Iterator[None]:
        """Have *member* be in a channel while the block runs; one that is in several times leaves with the last.

        Args:
            name: of the channel.
            member: who, as text.
            info: what others may know about the member, anything that JSON can hold.
        """
        checked_name(name)
        _check_member(member)
        info = msgspec.json.decode(_encode("info", info, _INFO_BYTES))
        self._enter(name, member, info)
        try:
            yield
        finally:
            self._leave(name, member)

    @abstractmethod
    def members(self, name: str) -> dict[str, Any]:
        """Return who is in a channel, with what was said about each."""

    def channel(self, name: str) -> NamedChannel:
        """Return the channel *name* by itself; ``channels[name]`` is the same."""
        return NamedChannel(self, checked_name(name))

    def __getitem__(self, name: str) -> NamedChannel:
        return self.channel(name)

    def close(self) -> None:
        """End all subscriptions, and give up what has been opened; it begins again when it is used again."""
        with self._lock:
            subscriptions = {one for hearers in self._hearers.values() for one in hearers}
        for subscription in subscriptions:
            subscription.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {len(self._hearers)} listened to>"

    # -- for the back ends

    @abstractmethod
    def _publish(self, name: str, json: bytes) -> str:
        """Send a message; return its id."""

    @abstractmethod
    def _attach(self, subscription: Subscription, after: dict[str, str | None]) -> None:
        """Begin *subscription* in each channel of *after*, and have it told what comes."""

    @abstractmethod
    def _enter(self, name: str, member: str, info: Any) -> None:
        """Note that a member is served here."""

    @abstractmethod
    def _leave(self, name: str, member: str) -> None:
        """Note that it is not any more."""

    def _reset(self) -> None:
        """Begin with nothing: when it is made, and in a process that has been forked."""
        self._lock = allocate_lock()  # held for a few steps that never wait
        self._hearers: dict[str, dict[Subscription, None]] = {}
        self._headcount = Headcount()

    def _add_hearer(self, subscription: Subscription) -> None:
        """Have *subscription* told what comes; with the lock held."""
        for name in subscription.names:
            self._hearers.setdefault(name, {})[subscription] = None

    def _detach(self, subscription: Subscription) -> None:
        with self._lock:
            for name in subscription.names:
                hearers = self._hearers.get(name, {})
                hearers.pop(subscription, None)
                if not hearers:
                    self._hearers.pop(name, None)

    def _tell(self, record: Record) -> None:
        """Offer a message to all who listen; with the lock held."""
        for subscription in self._hearers.get(record.channel, ()):
            subscription.offer(record)

    def _tell_changes(self, changes: Iterable[PresenceChange]) -> None:
        """Offer changes of presence to all who want them; with the lock held."""
        for change in changes:
            for subscription in self._hearers.get(change.channel, ()):
                if subscription.wants_presence:
                    subscription.offer(change)


class NamedChannel:
    """One channel; see `Channels` for what its functions do."""

    def __init__(self, channels: Channels, name: str) -> None:
        self._channels = channels
        self.name = name

    def publish(self, data: Any) -> str:
        """Do as `Channels.publish`."""
        return self._channels.publish(self.name, data)

    def subscribe(
        self,
        after: str | None = None,
        limit: int = 1000,
        limit_bytes: int = WAITING_BYTES,
        overflow: Overflow = "drop_oldest",
        presence: bool = False,
    ) -> Subscription:
        """Do as `Channels.subscribe`."""
        return self._channels.subscribe(
            self.name, after=after, limit=limit, limit_bytes=limit_bytes, overflow=overflow, presence=presence
        )

    def wait(self, after: str | None = None, timeout: float = 25.0, limit: int = 1000) -> Batch:
        """Do as `Channels.wait`."""
        return self._channels.wait(self.name, after, timeout, limit)

    def history(self, after: str | None = None, limit: int | None = None) -> Batch:
        """Do as `Channels.history`."""
        return self._channels.history(self.name, after, limit)

    def present(self, member: str, info: Any = None) -> Any:
        """Do as `Channels.present`."""
        return self._channels.present(self.name, member, info)

    def members(self) -> dict[str, Any]:
        """Do as `Channels.members`."""
        return self._channels.members(self.name)


def checked_limit(option: str, value: Limited, least: Limited) -> Limited:
    """Return *value* if it is a number that is not below *least*; `ConfigurationError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
        raise ConfigurationError(f"expected {option} as a number, {least} or more, got {value!r:.80}")
    return value


def checked_name(name: str) -> str:
    """Return *name* if it can be a channel's; `ValidationError` otherwise."""
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARACTERS or not name.isprintable():
        raise ValidationError(
            f"expected the name of a channel, 1 to {_NAME_CHARACTERS} printable characters, got {name!r:.80}"
        )
    return name


def _check_member(member: str) -> None:
    if isinstance(member, str) and 0 < len(member) <= _NAME_CHARACTERS:
        with suppress(UnicodeEncodeError):  # JSON of clients may have half of a pair of surrogates in it
            member.encode()
            return
    raise ValidationError(f"expected a member of 1 to {_NAME_CHARACTERS} characters of text, got {member!r:.80}")


def _encode(what: str, value: Any, most_bytes: int) -> bytes:
    try:
        json = msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeError is a ValueError
        raise ValidationError(f"expected {what} that JSON can hold: {error}") from error
    if len(json) > most_bytes:
        raise ValidationError(f"expected {what} of at most {most_bytes} bytes as JSON, got {len(json)}")
    return json


_all_channels: weakref.WeakSet[Channels] = weakref.WeakSet()


def _reset_all() -> None:
    # What a process has told others is told under its name, and a child is another.
    for channels in list(_all_channels):
        channels._reset()


os.register_at_fork(after_in_child=_reset_all)
