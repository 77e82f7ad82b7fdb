"""Channels over ZeroMQ: processes that come, stop, die, and miss something."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from channel_makers import PATIENCE_SECONDS, wait_until, zmq_pair
from servers import ROOT, free_port, server_environ

from brubeck_wsgi import ConfigurationError
from brubeck_wsgi.channels import ZMQChannels
from brubeck_wsgi.channels.frames import LIVE, decode_answer, decode_happening
from brubeck_wsgi.channels.wire import Wire

PROCESS = """
import sys
from brubeck_wsgi.channels import ZMQChannels

channels = ZMQChannels(**{options!r})
{code}
"""


@contextmanager
def process(code, **options):
    """Run *code* in another process, which has ``channels``; the end of its input is a sign to it."""
    options = {name: str(value) if name == "directory" else value for name, value in options.items()}
    started = subprocess.Popen(
        [sys.executable, "-c", PROCESS.format(options=options, code=code)],
        cwd=ROOT,
        env=server_environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "sockets"


@pytest.fixture
def temporary(monkeypatch):
    """What is the directory for temporary files here and in processes; its path is short, as a socket's has to be."""
    with tempfile.TemporaryDirectory() as path:
        monkeypatch.setenv("TMPDIR", path)
        monkeypatch.setattr("tempfile.tempdir", None)
        yield Path(path)


@pytest.fixture
def channels(directory):
    channels = ZMQChannels(directory=directory)
    channels.members("nobody")
    yield channels
    channels.close()


@pytest.fixture
def lossy(monkeypatch):
    """Loses what is published under topics that begin with anything in this list."""
    beginnings = []
    publish = Wire.publish

    def publish_or_not(self, topic, body):
        if not topic.startswith(tuple(beginnings)):
            publish(self, topic, body)

    monkeypatch.setattr(Wire, "publish", publish_or_not)
    return beginnings


def data_of(messages):
    return [message.data for message in messages]


def receive(subscription, count):
    return [subscription.receive(PATIENCE_SECONDS) for _ in range(count)]


def test_script_that_publishes_and_ends_at_once_is_heard(channels, directory):
    with (
        channels.subscribe("news") as subscription,
        process("for number in range(500): channels.publish('news', number)", directory=directory) as script,
    ):
        assert data_of(receive(subscription, 500)) == list(range(500))
        assert script.wait(PATIENCE_SECONDS) == 0


def test_process_that_comes_later_knows_the_history_of_those_that_live_and_of_those_that_do_not(channels, directory):
    channels.publish("news", "living")
    with process("channels.publish('news', 'dead'); sys.stdin.read()", directory=directory) as other:
        wait_until(lambda: len(channels.history("news")) == 2, "history")
        other.kill()
        other.wait()

    with process("print(*(message.data for message in channels.history('news')))", directory=directory) as late:
        output, _ = late.communicate(timeout=PATIENCE_SECONDS)

    assert output == "living dead\n"


def test_members_of_a_killed_process_go_by_themselves(channels, directory):
    code = "with channels.present('room', 'ann'): sys.stdin.read()"
    with channels.subscribe("room", presence=True) as subscription, process(code, directory=directory) as other:
        came = subscription.receive(PATIENCE_SECONDS)
        other.send_signal(signal.SIGKILL)
        left = subscription.receive(PATIENCE_SECONDS)

    assert (came.member, came.is_present, left.member, left.is_present) == ("ann", True, "ann", False)
    assert channels.members("room") == {}


def test_process_that_comes_later_knows_who_is_present(channels, directory):
    code = "print(channels.members('room'))"
    with channels.present("room", "ann", {"age": 5}), process(code, directory=directory) as late:
        output, _ = late.communicate(timeout=PATIENCE_SECONDS)

    assert output == "{'ann': {'age': 5}}\n"


def test_process_that_stands_still_holds_nobody_up_and_catches_up(channels, directory):
    code = """
with channels.subscribe('news', limit=10000) as subscription:
    print('ready', flush=True)
    heard = [subscription.receive().data for _ in range(5000)]
print(heard == list(range(5000)))
"""
    with process(code, directory=directory) as other:
        assert other.stdout.readline() == "ready\n"
        other.send_signal(signal.SIGSTOP)
        for number in range(5000):
            channels.publish("news", number)
        other.send_signal(signal.SIGCONT)

        assert other.stdout.readline() == "True\n"


