"""The fields of the classes that msgspec knows, and of pydantic's, in one form; and who may see which of them."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin  # Any: types as annotations have them

import msgspec

from brubeck_wsgi.errors import ConfigurationError

_SAID_OF_A_KEY = (typing.Required, typing.NotRequired, getattr(typing, "ReadOnly", typing.Required))

TypeMap = Callable[[Any], Any]


class Field(NamedTuple):
    """A field of a class.

    Attributes:
        name: its name.
        key: what it is called in JSON.
        type: its annotation.
        is_required: whether an object has to be given it.
    """

    name: str
    key: str
    type: Any
    is_required: bool


@lru_cache(maxsize=4096)
def fields_of(model: Any) -> tuple[Field, ...]:
    """Return the fields of a class; none for what is no class with fields."""
    if not isinstance(model, type):
        return ()
    if hasattr(model, "model_fields") and hasattr(model, "model_validate_json"):
        return tuple(_pydantic_fields(model))
    if issubclass(model, msgspec.Struct):
        found = msgspec.structs.fields(model)
        return tuple(Field(one.name, one.encode_name, one.type, one.required) for one in found)
    if dataclasses.is_dataclass(model):
        return tuple(_dataclass_fields(model))
    if hasattr(model, "__attrs_attrs__"):
        return tuple(_attrs_fields(model))
    if is_typed_dict(model):
        return tuple(_typed_dict_fields(model))
    return ()


def is_typed_dict(hint: Any) -> bool:
    """Tell a TypedDict, whose objects are plain dictionaries."""
    return isinstance(hint, type) and issubclass(hint, dict) and hasattr(hint, "__total__")


def _pydantic_fields(model: Any) -> Iterator[Field]:
    for name, field in model.model_fields.items():
        key = field.serialization_alias or field.alias or name
        yield Field(name, key, field.annotation, field.is_required())


def _dataclass_fields(model: Any) -> Iterator[Field]:
    hints = typing.get_type_hints(model, include_extras=True)
    for one in dataclasses.fields(model):
        is_required = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        yield Field(one.name, one.name, hints[one.name], is_required)


def _attrs_fields(model: Any) -> Iterator[Field]:
    hints = typing.get_type_hints(model, include_extras=True)
    for one in model.__attrs_attrs__:
        yield Field(one.name, one.name, hints.get(one.name, Any), type(one.default).__name__ == "_Nothing")


def _typed_dict_fields(model: Any) -> Iterator[Field]:
    for name, hint in typing.get_type_hints(model, include_extras=True).items():
        # The class itself does not know what annotations in quotes say, and so all where __future__ has them quoted.
        is_required = name in model.__required_keys__ and get_origin(hint) is not typing.NotRequired
        while get_origin(hint) in _SAID_OF_A_KEY:
            (hint,) = get_args(hint)
        yield Field(name, name, hint, is_required)


class Audience(NamedTuple):
    """Who is to see something.

    Attributes:
        role: whose role it is.
        sees_plain: whether a class that has no `__roles__` shows all; else it shows nothing.
    """

    role: str
    sees_plain: bool = False


@lru_cache(maxsize=4096)
def has_roles(model: Any) -> bool:
    """Tell whether a class with fields, or one that it may hold, says anything of roles."""
    found = [model]
    for one in found:
        if hasattr(one, "__roles__"):
            return True
        try:
            found += [inner for field in fields_of(one) for inner in models_in(field.type) if inner not in found]
        except NameError:  # an annotation in quotes of what only a function knows: msgspec cannot read such a class
            continue
    return False


def seen_fields(model: Any, audience: Audience) -> tuple[Field, ...]:
    """Return the fields of a class that *audience* sees, as `__roles__` says.

    ``{"public": ["id", "title"], "owner": {"hide": ["notes"]}}``
    """
    role = audience.role
    if audience.sees_plain and not hasattr(model, "__roles__"):
        return fields_of(model)
    declaration = (getattr(model, "__roles__", None) or {}).get(role, ())
    is_hiding = isinstance(declaration, Mapping)
    if isinstance(declaration, str) or (is_hiding and set(declaration) != {"hide"}):
        wanted = "names or {'hide': names}"
        raise ConfigurationError(
            f"expected __roles__[{role!r}] of {model.__name__} to be {wanted}, got {declaration!r:.80}"
        )
    names = set(declaration["hide"] if is_hiding else declaration)
    unknown = names - {field.name for field in fields_of(model)}
    if unknown:
        raise ConfigurationError(f"expected __roles__ of {model.__name__} to name fields, got {sorted(unknown)}")
    return tuple(field for field in fields_of(model) if (field.name in names) is not is_hiding)


def inner_types(hint: Any) -> tuple[Any, ...]:
    """Return the types that an annotation is made of, without what is said about them."""
    if get_origin(hint) is Annotated:
        return (get_args(hint)[0],)
    return tuple(one for one in get_args(hint) if one is not Ellipsis)


def is_union(hint: Any) -> bool:
    """Tell whether an annotation leaves a choice of types."""
    return get_origin(hint) in (Union, types.UnionType)


def holds_set(hint: Any, around: tuple[Any, ...] = ()) -> bool:
    """Tell whether values of an annotation, or something in them, may be sets, which have no order of their own.

    Args:
        around: classes that it is asked of already.
    """
    kind = get_origin(hint) or hint
    if isinstance(kind, type) and issubclass(kind, collections.abc.Set):
        return True
    inner = () if kind in around else tuple(field.type for field in fields_of(kind))
    return any(holds_set(one, (*around, kind)) for one in (*inner, *get_args(hint)))


def models_in(hint: Any) -> list[Any]:
    """Return the classes with fields that values of an annotation may hold, those in these left aside."""
    if fields_of(hint):
        return [hint]
    if get_origin(hint) is typing.Literal:
        return []
    return list(dict.fromkeys(found for one in inner_types(hint) for found in models_in(one)))


def replace_models(hint: Any, replace: TypeMap) -> Any:
    """Return an annotation in which *replace* has been asked for each class with fields."""
    if fields_of(hint):
        return replace(hint)
    if not models_in(hint):
        return hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(replace_models(arguments[0], replace), *arguments[1:])]
    changed = tuple(one if one is Ellipsis else replace_models(one, replace) for one in arguments)
    # Not functools.reduce with |: of what is in quotes or a TypedDict that is no class.
    return Union[changed] if is_union(hint) else origin[changed]  # noqa: UP007
