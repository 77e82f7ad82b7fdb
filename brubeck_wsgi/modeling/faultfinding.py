"""Every error of data that msgspec refused, which itself names only the first.

The data is walked beside the type, and msgspec is asked about each part that is not good as a whole.
"""

from __future__ import annotations

import collections.abc
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin  # Any: types, and what clients send

import msgspec

from brubeck_wsgi.modeling.interface import Fault, Path
from brubeck_wsgi.modeling.shapes import Field, fields_of, inner_types, is_union

_SEQUENCES = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Collection, collections.abc.Set)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)|\[(\.\.\.)\]")
_DEEPEST = 100


def find_faults(model: Any, data: Any, fields: tuple[Field, ...] | None = None) -> list[Fault]:
    """Return what is wrong with *data*, which msgspec refused to make a *model* of.

    Args:
        model: the class.
        data: plain data.
        fields: in place of its own, where not all are required.
    """
    faults = list(_in_object(fields_of(model) if fields is None else fields, data, ()))
    # What only the whole of it says: a __post_init__, unknown fields that are forbidden, a tag.
    return faults or list(_asked(model, data, ()))


def _in(hint: Any, data: Any, path: Path) -> Iterator[Fault]:
    own = list(_asked(hint, data, path))
    if not own:
        return
    found = [] if len(path) > _DEEPEST else list(_in_parts(hint, data, path))
    yield from found or own


def _in_parts(hint: Any, data: Any, path: Path) -> Iterator[Fault]:
    if get_origin(hint) is Annotated:
        yield from _in_parts(get_args(hint)[0], data, path)
    elif is_union(hint):
        fitting = [one for one in inner_types(hint) if _may_be(one, data)]
        if len(fitting) == 1:
            yield from _in(fitting[0], data, path)
    elif fields_of(hint):
        yield from _in_object(fields_of(hint), data, path)
    elif isinstance(data, list | tuple) and (get_origin(hint) or hint) in _SEQUENCES:
        yield from _in_items(hint, data, path)
    elif isinstance(data, Mapping) and (get_origin(hint) or hint) in _MAPPINGS and len(get_args(hint)) == 2:
        for key, value in data.items():
            yield from _in(get_args(hint)[1], value, (*path, key))


def _in_object(fields: tuple[Field, ...], data: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(data, Mapping):
        yield Fault(path, f"Expected `object`, got `{_json_name(data)}`", data)
        return
    for field in fields:
        if field.key in data:
            yield from _in(field.type, data[field.key], (*path, field.key))
        elif field.is_required:
            yield Fault((*path, field.key), "Required field missing", None)


def _in_items(hint: Any, data: Any, path: Path) -> Iterator[Fault]:
    kinds = get_args(hint)
    if not kinds:
        return
    is_fixed = get_origin(hint) is tuple and not (len(kinds) == 2 and kinds[1] is Ellipsis)
    for place, item in enumerate(data):
        if not is_fixed:
            yield from _in(kinds[0], item, (*path, place))
        elif place < len(kinds):
            yield from _in(kinds[place], item, (*path, place))


def _asked(hint: Any, data: Any, path: Path) -> Iterator[Fault]:
    """Yield what msgspec says of *data*, if it refuses it."""
    try:
        msgspec.convert([data], _box(hint))
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$[0]")
        found = place.rstrip("`")
        if found == "`" or message.endswith(" - at `$[0]`"):
            found = ""
        yield Fault((*path, *_steps(found)), message, _at(data, _steps(found)))
    except RecursionError:
        yield Fault(path, "Nested too deeply", None)


def _steps(place: str) -> Path:
    return tuple(int(number) if number else name or ellipsis for number, name, ellipsis in _STEP.findall(place))


def _at(data: Any, steps: Path) -> Any:
    for step in steps:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _may_be(hint: Any, data: Any) -> bool:
    """Tell whether *data* could be meant to be of a type."""
    if get_origin(hint) is Annotated:
        return _may_be(get_args(hint)[0], data)
    origin = get_origin(hint) or hint
    if isinstance(data, Mapping):
        return bool(fields_of(hint)) or origin in _MAPPINGS
    if isinstance(data, list | tuple):
        return origin in _SEQUENCES
    return hint is not type(None)


def _json_name(data: Any) -> str:
    kinds = {type(None): "null", list: "array", tuple: "array"}
    return kinds.get(type(data), type(data).__name__)


@lru_cache(maxsize=4096)
def _box(hint: Any) -> Any:
    # Of what is in a Struct msgspec knows the type by heart; by itself it would look at it anew each time.
    return msgspec.defstruct("Box", [("value", hint)], array_like=True)
