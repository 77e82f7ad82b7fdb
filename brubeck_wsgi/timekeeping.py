"""Time as the wire has it: UTC milliseconds and HTTP dates (RFC 9110 §5.6.7)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def curtime() -> int:
    """Return the current time in milliseconds since 1970-01-01 UTC."""
    return int(time.time() * 1000)


def http_date(moment: datetime | float) -> str:
    """Write a moment the way HTTP does, ``Wed, 18 May 2033 03:33:20 GMT``.

    Args:
        moment: seconds since 1970-01-01 UTC, or a datetime; one without a time zone is UTC.
    """
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    utc = moment.astimezone(UTC)
    # Not strftime: names of days and months would follow the locale of the process.
    return (
        f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d} "
        f"{utc.hour:02d}:{utc.minute:02d}:{utc.second:02d} GMT"
    )
