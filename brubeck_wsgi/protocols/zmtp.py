"""The part of ZMTP 3.0 that a handler of Mongrel2 needs (https://rfc.zeromq.org/spec/23/): bytes in, messages out.

One socket type, no security, and messages of one frame: what Mongrel2's PUSH and SUB sockets speak.
"""

from __future__ import annotations

from enum import Enum

from brubeck_wsgi.protocols.errors import RemoteProtocolError

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
"""What both sides begin with: the signature, version 3.0, no security."""

_MORE, _LONG, _COMMAND = 1, 2, 4
_SHORTEST_LONG = 256
_MECHANISM = slice(12, 32)
_LONGEST_COMMAND = 4096


class State(Enum):
    """What the next bytes of the peer are."""

    GREETING = "its greeting"
    READY = "its READY command"
    OPEN = "messages"


def frame(payload: bytes) -> bytes:
    """Return a message of one frame."""
    size = len(payload)
    if size < _SHORTEST_LONG:
        return b"\0%c%b" % (size, payload)
    return b"\2%b%b" % (size.to_bytes(8, "big"), payload)


def command(payload: bytes) -> bytes:
    """Return a command, of up to 255 bytes."""
    return b"\4%c%b" % (len(payload), payload)


def ready(socket_type: bytes) -> bytes:
    """Return the READY command of a socket that is ``b"PULL"`` or ``b"PUB"``."""
    return command(b"\5READY" + _property(b"Socket-Type", socket_type) + _property(b"Identity", b""))


class FrameReader:
    """Takes frames out of what arrives.

    Args:
        most_bytes: the longest message that is believed.

    Attributes:
        commands: those that have come, oldest first; whoever wants them takes them out.
    """

    def __init__(self, most_bytes: int) -> None:
        self.commands: list[bytes] = []
        self._most = most_bytes
        self._partial = bytearray()
        self._missing = 0  # how many bytes more the frame that has begun needs

    @property
    def buffered(self) -> bytes:
        """The beginning of a message that has not arrived as a whole."""
        return bytes(self._partial)

    def receive(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with *data*.

        Raises:
            RemoteProtocolError: the peer sends what no Mongrel2 does; nothing after it means anything.
        """
        if self._partial:
            self._partial += data
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = bytes(self._partial)
            self._partial.clear()
        messages = []
        position, end = 0, len(data)
        while position + 1 < end:
            flags = data[position]
            if flags & _LONG:
                begin = position + 9
                if begin > end:
                    break
                size = int.from_bytes(data[position + 1 : begin], "big")
            else:
                begin = position + 2
                size = data[position + 1]
            if flags & ~(_LONG | _COMMAND) or size > (_LONGEST_COMMAND if flags & _COMMAND else self._most):
                raise RemoteProtocolError(f"expected a frame that Mongrel2 could send, got {data[position:begin]!r}")
            stop = begin + size
            if stop > end:
                self._missing = stop - end
                break
            if flags & _COMMAND:
                self.commands.append(data[begin:stop])
            else:
                messages.append(data[begin:stop])
            position = stop
        if position < end:
            self._partial += data[position:]
        return messages


class Peer:
    """The other side of a connection to Mongrel2, from its greeting on.

    Args:
        most_bytes: the longest message that is believed.
        arrived: what a predecessor on the connection has read and not taken; the greetings are over then.
    """

    def __init__(self, most_bytes: int, arrived: bytes | None = None) -> None:
        self.state = State.GREETING if arrived is None else State.OPEN
        self._frames = FrameReader(most_bytes)
        self._greeting = b""
        self._inherited = arrived or b""

    @property
    def buffered(self) -> bytes:
        """What has arrived of a message that is not complete."""
        return self._frames.buffered

    def receive(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with *data*.

        Raises:
            RemoteProtocolError: the peer does not speak as Mongrel2 does.
        """
        if self.state is State.OPEN:
            if self._inherited:
                data, self._inherited = self._inherited + data, b""
            messages = self._frames.receive(data)
            self._frames.commands.clear()  # none that matters to us
            return messages
        if self.state is State.GREETING:
            self._greeting += data
            if len(self._greeting) < len(GREETING):
                return []
            _check_greeting(self._greeting)
            data = self._greeting[len(GREETING) :]
            self.state = State.READY
        messages = self._frames.receive(data)
        if self._frames.commands:
            if not self._frames.commands[0].startswith(b"\5READY"):
                raise RemoteProtocolError(f"expected READY, got {self._frames.commands[0][:60]!r}")
            self.state = State.OPEN
        elif messages:
            raise RemoteProtocolError(f"expected READY before messages, got {messages[0][:60]!r}")
        self._frames.commands.clear()
        return messages


def _check_greeting(greeting: bytes) -> None:
    if greeting[0] != 0xFF or greeting[9] != 0x7F or greeting[10] < 3:
        raise RemoteProtocolError(f"expected the greeting of ZMTP 3, got {greeting[:12]!r}")
    if greeting[_MECHANISM].rstrip(b"\0") != b"NULL":
        raise RemoteProtocolError(f"expected a peer without security, got {greeting[_MECHANISM]!r}")


def _property(name: bytes, value: bytes) -> bytes:
    return b"%c%b%b%b" % (len(name), name, len(value).to_bytes(4, "big"), value)
