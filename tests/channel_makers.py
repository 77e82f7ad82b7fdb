"""Channels of each kind, in pairs: what is published on one side is received on the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from brubeck_wsgi.channels import Channels, MemoryChannels, RedisChannels, ZMQChannels
from brubeck_wsgi.concurrency import sleep

PATIENCE_SECONDS = 20


@contextmanager
def memory_pair(**options: Any) -> Iterator[tuple[Channels, Channels]]:
    """Yield the same channels twice: there is one process."""
    channels = MemoryChannels(**options)
    yield channels, channels
    channels.close()


@contextmanager
def zmq_pair(directory: Path, **options: Any) -> Iterator[tuple[Channels, Channels]]:
    """Yield two that meet in *directory*."""
    pair = ZMQChannels(directory=directory, **options), ZMQChannels(directory=directory, **options)
    try:
        for channels in pair:
            channels.members("nobody")  # has it begin
        yield pair
    finally:
        for channels in pair:
            channels.close()


@contextmanager
def redis_pair(url: str, **options: Any) -> Iterator[tuple[Channels, Channels]]:
    """Yield two with a client each, and an empty database."""
    clients = redis.Redis.from_url(url), redis.Redis.from_url(url)
    clients[0].flushdb()
    pair = RedisChannels(clients[0], **options), RedisChannels(clients[1], **options)
    try:
        yield pair
    finally:
        for channels in pair:
            channels.close()
        for client in clients:
            client.close()


def wait_until(is_reached: Callable[[], Any], what: str) -> None:
    """Ask until *is_reached*; fail when the deadline passes before that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_reached():
        assert time.monotonic() < deadline, f"no {what} in {PATIENCE_SECONDS} seconds"
        sleep(0.01)
