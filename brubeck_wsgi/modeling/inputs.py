"""By which names data is read into the fields of a class, and what data such a field may hold."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple, Union, get_args, get_origin  # Any: types, and documents' fields

import msgspec

from brubeck_wsgi.dictshield.metaclass import DocumentMetaclass
from brubeck_wsgi.dictshield.roles import visible
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.modeling.shapes import Audience, fields_of, is_union, seen_fields


class Input(NamedTuple):
    """A field as data has it.

    Attributes:
        name: its name.
        key: what it is called where it is written.
        names: all that it may be called where it is read, and of several the first counts.
        holds: what it may hold.
    """

    name: str
    key: str
    names: tuple[str, ...]
    holds: Kinds


class Kinds(NamedTuple):
    """What may stand in a place, as far as there are objects of models in it.

    Attributes:
        models: the classes that an object there may be of.
        items: what the items of a list there may be.
        values: what the values of a dictionary there may be.
    """

    models: tuple[Any, ...] = ()
    items: Kinds | None = None
    values: Kinds | None = None


@lru_cache(maxsize=4096)
def inputs_of(model: Any) -> tuple[Input, ...]:
    """Return the fields of a class, which may be generic with its arguments.

    Raises:
        ConfigurationError: the names of a field are not its own alone, or not those by which it is written.
    """
    found = tuple(_document_inputs(model) if isinstance(model, DocumentMetaclass) else _inputs(model))
    taken: dict[str, str] = {}
    for one in found:
        if one.key not in one.names:
            raise ConfigurationError(
                f"expected {one.name} of {_called(model)} to be read by the name it is written by, {one.key!r}, "
                f"got {list(one.names)}"
            )
        for name in one.names:
            if taken.setdefault(name, one.name) != one.name:
                raise ConfigurationError(
                    f"expected {name!r} to be one field of {_called(model)}, got {taken[name]} and {one.name}"
                )
    return found


def hidden_names(model: Any, role: str | None) -> frozenset[str]:
    """Return the names of the fields that *role* does not see; None is a store, and sees all."""
    if role is None:
        return frozenset()
    if isinstance(model, DocumentMetaclass):
        return frozenset(model._fields) - {name for _, name, _ in visible(model, role)}
    kind = get_origin(model) or model
    seen = {field.name for field in seen_fields(kind, Audience(role))}
    return frozenset(field.name for field in fields_of(kind)) - seen


def kinds_of(hint: Any) -> Kinds:
    """Return what an annotation, or a field of a document, lets stand in its place."""
    if hasattr(hint, "inner_fields"):
        return _kinds_of_field(hint)
    hint = _bare(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    root = getattr(hint, "__pydantic_root_model__", False) is True and fields_of(hint)
    if root:
        return kinds_of(root[0].type)
    if isinstance(hint, DocumentMetaclass) or fields_of(hint) or (origin is not None and fields_of(origin)):
        return Kinds((hint,))
    if not arguments or origin is typing.Literal:
        return Kinds()
    if is_union(hint):
        return merged_kinds([kinds_of(one) for one in arguments])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Kinds(values=kinds_of(arguments[-1]))
    inside = merged_kinds([kinds_of(one) for one in arguments if one is not Ellipsis])
    if isinstance(origin, type):
        return Kinds(items=inside)
    return Kinds(inside.models, merged_kinds([inside, inside.items]), merged_kinds([inside, inside.values]))


def merged_kinds(kinds: list[Kinds | None]) -> Kinds:
    """Return what may stand in a place that may hold any of *kinds*."""
    given = [one for one in kinds if one is not None]
    if len(given) == 1:
        return given[0]
    items = [one.items for one in given if one.items is not None]
    values = [one.values for one in given if one.values is not None]
    return Kinds(
        tuple(dict.fromkeys(model for one in given for model in one.models)),
        merged_kinds([*items]) if items else None,
        merged_kinds([*values]) if values else None,
    )


def models_held(kinds: Kinds | None) -> Iterator[Any]:
    """Yield the classes that may stand somewhere in a place; those in these left aside."""
    if kinds is not None:
        yield from kinds.models
        yield from models_held(kinds.items)
        yield from models_held(kinds.values)


def possible(models: tuple[Any, ...], data: Mapping[str, Any]) -> list[Any]:
    """Return those of *models* that data may be meant to be an object of, by its tag or a value that tells it.

    It is all of them unless data tells of one that it is meant, lest a class reads more into it than we do.
    """
    if len(models) < 2:
        return list(models)
    told = {one: _is_told(one, data) for one in models}
    return [one for one in models if told[one] is not False] if True in told.values() else list(models)


def _document_inputs(document_type: Any) -> Iterator[Input]:
    for name, field in document_type._fields.items():
        key = field.minimized_field_name or name
        others = [one for one, known in document_type._keys.items() if known is field and one != key]
        yield Input(name, key, (key, *others), kinds_of(field))


def _inputs(model: Any) -> Iterator[Input]:
    kind, arguments = get_origin(model) or model, get_args(model)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.array_like:
        raise ConfigurationError(f"expected objects of {_called(model)} to be written with names, got array_like")
    pydantics: Any = getattr(kind, "model_fields", None) or {}
    config: Any = getattr(kind, "model_config", None) or {}
    for name, field in getattr(kind, "__pydantic_fields__", {}).items():
        if not pydantics and (field.alias is not None or field.validation_alias is not None):
            raise ConfigurationError(f"expected {_called(model)} to be a BaseModel, since {name} has an alias")
    for one in fields_of(kind):
        pydantic = pydantics.get(one.name) if isinstance(pydantics, Mapping) else None
        names = (one.key,) if pydantic is None else tuple(_pydantic_names(kind, one.name, pydantic, config))
        yield Input(one.name, one.key, names, kinds_of(_filled(one.type, arguments)))


def _pydantic_names(model: Any, name: str, field: Any, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what pydantic reads a field by, in its order."""
    alias = field.validation_alias
    choices = [] if alias is None else getattr(alias, "choices", [alias])
    for choice in choices if config.get("validate_by_alias", True) is not False else ():
        path = getattr(choice, "path", [choice])
        if len(path) != 1:
            raise ConfigurationError(
                f"expected {name} of {model.__name__} to be read by names of its own, got {choice!r:.80}"
            )
        yield str(path[0])
    if not choices or config.get("populate_by_name") or config.get("validate_by_name"):
        yield name


