"""Clients of `apps.talking_app` that go on talking, and come back with their last position, whatever happens to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any
from urllib.parse import quote

import msgspec
from apps.talking_app import PUBLISHED_EACH
from servers import DEADLINE_SECONDS
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

_PAUSE_SECONDS = 0.02
_SIZES = (0, 10, 3000, 0, 100_000)  # of what is said: within one packet, above what is compressed, in many packets
_SHORTEST_ECHO = "{"


class Talker:
    """One client.

    Attributes:
        name: of it.
        comes_back: whether it connects again when its connection has ended.
        is_quiet: whether it says nothing more.
        pids: of the processes that it was connected to.
        closes: how its connections ended: the server's close code, None if it said none; or what was wrong with it.
        failures: of attempts to connect.
        echoed: the numbers that were answered.
        wrong: answers that were not what was asked.
        heard: (pid, name, number) of what others, and it, have published.
        is_complete: whether it has missed nothing, by the server's word.
    """

    def __init__(self, port: int, name: str, is_compressed: bool) -> None:
        self.name = name
        self.comes_back = True
        self.is_quiet = False
        self.is_complete = True
        self.pids: list[int] = []
        self.closes: list[Any] = []
        self.failures: list[str] = []
        self.echoed: list[int] = []
        self.wrong: list[str] = []
        self.heard: list[tuple[int, str, int]] = []
        self._address = f"ws://127.0.0.1:{port}/talk/{name}?after="
        self._compression = "deflate" if is_compressed else None
        self._position = "0"
        self._numbers = count(1)
        self._connection: ClientConnection | None = None
        self._asked = ""
        self._answered = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether it has an open connection."""
        return self._connection is not None

    @property
    def published(self) -> set[int]:
        """The numbers that have been published for certain."""
        return {number for number in self.echoed if number % PUBLISHED_EACH == 0}

    async def run(self) -> None:
        """Talk, and connect again and again."""
        while True:
            try:
                options: Any = {"compression": self._compression, "ping_interval": None, "proxy": None}
                async with connect(self._address + quote(self._position), **options) as connection:
                    await self._talk(connection)
            except (OSError, EOFError, InvalidHandshake) as error:
                self.failures.append(repr(error))
            if not self.comes_back:
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def close(self) -> None:
        """Leave for good."""
        self.comes_back = False
        if self._connection is not None:
            await self._connection.close()

    async def _talk(self, connection: ClientConnection) -> None:
        saying = None
        try:
            welcome = msgspec.json.decode(await connection.recv())
            self.pids.append(welcome["pid"])
            self.is_complete &= welcome["is_complete"]
            self._connection = connection
            saying = asyncio.create_task(self._say(connection))
            while True:
                self._take(str(await connection.recv()))
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                self.closes.append(None if closed.sent is None else str(closed.sent))
            else:
                self.closes.append(closed.rcvd.code)
        finally:
            self._connection = None
            if saying is not None:
                saying.cancel()

    async def _say(self, connection: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while not self.is_quiet:
                number = next(self._numbers)
                self._answered.clear()
                self._asked = f"{number} {'x' * _SIZES[number % len(_SIZES)]}"
                await connection.send(self._asked)
                await self._answered.wait()
                await asyncio.sleep(_PAUSE_SECONDS)

    def _take(self, text: str) -> None:
        if text.startswith(_SHORTEST_ECHO):
            message = msgspec.json.decode(text)
            self.heard.append(tuple(message["heard"]))
            self._position = message["position"]
            return
        if text == self._asked:
            self.echoed.append(int(text.partition(" ")[0]))
        else:
            self.wrong.append(text[:50])
        self._answered.set()


@contextmanager
def talking(port: int, number: int) -> Iterator[list[Talker]]:
    """Have so many talkers, in one thread; every other compresses."""
    talkers = [Talker(port, f"talker{index}", index % 2 == 1) for index in range(number)]
    loop = asyncio.new_event_loop()
    is_over = asyncio.Event()

    async def close() -> None:
        await is_over.wait()
        await asyncio.gather(*(talker.close() for talker in talkers))

    async def run() -> None:
        await asyncio.gather(close(), *(talker.run() for talker in talkers))

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        yield talkers
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()
        loop.close()
