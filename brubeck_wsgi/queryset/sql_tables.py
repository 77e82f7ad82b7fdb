"""Tables for the objects of a model: a column for each field, and what a value is in it.

What JSON has as text, number or boolean is that in its column. A moment is text in UTC, which sorts; where a column
of a table that was there is of another type, values are converted. All else is a column of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any  # values of databases
from uuid import UUID

import msgspec
import sqlalchemy
from sqlalchemy import BigInteger, Boolean, Column, Dialect, Double, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset.binding import LONGEST_ID, ModelBound
from brubeck_wsgi.queryset.errors import Unstorable
from brubeck_wsgi.queryset.kinds import LONGEST_TEXT, Comparable, FieldShape, Kind, moment_text
from brubeck_wsgi.queryset.results import version_of

_VERSION = "_version"
_REST = "_rest"
_LONGEST_INDEXED = 255  # characters that MariaDB's indexes have of a text
_CONVERTED = (datetime, date, time, timedelta, UUID, Decimal, bytes)
_OF_DOCUMENTS = ("_cls", "_types")


class FieldColumn:
    """The column of a field.

    Args:
        shape: the field.
        column: its column.
    """

    def __init__(self, shape: FieldShape, column: Column[Any]) -> None:
        self.shape = shape
        self.column = column
        try:
            self._type: type | None = column.type.python_type
        except NotImplementedError:
            self._type = None
        self._has_no_zone = isinstance(column.type, sqlalchemy.DateTime) and not column.type.timezone

    def to_database(self, value: Any) -> Any:
        """Return a value out of JSON as the column takes it; `Unstorable` if it cannot."""
        if value is None:
            return None
        try:
            if self._type in _CONVERTED:
                return self._converted(value)
            return moment_text(value) if self.shape.kind is Kind.MOMENT else value
        except (ValueError, TypeError) as error:
            raise Unstorable(f"expected {self.shape.name} to fit its column, got {value!r:.80}") from error

    def to_json(self, value: Any) -> Any:
        """Return a value of the column as it goes into JSON."""
        if self.shape.kind is Kind.BOOLEAN:
            return bool(value)
        if self.shape.kind is Kind.INTEGER:
            return int(value)
        return float(value) if self.shape.kind is Kind.NUMBER else value

    def _converted(self, value: Any) -> Any:
        found = msgspec.convert(value, self._type, strict=False)
        if self._has_no_zone and found.tzinfo is not None:
            return found.astimezone(UTC).replace(tzinfo=None)
        return found


class Layout:
    """How objects of a model stand in a table.

    Args:
        bound: what keeps the objects.
        table: the table; each field that is required has a column, named as in JSON or as in the class.
        version: the name of the column for versions; None if there is none.
    """

    def __init__(self, bound: ModelBound, table: Table, version: str | None) -> None:
        self._class_name = getattr(bound.model_class, "__name__", "")
        self.table = table
        self.fields = {shape.name: FieldColumn(shape, _column_of(table, shape)) for shape in bound.all_shapes.values()}
        self.identity = self.fields[bound.identity.name]
        self.version: Column[Any] | None = None if version is None else table.c[version]
        self._rest: Column[Any] | None = table.c.get(_REST)
        self._keys = {one.shape.key for one in self.fields.values()}
        extra = [one for one in (self.version, self._rest) if one is not None]
        self.columns = [*[one.column for one in self.fields.values()], *extra]

    def row(self, data: bytes, version: str) -> dict[str, Any]:
        """Return the values for the columns of an object, by their names; `Unstorable` if one does not fit."""
        document = msgspec.json.decode(data)
        row = {one.column.name: one.to_database(document.get(one.shape.key)) for one in self.fields.values()}
        rest = {key: value for key, value in document.items() if key not in self._keys}
        if rest.get("_cls") == self._class_name:
            rest = {key: value for key, value in rest.items() if key not in _OF_DOCUMENTS}
        if self._rest is not None:
            row[_REST] = rest or None
        elif rest:
            raise Unstorable(f"expected a column for each field, got none for {sorted(rest)}")
        if self.version is not None:
            row[self.version.name] = version
        return row

    def read(self, row: Mapping[str, Any]) -> tuple[str, bytes, str]:
        """Return id, data and version of what a row has."""
        document = {}
        for one in self.fields.values():
            value = row[one.column.name]
            if value is not None:
                document[one.shape.key] = one.to_json(value)
            elif one.shape.takes_null:
                document[one.shape.key] = None
        if self._rest is not None:
            document.update(row[_REST] or {})
        data = msgspec.json.encode(document, enc_hook=str)
        version = version_of(data) if self.version is None else row[self.version.name]
        return str(row[self.identity.column.name]), data, version

    def id_value(self, key: str) -> Any:
        """Return an id as its column takes it; None if it cannot be one."""
        if self.identity.shape.kind is Kind.INTEGER:
            return int(key) if key.removeprefix("-").isdecimal() and len(key) < 19 else None
        try:
            return self.identity.to_database(key) if key else None
        except Unstorable:
            return None

    def values(self, names: tuple[str, ...], place: tuple[Comparable, ...]) -> list[Any]:
        """Return the values of a place in an order as the columns of its fields take them."""
        return [self.fields[name].to_database(value) for name, value in zip(names, place, strict=True)]


def own_layout(bound: ModelBound, name: str, dialect: Dialect) -> Layout:
    """Return the layout of a table that is made from the model, called *name*."""
    fields = [_own_column(shape, bound, dialect) for shape in bound.all_shapes.values()]
    version: Column[Any] = Column(_VERSION, String(40), nullable=False)
    rest: Column[Any] = Column(_REST, sqlalchemy.JSON(none_as_null=True))
    numbers = bound.identity.kind is Kind.INTEGER  # SQLite would give those of what is removed to others
    table = Table(name, MetaData(), *fields, version, rest, sqlite_autoincrement=numbers)
    for shape in bound.shapes.values():
        if shape != bound.identity:
            _own_index(table, shape, bound.identity, dialect)
    return Layout(bound, table, _VERSION)


def _own_column(shape: FieldShape, bound: ModelBound, dialect: Dialect) -> Column[Any]:
    if shape == bound.identity:
        return Column(shape.key, _own_type(shape, LONGEST_ID, dialect), primary_key=True)
    length = LONGEST_TEXT if shape.name in bound.shapes else None
    return Column(shape.key, _own_type(shape, length, dialect), nullable=shape.may_be_null)


def _own_type(shape: FieldShape, length: int | None, dialect: Dialect) -> Any:
    if shape.kind is Kind.INTEGER:
        return Integer() if dialect.name == "sqlite" else BigInteger()  # there it has 64 bits too, and counts on
    if shape.kind is Kind.NUMBER:
        return Double()
    if shape.kind is Kind.BOOLEAN:
        return Boolean()
    if shape.kind is Kind.OTHER:
        return sqlalchemy.JSON(none_as_null=True)
    # By the code points of texts, as in Python: by a language some are equal that are not the same.
    if dialect.name == "postgresql":
        return Text(collation="C")
    if dialect.name in ("mysql", "mariadb"):
        collation = "utf8mb4_nopad_bin"
        return mysql.LONGTEXT(collation=collation) if length is None else mysql.VARCHAR(length, collation=collation)
    return Text()


def _own_index(table: Table, shape: FieldShape, identity: FieldShape, dialect: Dialect) -> None:
    column: Any = table.c[shape.key]
    if dialect.name == "postgresql" and shape.may_be_null:
        column = column.asc().nulls_first()
    is_text = shape.kind not in (Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN)
    lengths = {shape.key: _LONGEST_INDEXED} if is_text else {}
    name = f"{table.name}_by_{shape.key}"
    Index(name, column, table.c[identity.key], mysql_length=lengths, mariadb_length=lengths)


def _column_of(table: Table, shape: FieldShape) -> Column[Any]:
    for name in (shape.key, shape.name):
        if name in table.c:
            return table.c[name]
    raise ConfigurationError(f"expected a column for {shape.name} in {table.name}, got {list(table.c.keys())}")
