"""Time as the wire has it: UTC milliseconds, ISO 8601 and HTTP dates (RFC 9110 §5.6.7); and as people read it.

Nothing here knows local time: a moment without a time zone is UTC.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

from brubeck_wsgi.errors import ValidationError

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECONDS_OF = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ISO8601 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):?([0-5]\d))?", re.ASCII
)
_REWRITINGS = (  # of dates that can be read in one way only, to how the others are written
    (re.compile(r"\A\s*(\d{4})/(\d\d)/(\d\d)\b", re.ASCII), r"\1-\2-\3"),
    (re.compile(r"\A\s*([A-Za-z]{3,9}) (\d{1,2}),? (\d{4})\b", re.ASCII), r"\2 \1 \3"),
)


def curtime() -> int:
    """Return the current time in milliseconds since 1970-01-01 UTC."""
    return int(time.time() * 1000)


def parse_iso8601(text: str) -> datetime:
    """Read ``YYYY-MM-DDTHH:MM:SS``, with a fraction and an offset or without (RFC 3339 §5.6).

    Args:
        text: a blank in place of the ``T`` will do; a fraction is rounded to microseconds.

    Returns:
        A datetime with a time zone if the text has an offset, without one if it has none.

    Raises:
        ValidationError: it is no such text, or no such moment.
    """
    moment = moment_of(text)
    if moment is None:
        raise ValidationError(f"expected a moment as YYYY-MM-DDTHH:MM:SS, got {text[:40]!r}")
    return moment


def moment_of(text: str) -> datetime | None:
    """Return what `parse_iso8601` does, or None where that raises."""
    match = _ISO8601.fullmatch(text)
    if match is None:
        return None
    fraction = match[7] or ""
    zone = UTC if match[8] else None
    try:
        if len(fraction) <= 6 and match[8] != "z":
            return datetime.fromisoformat(text)  # much faster, and looser: what it would take more, is refused above
        if match[9]:
            offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
            zone = timezone(-offset if match[9] == "-" else offset) if offset else UTC
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, int(fraction[:6].ljust(6, "0")), tzinfo=zone)
        return moment + _MICROSECOND if fraction[6:7] >= "5" else moment
    except (ValueError, OverflowError):
        return None


def from_timestamp(seconds: float) -> datetime:
    """Return the moment so many seconds after 1970-01-01 UTC; `ValidationError` if there is no such datetime."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise ValidationError(f"expected seconds since 1970, got {seconds!r:.40}") from error


def as_utc(moment: datetime) -> datetime:
    """Return *moment* in UTC; one without a time zone is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def datetime_to_millis(moment: datetime) -> int:
    """Return the milliseconds from 1970-01-01 UTC to *moment*; one without a time zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def millis_to_datetime(millis: int) -> datetime:
    """Return the moment so many milliseconds after 1970-01-01 UTC; `ValidationError` if there is no such datetime."""
    try:
        return _EPOCH + timedelta(milliseconds=millis)
    except (ValueError, OverflowError) as error:
        raise ValidationError(f"expected milliseconds since 1970, got {millis!r:.40}") from error


def datestring_to_millis(text: str) -> int:
    """Return the milliseconds from 1970-01-01 UTC to a moment that a person or a program has written.

    Args:
        text: ISO 8601, ``2011-03-09``, with a time and an offset or without; or as HTTP and mail have it,
            ``Wed, 09 Mar 2011 12:00:00 GMT``, of which the weekday, the time and the zone may be missing; also
            ``2011/03/09`` and ``March 9, 2011``. Dates in figures alone in another order are refused: nobody knows
            which of ``03/09`` is the month.

    Raises:
        ValidationError: it is neither, or there is no such moment.
    """
    # Here, because most programs never ask, and importing it costs more than the rest of this module.
    from email.utils import parsedate_to_datetime

    usual = text
    for pattern, form in _REWRITINGS:
        usual = pattern.sub(form, usual, count=1)
    readings = ((datetime.fromisoformat, usual), (parsedate_to_datetime, usual if ":" in usual else f"{usual} 00:00"))
    for read, written in readings:
        try:
            return datetime_to_millis(read(written.strip()))
        except (ValueError, OverflowError):
            continue
    raise ValidationError(f"expected a date as 2011-03-09T12:00:00Z or 09 Mar 2011 12:00:00, got {text[:40]!r}")


def prettydate(moment: datetime | int, now: datetime | int | None = None) -> str:
    """Write in English how long ago something was.

    Args:
        moment: a datetime, or milliseconds since 1970-01-01 UTC, as models have them.
        now: the current time, likewise; that of the clock by default.

    Returns:
        ``just now``, ``5 minutes ago``, ``1 day ago`` and so on, rounded down; for more than seven days ago, and for
        the future, the date in UTC: ``09 Mar 2011``. Up to a minute ahead is ``just now``: clocks differ.
    """
    seconds = (_as_millis(curtime() if now is None else now) - _as_millis(moment)) // 1000
    if -60 <= seconds <= 1:
        return "just now"
    if seconds < 0 or seconds >= 8 * _SECONDS_OF["day"]:
        utc = as_utc(moment) if isinstance(moment, datetime) else millis_to_datetime(moment)
        return f"{utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d}"
    unit = next(unit for unit in _SECONDS_OF if seconds >= _SECONDS_OF[unit])
    count = seconds // _SECONDS_OF[unit]
    return f"{count} {unit}{'s' if count > 1 else ''} ago"


def _as_millis(moment: datetime | int) -> int:
    return datetime_to_millis(moment) if isinstance(moment, datetime) else moment


def http_date(moment: datetime | float) -> str:
    """Write a moment the way HTTP does, ``Wed, 18 May 2033 03:33:20 GMT``.

    Args:
        moment: seconds since 1970-01-01 UTC, or a datetime; one without a time zone is UTC.
    """
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    utc = as_utc(moment)
    # Not strftime: names of days and months would follow the locale of the process.
    return (
        f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d} "
        f"{utc.hour:02d}:{utc.minute:02d}:{utc.second:02d} GMT"
    )
