"""Who may see which fields of a document.

Two roles are DictShield's own: ``owner`` sees all but the internal and the private fields, ``public`` sees the public
fields. ``__roles__`` of a class declares others, or these two in another way. To a role that a class does not declare
it shows nothing, and what a document shows of itself says nothing about the documents in it: they have lists of their
own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any  # document classes, which are built upon this module

from brubeck_wsgi.dictshield.errors import InvalidShield

OWNER = "owner"
PUBLIC = "public"

Entry = tuple[str, str, Any]
"""A visible field: its key in the output, its name, the field."""


def visible(document_type: Any, role: str | None) -> tuple[Entry, ...]:
    """Return the fields that *role* sees, in their order; None is the store, which sees all.

    A role gets the short names of fields, a store their `uniq_field`.
    """
    known: dict[str | None, tuple[Entry, ...]] = document_type._visible
    entries = known.get(role)
    if entries is None:
        entries = known[role] = tuple(_entries(document_type, role))
    return entries


def internal_fields(document_type: Any) -> set[str]:
    """Return the names of internal and private fields; those of the classes below add up."""
    return set(document_type._internal_fields) | private_fields(document_type)


def private_fields(document_type: Any) -> set[str]:
    """Return the names of private fields, with those of the classes below."""
    return {name for base in document_type.__mro__ for name in vars(base).get("_private_fields") or ()}


def _entries(document_type: Any, role: str | None) -> Iterable[Entry]:
    names = document_type._fields.keys() if role is None else _seen_by(document_type, role)
    for name, field in document_type._fields.items():
        if name in names:
            yield (field.uniq_field if role is None else field.minimized_field_name or name), name, field


def _seen_by(document_type: Any, role: str) -> set[str]:
    every = set(document_type._fields)
    declarations = [
        vars(base)["__roles__"][role] for base in document_type.__mro__ if role in (vars(base).get("__roles__") or ())
    ]
    if declarations and not isinstance(declarations[0], Mapping):
        return _names(document_type, declarations[0])
    if declarations:
        return every - {
            name
            for declaration in declarations
            if isinstance(declaration, Mapping)
            for name in _names(document_type, _hidden(document_type, role, declaration))
        }
    if role == PUBLIC:
        return _names(document_type, document_type._public_fields or ())
    if role == OWNER:
        return every - _names(document_type, internal_fields(document_type))
    return set()


def _hidden(document_type: Any, role: str, declaration: Mapping[str, Any]) -> Any:
    if set(declaration) != {"hide"}:
        raise InvalidShield(
            f"expected __roles__[{role!r}] of {document_type.__name__} to be names or {{'hide': names}}, "
            f"got {declaration!r:.80}"
        )
    return declaration["hide"]


def _names(document_type: Any, names: Iterable[str]) -> set[str]:
    """Return the names of the fields that *names*, which may be serialised ones, stand for."""
    if isinstance(names, str):
        raise InvalidShield(f"expected a list of field names, got {names!r}")
    keys = document_type._keys
    return {keys[name].field_name for name in names if name in keys}