def test_history_is_not_called_complete_before_all_have_answered(directory):
    code = "channels.publish('news', 'mine'); print('ready', flush=True); input()"
    with process(code, directory=directory) as other:
        assert other.stdout.readline() == "ready\n"
        other.send_signal(signal.SIGSTOP)
        late = ZMQChannels(directory=directory, join_seconds=0.1)

        with late.subscribe("news", after="0") as subscription:
            assert not subscription.is_complete
            other.send_signal(signal.SIGCONT)
            assert data_of(receive(subscription, 1)) == ["mine"]
        wait_until(lambda: late.history("news").is_complete, "complete history")
        late.close()


def test_history_is_complete_when_those_that_have_not_answered_are_dead(directory):
    with process("channels.members('room'); print('ready', flush=True); input()", directory=directory) as other:
        assert other.stdout.readline() == "ready\n"
        other.send_signal(signal.SIGSTOP)
        late = ZMQChannels(directory=directory, join_seconds=0.1)
        assert not late.history("news").is_complete

        other.kill()

        wait_until(lambda: late.history("news").is_complete, "complete history")
        late.close()


def test_what_another_heard_before_is_heard_all_the_same(directory):
    publisher, ahead, late = (ZMQChannels(directory=directory) for _ in range(3))
    publisher.publish("news", 1)
    wait_until(lambda: ahead.history("news"), "first message")
    answer = ahead.answer

    def answer_ahead(*args):
        """Answer as one that has heard the second message, of which its publisher had not told when it was asked."""
        for part in answer(*args):
            part.heard = {publisher._token: 2}
            yield part

    ahead.answer = answer_ahead
    with late.subscribe("news") as subscription:
        publisher.publish("news", 2)

        assert data_of(receive(subscription, 1)) == [2]
    for channels in (late, ahead, publisher):
        channels.close()


PUBLISHER = """
for line in sys.stdin:
    channels.publish('news', int(line))
"""


@contextmanager
def publishing(directory):
    """Yield a process, and a function that has it publish a number."""
    with process(PUBLISHER, directory=directory) as publisher:

        def publish(number):
            publisher.stdin.write(f"{number}\n")
            publisher.stdin.flush()

        yield publisher, publish


def kill(started):
    started.kill()
    started.wait()


@contextmanager
def reading(late):
    """Have *late* begin meanwhile; yield a list that has its history of the news behind the block."""
    found = []
    thread = threading.Thread(target=lambda: found.append(late.history("news")))
    thread.start()
    try:
        yield found
    finally:
        thread.join(PATIENCE_SECONDS)
        late.close()


def lose(monkeypatch, channels, is_lost):
    """Have *channels* lose what comes if ``is_lost(topic, body)``."""
    receive = channels._mesh._wire.receive
    monkeypatch.setattr(
        channels._mesh._wire,
        "receive",
        lambda most: [(topic, body) for topic, body in receive(most) if not is_lost(topic, body)],
    )


def test_what_a_killed_process_has_told_one_that_one_tells_the_others(directory):
    with (
        zmq_pair(directory) as (hearing, deaf),
        publishing(directory) as (publisher, publish),
        deaf.subscribe("news") as subscription,
    ):
        publish(1)
        assert data_of(receive(subscription, 1)) == [1]
        with pytest.MonkeyPatch.context() as monkeypatch:
            lose(monkeypatch, deaf, lambda topic, body: True)
            publish(2)
            wait_until(lambda: len(hearing.history("news")) == 2, "second message")
            kill(publisher)

        assert data_of(receive(subscription, 1)) == [2]
        assert subscription.is_complete


