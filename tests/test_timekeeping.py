"""Moments as text, as seconds and as milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from brubeck_wsgi import ValidationError
from brubeck_wsgi.timekeeping import as_utc, from_timestamp, http_date, milliseconds, moment_of, parse_iso8601

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
    assert milliseconds(NOON) == milliseconds(NOON.replace(tzinfo=UTC)) == 1779105600000
    assert milliseconds(NOON.replace(tzinfo=INDIA)) == 1779105600000 - 19_800_000
    assert milliseconds(datetime(1969, 12, 31, 23, 59, 59, 999_000)) == -1
    assert http_date(NOON) == "Mon, 18 May 2026 12:00:00 GMT"
