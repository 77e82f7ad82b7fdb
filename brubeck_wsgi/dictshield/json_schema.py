"""The JSON Schema (draft 2020-12) of a document class: of what it takes, and of what each role sees."""

from __future__ import annotations

from typing import Any  # document classes and JSON

from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.roles import visible

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_schema(document_type: Any, role: str | None = None) -> dict[str, Any]:
    """Return the schema of a document class.

    Args:
        document_type: the class.
        role: who sees it; None for what `load` takes.
    """
    schemas = Schemas(role)
    root = schemas.document(document_type)
    if document_type in schemas.referred:  # it is within itself
        schemas.reference(document_type)
        root = {"$ref": f"#/$defs/{schemas.names[document_type]}"}
    definitions = schemas.definitions()
    return {"$schema": DIALECT, **root, **({"$defs": definitions} if definitions else {})}


class Schemas:
    """The schemas of a document and of those in it, each once.

    Args:
        role: as for `document_schema`.
    """

    def __init__(self, role: str | None) -> None:
        self.role = role
        self.names: dict[Any, str] = {}
        self.referred: list[Any] = []

    @property
    def is_input(self) -> bool:
        """Whether the schema is of what a document is made from."""
        return self.role is None

    def reference(self, document_type: Any) -> dict[str, Any]:
        """Return the reference to the schema of a document class."""
        if document_type not in self.names:
            name = document_type.__name__
            taken = set(self.names.values())
            number = next(number for number in range(len(taken) + 1) if _numbered(name, number) not in taken)
            self.names[document_type] = _numbered(name, number)
            self.referred.append(document_type)
        return {"$ref": f"#/$defs/{self.names[document_type]}"}

    def definitions(self) -> dict[str, Any]:
        """Return the schemas that are referred to, by name."""
        made: dict[str, Any] = {}
        for document_type in self.referred:  # which grows while it is gone through
            made[self.names[document_type]] = self.document(document_type)
        return made

    def document(self, document_type: Any) -> dict[str, Any]:
        """Return the schema of a document class."""
        properties: dict[str, Any] = {}
        required = []
        for key, _, field in visible(document_type, self.role):
            properties[key] = self.of(field)
            if field.required and (not self.is_input or field.default is None):
                required.append(key)
        schema: dict[str, Any] = {"title": document_type.__name__, "type": "object", "properties": properties}
        if document_type.__doc__:
            schema["description"] = document_type.__doc__.strip().partition("\n")[0]
        if required:
            schema["required"] = required
        return schema

    def of(self, field: BaseField[Any]) -> dict[str, Any]:
        """Return the schema of a field."""
        schema = {key: value for key, value in field.json_schema(self).items() if value is not None}
        if field.choices is not None:
            schema["enum"] = [field.for_json(field.to_value(choice)) for choice in field.choices]
        if field.description:
            schema["description"] = field.description
        if field.default is not None and not callable(field.default):
            schema["default"] = field.for_json(field.default_value())
        if schema.get("type") == "string" and field.required and "minLength" not in schema:
            schema["minLength"] = 1
        return schema


def _numbered(name: str, number: int) -> str:
    return f"{name}{number + 1}" if number else name
