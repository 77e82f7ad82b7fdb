"""The OpenAPI 3.1 document of an application: its APIs, from their models, and other handlers by their own words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any  # parts of OpenAPI documents

from brubeck_wsgi.autoapi.answer_schemas import PROBLEM
from brubeck_wsgi.autoapi.api_description import APIDescription
from brubeck_wsgi.autoapi.operations import described_operations
from brubeck_wsgi.autoapi.schemas import Components

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def openapi_document(application: Any, apis: Iterable[Any], info: dict[str, Any], mount: str = "") -> dict[str, Any]:
    """Return the document.

    Args:
        apis: those of the application.
        info: title, version and more.
        mount: where the application is mounted.
    """
    components = Components()
    components.schemas["Problem"] = PROBLEM
    schemes: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    tags = []
    for api in apis:
        described = APIDescription(api, components)
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
