"""pydantic's models as models. This is imported when there is one, and then pydantic is there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any  # pydantic's classes and objects, and what clients send

import msgspec
import pydantic

from brubeck_wsgi.modeling.interface import Fault, Invalid, Malformed, identity_of
from brubeck_wsgi.modeling.shapes import (
    Audience,
    fields_of,
    has_roles,
    inner_types,
    is_union,
    models_in,
    replace_models,
    seen_fields,
)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class PydanticModel:
    """A pydantic model.

    Args:
        model: the class.
    """

    def __init__(self, model: Any) -> None:
        self._type = model
        self.name: str = model.__name__
        self.identity = identity_of(model, model.model_fields)
        # The methods of BaseModel spend half of their time on passing options that nobody has set.
        self._dumps_plainly = _is_inherited(model, "model_dump_json")

    def load(self, data: bytes | str | Mapping[str, Any]) -> Any:
        return self._validated(self._type, data)

    def load_partial(self, data: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
        found = self._validated(self._partial, data)
        return {name: getattr(found, name) for name in self._type.model_fields if name in found.model_fields_set}

    def dump(self, obj: Any, role: str | None) -> bytes:
        if isinstance(obj, list | tuple):
            return b"[" + b",".join(self.dump(one, role) for one in obj) + b"]"
        return self._text(obj, _include(type(obj), None if role is None else Audience(role)))

    def dump_python(self, obj: Any, role: str | None) -> Any:
        if isinstance(obj, list | tuple):
            return [self.dump_python(one, role) for one in obj]
        return obj.model_dump(include=_include(type(obj), None if role is None else Audience(role)), by_alias=True)

    def json_schema(self, role: str | None = None) -> dict[str, Any]:
        if role is None:
            return {"$schema": _DIALECT, **self._type.model_json_schema()}
        return {"$schema": _DIALECT, **_seen_type(self._type, Audience(role)).model_json_schema(mode="serialization")}

    def get_id(self, obj: Any) -> Any:
        return None if self.identity is None else getattr(obj, self.identity)

    def set_id(self, obj: Any, value: Any) -> None:
        if self.identity is not None:
            setattr(obj, self.identity, value)

    def shown(self, obj: Any, audience: Audience) -> Any:
        """Return what *audience* sees of an object, for msgspec to write."""
        kind: Any = type(obj)
        return msgspec.Raw(self._text(obj, _include(kind, audience if has_roles(kind) else None)))

    def _text(self, obj: Any, include: Any) -> bytes:
        if self._dumps_plainly and type(obj) is self._type:
            data: bytes = self._type.__pydantic_serializer__.to_json(obj, include=include, by_alias=True)
            return data
        text: str = obj.model_dump_json(include=include, by_alias=True)
        return text.encode()

    @cached_property
    def _partial(self) -> Any:
        """The same class with nothing required."""
        fields: dict[str, Any] = {}
        for name, field in self._type.model_fields.items():
            optional = field._copy() if hasattr(field, "_copy") else field
            optional.default, optional.default_factory = None, None
            fields[name] = (field.rebuild_annotation(), optional)
        return pydantic.create_model(self.name, __base__=self._type, **fields)

    def _validated(self, model: Any, data: bytes | str | Mapping[str, Any]) -> Any:
        try:
            if isinstance(data, bytes | str):
                validator = _validator(model, "model_validate_json")
                return model.model_validate_json(data) if validator is None else validator.validate_json(data)
            validator = _validator(model, "model_validate")
            return model.model_validate(dict(data)) if validator is None else validator.validate_python(dict(data))
        except pydantic.ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            faults = [Fault(tuple(one["loc"]), one["msg"], one.get("input")) for one in found]
            is_malformed = any(one["type"] == "json_invalid" for one in found)
            raise (Malformed if is_malformed else Invalid)(self.name, faults) from None


def _is_inherited(model: Any, name: str) -> bool:
    method, original = getattr(model, name), getattr(pydantic.BaseModel, name)
    return getattr(method, "__func__", method) is getattr(original, "__func__", original)


@lru_cache(maxsize=4096)
def _validator(model: Any, name: str) -> Any:
    """Return what *model* validates by, if the method called *name* does nothing else; None if it may."""
    return model.__pydantic_validator__ if _is_inherited(model, name) and model.__pydantic_complete__ else None


def _include(model: Any, audience: Audience | None) -> Any:
    return None if audience is None else _seen_names(model, audience)


@lru_cache(maxsize=4096)
def _seen_names(model: Any, audience: Audience) -> dict[str, Any]:
    """Return what *audience* sees of a model, as pydantic's ``include`` has it."""
    return {field.name: _seen_part(field.type, audience, model) for field in seen_fields(model, audience)}


def _seen_part(hint: Any, audience: Audience, around: Any) -> Any:
    models = models_in(hint)
    if not models:
        return True
    # Of several kinds of model, only what each of them shows; of a model within itself, nothing.
    parts: list[dict[str, Any]] = [{} if one is around else _seen_names(one, audience) for one in models]
    seen = {name: part for name, part in parts[0].items() if all(other.get(name) == part for other in parts)}
    return seen if _stands_alone(hint) else {"__all__": seen}


def _stands_alone(hint: Any) -> bool:
    """Tell whether the model of an annotation is the value itself, and not something in it."""
    if is_union(hint):
        return all(_stands_alone(one) for one in inner_types(hint) if models_in(one))
    return bool(fields_of(hint))


@lru_cache(maxsize=4096)
def _seen_type(model: Any, audience: Audience) -> Any:
    fields: dict[str, Any] = {}
    for field in seen_fields(model, audience):
        kind = replace_models(field.type, lambda inner: _seen_type(inner, audience) if inner is not model else Any)
        original = model.model_fields[field.name]
        fields[field.name] = (kind, original)
    return pydantic.create_model(model.__name__, **fields)
