"""The sockets of a process among others over ZeroMQ: it publishes at one place, and listens to all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import zmq

_HIGH_WATER = 20_000  # messages for one other process that does not take them; what is more it has to ask for
_MOST_BYTES = 64 * 1024 * 1024
_LINGER_MILLISECONDS = 1000
_RECONNECT_MILLISECONDS = 50
_MOST_RECONNECT_MILLISECONDS = 2000
_HEARTBEAT_MILLISECONDS = 5000


class Wire:
    """One process's sockets.

    `publish` and `subscribed` use one, which several threads may do only one after the other; all else the other.
    """

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._publisher = self._context.socket(zmq.XPUB)
        self._publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._publisher.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        self._publisher.setsockopt(zmq.LINGER, _LINGER_MILLISECONDS)
        self._listener = self._context.socket(zmq.SUB)
        self._listener.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        self._listener.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
        self._listener.setsockopt(zmq.LINGER, 0)
        self._listener.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MILLISECONDS)
        self._listener.setsockopt(zmq.RECONNECT_IVL_MAX, _MOST_RECONNECT_MILLISECONDS)
        for socket in (self._publisher, self._listener):  # a cable that is cut closes no connection
            socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MILLISECONDS)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 2 * _HEARTBEAT_MILLISECONDS)

    @property
    def descriptors(self) -> list[int]:
        """What can be read when there may be something to take."""
        return [cast(int, socket.getsockopt(zmq.FD)) for socket in (self._publisher, self._listener)]

    def bind(self, endpoint: str) -> bool:
        """Publish at *endpoint*; return whether that is possible."""
        try:
            self._publisher.bind(endpoint)
        except zmq.ZMQError:
            return False
        return True

    def publish(self, topic: bytes, body: bytes) -> None:
        """Send to all who have subscribed to *topic*; who does not take it in time misses it."""
        self._publisher.send_multipart((topic, body), zmq.NOBLOCK)

    def subscribed(self) -> Iterator[tuple[bool, bytes]]:
        """Yield what others have done: whether they subscribed or stopped it, and the topic."""
        while True:
            try:
                message = self._publisher.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            yield message[:1] == b"\1", message[1:]

    def connect(self, endpoint: str) -> None:
        """Listen to a process, as soon as it is there."""
        self._listener.connect(endpoint)

    def disconnect(self, endpoint: str) -> None:
        """Listen to it no more."""
        self._listener.disconnect(endpoint)

    def subscribe(self, topic: bytes) -> None:
        """Hear what begins with *topic*, from all."""
        self._listener.setsockopt(zmq.SUBSCRIBE, topic)

    def unsubscribe(self, topic: bytes) -> None:
        """Stop that."""
        self._listener.setsockopt(zmq.UNSUBSCRIBE, topic)

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield topic and body of what has come, *most* of it at a time."""
        for _ in range(most):
            try:
                message = self._listener.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(message) == 2:
                yield message[0], message[1]

    def close(self) -> None:
        """End; what has been published is still sent, which may take a second."""
        self._listener.close()
        self._publisher.close()
        self._context.term()
