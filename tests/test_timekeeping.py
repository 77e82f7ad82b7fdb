"""Moments as text, as seconds and as milliseconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from brubeck_wsgi import ValidationError
from brubeck_wsgi.timekeeping import (
    as_utc,
    curtime,
    datestring_to_millis,
    datetime_to_millis,
    from_timestamp,
    http_date,
    millis_to_datetime,
    moment_of,
    parse_iso8601,
    prettydate,
)

NOON = datetime(2026, 5, 18, 12)
INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-18T12:00:00", NOON),
        ("2026-05-18 12:00:00", NOON),
        ("2026-05-18t12:00:00z", NOON.replace(tzinfo=UTC)),
        ("2026-05-18T12:00:00Z", NOON.replace(tzinfo=UTC)),
        ("2026-05-18T12:00:00+00:00", NOON.replace(tzinfo=UTC)),
        ("2026-05-18T12:00:00-0000", NOON.replace(tzinfo=UTC)),
        ("2026-05-18T12:00:00+05:30", NOON.replace(tzinfo=INDIA)),
        ("2026-05-18T12:00:00.5", NOON.replace(microsecond=500_000)),
        ("2026-05-18T12:00:00.123456", NOON.replace(microsecond=123_456)),
        ("2026-05-18T12:00:00.1234564", NOON.replace(microsecond=123_456)),
        ("2026-05-18T12:00:00.1234565+0530", NOON.replace(microsecond=123_457, tzinfo=INDIA)),
        ("2026-05-18T11:59:59.9999999Z", NOON.replace(tzinfo=UTC)),
        ("2026-05-18T12:00:00.5z", NOON.replace(microsecond=500_000, tzinfo=UTC)),
    ],
)
def test_text_becomes_a_moment(text, moment):
    found = parse_iso8601(text)

    assert found == moment
    assert found.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2026-05-18", "2026-05-18T12:00", "20260518T120000", "2026-W21-1T12:00:00"),
        *("2026-05-18T12:00:00\n", " 2026-05-18T12:00:00", "2026-05-18T12:00:00+05", "2026-05-18T12:00:00,5"),
        *("2026-02-30T12:00:00", "2026-05-18T25:00:00", "2026-05-18T12:00:60", "2026-05-18T12:00:00+24:00"),
        *("0000-01-01T00:00:00", "9999-12-31T23:59:59.9999999", "٢٠٢٦-05-18T12:00:00"),
    ],
)
def test_text_that_is_no_moment_is_refused(text):
    assert moment_of(text) is None
    with pytest.raises(ValidationError, match="expected a moment as"):
        parse_iso8601(text)


def test_seconds_become_a_moment_in_utc():
    assert from_timestamp(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert from_timestamp(-1.5) == datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [1e300, float("nan"), float("inf"), -1e12])
def test_seconds_of_no_moment_are_refused(seconds):
    with pytest.raises(ValidationError):
        from_timestamp(seconds)


def test_moment_without_a_zone_is_in_utc():
    assert as_utc(NOON) == NOON.replace(tzinfo=UTC)
    assert as_utc(NOON.replace(tzinfo=INDIA)).hour == 6
    assert datetime_to_millis(NOON) == datetime_to_millis(NOON.replace(tzinfo=UTC)) == 1779105600000
    assert datetime_to_millis(NOON.replace(tzinfo=INDIA)) == 1779105600000 - 19_800_000
    assert datetime_to_millis(datetime(1969, 12, 31, 23, 59, 59, 999_000)) == -1
    assert http_date(NOON) == "Mon, 18 May 2026 12:00:00 GMT"


def test_milliseconds_become_a_moment_and_the_same_milliseconds_again():
    assert millis_to_datetime(1330000000000) == datetime(2012, 2, 23, 12, 26, 40, tzinfo=UTC)
    for millis in (0, -1, 1330000000001, 253402300799999):
        assert datetime_to_millis(millis_to_datetime(millis)) == millis


@pytest.mark.parametrize("millis", [10**15, -(10**15), 10**30, float("inf"), float("nan")])
def test_milliseconds_of_no_moment_are_refused(millis):
    with pytest.raises(ValidationError):
        millis_to_datetime(millis)


def test_current_time_is_that_of_the_clock_in_milliseconds():
    before = time.time_ns() // 1_000_000

    assert isinstance(curtime(), int)
    assert before <= curtime() <= time.time_ns() // 1_000_000


@pytest.fixture
def new_york(monkeypatch):
    """Local time that is not UTC."""
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("new_york")
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-18", NOON.replace(hour=0)),
        ("2026-05-18T12:00:00", NOON),
        ("2026-05-18 12:00", NOON),
        ("20260518T1200", NOON),
        ("2026-05-18T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2026-05-18T12:00:00+05:30", NOON.replace(tzinfo=INDIA)),
        ("Mon, 18 May 2026 12:00:00 GMT", NOON),
        ("Monday, 18-May-26 12:00:00 GMT", NOON),
        ("Mon May 18 12:00:00 2026", NOON),
        ("18 May 2026 12:00", NOON),
        ("18 may 2026 12:00:00 -0000", NOON),
        ("18 May 2026 07:00:00 EST", NOON),
        ("18 May 2026 17:30 +0530", NOON),
        (" 18 May 2026 ", NOON.replace(hour=0)),
        ("2026/05/18", NOON.replace(hour=0)),
        ("2026/05/18 12:00", NOON),
        ("May 18, 2026", NOON.replace(hour=0)),
        (" may 18 2026 12:00 GMT", NOON),
    ],
)
def test_date_as_people_and_programs_write_it_becomes_milliseconds_of_utc(text, moment):
    assert datestring_to_millis(text) == datetime_to_millis(moment)


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "05/18/2026", "18.5.2026", "2026-02-30", "32 May 2026", "18 May 2026 25:00", "18 Mai 2026"),
        *("2026/18/05", "Mai 18, 2026", "May 32, 2026", "18/05/2026", "May 18"),
        *("2026-05-18T12:00:00+99:99", "18 May 2026 12:00 +9999999999999", "0001-01-01T00:00+23:59 x", ":", "\x00"),
        "9" * 10_000,
    ],
)
def test_date_that_nobody_could_read_is_refused(text):
    with pytest.raises(ValidationError, match="expected a date as"):
        datestring_to_millis(text)


@pytest.mark.usefixtures("new_york")
@pytest.mark.parametrize(
    ("ago", "text"),
    [
        ({}, "just now"),
        ({"seconds": 1}, "just now"),
        ({"seconds": -60}, "just now"),
        ({"seconds": 2}, "2 seconds ago"),
        ({"seconds": 59, "milliseconds": 999}, "59 seconds ago"),
        ({"minutes": 1}, "1 minute ago"),
        ({"minutes": 5, "seconds": 59}, "5 minutes ago"),
        ({"hours": 1}, "1 hour ago"),
        ({"hours": 2, "minutes": 59}, "2 hours ago"),
        ({"hours": 23, "minutes": 59}, "23 hours ago"),
        ({"days": 1}, "1 day ago"),
        ({"days": 3}, "3 days ago"),
        ({"days": 7, "hours": 23}, "7 days ago"),
        ({"days": 8}, "10 May 2026"),
        ({"days": 365}, "18 May 2025"),
        ({"minutes": -2}, "18 May 2026"),
        ({"days": -14}, "01 Jun 2026"),
    ],
)
def test_moment_is_written_as_how_long_ago_it_was(ago, text):
    moment = NOON - timedelta(**ago)

    assert prettydate(moment, NOON) == text
    assert prettydate(moment.replace(tzinfo=UTC).astimezone(INDIA), NOON) == text
    assert prettydate(datetime_to_millis(moment), datetime_to_millis(NOON)) == text


def test_now_is_that_of_the_clock_if_nobody_says_another():
    assert prettydate(datetime.now(UTC) - timedelta(minutes=5, seconds=30)) == "5 minutes ago"
    assert prettydate(curtime()) == "just now"
    assert datestring_to_millis(prettydate(datetime(2011, 3, 9))) == datetime_to_millis(datetime(2011, 3, 9))