@pytest.mark.parametrize("is_known", [True, False])
def test_what_was_missing_of_a_killed_process_is_asked_of_the_others(directory, monkeypatch, is_known):
    with (
        zmq_pair(directory) as (other, channels),
        publishing(directory) as (publisher, publish),
        channels.subscribe("news") as subscription,
    ):
        publish(1)
        (first,) = receive(subscription, 1)
        token = first.id.split(".")[1]

        def is_lost(topic, body):
            """Lose the second message, and what its publisher says when it is asked for that."""
            if topic == LIVE:
                return decode_happening(body).number == 2
            return decode_answer(body).publisher == token

        for one in (channels,) if is_known else (channels, other):
            lose(monkeypatch, one, is_lost)
        publish(2)
        publish(3)
        wait_until(lambda: channels._mesh._peers[token].has_gap, "gap")
        wait_until(lambda: len(other.history("news")) == 3 if is_known else other._mesh._peers[token].has_gap, "third")
        kill(publisher)

        assert data_of(receive(subscription, 2 if is_known else 1)) == ([2, 3] if is_known else [3])
        assert subscription.is_complete is is_known


def test_what_has_come_and_was_not_read_yet_is_told_too(directory, monkeypatch):
    with (
        zmq_pair(directory) as (busy, channels),
        publishing(directory) as (publisher, publish),
        channels.subscribe("news") as subscription,
    ):
        publish(1)
        receive(subscription, 1)
        wait_until(lambda: busy.history("news"), "first message")
        lost = []

        def is_lost(topic, body):
            if topic == LIVE:
                lost.append(decode_happening(body))
            return topic == LIVE

        lose(monkeypatch, channels, is_lost)
        with busy._lock:  # it does nothing meanwhile
            for number in (2, 3):  # when the last has come here, the first has reached the other
                publish(number)
                wait_until(lambda number=number: any(one.json == b"%d" % number for one in lost), "message")
            kill(publisher)
            wait_until(lambda: channels._mesh._inquiries, "inquiry")

        assert data_of(receive(subscription, 1)) == [2]


def test_process_that_begins_waits_for_what_others_know_of_one_that_is_killed(directory, monkeypatch):
    with (
        zmq_pair(directory) as (other, _),
        publishing(directory) as (publisher, publish),
    ):
        publish(1)
        wait_until(lambda: other.history("news"), "message")
        token = other.history("news")[0].id.split(".")[1]
        receive_all = Wire.receive
        late = ZMQChannels(directory=directory, join_seconds=PATIENCE_SECONDS)

        def receive_but_its_answers(wire, most):
            for topic, body in receive_all(wire, most):
                is_late = late._mesh is not None and wire is late._mesh._wire
                if not is_late or topic == LIVE or decode_answer(body).publisher != token:
                    yield topic, body

        monkeypatch.setattr(Wire, "receive", receive_but_its_answers)
        with reading(late) as found:
            wait_until(lambda: late._mesh and token in late._mesh._peers and late._mesh._peers[token]._held, "beat")
            kill(publisher)

        assert data_of(found[0]) == [1]
        assert found[0].is_complete


def test_process_tells_how_far_it_has_heard_itself_and_those_that_have_ended_only(directory):
    with zmq_pair(directory) as (speaker, listener):
        speaker.publish("news", 1)
        listener.publish("news", 2)
        wait_until(lambda: len(listener.history("news")) == 2, "messages")
        *_, first = listener.answer(0, True, {speaker._token, listener._token})
        *_, later = listener.answer(0, True, {listener._token})

        assert first.heard == {listener._token: 1}
        assert later.heard == {listener._token: 1, speaker._token: 1}


def test_what_was_left_and_cannot_be_read_keeps_nobody_from_beginning(directory):
    directory.mkdir(mode=0o700)
    (directory / "dead.left").mkdir()

    with zmq_pair(directory) as (speaker, listener):
        speaker.publish("news", 1)
        wait_until(lambda: listener.history("news"), "message")


def test_process_that_begins_asks_about_one_that_is_killed_meanwhile(directory):
    with (
        zmq_pair(directory) as (other, _),
        publishing(directory) as (publisher, publish),
    ):
        publish(1)
        wait_until(lambda: other.history("news"), "message")
        publisher.send_signal(signal.SIGSTOP)  # it answers no more
        late = ZMQChannels(directory=directory, join_seconds=PATIENCE_SECONDS)
        with reading(late) as found:
            wait_until(lambda: late._mesh and sum(one.is_synced for one in late._mesh._peers.values()) == 2, "answers")
            kill(publisher)

        assert data_of(found[0]) == [1]
        assert found[0].is_complete


