"""The OpenAPI 3.1 document of an application: its APIs, from their models, and other handlers by their own words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any  # parts of OpenAPI documents

from brubeck_wsgi.auth import BasicAuthMixin, BearerAuthMixin
from brubeck_wsgi.autoapi.access import ANYONE, CREATE, DELETE, DELETE_ALL, LIST, PATCH, READ, UPDATE
from brubeck_wsgi.autoapi.answering import BRUBECK
from brubeck_wsgi.autoapi.arguments import PLAIN
from brubeck_wsgi.autoapi.list_parameters import findable_text, list_parameters
from brubeck_wsgi.autoapi.negotiation import EVENT_STREAM, MERGE_PATCH
from brubeck_wsgi.autoapi.operations import described_operations
from brubeck_wsgi.autoapi.schemas import Components, Schema, partial
from brubeck_wsgi.problems import PROBLEM_JSON
from brubeck_wsgi.response import JSON, PHRASES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "Where in the body (RFC 6901, as a URI fragment)."},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
    },
    "required": ["type", "title", "status"],
}
_ETAG = {"description": "Tells this state from others.", "schema": {"type": "string"}}
_LOCATION = {"description": "Where the object is.", "schema": {"type": "string", "format": "uri-reference"}}
_LINK = {"description": "The pages beside this one (RFC 8288).", "schema": {"type": "string"}}


def openapi_document(application: Any, apis: Iterable[Any], info: dict[str, Any], mount: str = "") -> dict[str, Any]:
    """Return the document.

    Args:
        apis: those of the application.
        info: title, version and more.
        mount: where the application is mounted.
    """
    components = Components()
    components.schemas["Problem"] = _PROBLEM
    schemes: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    tags = []
    for api in apis:
        described = _APIDescription(api, components)
        paths.update(described.paths())
        schemes.update(described.schemes)
        description = (api.__doc__ or api.model.__doc__ or "").strip().partition("\n")[0]
        tags.append({"name": api.label, **({"description": description} if description else {})})
    for path, item in described_operations(application, components).items():
        paths.setdefault(path, {}).update(item)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": info,
        "servers": [{"url": mount or "/"}],
        "paths": paths,
        "components": {"schemas": components.schemas},
        "tags": tags,
    }
    if schemes:
        found["components"]["securitySchemes"] = schemes
    return found


class _APIDescription:
    """What the document says of one API."""

    def __init__(self, api: Any, components: Components) -> None:
        self.api = api
        self.plan = api.plan
        self.is_brubeck = api.payload == BRUBECK
        self.name = self.plan.face.name
        self.schemes = _security_schemes(api)
        self.components = components
        self.output = self._output()
        self.results = components.add(f"{self.name}Results", _results(self.output))

    def paths(self) -> dict[str, Any]:
        """Return the path items."""
        rules, api = self.api.rules, self.api
        of_list = {"get": (LIST, self._list), "post": (CREATE, self._create), "delete": (DELETE_ALL, self._delete_all)}
        of_item = {
            "get": (READ, self._read),
            "put": (UPDATE, self._update),
            "patch": (PATCH, self._patch),
            "delete": (DELETE, self._delete),
        }
        found: dict[str, Any] = {}
        collection = {method: make() for method, (name, make) in of_list.items() if name in rules}
        item: dict[str, Any] = {method: make() for method, (name, make) in of_item.items() if name in rules}
        if collection:
            found[api.path] = collection
        if item:
            item["parameters"] = [
                {
                    "name": "id",
                    "in": "path",
                    "required": True,
                    "description": "Of the object. Several with commas between them ask for all of these.",
                    "schema": self.plan.id_schema,
                }
            ]
            found[f"{api.path}{{id}}"] = item
        return found

    # -- schemas

    def _output(self) -> Schema:
        api = self.api
        roles = list(dict.fromkeys(api.roles.values())) if api.roles is not None else [api.role]
        made = []
        for role in roles:
            schema = {"title": self.name, **self.plan.output_schema(role)}
            if api.url_field is not None:
                schema["properties"][api.url_field] = {"type": "string", "format": "uri", "readOnly": True}
                schema["required"] = [*schema["required"], api.url_field]
            made.append(self.components.add(self.name if len(roles) == 1 else f"{self.name}.{role}", schema))
        if len(made) == 1:
            return made[0]
        return self.components.add(self.name, {"anyOf": made})

    def _input(self) -> Schema:
        api = self.api
        role = api.roles.get("owner", api.role) if api.roles is not None else api.role
        keys = self.plan.seen(role) - api.read_only_keys - {self.plan.id_key}
        keys = keys if api.owner_key is None else keys - {api.owner_key}
        return self._limited(self.plan.input_schema(frozenset(keys), with_id=api.takes_ids))

    def _replacement(self) -> Schema:
        keys = self._input()["properties"].keys() - self.api.write_once_keys - {self.plan.id_key}
        return self._limited(self.plan.input_schema(frozenset(keys), with_id=False))

    def _limited(self, schema: Schema) -> Schema:
        """Return a schema with the limits that stores have for text which objects are found by."""
        limited = {
            key: findable_text(one) if key in self.api.selectable else one for key, one in schema["properties"].items()
        }
        return {**schema, "properties": limited}

    def _body(self, suffix: str, schema: Schema, kinds: tuple[str, ...], *, many: bool) -> dict[str, Any]:
        one = self.components.add(f"{self.name}{suffix}", {"title": f"{self.name}{suffix}", **schema})
        # A list is taken whatever its objects are: of each it is said what came of it.
        each = one if self.is_brubeck else {"anyOf": [one, {"type": "object"}]}
        choice = [one, {"type": "array", "items": each, "minItems": 1, "maxItems": self.api.max_items}]
        content = {kind: {"schema": {"anyOf": choice} if many else one} for kind in kinds}
        return {"required": True, "content": content}

    # -- operations

    def _list(self) -> dict[str, Any]:
        page = {"type": "array", "items": self._item()}
        headers = {"ETag": _ETAG, **({"Link": _LINK} if self.api.dialect == PLAIN else {"Content-Range": _RANGE})}
        ok = self._answer(page, "A page of objects.", headers, is_list=True)
        if self.api.feed:
            ok["content"][EVENT_STREAM] = {"schema": {"type": "string"}}
        answers = {200: ok, 304: {"description": "What the client has is still good."}}
        return self._operation(
            LIST, f"List {self.name}", answers, [400, 406, 412, 414], parameters=self._list_parameters()
        )

    def _read(self) -> dict[str, Any]:
        answers = {
            200: self._answer(self._item(), "The object.", {"ETag": _ETAG}),
            304: {"description": "What the client has is still good."},
        }
        return self._operation(READ, f"Read one {self.name}", answers, [207, 400, 404, 406, 412])

    def _create(self) -> dict[str, Any]:
        many = {"anyOf": [self._item(), {"type": "array", "items": self._item()}]}
        answers = {201: self._answer(many, "It is made.", {"Location": _LOCATION, "ETag": _ETAG})}
        if self.api.overwrites:
            answers[200] = self._answer(many, "It replaced another.", {"ETag": _ETAG})
        operation = self._operation(
            CREATE,
            f"Create a {self.name}, or several",
            answers,
            [207, 400, 406, 409, 413, 415, 422],
        )
        if self.api.idempotent_answers is not None:
            operation["description"] = "With an Idempotency-Key header it may be sent again, and is done once."
        operation["requestBody"] = self._body("Input", self._input(), (JSON,), many=True)
        return operation

    def _update(self) -> dict[str, Any]:
        operation = self._changing(UPDATE, f"Replace a {self.name}")
        if self.api.puts_new:
            operation["responses"]["201"] = self._answer(self._item(), "It is made.", {"Location": _LOCATION})
        operation["requestBody"] = self._body("Replacement", self._replacement(), (JSON,), many=False)
        return operation

    def _patch(self) -> dict[str, Any]:
        operation = self._changing(PATCH, f"Change a part of a {self.name}")
        content = self._body("Patch", partial(self._replacement()), (MERGE_PATCH, JSON), many=False)
        operation["requestBody"] = content
        return operation

    def _changing(self, name: str, summary: str) -> dict[str, Any]:
        answers = {
            200: self._answer(self._item(), "It is changed.", {"ETag": _ETAG}),
            204: {"description": "It is changed, and the client did not want it back."},
        }
        others = [207, 400, 404, 406, 409, 412, 413, 415, 422, *self._required_conditions()]
        return self._operation(name, summary, answers, others)

    def _delete(self) -> dict[str, Any]:
        answers = {204: {"description": "It is removed."}}
        answers[200] = self._answer(self._item(), "It is removed; this is what it was.", {})
        others = [207, 400, 404, 409, 412, *self._required_conditions()]
        return self._operation(DELETE, f"Remove a {self.name}", answers, others)

    def _delete_all(self) -> dict[str, Any]:
        answers = {204: {"description": "All are removed."}}
        if self.is_brubeck or self.api.dialect != PLAIN:
            answers[200] = self._answer({"type": "array", "items": self._item()}, "All are removed.", {})
        return self._operation(DELETE_ALL, f"Remove every {self.name}", answers, [400])

    def _operation(
        self,
        name: str,
        summary: str,
        answers: dict[int, Any],
        others: list[int],
        *,
        parameters: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        level = self.api.rules.levels[name]
        if level != ANYONE:
            others = [*others, 401, 403, 404]
        for status in others:
            answers.setdefault(status, self._multi() if status == 207 else self._problem(status))
        operation: dict[str, Any] = {
            "operationId": f"{name.replace('_', '-')}-{self.api.label}",
            "summary": summary,
            "tags": [self.api.label],
            "responses": {str(status): answers[status] for status in sorted(answers)},
        }
        if parameters:
            operation["parameters"] = parameters
        if self.schemes:  # what is for anyone may look different to who says who they are
            nobody: list[dict[str, Any]] = [{}] if level == ANYONE else []
            operation["security"] = [*nobody, *({scheme: []} for scheme in self.schemes)]
        return operation

    def _required_conditions(self) -> list[int]:
        return [428] if self.api.requires_conditions else []

    # -- answers

    def _item(self) -> Schema:
        if not self.is_brubeck:
            return self.output
        status = {
            "type": "object",
            "properties": {"status_code": {"type": "integer"}, "status_msg": {"type": "string"}},
            "required": ["status_code", "status_msg"],
        }
        return {"allOf": [self.output, status]}

    def _answer(
        self, schema: Schema, description: str, headers: dict[str, Any], *, is_list: bool = False
    ) -> dict[str, Any]:
        found: dict[str, Any] = {"description": description, "content": {JSON: {"schema": self._wrapped(schema)}}}
        if headers and not (self.is_brubeck and is_list):
            found["headers"] = headers
        return found

    def _wrapped(self, schema: Schema) -> Schema:
        """Return the schema of an answer whose data is *schema*."""
        if not self.is_brubeck:
            return schema
        payload = {
            "type": "object",
            "properties": {"status_code": {"type": "integer"}, "status_msg": {"type": "string"}, "data": schema},
            "required": ["status_code", "status_msg", "data"],
        }
        return {"anyOf": [payload, schema]}  # an application's own render may hide the status

    def _problem(self, status: int) -> dict[str, Any]:
        content: dict[str, Any] = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if self.is_brubeck:
            one = {"type": "object", "properties": {"status_code": {"type": "integer"}}, "required": ["status_code"]}
            content[JSON] = {"schema": {"anyOf": [one, {"type": "array", "items": one}]}}
        if status == 414:  # by the server, which does not read on
            content["text/plain"] = {"schema": {"type": "string"}}
        return {"description": PHRASES.get(status, "Error"), "content": content}

    def _multi(self) -> dict[str, Any]:
        schema: Schema = {"anyOf": [{"type": "array"}, {"type": "object"}]} if self.is_brubeck else self.results
        return {"description": "What came of each, where that differs.", "content": {JSON: {"schema": schema}}}

    # -- parameters

    def _list_parameters(self) -> list[dict[str, Any]]:
        return list_parameters(self.api, self._selectable())

    def _selectable(self) -> dict[str, Schema]:
        api = self.api
        role = api.role if api.roles is None else api.roles.get(ANYONE, api.role)
        seen = self.plan.seen(role) | {self.plan.id_key}
        return {
            key: findable_text(self.plan.properties.get(key, {"type": "string"}))
            for key in api.selectable
            if key in seen
        }


def _results(output: Schema) -> Schema:
    problem = {"$ref": "#/components/schemas/Problem"}
    one = {
        "type": "object",
        "properties": {
            "status": {"type": "integer"},
            "location": {"type": "string", "format": "uri-reference"},
            "value": output,
            "problem": problem,
        },
        "required": ["status"],
    }
    return {
        "type": "object",
        "description": "What came of each.",
        "properties": {"results": {"type": "array", "items": one}},
        "required": ["results"],
    }


def _security_schemes(api: Any) -> dict[str, Any]:
    if all(level == ANYONE for level in api.rules.levels.values()):
        return {}
    if issubclass(api, BearerAuthMixin):
        return {"bearer": {"type": "http", "scheme": "bearer"}}
    if issubclass(api, BasicAuthMixin):
        return {"basic": {"type": "http", "scheme": "basic"}}
    return dict(api.security_schemes)


_RANGE = {"description": "Which part of the list it is.", "schema": {"type": "string"}}
