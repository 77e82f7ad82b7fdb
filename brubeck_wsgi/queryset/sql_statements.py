"""What a database is asked, as SQLAlchemy writes it for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any  # values of databases

from sqlalchemy import ColumnElement, and_, case, false, func, literal, or_, tuple_, update
from sqlalchemy.sql.dml import Update

from brubeck_wsgi.queryset.kinds import LONGEST_TEXT, Comparable, Kind
from brubeck_wsgi.queryset.selecting import Filter, Operator, Order
from brubeck_wsgi.queryset.sql_tables import FieldColumn, Layout

Condition = ColumnElement[bool]

# MariaDB sorts by the first 1024 bytes of a text (max_sort_length), and compares by all of it.
_SORTING_BY_BEGINNINGS = ("mysql", "mariadb")
_SORTED_CHARACTERS = 256


def condition(wanted: Filter, field: FieldColumn, dialect_name: str) -> Condition:
    """Return a filter as a condition."""
    column: Any = field.column
    if wanted.operator == Operator.ISNULL:
        found: Condition = column.is_(None) if wanted.value else column.is_not(None)
        return found
    if wanted.operator == Operator.IN:
        values: Condition = column.in_([field.to_database(one) for one in wanted.value])
        return values
    value: Any = literal(field.to_database(wanted.value), column.type)
    conditions: dict[str, Any] = {
        Operator.EQ: lambda: column == value,
        Operator.NE: lambda: or_(column != value, column.is_(None)),
        Operator.LT: lambda: column < value,
        Operator.LE: lambda: column <= value,
        Operator.GT: lambda: column > value,
        Operator.GE: lambda: column >= value,
        # Not LIKE: to SQLite's all letters are equal to their capitals.
        Operator.CONTAINS: lambda: (func.strpos if dialect_name == "postgresql" else func.instr)(column, value) > 0,
        Operator.STARTSWITH: lambda: func.substr(column, 1, len(wanted.value)) == value,
    }
    made: Condition = conditions[wanted.operator]()
    return made


def order_by(order: tuple[Order, ...], layout: Layout, dialect_name: str) -> Iterator[Any]:
    """Yield what to sort by: what is null comes first, or last when it is descending."""
    identity = layout.identity.column
    for one in order:
        column = layout.fields[one.shape.name].column
        sorted_by: Any = column.desc() if one.is_descending else column.asc()
        if dialect_name == "postgresql" and column.nullable:
            sorted_by = sorted_by.nulls_last() if one.is_descending else sorted_by.nulls_first()
        yield sorted_by
        if dialect_name in _SORTING_BY_BEGINNINGS and one.shape.kind is Kind.TEXT and column is not identity:
            for start in range(_SORTED_CHARACTERS + 1, LONGEST_TEXT + 1, _SORTED_CHARACTERS):
                rest = func.substr(column, start)
                yield rest.desc() if one.is_descending else rest.asc()


def behind(order: tuple[Order, ...], place: Sequence[Comparable], layout: Layout, dialect_name: str) -> Condition:
    """Return the condition that something comes after a place in an order."""
    fields = [layout.fields[one.shape.name] for one in order]
    columns = [field.column for field in fields]
    values = [_literal(field, value) for field, value in zip(fields, place, strict=True)]
    directions = {one.is_descending for one in order}
    has_nulls = any(value is None for value in values) or (
        True in directions and any(column.nullable for column in columns)
    )
    if len(directions) == 1 and not has_nulls and dialect_name not in ("mysql", "mariadb"):
        # As one value: it is what an index can begin at, however many objects are equal in the first column.
        here = tuple_(*columns)
        return here < tuple_(*values) if True in directions else here > tuple_(*values)
    return _behind_by_columns(list(zip(columns, values, [one.is_descending for one in order], strict=True)))


def replace_many(layout: Layout, rows: Sequence[dict[str, Any]]) -> Update:
    """Return the one statement that gives each row with one of the ids the values of its own."""
    identity = layout.identity.column
    names = [name for name in rows[0] if name != identity.name]
    values = {}
    for name in names:
        column = layout.table.c[name]
        cases = [(identity == row[identity.name], literal(row[name], column.type)) for row in rows]
        values[name] = case(*cases, else_=column)
    return update(layout.table).where(identity.in_([row[identity.name] for row in rows])).values(values)


def _literal(field: FieldColumn, value: Comparable) -> Any:
    return None if value is None else literal(field.to_database(value), field.column.type)


def _behind_by_columns(parts: Sequence[tuple[Any, Any, bool]]) -> Condition:
    (column, value, is_descending), *others = parts
    further = _further(column, value, is_descending)
    if not others:
        return further
    is_equal = column.is_(None) if value is None else column == value
    found = or_(further, and_(is_equal, _behind_by_columns(others)))
    if value is None or (is_descending and column.nullable):
        return found
    # Says nothing new; but it is what an index can begin at.
    return and_(column <= value if is_descending else column >= value, found)


def _further(column: Any, value: Any, is_descending: bool) -> Condition:
    found: Condition
    if value is None:
        found = false() if is_descending else column.is_not(None)
    elif not is_descending:
        found = column > value
    else:
        found = or_(column < value, column.is_(None)) if column.nullable else column < value
    return found
