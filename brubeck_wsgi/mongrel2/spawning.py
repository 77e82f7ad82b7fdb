"""Gunicorn's master and the switchboard: it is started before the first worker, and told of each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from brubeck_wsgi.mongrel2.settings import Front
from brubeck_wsgi.mongrel2.streams import Stream


class _Started:
    """A switchboard that was started, as the master sees it."""

    def __init__(self, fronts: Sequence[Front]) -> None:
        self.fronts = tuple(fronts)
        self._control, theirs = socket.socketpair()
        addresses = [address for front in fronts for address in front]
        command = [sys.executable, "-m", "brubeck_wsgi.mongrel2.switchboard", str(theirs.fileno()), *addresses]
        with theirs:
            # Not waited for: Gunicorn's master collects all of its children.
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603  # no shell, and our own words

    def add_worker(self) -> socket.socket | None:
        """Return the worker's end of a new connection; None if the switchboard has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [b"w"], [theirs.fileno()])
            except OSError:
                ours.close()
                return None
        return ours

    def close(self) -> None:
        """Let it end when its workers have gone."""
        self._control.close()


_started: _Started | None = None
_links: list[socket.socket] = []
_is_prepared = False


def new_link(fronts: Sequence[Front]) -> socket.socket:
    """Return a worker's connection to the switchboard of these fronts, which is started if need be.

    Called in the master before it forks; the connection is the child's, and closed in the master after the fork.
    """
    global _started, _is_prepared
    if not _is_prepared:
        os.register_at_fork(after_in_parent=_close_links, after_in_child=_close_control)
        _is_prepared = True
    if _started is not None and _started.fronts != tuple(fronts):
        _started.close()
        _started = None
    link = _started.add_worker() if _started is not None else None
    if link is None:
        _started = _Started(fronts)
        link = _started.add_worker()
        assert link is not None
    _links.append(link)
    return link


def take_stream(link: socket.socket) -> Stream:
    """Return a worker's connection as a stream, in the worker."""
    from _socket import socket as Socket  # noqa: N812

    with suppress(ValueError):
        _links.remove(link)
    return Stream(Socket(link.family, link.type, 0, link.detach()))


def _close_links() -> None:
    """In the master: what is open here too would keep the switchboard from seeing that a worker has ended."""
    while _links:
        _links.pop().close()


def _close_control() -> None:
    """In a worker: the switchboard is the master's."""
    if _started is not None:
        _started.close()
