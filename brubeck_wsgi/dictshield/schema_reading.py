"""From a JSON Schema to the fields of a document: the old shape of DictShield and draft 2020-12."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any  # JSON, and the document classes that are made

from brubeck_wsgi.dictshield.errors import InvalidShield
from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.fields.dictionaries import DictField
from brubeck_wsgi.dictshield.fields.embedded import EmbeddedDocumentField
from brubeck_wsgi.dictshield.fields.identity import UUIDField
from brubeck_wsgi.dictshield.fields.lists import ListField
from brubeck_wsgi.dictshield.fields.numbers import BooleanField, DecimalField, FloatField, IntField, NumberField
from brubeck_wsgi.dictshield.fields.temporal import DateTimeField, TimeStampField
from brubeck_wsgi.dictshield.fields.text import EmailField, StringField, URLField

MakeDocument = Callable[[str, dict[str, BaseField[Any]], str | None], Any]

_TEXTS: dict[str | None, type[BaseField[Any]]] = {
    "email": EmailField,
    "url": URLField,
    "uri": URLField,
    "uuid": UUIDField,
    "decimal": DecimalField,
    "date-time": DateTimeField,
}
_NUMBERS: dict[str, type[BaseField[Any]]] = {"integer": IntField, "number": NumberField, "boolean": BooleanField}
_OPTIONS = {
    "maxLength": "max_length",
    "minLength": "min_length",
    "pattern": "regex",
    "minimum": "min_value",
    "maximum": "max_value",
}
_ANY = "any"


class SchemaReader:
    """Reads one schema.

    Args:
        schema: the whole of it, to which its references refer.
        make_document: makes the class of an embedded document, of its name, fields and description.
    """

    def __init__(self, schema: Mapping[str, Any], make_document: MakeDocument) -> None:
        self._schema = schema
        self._make_document = make_document
        self._made: dict[str, str] = {}

    def fields(self, schema: Mapping[str, Any]) -> dict[str, BaseField[Any]]:
        """Return the fields of an object's schema; `InvalidShield` if it has none."""
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            raise InvalidShield("JSON Schema missing one or more properties")
        required = schema.get("required")
        names = required if isinstance(required, list) else ()
        fields = {}
        for name, one in properties.items():
            if not str(name).isidentifier():
                raise InvalidShield(f"expected a property name that Python takes for a name, got {name!r:.60}")
            own = "id" if name == "_id" else name
            fields[own] = self.field(one, {"required": True} if name in names else {}, own)
        return fields

    def field(self, schema: Mapping[str, Any], options: dict[str, Any], name: str) -> BaseField[Any]:
        """Return the field of a schema."""
        schema, referred = self._resolved(schema)
        kind = _kind(schema)
        if schema.get("required") is True:
            options["required"] = True
        if schema.get("default") is not None:
            options["default"] = schema["default"]
        if schema.get("enum") is not None:
            options["choices"] = list(schema["enum"])
        if schema.get("description"):
            options["description"] = schema["description"]
        if kind == "array":
            return ListField(self._items(schema, name), **options)
        if kind == "object":
            return self._object(schema, options, name, referred)
        return _scalar(kind, schema, options)

    def _resolved(self, schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
        """Return the schema that is meant, and where it stands if it is referred to."""
        reference = schema.get("$ref")
        if reference is None:
            return schema, None
        found: Any = self._schema
        if not str(reference).startswith("#/"):
            raise InvalidShield(f"expected a reference within the schema, got {reference!r:.80}")
        for part in reference[2:].split("/"):
            if not isinstance(found, Mapping) or part not in found:
                raise InvalidShield(f"expected {reference!r} to be in the schema")
            found = found[part]
        return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}, reference

    def _items(self, schema: Mapping[str, Any], name: str) -> list[BaseField[Any]]:
        items = schema.get("items", [])
        if isinstance(items, Mapping):
            items = items.get("anyOf", [items])
        return [self.field(item, {}, name) for item in items]

    def _object(
        self, schema: Mapping[str, Any], options: dict[str, Any], name: str, reference: str | None
    ) -> BaseField[Any]:
        if not schema.get("properties"):
            return DictField(**options)
        title = schema.get("title") or name.title().replace("_", "")
        if reference in self._made:  # it is being made: a document within itself
            return EmbeddedDocumentField(self._made[reference or ""], **options)
        if reference is not None:
            self._made[reference] = title
        return EmbeddedDocumentField(
            self._make_document(title, self.fields(schema), schema.get("description")), **options
        )


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", _ANY)
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if kinds else _ANY
    return str(kind)


def _scalar(kind: str, schema: Mapping[str, Any], options: dict[str, Any]) -> BaseField[Any]:
    given = schema.get("format")
    if kind == "string":
        field = _TEXTS.get(given, StringField)
    elif given == "utc-seconds":
        field = TimeStampField
    elif kind == _ANY:
        return BaseField(**options)
    else:
        found = _NUMBERS.get(kind)
        if found is None:
            raise InvalidShield(f"expected a type of JSON Schema, got {kind!r:.60}")
        field = found
    narrowing = {"regex", "max_length", "min_length"} if issubclass(field, StringField) else set()
    if issubclass(field, NumberField | DecimalField | FloatField):
        narrowing = {"min_value", "max_value"}
    for keyword, option in _OPTIONS.items():
        if schema.get(keyword) is not None and option in narrowing:
            options[option] = schema[keyword]
    return field(**options)
