"""Objects in a database: SQLite, PostgreSQL or MariaDB, by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar  # Any: rows, and objects of the application's classes

import sqlalchemy
from sqlalchemy import Column, Connection, Engine, Table, delete, func, insert, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset.base import ANY_VERSION, AbstractQueryset
from brubeck_wsgi.queryset.errors import Refused, Unstorable, VersionConflict
from brubeck_wsgi.queryset.kinds import Kind
from brubeck_wsgi.queryset.results import ChangeKind, Result, Status, Stored
from brubeck_wsgi.queryset.selecting import Filter, Selection
from brubeck_wsgi.queryset.sql_errors import is_passing, is_taken_meanwhile, telling_locks
from brubeck_wsgi.queryset.sql_statements import behind, condition, order_by, replace_many
from brubeck_wsgi.queryset.sql_tables import Layout, own_layout

Answer = TypeVar("Answer")
Item = TypeVar("Item")

_BATCH = 500  # objects in a statement
_MOST_ATTEMPTS = 20
_INSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}  # with ON CONFLICT


class SQLQueryset(AbstractQueryset):
    """A store in a table of a database.

    Args:
        db_conn: an engine of SQLAlchemy; what it connects with is its own affair.
        api_id: the field that tells objects apart, where it is not the identity of the model.
        table: a table that is there, with a column for each field; or what to call the one that is made from the
            model when it is first used, if there is none yet; by default it is called as the model, in small letters.
        version: with a table that is there, the name of a column of text that it has for versions. Without one
            versions are made of what is in the other columns, and a change costs one query more.
        options: `model` and `indexed`, as `AbstractQueryset` has them.
    """

    def __init__(
        self,
        db_conn: Engine,
        api_id: str | None = None,
        *,
        table: str | Table | None = None,
        version: str | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(db_conn, Engine):  # a URL is not shown: it may have a password
            raise ConfigurationError(f"expected an engine, sqlalchemy.create_engine(…), got {type(db_conn).__name__}")
        self._engine = db_conn
        self._dialect = db_conn.dialect.name
        self._table = table
        self._version_name = version
        self._is_made = isinstance(table, Table)
        super().__init__(db_conn, api_id, **options)

    def __repr__(self) -> str:
        table = getattr(self._table, "name", self._table)
        name = table or (None if self.model_class is None else self.model.name.lower())
        return f"<{type(self).__name__}{self._of_model()}{f' in {name!r}' if name else ''}>"

    def _prepare(self) -> None:
        _ = self._layout  # what is wrong with it is said now

    @cached_property
    def _layout(self) -> Layout:
        if isinstance(self._table, Table):
            return Layout(self, self._table, self._version_name)
        return own_layout(self, self._table or self.model.name.lower(), self._engine.dialect)

    @property
    def _id(self) -> Column[Any]:
        return self._layout.identity.column

    # -- numbers for ids are made by the database

    def create_one(self, shield: Any, *, create_only: bool = False) -> Result:
        """Do as `AbstractQueryset.create_one`; an id that is a number is given by the database."""
        value = self._object(shield)
        if self._is_to_be_numbered(value):
            return self._create_numbered([value])[0]
        return super().create_one(value, create_only=create_only)

    def create_many(self, shields: Sequence[Any], *, create_only: bool = False) -> list[Result]:
        """Do as `AbstractQueryset.create_many`; ids that are numbers are given by the database."""
        values = [self._object(shield) for shield in shields]
        numbered = [value for value in values if self._is_to_be_numbered(value)]
        others = [value for value in values if not self._is_to_be_numbered(value)]
        if not numbered:
            return super().create_many(others, create_only=create_only)
        made = {id(value): result for value, result in zip(numbered, self._create_numbered(numbered), strict=True)}
        results = iter(super().create_many(others, create_only=create_only))
        return [made[id(value)] if id(value) in made else next(results) for value in values]

    def _is_to_be_numbered(self, value: Any) -> bool:
        return self.identity.kind is Kind.INTEGER and self._id_of(value) is None

    def _create_numbered(self, values: Sequence[Any]) -> list[Result]:
        rows = []
        for value in values:
            data = self._checked_data(value)
            rows.append(self._layout.row(data, self._version(data)))
            del rows[-1][self._id.name]
        statement = insert(self._layout.table).returning(self._id, sort_by_parameter_order=True)
        numbers = self._write(lambda connection: list(connection.execute(statement, rows).scalars()))
        for value, number in zip(values, numbers, strict=True):
            self._set_id(value, number)
        results = []
        for value, stored in zip(values, self._fetch([str(number) for number in numbers]), strict=True):
            found = stored or self._stored(value)
            self._queue(ChangeKind.CREATED, found)
            results.append(Result(Status.CREATED, value, found))
        self._listeners.tell()
        return results

    # -- what the contract needs

    def _fetch(self, keys: Sequence[str]) -> list[Stored | None]:
        ids = [one for one in map(self._layout.id_value, keys) if one is not None]
        found: dict[str, Stored] = {}
        for part in _batches(ids):
            found.update((one.id, one) for one in self._query(self._rows().where(self._id.in_(part))))
        return [found.get(key) for key in keys]

    def _fetch_all(self) -> list[Stored]:
        return self._query(self._rows())

    def _save(self, items: Sequence[Stored]) -> list[bool]:
        return self._write(lambda connection: self._put(connection, items, replaces=True))

    def _add(self, items: Sequence[Stored]) -> list[bool]:
        return self._write(lambda connection: self._put(connection, items, replaces=False))

    def _swap(self, item: Stored, version: str) -> None:
        def swap(connection: Connection) -> None:
            self._lock(connection, item.id, version)
            changed = update(self._layout.table).where(*self._is(item.id, version)).values(self._row(item))
            self._expect(connection, connection.execute(changed).rowcount, item.id, version)
            self._settle(connection, [item])

        self._write(swap)

    def _remove(self, keys: Sequence[str]) -> list[Stored | None]:
        ids = [one for one in map(self._layout.id_value, keys) if one is not None]

        def remove(connection: Connection) -> dict[str, Stored]:
            found: dict[str, Stored] = {}
            for part in _batches(ids):
                gone = delete(self._layout.table).where(self._id.in_(part)).returning(*self._layout.columns)
                found.update((one.id, one) for one in self._read(connection.execute(gone)))
            return found

        removed = self._write(remove)
        return [removed.get(key) for key in keys]

    def _remove_version(self, key: str, version: str) -> Stored:
        def remove(connection: Connection) -> Stored:
            self._lock(connection, key, version)
            gone = delete(self._layout.table).where(*self._is(key, version)).returning(*self._layout.columns)
            removed = self._read(connection.execute(gone))
            self._expect(connection, len(removed), key, version)
            return removed[0]

        return self._write(remove)

    def _remove_all(self) -> list[Stored]:
        gone = delete(self._layout.table).returning(*self._layout.columns)
        return self._write(lambda connection: self._read(connection.execute(gone)))

    def _select(self, selection: Selection) -> list[Stored]:
        query = self._rows().where(*self._conditions(selection.filters))
        if selection.after is not None:
            query = query.where(behind(selection.order, selection.after, self._layout, self._dialect))
        query = query.order_by(*order_by(selection.order, self._layout, self._dialect)).limit(selection.limit)
        return self._query(query.offset(selection.offset) if selection.offset else query)

    def _count(self, filters: tuple[Filter, ...]) -> int:
        query = select(func.count()).select_from(self._layout.table).where(*self._conditions(filters))
        self._make_table()
        with telling_locks(), self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    # -- reading

    def _rows(self) -> Any:
        return select(*self._layout.columns)

    def _query(self, query: Any) -> list[Stored]:
        self._make_table()
        with telling_locks(), self._engine.connect() as connection:
            return self._read(connection.execute(query))

    def _read(self, rows: Any) -> list[Stored]:
        return [Stored(*self._layout.read(row), self.model) for row in rows.mappings()]

    def _conditions(self, filters: tuple[Filter, ...]) -> list[Any]:
        return [condition(one, self._layout.fields[one.field], self._dialect) for one in filters]

    # -- writing

    def _row(self, item: Stored) -> dict[str, Any]:
        return self._layout.row(item.data, item.version)

    def _is(self, key: str, version: str) -> list[Any]:
        """Return the conditions that something has an id, and a version as far as that has a column."""
        conditions = [self._id == self._layout.id_value(key)]
        if self._layout.version is not None and version != ANY_VERSION:
            conditions.append(self._layout.version == version)
        return conditions

    def _lock(self, connection: Connection, key: str, version: str) -> None:
        """Where versions have no column: keep everybody from changing something, and compare its version."""
        if self._layout.version is None and version != ANY_VERSION:
            # Not FOR UPDATE, which SQLite does not have: there too this waits for whoever is writing.
            same = update(self._layout.table).where(*self._is(key, ANY_VERSION)).values({self._id: self._id})
            self._expect(connection, connection.execute(same).rowcount, key, version)
            (found,) = self._read(connection.execute(self._rows().where(*self._is(key, ANY_VERSION))))
            if found.version != version:
                raise VersionConflict(key, version)

    def _expect(self, connection: Connection, count: int, key: str, version: str) -> None:
        """Raise what kept a change from happening, if it did not."""
        if count:
            return
        is_there = connection.execute(select(self._id).where(*self._is(key, ANY_VERSION))).first() is not None
        raise VersionConflict(key, version) if is_there else self._not_found(key)

    def _settle(self, connection: Connection, items: Sequence[Stored]) -> None:
        """Where versions have no column: learn what the database has made of the values."""
        if self._layout.version is None:
            ids = [self._layout.id_value(item.id) for item in items]
            found = {one.id: one for one in self._read(connection.execute(self._rows().where(self._id.in_(ids))))}
            for item in items:
                item.data, item.version = found[item.id].data, found[item.id].version

    def _put(self, connection: Connection, items: Sequence[Stored], *, replaces: bool) -> list[bool]:
        """Insert what is new, and replace the rest if that is wanted; return what is new."""
        new: set[str] = set()
        for part in _batches(items):
            rows = [self._row(item) for item in part]
            added = self._insert_new(connection, rows)
            others = [row for row in rows if str(row[self._id.name]) not in added]
            if replaces and others:
                self._replace(connection, others)
            self._settle(connection, [one for one in part if replaces or one.id in added])
            new |= added
        return [item.id in new for item in items]

    def _insert_new(self, connection: Connection, rows: list[dict[str, Any]]) -> set[str]:
        if self._dialect in _INSERTS:
            added = _INSERTS[self._dialect](self._layout.table).on_conflict_do_nothing(index_elements=[self._id])
            return {str(one) for one in connection.execute(added.returning(self._id), rows).scalars()}
        # MariaDB can pass over what is there too, but then it takes what does not fit its column, cut to size.
        ids = [row[self._id.name] for row in rows]
        known = {str(one) for one in connection.execute(select(self._id).where(self._id.in_(ids))).scalars()}
        new = [row for row in rows if str(row[self._id.name]) not in known]
        if new:
            connection.execute(insert(self._layout.table), new)
        return {str(row[self._id.name]) for row in new}

    def _replace(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        if self._dialect in _INSERTS:
            added = _INSERTS[self._dialect](self._layout.table)
            values = {name: added.excluded[name] for name in rows[0] if name != self._id.name}
            replaced = added.on_conflict_do_update(index_elements=[self._id], set_=values)
            # With RETURNING many rows are one statement.
            connection.execute(replaced.returning(self._id), rows).all()
        elif not isinstance(self._table, Table):
            added = mysql.insert(self._layout.table)
            values = {name: added.inserted[name] for name in rows[0] if name != self._id.name}
            connection.execute(added.on_duplicate_key_update(values), rows)
        # In a table that was there, MariaDB would take a row that is equal in another unique column for the same.
        elif connection.execute(replace_many(self._layout, rows)).rowcount < len(rows):
            raise _Again  # somebody has removed one of them meanwhile

    def _write(self, change: Callable[[Connection], Answer]) -> Answer:
        """Do something in a transaction, and anew when another one was in its way."""
        self._make_table()
        for _ in range(_MOST_ATTEMPTS):
            try:
                with telling_locks(), self._engine.begin() as connection:
                    return change(connection)
            except sqlalchemy.exc.IntegrityError as error:
                if not is_taken_meanwhile(error):
                    raise Refused("the database's own rules do not allow it") from error
            except (sqlalchemy.exc.DataError, OverflowError) as error:
                raise Unstorable("expected values that fit their columns, got one that does not") from error
            except sqlalchemy.exc.DBAPIError as error:
                if not is_passing(error):
                    raise
            except _Again:
                pass
        raise Refused("others change the same all the time")

    def _make_table(self) -> None:
        if self._is_made:
            return
        metadata = self._layout.table.metadata
        try:
            with telling_locks():
                metadata.create_all(self._engine)
        except sqlalchemy.exc.DBAPIError:
            with telling_locks():
                metadata.create_all(self._engine)  # another process was making it
        self._is_made = True


class _Again(Exception):
    """A transaction has to be tried again."""


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch
