"""A plain socket that several greenlets may wait for: sending all of something, receiving some of it, in time."""

from __future__ import annotations

import os
import socket
import struct
from _socket import socket as Socket  # noqa: N812  # the plain one, which no hub has replaced
from collections.abc import Callable
from typing import Protocol

from brubeck_wsgi.concurrency.hub import Greenlet, Hub, current_greenlet
from brubeck_wsgi.gateway.errors import ClientLeft
from brubeck_wsgi.gateway.files import FileRegion
from brubeck_wsgi.gateway.patience import Patience
from brubeck_wsgi.gateway.poller import GONE, READABLE, RESET

AT_ONCE = socket.MSG_DONTWAIT
_MORE_FOLLOWS = AT_ONCE | getattr(socket, "MSG_MORE", 0)
_FILE_BLOCK = 1024 * 1024
_PRECISE_SECONDS = 5.0  # for longer waits, the sweep that comes every second is good enough
_NEVER = float("inf")
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER, for no time


class Clock(Protocol):
    """The scheduler, and the time.

    Attributes:
        hub: the scheduler.
        now: what *clock* said lately.
        clock: seconds that never go back.
    """

    hub: Hub
    now: float
    clock: Callable[[], float]


class Wire:
    """The socket of a connection; whoever has to wait for it is woken by `notice`, which the loop calls.

    Args:
        server: the scheduler, and the time.
        connected: the plain socket.

    Attributes:
        descriptor: of the socket.
        deadline: when `expire_waiting` is to be called, by the server's clock.
        has_left: whether the peer has closed its side, or reset the connection.
        is_reset: whether it has reset the connection, so that nothing can be sent any more.
        persists: whether another request may follow the one that is being answered.
    """

    __slots__ = (
        *("deadline", "descriptor", "has_left", "is_reset", "persists"),
        *("_clock", "_is_pending", "_is_timed_out", "_read_deadline", "_reader", "_socket", "_write_deadline"),
        *("_writer",),
    )

    def __init__(self, server: Clock, connected: Socket) -> None:
        self._clock = server
        self._socket = connected
        self.descriptor = connected.fileno()
        self.has_left = self.is_reset = self._is_timed_out = False
        self._is_pending = False  # whether there may be something to receive, as far as epoll has told
        self.persists = True
        self.deadline = 0.0
        self._reader: Greenlet | None = None
        self._writer: Greenlet | None = None
        self._read_deadline = self._write_deadline = _NEVER

    @property
    def is_waited_for(self) -> bool:
        """Whether a greenlet waits for the socket."""
        return self._reader is not None or self._writer is not None

    def notice(self, flags: int) -> None:
        """Take note of what epoll says, and let those try again that wait; called in the loop."""
        if flags & READABLE:
            self._is_pending = True
        if flags & GONE:
            self._notice_end(flags & RESET != 0)
        writer = self._writer
        if self._reader is not None:
            self._reader.switch()
        if writer is not None and self._writer is writer:
            writer.switch()

    def _notice_end(self, is_reset: bool) -> None:
        self.has_left = True
        self.is_reset = self.is_reset or is_reset

    def expire_waiting(self) -> bool:
        """End the waiting of somebody whose time is over; return whether anybody waits. Called in the loop."""
        if not self.is_waited_for:
            return False
        now = self._clock.now
        for waiter, deadline in ((self._reader, self._read_deadline), (self._writer, self._write_deadline)):
            if waiter is not None and deadline < now and waiter in (self._reader, self._writer):
                self._is_timed_out = True
                waiter.switch()
        return True

    def send(self, data: bytes | memoryview, /) -> None:
        """Send all of *data*; `ClientLeft` if that is not possible."""
        try:
            sent = self._socket.send(data, AT_ONCE)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.has_left = self.is_reset = True
            raise ClientLeft(str(error)) from error
        if sent != len(data):
            self._send_rest(memoryview(data)[sent:])

    def send_parts(self, head: bytes, body: bytes, /) -> None:
        """Send *head* and *body* in as few packets as they need."""
        try:
            sent = self._socket.sendmsg((head, body), (), AT_ONCE)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.has_left = self.is_reset = True
            raise ClientLeft(str(error)) from error
        if sent < len(head):
            self.send(head[sent:])
            self.send(body)
        elif sent - len(head) < len(body):
            self._send_rest(memoryview(body)[sent - len(head) :])

    def send_file(self, head: bytes, region: FileRegion, /) -> None:
        """Send *head* and a part of a file, which the kernel reads."""
        try:
            sent = self._socket.send(head, _MORE_FOLLOWS if region.size else AT_ONCE)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise ClientLeft(str(error)) from error
        if sent != len(head):
            self.send(head[sent:])
        self._socket.setblocking(False)
        offset, end = region.offset, region.offset + region.size
        patience = None
        while offset < end:
            try:
                moved = os.sendfile(self._socket.fileno(), region.descriptor, offset, min(end - offset, _FILE_BLOCK))
            except BlockingIOError:
                patience = patience or Patience()
                self._wait_to_write(patience)
                continue
            except OSError as error:
                self.has_left = self.is_reset = True
                raise ClientLeft(str(error)) from error
            if moved == 0:
                self.persists = False
                raise ClientLeft("the file became shorter while it was sent")
            offset += moved
            if patience is not None:
                patience.moved(moved)

    def _send_rest(self, rest: memoryview) -> None:
        """Send what the kernel did not take at once."""
        patience = Patience()
        while rest:
            self._wait_to_write(patience)
            try:
                sent = self._socket.send(rest, AT_ONCE)
            except BlockingIOError:
                continue
            except OSError as error:
                self.has_left = self.is_reset = True
                raise ClientLeft(str(error)) from error
            patience.moved(sent)
            rest = rest[sent:]

    def receive_some(self, size: int = 65536, timeout_seconds: float | None = None) -> bytes | None:
        """Wait for bytes of an upgraded connection; ``b""`` at its end, None if the time is over."""
        forget = None
        if timeout_seconds is None:
            deadline = _NEVER
        elif timeout_seconds >= _PRECISE_SECONDS:
            deadline = self._clock.now + timeout_seconds
        else:
            deadline = self._clock.clock() + timeout_seconds
            forget = self._clock.hub.later(timeout_seconds, self._expire_reading)
        try:
            if self._is_pending:  # somebody who sends as fast as this receives must not hold up others
                self._clock.hub.sleep(0)
            while self._is_pending or self.has_left or self._wait_to_read(deadline):
                try:
                    data = self._socket.recv(size, AT_ONCE)
                except BlockingIOError:
                    if self.has_left:
                        return b""
                    self._is_pending = False
                except OSError:
                    self.has_left = True
                    return b""
                else:
                    self._is_pending = len(data) == size
                    if not data:
                        self.has_left = True  # which may be known here before the loop has noticed
                    return data
            return None
        finally:
            if forget is not None:
                forget()

    def _expire_reading(self) -> None:
        """End the waiting of who receives; called in the loop."""
        if self._reader is not None:
            self._is_timed_out = True
            self._reader.switch()

    def _wait_to_read(self, deadline: float) -> bool:
        """Wait for something to happen; return False if the deadline came first."""
        self._reader = current_greenlet()
        self._read_deadline = deadline
        self.deadline = deadline if deadline < self._write_deadline else self._write_deadline
        try:
            self._clock.hub.park()
        finally:
            self._reader = None  # the deadlines mean nothing where nobody waits
        if self._is_timed_out:
            self._is_timed_out = False
            return False
        return True

    def _wait_to_write(self, patience: Patience) -> None:
        self._writer = current_greenlet()
        self._write_deadline = patience.begin(self._clock.now)
        self.deadline = min(self._read_deadline, self._write_deadline)
        try:
            self._clock.hub.park()
        finally:
            self._writer = None
            self._write_deadline = _NEVER
            self.deadline = self._read_deadline
        patience.end(self._clock.now)
        is_timed_out, self._is_timed_out = self._is_timed_out, False
        if is_timed_out:
            self.has_left = self.is_reset = True
            # Closed in order, the kernel would keep what it has taken until the peer reads it.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            raise ClientLeft("the client does not read what it is sent")
