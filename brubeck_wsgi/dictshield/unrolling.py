"""A document's part in generated functions: its fields one after the other, and those of the documents in it.

A document within itself, and what is nested deeply, is not unrolled but called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any  # document classes, which are built upon this module

import msgspec

from brubeck_wsgi.dictshield.roles import visible
from brubeck_wsgi.dictshield.sourcecode import Code

_DEEPEST = 4
_RAW_KINDS = (str, int, float, bool)
"""What is the same in JSON and in a document."""


def write_check(code: Code, document_type: Any, document: str) -> None:
    """Write statements that return False unless the document in variable *document* is sure to be valid."""
    if document_type._has_own_validate:
        code.line(f"if not {code.name(document_type._is_satisfied, 'satisfied')}({document}): return False")
    elif not _is_unrolled(code, document_type):
        code.line(f"if not {code.name(document_type._is_sure, 'sure')}({document}): return False")
    else:
        write_own_check(code, document_type, document)


def write_own_check(code: Code, document_type: Any, document: str) -> None:
    """Write what `write_check` does for the fields of a document; a ``validate`` of its class is left aside."""
    with _inside(code, document_type):
        _write_fields_check(code, document_type, document)


def _write_fields_check(code: Code, document_type: Any, document: str) -> None:
    for name, field in document_type._fields.items():
        value = code.variable()
        code.line(f"{value} = {document}.{name}")
        field.write_check(code, value, may_be_none=not field.required)


def write_post(code: Code, document_type: Any, document: str, is_json: bool) -> None:
    """Write statements that return False unless a document that msgspec took is valid."""
    if document_type._has_own_validate:
        code.line(f"if not {code.name(document_type._is_satisfied, 'satisfied')}({document}): return False")
    elif not _is_unrolled(code, document_type):
        taken = document_type._is_right_json if is_json else document_type._is_right
        code.line(f"if not {code.name(taken, 'right')}({document}): return False")
    else:
        with _inside(code, document_type):
            _write_fields_post(code, document_type, document, is_json)


def _write_fields_post(code: Code, document_type: Any, document: str, is_json: bool) -> None:
    for name, field in document_type._fields.items():
        value = code.variable()
        with code.block(f"if ({value} := {document}.{name}) is not None:"):
            field.write_post(code, value, is_json)
        if field.required and field.annotation() is Any:  # of all others msgspec has seen that they are there
            code.line(f"if {field.absence(f'{document}.{name}')}: return False")


def write_plain(code: Code, document_type: Any, mapping: str, refusal: str | None = None) -> None:
    """Write statements that return *refusal* if msgspec could take something in *mapping* for what it is not."""
    code.refusal = refusal or code.refusal
    if not _is_unrolled(code, document_type):
        code.line(f"if not {code.name(document_type._is_plain, 'plain')}({mapping}): return {code.refusal}")
        return
    with _inside(code, document_type):
        for key, field in document_type._keys.items():
            value = code.variable()
            with code.block(f"if ({value} := {mapping}.get({key!r})) is not None:"):
                field.write_plain(code, value)


def write_sift(code: Code, document_type: Any) -> None:
    """Write statements that set each field of ``doc`` whose raw value, of ``get``, is sure to be valid.

    The others they append to ``doubtful``: name, field and value.
    """
    for name, field in document_type._fields.items():
        value = code.variable()
        code.line(f"{value} = get({name!r})")
        doubtful = f"doubtful(({name!r}, {code.name(field, 'field')}, {value}))"
        keep = f"set(doc, {name!r}, {{}})"
        text_kind, item = field.text_kind(), getattr(field, "only_field", None)
        if not _is_plain(field):
            code.line(doubtful)
        elif field.kind() in _RAW_KINDS:
            code.line(f"if {_is_right(code, field, value)}: {keep.format(value)}")
            code.line(f"else: {doubtful}")
        elif text_kind is not None and field.choices is None:
            _write_sift_text(code, text_kind, value, keep, doubtful)
        elif item is not None and field.choices is None and _is_plain(item) and item.kind() in _RAW_KINDS:
            code.line(f"if type({value}) is list and all([{_is_right(code, item, 'i')} for i in {value}]):")
            code.line(f"    {keep.format(f'{value}[:]')}")
            code.line(f"else: {doubtful}")
        else:
            code.line(doubtful)


def _write_sift_text(code: Code, kind: type, value: str, keep: str, doubtful: str) -> None:
    convert, refused = code.name(msgspec.convert, "convert"), code.name(msgspec.ValidationError, "Refused")
    with code.block(f"if type({value}) is str and {value}:"):
        code.line(f"try: {keep.format(f'{convert}({value}, {code.name(kind, kind.__name__)})')}")
        code.line(f"except {refused}: {doubtful}")
    code.line(f"else: {doubtful}")


def _is_plain(field: Any) -> bool:
    """Tell whether nothing of the application's is asked about a value of a field."""
    return field.validation is None and not field._custom_methods


def _is_right(code: Code, field: Any, value: str) -> str:
    """Return the expression that a raw value is sure to be valid, and kept as it is."""
    kind, doubts = field.kind(), field.limits(code, value) + field.more_doubts(code, value)
    return f"type({value}) is {code.name(kind, kind.__name__)}" + (
        f" and not ({' or '.join(doubts)})" if doubts else ""
    )


def view(code: Code, document_type: Any, document: str, role: str | None) -> str:
    """Return an expression for what *role* sees of the document in variable *document*: a Struct for msgspec."""
    if not _is_unrolled(code, document_type):
        return f"{code.name(lambda seen: document_type._viewer(role)(seen), 'view')}({document})"
    with _inside(code, document_type):
        entries = visible(document_type, role)
        parts = [field.view(code, f"{document}.{name}", role) for _, name, field in entries]
    if role is None and document_type._is_marked:
        parts.append(code.name(msgspec.Raw(msgspec.json.encode(document_type._types)), "types"))
    struct = code.name(_view_struct(document_type, role), "View")
    return f"{struct}({', '.join(parts)})"


def _view_struct(document_type: Any, role: str | None) -> Any:
    keys = [key for key, _, _ in visible(document_type, role)]
    fields: list[Any] = [(f"f{number}", Any, None) for number in range(len(keys))]
    options: dict[str, Any] = {}
    if role is None and document_type._is_marked:
        fields.append(("types", Any, None))
        keys.append("_types")
        options = {"tag_field": "_cls", "tag": document_type._class_name}
    return msgspec.defstruct(
        document_type.__name__,
        fields,
        rename={field[0]: key for field, key in zip(fields, keys, strict=True)},
        omit_defaults=True,
        gc=False,
        **options,
    )


def _is_unrolled(code: Code, document_type: Any) -> bool:
    return document_type not in code.inside and len(code.inside) < _DEEPEST


@contextmanager
def _inside(code: Code, document_type: Any) -> Iterator[None]:
    code.inside.append(document_type)
    try:
        yield
    finally:
        code.inside.pop()
