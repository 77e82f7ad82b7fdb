"""The field that holds another document."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar  # Any: values before validation, and document classes, which are built upon this
from weakref import WeakValueDictionary

from brubeck_wsgi.dictshield import unrolling
from brubeck_wsgi.dictshield.checking import collect
from brubeck_wsgi.dictshield.errors import InvalidShield, Path, ShieldException
from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.legacy_schema import embedded_schema
from brubeck_wsgi.dictshield.reading import build, read, read_all
from brubeck_wsgi.dictshield.releasing import Release, is_document
from brubeck_wsgi.dictshield.sourcecode import Code

Document = TypeVar("Document")

RECURSIVE_REFERENCE_CONSTANT = "self"

known_documents: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""Every document class by its name, the last one of that name; a field looks in its own module first."""


class EmbeddedDocumentField(BaseField[Document]):
    """Another document; a dictionary becomes one.

    Args:
        document_type: its class, a kind of `EmbeddedDocument`; or the name of a class that need not be there yet;
            ``"self"`` for the class that has the field.
        options: those of `BaseField`.
    """

    json_type = "object"
    is_judged_by_problem = False
    declared_in: Any = None

    def __init__(self, document_type: type[Document] | str, **options: Any) -> None:
        if not isinstance(document_type, str) and not getattr(document_type, "_is_embeddable", False):
            raise InvalidShield(f"expected an EmbeddedDocument class or its name, got {document_type!r:.80}")
        self.document_type_obj: Any = document_type
        super().__init__(**options)

    @property
    def document_type(self) -> Any:
        """The class of the document; `InvalidShield` if there is none of that name."""
        named = self.document_type_obj
        if isinstance(named, str):
            named = self.declared_in if named == RECURSIVE_REFERENCE_CONSTANT else self._find(named)
            self.document_type_obj = named
        return named

    def _find(self, name: str) -> Any:
        module = sys.modules.get(getattr(self.declared_in, "__module__", ""))
        found = getattr(module, name, None) or known_documents.get(name)
        if not hasattr(found, "_fields"):
            raise InvalidShield(f"expected a document class called {name!r} for {self.field_name}; there is none")
        return found

    def embedded_documents(self) -> Iterator[Any]:
        yield self.document_type

    def convert(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return build(self.document_type, value)
        if not isinstance(value, self.document_type):
            raise self.error("Invalid embedded document instance provided to an EmbeddedDocumentField", value)
        return value

    def to_value(self, value: Any) -> Any:
        if value.__class__ is dict:
            try:
                return build(self.document_type, value)
            except RecursionError:  # a client's nesting; it is reported as no document
                return value
        return super().to_value(value)

    def validate(self, value: Any) -> Any:
        """Return the document; `ShieldException` with the first of its errors."""
        value = self.convert(value)
        errors: list[ShieldException] = []
        collect(value, () if self.field_name is None else (self.field_name,), errors)
        if errors:
            raise errors[0]
        return value

    def inspect(self, value: Any, path: Path, errors: list[ShieldException]) -> None:
        if self.is_custom("validate"):
            self.validate(value)
        elif not isinstance(value, self.document_type):
            raise self.error("Invalid embedded document instance provided to an EmbeddedDocumentField", value)
        else:
            collect(value, path, errors)

    def read(self, value: Any, path: Path, place: str | int, errors: list[ShieldException]) -> Any:
        if self._custom_methods or self.choices is not None or self.validation is not None:
            return super().read(value, path, place, errors)
        if value.__class__ is dict:
            return read(self.document_type, value, (*path, place), errors)
        taken = self.to_value(value)
        self.collect(taken, (*path, place), errors)
        return taken

    def read_items(self, items: Any, path: Path, errors: list[ShieldException]) -> list[Any]:
        before = len(errors)
        is_plain = not self._custom_methods and self.choices is None and self.validation is None
        documents = read_all(self.document_type, items, path, errors) if is_plain else None
        if documents is None:
            del errors[before:]
            documents = super().read_items(items, path, errors)
        return documents

    def for_python(self, value: Any) -> Any:
        return self.release(value, Release(None, is_json=False))

    def for_json(self, value: Any) -> Any:
        return self.release(value, Release(None, is_json=True))

    def release(self, value: Any, release: Release) -> Any:
        if is_document(value):
            return release.document(value)
        if isinstance(value, Mapping):
            return release.mapping(self.document_type, value)
        return release.plain(value)

    def for_jsonschema(self) -> dict[str, Any]:
        """Return the document's schema; of a document within itself, only its name."""
        return embedded_schema(self.document_type)

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        reference: dict[str, Any] = schemas.reference(self.document_type)
        return reference

    def annotation(self) -> Any:
        return self.document_type

    def kind(self) -> type | None:
        kind: type = self.document_type
        return kind

    def limits(self, code: Code, value: str) -> list[str]:
        return []

    def write_inner_check(self, code: Code, value: str) -> None:
        unrolling.write_check(code, self.document_type, value)

    def write_post(self, code: Code, value: str, is_json: bool) -> None:
        super().write_post(code, value, is_json)
        unrolling.write_post(code, self.document_type, value, is_json)

    def write_plain(self, code: Code, value: str) -> None:
        code.line(f"if type({value}) is not dict: return {code.refusal}")
        unrolling.write_plain(code, self.document_type, value)

    def view(self, code: Code, value: str, role: str | None) -> str:
        loosely = self.loosely(code, role)
        if self.is_custom("for_json", "for_python", "release"):
            return f"{loosely}({value})"
        variable = value if value.isidentifier() else code.variable()
        bound = value if value.isidentifier() else f"({variable} := {value})"
        kind = code.name(self.document_type, "Document")
        seen = unrolling.view(code, self.document_type, variable, role)
        return f"{seen} if {bound}.__class__ is {kind} else {loosely}({variable})"
