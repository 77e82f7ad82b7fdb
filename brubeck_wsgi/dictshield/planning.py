"""What is compiled for a document class, when it is first needed.

To msgspec a document class is a dataclass: it decodes straight into documents, at the speed of C. It is one only
while its decoder is built. Were it one for longer, ``msgspec.json.encode(document)`` would write private fields too;
as it is, msgspec refuses to encode a document.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any  # Any: document classes, which are built upon this module

import msgspec

from brubeck_wsgi.dictshield import unrolling
from brubeck_wsgi.dictshield.hooks import is_hook, take
from brubeck_wsgi.dictshield.sourcecode import Code

if TYPE_CHECKING:
    from brubeck_wsgi.dictshield.fields.base import BaseField

_compiling = threading.RLock()
_AS_IT_IS = (str, int, float, bool, bytes)


class Plan:
    """The compiled functions of one document class.

    Attributes:
        document_type: the class.
        new: the class's ``__new__``.
        aliases: the other names of its fields.
        has_own_ways: whether it is the application's code that makes or validates documents of the class.
        decode: JSON text to document; `msgspec.ValidationError` if that is for the slow way.
        make: dictionary to document; None if msgspec could take something in there for what it is not, and
            `msgspec.ValidationError` if it refuses it.
        box: what a list of one such dictionary is converted to, for its ``value``: of what is in a Struct msgspec
            knows the type by heart.
        check: whether a document is sure to be valid.
        is_plain: whether msgspec takes a dictionary for what it is.
        take: dictionary to valid document, or False if it is not sure to be valid; None where a dictionary may be other
            than plain, or needs a hook.
        post_json: whether a document that `decode` made is valid; None if it always is.
        post: the same for one that `convert` made.
        sift: sets what is good of raw values, and returns the others with their fields.
        views: by role, what makes of a document what msgspec writes; see `view`.
        sources: the generated functions, as text.
    """

    def __init__(self, document_type: Any) -> None:
        self.document_type = document_type
        self.sources: dict[str, str] = {}
        self.new = document_type.__new__
        self.aliases: tuple[str, ...] = document_type._aliases
        self.has_own_ways: bool = document_type._has_own_making or document_type._has_own_validate
        self.views: dict[str | None, Callable[[Any], Any]] = {}
        self.decode: Callable[[bytes | str], Any] = _refuse
        self.make: Callable[[dict[str, Any]], Any] = _refuse
        self.box: Any = None
        self.check = self._write("check", lambda code: unrolling.write_own_check(code, document_type, "doc"))
        self.sift = self._write_sift()
        self.post_json: Callable[[Any], bool] | None = None
        self.post: Callable[[Any], bool] | None = None
        self.is_plain: Callable[[Any], bool] = _never
        self.take: Callable[[dict[str, Any]], Any] | None = None
        closure = _closure(document_type)
        if all(_is_simple(one) for one in closure):
            self._build_decoder(closure)

    def view(self, role: str | None) -> Callable[[Any], Any]:
        """Return the function that makes of a document what msgspec writes for *role*."""
        made = self.views.get(role)
        if made is None:
            with _compiling:
                made = self.views.get(role) or self._write_view(role)
                self.views[role] = made
        return made

    def _write_view(self, role: str | None) -> Callable[[Any], Any]:
        code = Code("def view(doc):")
        code.line(f"return {unrolling.view(code, self.document_type, 'doc', role)}")
        return self._finish(f"view_{role}", code)

    def _build_decoder(self, closure: list[Any]) -> None:
        with _as_dataclasses(closure):
            decoder = msgspec.json.Decoder(self.document_type, dec_hook=take)
            self.box = msgspec.defstruct("Box", [("value", self.document_type)], array_like=True, gc=False)
            with suppress(msgspec.ValidationError):
                msgspec.convert([None], self.box, dec_hook=take)  # it looks at the class now, and not again
        self.decode = decoder.decode
        is_hooked = any(_is_hooked(field) for one in closure for field in one._fields.values())
        document_type = self.document_type
        self.is_plain = self._write("plain", lambda code: unrolling.write_plain(code, document_type, "doc"))
        is_flat = self.sources["plain"].count("\n") == 2
        self.make = self._write_make(is_hooked)
        self.post_json = self._write_post("post_json", is_json=True)
        self.post = self._write_post("post", is_json=False)
        if is_flat and not is_hooked:
            self.take = self._write_take()

    def _write_make(self, is_hooked: bool) -> Callable[[dict[str, Any]], Any]:
        code = Code("def make(doc):")
        convert, box = code.name(msgspec.convert, "convert"), code.name(self.box, "Box")
        unrolling.write_plain(code, self.document_type, "doc", refusal="None")
        hook = f", dec_hook={code.name(take, 'take')}" if is_hooked else ""
        code.line(f"return {convert}([doc], {box}{hook}).value")
        return self._finish("make", code)

    def _write_take(self) -> Callable[[dict[str, Any]], Any]:
        code = Code("def take(values):")
        convert, box = code.name(msgspec.convert, "convert"), code.name(self.box, "Box")
        code.line(f"doc = {convert}([values], {box}).value")
        unrolling.write_post(code, self.document_type, "doc", is_json=False)
        code.line("return doc")
        return self._finish("take", code)

    def _write_sift(self) -> Callable[..., list[tuple[str, Any, Any]]]:
        code = Code("def sift(doc, get):")
        code.names["set"] = object.__setattr__
        code.line("doubts = []")
        code.line("doubtful = doubts.append")
        unrolling.write_sift(code, self.document_type)
        code.line("return doubts")
        return self._finish("sift", code)

    def _write_post(self, title: str, is_json: bool) -> Callable[[Any], bool] | None:
        code = Code(f"def {title}(doc):")
        unrolling.write_post(code, self.document_type, "doc", is_json)
        if not len(code):
            return None
        code.line("return True")
        return self._finish(title, code)

    def _write(self, title: str, write: Callable[[Code], None]) -> Callable[[Any], bool]:
        code = Code(f"def {title}(doc):")
        write(code)
        code.line("return True")
        return self._finish(title, code)

    def _finish(self, title: str, code: Code) -> Callable[[Any], Any]:
        self.sources[title] = code.source
        return code.finish(f"{title} of {self.document_type.__name__}")


def plan_of(document_type: Any) -> Plan:
    """Return the plan of a document class, which is made if there is none yet."""
    with _compiling:
        plan: Plan | None = vars(document_type).get("_made_plan")
        if plan is None:
            plan = Plan(document_type)
            document_type._made_plan = plan
        return plan


def _refuse(data: Any) -> Any:
    raise msgspec.ValidationError("expected a class that msgspec can make documents of")


def _is_hooked(field: BaseField[Any]) -> bool:
    return is_hook(field.annotation()) or any(_is_hooked(inner) for inner in field.inner_fields())


def _never(values: Any) -> bool:
    return False


def _closure(document_type: Any) -> list[Any]:
    """Return a class with all that its documents may hold."""
    found = [document_type]
    for one in found:
        for field in one._fields.values():
            found += [inner for inner in field.embedded_documents() if inner not in found]
    return list(dict.fromkeys(found))


def _is_simple(document_type: Any) -> bool:
    """Tell whether setting attributes is all that it takes to make a document of this class."""
    if document_type._has_own_making or document_type._shadowed or hasattr(document_type, "__post_init__"):
        return False
    return all(_is_known(field) for field in document_type._fields.values())


def _is_known(field: BaseField[Any]) -> bool:
    own = field.is_custom("convert", "to_value", "default_value", "annotation")
    return not own and field.annotation() is not None


@contextmanager
def _as_dataclasses(document_types: list[Any]) -> Iterator[None]:
    """Have document classes pass for dataclasses, with nothing but our annotations, for the time of the block."""
    import dataclasses  # it takes longer to import than all of this, and msgspec has it by now

    with _compiling:
        bases = list(dict.fromkeys(base for one in document_types for base in one.__mro__ if base is not object))
        before = [(base, vars(base)["__annotations__"]) for base in bases if vars(base).get("__annotations__")]
        for base, _ in before:
            base.__annotations__ = {}
        try:
            for one in document_types:
                fields = {name: _describe(field, dataclasses) for name, field in one._fields.items()}
                annotations = {name: _annotation(field) for name, field in one._fields.items()}
                for key, field in one._keys.items():
                    if key != field.field_name:
                        fields[key] = _field(dataclasses, key, default=None)
                        annotations[key] = annotations[field.field_name]
                one.__annotations__ = annotations
                one.__dataclass_fields__ = fields
            yield
        finally:
            for one in document_types:
                del one.__dataclass_fields__
                one.__annotations__ = {}
            for base, annotations in before:
                base.__annotations__ = annotations


def _annotation(field: BaseField[Any]) -> Any:
    """Return the type of a field in a document: None is one, where it is neither an error nor the default."""
    kind = field.annotation()
    may_be_none = not field.required and field.default is None
    return kind | None if may_be_none and kind is not Any else kind


def _describe(field: BaseField[Any], dataclasses: Any) -> Any:
    """Return the dataclass's idea of a field: its default, if it is as good as what a client sends."""
    default, name = field.default, field.field_name
    if default is None:
        # Not without a default: msgspec puts those first, and it is quickest with keys in the order of the fields.
        missing = {"default_factory": _miss} if field.required else {"default": None}
        return _field(dataclasses, name, **missing)
    if default in (list, dict):
        return _field(dataclasses, name, default_factory=default)
    if callable(default) or not isinstance(default, _AS_IT_IS):
        return _field(dataclasses, name, default_factory=_checked_default(field))
    try:
        return _field(dataclasses, name, default=_checked_default(field)())
    except msgspec.ValidationError:
        return _field(dataclasses, name, default_factory=_miss)  # the slow way finds out what is wrong with it


def _miss() -> Any:
    raise msgspec.ValidationError("expected a value of a required field")


def _checked_default(field: BaseField[Any]) -> Callable[[], Any]:
    def make() -> Any:
        value = field.default_value()
        is_absent = value is None or value == ""
        if field.required if is_absent else field._doubts(value):
            raise msgspec.ValidationError("expected a default that is valid")
        return value

    return make


def _field(dataclasses: Any, name: str | None, **options: Any) -> Any:
    return SimpleNamespace(
        name=name,
        _field_type=dataclasses._FIELD,
        default=options.get("default", dataclasses.MISSING),
        default_factory=options.get("default_factory", dataclasses.MISSING),
    )
