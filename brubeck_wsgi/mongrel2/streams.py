"""Connections that never block: to Mongrel2 over ZMTP, and between the processes of one machine.

What does not fit into the kernel stays here until it does; nothing is dropped. Who owns a connection calls it when
its descriptor is ready, in whatever loop.
"""

from __future__ import annotations

import errno
import os
import socket as names  # its constants only; what is called is the plain one, which no hub has replaced
from _socket import getaddrinfo
from _socket import socket as Socket  # noqa: N812
from collections import deque
from enum import Enum
from typing import Any

from brubeck_wsgi.protocols import zmtp

_READ_BYTES = 256 * 1024
_JOINED = 64 * 1024
_NOW = names.MSG_DONTWAIT
_CLOEXEC = getattr(names, "SOCK_CLOEXEC", 0)
MOST_MESSAGE_BYTES = 64 * 1024 * 1024
"""The longest message that is believed; far above ``limits.content_length`` and a head."""


class Stream:
    """A connected socket.

    Args:
        connected: a plain socket; closed with the stream.

    Attributes:
        backlog: how many bytes wait to be sent.
    """

    def __init__(self, connected: Socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._waiting: deque[bytes | memoryview] = deque()
        self.backlog = 0

    def fileno(self) -> int:
        """Return the descriptor; -1 once closed."""
        return self._socket.fileno()

    def queue(self, data: bytes) -> None:
        """Have *data* sent with the next `flush`."""
        self._waiting.append(data)
        self.backlog += len(data)

    def flush(self) -> bool:
        """Send what can be sent at once; return whether that was all.

        Raises:
            OSError: the connection has ended.
        """
        waiting = self._waiting
        while waiting:
            data = waiting[0]
            if len(waiting) > 1 and len(data) < _JOINED:
                data = self._join()
            try:
                sent = self._socket.send(data, _NOW)
            except BlockingIOError:
                return False
            self.backlog -= sent
            if sent == len(data):
                waiting.popleft()
            else:
                waiting[0] = memoryview(data)[sent:]
        return True

    def receive(self) -> bytes | None:
        """Return bytes that have arrived; None if there are none, ``b""`` at the end.

        Raises:
            OSError: the connection was reset.
        """
        try:
            return self._socket.recv(_READ_BYTES, _NOW)
        except BlockingIOError:
            return None

    def shut_down_sending(self) -> None:
        """Say that nothing more will be sent; what the peer has sent by then still arrives."""
        self._socket.shutdown(names.SHUT_WR)

    def close(self) -> None:
        """End the connection; what the kernel has still arrives."""
        self._socket.close()

    def _join(self) -> bytes:
        """Make one of the first parts: a system call costs more than a copy."""
        waiting = self._waiting
        parts: list[bytes | memoryview] = []
        size = 0
        while waiting and size + len(waiting[0]) <= _JOINED * 2:
            part = waiting.popleft()
            parts.append(part)
            size += len(part)
        joined = b"".join(parts)
        waiting.appendleft(joined)
        return joined


class Stage(Enum):
    """How far a connection to Mongrel2 has come."""

    CONNECTING = "connecting"
    GREETING = "waiting for the greeting"
    OPEN = "exchanging messages"


class FrontStream(Stream):
    """A connection to a socket of Mongrel2's, from the attempt to connect on.

    Args:
        address: ``"tcp://127.0.0.1:9997"`` or ``"ipc://path"``.
        socket_type: ``b"PULL"`` or ``b"PUB"``.

    Raises:
        OSError: there is nothing to connect to.
    """

    def __init__(self, address: str, socket_type: bytes) -> None:
        super().__init__(_begin_to_connect(address))
        self.stage = Stage.CONNECTING
        self._peer = zmtp.Peer(MOST_MESSAGE_BYTES)
        super().queue(zmtp.GREETING + zmtp.ready(socket_type))

    @property
    def is_open(self) -> bool:
        """Whether messages can be exchanged."""
        return self.stage is Stage.OPEN

    def queue(self, data: bytes) -> None:
        """Have a message sent with the next `flush`."""
        super().queue(zmtp.frame(data))

    def flush(self) -> bool:
        """Go on connecting, or send what can be sent at once; return whether all of it was done.

        Raises:
            OSError: the connection could not be made, or has ended.
        """
        if self.stage is Stage.CONNECTING:
            problem = self._socket.getsockopt(names.SOL_SOCKET, names.SO_ERROR)
            if problem:
                raise OSError(problem, os.strerror(problem))
            try:
                self._socket.getpeername()
            except OSError as error:
                if error.errno != errno.ENOTCONN:
                    raise
                return False
            self.stage = Stage.GREETING
        return super().flush()

    def read(self) -> list[bytes] | None:
        """Return messages that have arrived; None if nothing has.

        Raises:
            OSError: the connection has ended.
            RemoteProtocolError: the peer does not speak as Mongrel2 does.
        """
        data = self.receive()
        if data is None:
            return None
        if not data:
            raise ConnectionResetError("Mongrel2 has closed the connection")
        messages = self._peer.receive(data)
        if self._peer.state is zmtp.State.OPEN:
            self.stage = Stage.OPEN
        return messages


def _begin_to_connect(address: str) -> Socket:
    scheme, _, place = address.partition("://")
    if scheme == "ipc":
        connecting = Socket(names.AF_UNIX, names.SOCK_STREAM | _CLOEXEC)
        target: Any = place
    else:
        host, _, port = place.rpartition(":")
        family, _, _, _, target = getaddrinfo(host.strip("[]"), port, 0, names.SOCK_STREAM)[0]
        connecting = Socket(family, names.SOCK_STREAM | _CLOEXEC)
        connecting.setsockopt(names.IPPROTO_TCP, names.TCP_NODELAY, 1)
    connecting.setblocking(False)
    problem = connecting.connect_ex(target)
    if problem not in (0, errno.EINPROGRESS):
        connecting.close()
        raise OSError(problem, os.strerror(problem))
    return connecting
