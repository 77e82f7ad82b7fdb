"""The way to Mongrel2 over pyzmq: requests from a PULL socket, answers through an XPUB socket."""

from __future__ import annotations

import os
from _socket import SHUT_WR
from _socket import socket as Socket  # noqa: N812
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

import zmq
from zmq.utils.monitor import parse_monitor_message

from brubeck_wsgi.mongrel2.door import Door
from brubeck_wsgi.mongrel2.settings import Front

MOST_MESSAGE_BYTES = 64 * 1024 * 1024
"""The longest message that is believed; far above ``limits.content_length`` and a head."""

_LINGER_MILLISECONDS = 2000
_RECONNECT_MILLISECONDS = 500  # time enough to read all when the connection has been ended here
_AFTERMATH_SECONDS = 0.1
_BATCH = 256
_PEEKED = 64
_TOGETHER_SECONDS = 0.0005


class _Run:
    """One run of one Mongrel2; see `brubeck_wsgi.mongrel2.front.Front`."""

    is_full = False  # ZeroMQ keeps what Mongrel2 has not taken

    def __init__(self, publish: Callable[[bytes], None]) -> None:
        self.is_alive = True
        self._publish = publish

    def wait(self) -> None:
        """Do nothing."""

    def publish(self, message: bytes, /) -> None:
        if self.is_alive:
            self._publish(message)


class Wire:
    """The sockets to one Mongrel2.

    Requests are not asked for before Mongrel2 has subscribed to the answers: the first would be lost.

    Args:
        context: of ZeroMQ.
        front: the addresses.
        door: takes the messages.
        lock: held while the socket for answers is used, where threads use it; None for greenlets.

    Attributes:
        replies, requests: the sockets.
        is_leaving: whether no more requests are wanted.
        has_left: whether none comes any more.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        front: Front,
        door: Door,
        lock: AbstractContextManager[object] | None,
    ) -> None:
        self._front = front
        self._door = door
        self._lock = nullcontext() if lock is None else lock
        self._joins = lock is None
        self._outgoing: list[bytes] | None = None
        self._flushed = 0.0
        self._is_connected = False
        self.is_leaving = self.has_left = False
        replies = self.replies = context.socket(zmq.XPUB)
        replies.setsockopt(zmq.IMMEDIATE, 1)  # or what is sent while Mongrel2 is down goes to its successor
        replies.setsockopt(zmq.SNDHWM, 0)  # or what is sent in a burst is dropped in silence
        replies.setsockopt(zmq.LINGER, _LINGER_MILLISECONDS)
        replies.connect(front.send)
        requests = self.requests = context.socket(zmq.PULL)
        requests.setsockopt(zmq.MAXMSGSIZE, MOST_MESSAGE_BYTES)
        requests.setsockopt(zmq.LINGER, 0)
        requests.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MILLISECONDS)
        self._monitor = requests.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED)
        self._descriptor: int | None = None
        self._ended: float | None = None
        self._runs: dict[bytes, _Run] = {}

    def look_for_subscriptions(self) -> None:
        """Find out whether Mongrel2 has come or gone; called when something may have happened."""
        if self.replies.closed:
            return

        self._watch_connection()
        while True:
            try:
                with self._lock:
                    message = self.replies.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            identity = message[1:]
            known = self._runs.pop(identity, None)
            if known is not None:
                self._door.front_closed(identity)
            if message[:1] == b"\1":
                run = self._runs[identity] = _Run(self._publish)
                self._door.front_opened(identity, run)
                if not self._is_connected:
                    self._is_connected = True
                    self.requests.connect(self._front.recv)

    def receive(self, is_peek: bool = False) -> bool:
        """Take what has arrived, up to a batch; return whether there may be more to take.

        Args:
            is_peek: take a few even if there is no room, since notices may be among them.
        """
        door = self._door
        receive, nowait, take = self.requests.recv, zmq.NOBLOCK, door.take
        if self._joins:
            self._outgoing = []
            self._flushed = door.clock()
        may_be_more = True
        for _ in range(_PEEKED if is_peek else _BATCH):
            if not (is_peek or door.has_room):
                may_be_more = False
                break
            try:
                data = receive(nowait)
            except zmq.Again:
                may_be_more = False
                break
            take(data)
        door.run()
        if self._joins:
            self._flush()
            self._outgoing = None
        return may_be_more

    def begin_to_leave(self) -> None:
        """Have Mongrel2 send nothing more, as far as ZeroMQ lets us.

        Its sockets cannot say that. But the connection below can be ended from this side: what Mongrel2 has sent by
        then still arrives, and it gives this handler no turn from then on. What it does in the moment between, for
        up to a millisecond, is lost: hence the workers, which do without ZeroMQ's sockets.
        """
        self.is_leaving = True
        self._watch_connection()
        if self._descriptor is not None:
            with suppress(OSError):
                _end_sending(self._descriptor)

    def take_rest(self) -> None:
        """Take what still comes; soon after the connection has ended, that was all."""
        self._watch_connection()
        now = self._door.clock()
        if self._descriptor is None and self._ended is None:
            self._ended = now
        while self.receive(is_peek=True):
            pass
        # ZeroMQ tells of the end a moment before it hands out what it has read last.
        self.has_left = self._ended is not None and now - self._ended > _AFTERMATH_SECONDS

    def broadcast(self, message: bytes) -> None:
        """Send a message as it is."""
        self._publish(message)

    def has_identity(self, identity: bytes) -> bool:
        """Tell whether the Mongrel2 with this identity is at the other end."""
        return any(identity.startswith(known) for known in self._runs)

    def close(self) -> None:
        """End; answers that have been sent still arrive."""
        self.requests.disable_monitor()
        self._monitor.close()
        self.requests.close()
        with self._lock:
            self.replies.close()

    def _watch_connection(self) -> None:
        """Find out which descriptor ZeroMQ reads requests from."""
        with suppress(zmq.Again):
            while True:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
                self._descriptor = event["value"] if event["event"] == zmq.EVENT_CONNECTED else None

    def _publish(self, message: bytes) -> None:
        if self._outgoing is None:
            with self._lock:
                self.replies.send(message, zmq.NOBLOCK)
            return
        # Together with others: ZeroMQ's own thread is woken once for all, and each time costs as much as an answer.
        self._outgoing.append(message)
        now = self._door.clock()
        if now - self._flushed > _TOGETHER_SECONDS:
            self._flushed = now
            self._flush()

    def _flush(self) -> None:
        send, nowait = self.replies.send, zmq.NOBLOCK
        outgoing, self._outgoing = self._outgoing, []
        for message in outgoing or ():
            send(message, nowait)  # it is never full


def _end_sending(descriptor: int) -> None:
    connection = Socket(fileno=os.dup(descriptor))
    try:
        connection.shutdown(SHUT_WR)
    finally:
        connection.close()
