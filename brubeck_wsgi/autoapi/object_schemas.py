"""The objects of an API in an OpenAPI document: what each role sees, and what clients send."""

from __future__ import annotations

from typing import Any  # classes of APIs, and parts of OpenAPI documents

from brubeck_wsgi.autoapi.access import OWNER
from brubeck_wsgi.autoapi.arguments import PLAIN
from brubeck_wsgi.autoapi.negotiation import MERGE_PATCH
from brubeck_wsgi.autoapi.schemas import Components, Schema, dated, findable, narrowed, partial, read_only
from brubeck_wsgi.queryset.kinds import Kind
from brubeck_wsgi.response import JSON


class ObjectSchemas:
    """The objects of an API.

    Args:
        api: the class of the API.
        components: where the schemas are named.

    Attributes:
        name: of the model.
        output: the schema of an object as it is shown.
    """

    def __init__(self, api: Any, components: Components) -> None:
        self._api = api
        self._plan = api.plan
        self._components = components
        shapes, keys = api.queries.all_shapes, api.plan.keys_by_name
        self._moments = {keys.get(name, name) for name, shape in shapes.items() if shape.kind is Kind.MOMENT}
        self.name: str = api.plan.face.name
        self.output = self._output()

    def new(self) -> dict[str, Any]:
        """Return the body that makes an object, or several."""
        one = self._named("Input", self._input())
        # A list is taken whatever its objects are: of each it is said what came of it.
        each = {"anyOf": [one, {"type": "object"}]} if self._api.payload == PLAIN else one
        many = {"type": "array", "items": each, "minItems": 1, "maxItems": self._api.max_items}
        return _body({"anyOf": [one, many]}, JSON)

    def replacement(self) -> dict[str, Any]:
        """Return the body that takes the place of an object."""
        return _body(self._named("Replacement", self._replacement()), JSON)

    def patch(self) -> dict[str, Any]:
        """Return the body that changes a part of an object."""
        return _body(self._named("Patch", partial(self._replacement())), MERGE_PATCH, JSON)

    def _output(self) -> Schema:
        api = self._api
        roles = list(dict.fromkeys(api.roles.values())) if api.roles is not None else [api.role]
        made = []
        for role in roles:
            schema = {"title": self.name, **self._plan.output_schema(role)}
            if api.url_field is not None:
                schema["properties"][api.url_field] = {"type": "string", "format": "uri", "readOnly": True}
                schema["required"] = [*schema["required"], api.url_field]
            made.append(self._components.add(self.name if len(roles) == 1 else f"{self.name}.{role}", schema))
        return made[0] if len(made) == 1 else self._components.add(self.name, {"anyOf": made})

    def _input(self) -> Schema:
        api = self._api
        keys = self._writable()
        schema = self._plan.input_schema(keys, with_id=api.takes_ids)
        return self._told(schema, set() if api.takes_ids else {self._plan.id_key})

    def _replacement(self) -> Schema:
        keys = self._writable() - self._api.write_once_keys
        return self._told(self._plan.input_schema(keys, with_id=False), {self._plan.id_key, *self._api.write_once_keys})

    def _owners_role(self) -> str | None:
        role: str | None = self._api.role if self._api.roles is None else self._api.roles.get(OWNER, self._api.role)
        return role

    def _writable(self) -> frozenset[str]:
        """Return the keys that the owner of an object may write, its identity aside."""
        return frozenset(self._seen() - self._api.read_only_keys - {self._plan.id_key, self._api.owner_key})

    def _seen(self) -> frozenset[str]:
        seen: frozenset[str] = self._plan.seen(self._owners_role())
        return seen

    def _inner(self, schema: Schema) -> Schema:
        """Return a schema in which objects in an object have but what the owner of it may write."""
        hidden = self._plan.hidden_parts(self._owners_role())
        definitions = {
            name: narrowed(one, one["properties"].keys() - hidden[name]) if hidden.get(name) else one
            for name, one in schema.get("$defs", {}).items()
        }
        return {**schema, "$defs": definitions} if definitions else schema

    def _told(self, schema: Schema, fixed: set[str]) -> Schema:
        """Return a schema with what stores and the API add to it: limits of text, and fields that are left alone.

        Args:
            fixed: keys of the latter, beside those that nobody writes.
        """
        api, plan = self._api, self._plan
        properties = {key: self._limited(key, one) for key, one in schema["properties"].items()}
        own = {plan.id_key: plan.id_schema}
        for key in sorted((self._seen() | {plan.id_key}) & (fixed | api.read_only_keys | {api.owner_key})):
            properties[key] = read_only(own.get(key) or plan.properties.get(key, {}))
        return self._inner({**schema, "properties": properties})

    def _limited(self, key: str, schema: Schema) -> Schema:
        found = dated(schema) if key in self._moments else schema
        return findable(found) if key in self._api.selectable else found

    def _named(self, suffix: str, schema: Schema) -> Schema:
        name = f"{self.name}{suffix}"
        return self._components.add(name, {"title": name, **schema})


def _body(schema: Schema, *kinds: str) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
