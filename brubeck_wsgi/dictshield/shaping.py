"""Documents on their way out: for a role or for a store, as JSON or as plain Python data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any  # documents, whose classes are built upon this module

import msgspec

from brubeck_wsgi.dictshield.errors import MISFIT, ShieldException
from brubeck_wsgi.dictshield.releasing import Release, is_document


def dump(document_type: Any, data: Any, role: str | None) -> bytes:
    """Return what *role* sees of *data* as JSON.

    Args:
        document_type: the class by which a mapping is filtered; documents are by their own.
        data: a document, a mapping, or a list of them.
        role: None for a store, which gets all.
    """
    try:
        plan = getattr(data, "_made_plan", None)
        view = None if plan is None else plan.views.get(role)
        return _encoder(role)(_viewed(document_type, data, role) if view is None else view(data))
    except ShieldException:
        raise
    except MISFIT:  # something in an invalid document; what is to be made of it, the slow way knows
        return _encoder(role)(dump_python(document_type, data, role, is_json=True))


def dump_text(document_type: Any, data: Any, role: str | None, sort_keys: bool = False) -> str:
    """Return the same as text; with *sort_keys* as the json of the standard library writes it."""
    if not sort_keys:
        return dump(document_type, data, role).decode()
    import json  # for this alone

    return json.dumps(dump_python(document_type, data, role, is_json=True), sort_keys=True)


def dump_python(document_type: Any, data: Any, role: str | None, is_json: bool = False) -> Any:
    """Return what *role* sees of *data* as plain data, with *is_json* such as JSON can hold."""
    release = Release(role, is_json)
    if is_document(data):
        return release.document(data)
    if isinstance(data, Mapping):
        return release.mapping(document_type, data)
    if isinstance(data, list | tuple):
        return [dump_python(document_type, one, role, is_json) for one in data]
    raise TypeError(f"expected a document, a mapping or a list of them, got {type(data).__name__}")


def _viewed(document_type: Any, data: Any, role: str | None) -> Any:
    if is_document(data):
        return type(data)._viewer(role)(data)
    if isinstance(data, list | tuple):
        return [_viewed(document_type, one, role) for one in data]
    return dump_python(document_type, data, role, is_json=True)


@lru_cache(maxsize=256)
def _encoder(role: str | None) -> Callable[[Any], bytes]:
    # What no field took for its own may still hold documents: they are released as all others.
    return msgspec.json.Encoder(enc_hook=Release(role, is_json=True).plain).encode
