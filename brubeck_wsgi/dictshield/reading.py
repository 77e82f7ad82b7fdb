"""How documents come to be: fast where the data is good, and slowly, with all that is wrong, where it is not.

The fast way is msgspec's: JSON or a dictionary to a valid document in one go. Where it refuses, the slow way decides:
plain data, field by field, with whatever cannot be converted kept as it is. Whatever the fast way takes, the slow way
takes too, and makes the same of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, TypeVar, cast  # Any: documents, whose classes are built upon this module, and what clients send

import msgspec

from brubeck_wsgi.dictshield.checking import REQUIRED, collect, is_absent
from brubeck_wsgi.dictshield.errors import MISFIT, MOST_ERRORS, Path, ShieldDocException, ShieldException
from brubeck_wsgi.dictshield.jsontext import decode_json
from brubeck_wsgi.dictshield.planning import Plan, plan_of

D = TypeVar("D")

REFUSED = (msgspec.ValidationError, RecursionError)
_UNSURE = (*MISFIT, RecursionError)  # msgspec's refusals, and what functions of the application make of a value
_set = object.__setattr__

# A document that msgspec refuses is taken apart, and the documents in it are tried again: the good ones among them
# are soon done. Each try costs as much as all that is in there, so that the deepest are not tried once for each
# document around them.
_MOST_REFUSALS = 8
_refusals: ContextVar[int] = ContextVar("_refusals", default=0)


def load(document_type: type[D], data: bytes | str | Mapping[str, Any]) -> D:
    """Return the valid document that *data* stands for.

    Args:
        document_type: the class of the document.
        data: JSON text, or a mapping.

    Raises:
        MalformedDocument: it is text, and no JSON.
        ShieldDocException: it is no valid document; with every error and its path.
    """
    plan = document_type._made_plan or plan_of(document_type)  # type: ignore[attr-defined]  # of every document class
    document: D
    try:
        # Anything but ASCII is looked at first: msgspec does not look at what it skips.
        if (data.__class__ is bytes and (data.isascii() or str(data, "utf-8"))) or data.__class__ is str:
            document, post = plan.decode(data), plan.post_json
        elif data.__class__ is dict:
            document, post = plan.make(data), plan.post
        else:
            return cast(D, _load_slowly(document_type, data))
        if document is not None and (post is None or post(document)):
            return document
    except _UNSURE:
        pass
    document = _load_slowly(document_type, data)
    return document


def _load_slowly(document_type: Any, data: bytes | str | Mapping[str, Any]) -> Any:
    is_text = data.__class__ in (bytes, str) or not isinstance(data, Mapping)
    values: Any = _json_object(document_type, data) if is_text else data
    errors: list[ShieldException] = []
    try:
        document = read_slowly(document_type, values, (), errors)
    except RecursionError:
        errors = [ShieldException("Nested too deeply")]
    if errors:
        raise ShieldDocException(document_type._class_name, errors)
    return document


def read(document_type: Any, values: dict[str, Any], path: Path, errors: list[ShieldException]) -> Any:
    """Return the document of *values*; append to *errors* what is wrong with it, which stands at *path*."""
    plan = document_type._made_plan or plan_of(document_type)
    # What has but scalars in it is looked through as quickly as msgspec could say no.
    if plan.take is None and len(path) < _MOST_REFUSALS:
        try:
            document = plan.make(values)
            if document is not None and (plan.post is None or plan.post(document)):
                return document
        except _UNSURE:
            pass
    return _read_fields(plan, values, path, errors)


def read_slowly(document_type: Any, values: Mapping[Any, Any], path: Path, errors: list[ShieldException]) -> Any:
    """Do what `read` does, without help of msgspec for the document's own fields."""
    return _read_fields(document_type._made_plan or plan_of(document_type), values, path, errors)


