"""What is worked out once for an API of a model: its identity, who sees which fields, and what may be written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any  # models, their objects, and JSON
from uuid import uuid4

import msgspec

from brubeck_wsgi.autoapi.schemas import (
    Schema,
    flat,
    kinds_of,
    narrowed,
    nullable,
    properties_of,
    with_nulls,
    without_default,
)
from brubeck_wsgi.dictshield.metaclass import DocumentMetaclass
from brubeck_wsgi.dictshield.roles import visible
from brubeck_wsgi.errors import ConfigurationError, NotFound
from brubeck_wsgi.modeling import Fault, Invalid, Malformed, adapt
from brubeck_wsgi.modeling.inputs import inputs_of
from brubeck_wsgi.modeling.shapes import fields_of, has_roles, holds_set
from brubeck_wsgi.modeling.sieves import Sieve
from brubeck_wsgi.queryset import Stored
from brubeck_wsgi.queryset.results import version_of

ID_PATTERN = "^[A-Za-z0-9_~@:+=-][A-Za-z0-9_.~@:+=-]{0,127}$"
"""What an identity of text may be: it stands in a path, several of them with commas between."""

_ID = re.compile(ID_PATTERN[:-1] + r"\Z")
_INTEGER = re.compile(r"(?:0|[1-9][0-9]{0,17})\Z")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_DEEPEST = 100


class Plan:
    """A model as its API has it.

    Args:
        model: the class; see `brubeck_wsgi.modeling`.

    Attributes:
        face: what knows the class.
        identity: the name of the field that tells objects apart, and its key in what clients see.
        properties: the schemas of all fields that `load` takes, by their keys.
        id_schema: the schema of an identity.
        is_document: whether the model is a document.
        shows_all: whether everybody sees all of an object, as it is stored.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.face = adapt(model)
        self.is_document = isinstance(model, DocumentMetaclass)
        self.has_roles = self.is_document or has_roles(model)
        if self.face.identity is None:
            raise ConfigurationError(f"expected {self.face.name} to have an identity, a field id or __identity__")
        self.schema = self._named_schema(self.face.json_schema(None))
        self.properties = properties_of(self.schema)
        self.keys_by_name = self._client_keys()
        self._known_keys = frozenset(self.keys_by_name.values()) | frozenset(self.properties)
        self.identity = self.face.identity
        self.id_key = self.keys_by_name.get(self.identity, self.identity)
        self.id_schema, self.parse_id, self.new_id = self._id_rules()
        self.required = frozenset(flat(self.schema).get("required", ()))
        # Documents take numbers as text and empty text for nothing, as forms have them; JSON says what it means.
        self._numbers = {
            key
            for key, schema in self.properties.items()
            if kinds_of(schema) and kinds_of(schema) <= {"integer", "number"}
        }
        self._integers = [key for key, schema in self.properties.items() if kinds_of(schema) == {"integer"}]
        self._formatted = {key for key, schema in self.properties.items() if "format" in schema}
        self._seen: dict[str | None, frozenset[str]] = {}
        self._store_keys = self._keys_of_store()
        self._sieves: dict[str | None, Sieve] = {}
        self._has_other_names = self._sieve(None).is_needed
        # What is stored is then what is shown; documents have marks of their own in the store.
        self.shows_all = not self.has_roles and self.id_key in self.seen(None)
        self._set_keys = [] if self.is_document else [one.key for one in fields_of(model) if holds_set(one.type)]

    def _client_keys(self) -> dict[str, str]:
        """Return the keys by which clients know the fields, by their names."""
        if self.is_document:
            return {name: field.minimized_field_name or name for name, field in self.model._fields.items()}
        return {field.name: field.key for field in fields_of(self.model)}

    def _named_schema(self, schema: Schema) -> Schema:
        """Return the schema of an object with its fields by the keys that clients see, and not what else they take."""
        keys = {} if self.is_document else {name: one.key for one in inputs_of(self.model) for name in one.names}
        if all(keys.get(key, key) == key for key in properties_of(schema)):
            return schema
        whole = flat(schema)
        properties = {keys.get(key, key): value for key, value in whole["properties"].items()}
        required = [keys.get(key, key) for key in whole.get("required", ())]
        return {**whole, "properties": properties, "required": required}

    def _keys_of_store(self) -> dict[str, str]:
        """Return the keys of `dump` for a store, by those of clients, where they differ."""
        if not self.is_document:
            return {}
        store = {name: key for key, name, _ in visible(self.model, None)}
        return {key: store[name] for name, key in self.keys_by_name.items() if name in store and store[name] != key}

    def _id_rules(self) -> tuple[Schema, Callable[[str], str], Callable[[], Any] | None]:
        schema = self._property(self.identity)
        kinds = kinds_of(schema)
        if kinds == {"integer"}:
            return {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, _integer_id, None
        if schema.get("format") == "uuid" or any(one.get("format") == "uuid" for one in schema.get("anyOf", ())):
            return {"type": "string", "format": "uuid"}, _uuid_id, uuid4
        if kinds == {"string"} and "pattern" not in schema:
            return {"type": "string", "pattern": ID_PATTERN}, _text_id, lambda: uuid4().hex
        return {key: value for key, value in schema.items() if key != "default"}, self._loaded_id, None

    def _property(self, name: str) -> Schema:
        key = self.keys_by_name.get(name, name)
        others = (self.properties[other] for other in (name, "_id", "id") if other in self.properties)
        return self.properties.get(key) or next(others, {})

    def _loaded_id(self, text: str) -> str:
        if not _ID.match(text):
            raise NotFound("expected an id of letters, digits or _.~@:+=-")
        try:
            return str(next(iter(self.face.load_partial({self.id_key: text}).values())))
        except (Invalid, StopIteration):
            raise NotFound(f"no {self.face.name} has such an id") from None

    def id_value(self, key: str) -> Any:
        """Return an identity that came with a path as JSON has it."""
        return int(key) if self.id_schema.get("type") == "integer" else key

    # -- what is seen

    def seen(self, role: str | None) -> frozenset[str]:
        """Return the keys of the fields that *role* sees."""
        keys = self._seen.get(role)
        if keys is None:
            keys = self._seen[role] = frozenset(self._seen_keys(role))
        return keys

    def _seen_keys(self, role: str | None) -> set[str]:
        if self.is_document:
            if role is None:  # a client never sees what only a store needs
                return set(self.keys_by_name.values())
            return {key for key, _, _ in visible(self.model, role)}
        return set(properties_of(self._schema_for(role)))

    def _schema_for(self, role: str | None) -> Schema:
        return self.face.json_schema(role) if self.has_roles and role is not None else self.schema

    def shown(self, obj: Any, role: str | None) -> bytes:
        """Return what *role* sees of an object as JSON; its identity is always among it."""
        text = self.face.dump(obj, role if self.has_roles else None)
        if self.id_key in self.seen(role):
            return text
        identity = msgspec.json.encode(_plain_id(self.face.get_id(obj)))
        own = b'{"%b":%b' % (self.id_key.encode(), identity)
        return own + b"}" if text == b"{}" else own + b"," + text[1:]

    def tag(self, stored: Stored, shown: bytes) -> str:
        """Return what tells this state of an object, as it is shown, from others: the same in every process.

        It is made of what is shown and of nothing else, since whoever has a hash of something that they do not see can
        try what it may be.
        """
        if self.shows_all:
            return stored.version
        return version_of(_with_sets_in_order(shown, self._set_keys) if self._set_keys else shown)

    # -- what is written

    def faults_of(self, data: Mapping[str, Any]) -> list[Fault]:
        """Return what is wrong with data beside what the model says: numbers as text, an identity that fits no path."""
        faults = []
        for key, value in data.items():
            if isinstance(value, str | bool) and key in self._numbers:
                faults.append(Fault((key,), "Expected a number", value))
            elif value == "" and key in self._formatted:
                faults.append(Fault((key,), "Expected a value, or null", ""))
        if self.id_key in data and "pattern" in self.id_schema and self.id_schema["pattern"] == ID_PATTERN:
            given = data[self.id_key]
            if isinstance(given, str) and not _ID.match(given):
                faults.append(Fault((self.id_key,), "Expected 1 to 128 letters, digits or _.~@:+=- as an id", given))
        return faults

    def writable(self, data: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
        """Return what of *data* a client may write: to it there are no other fields than *keys*."""
        if self.is_document:
            return {key: value for key, value in data.items() if key in keys}
        known = self._known_keys
        return {key: value for key, value in data.items() if key in keys or key not in known}

    def stored(self, text: bytes) -> dict[str, Any]:
        """Return all of an object in a store as plain JSON data, by the keys of clients."""
        data: dict[str, Any] = msgspec.json.decode(text)
        for key, store_key in self._store_keys.items():
            if store_key in data:
                data[key] = data.pop(store_key)
        return self.named(data)

    def named(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return data with each field, at every depth, by the one key that clients see; 5.0 is the integer 5."""
        for key in self._integers:
            value = data.get(key)
            if value.__class__ is float and value.is_integer():
                data[key] = int(value)
        return self._sieve(None).sifted(data) if self._has_other_names else data

    def hides_parts(self, role: str | None) -> bool:
        """Tell whether objects in an object have something that *role* does not see, and so does not write."""
        return self.has_roles and self._sieve(role).is_needed

    def hidden_parts(self, role: str | None) -> dict[str, set[str]]:
        """Return what *role* does not see of the objects in an object: names of fields, by those of classes."""
        return self._sieve(role).hidden() if self.hides_parts(role) else {}

    def sifted(self, data: dict[str, Any], role: str | None) -> dict[str, Any]:
        """Return data without what *role* does not see of the objects in it."""
        return self._sieve(role).sifted(data) if self.hides_parts(role) else data

    def kept(self, data: dict[str, Any], before: dict[str, Any], role: str | None) -> dict[str, Any]:
        """Return data with what *role* does not see of the objects that are in it as before."""
        return self._sieve(role).kept(data, before) if self.hides_parts(role) else data

    def _sieve(self, role: str | None) -> Sieve:
        sieve = self._sieves.get(role)
        if sieve is None:
            sieve = self._sieves[role] = Sieve(self.model, role)
        return sieve

    def input_schema(self, keys: frozenset[str], *, with_id: bool) -> Schema:
        """Return the schema of what a client sends to make an object."""
        schema = narrowed(self.schema, {*keys, self.id_key} if with_id else keys - {self.id_key}, {self.id_key})
        if with_id and self.id_key in schema["properties"]:
            own = schema["properties"][self.id_key]
            # Null stands for none, which is made up then.
            schema["properties"][self.id_key] = nullable({**own, **self.id_schema} if "type" in own else own)
        # Generators of clients take a field with a default for one that is always there.
        schema["properties"] = {key: without_default(one) for key, one in schema["properties"].items()}
        return with_nulls(schema) if self.is_document else schema

    def output_schema(self, role: str | None) -> Schema:
        """Return the schema of what *role* sees."""
        whole = flat(self._schema_for(role))
        schema = narrowed(whole, self.seen(role))
        schema["properties"] = {self.id_key: dict(self.id_schema), **schema["properties"]}
        schema["properties"][self.id_key].pop("default", None)
        schema["required"] = list(dict.fromkeys([self.id_key, *schema.get("required", [])]))
        return schema


def merged(target: Any, patch: Any, depth: int = 0) -> Any:
    """Return what a merge patch makes of a value (RFC 7396 §2)."""
    if not isinstance(patch, dict):
        return patch
    if depth > _DEEPEST:
        raise Malformed("merge patch", [Fault((), "Malformed JSON: nested too deeply", None)])
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value, depth + 1)
    return result


def _with_sets_in_order(text: bytes, keys: list[str]) -> bytes:
    """Return an object as JSON with what may be sets under *keys* in an order that is the same in every process."""
    data = msgspec.json.decode(text)
    return msgspec.json.encode({key: _in_order(value) if key in keys else value for key, value in data.items()})


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(one) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    items = [_in_order(one) for one in value]
    # A list of objects keeps its order: it is hardly a set.
    return items if any(isinstance(one, dict) for one in items) else sorted(items, key=msgspec.json.encode)


def _plain_id(identity: Any) -> Any:
    return identity if isinstance(identity, int | str) else str(identity)


def _integer_id(text: str) -> str:
    if not _INTEGER.match(text):
        raise NotFound("expected an id of decimal digits")
    return text


def _uuid_id(text: str) -> str:
    if not _UUID.match(text):
        raise NotFound("expected a UUID as id")
    return text.lower()


def _text_id(text: str) -> str:
    if not _ID.match(text):
        raise NotFound("expected an id of letters, digits or _.~@:+=-")
    return text