def _kinds_of_field(field: Any) -> Kinds:
    if hasattr(field, "document_type"):
        return Kinds((field.document_type,))
    inside = [kinds_of(one) for one in field.inner_fields()]
    return Kinds(items=merged_kinds([*inside])) if inside else Kinds()


def _bare(hint: Any) -> Any:
    """Return an annotation without what is said about it, and without other names for it."""
    while True:
        if get_origin(hint) in (typing.Annotated, typing.Required, typing.NotRequired, typing.Final):
            hint = get_args(hint)[0]
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif hasattr(get_origin(hint) or hint, "__value__"):
            hint = _filled((get_origin(hint) or hint).__value__, get_args(hint))
        else:
            return hint


def _filled(hint: Any, arguments: tuple[Any, ...]) -> Any:
    """Return an annotation with any of *arguments* where it has a variable."""
    if not arguments:
        return hint
    anything: Any = Union[arguments]  # noqa: UP007  # of what is made at run time
    if isinstance(hint, typing.TypeVar):
        return anything
    variables = () if isinstance(hint, type) else getattr(hint, "__parameters__", ())
    return hint[(anything,) * len(variables)] if variables else hint


def _is_told(model: Any, data: Mapping[str, Any]) -> bool | None:
    """Tell whether data says that it is an object of a class, or that it is none; None if it says nothing of it."""
    kind = get_origin(model) or model
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        config = kind.__struct_config__
        given = None if config.tag_field is None else data.get(config.tag_field)
        return None if given is None else given == config.tag
    answers = []
    for field in fields_of(kind):
        hint = _bare(field.type)
        if get_origin(hint) is typing.Literal and field.key in data:
            choices = [one.value if isinstance(one, Enum) else one for one in get_args(hint)]
            answers.append(data[field.key] in choices)
    return all(answers) if answers else None


def _called(model: Any) -> str:
    return str(getattr(model, "__name__", model))
