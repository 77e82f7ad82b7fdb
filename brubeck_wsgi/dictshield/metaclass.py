"""How a document class is made of its fields, its options and its bases.

Fields do not stay in the namespace of the class, where they would be in the way of the values: a document has its
values as plain attributes, and `Todo.title`, which Python does not find, is answered with the field.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar  # Any: fields and documents of every kind

from brubeck_wsgi.dictshield import checking, planning, reading, shaping
from brubeck_wsgi.dictshield.errors import InvalidShield
from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.fields.embedded import EmbeddedDocumentField, known_documents
from brubeck_wsgi.dictshield.fields.identity import UUIDField
from brubeck_wsgi.dictshield.json_schema import document_schema

D = TypeVar("D")

_MAKING = ("__init__", "__new__", "__setattr__", "__getattr__", "__getattribute__")


class DocumentOptions:
    """What ``class Meta`` of a document says.

    Attributes:
        mixin: whether the class lends its fields to others, and is not counted among their classes.
    """

    mixin = False

    def __init__(self, meta: type | None, inherited: DocumentOptions | None) -> None:
        own = {} if meta is None else {name: getattr(meta, name) for name in dir(meta) if not name.startswith("_")}
        self.declared = own
        for name in ("bucket", "id_field", "id_options"):
            setattr(self, name, own.get(name, getattr(inherited, name, None)))
        self.mixin = bool(own.get("mixin", False))


class TopLevelDocumentOptions(DocumentOptions):
    """The same for a document that is stored by itself.

    Attributes:
        bucket: where it is stored; for the store to read.
        id_field: the kind of field that its identity is.
        id_options: the options of that field.
    """

    bucket: Any
    id_field: Any
    id_options: dict[str, Any] | None


class DocumentMetaclass(type):
    """The class of document classes.

    What is defined here is asked of the class alone, so that a document may have a field of the same name.
    """

    _fields: dict[str, BaseField[Any]]
    _keys: dict[str, BaseField[Any]]
    _made_plan: planning.Plan | None
    _has_own_making: bool
    _class_name: str
    _options: DocumentOptions
    _superclasses: dict[str, Any]
    _declared: dict[str, BaseField[Any] | None]
    _options_type: type[DocumentOptions] = DocumentOptions

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        own = {key: value for key, value in namespace.items() if isinstance(value, BaseField)}
        plain = {key: value for key, value in namespace.items() if key not in own and key != "Meta"}
        # An identity of another name is reached as "id" too; set later, it would be the one of the class of the class.
        for key, field in own.items():
            if field.id_field and key != "id":
                plain["id"] = _Alias(key)
        cls: Any = super().__new__(mcs, name, bases, plain, **options)
        parents = [base for base in bases if isinstance(base, DocumentMetaclass)]
        meta = namespace.get("Meta")
        inherited = next((base._options for base in parents if isinstance(base._options, mcs._options_type)), None)
        cls._options = mcs._options_type(meta, inherited)
        cls._made_plan = None
        cls._visible = {}
        _name_class(cls, parents, is_root=not parents or namespace.get("_is_root", False))
        # What the class has in the place of a field that it inherits is no field any more.
        cls._declared = {**dict.fromkeys(plain), **own}
        cls._fields = _collect_fields(cls)
        mcs._add_identity(cls, own)
        _prepare_keys(cls)
        _note_methods(cls)
        known_documents[name] = known_documents[cls._class_name] = cls
        return cls

    @staticmethod
    def _add_identity(cls: Any, own: Mapping[str, BaseField[Any]]) -> None:
        """Give the class its identity; one that is embedded needs none."""

    if not TYPE_CHECKING:  # checkers know a call by __init__, and would take this for it

        def __call__(cls, /, *arguments, **values):
            plan = cls._made_plan
            if plan is not None and not arguments:
                try:
                    document = plan.make(values)
                except reading.REFUSED:
                    document = None
                if document is not None:
                    return document
            if arguments or cls._has_own_making:
                return super().__call__(*arguments, **values)
            return reading.build(cls, values)

        def __getattr__(cls, name):
            if name != "_fields":
                field = cls._fields.get(name)
                if field is not None:
                    return field
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")

    def __dir__(cls) -> list[str]:
        return [*super().__dir__(), *cls._fields]

    # -- the model protocol, see brubeck_wsgi.modeling

    load = reading.load
    load_partial = reading.load_partial

    dump = shaping.dump
    dump_python = shaping.dump_python

    def json_schema(cls, role: str | None = None) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of what the class takes, or of what *role* sees."""
        return document_schema(cls, role)

    def __source__(cls, title: str) -> str:
        """Return a generated function as text: ``check``, ``plain``, ``post``, ``post_json`` or ``view_public``."""
        plan = cls._plan()
        if title.startswith("view_"):
            role = title.removeprefix("view_")
            plan.view(None if role == "None" else role)
        return plan.sources.get(title, "")

    # -- what fields and generated functions ask of a class

    def _plan(cls) -> planning.Plan:
        return cls._made_plan or planning.plan_of(cls)

    def _is_sure(cls, document: Any) -> bool:
        return checking.is_sure(document)

    def _is_satisfied(cls, document: Any) -> bool:
        return checking.is_satisfied(document)

    def _is_plain(cls, values: dict[str, Any]) -> bool:
        return cls._plan().is_plain(values)

    def _is_right(cls, document: Any) -> bool:
        post = cls._plan().post
        return post is None or post(document)

    def _is_right_json(cls, document: Any) -> bool:
        post = cls._plan().post_json
        return post is None or post(document)

    def _viewer(cls, role: str | None) -> Any:
        return cls._plan().view(role)


