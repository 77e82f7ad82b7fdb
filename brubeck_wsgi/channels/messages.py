"""What comes out of a subscription: messages, and who came and went."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

_UNREAD: Any = object()


class Record:
    """A message as one process keeps it, the same one for all who listen.

    Args:
        channel: its name.
        id: of the message; the same in every process.
        json: what it says, in UTF-8.
        position: which messages of the channel have been seen by whoever has seen this one, as this process has them.
    """

    __slots__ = ("channel", "id", "json", "position")

    def __init__(self, channel: str, id: str, json: bytes, position: str) -> None:
        self.channel = channel
        self.id = id
        self.json = json
        self.position = position


class Message:
    """A message of a channel, as one receiver has it.

    Args:
        id: of the message; what `Channels.publish` has returned, wherever it is received.
        channel: its name.
        json: what was published, as JSON in UTF-8.
        position: what to give as ``after=`` to go on behind this message; text for one ``id:`` field of an event
            stream, whatever channels the receiver listens to.
    """

    __slots__ = ("_data", "_json", "channel", "id", "position")

    def __init__(self, id: str, channel: str, json: bytes, position: str) -> None:
        self.id = id
        self.channel = channel
        self.position = position
        self._json = json
        self._data = _UNREAD

    @property
    def data(self) -> Any:
        """What was published, as JSON has it; the receiver's own, others do not see it changed."""
        if self._data is _UNREAD:
            self._data = msgspec.json.decode(self._json)
        return self._data

    @property
    def json(self) -> str:
        """The same as JSON, to pass it on as it is."""
        return self._json.decode()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r}, channel={self.channel!r}, data={self.json:.80})"


class PresenceChange(Message):
    """Somebody has come into a channel, or has left it; what is published nowhere, and has no id.

    Its data are the same as its attributes.

    Args:
        channel: its name.
        member: who.
        info: what was said about the member.
        is_present: whether the member is in now.
    """

    __slots__ = ("info", "is_present", "member")

    def __init__(self, channel: str, member: str, info: Any, is_present: bool, position: str = "") -> None:
        data = {"member": member, "info": info, "is_present": is_present}
        super().__init__("", channel, msgspec.json.encode(data), position)
        self.member = member
        self.info = info
        self.is_present = is_present


class Batch(list[Message]):
    """Messages of one channel, in order.

    Args:
        messages: the same.
        position: what to give as ``after=`` to go on behind them, also where there are none.
        is_complete: whether these are all after the one that was asked for; history has an end.
    """

    def __init__(self, messages: Iterable[Message], position: str, is_complete: bool) -> None:
        super().__init__(messages)
        self.position = position
        self.is_complete = is_complete
