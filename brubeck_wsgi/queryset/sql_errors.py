"""What errors of databases mean: that a transaction may be tried again, or that another one holds what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any  # errors of the databases' own libraries

import sqlalchemy.exc

from brubeck_wsgi.queryset.errors import Busy

_PASSING_STATES = ("40001", "40P01")  # SQL's for what a transaction that was in the way of another may try again
_PASSING_NUMBERS = (1020, 1205, 1213)  # MariaDB's
_DUPLICATE = 1062
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's, after its lock_timeout
_SQLITE_LOCKS = (5, 6)  # SQLITE_BUSY and SQLITE_LOCKED (https://www.sqlite.org/rescode.html)


@contextmanager
def telling_locks() -> Iterator[None]:
    """Raise `Busy` where a database has waited for another transaction as long as it does, and given up."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        if not _is_locked(error):
            raise
        raise Busy("expected the database to be free, got one that others are writing to; try again") from error


def is_passing(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Tell whether a transaction was in the way of another, and may be tried again."""
    cause: Any = error.orig
    number = cause.args[0] if cause is not None and cause.args else None
    return getattr(cause, "sqlstate", None) in _PASSING_STATES or number in _PASSING_NUMBERS


def is_taken_meanwhile(error: sqlalchemy.exc.IntegrityError) -> bool:
    """Tell whether somebody was faster to create the same, which MariaDB alone lets us see as an error."""
    cause: Any = error.orig
    return cause.args[:1] == (_DUPLICATE,) and "PRIMARY" in str(cause.args[1:])


def _is_locked(error: sqlalchemy.exc.DBAPIError) -> bool:
    cause: Any = error.orig
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # what is above says more of the same
    return code in _SQLITE_LOCKS or getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE
