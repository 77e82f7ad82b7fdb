"""Fields that hold an identity."""

from __future__ import annotations

import uuid
from typing import Any  # values before validation
from uuid import UUID

import msgspec

from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.hooks import hooked
from brubeck_wsgi.dictshield.sourcecode import Code


class UUIDField(BaseField[UUID]):
    """A UUID; text of one becomes one.

    Args:
        auto_fill: make a new one where none is given.
        options: those of `BaseField`.
    """

    json_type = "string"

    def __init__(self, auto_fill: bool = False, **options: Any) -> None:
        self.auto_fill = auto_fill
        super().__init__(**options)
        if auto_fill and self.default is None:
            self.default = uuid.uuid4

    def convert(self, value: Any) -> Any:
        if isinstance(value, UUID):
            return value
        try:
            if isinstance(value, str):
                return _uuid_of(value)
            if isinstance(value, bytes):
                return UUID(bytes=value)
        except ValueError:
            pass
        raise self.error("Not a valid UUID value", value)

    def to_value(self, value: Any) -> Any:
        return self.default_value() if self.auto_fill and value == "" else super().to_value(value)

    def for_json(self, value: Any) -> Any:
        return str(value)

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def annotation(self) -> Any:
        return UUID

    def kind(self) -> type | None:
        return UUID

    def text_kind(self) -> type | None:
        return UUID

    def limits(self, code: Code, value: str) -> list[str]:
        return []


class ObjectIdField(BaseField[Any]):
    """An identity of MongoDB; text of one becomes one.

    Args:
        auto_fill: make a new one where none is given; mostly the store does.
        options: those of `BaseField`.
    """

    json_type = "string"

    def __init__(self, auto_fill: bool = False, **options: Any) -> None:
        self.auto_fill = auto_fill
        super().__init__(**options)
        if auto_fill and self.default is None:
            self.default = _new_object_id

    def convert(self, value: Any) -> Any:
        from brubeck_wsgi.dictshield.objectid import ObjectId  # it may bring the bson of PyMongo

        if isinstance(value, ObjectId):
            return value
        try:
            # bson's takes twelve characters of text for bytes on some versions: only what has 24 digits is text of one.
            if isinstance(value, bytes) or (isinstance(value, str) and len(value) == 24):
                return ObjectId(value)
            if hasattr(value, "generation_time"):
                return ObjectId(str(value))
        except (ValueError, TypeError, ArithmeticError):
            pass
        except Exception as error:  # bson's InvalidId, which is no ValueError
            if type(error).__name__ != "InvalidId":
                raise
        raise self.error("Invalid ObjectId", value)

    def to_value(self, value: Any) -> Any:
        return self.default_value() if self.auto_fill and value == "" else super().to_value(value)

    def for_python(self, value: Any) -> Any:
        return self.convert(value)

    def for_json(self, value: Any) -> Any:
        return str(value)

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}

    def annotation(self) -> Any:
        return hooked(self.validate)

    def kind(self) -> type | None:
        from brubeck_wsgi.dictshield.objectid import ObjectId

        kind: type = ObjectId
        return kind

    def limits(self, code: Code, value: str) -> list[str]:
        return []

    def view(self, code: Code, value: str, role: str | None) -> str:
        return self.view_call(code, value, self.for_json)


def _new_object_id() -> Any:
    from brubeck_wsgi.dictshield.objectid import ObjectId

    return ObjectId()


def _uuid_of(text: str) -> UUID:
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        return UUID(text)  # ten times slower, and more ways to write one
