"""History over ZeroMQ that outlives all processes, if they end in order: as when all workers are replaced."""

from __future__ import annotations

import logging
import os
import stat

import pytest

from brubeck_wsgi.channels import ZMQChannels


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "sockets"


@pytest.fixture
def make(directory):
    """Makes channels of a process among those of one directory."""
    made = []

    def make(**options):
        made.append(ZMQChannels(directory=directory, **options))
        made[-1].members("nobody")  # has it begin
        return made[-1]

    yield make
    for channels in made:
        channels.close()


def heard_after(channels, position):
    with channels.subscribe("news", after=position) as subscription:
        return [message.data for message in subscription.receive_all()], subscription.is_complete


def left(directory):
    return list(directory.glob("*.left"))


def test_process_that_begins_when_all_have_ended_knows_what_they_knew(make):
    one, other = make(), make()
    one.publish("news", 1)
    with other.subscribe("news", after="0") as subscription:
        subscription.receive(20)
        position = subscription.position
        other.publish("news", 2)
        subscription.receive(20)
        behind = subscription.position
    one.close()
    other.close()

    late = make()

    assert heard_after(late, position) == ([2], True)
    assert heard_after(late, behind) == ([], True)
    late.publish("news", 3)
    assert heard_after(late, behind) == ([3], True)


def test_what_was_published_last_is_left_even_if_others_stay_and_leave_before_they_have_heard_it(make, monkeypatch):
    monkeypatch.setattr("brubeck_wsgi.channels.wire.Wire.publish", lambda self, topic, body: None)
    one, other = make(join_seconds=0), make(join_seconds=0)
    one.publish("news", 1)
    one.close()
    other.publish("news", 2)
    other.close()

    late = make(join_seconds=0)

    assert sorted(heard_after(late, "0")[0]) == [1, 2]


def test_what_is_left_is_removed_by_those_that_read_it_when_nobody_else_has_to(make, directory):
    staying = make()
    with staying.subscribe("news") as subscription:
        for number in range(5):
            script = make()
            script.publish("news", number)
            script.close()
            subscription.receive(20)
            assert len(left(directory)) == 1
            os.utime(left(directory)[0], (1_000_000_000, 1_000_000_000))

    assert heard_after(staying, "0")[0] == [0, 1, 2, 3, 4]
    assert heard_after(make(), "0")[0] == [0, 1, 2, 3, 4]
    assert left(directory) == []


def test_what_is_left_is_there_for_all_that_begin_together(make, directory):
    one = make()
    one.publish("news", 1)
    one.close()

    assert heard_after(make(), "0") == ([1], True)
    assert len(left(directory)) == 1


def test_member_of_a_process_that_has_ended_is_not_present_again(make):
    one = make()
    with one.present("news", "ann"):
        one.publish("news", 1)
        one.close()

    assert make().members("news") == {}


def test_what_nobody_kept_any_more_is_told_of_in_the_next_life_too(make):
    one = make(history=1)
    first = one.publish("news", 1)
    one.publish("news", 2)
    one.publish("news", 3)
    one.close()

    assert heard_after(make(history=1), first) == ([3], False)


def test_process_that_has_heard_nothing_leaves_nothing(make, directory):
    make().close()

    assert list(directory.iterdir()) == []


def test_what_is_left_is_for_this_user_only(make, directory):
    one = make()
    one.publish("news", 1)
    one.close()

    assert [stat.S_IMODE(file.stat().st_mode) for file in left(directory)] == [0o600]


def test_file_that_cannot_be_read_is_told_of_and_removed(make, directory, caplog):
    directory.mkdir(mode=0o700)
    (directory / "0123.left").write_bytes(b"not history")
    os.utime(directory / "0123.left", (1_000_000_000, 1_000_000_000))
    (directory / "4567.left").touch()

    with caplog.at_level(logging.WARNING, "brubeck.channels"):
        assert heard_after(make(), "0") == ([], True)

    assert "cannot read the history that another process has left" in caplog.text
    assert left(directory) == []


def test_next_process_goes_on_without_history_that_could_not_be_written(make, directory, caplog):
    one = make()
    one.publish("news", 1)
    (directory / f".{one._token}.left").mkdir()

    with caplog.at_level(logging.WARNING, "brubeck.channels"):
        one.close()

    assert "cannot leave history to the next process" in caplog.text
    assert heard_after(make(), "0") == ([], True)
