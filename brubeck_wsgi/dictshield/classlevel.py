"""Validation of plain dictionaries against a document class, without making a document."""

from __future__ import annotations

from typing import Any  # document classes, which are built upon this module, and what clients send

from brubeck_wsgi.dictshield.checking import REQUIRED
from brubeck_wsgi.dictshield.errors import ShieldException
from brubeck_wsgi.dictshield.roles import internal_fields


def validate_values(
    document_type: Any, values: dict[str, Any], validate_all: bool, is_complete: bool
) -> bool | list[ShieldException]:
    """Validate *values*, from which keys that are no fields are deleted.

    Args:
        document_type: the class.
        values: by field names or serialised names, as a client sent them.
        validate_all: return the list of errors instead of raising the first.
        is_complete: whether required fields have to be there.
    """
    errors: list[ShieldException] = []
    internal = internal_fields(document_type)
    keys_of = {name: [key for key in values if _names(document_type, key) == name] for name in document_type._fields}
    for name, field in document_type._fields.items():
        present = keys_of[name]
        if not present and is_complete and field.required and name not in internal:
            errors.append(ShieldException(REQUIRED, name, None))
        for key in present:
            if (key in internal or name in internal) and values[key] is not field.default:
                errors.append(ShieldException("Overwrite of internal fields attempted", name, values[key]))
            else:
                _validate_value(field, values[key], errors)
    for key in [key for key in values if _names(document_type, key) is None]:
        del values[key]
    if validate_all:
        return errors
    if errors:
        raise errors[0]
    return True


def _validate_value(field: Any, value: Any, errors: list[ShieldException]) -> None:
    # Blanks alone count as none here, other than on a document.
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required:
            errors.append(ShieldException(REQUIRED, field.field_name, value))
        return
    field.collect(field.to_value(value), (field.field_name,), errors)


def _names(document_type: Any, key: Any) -> str | None:
    """Return the name of the field that *key* stands for."""
    field = document_type._keys.get(key) if isinstance(key, str) else None
    return None if field is None else field.field_name
