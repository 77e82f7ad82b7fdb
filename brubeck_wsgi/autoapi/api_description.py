"""What an OpenAPI document says of one API: its paths, and the operations there."""

from __future__ import annotations

from typing import Any  # classes of APIs, and parts of OpenAPI documents

from brubeck_wsgi.auth import BasicAuthMixin, BearerAuthMixin
from brubeck_wsgi.autoapi.access import ANYONE, CREATE, DELETE, DELETE_ALL, LIST, PATCH, READ, UPDATE
from brubeck_wsgi.autoapi.answer_schemas import (
    ETAG,
    LINK,
    LOCATION,
    NOT_MODIFIED,
    RANGE,
    TEXT,
    AnswerSchemas,
    results_schema,
)
from brubeck_wsgi.autoapi.arguments import PLAIN
from brubeck_wsgi.autoapi.header_parameters import header_parameters
from brubeck_wsgi.autoapi.list_parameters import list_parameters
from brubeck_wsgi.autoapi.negotiation import EVENT_STREAM
from brubeck_wsgi.autoapi.object_schemas import ObjectSchemas
from brubeck_wsgi.autoapi.schemas import Components


class APIDescription:
    """What the document says of one API.

    Attributes:
        schemes: the security schemes, by name.
    """

    def __init__(self, api: Any, components: Components) -> None:
        self._api = api
        self._objects = ObjectSchemas(api, components)
        self._name = self._objects.name
        output = self._objects.output
        results = components.add(f"{self._name}Results", results_schema(output))
        self._answers = AnswerSchemas(api, output, results)
        self.schemes = _security_schemes(api)

    def paths(self) -> dict[str, Any]:
        """Return the path items."""
        rules, path = self._api.rules, self._api.path
        of_list = {"get": (LIST, self._list), "post": (CREATE, self._create), "delete": (DELETE_ALL, self._delete_all)}
        of_item = {
            "get": (READ, self._read),
            "put": (UPDATE, self._update),
            "patch": (PATCH, self._patch),
            "delete": (DELETE, self._delete),
        }
        collection = {method: make() for method, (name, make) in of_list.items() if name in rules}
        item: dict[str, Any] = {method: make() for method, (name, make) in of_item.items() if name in rules}
        found: dict[str, Any] = {path: collection} if collection else {}
        if item:
            found[f"{path}{{id}}"] = {**item, "parameters": [self._id_parameter()]}
        return found

    def _id_parameter(self) -> dict[str, Any]:
        return {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "Of the object. Several with commas between them ask for all of these.",
            "schema": self._api.plan.id_schema,
        }

    def _list(self) -> dict[str, Any]:
        ok = self._answers.page({"ETag": ETAG, **({"Link": LINK} if self._is_plain() else {"Content-Range": RANGE})})
        if self._api.feed:
            ok["content"][EVENT_STREAM] = {"schema": {"type": "string"}}
        answers = {200: ok, 304: NOT_MODIFIED}
        others = [400, 406, 412, 414]
        return self._operation(LIST, f"List {self._name}", answers, others, list_parameters(self._api))

    def _read(self) -> dict[str, Any]:
        answers = {200: self._answers.one("The object.", {"ETag": ETAG}), 304: NOT_MODIFIED}
        return self._operation(READ, f"Read one {self._name}", answers, [207, 400, 404, 406, 412])

    def _create(self) -> dict[str, Any]:
        answers = {201: self._answers.one_or_many("It is made.", {"Location": LOCATION, "ETag": ETAG})}
        self._have_empty(answers[201])
        if self._api.overwrites:
            answers[200] = self._answers.one_or_many("It replaced another.", {"ETag": ETAG})
            answers[204] = {"description": "It replaced another, and the client did not want it back."}
        others = [207, 400, 406, 409, 413, 415, 422]
        if self._api.overwrites:
            others += [401, 403, 404, 412, *self._required_conditions()]  # it is a change then
        operation = self._operation(CREATE, f"Create one {self._name}, or several", answers, others)
        return {**operation, "requestBody": self._objects.new()}

    def _update(self) -> dict[str, Any]:
        operation = self._changing(UPDATE, f"Replace one {self._name}")
        if self._api.puts_new:
            made = self._answers.one("It is made.", {"Location": LOCATION})
            self._have_empty(made)
            operation["responses"]["201"] = made
        return {**operation, "requestBody": self._objects.replacement()}

    def _patch(self) -> dict[str, Any]:
        return {
            **self._changing(PATCH, f"Change a part of one {self._name}"),
            "requestBody": self._objects.patch(),
        }

    def _changing(self, name: str, summary: str) -> dict[str, Any]:
        answers = {
            200: self._answers.one("It is changed.", {"ETag": ETAG}),
            204: {"description": "It is changed, and the client did not want it back."},
        }
        others = [207, 400, 404, 406, 409, 412, 413, 415, 422, *self._required_conditions()]
        return self._operation(name, summary, answers, others)

    def _delete(self) -> dict[str, Any]:
        answers = {204: {"description": "It is removed."}}
        answers[200] = self._answers.one("It is removed; this is what it was.", {})
        others = [207, 400, 404, 409, 412, *self._required_conditions()]
        return self._operation(DELETE, f"Remove one {self._name}", answers, others)

    def _delete_all(self) -> dict[str, Any]:
        answers = {204: {"description": "All are removed."}}
        if not self._is_plain():
            answers[200] = self._answers.many("All are removed.")
        return self._operation(DELETE_ALL, f"Remove every {self._name}", answers, [400])

    def _operation(
        self,
        name: str,
        summary: str,
        answers: dict[int, Any],
        others: list[int],
        parameters: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        api, level = self._api, self._api.rules.levels[name]
        if level != ANYONE:
            others = [*others, 401, 403, 404]
        for status in others:
            answers.setdefault(status, self._answers.multi() if status == 207 else self._answers.problem(status))
        operation: dict[str, Any] = {
            "operationId": f"{name.replace('_', '-')}-{api.label}",
            "summary": summary,
            "tags": [api.label],
            "responses": {str(status): answers[status] for status in sorted(answers)},
        }
        taken = [*(parameters or ()), *header_parameters(api, name)]
        if taken:
            operation["parameters"] = taken
        if self.schemes:  # what is for anyone may look different to who says who they are
            nobody: list[dict[str, Any]] = [{}] if level == ANYONE else []
            operation["security"] = [*nobody, *({scheme: []} for scheme in self.schemes)]
        return operation

    def _required_conditions(self) -> list[int]:
        return [428] if self._api.requires_conditions else []

    def _have_empty(self, answer: dict[str, Any]) -> None:
        """Say that there is no body for a client that prefers none."""
        if not self._answers.has_payload:
            answer["content"][TEXT] = {"schema": {"type": "string", "maxLength": 0}}

    def _is_plain(self) -> bool:
        return self._api.dialect == PLAIN and not self._answers.has_payload


def _security_schemes(api: Any) -> dict[str, Any]:
    if all(level == ANYONE for level in api.rules.levels.values()):
        return {}
    if issubclass(api, BearerAuthMixin):
        return {"bearer": {"type": "http", "scheme": "bearer"}}
    if issubclass(api, BasicAuthMixin):
        return {"basic": {"type": "http", "scheme": "basic"}}
    return dict(api.security_schemes)
