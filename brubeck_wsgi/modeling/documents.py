"""Documents as models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any  # documents, and what clients send

import msgspec

from brubeck_wsgi.dictshield.errors import MalformedDocument, ShieldDocException
from brubeck_wsgi.modeling.interface import Fault, Invalid, Malformed
from brubeck_wsgi.modeling.shapes import Audience


class DocumentModel:
    """A class of documents.

    Args:
        document_type: the class.
    """

    def __init__(self, document_type: Any) -> None:
        self._type = document_type
        self.name: str = document_type.__name__
        declared = getattr(document_type, "__identity__", None) or getattr(document_type, "_id_name", None)
        self.identity: str | None = declared if declared in document_type._fields else None

    def load(self, data: bytes | str | Mapping[str, Any]) -> Any:
        try:
            return type(self._type).load(self._type, data)
        except ShieldDocException as error:
            raise self._invalid(error) from None

    def load_partial(self, data: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
        try:
            given: dict[str, Any] = type(self._type).load_partial(self._type, data)
        except ShieldDocException as error:
            raise self._invalid(error) from None
        return given

    def dump(self, obj: Any, role: str | None) -> bytes:
        data: bytes = type(self._type).dump(self._type, obj, role)
        return data

    def dump_python(self, obj: Any, role: str | None) -> Any:
        return type(self._type).dump_python(self._type, obj, role)

    def json_schema(self, role: str | None = None) -> dict[str, Any]:
        schema: dict[str, Any] = type(self._type).json_schema(self._type, role)
        return schema

    def get_id(self, obj: Any) -> Any:
        return None if self.identity is None else getattr(obj, self.identity)

    def set_id(self, obj: Any, value: Any) -> None:
        if self.identity is not None:
            setattr(obj, self.identity, value)

    def shown(self, obj: Any, audience: Audience) -> Any:
        """Return what *audience* sees of an object, for msgspec to write."""
        return msgspec.Raw(self.dump(obj, audience.role))

    def _invalid(self, error: ShieldDocException) -> Invalid:
        kind = Malformed if isinstance(error, MalformedDocument) else Invalid
        return kind(self.name, [Fault(one.path, one.detail, one.field_value) for one in error.error_list])
