"""Channels between the workers of real servers, also while workers are killed and replaced."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack, contextmanager

import pytest
import redis
from channel_makers import wait_until
from followers import Follower
from redis_server import running_redis
from servers import ROOT, _descendants, free_port, running

from brubeck_wsgi.channels import RedisChannels, ZMQChannels

pytestmark = pytest.mark.serving

PAUSE_SECONDS = 0.002


@contextmanager
def serving(workers=4, hub="Gevent", arguments=(), **variables):
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", f"brubeck_wsgi.workers.{hub}Worker", "-w", str(workers)]
    command += ["-b", f"127.0.0.1:{port}", "--graceful-timeout", "2", *arguments]
    command.append("tests.apps.channels_app:app")
    with running(command, port, PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}", **variables) as server:
        yield server


@contextmanager
def following(count, *ports):
    """Have followers that are connected."""
    followers = [Follower(*ports) for _ in range(count)]
    try:
        for follower in followers:
            assert follower.is_connected.wait(30)
        yield followers
    finally:
        for follower in followers:
            follower.close()


@contextmanager
def publishing(channels):
    """Publish numbers from 0 in a thread, and yield the list of them, until the end."""
    published = []
    is_over = threading.Event()

    def publish():
        while not is_over.wait(PAUSE_SECONDS):
            channels.publish("news", len(published))
            published.append(len(published))

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield published
    finally:
        is_over.set()
        thread.join(30)


def workers_of(server):
    return _descendants(server.process.pid)


def wait_until_all_hear_news(followers, published):
    """Wait until each follower has heard something that is published from now on."""
    now = len(published)
    wait_until(lambda: all(follower.heard and follower.heard[-1] > now for follower in followers), "news for all")


def without_repetitions(heard):
    """Leave out what was heard twice: after a change of workers that may be."""
    return list(dict.fromkeys(heard))


@pytest.mark.parametrize("hub", ["Gevent", "Eventlet"])
def test_message_reaches_the_clients_of_all_workers_without_any_configuration(hub):
    # None of the three has room for all.
    arguments = "--worker-connections", "10"
    with serving(3, hub, arguments) as server, following(24, server.port) as followers:
        workers = {follower.pids[0] for follower in followers}
        ids = [server_post(server, f"data={number}") for number in range(20)]

        wait_until(lambda: all(len(follower.heard) >= 20 for follower in followers), "all messages")

    assert len(set(ids)) == 20
    assert len(workers) > 1
    assert all(sorted(follower.heard, key=int) == [str(number) for number in range(20)] for follower in followers)


def test_clients_of_a_killed_worker_lose_nothing_when_they_come_back(tmp_path):
    directory = tmp_path / "sockets"
    channels = ZMQChannels(directory=directory, history=10_000)
    try:
        with (
            serving(3, CHANNELS_DIRECTORY=str(directory)) as server,
            following(12, server.port) as followers,
            publishing(channels) as published,
        ):
            for _ in range(2):
                os.kill(followers[0].pids[-1], signal.SIGKILL)
                wait_until_all_hear_news(followers, published)
        assert_all_was_heard(followers, published)
    finally:
        channels.close()


def test_clients_lose_nothing_while_all_workers_are_replaced(tmp_path):
    directory = tmp_path / "sockets"
    channels = ZMQChannels(directory=directory, history=10_000)
    try:
        with (
            serving(2, CHANNELS_DIRECTORY=str(directory)) as server,
            following(8, server.port) as followers,
            publishing(channels) as published,
        ):
            before = set(workers_of(server))
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not before & set(workers_of(server)), "end of the old workers")
            wait_until_all_hear_news(followers, published)
        assert_all_was_heard(followers, published)
    finally:
        channels.close()


def test_member_of_a_killed_worker_goes_by_itself():
    with serving(2) as server:
        client = server.connect()
        client.request("GET", "/present/ann")
        pid = int(client.getresponse().readline())
        wait_until(lambda: b"ann" in server.get("/members")[1], "member")

        os.kill(pid, signal.SIGKILL)

        wait_until(lambda: b"ann" not in server.get("/members")[1], "end of the member")
        client.close()


def test_member_goes_with_its_client():
    with serving(1) as server:
        client = server.connect()
        client.request("GET", "/present/ann")
        response = client.getresponse()
        response.readline()
        assert b"ann" in server.get("/members")[1]

        response.close()
        client.close()

        wait_until(lambda: b"ann" not in server.get("/members")[1], "end of the member")


@pytest.mark.redis
def test_clients_of_two_servers_lose_nothing_through_redis_while_workers_are_killed():
    with ExitStack() as stack:
        url = stack.enter_context(running_redis())
        servers = [stack.enter_context(serving(2, REDIS_URL=url)) for _ in range(2)]
        client = stack.enter_context(redis.Redis.from_url(url))
        channels = RedisChannels(client, history=10_000)
        with following(10, *(server.port for server in servers)) as followers, publishing(channels) as published:
            for server in (*servers, *servers):
                os.kill(workers_of(server)[0], signal.SIGKILL)
                wait_until_all_hear_news(followers, published)
        assert_all_was_heard(followers, published, is_exact=True)


def assert_all_was_heard(followers, published, is_exact=False):
    """Assert that each follower, which is closed by now, has heard all in order, from its first message on."""
    for follower in followers:
        heard = follower.heard if is_exact else without_repetitions(follower.heard)
        assert heard == published[heard[0] : heard[0] + len(heard)]
        assert heard[0] == 0


def server_post(server, body):
    client = server.connect()
    try:
        client.request("POST", "/publish", body, {"Content-Type": "application/x-www-form-urlencoded"})
        response = client.getresponse()
        assert response.status == 200
        return response.read()
    finally:
        client.close()
