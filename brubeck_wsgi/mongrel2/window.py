"""How much of what a WebSocket was sent its client has read: marks among the frames, which its pongs give back.

Mongrel2 takes all that it is sent, keeps it in its memory, and drops a client for which 16 messages wait; it does not
tell how many do. But whoever is sent a ping answers it (RFC 6455 §5.5.2), after all that came before it.
"""

from __future__ import annotations

import os
from collections import deque
from typing import NamedTuple

MOST_UNREAD_BYTES = 1024 * 1024
"""What a client may be behind before its sender has to wait; it goes on at the half."""

_MARK_BYTES = 128 * 1024
_MARK_MESSAGES = 4
_MOST_AHEAD = 6  # messages that follow a mark which has not come back; Mongrel2 has room for 16 in all


class _Mark(NamedTuple):
    """A place in what is sent.

    Attributes:
        payload: of the ping.
        size: how many bytes were sent up to there.
        message: the number of the message that it is in.
    """

    payload: bytes
    size: int
    message: int


class Window:
    """What has been sent to a client, and what it has read of that."""

    def __init__(self) -> None:
        self._sent = 0
        self._read = 0
        self._marks: deque[_Mark] = deque()
        self._marked = 0
        self._marked_message = 0
        self._beginning = os.urandom(4)  # of the payloads, so that a ping of the application's is none of ours
        self._count = 0
        self._is_trusted = self._is_closed = False

    @property
    def read(self) -> int:
        """How many bytes the client has read for certain."""
        return self._read

    @property
    def is_full(self) -> bool:
        """Whether the client is so far behind that nothing more should be sent."""
        return self._sent - self._read >= MOST_UNREAD_BYTES and not self._is_closed

    @property
    def has_room(self) -> bool:
        """Whether the client has read so much that one can go on."""
        return self._is_closed or self._sent - self._read <= MOST_UNREAD_BYTES // 2

    @property
    def last_message(self) -> float:
        """The number of the last message that may leave now; others wait for a mark to come back.

        A client that has never given one back may be one that answers no pings.
        """
        if not self._marks or not self._is_trusted:
            return float("inf")
        return self._marks[0].message + _MOST_AHEAD

    def close(self) -> None:
        """Note that the client has said its last: it gives back nothing more, and need not."""
        self._is_closed = True
        self._marks.clear()

    def note(self, size: int) -> None:
        """Note that so many bytes are sent."""
        self._sent += size

    def mark(self, size: int, message: int, is_waiting: bool) -> bytes | None:
        """Return the payload of a ping if there should be one.

        Args:
            size: of what is about to be sent, before the ping.
            message: the number of the message that it will be in.
            is_waiting: whether some messages may be on their way.
        """
        end = self._sent + size
        is_many = is_waiting and message - self._marked_message >= _MARK_MESSAGES
        if self._is_closed or (end - self._marked < _MARK_BYTES and not is_many):
            return None
        self._count = (self._count + 1) % 0x100000000
        payload = self._beginning + self._count.to_bytes(4, "big")
        self._marks.append(_Mark(payload, end, message))
        self._marked, self._marked_message = end, message
        return payload

    def take_pong(self, payload: bytes) -> int | None:
        """Note what was read if this gives a mark back; return the number of its message, None if it does not.

        A client may answer only the last of several pings.
        """
        if not any(mark.payload == payload for mark in self._marks):
            return None
        self._is_trusted = True
        while True:
            mark = self._marks.popleft()
            if mark.payload == payload:
                self._read = mark.size
                return mark.message
