"""The parameters of a list in an OpenAPI document: which part of it, in which order, and of which objects."""

from __future__ import annotations

from typing import Any  # classes of APIs, and parts of OpenAPI documents

from brubeck_wsgi.autoapi.arguments import JSON_SERVER, LONGEST_TEXT, MOST_SORTS, SIMPLE_REST
from brubeck_wsgi.autoapi.schemas import Schema, kinds_of
from brubeck_wsgi.queryset import kinds


def list_parameters(api: Any, fields: dict[str, Schema]) -> list[dict[str, Any]]:
    """Return the parameters of the list of an API, in its dialect.

    Args:
        fields: the schemas of the fields that objects are found by.
    """
    others = {SIMPLE_REST: _simple_rest_parameters, JSON_SERVER: _json_server_parameters}
    return others.get(api.dialect, _plain_parameters)(api, fields)


def findable_text(schema: Schema) -> Schema:
    """Return the schema of text that stores find objects by: it has no NUL, and an end."""
    if "string" not in kinds_of(schema) or {"format", "pattern", "enum", "const"} & schema.keys():
        return schema
    if "type" not in schema:
        return (
            {**schema, "anyOf": [findable_text(one) for one in schema.get("anyOf", ())]}
            if "anyOf" in schema
            else schema
        )
    return {"maxLength": kinds.LONGEST_TEXT, **schema, "pattern": r"^[^\u0000]*$"}


def _plain_parameters(api: Any, fields: dict[str, Schema]) -> list[dict[str, Any]]:
    size = {"type": "integer", "minimum": 1, "maximum": api.max_page_size, "default": api.page_size}
    parameters = [
        _query("limit", size, "How many objects at the most."),
        _query("offset", {"type": "integer", "minimum": 0, "maximum": 999_999_999}, "How many to pass over."),
        _query("count", {"type": "boolean"}, "Whether to count all, for X-Total-Count."),
        _query(
            "sort",
            {
                "type": "array",
                "items": {"type": "string", "enum": [sign + key for key in fields for sign in ("", "-")]},
                "minItems": 1,
                "maxItems": MOST_SORTS,
                "uniqueItems": True,
            },
            "Fields to sort by, with - in front from the largest to the smallest.",
            explode=False,
        ),
    ]
    for key, schema in fields.items():
        parameters.append(_query(key, _bare(schema), f"Whose {key} it is."))
    return parameters


def _simple_rest_parameters(api: Any, fields: dict[str, Schema]) -> list[dict[str, Any]]:
    text = {"type": "string"}
    said = {
        "sort": f'As JSON: ["{next(iter(fields))}", "ASC"].',
        "range": "As JSON: [first, last].",
        "filter": 'As JSON: {"field": value}, or a list of values.',
    }
    return [_query(name, text, description) for name, description in said.items()]


def _json_server_parameters(api: Any, fields: dict[str, Schema]) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    return [
        _query("_sort", {"type": "string", "enum": list(fields)}, "The field to sort by."),
        _query("_order", {"type": "string", "enum": ["ASC", "DESC"]}, "In which direction."),
        _query("_start", number, "The place of the first object."),
        _query("_end", number, "The place behind the last object."),
        *(_query(key, _bare(schema), f"Whose {key} it is.") for key, schema in fields.items()),
    ]


def _bare(schema: Schema) -> Schema:
    """Return the schema of a value to compare with."""
    kinds = kinds_of(schema)
    kind = next(iter(kinds)) if len(kinds) == 1 else "string"
    found: Schema = {"type": kind}
    if kind == "string":
        found |= {"maxLength": LONGEST_TEXT} | {key: schema[key] for key in ("format", "pattern") if key in schema}
    if kind == "integer":
        found |= {"minimum": -(2**63) + 1, "maximum": 2**63 - 1}
    return found


def _query(name: str, schema: Schema, description: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, **options}
