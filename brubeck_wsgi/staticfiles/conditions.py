"""Whether what the client has is still good: conditional requests (RFC 9110 §13) and their dates (§5.6.7)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from brubeck_wsgi.interfaces import Environ

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH = f"({'|'.join(_MONTHS)})"
_TIME = "([0-9]{2}):([0-9]{2}):([0-9]{2})"
_USUAL = re.compile(f"{_DAY}, ([0-9]{{2}}) {_MONTH} ([0-9]{{4}}) {_TIME} GMT")
_RFC_850 = re.compile(f"{_LONG_DAY}, ([0-9]{{2}})-{_MONTH}-([0-9]{{2}}) {_TIME} GMT")
_ASCTIME = re.compile(f"{_DAY} {_MONTH} ([0-9 ][0-9]) {_TIME} ([0-9]{{4}})")


class Validators(NamedTuple):
    """What tells one state of a file from another.

    Attributes:
        etag: the entity tag, a strong one.
        modified: when it was changed, in whole seconds since 1970-01-01 UTC.
    """

    etag: str
    modified: int


def failed_condition(environ: Environ, validators: Validators) -> int | None:
    """Return the status of the answer to a GET or HEAD whose conditions do not hold; None if they do.

    The order is that of RFC 9110 §13.2.2.

    Returns:
        412 or 304.
    """
    etag, modified = validators
    matching = environ.get("HTTP_IF_MATCH")
    if matching is not None:
        if not is_matched(matching, etag):
            return 412
    elif "HTTP_IF_UNMODIFIED_SINCE" in environ:
        since = parse_http_date(environ["HTTP_IF_UNMODIFIED_SINCE"])
        if since is not None and modified > since:
            return 412
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is not None:
        return 304 if is_known(known, etag) else None
    since = parse_http_date(environ.get("HTTP_IF_MODIFIED_SINCE", ""))
    return 304 if since is not None and modified <= since else None


def is_matched(header: str, etag: str) -> bool:
    """Tell whether an If-Match header has *etag*: by the strong comparison (RFC 9110 §13.1.1)."""
    return header.strip() == "*" or etag in _TAG.findall(header)


def is_known(header: str, etag: str) -> bool:
    """Tell whether an If-None-Match header has *etag*, be it weak or not: by the weak comparison (§13.1.2)."""
    return header.strip() == "*" or etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in _TAG.findall(header)]


def allows_range(environ: Environ, validators: Validators, now: float) -> bool:
    """Tell whether a range may be sent: the client has no other part yet, or one of this state (RFC 9110 §13.1.5).

    Args:
        now: in seconds since 1970-01-01 UTC.
    """
    condition = environ.get("HTTP_IF_RANGE")
    if condition is None:
        return True
    condition = condition.strip()
    if condition == validators.etag:
        return True
    # §8.8.2.2: within one second a file may change twice, and its date is no proof.
    return parse_http_date(condition) == validators.modified <= now - 1


def parse_http_date(text: str) -> int | None:
    """Return the seconds since 1970-01-01 UTC of a date in one of HTTP's three forms; None if it is none."""
    text = text.strip()
    if match := _USUAL.fullmatch(text):
        day, month, year, *clock = match.groups()
    elif match := _RFC_850.fullmatch(text):
        day, month, year, *clock = match.groups()
        year = str(_full_year(int(year)))
    elif match := _ASCTIME.fullmatch(text):
        month, day, *clock, year = match.groups()
    else:
        return None
    hour, minute, second = map(int, clock)
    try:
        moment = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp())


def _full_year(year: int) -> int:
    """Return the year that two digits stand for: the last one that is not more than fifty years ahead."""
    this_year = datetime.now(UTC).year
    full = this_year - this_year % 100 + year
    return full - 100 if full > this_year + 50 else full
