"""How data leaves a document: for whom, and as what.

A `Release` goes down through the fields of a document. Each field lets its own value out with it; each document in
there is filtered by the lists of its own class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any  # what is released may hold anything
from uuid import UUID

from brubeck_wsgi.dictshield.multivalue import MultiValueDict
from brubeck_wsgi.dictshield.roles import visible


class Release:
    """One release of data.

    Args:
        role: for whom; None for a store, which gets all.
        is_json: whether the result is for JSON, or plain Python data.
    """

    __slots__ = ("is_json", "role")

    def __init__(self, role: str | None, is_json: bool) -> None:
        self.role = role
        self.is_json = is_json

    def document(self, document: Any) -> dict[str, Any]:
        """Return what may be seen of a document."""
        kind = type(document)
        data = {}
        for key, name, field in visible(kind, self.role):
            value = getattr(document, name, None)
            if value is not None:
                data[key] = field.release(value, self)
        if self.role is None and kind._is_marked:
            data["_cls"] = kind._class_name
            data["_types"] = list(kind._types)
        return data

    def mapping(self, document_type: Any, values: Mapping[Any, Any]) -> dict[str, Any]:
        """Return what may be seen of a mapping that stands for a document; keys that are no fields are left out."""
        seen = {name: key for key, name, _ in visible(document_type, self.role)}
        data = {}
        for key, value in values.items():
            field = document_type._keys.get(key)
            if field is not None and field.field_name in seen and value is not None:
                data[seen[field.field_name]] = field.release(value, self)
        return data

    def plain(self, value: Any) -> Any:
        """Return *value*, of which no field says what it is: documents in it are released, containers copied."""
        kind = value.__class__
        if kind in _AS_THEY_ARE:
            return value
        if is_document(value):
            return self.document(value)
        if isinstance(value, MultiValueDict):
            lists = {key: [self.plain(item) for item in values] for key, values in value.lists()}
            return lists if self.is_json else MultiValueDict(lists)
        if isinstance(value, Mapping):
            return {key: self.plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = [self.plain(item) for item in value]
            if self.is_json or isinstance(value, list):
                return items
            return tuple(items) if isinstance(value, tuple) else set(items)
        return json_scalar(value) if self.is_json else value


def is_document(value: object) -> bool:
    """Tell a document, whose class is built upon this module."""
    return hasattr(type(value), "_class_name") and hasattr(type(value), "_fields")


def json_scalar(value: Any) -> Any:
    """Return a single value as JSON holds it."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return iso_text(value)
    if isinstance(value, Enum):
        return json_scalar(value.value)
    if isinstance(value, str | int):
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal) or type(value).__name__ == "ObjectId" or hasattr(value, "generation_time"):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"expected a value that JSON can hold, got {type(value).__name__}")


def iso_text(moment: datetime) -> str:
    """Return a moment in ISO 8601, UTC as ``Z``."""
    text = moment.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
