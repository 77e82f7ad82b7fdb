"""Handlers that describe themselves, so that they stand beside the APIs in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar  # Any: models, and parts of OpenAPI documents

from brubeck_wsgi.autoapi.schemas import COMPONENTS, Components
from brubeck_wsgi.modeling import adapt
from brubeck_wsgi.modeling.shapes import has_roles
from brubeck_wsgi.problems import PROBLEM_JSON
from brubeck_wsgi.response import JSON, PHRASES

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE = "__openapi_operation__"
_OF_CONVERTERS: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "uuid": {"type": "string", "format": "uuid"},
}


class Description(NamedTuple):
    """What a handler says of itself."""

    summary: str
    description: str
    request: Any
    responses: Mapping[int, Any]
    parameters: Sequence[Mapping[str, Any]]
    tags: Sequence[str]


def describe(
    summary: str = "",
    *,
    description: str = "",
    request: Any = None,
    responses: Mapping[int, Any] | None = None,
    parameters: Sequence[Mapping[str, Any]] = (),
    tags: Sequence[str] = (),
) -> Callable[[Function], Function]:
    """Return a decorator for a handler function, or for a method of a handler class.

    Args:
        summary: in a few words; by default the first line of its docstring.
        description: in more words.
        request: the model or JSON Schema of the JSON body.
        responses: by status: a model, a JSON Schema, or words; 200 without a schema by default.
        parameters: of the query and the headers, as OpenAPI has them; those of the path it has from the route.
        tags: groups that it belongs to.
    """

    def mark(function: Function) -> Function:
        first_line = (function.__doc__ or "").strip().partition("\n")[0]
        said = Description(summary or first_line, description, request, responses or {200: "OK"}, parameters, tags)
        setattr(function, _ATTRIBUTE, said)
        return function

    return mark


def described_operations(application: Any, components: Components) -> dict[str, dict[str, Any]]:
    """Return the path items of all handlers of an application that describe themselves."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in application.router.rules:
        if rule.template is None:
            continue
        for method in rule.endpoints:
            said = _description(rule.handler, method)
            if said is not None and method != "HEAD":
                path, parameters = _openapi_path(rule)
                operation = _operation(said, parameters, components)
                operation["operationId"] = _identifier(method, path)
                paths.setdefault(path, {})[method.lower()] = operation
    return paths


def _description(handler: Any, method: str) -> Description | None:
    function = getattr(handler, method.lower(), None) if isinstance(handler, type) else handler
    found: Description | None = getattr(function, _ATTRIBUTE, None)
    return found


def _openapi_path(rule: Any) -> tuple[str, list[dict[str, Any]]]:
    from brubeck_wsgi.routing.rules import _FIELD

    path = _FIELD.sub(lambda field: f"{{{field[1]}}}", rule.template)
    parameters = [
        {
            "name": field[1],
            "in": "path",
            "required": True,
            "schema": _OF_CONVERTERS.get(field[2] or "str", {"type": "string"}),
        }
        for field in _FIELD.finditer(rule.template)
    ]
    return path, parameters


def _operation(said: Description, parameters: list[dict[str, Any]], components: Components) -> dict[str, Any]:
    operation: dict[str, Any] = {"responses": {}}
    if said.summary:
        operation["summary"] = said.summary
    if said.description:
        operation["description"] = said.description
    if said.tags:
        operation["tags"] = list(said.tags)
    if parameters or said.parameters:
        operation["parameters"] = [*parameters, *map(dict, said.parameters)]
    if said.request is not None:
        schema = _schema(said.request, None, components)
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    # What its converters do not take is not there.
    missing = {404: "There is no such thing."} if parameters else {}
    for status, content in {**missing, **said.responses}.items():
        phrase = PHRASES.get(status, "Answer")
        if isinstance(content, str):
            answer: dict[str, Any] = {"description": content}
            if status >= 400:
                answer["content"] = {PROBLEM_JSON: {"schema": {"$ref": f"{COMPONENTS}Problem"}}}
            operation["responses"][str(status)] = answer
        else:
            schema = _schema(content, "public", components)
            operation["responses"][str(status)] = {"description": phrase, "content": {JSON: {"schema": schema}}}
    return operation


def _schema(content: Any, role: str | None, components: Components) -> dict[str, Any]:
    if isinstance(content, Mapping):
        return dict(content)
    if isinstance(content, list) and len(content) == 1:
        return {"type": "array", "items": _schema(content[0], role, components)}
    face = adapt(content)
    seen = role if role is not None and has_roles(content) else None
    schema = face.json_schema(seen if not hasattr(content, "_class_name") else role)
    return components.add(face.name if role is not None else f"{face.name}Body", schema)


def _identifier(method: str, path: str) -> str:
    words = "".join(character if character.isalnum() else "-" for character in path).strip("-")
    return f"{method.lower()}-{words}" if words else method.lower()
