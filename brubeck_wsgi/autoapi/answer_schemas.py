"""The answers of an API in an OpenAPI document: objects, problems, and what came of several objects."""

from __future__ import annotations

from typing import Any  # parts of OpenAPI documents

from brubeck_wsgi.autoapi.arguments import PLAIN
from brubeck_wsgi.autoapi.schemas import COMPONENTS, Schema
from brubeck_wsgi.problems import PROBLEM_JSON
from brubeck_wsgi.response import JSON, PHRASES

TEXT = "text/plain"

ETAG = {"description": "Tells this state from others.", "schema": {"type": "string"}}
LOCATION = {"description": "Where the object is.", "schema": {"type": "string", "format": "uri-reference"}}
LINK = {"description": "The pages beside this one (RFC 8288).", "schema": {"type": "string"}}
RANGE = {"description": "Which part of the list it is.", "schema": {"type": "string"}}
NOT_MODIFIED = {"description": "What the client has is still good."}

PROBLEM: Schema = {
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
_PROBLEM_REFERENCE = {"$ref": f"{COMPONENTS}Problem"}
_STATUS: Schema = {
    "type": "object",
    "properties": {"status_code": {"type": "integer"}, "status_msg": {"type": "string"}},
    "required": ["status_code", "status_msg"],
}


def results_schema(output: Schema) -> Schema:
    """Return the schema of what came of several objects, each of which is shown as *output*."""
    one = {
        "type": "object",
        "properties": {
            "status": {"type": "integer"},
            "location": {"type": "string", "format": "uri-reference"},
            "value": output,
            "problem": _PROBLEM_REFERENCE,
        },
        "required": ["status"],
    }
    return {
        "type": "object",
        "description": "What came of each.",
        "properties": {"results": {"type": "array", "items": one}},
        "required": ["results"],
    }


class AnswerSchemas:
    """The answers of an API.

    Args:
        api: the class of the API.
        output: the schema of an object as it is shown.
        results: the schema of what came of several.

    Attributes:
        item: the schema of an object in an answer.
        has_payload: whether answers have the payload of Brubeck 0.4.
    """

    def __init__(self, api: Any, output: Schema, results: Schema) -> None:
        self.has_payload = api.payload != PLAIN
        self.item: Schema = {"allOf": [output, _STATUS]} if self.has_payload else output
        self._results = results

    def page(self, headers: dict[str, Any]) -> dict[str, Any]:
        """Return an answer with a page of objects."""
        page = {"type": "array", "items": self.item}
        return self._described(page, "A page of objects.", {} if self.has_payload else headers)

    def one(self, description: str, headers: dict[str, Any]) -> dict[str, Any]:
        """Return an answer with an object."""
        return self._described(self.item, description, headers)

    def one_or_many(self, description: str, headers: dict[str, Any]) -> dict[str, Any]:
        """Return an answer with an object or several."""
        return self._described({"anyOf": [self.item, self._many()]}, description, headers)

    def many(self, description: str) -> dict[str, Any]:
        """Return an answer with several objects."""
        return self._described(self._many(), description, {})

    def problem(self, status: int) -> dict[str, Any]:
        """Return an answer that says what went wrong."""
        content: dict[str, Any] = {PROBLEM_JSON: {"schema": _PROBLEM_REFERENCE}}
        if self.has_payload:
            one = {"type": "object", "properties": {"status_code": {"type": "integer"}}, "required": ["status_code"]}
            content[JSON] = {"schema": {"anyOf": [one, {"type": "array", "items": one}]}}
        if status == 414:  # by the server, which does not read on
            content[TEXT] = {"schema": {"type": "string"}}
        return {"description": PHRASES.get(status, "Error"), "content": content}

    def multi(self) -> dict[str, Any]:
        """Return an answer that tells of each object."""
        schema: Schema = {"anyOf": [{"type": "array"}, {"type": "object"}]} if self.has_payload else self._results
        return {"description": "What came of each, where that differs.", "content": {JSON: {"schema": schema}}}

    def _many(self) -> Schema:
        return {"type": "array", "items": self.item}

    def _described(self, schema: Schema, description: str, headers: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"description": description, "content": {JSON: {"schema": self._wrapped(schema)}}}
        return {**found, "headers": headers} if headers else found

    def _wrapped(self, schema: Schema) -> Schema:
        """Return the schema of an answer whose data is *schema*."""
        if not self.has_payload:
            return schema
        payload = {
            **_STATUS,
            "properties": {**_STATUS["properties"], "data": schema},
            "required": [*_STATUS["required"], "data"],
        }
        return {"anyOf": [payload, schema]}  # an application's own render may hide the status
