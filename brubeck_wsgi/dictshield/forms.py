"""HTML forms of a document class, with everything that goes into them escaped."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from html import escape
from typing import Any  # values of documents

from brubeck_wsgi.dictshield.document import BaseDocument
from brubeck_wsgi.dictshield.errors import InvalidShield
from brubeck_wsgi.dictshield.metaclass import TopLevelDocumentMetaclass
from brubeck_wsgi.dictshield.roles import internal_fields

default_field_map: Mapping[str, str] = {"BooleanField": "radio"}
"""The type of the input for a kind of field; a kind that is not there has the type of its base, or else ``text``."""
default_name_map: Mapping[str, str] = {"password": "password"}
"""The type of the input for a field of this name."""


class FormPunch(InvalidShield):
    """A form was given what it cannot show."""


class Form:
    """A form for the documents of one class.

    Args:
        model: the class.
        private_fields: the fields to leave out, beside the internal ones; those of the class by default.
        field_map: the types of inputs by kinds of field.
        name_map: the types of inputs by names of fields, which decide first.

    Raises:
        FormPunch: it is no class of top-level documents.
    """

    def __init__(
        self,
        model: type[BaseDocument],
        private_fields: Collection[str] | None = None,
        field_map: Mapping[str, str] = default_field_map,
        name_map: Mapping[str, str] = default_name_map,
    ) -> None:
        if not isinstance(model, TopLevelDocumentMetaclass):
            raise FormPunch(f"expected a class of documents, got {model!r:.60}")
        self._model: type[BaseDocument] = model
        self._field_map = field_map
        self._name_map = name_map
        self._hidden = {*model._internal_fields, *private_fields} if private_fields else internal_fields(model)

    def as_p(
        self, values: Any = None, p_class: str | None = None, input_class: str | None = None, **options: Any
    ) -> str:
        """Return a paragraph for each field.

        Args:
            values: a document of the class, or a dictionary; what it has is filled in.
            p_class: the class of paragraphs.
            input_class: the class of inputs.
            options: `skip_fields`, the names of fields to leave out.

        Raises:
            FormPunch: *values* is neither.
        """
        opening, given = f"<p{_class(p_class)}>", _class(input_class)
        return "\n".join(
            f"{opening}{label}: <input{given} {attributes}/></p>" for label, attributes in self._rows(values, **options)
        )

    def as_div(
        self,
        values: Any = None,
        div_class: str | None = None,
        label_class: str | None = None,
        input_class: str | None = None,
        **options: Any,
    ) -> str:
        """Return a ``div`` with a label for each field; the arguments are as those of `as_p`."""
        opening, given = f"<div{_class(div_class)}>\n    <label{_class(label_class)}>", _class(input_class)
        return "\n".join(
            f"{opening}{label}:</label>\n    <input{given} {attributes}/>\n</div>\n"
            for label, attributes in self._rows(values, **options)
        )

    def _rows(self, values: Any, skip_fields: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """Yield the label of each field, and the attributes of its input."""
        known = self._known(values)
        for name, field in self._model._fields.items():
            if name in self._hidden or name in skip_fields:
                continue
            label = name.replace("_", " ").title()
            value = known(name)
            filled = "" if value is None or value == "" else f'value="{escape(str(value))}" '
            yield escape(label), f'type="{escape(self._type(name, field))}" name="{escape(name)}" {filled}'

    def _known(self, values: Any) -> Any:
        if values is None:
            return lambda name: None
        if isinstance(values, self._model):
            return lambda name: getattr(values, name, None)
        if isinstance(values, Mapping):
            return values.get
        raise FormPunch(f"expected a {self._model.__name__} or a dictionary, got {type(values).__name__}")

    def _type(self, name: str, field: object) -> str:
        kinds = (self._field_map.get(kind.__name__) for kind in type(field).__mro__)
        return self._name_map.get(name) or next((kind for kind in kinds if kind), "text")


def _class(name: str | None) -> str:
    return f' class="{escape(name)}"' if name else ""
