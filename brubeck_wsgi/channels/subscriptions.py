"""Subscriptions: what each receiver has not taken yet, in a queue of its own that has an end."""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from typing import Literal, Protocol, TypeAlias, get_args

from brubeck_wsgi.channels.messages import Message, PresenceChange, Record
from brubeck_wsgi.channels.positions import join_positions
from brubeck_wsgi.concurrency import Event
from brubeck_wsgi.errors import BrubeckError

Overflow: TypeAlias = Literal["drop_oldest", "drop_newest", "disconnect"]
OVERFLOWS: tuple[Overflow, ...] = get_args(Overflow)


class SubscriptionClosed(BrubeckError):
    """The subscription has been closed, and nothing comes any more."""


class SlowSubscriber(SubscriptionClosed):
    """More came than the receiver could take, and that was to end its subscription."""


class Cursor(Protocol):
    """Where one receiver stands in one channel."""

    def take(self, record: Record) -> str | None:
        """Return the position after *record*; None if the receiver has had that already."""
        ...


class Subscription:
    """What comes over some channels; an iterator, and a context manager that closes it.

    `Channels.subscribe` makes them. One strand receives; any may close.

    Args:
        names: of the channels.
        limit: how many messages wait for the receiver.
        limit_bytes: how long they may be in all; one may always wait.
        overflow: what happens when more come.
        wants_presence: whether changes of presence are received too.
        detach: called once, when it is closed.

    Attributes:
        names, limit_bytes, wants_presence: as given.
        is_complete: whether nothing was left out so far: history reached back to where it was to begin, and the
            receiver was fast enough.
        dropped: how many messages were left out because the receiver was too slow.
    """

    def __init__(
        self,
        names: Sequence[str],
        limit: int,
        limit_bytes: int,
        overflow: Overflow,
        wants_presence: bool,
        detach: Callable[[Subscription], None],
    ) -> None:
        self.names = tuple(names)
        self.wants_presence = wants_presence
        self.is_complete = True
        self.dropped = 0
        self.limit_bytes = limit_bytes
        self._limit = limit
        self._overflow = overflow
        self._detach = detach
        self._backlog: deque[Record] = deque()  # of history, whose length has a limit of its own
        self._queue: deque[Record | PresenceChange] = deque()
        # Each is written by one side only: by who offers, and by the receiver.
        self._bytes_offered = self._bytes_taken = 0
        self._mutex = allocate_lock()  # held for a few steps that never wait
        self._has_news = Event()
        self._end: SubscriptionClosed | None = None
        self._is_detached = False
        self._positions: dict[str, str] = {}
        self._cursors: dict[str, Cursor] = {}

    @property
    def position(self) -> str:
        """What to give as ``after=`` to go on behind what has been received."""
        return join_positions(self._positions)

    @property
    def is_closed(self) -> bool:
        """Whether nothing is added any more; what came before may still be received."""
        return self._end is not None

    def receive(self, timeout: float | None = None) -> Message:
        """Wait for the next message.

        Args:
            timeout: how many seconds at most; None for any time.

        Returns:
            the message; a `PresenceChange` only if the subscription was asked for them.

        Raises:
            TimeoutError: none came in time.
            SlowSubscriber: more came than the queue takes, and that was to end it; what is in it comes first.
            SubscriptionClosed: it has been closed.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            message = self._take()
            if message is not None:
                return message
            self._has_news.clear()
            if self._backlog or self._queue:
                continue  # which came in between
            if self._end is not None:
                raise self._end
            left = None if deadline is None else deadline - monotonic()
            if not self._has_news.wait(left) and not self._queue:
                raise TimeoutError(f"expected a message in {timeout} seconds")

    def receive_all(self, most: int | None = None) -> list[Message]:
        """Return the messages that have come, the first *most* of them, without waiting."""
        messages: list[Message] = []
        while (most is None or len(messages) < most) and (message := self._take()) is not None:
            messages.append(message)
        return messages

    def __iter__(self) -> Iterator[Message]:
        """Yield messages until it is closed; `SlowSubscriber` as `receive` has it."""
        try:
            while True:
                yield self.receive()
        except SlowSubscriber:
            raise
        except SubscriptionClosed:
            return

    def close(self) -> None:
        """Receive nothing more; whoever waits for something is told."""
        self._finish(SubscriptionClosed("the subscription is closed"))
        with self._mutex:
            is_detached, self._is_detached = self._is_detached, True
            self._backlog.clear()
            self._queue.clear()
        if not is_detached:
            self._detach(self)

    def __repr__(self) -> str:
        return f"<Subscription to {', '.join(self.names):.80}, {len(self._backlog) + len(self._queue)} waiting>"

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- for the back ends

    def begin(self, name: str, cursor: Cursor, position: str) -> None:
        """Note where the receiver stands in the channel *name*, before anything of it is offered."""
        self._cursors[name] = cursor
        self._positions[name] = position

    def miss(self) -> None:
        """Note that something was left out."""
        self.is_complete = False

    def replay(self, records: Iterable[Record], is_complete: bool) -> None:
        """Let *records* come before all that is offered."""
        self._backlog.extend(records)
        self.is_complete = self.is_complete and is_complete
        self._has_news.set()

    def offer(self, item: Record | PresenceChange) -> None:
        """Add what has come; never waits."""
        with self._mutex:
            if self._end is not None:
                return
            size = _size(item)
            if self._has_room(size):
                self._add(item, size)
            else:
                self._overflow_with(item, size)
        self._has_news.set()

    def _has_room(self, size: int) -> bool:
        queue = self._queue
        if len(queue) >= self._limit:
            return False
        return not queue or self._bytes_offered - self._bytes_taken + size <= self.limit_bytes

    def _add(self, item: Record | PresenceChange, size: int) -> None:
        self._bytes_offered += size
        self._queue.append(item)

    def _overflow_with(self, item: Record | PresenceChange, size: int) -> None:
        self.is_complete = False
        if self._overflow == "disconnect":
            self._end = SlowSubscriber(
                f"expected the receiver to be at most {self._limit} messages or {self.limit_bytes} bytes behind"
            )
            return
        if self._overflow == "drop_newest":
            self.dropped += 1
            return
        while not self._has_room(size):
            with suppress(IndexError):  # the receiver has taken it just now
                self._bytes_offered -= _size(self._queue.popleft())
                self.dropped += 1
        self._add(item, size)

    def _finish(self, reason: SubscriptionClosed) -> None:
        with self._mutex:
            self._end = self._end or reason
        self._has_news.set()

    def _take(self) -> Message | None:
        while True:
            try:
                if self._backlog:
                    item: Record | PresenceChange = self._backlog.popleft()
                else:
                    item = self._queue.popleft()
                    self._bytes_taken += _size(item)
            except IndexError:
                return None
            if isinstance(item, Record):
                position = self._cursors[item.channel].take(item)
                if position is not None:
                    self._positions[item.channel] = position
                    return Message(item.id, item.channel, item.json, self.position)
            else:
                return PresenceChange(item.channel, item.member, item.info, item.is_present, self.position)


def _size(item: Record | PresenceChange) -> int:
    return len(item.json)
