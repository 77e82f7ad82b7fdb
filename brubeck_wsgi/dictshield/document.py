"""Documents: classes that say what data looks like, and instances that hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar  # Any: the values of documents

from brubeck_wsgi.dictshield import checking, reading, shaping
from brubeck_wsgi.dictshield.classlevel import validate_values
from brubeck_wsgi.dictshield.errors import InvalidShield, ShieldDocException, ShieldException
from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.legacy_schema import legacy_schema
from brubeck_wsgi.dictshield.metaclass import DocumentMetaclass, TopLevelDocumentMetaclass
from brubeck_wsgi.dictshield.planning import Plan
from brubeck_wsgi.dictshield.roles import OWNER, PUBLIC, internal_fields
from brubeck_wsgi.dictshield.schema_reading import SchemaReader

D = TypeVar("D", bound="type[BaseDocument]")


class BaseDocument(metaclass=DocumentMetaclass):
    """What all documents are: construction, access, validation and output.

    A field is an attribute of the class; its value is an attribute of the document. A value that is assigned is
    converted if it can be, and kept as it is if not: that is an error of `validate`, and of nothing before.

    Args:
        values: by field names, serialised names or short names; keys that are none of these are ignored.

    Attributes:
        _public_fields: the fields that the role ``public`` sees; None for none.
        _private_fields: the fields that the role ``owner`` does not see; those of base classes add up.
        _internal_fields: the fields and marks that neither owner nor client has to do with.
    """

    _is_root = True
    _is_embeddable = False
    _public_fields: ClassVar[Any] = None
    _private_fields: ClassVar[Any] = ()
    _internal_fields: ClassVar[Any] = ("_id", "id", "_cls", "_types")

    if TYPE_CHECKING:
        _fields: ClassVar[dict[str, BaseField[Any]]]
        _takers: ClassVar[dict[str, Callable[[Any], Any]]]
        _class_name: ClassVar[str]
        _types: ClassVar[list[str]]
        _made_plan: ClassVar[Plan | None]
        _superclasses: ClassVar[dict[str, Any]]
        id: Any

    def __init__(self, /, **values: Any) -> None:
        reading.fill(self, values)

    # -- access

    def __setattr__(self, name: str, value: Any, _set: Any = object.__setattr__) -> None:
        if name in self._takers:
            value = self._takers[name](value)
        _set(self, name, value)

    def __getitem__(self, name: str) -> Any:
        if name not in self.__class__._fields:
            raise KeyError(name)
        return self.__dict__.get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.__class__._fields:
            raise KeyError(name)
        self.__setattr__(name, value)

    def __contains__(self, name: object) -> bool:
        """Tell whether *name* is a field that has a value."""
        return name in self.__class__._fields and self.__dict__.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.__class__._fields)

    def __len__(self) -> int:
        return len(self.__class__._fields)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        theirs = other.__dict__
        return all(value == theirs.get(name) for name, value in self.__dict__.items() if name in self.__class__._fields)

    __hash__ = None  # type: ignore[assignment]  # it may change

    def __str__(self) -> str:
        named = getattr(self, "__unicode__", None)
        return str(named()) if named is not None else f"{type(self).__name__} object"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    # -- validation

    def validate(self, validate_all: bool = False) -> bool:
        """Return True if every field has a value that fits, and every required field has one.

        Args:
            validate_all: look for every error.

        Raises:
            ShieldException: the first error.
            ShieldDocException: all errors, with *validate_all*.
        """
        plan = self._made_plan
        try:
            if plan is not None and plan.check(self):
                return True
        except checking.UNSURE:
            pass
        errors = checking.errors_of(self)
        if not errors:
            return True
        if validate_all:
            raise ShieldDocException(self._class_name, errors)
        raise errors[0]

    @classmethod
    def validate_class_fields(cls, values: dict[str, Any], validate_all: bool = False) -> bool | list[ShieldException]:
        """Validate a dictionary as a document would be, without making one.

        Args:
            values: keys that are no fields are deleted from it.
            validate_all: return the list of errors.

        Returns:
            True; with *validate_all* the errors, ``[]`` if there are none.

        Raises:
            ShieldException: the first error, without *validate_all*; to give an internal or private field is one.
        """
        return validate_values(cls, values, validate_all, is_complete=True)

    @classmethod
    def validate_class_partial(cls, values: dict[str, Any], validate_all: bool = False) -> bool | list[ShieldException]:
        """Validate what a dictionary has, as `validate_class_fields` does; nothing has to be there."""
        return validate_values(cls, values, validate_all, is_complete=False)

    # -- output

    def to_python(self) -> dict[str, Any]:
        """Return all of the document as plain Python data, by serialised names, without what is None."""
        data: dict[str, Any] = shaping.dump_python(type(self), self, None)
        return data

    def to_json(self, encode: bool = True, sort_keys: bool = False) -> Any:
        """Return all of the document as JSON text.

        Args:
            encode: False for plain data that JSON can hold.
            sort_keys: write it as ``json.dumps(…, sort_keys=True)`` does.
        """
        return _json(type(self), self, None, encode, sort_keys)

    @classmethod
    def make_ownersafe(cls, doc_dict_or_dicts: Any) -> Any:
        """Return what the owner may see of a document, a dictionary, or a list of them, as plain Python data."""
        return shaping.dump_python(cls, doc_dict_or_dicts, OWNER)

    @classmethod
    def make_json_ownersafe(cls, doc_dict_or_dicts: Any, encode: bool = True, sort_keys: bool = False) -> Any:
        """Return the same as JSON; the options are those of `to_json`."""
        return _json(cls, doc_dict_or_dicts, OWNER, encode, sort_keys)

    @classmethod
    def make_publicsafe(cls, doc_dict_or_dicts: Any) -> Any:
        """Return what the public may see of a document, a dictionary, or a list of them, as plain Python data."""
        return shaping.dump_python(cls, doc_dict_or_dicts, PUBLIC)

    @classmethod
    def make_json_publicsafe(cls, doc_dict_or_dicts: Any, encode: bool = True, sort_keys: bool = False) -> Any:
        """Return the same as JSON; the options are those of `to_json`."""
        return _json(cls, doc_dict_or_dicts, PUBLIC, encode, sort_keys)

    @classmethod
    def _get_internal_fields(cls) -> set[str]:
        """Return the names of internal and private fields."""
        return internal_fields(cls)

    # -- the JSON Schema of DictShield; `json_schema` is today's

    @classmethod
    def for_jsonschema(cls) -> dict[str, Any]:
        """Return the JSON Schema in the shape of DictShield 0.4: of the public fields if any are declared."""
        return legacy_schema(cls)

    @classmethod
    def to_jsonschema(cls) -> str:
        """Return the same as JSON text."""
        import json

        return json.dumps(cls.for_jsonschema())

    @classmethod
    def from_jsonschema(cls, schema: Mapping[str, Any]) -> Any:
        """Return a new subclass with the fields of a JSON Schema, in DictShield's shape or of draft 2020-12.

        Raises:
            InvalidShield: it has no title or no properties, or something in it that no field can be.
        """
        reader = SchemaReader(schema, _make_embedded)
        root, _ = reader._resolved(schema)
        if not root.get("title"):
            raise InvalidShield("JSON Schema missing Document title")
        return _make(cls, root["title"], reader.fields(root), root.get("description"))


class EmbeddedDocument(BaseDocument):
    """A document that is part of another, by an `EmbeddedDocumentField`. It has no identity of its own."""

    _is_root = True
    _is_embeddable = True


class Document(BaseDocument, metaclass=TopLevelDocumentMetaclass):
    """A document that is stored by itself, and has an `id`.

    ``class Meta`` may say `id_field` (a kind of field), `id_options` (its options) and `bucket` (where it is stored).
    In what is stored ``_cls`` and ``_types`` name its class and those below it, unless
    ``_meta = {"allow_inheritance": False}``.
    """

    _is_root = True


def swap_field(klass: D, new_field: Callable[..., BaseField[Any]], fields: list[str]) -> D:
    """Return a class like *klass* in which the fields called *fields* are made by *new_field*.

    It is a subclass of the same name; an identity is stored as ``_id``.
    """
    swapped = {name: new_field(uniq_field="_id") if name == "id" else new_field() for name in fields}
    new = _make(klass, klass.__name__, swapped, klass.__doc__)
    new.__module__, new.__qualname__ = klass.__module__, klass.__qualname__
    new._class_name, new._superclasses, new._types = klass._class_name, klass._superclasses, klass._types
    result: D = new
    return result


def diff_id_field(id_field: Callable[..., BaseField[Any]], field_list: list[str], *arg: Any) -> Any:
    """Decorate a document class, so that the fields called *field_list* are made by *id_field*.

    With the class as a third argument, return the new class.
    """
    if arg:
        return swap_field(arg[0], id_field, field_list)
    return lambda klass: swap_field(klass, id_field, field_list)


def _json(document_type: Any, data: Any, role: str | None, encode: bool, sort_keys: bool) -> Any:
    if encode:
        return shaping.dump_text(document_type, data, role, sort_keys)
    return shaping.dump_python(document_type, data, role, is_json=True)


def _make(base: Any, name: str, fields: Mapping[str, BaseField[Any]], description: str | None) -> Any:
    return type(base)(name, (base,), {"__module__": base.__module__, "__doc__": description, **fields})


def _make_embedded(name: str, fields: dict[str, BaseField[Any]], description: str | None) -> Any:
    return _make(EmbeddedDocument, name, fields, description)


__all__ = [
    "BaseDocument",
    "Document",
    "DocumentMetaclass",
    "EmbeddedDocument",
    "ShieldException",
    "TopLevelDocumentMetaclass",
    "diff_id_field",
    "swap_field",
]
