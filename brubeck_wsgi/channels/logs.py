"""History: the last messages of each channel, as one process has heard them, and within bounds."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from brubeck_wsgi.channels.messages import Record
from brubeck_wsgi.channels.positions import MOST_PUBLISHERS, Position, message_id

_MOST_HEARD = 4096
_ENTRY_BYTES = 400  # what a message costs beside its text

Clock: TypeAlias = Callable[[], float]
"""Returns the seconds since 1970-01-01 UTC."""


class Bounds(NamedTuple):
    """How much is kept.

    Attributes:
        messages: of one channel.
        seconds: for how long.
        channels: of how many.
        bytes: how much all may take together.
    """

    messages: int
    seconds: float
    channels: int
    bytes: int


class Entry(Record):
    """A message in a log.

    Args:
        channel: its name.
        json: what it says.
        publisher: the process that has published it.
        number: the how many-th it is of that process, from 1.
        stamp: when, in milliseconds since 1970; never less than that of a message that its publisher knew.
    """

    __slots__ = ("number", "publisher", "stamp")

    def __init__(self, channel: str, json: bytes, publisher: str, number: int, stamp: int) -> None:
        super().__init__(channel, message_id(publisher, number, stamp), json, "")
        self.publisher = publisher
        self.number = number
        self.stamp = stamp

    @property
    def size(self) -> int:
        """How many bytes it takes, about."""
        return len(self.json) + _ENTRY_BYTES


class LogCursor:
    """See `brubeck_wsgi.channels.subscriptions.Cursor`.

    Args:
        after: what the receiver had seen when it began; None for what the log had then.
    """

    def __init__(self, after: Position | None) -> None:
        self._after = after

    def take(self, record: Record) -> str | None:
        assert isinstance(record, Entry)
        after = self._after
        if after is None:
            return record.position
        if after.covers(record.publisher, record.number, record.stamp):
            return None
        known = Position.parse(record.position)
        assert known is not None
        if all(known.seen.get(publisher, 0) >= number for publisher, number in after.seen.items()):
            self._after = None  # the log has caught up with what the receiver had seen elsewhere
            return record.position
        self._after = after = after.joined(known)
        return str(after)


class Log:
    """The last messages of one channel.

    Args:
        gone: of each publisher, number and stamp of the last message that is not kept any more.
    """

    def __init__(self, gone: dict[str, tuple[int, int]]) -> None:
        self.entries: deque[Entry] = deque()
        self.gone = gone
        self._seen: dict[str, tuple[int, int]] = dict(gone)  # of those heard last, in that order
        self._floor = 0

    def add(self, entry: Entry) -> None:
        """Keep *entry*, which is new, and tell it its position."""
        seen = self._seen
        seen.pop(entry.publisher, None)
        seen[entry.publisher] = entry.number, entry.stamp
        if len(seen) > MOST_PUBLISHERS:
            self._floor = max(self._floor, seen.pop(next(iter(seen)))[1])
        entry.position = self.position
        self.entries.append(entry)

    def note_gone(self, publisher: str, number: int, stamp: int) -> None:
        """Note the last message of a publisher that was never kept."""
        self.gone[publisher] = self._seen[publisher] = number, stamp

    def drop_oldest(self) -> Entry:
        """Forget the oldest message, and return it."""
        entry = self.entries.popleft()
        self.gone.pop(entry.publisher, None)
        self.gone[entry.publisher] = entry.number, entry.stamp
        if len(self.gone) > 2 * MOST_PUBLISHERS:
            self.gone.pop(next(iter(self.gone)))
        return entry

    @property
    def position(self) -> str:
        """Of somebody who has seen all."""
        pairs = {publisher: number for publisher, (number, _) in self._seen.items()}
        return str(Position(self._floor, pairs))

    @property
    def seen(self) -> dict[str, tuple[int, int]]:
        """Of each publisher, number and stamp of its last message here."""
        return self._seen


class Archive:
    """The logs of a process, and which messages it has heard.

    Args:
        bounds: how much is kept.
        clock: what time it is.
    """

    def __init__(self, bounds: Bounds, clock: Clock) -> None:
        self._bounds = bounds
        self._clock = clock
        self._logs: OrderedDict[str, Log] = OrderedDict()  # those written to last are last
        self._bytes = 0
        self._gone: dict[str, tuple[int, int]] = {}  # of channels whose logs are not kept any more
        self.heard: dict[str, int] = {}
        self._last_stamp = 0

    def stamp(self) -> int:
        """Return when it is, never before what has been heard."""
        self._last_stamp = max(self._last_stamp, int(self._clock() * 1000))
        return self._last_stamp

    def is_new(self, publisher: str, number: int) -> bool:
        """Tell whether a message has not been heard."""
        return number > self.heard.get(publisher, 0)

    def add(self, entry: Entry) -> None:
        """Keep *entry*, which is new."""
        self._last_stamp = max(self._last_stamp, entry.stamp)
        self.heard.pop(entry.publisher, None)
        self.heard[entry.publisher] = entry.number
        if len(self.heard) > _MOST_HEARD:
            del self.heard[next(iter(self.heard))]
        log = self._log(entry.channel)
        log.add(entry)
        self._bytes += entry.size
        self._trim(log)
        while len(self._logs) > self._bounds.channels:
            self._evict()
        while self._bytes > self._bounds.bytes and self._logs:
            self._shrink()

    def position(self, name: str) -> str:
        """Return the position of somebody who has seen all of a channel."""
        log = self._logs.get(name)
        if log is None:
            return str(Position(0, {publisher: number for publisher, (number, _) in self._gone.items()}))
        return log.position

    def after(self, name: str, after: Position | None) -> tuple[list[Entry], bool]:
        """Return what is kept of a channel behind *after*, and whether that is all there was.

        Args:
            name: of the channel.
            after: where to begin; None for something that nobody knows.
        """
        log = self._logs.get(name)
        if log is not None:
            self._trim(log)
        entries = list(log.entries) if log is not None else []
        if after is None:
            return entries, False
        gone = log.gone if log is not None else self._gone
        is_complete = all(publisher in self.heard for publisher in after.seen) and all(
            after.covers(publisher, number, stamp) for publisher, (number, stamp) in gone.items()
        )
        return [entry for entry in entries if not after.covers(entry.publisher, entry.number, entry.stamp)], is_complete

    def known_part(self, position: Position) -> Position:
        """Return *position*; if it is about many publishers, without those that have not been heard."""
        if len(position.seen) <= MOST_PUBLISHERS:
            return position
        known = {publisher: number for publisher, number in position.seen.items() if publisher in self.heard}
        return Position(position.floor, known)

    def gone(self, publishers: set[str]) -> Iterator[tuple[str, str, int, int]]:
        """Yield what of *publishers* is not kept any more: channel, publisher, and number and stamp of the last."""
        for name, log in self._logs.items():
            for publisher in publishers & log.gone.keys():
                yield (name, publisher, *log.gone[publisher])
        for publisher in publishers & self._gone.keys():
            yield ("", publisher, *self._gone[publisher])

    def note_gone(self, gone: Iterable[tuple[str, str, int, int]]) -> set[str]:
        """Note what others do not keep any more; return the channels in which that was not heard here."""
        missed = set()
        for name, publisher, number, stamp in gone:
            if not name:  # of channels that were forgotten
                if number > self._gone.get(publisher, (0, 0))[0]:
                    self._gone[publisher] = number, stamp
                continue
            log = self._log(name)
            if number > log.seen.get(publisher, (0, 0))[0]:
                log.note_gone(publisher, number, stamp)
                missed.add(name)
        return missed

    def note_heard(self, heard: Mapping[str, int], but: set[str]) -> None:
        """Note of whom another process has heard, and up to which number; not of those in *but*."""
        for publisher, number in heard.items():
            if publisher not in but and self.is_new(publisher, number):
                self.heard[publisher] = number

    def entries(self, publishers: Iterable[str] | None = None) -> list[Entry]:
        """Return all that is kept of *publishers*, of all if it is None, in the order of their stamps."""
        chosen = None if publishers is None else set(publishers)
        found = [
            entry for log in self._logs.values() for entry in log.entries if chosen is None or entry.publisher in chosen
        ]
        return sorted(found, key=lambda entry: (entry.stamp, entry.publisher, entry.number))

    def _log(self, name: str) -> Log:
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = Log(dict(self._gone))
        else:
            self._logs.move_to_end(name)
        return log

    def _trim(self, log: Log) -> None:
        entries = log.entries
        oldest = int((self._clock() - self._bounds.seconds) * 1000)
        while entries and (len(entries) > self._bounds.messages or entries[0].stamp < oldest):
            self._bytes -= log.drop_oldest().size

    def _shrink(self) -> None:
        log = next(iter(self._logs.values()))
        if log.entries:
            self._bytes -= log.drop_oldest().size
        if not log.entries:
            self._evict()

    def _evict(self) -> None:
        """Forget the channel that was not written to for longest."""
        _, log = self._logs.popitem(last=False)
        self._bytes -= sum(entry.size for entry in log.entries)
        for publisher, (number, stamp) in log.seen.items():
            if number > self._gone.get(publisher, (0, 0))[0]:
                self._gone[publisher] = number, stamp
        while len(self._gone) > MOST_PUBLISHERS:
            del self._gone[next(iter(self._gone))]
