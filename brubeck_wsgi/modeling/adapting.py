"""Which kind of model a class is."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any  # objects of the application's classes

import msgspec

from brubeck_wsgi.dictshield.metaclass import DocumentMetaclass
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.modeling.documents import DocumentModel
from brubeck_wsgi.modeling.interface import Model
from brubeck_wsgi.modeling.shapes import Audience, has_roles
from brubeck_wsgi.modeling.structs import StructModel

_KINDS = "which is a document, a pydantic model, a msgspec Struct, a dataclass, a TypedDict or a class of attrs"


@lru_cache(maxsize=4096)
def adapt(model: Any) -> Model:
    """Return the face of a class of objects, the same each time.

    Args:
        model: a document class, a pydantic model, a msgspec Struct, a dataclass, a TypedDict, or a class of attrs.

    Raises:
        ConfigurationError: it is none of these.
    """
    if isinstance(model, DocumentMetaclass):
        return DocumentModel(model)
    if is_pydantic(model):
        from brubeck_wsgi.modeling.pydantics import PydanticModel  # it brings pydantic, which is there already

        return PydanticModel(model)
    if not is_structured(model):
        raise ConfigurationError(f"expected a class of models, {_KINDS}, got {model!r:.80}")
    return StructModel(model)


def show(value: Any, role: str) -> Any:
    """Return what *role* sees of an object of a model, for msgspec to write.

    Other than to `Model.dump`, to this a class that declares no roles at all is plain data, and shows all; the
    objects in it are filtered by what their classes declare. Documents always have roles.
    """
    kind: Any = type(value)
    if not isinstance(kind, DocumentMetaclass) and not is_pydantic(kind) and not has_roles(kind):
        return value
    face: Any = adapt(kind)
    return face.shown(value, Audience(role, sees_plain=True))


def is_model(value: object) -> bool:
    """Tell whether *value* is an object of a class that `adapt` takes; of a TypedDict there are no objects."""
    kind = type(value)
    return isinstance(kind, DocumentMetaclass) or is_pydantic(kind) or (is_structured(kind) and kind is not dict)


def is_pydantic(model: type) -> bool:
    """Tell a pydantic model, without importing pydantic."""
    return hasattr(model, "model_validate_json")


def is_structured(model: type) -> bool:
    """Tell a class that msgspec knows the fields of."""
    return isinstance(model, type) and (
        issubclass(model, msgspec.Struct)
        or dataclasses.is_dataclass(model)
        or hasattr(model, "__attrs_attrs__")
        or (issubclass(model, dict) and hasattr(model, "__total__"))
    )
