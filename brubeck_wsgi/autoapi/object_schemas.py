"""The objects of an API in an OpenAPI document: what each role sees, and what clients send."""

from __future__ import annotations

from typing import Any  # classes of APIs, and parts of OpenAPI documents

from brubeck_wsgi.autoapi.access import ANYONE, OWNER
from brubeck_wsgi.autoapi.arguments import PLAIN
from brubeck_wsgi.autoapi.list_parameters import findable_text
from brubeck_wsgi.autoapi.negotiation import MERGE_PATCH
from brubeck_wsgi.autoapi.schemas import Components, Schema, partial
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

    def selectable(self) -> dict[str, Schema]:
        """Return the schemas of the fields that everybody may find objects by, by their keys."""
        api = self._api
        role = api.role if api.roles is None else api.roles.get(ANYONE, api.role)
        seen = self._plan.seen(role) | {self._plan.id_key}
        return {
            key: findable_text(self._plan.properties.get(key, {"type": "string"}))
            for key in api.selectable
            if key in seen
        }

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
        role = api.roles.get(OWNER, api.role) if api.roles is not None else api.role
        keys = self._plan.seen(role) - api.read_only_keys - {self._plan.id_key}
        keys = keys if api.owner_key is None else keys - {api.owner_key}
        return self._limited(self._plan.input_schema(frozenset(keys), with_id=api.takes_ids))

    def _replacement(self) -> Schema:
        keys = self._input()["properties"].keys() - self._api.write_once_keys - {self._plan.id_key}
        return self._limited(self._plan.input_schema(frozenset(keys), with_id=False))

    def _limited(self, schema: Schema) -> Schema:
        """Return a schema with the limits that stores have for text which objects are found by."""
        selectable = self._api.selectable
        limited = {key: findable_text(one) if key in selectable else one for key, one in schema["properties"].items()}
        return {**schema, "properties": limited}

    def _named(self, suffix: str, schema: Schema) -> Schema:
        name = f"{self.name}{suffix}"
        return self._components.add(name, {"title": name, **schema})


def _body(schema: Schema, *kinds: str) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
