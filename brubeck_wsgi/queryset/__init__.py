"""Querysets: where the objects of a model are kept, found, changed and watched, under one contract.

`DictQueryset` keeps them in memory, `RedisQueryset` in Redis, and `SQLQueryset` in SQLite, PostgreSQL or MariaDB.
"""

from typing import TYPE_CHECKING

from brubeck_wsgi.errors import MissingLibrary, NotFound
from brubeck_wsgi.modeling import Invalid
from brubeck_wsgi.queryset.base import ANY_VERSION, AbstractQueryset
from brubeck_wsgi.queryset.dict_store import DictQueryset
from brubeck_wsgi.queryset.errors import (
    AlreadyExists,
    Busy,
    Refused,
    SelectionError,
    Unreadable,
    Unstorable,
    VersionConflict,
)
from brubeck_wsgi.queryset.redis_store import RedisQueryset
from brubeck_wsgi.queryset.results import Change, ChangeKind, Page, Result, Status, Stored
from brubeck_wsgi.queryset.selecting import Filter, Operator

if TYPE_CHECKING:
    from brubeck_wsgi.queryset.sql_store import SQLQueryset

__all__ = [
    "ANY_VERSION",
    "AbstractQueryset",
    "AlreadyExists",
    "Busy",
    "Change",
    "ChangeKind",
    "DictQueryset",
    "Filter",
    "Invalid",
    "NotFound",
    "Operator",
    "Page",
    "RedisQueryset",
    "Refused",
    "Result",
    "SQLQueryset",
    "SelectionError",
    "Status",
    "Stored",
    "Unreadable",
    "Unstorable",
    "VersionConflict",
]


def __getattr__(name: str) -> object:
    # Who has an engine to hand in has SQLAlchemy; others need not (PEP 562).
    if name == "SQLQueryset":
        try:
            from brubeck_wsgi.queryset.sql_store import SQLQueryset
        except ModuleNotFoundError as error:
            if error.name != "sqlalchemy":
                raise
            raise MissingLibrary("sqlalchemy", "sql") from None
        return SQLQueryset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
