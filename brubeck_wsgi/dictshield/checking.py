"""What is wrong with a document: all of it, each error with its place."""

from __future__ import annotations

from typing import Any  # documents, whose classes are built upon this module

from brubeck_wsgi.dictshield.errors import MISFIT, Path, ShieldDocException, ShieldException

# Functions of the application may raise these, and attributes that an __init__ of its own did not set.
UNSURE = (*MISFIT, RecursionError)
REQUIRED = "Required field missing"
# Below this, a document is looked through without asking first whether all in it is valid, which would be asked of
# the deepest once for each document around it.
_DEEPEST_CHECKED = 12


def is_sure(document: Any) -> bool:
    """Tell whether a document is valid beyond doubt; if not, `collect` knows what is wrong, if anything."""
    try:
        sure: bool = type(document)._plan().check(document)
    except UNSURE:
        return False
    return sure


def collect(document: Any, path: Path, errors: list[ShieldException]) -> None:
    """Append to *errors* what is wrong with a document that stands at *path*, and with those in it."""
    if type(document)._has_own_validate:
        if not _collect_fields(document, path, errors):
            _collect_own(document, path, errors)
    elif len(path) > _DEEPEST_CHECKED or not is_sure(document):
        _collect_fields(document, path, errors)


def errors_of(document: Any) -> list[ShieldException]:
    """Return what is wrong with the fields of a document; a ``validate`` of its own class is left aside."""
    errors: list[ShieldException] = []
    if not is_sure(document):
        _collect_fields(document, (), errors)
    return errors


def is_satisfied(document: Any) -> bool:
    """Tell whether nothing is wrong with a document."""
    errors: list[ShieldException] = []
    collect(document, (), errors)
    return not errors


def is_absent(value: object) -> bool:
    """Tell whether a document that has *value* has none."""
    return value is None or (isinstance(value, str) and not value)


def _collect_fields(document: Any, path: Path, errors: list[ShieldException]) -> bool:
    before = len(errors)
    values = document.__dict__
    for name, field in type(document)._fields.items():
        value = values.get(name)
        if value is None or (value.__class__ is str and not value) or is_absent(value):
            if field.required:
                errors.append(ShieldException(REQUIRED, name, value, (*path, name)))
        else:
            field.collect(value, (*path, name), errors)
    return len(errors) > before


def _collect_own(document: Any, path: Path, errors: list[ShieldException]) -> None:
    """Ask the ``validate`` that the class of a document has of its own."""
    try:
        document.validate()
    except ShieldDocException as error:
        found = error.error_list
    except ShieldException as error:
        found = [error]
    except MISFIT:
        found = [ShieldException("Invalid value", None, document)]
    else:
        return
    for one in found:
        one.path = (*path, *one.path)
        errors.append(one.with_traceback(None))
