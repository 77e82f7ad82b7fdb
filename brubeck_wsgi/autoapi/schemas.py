"""The JSON Schemas of a model: what an API takes, what it shows, and where they stand in an OpenAPI document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any  # JSON

from brubeck_wsgi.queryset.kinds import LARGEST_INTEGER, LONGEST_TEXT

Schema = dict[str, Any]

_REFERENCE = "#/$defs/"
COMPONENTS = "#/components/schemas/"

NO_NUL = r"^[^\u0000]*$"
"""The pattern of text that every store can keep, and find."""


class Components:
    """The schemas that an OpenAPI document names, each once.

    Attributes:
        schemas: by name.
    """

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def add(self, name: str, schema: Mapping[str, Any]) -> Schema:
        """Put a schema and its definitions among the named ones, and return the reference to it."""
        definitions = _needed(schema)
        names = {inner: self._free_name(inner, one) for inner, one in definitions.items()}
        for inner, one in definitions.items():
            self.schemas.setdefault(names[inner], _moved(one, names))
        own = _moved({key: value for key, value in schema.items() if key not in ("$defs", "$schema")}, names)
        name = self._free_name(name, own)
        self.schemas[name] = own
        return {"$ref": COMPONENTS + name}

    def _free_name(self, name: str, schema: Schema) -> str:
        free, number = name, 1
        while self.schemas.get(free, schema) != schema:
            number += 1
            free = f"{name}{number}"
        return free


def _needed(schema: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the definitions that a schema refers to, be it by others."""
    definitions = schema.get("$defs", {})
    found: dict[str, Schema] = {}
    places = [{key: value for key, value in schema.items() if key != "$defs"}]
    while places:
        new = [name for name in _references(places.pop()) if name in definitions and name not in found]
        found |= {name: definitions[name] for name in new}
        places += [definitions[name] for name in new]
    return found


def _references(node: Any) -> set[str]:
    """Return the names of the definitions that a part of a schema names."""
    if isinstance(node, str):
        return {node.removeprefix(_REFERENCE)} if node.startswith(_REFERENCE) else set()
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return {name for part in parts for name in _references(part)}


def _moved(node: Any, names: Mapping[str, str]) -> Any:
    """Return a schema whose references lead to the components."""
    if isinstance(node, list):
        return [_moved(one, names) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _moved(value, names) for key, value in node.items()}
    reference = found.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        inner = reference.removeprefix(_REFERENCE)
        found["$ref"] = COMPONENTS + names.get(inner, inner)
    discriminator = found.get("discriminator")
    if isinstance(discriminator, dict) and isinstance(discriminator.get("mapping"), dict):
        mapping = discriminator["mapping"]
        found["discriminator"] = {
            **discriminator,
            "mapping": {
                key: COMPONENTS + names.get(place.removeprefix(_REFERENCE), place.removeprefix(_REFERENCE))
                for key, place in mapping.items()
            },
        }
    return found


def flat(schema: Mapping[str, Any]) -> Schema:
    """Return a schema whose properties stand in itself, where it only refers to a definition."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith(_REFERENCE):
        return dict(schema)
    definitions = schema.get("$defs", {})
    return {**definitions.get(reference.removeprefix(_REFERENCE), {}), "$defs": definitions}


def properties_of(schema: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the schemas of the fields, by their keys."""
    properties: dict[str, Schema] = flat(schema).get("properties", {})
    return properties


def narrowed(schema: Mapping[str, Any], keys: Collection[str], optional: Collection[str] = ()) -> Schema:
    """Return a schema with the properties called *keys* alone, of which *optional* are not required."""
    whole = flat(schema)
    properties = {key: value for key, value in whole.get("properties", {}).items() if key in keys}
    required = [key for key in whole.get("required", ()) if key in properties and key not in optional]
    kept = {key: value for key, value in whole.items() if key not in ("properties", "required", "title")}
    return {"type": "object", **kept, "properties": properties, **({"required": required} if required else {})}


def partial(schema: Mapping[str, Any]) -> Schema:
    """Return the schema of a merge patch (RFC 7396): nothing is required, and null takes what may be missing away."""
    whole = flat(schema)
    required = whole.get("required", ())
    properties = {
        key: without_default(value if key in required or value.get("readOnly") else nullable(value))
        for key, value in whole.get("properties", {}).items()
    }
    kept = {key: value for key, value in whole.items() if key not in ("properties", "required")}
    return {**kept, "properties": properties}


def with_nulls(schema: Mapping[str, Any]) -> Schema:
    """Return a schema that has null for what is not required, as documents take it."""
    whole = flat(schema)
    required = whole.get("required", ())
    properties = {
        key: value if key in required else nullable(value) for key, value in whole.get("properties", {}).items()
    }
    return {**whole, "properties": properties}


def nullable(schema: Schema) -> Schema:
    """Return a schema that has null too."""
    kind = schema.get("type")
    if isinstance(kind, str) and kind != "null" and not {"enum", "format"} & schema.keys():
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list) or accepts_null(schema):
        return {**schema, "type": [*kind, "null"]} if isinstance(kind, list) and "null" not in kind else schema
    return {"anyOf": [schema, {"type": "null"}]}


def accepts_null(schema: Schema) -> bool:
    """Tell whether null is among what a schema takes, as far as one can see."""
    if not schema or schema.get("type") == "null":
        return True
    return any(accepts_null(one) for one in schema.get("anyOf", ()) if one)


def findable(schema: Schema) -> Schema:
    """Return the schema of a field that objects are found by: text without NUL and with an end, integers of 64 bits."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [findable(one) for one in schema["anyOf"]]}
    kinds = kinds_of(schema)
    if "type" not in schema or {"format", "pattern", "enum", "const"} & schema.keys():
        return schema
    if "string" in kinds:
        return {"maxLength": LONGEST_TEXT, **schema, "pattern": NO_NUL}
    return {"minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER, **schema} if kinds == {"integer"} else schema


def dated(schema: Schema) -> Schema:
    """Return the schema of a moment, of which not every model says that it is more than text."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [dated(one) for one in schema["anyOf"]]}
    return {**schema, "format": "date-time"} if schema.get("type") == "string" and "format" not in schema else schema


def read_only(schema: Schema) -> Schema:
    """Return the schema of a field that clients see, and do not send."""
    return {**without_default(schema), "readOnly": True}


def without_default(schema: Schema) -> Schema:
    """Return a schema that says nothing of a default."""
    return {key: value for key, value in schema.items() if key != "default"}


def kinds_of(schema: Schema) -> set[str]:
    """Return the types that a value may have, null aside; empty where a schema does not say it."""
    kind = schema.get("type")
    kinds: Iterable[Any] = [kind] if isinstance(kind, str) else kind or ()
    found = set(kinds)
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found |= kinds_of(one)
    return found - {"null"}
