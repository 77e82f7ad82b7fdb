"""What an audience sees of an object that msgspec knows: another object, with fewer fields, that msgspec writes."""

from __future__ import annotations

import collections.abc
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Annotated, Any, Literal, get_args, get_origin  # Any: types, and objects of the application's classes
from uuid import UUID

import msgspec

from brubeck_wsgi.modeling.shapes import (
    Audience,
    fields_of,
    inner_types,
    is_typed_dict,
    is_union,
    models_in,
    replace_models,
    seen_fields,
)

View = Callable[[Any], Any]

_LEAVES = (str, int, float, bool, type(None), bytes)
_CLOSED = (str, int, float, bytes, datetime, date, time, timedelta, UUID, Decimal, Enum)
_SEQUENCES = (list, collections.abc.Sequence, collections.abc.Collection)


@lru_cache(maxsize=4096)
def view_of(model: Any, audience: Audience) -> View:
    """Return the function that makes of an object of a class what *audience* sees of it."""
    fields = seen_fields(model, audience)
    struct = msgspec.defstruct(
        model.__name__,
        [(f"f{number}", Any, msgspec.UNSET) for number in range(len(fields))],
        rename={f"f{number}": field.key for number, field in enumerate(fields)},
        gc=False,
        **_tag(model),
    )
    read = itemgetter if is_typed_dict(model) else attrgetter
    getters = [_getter(read, field.name, _part_view(field.type, audience), is_typed_dict(model)) for field in fields]
    return lambda obj: struct(*[get(obj) for get in getters])


def _getter(read: Any, name: str, part: View | None, may_be_missing: bool) -> View:
    get: View = read(name)
    look = get if part is None else _after(get, part)
    return (lambda obj: look(obj) if name in obj else msgspec.UNSET) if may_be_missing else look


def _after(get: View, part: View) -> View:
    return lambda obj: part(get(obj))


def _part_view(hint: Any, audience: Audience) -> View | None:
    """Return the function for a part of an object; None if all of it is seen as it is."""
    if get_origin(hint) is Annotated:
        return _part_view(get_args(hint)[0], audience)
    if is_typed_dict(hint):
        return lambda value: _seen_dict(value, hint, audience)
    # Objects say themselves of which class they are; that a dictionary is a TypedDict, only the annotation says.
    if not any(is_typed_dict(one) for one in models_in(hint)):
        return None if _is_closed(hint) else lambda value: _seen(value, audience)
    return _typed_dict_view(hint, audience)


def _typed_dict_view(hint: Any, audience: Audience) -> View:
    """Return the function for a part in which a TypedDict is somewhere; where it is not plain which, nobody sees it."""
    parts = [_part_view(one, audience) for one in inner_types(hint) if one is not type(None)]
    origin = get_origin(hint)
    if origin in _SEQUENCES and len(parts) == 1 and parts[0] is not None:
        part = parts[0]
        return lambda value: [part(item) for item in value]
    if origin is dict and len(parts) == 2 and parts[1] is not None:
        of_value = parts[1]
        return lambda value: {key: of_value(item) for key, item in value.items()}
    if is_union(hint) and len(parts) == 1 and parts[0] is not None:
        one = parts[0]
        return lambda value: None if value is None else one(value)
    return lambda value: _hidden_dicts(value, audience)


def _seen_dict(value: Any, model: Any, audience: Audience) -> Any:
    return view_of(model, audience)(value) if isinstance(value, Mapping) else _seen(value, audience)


def _seen(value: Any, audience: Audience) -> Any:
    """Return what *audience* sees of a value, by its own class."""
    kind: Any = type(value)
    if kind in _LEAVES:
        return value
    if kind is list or kind is tuple or isinstance(value, set | frozenset):
        return [_seen(item, audience) for item in value]
    if isinstance(value, Mapping):
        return {key: _seen(item, audience) for key, item in value.items()}
    return view_of(kind, audience)(value) if fields_of(kind) else value


def _hidden_dicts(value: Any, audience: Audience) -> Any:
    if isinstance(value, Mapping):
        return {}
    if isinstance(value, list | tuple):
        return [_hidden_dicts(item, audience) for item in value]
    return _seen(value, audience)


def _is_closed(hint: Any) -> bool:
    """Tell whether values of an annotation are nothing in which an object with fields could be."""
    if get_origin(hint) is Literal or hint is type(None):
        return True
    if get_args(hint):
        return all(_is_closed(part) for part in inner_types(hint))
    return isinstance(hint, type) and issubclass(hint, _CLOSED)


@lru_cache(maxsize=4096)
def seen_type(model: Any, audience: Audience) -> Any:
    """Return a Struct class with the fields that *audience* sees, for the JSON Schema of them."""
    made: list[Any] = []
    for field in seen_fields(model, audience):
        kind = replace_models(field.type, lambda inner: seen_type(inner, audience) if inner is not model else Any)
        made.append((field.name, kind) if field.is_required else (field.name, kind, msgspec.UNSET))
    keys = {field.name: field.key for field in seen_fields(model, audience)}
    made.sort(key=len)
    return msgspec.defstruct(model.__name__, made, rename=keys, kw_only=True, **_tag(model))


def _tag(model: Any) -> dict[str, Any]:
    """Return the options of a Struct class with the tag of another, which everybody sees."""
    config = getattr(model, "__struct_config__", None)
    return {} if config is None or config.tag_field is None else {"tag_field": config.tag_field, "tag": config.tag}
