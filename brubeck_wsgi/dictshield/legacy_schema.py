"""The JSON Schema of a document class in the shape of DictShield 0.4, which is that of draft 3."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any  # document classes, which are built upon this module


def legacy_schema(document_type: Any) -> dict[str, Any]:
    """Return the schema of a class: of its public fields if any are declared, else of all."""
    fields, public = document_type._fields, document_type._public_fields
    names = list(fields) if public is None else [name for name in public if name in fields]
    token = _described.set((*_described.get(), document_type))
    try:
        properties = {"_id" if name == "id" else name: fields[name].for_jsonschema() for name in names}
    finally:
        _described.reset(token)
    return {"type": "object", "title": document_type.__name__, "properties": properties}


def embedded_schema(document_type: Any) -> dict[str, Any]:
    """Return the schema of a class within others; within itself it is no more than its name."""
    if document_type in _described.get():
        return {"type": "object", "title": document_type.__name__}
    schema: dict[str, Any] = document_type.for_jsonschema()
    return schema


_described: ContextVar[tuple[Any, ...]] = ContextVar("_described", default=())
