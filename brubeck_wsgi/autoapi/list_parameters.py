"""The parameters of a list in an OpenAPI document: which part of it, in which order, and of which objects."""

from __future__ import annotations

from typing import Any  # classes of APIs, and parts of OpenAPI documents

from brubeck_wsgi.autoapi.access import ANYONE
from brubeck_wsgi.autoapi.arguments import JSON_SERVER, LARGEST_PLACE, LONGEST_TEXT, MOST_SORTS, SIMPLE_REST
from brubeck_wsgi.autoapi.schemas import NO_NUL, Schema
from brubeck_wsgi.queryset.kinds import LARGEST_INTEGER, Kind
from brubeck_wsgi.queryset.selecting import MOST_VALUES
from brubeck_wsgi.response import JSON

_PLACE: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_PLACE}
_TEXT: Schema = {"maxLength": LONGEST_TEXT, "pattern": NO_NUL}
_VALUES: dict[Kind, Schema] = {
    Kind.TEXT: {"type": "string", **_TEXT},
    Kind.UUID: {"type": "string", "format": "uuid"},
    Kind.MOMENT: {"type": "string", "format": "date-time"},
    Kind.INTEGER: {"type": "integer", "minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER},
    Kind.NUMBER: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean"},
}
# Forms have numbers as text.
_JSON_VALUES: dict[Kind, Schema] = {
    **_VALUES,
    Kind.TEXT: {"type": ["string", "number", "boolean"], **_TEXT},
    Kind.INTEGER: {"anyOf": [_VALUES[Kind.INTEGER], {"type": "string", "pattern": "^-?(?:0|[1-9][0-9]{0,17})$"}]},
    Kind.NUMBER: {
        "anyOf": [_VALUES[Kind.NUMBER], {"type": "string", "pattern": r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?$"}]
    },
    Kind.BOOLEAN: {"enum": [True, False, 1, 0, "true", "false", "1", "0"]},
}


def list_parameters(api: Any) -> list[dict[str, Any]]:
    """Return the parameters of the list of an API, in its dialect."""
    role = api.role if api.roles is None else api.roles.get(ANYONE, api.role)
    seen = api.plan.seen(role) | {api.plan.id_key}
    kinds = {key: api.queries.shapes[name].kind for key, name in api.selectable.items() if key in seen}
    others = {SIMPLE_REST: _simple_rest_parameters, JSON_SERVER: _json_server_parameters}
    return others.get(api.dialect, _plain_parameters)(api, kinds)


def _plain_parameters(api: Any, kinds: dict[str, Kind]) -> list[dict[str, Any]]:
    size = {"type": "integer", "minimum": 1, "maximum": api.max_page_size, "default": api.page_size}
    sort = {
        "type": "array",
        "items": {"type": "string", "enum": [sign + key for key in kinds for sign in ("", "-")]},
        "minItems": 1,
        "maxItems": MOST_SORTS,
        "uniqueItems": True,
    }
    return [
        _query("limit", size, "How many objects at the most."),
        _query("offset", _PLACE, "How many to pass over."),
        _query("count", {"type": "boolean"}, "Whether to count all, for X-Total-Count."),
        _query("sort", sort, "Fields to sort by, with - in front from the largest to the smallest.", explode=False),
        *_filters(kinds),
    ]


def _simple_rest_parameters(api: Any, kinds: dict[str, Kind]) -> list[dict[str, Any]]:
    sort = _pair({"enum": list(kinds)}, {"enum": ["ASC", "DESC"]})
    conditions = {
        "type": "object",
        "properties": {key: _one_or_many(_JSON_VALUES[kind]) for key, kind in kinds.items()},
        "additionalProperties": False,
    }
    return [
        _json_query("sort", sort, "The field to sort by, and in which direction."),
        _json_query("range", _pair(_PLACE, _PLACE), "The places of the first and the last object."),
        _json_query("filter", conditions, "The values of fields, or lists of values."),
    ]


def _json_server_parameters(api: Any, kinds: dict[str, Kind]) -> list[dict[str, Any]]:
    return [
        _query("_sort", {"type": "string", "enum": list(kinds)}, "The field to sort by."),
        _query("_order", {"type": "string", "enum": ["ASC", "DESC", "asc", "desc"]}, "In which direction."),
        _query("_start", _PLACE, "The place of the first object."),
        _query("_end", _PLACE, "The place behind the last object."),
        *_filters(kinds),
    ]


def _filters(kinds: dict[str, Kind]) -> list[dict[str, Any]]:
    return [_query(key, _VALUES[kind], f"Whose {key} it is.") for key, kind in kinds.items()]


def _pair(first: Schema, second: Schema) -> Schema:
    return {"type": "array", "prefixItems": [first, second], "items": False, "minItems": 2}


def _one_or_many(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_VALUES}]}


def _query(name: str, schema: Schema, description: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, **options}


def _json_query(name: str, schema: Schema, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "content": {JSON: {"schema": schema}}}
