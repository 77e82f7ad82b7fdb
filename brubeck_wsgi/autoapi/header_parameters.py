"""The headers that the operations of an API take, in an OpenAPI document."""

from __future__ import annotations

from typing import Any  # classes of APIs, and parts of OpenAPI documents

from brubeck_wsgi.autoapi.access import CREATE, DELETE, LIST, PATCH, READ, UPDATE
from brubeck_wsgi.autoapi.idempotency import KEY_PATTERN

Parameter = dict[str, Any]

_CHANGES = (UPDATE, PATCH, DELETE)


def header_parameters(api: Any, operation: str) -> list[Parameter]:
    """Return the parameters in headers of one of the `OPERATIONS`."""
    found = []
    if operation in (LIST, READ, *_CHANGES) or (operation == CREATE and api.overwrites):
        found += _conditions(is_required=api.requires_conditions and operation in _CHANGES)
    if operation in (CREATE, *_CHANGES):
        found.append(_preference(operation))
    if operation == CREATE and api.idempotent_answers is not None:
        said = "Sent again with the same key, the request is done once, and answered as before."
        found.append(_header("Idempotency-Key", said, {"type": "string", "pattern": KEY_PATTERN}))
    if operation == LIST and api.feed:
        said = "With Accept: text/event-stream, the id of the last event that the client has had."
        found.append(_header("Last-Event-ID", said, {"type": "string"}))
    return found


def _conditions(*, is_required: bool) -> list[Parameter]:
    """Return the conditions (RFC 9110 §13.1): what is no entity tag is one that nothing has, and no error."""
    tags = {"type": "string", "examples": ["*"]}
    matching = _header("If-Match", "Only if it has one of these entity tags, or any: *.", tags)
    if is_required:
        matching["required"] = True
    return [matching, _header("If-None-Match", "Only if it has none of these entity tags.", {"type": "string"})]


def _preference(operation: str) -> Parameter:
    """Return the preference of RFC 7240 §4.2; others are there too, and mean nothing here."""
    choices = ["return=representation"] if operation == DELETE else ["return=minimal", "return=representation"]
    return _header("Prefer", "How much to answer.", {"type": "string", "examples": choices})


def _header(name: str, description: str, schema: dict[str, Any]) -> Parameter:
    return {"name": name, "in": "header", "description": description, "schema": schema}
