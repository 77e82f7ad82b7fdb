"""Structs, dataclasses, TypedDicts and classes of attrs as models, by msgspec."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Union  # Any: objects of the application's classes, and what clients send
from uuid import UUID

import msgspec

from brubeck_wsgi.modeling.faultfinding import find_faults
from brubeck_wsgi.modeling.interface import Fault, Invalid, Malformed, identity_of
from brubeck_wsgi.modeling.shapes import Audience, fields_of
from brubeck_wsgi.modeling.viewing import seen_type, view_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_AS_THEY_ARE = (bytes, bytearray, datetime, date, time, timedelta, UUID, Decimal)


class StructModel:
    """A class that msgspec knows the fields of.

    Args:
        model: the class.
    """

    def __init__(self, model: Any) -> None:
        self._type = model
        self._fields = fields_of(model)
        self._decode = msgspec.json.Decoder(model).decode
        self._box: Any = msgspec.defstruct("Box", [("value", model)], array_like=True)
        self.name: str = model.__name__
        self.identity = identity_of(model, [field.name for field in self._fields])

    def load(self, data: bytes | str | Mapping[str, Any]) -> Any:
        try:
            if isinstance(data, Mapping):
                return msgspec.convert([data], self._box).value
            return self._decode(data)
        except (msgspec.ValidationError, RecursionError):
            plain = self._plain(data)
            faults = find_faults(self._type, plain)
        except ValueError as error:
            raise self._malformed(error) from None
        raise Invalid(self.name, faults or [Fault((), "expected valid data", None)])

    def load_partial(self, data: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
        plain = self._plain(data)
        try:
            found = msgspec.convert(plain, self._partial)
        except (msgspec.ValidationError, RecursionError):
            optional = tuple(field._replace(is_required=False) for field in self._fields)
            raise Invalid(self.name, find_faults(self._partial, plain, optional)) from None
        values = ((field.name, getattr(found, f"f{number}")) for number, field in enumerate(self._fields))
        return {name: value for name, value in values if value is not msgspec.UNSET}

    def dump(self, obj: Any, role: str | None) -> bytes:
        return msgspec.json.encode(obj if role is None else self.shown(obj, Audience(role)))

    def dump_python(self, obj: Any, role: str | None) -> Any:
        seen = obj if role is None else self.shown(obj, Audience(role))
        return msgspec.to_builtins(seen, builtin_types=_AS_THEY_ARE)

    def json_schema(self, role: str | None = None) -> dict[str, Any]:
        return {
            "$schema": _DIALECT,
            **msgspec.json.schema(self._type if role is None else seen_type(self._type, Audience(role))),
        }

    def get_id(self, obj: Any) -> Any:
        if self.identity is None:
            return None
        return obj.get(self.identity) if isinstance(obj, dict) else getattr(obj, self.identity)

    def set_id(self, obj: Any, value: Any) -> None:
        if self.identity is None:
            return
        if isinstance(obj, dict):
            obj[self.identity] = value
        elif isinstance(obj, msgspec.Struct) and obj.__struct_config__.frozen:
            msgspec.structs.force_setattr(obj, self.identity, value)
        elif dataclasses.is_dataclass(obj):
            object.__setattr__(obj, self.identity, value)  # a frozen one too: it is being stored for the first time
        else:
            setattr(obj, self.identity, value)

    def shown(self, obj: Any, audience: Audience) -> Any:
        """Return what *audience* sees of an object, or a list of them, for msgspec to write."""
        if isinstance(obj, list | tuple):
            return [self.shown(one, audience) for one in obj]
        kind: Any = self._type if isinstance(obj, dict) else type(obj)
        return view_of(kind, audience)(obj)

    @cached_property
    def _partial(self) -> Any:
        """The same class with nothing required."""
        return msgspec.defstruct(
            self.name,
            [
                (f"f{number}", Union[field.type, msgspec.UnsetType], msgspec.UNSET)  # noqa: UP007  # a type made here
                for number, field in enumerate(self._fields)
            ],
            rename={f"f{number}": field.key for number, field in enumerate(self._fields)},
        )

    def _plain(self, data: bytes | str | Mapping[str, Any]) -> Any:
        if isinstance(data, Mapping):
            return data
        try:
            return msgspec.json.decode(data)
        except (ValueError, RecursionError) as error:
            raise self._malformed(error) from None

    def _malformed(self, error: Exception) -> Malformed:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        return Malformed(self.name, [Fault((), f"Malformed JSON: {reason}", None)])
