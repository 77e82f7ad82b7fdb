"""The switchboard: holds the connections to Mongrel2, and passes its messages on to the workers.

A process that takes requests from Mongrel2 cannot leave without losing some: Mongrel2 goes on sending to it for a
while, and neither notices nor tells anybody. So the workers of Gunicorn, which come and go, do not take them. This
process does, and stays. It has nothing of the application in it, knows who has what in hand, and answers for a
worker that was killed. Workers send their answers to Mongrel2 directly.

It is started by Gunicorn's master, and ends when the master and the last worker have gone.
"""

from __future__ import annotations

import logging
import os
import signal
import socket as names  # its constants and receiving descriptors
import sys
import time
from _socket import socket as Socket  # noqa: N812
from collections.abc import Sequence
from contextlib import suppress

from brubeck_wsgi.mongrel2.frontline import FrontLine
from brubeck_wsgi.mongrel2.loop import READ, WRITE, Loop
from brubeck_wsgi.mongrel2.notes import END, Note
from brubeck_wsgi.mongrel2.roster import Member, Roster
from brubeck_wsgi.mongrel2.settings import Front, make_fronts
from brubeck_wsgi.mongrel2.streams import Stream
from brubeck_wsgi.protocols import zmtp
from brubeck_wsgi.protocols.errors import RemoteProtocolError

logger = logging.getLogger("brubeck.mongrel2")

_TICK_SECONDS = 0.1
_FAREWELL_SECONDS = 1.0
_CHOKED_BYTES = 4 * 1024 * 1024
_MOST_NOTES_BYTES = 16 * 1024 * 1024
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Switchboard:
    """The fronts, the workers, and the master.

    Args:
        fronts: where to connect.
        control: the way from the master: it sends the ends of the workers' connections.
    """

    def __init__(self, fronts: Sequence[Front], control: Socket) -> None:
        self.loop = Loop()
        self.roster = Roster()
        self._fronts = [FrontLine(front, self.loop, self.roster, self._send) for front in fronts]
        self._workers: dict[Member, _WorkerLine] = {}
        self._touched: set[_WorkerLine] = set()
        self._control = control
        self._has_master = True
        control.setblocking(False)
        self.loop.watch(control.fileno(), self)

    def run(self) -> None:
        """Pass messages on until master and workers have gone."""
        due = 0.0
        while self._has_master or self._workers:
            self.loop.run_once(_TICK_SECONDS)
            now = time.monotonic()
            self._settle()
            if now >= due:
                due = now + _TICK_SECONDS
                for front in self._fronts:
                    front.tick(now)
                self._settle()
        self._say_farewell()

    def on_events(self, may_read: bool, may_write: bool) -> None:
        """Take what the master sends."""
        try:
            data, descriptors = _receive_descriptors(self._control)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            connected = Socket(names.AF_UNIX, names.SOCK_STREAM, 0, descriptor)
            line = _WorkerLine(self, connected)
            self._workers[line.member] = line
            self.roster.join(line.member)
        if not data:
            self._has_master = False
            self.loop.forget(self._control.fileno())
            self._control.close()

    # -- for the lines of workers

    def take_note(self, line: _WorkerLine, note: bytes) -> None:
        """Do what a worker says."""
        member = line.member
        kind, rest = note[:1], note[1:]
        if kind == Note.DONE:
            self.roster.done(member, rest)
        elif kind == Note.BEGUN:
            self.roster.begun(member, rest)
        elif kind == Note.UPGRADED:
            self.roster.upgraded(member, rest)
        elif kind == Note.READY:
            member.identities.add(rest)
        elif kind == Note.GONE:
            member.identities.discard(rest)
        elif kind == Note.LIMIT:
            member.most = int(rest)
        elif kind == Note.LEAVING:
            member.is_leaving = True
        if member.is_leaving and member.is_done and not line.has_ended:
            line.has_ended = True
            line.stream.queue(zmtp.command(END))
            self.touch(line)

    def touch(self, line: _WorkerLine) -> None:
        """Have what was queued for a worker sent, when all that has arrived is dealt with."""
        self._touched.add(line)

    def lose(self, line: _WorkerLine) -> None:
        """Answer for a worker that has gone."""
        del self._workers[line.member]
        self._touched.discard(line)
        lost = self.roster.leave(line.member)
        for front in self._fronts:
            front.apologize([(key, has_begun) for identity, key, has_begun in lost if identity == front.identity])
        if lost:
            logger.error("a worker has ended with %s requests in hand", len(lost))

    def _send(self, member: Member, data: bytes) -> None:
        line = self._workers[member]
        line.stream.queue(zmtp.frame(data))
        self._touched.add(line)

    def _settle(self) -> None:
        """Send what has been passed on, and go on with what waits for room."""
        for front in self._fronts:
            front.settle()
        while self._touched:
            self._touched.pop().flush()

    def _say_farewell(self) -> None:
        """Have Mongrel2 send nothing more, and answer what it has sent: there is nobody left to do it."""
        for front in self._fronts:
            front.begin_farewell()
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while time.monotonic() < deadline and not all(front.has_said_farewell for front in self._fronts):
            self.loop.run_once(_TICK_SECONDS / 10)


class _WorkerLine:
    """The connection to a worker."""

    def __init__(self, board: Switchboard, connected: Socket) -> None:
        self.member = Member(0)
        self.stream = Stream(connected)
        self.has_ended = False
        self._board = board
        self._frames = zmtp.FrameReader(_MOST_NOTES_BYTES)
        board.loop.watch(self.stream.fileno(), self)

    def on_events(self, may_read: bool, may_write: bool) -> None:
        if may_read:
            try:
                data = self.stream.receive()
                notes = self._frames.receive(data) if data else []
            except (OSError, RemoteProtocolError):
                data, notes = b"", []
            for batch in notes:
                for note in batch.split(b"\n"):
                    self._board.take_note(self, note)
            if data == b"":
                self._end()
                return
        if may_write:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        try:
            is_all = self.stream.flush()
        except OSError:
            is_all = True  # that it has gone, reading will tell
        self.member.is_choked = self.stream.backlog > _CHOKED_BYTES
        if self.stream.fileno() >= 0:
            self._board.loop.watch(self.stream.fileno(), self, READ if is_all else READ | WRITE)

    def _end(self) -> None:
        self._board.loop.forget(self.stream.fileno())
        self.stream.close()
        self._board.lose(self)


def _receive_descriptors(control: Socket) -> tuple[bytes, list[int]]:
    size = names.CMSG_SPACE(16 * 4)
    data, ancillary, _, _ = control.recvmsg(16, size)
    descriptors: list[int] = []
    for level, kind, payload in ancillary:
        if level == names.SOL_SOCKET and kind == names.SCM_RIGHTS:
            whole = len(payload) - len(payload) % 4
            descriptors.extend(int.from_bytes(payload[at : at + 4], sys.byteorder) for at in range(0, whole, 4))
    return data, descriptors


def main() -> None:
    """Run the switchboard: the descriptor of the control connection, then addresses in pairs, are its arguments."""
    for number in _IGNORED:  # it ends when those have gone that it works for
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s [%(process)d] [%(levelname)s] %(message)s")
    control = Socket(names.AF_UNIX, names.SOCK_STREAM, 0, int(sys.argv[1]))
    addresses = sys.argv[2:]
    with suppress(OSError):
        os.set_inheritable(control.fileno(), False)
    Switchboard(make_fronts(addresses[::2], addresses[1::2]), control).run()


if __name__ == "__main__":
    main()