def _read_fields(plan: Plan, values: Mapping[Any, Any], path: Path, errors: list[ShieldException]) -> Any:
    document_type = plan.document_type
    if plan.has_own_ways:
        document = build_slowly(document_type, values)
        collect(document, path, errors)
        return document
    document = plan.new(document_type)
    get = _given(plan, values).get if plan.aliases else values.get
    try:
        doubtful = plan.sift(document, get)
    except MISFIT:  # a limit or a choice that cannot be compared
        doubtful = [(name, field, get(name)) for name, field in document_type._fields.items()]
    for name, field, value in doubtful:
        if value is None or (value.__class__ is str and not value):
            if value is not None:
                value = field.to_value(value)
            elif field.default is not None or field._custom_methods:
                value = field.default_value()
            if not is_absent(value):
                field.collect(value, (*path, name), errors)
            elif field.required:
                errors.append(ShieldException(REQUIRED, name, value, (*path, name)))
        else:
            value = field.read(value, path, name, errors)
        _set(document, name, value)
    return document


def read_all(document_type: Any, items: Any, path: Path, errors: list[ShieldException]) -> list[Any] | None:
    """Do what `read` does for the dictionaries in *items*; return None if that takes more than msgspec's help."""
    plan = document_type._made_plan or plan_of(document_type)
    take = plan.take
    if take is None or len(path) >= _MOST_REFUSALS:
        return None
    documents: list[Any] = []
    append = documents.append
    for item in items:
        if type(item) is not dict:
            return None
        try:
            document = take(item)
            if document is not False:
                append(document)
                continue
        except _UNSURE:
            pass
        append(_read_fields(plan, item, (*path, len(documents)), errors))
        if len(errors) >= MOST_ERRORS:
            break
    return documents


def build(document_type: Any, values: Mapping[Any, Any]) -> Any:
    """Return the document of *values*, valid or not."""
    refusals = _refusals.get()
    if values.__class__ is dict and refusals < _MOST_REFUSALS:
        plan = document_type._made_plan or plan_of(document_type)
        try:
            document = plan.make(values)
            if document is not None:
                return document
        except REFUSED:
            pass
    token = _refusals.set(refusals + 1)
    try:
        return build_slowly(document_type, values)
    finally:
        _refusals.reset(token)


def build_slowly(document_type: Any, values: Mapping[Any, Any]) -> Any:
    """Return the document of *values*, valid or not, without help of msgspec for its own fields."""
    if document_type._has_own_making:
        keys = document_type._keys
        return document_type(**{key: value for key, value in values.items() if key in keys})
    document = document_type.__new__(document_type)
    fill(document, values)
    return document


def fill(document: Any, values: Mapping[Any, Any]) -> None:
    """Set every field of a document, from *values* or to its default."""
    document_type = type(document)
    get = _given(document_type._made_plan or plan_of(document_type), values).get
    for name, field in document_type._fields.items():
        value = get(name)
        _set(document, name, field.default_value() if value is None else field.to_value(value))


def _given(plan: Plan, values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return *values* by the names of fields."""
    for alias in plan.aliases:
        if alias in values:
            break
    else:
        return values
    keys = plan.document_type._keys
    return {keys[key].field_name: value for key, value in values.items() if key in keys}


def load_partial(document_type: Any, data: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that *data* has, by name and converted; None where it says null.

    Raises:
        MalformedDocument: it is text, and no JSON.
        ShieldDocException: a value is not valid, or a required one is taken away; with every error.
    """
    values = data if isinstance(data, Mapping) else _json_object(document_type, data)
    given: dict[str, Any] = {}
    errors: list[ShieldException] = []
    for key, value in values.items():
        field = document_type._keys.get(key)
        if field is not None:
            given[field.field_name] = None if value is None else field.to_value(value)
    for name, value in given.items():
        field = document_type._fields[name]
        if not is_absent(value):
            field.collect(value, (name,), errors)
        elif field.required:
            errors.append(ShieldException(REQUIRED, name, value))
    if errors:
        raise ShieldDocException(document_type._class_name, errors)
    return given


def _json_object(document_type: Any, text: Any) -> dict[str, Any]:
    values = decode_json(text)
    if not isinstance(values, dict):
        kind = type(values).__name__
        raise ShieldDocException(document_type._class_name, [ShieldException("Not an object", None, kind)])
    return values