class TopLevelDocumentMetaclass(DocumentMetaclass):
    """The class of documents that are stored by themselves, and have an identity."""

    _options_type = TopLevelDocumentOptions

    if not TYPE_CHECKING:

        @property
        def id(cls):
            """The field that is the identity, whatever it is called."""
            return cls._keys.get("id")

    @staticmethod
    def _add_identity(cls: Any, own: Mapping[str, BaseField[Any]]) -> None:
        fields, options = cls._fields, cls._options
        marked = [field for field in fields.values() if field.id_field]
        if len(marked) > 1:
            raise InvalidShield(f"expected one id_field in {cls.__name__}, got {[one.field_name for one in marked]}")
        if marked:
            if marked[0].field_name != "id" and "id" not in own:
                fields.pop("id", None)
            cls._id_name = marked[0].field_name
            return
        cls._id_name = "id"
        is_declared = {"id_field", "id_options"} & set(options.declared)
        if ("id" in fields and not is_declared) or "id" in own or cls.__dict__.get("_is_root"):
            return
        kind = options.id_field or UUIDField
        uniq = {"uniq_field": "id"} if options.id_options is None else {"uniq_field": "_id"}
        field = copy.copy(kind) if isinstance(kind, BaseField) else kind(**{**uniq, **(options.id_options or {})})
        field = _adopt(cls, "id", field)
        cls._declared = {"id": field, **cls._declared}
        cls._fields = {"id": field, **{name: one for name, one in fields.items() if name != "id"}}


def _name_class(cls: Any, parents: list[Any], is_root: bool) -> None:
    superclasses: dict[str, Any] = {}
    counted = []
    for base in parents:
        superclasses.update(base._superclasses)
        if base._class_name and not base._options.mixin:
            superclasses[base._class_name] = base
            counted.append(base._class_name)
    cls._superclasses = superclasses
    cls._class_name = "" if is_root else ".".join([*reversed(counted), cls.__name__])
    cls._types = [*superclasses, cls._class_name]
    cls._is_marked = getattr(cls, "_meta", {}).get("allow_inheritance", True) is not False


def _collect_fields(cls: Any) -> dict[str, BaseField[Any]]:
    declared: dict[str, BaseField[Any] | None] = {}
    for base in reversed(cls.__mro__):
        if isinstance(base, DocumentMetaclass):
            declared.update(base._declared)
    fields = {name: _adopt(cls, name, field) for name, field in declared.items() if field is not None}
    cls._declared.update((name, fields[name]) for name, field in cls._declared.items() if field is not None)
    return fields


def _adopt(cls: Any, name: str, field: BaseField[Any]) -> BaseField[Any]:
    """Return a field of the class's own: one that it inherits, it does not share."""
    field = copy.copy(field)
    field.field_name = name
    field.uniq_field = field.uniq_field or name
    _tell_owner(cls, field)
    return field


def _tell_owner(cls: Any, field: BaseField[Any]) -> None:
    field.owner_document = cls
    # "self" is the class that says so; a mixin says it for whoever takes its fields.
    if isinstance(field, EmbeddedDocumentField) and (field.declared_in is None or field.declared_in._options.mixin):
        field.declared_in = cls
    inner = getattr(field, "fields", None)
    if inner:
        field.fields = [copy.copy(one) for one in inner]  # type: ignore[attr-defined]  # a list field
        for one in field.fields:  # type: ignore[attr-defined]
            one.field_name = field.field_name
            _tell_owner(cls, one)


def _prepare_keys(cls: Any) -> None:
    """Note by which keys each field is read; one that is not its name becomes a property as well."""
    keys = dict(cls._fields)
    for name, field in cls._fields.items():
        names = [field.uniq_field, field.minimized_field_name]
        if name == getattr(cls, "_id_name", None):
            names += ["id", "_id"]
        for key in names:
            if key and key not in keys:
                keys[key] = field
    cls._keys = keys
    cls._aliases = tuple(key for key in keys if key not in cls._fields)
    # Fields that keep what they are given are not in here: assigning to them is plain assigning.
    cls._takers = {key: field.assigned for key, field in keys.items() if not field.keeps_all()}
    cls._shadowed = False
    for key, field in keys.items():
        taken = next((vars(base)[key] for base in cls.__mro__ if key in vars(base)), _NOTHING)
        if isinstance(taken, _Alias) and key in cls._fields:
            raise InvalidShield(f"expected another name than {key!r} in {cls.__name__}: it is one of {taken.target!r}")
        if key in cls._fields:
            cls._shadowed = cls._shadowed or taken is not _NOTHING
        elif isinstance(taken, _Alias) and taken.target == field.field_name:
            continue
        elif taken is _NOTHING or isinstance(taken, _Alias):
            setattr(cls, key, _Alias(field.field_name))
        else:
            cls._shadowed = True


_NOTHING = object()


class _Alias(property):
    """Another name of a field, by which msgspec sets it."""

    def __init__(self, target: str) -> None:
        self.target = target
        super().__init__(attrgetter(target), lambda document, value: object.__setattr__(document, target, value))


def _note_methods(cls: Any) -> None:
    """Note whether what makes a document, or validates it, is the application's."""
    cls._has_own_making = any(_is_elsewhere(cls, name) for name in _MAKING)
    cls._has_own_validate = _is_elsewhere(cls, "validate")


def _is_elsewhere(cls: Any, method: str) -> bool:
    owner = next((base for base in cls.__mro__ if method in vars(base)), object)
    return owner is not object and not owner.__module__.startswith("brubeck_wsgi.dictshield.")