def test_what_was_lost_on_the_way_is_asked_for(directory, lossy):
    with zmq_pair(directory) as (speaker, listener), listener.subscribe("news") as subscription:
        speaker.publish("news", 1)
        lossy.append(b"")
        speaker.publish("news", 2)
        speaker.publish("other", 3)
        lossy.clear()
        speaker.publish("news", 4)

        assert data_of(receive(subscription, 3)) == [1, 2, 4]
        assert subscription.is_complete


def test_last_message_that_was_lost_on_the_way_is_asked_for_too(directory, lossy):
    with zmq_pair(directory) as (speaker, listener), listener.subscribe("news") as subscription:
        lossy.append(b"")
        speaker.publish("news", 1)
        lossy.clear()

        assert data_of(receive(subscription, 1)) == [1]


def test_presence_that_was_lost_on_the_way_is_put_right(directory, lossy):
    with zmq_pair(directory) as (speaker, listener):
        lossy.append(b"")
        with speaker.present("room", "ann"):
            lossy.clear()

            wait_until(lambda: "ann" in listener.members("room"), "member")


def test_what_is_lost_and_not_kept_any_more_is_told(directory, lossy):
    with zmq_pair(directory, history=1) as (speaker, listener), listener.subscribe("news") as subscription:
        lossy.append(b"")
        speaker.publish("news", 1)
        speaker.publish("news", 2)
        lossy.clear()
        speaker.publish("news", 3)

        assert data_of(receive(subscription, 1)) == [3]
        assert not subscription.is_complete


def test_publisher_that_does_not_answer_is_followed_without_what_is_missing(directory, lossy, monkeypatch):
    monkeypatch.setattr("brubeck_wsgi.channels.peers.MOST_HELD", 5)
    with zmq_pair(directory) as (speaker, listener), listener.subscribe("news") as subscription:
        lossy.append(b"")
        speaker.publish("news", 0)
        lossy[:] = [b"?"]
        for number in range(1, 8):
            speaker.publish("news", number)

        assert data_of(receive(subscription, 7)) == list(range(1, 8))
        assert not subscription.is_complete


def test_publisher_that_does_not_answer_is_asked_again(directory, lossy, monkeypatch):
    monkeypatch.setattr("brubeck_wsgi.channels.mesh._ASK_AGAIN_SECONDS", 0.1)
    with zmq_pair(directory) as (speaker, listener), listener.subscribe("news") as subscription:
        lossy.append(b"")
        speaker.publish("news", 0)
        lossy[:] = [b"?"]
        speaker.publish("news", 1)
        peer = listener._mesh._peers[speaker._token]
        wait_until(lambda: peer.ask is not None, "ask")
        lossy.clear()

        assert data_of(receive(subscription, 2)) == [0, 1]
        assert subscription.is_complete


def test_history_of_any_length_is_told_to_a_process_that_comes_later(directory):
    first, late = (ZMQChannels(directory=directory, max_bytes=10**8) for _ in range(2))
    for number in range(30):
        first.publish("news", [number, "x" * 100_000])

    heard = [message.data[0] for message in late.history("news")]

    assert heard == list(range(30))
    first.close()
    late.close()


def test_process_that_comes_later_knows_what_nobody_keeps_any_more(directory):
    first, late = (ZMQChannels(directory=directory, max_channels=1, history=1) for _ in range(2))
    forgotten = first.publish("forgotten", 1)
    first.publish("forgotten", 2)
    cut = first.publish("news", 3)
    first.publish("news", 4)
    first.publish("news", 5)

    assert not late.history("forgotten", after=forgotten).is_complete
    assert not late.history("news", after=cut).is_complete
    assert data_of(late.history("news")) == [5]
    first.close()
    late.close()


