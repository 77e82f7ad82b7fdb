"""Clients of an event stream that come back with the last id, as a browser does, whatever happens to the server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence

import msgspec
from servers import DEADLINE_SECONDS

_PAUSE_SECONDS = 0.05


class Follower:
    """Follows ``/stream`` in a thread of its own.

    Args:
        ports: of servers; each time it connects to the next one.

    Attributes:
        heard: the data of all events.
        pids: of the processes that it was served by, by the comments of their first events.
        is_connected: whether it hears what is published now.
    """

    def __init__(self, *ports: int) -> None:
        self.heard: list[object] = []
        self.pids: list[int] = []
        self.is_connected = threading.Event()
        self._ports: Sequence[int] = ports
        self._last_id: str | None = None
        self._is_over = threading.Event()
        self._client: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop to follow."""
        self._is_over.set()
        client = self._client
        if client is not None and client.sock is not None:
            client.sock.shutdown(2)
        self._thread.join(DEADLINE_SECONDS)

    def _run(self) -> None:
        turn = 0
        while not self._is_over.is_set():
            port = self._ports[turn % len(self._ports)]
            turn += 1
            self._client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
            try:
                self._follow(self._client)
            except (OSError, http.client.HTTPException, ValueError):
                pass  # the server, or its worker, has gone
            finally:
                self.is_connected.clear()
                self._client.close()
            self._is_over.wait(_PAUSE_SECONDS)  # as a browser waits before it comes back

    def _follow(self, client: http.client.HTTPConnection) -> None:
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        client.request("GET", "/stream", headers=headers)
        response = client.getresponse()
        identity, data = None, []
        while line := response.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                identity = value
            elif name == "data":
                data.append(value)
            elif name == "" and value.isdigit():
                self.pids.append(int(value))
            elif not name and not value:  # a blank line ends the event; one without data has an id all the same
                if identity is not None:
                    self._last_id = identity
                    self.is_connected.set()
                if data:
                    self.heard.append(msgspec.json.decode("\n".join(data)))
                identity, data = None, []