def test_processes_meet_at_addresses(directory):
    addresses = [f"tcp://127.0.0.1:{free_port()}" for _ in range(3)]
    channels = ZMQChannels(addresses=addresses)
    try:
        with (
            channels.subscribe("news", presence=True) as subscription,
            process(
                "with channels.present('news', 'ann'): channels.publish('news', 1); sys.stdin.read()",
                addresses=addresses,
            ) as other,
        ):
            came = receive(subscription, 2)
            other.kill()
            left = receive(subscription, 1)
    finally:
        channels.close()

    # Who comes first, what was published or who was there before, depends on when the two met.
    assert [message.data for message in came if message.id] == [1]
    assert [change.member for change in came if not change.id] == ["ann"]
    assert (left[0].member, left[0].is_present) == ("ann", False)


def test_process_for_which_no_address_is_left_is_told():
    addresses = [f"tcp://127.0.0.1:{free_port()}"]
    first, second = ZMQChannels(addresses=addresses), ZMQChannels(addresses=addresses)
    try:
        first.publish("news", 1)
        with pytest.raises(ConfigurationError, match="free"):
            second.publish("news", 2)
    finally:
        first.close()


def test_processes_meet_by_name(temporary):
    channels, stranger = ZMQChannels("club"), ZMQChannels("other club")
    try:
        with channels.subscribe("news") as subscription, stranger.subscribe("news") as other:
            with process("channels.publish('news', 1)", name="club"):
                assert data_of(receive(subscription, 1)) == [1]
            with pytest.raises(TimeoutError):
                other.receive(0)
    finally:
        channels.close()
        stranger.close()


def test_directory_is_for_this_user_only_and_empty_in_the_end(channels, directory):
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(file.suffix for file in directory.iterdir()) == [".lock", ".sock"]

    channels.close()

    assert list(directory.iterdir()) == []


def test_what_a_killed_process_has_left_is_removed_by_the_next(directory):
    with process(
        "channels.publish('news', 1); print('ready', flush=True); sys.stdin.read()", directory=directory
    ) as one:
        assert one.stdout.readline() == "ready\n"
        one.kill()
        one.wait()
    assert len(list(directory.iterdir())) == 2

    channels = ZMQChannels(directory=directory)
    channels.members("news")
    channels.close()

    assert list(directory.iterdir()) == []


def test_directory_that_others_may_use_is_refused(directory):
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)

    with pytest.raises(ConfigurationError, match="only this user"):
        ZMQChannels(directory=directory).publish("news", 1)


def test_directory_that_somebody_else_has_prepared_is_refused(temporary):
    base = temporary / f"brubeck-{os.getuid()}"
    base.symlink_to(temporary)

    with pytest.raises(ConfigurationError, match="only this user"):
        ZMQChannels("club").publish("news", 1)


def test_directories_of_applications_that_have_long_ended_are_removed(temporary):
    base = temporary / f"brubeck-{os.getuid()}"
    old, young = base / "old", base / "young"
    for directory in (old, young):
        directory.mkdir(parents=True, mode=0o700)
        (directory / "0123.lock").touch()
    base.chmod(0o700)
    os.utime(old, (1_000_000_000, 1_000_000_000))
    channels = ZMQChannels("club")

    channels.members("news")
    channels.close()

    assert [path.name for path in base.iterdir()] == ["young"]
    assert not old.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a", "directory": "b"},
        {"addresses": ["ipc:///tmp/a"]},
        {"addresses": ["tcp://*:5"]},
        {"addresses": [5]},
    ],
    ids=repr,
)
def test_option_that_cannot_be_is_refused(options):
    with pytest.raises(ConfigurationError):
        ZMQChannels(**options)


def test_path_that_is_too_long_for_a_socket_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="shorter"):
        ZMQChannels(directory=tmp_path / ("x" * 100)).publish("news", 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_child_of_a_process_is_a_process_of_its_own(directory):
    code = """
import os
channels.publish('news', 'parent')
child = os.fork()
channels.publish('news', 'child' if child == 0 else 'parent again')
if child:
    os.waitpid(child, 0)
    print(sorted(message.data for message in channels.history('news')))
else:
    channels.close()
    os._exit(0)
"""
    with process(code, directory=directory) as parent:
        output, _ = parent.communicate(timeout=PATIENCE_SECONDS)

    assert output == "['child', 'parent', 'parent again']\n"
