"""What every field is: its options, how it takes a value in, judges it, and gives it out again.

A field of one's own is a subclass with a `validate`, and where values change on assignment a `convert`. The methods
below `for_jsonschema` are for the fields of this package: they tell msgspec and the generated functions what a field
means. Those of a subclass elsewhere are called as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload  # Any: values before validation

from brubeck_wsgi.dictshield.errors import MISFIT, MOST_ERRORS, InvalidShield, Path, ShieldException
from brubeck_wsgi.dictshield.jsontext import NumberText
from brubeck_wsgi.dictshield.multivalue import MultiValueDict
from brubeck_wsgi.dictshield.releasing import Release
from brubeck_wsgi.dictshield.sourcecode import Code

Value = TypeVar("Value")

_PACKAGE = "brubeck_wsgi.dictshield."
_IMMUTABLE = (str, int, float, bool, bytes, type(None))


class BaseField(Generic[Value]):
    """A field that takes anything.

    Args:
        uniq_field: the name of the field in what is stored and in JSON; its own name by default.
        field_name: the same.
        required: whether a document without a value is invalid.
        default: the value where none is given, or a callable that makes it.
        id_field: whether this is the identity of the document.
        validation: a callable that is true for values that are acceptable.
        choices: the values that are acceptable.
        description: for people, in the JSON Schema.
        minimized_field_name: a short name, which the safe forms use.

    Attributes:
        field_name: the name that the class gave it.
        owner_document: the class that it belongs to.
    """

    owner_document: Any = None
    json_type = "any"
    """The legacy JSON Schema type."""
    is_judged_by_problem = True
    """Whether a value of which `problem` says nothing has no errors in it either."""

    _custom_methods: frozenset[str] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith(_PACKAGE):
            return
        methods = {name for base in cls.__mro__ if base not in (object, Generic) for name in vars(base)}
        # Those of a subclass elsewhere: the fields of this package know what their own methods do.
        owners = {name: next(base for base in cls.__mro__ if name in vars(base)) for name in methods}
        cls._custom_methods = frozenset(
            name for name, owner in owners.items() if not owner.__module__.startswith(_PACKAGE)
        )

    def __init__(
        self,
        uniq_field: str | None = None,
        field_name: str | None = None,
        required: bool = False,
        default: Any = None,
        id_field: bool = False,
        validation: Callable[[Any], Any] | None = None,
        choices: Collection[Any] | None = None,
        description: str | None = None,
        minimized_field_name: str | None = None,
    ) -> None:
        if validation is not None and not callable(validation):
            raise InvalidShield(f"expected validation to be a callable, got {validation!r:.60}")
        self.uniq_field = "_id" if id_field else uniq_field or field_name
        self.field_name = field_name
        self.required = required
        self.default = default
        self.validation = validation
        self.choices = choices
        self.id_field = id_field
        self.description = description
        self.minimized_field_name = minimized_field_name

    if TYPE_CHECKING:  # at run time a document has its values in its __dict__, and its class has no fields in it

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Value: ...
        def __get__(self, instance: object | None, owner: Any) -> Self | Value: ...
        def __set__(self, instance: Any, value: Any) -> None: ...

    # -- taking a value in

    def convert(self, value: Any) -> Any:
        """Return *value* as the field keeps it; `ShieldException` if it cannot be that."""
        return copied(value)

    def to_value(self, value: Any) -> Any:
        """Return what a document keeps when *value*, which is not None, is assigned; it need not be valid."""
        try:
            return self.convert(value)
        except MISFIT:
            return value

    def default_value(self) -> Any:
        """Return what a document has where no value is given."""
        default = self.default
        if callable(default):
            default = default()
        elif not isinstance(default, _IMMUTABLE):
            default = copy.deepcopy(default)
        return None if default is None else self.to_value(default)

    def assigned(self, value: Any) -> Any:
        """Return what a document keeps when *value* is assigned: for None the default."""
        return self.default_value() if value is None else self.to_value(value)

    def keeps_all(self) -> bool:
        """Tell whether `assigned` returns what it is given, whatever that is."""
        return False

    # -- judging it

    def validate(self, value: Any) -> Any:
        """Return *value* converted; `ShieldException` if it does not fit. Choices and `validation` are left aside."""
        value = self.convert(value)
        reason = self.problem(value)
        if reason is not None:
            raise self.error(reason, value)
        return value

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a *value* that was converted; None if nothing is."""
        return None

    def _validate(self, value: Any) -> Any:
        """Return *value* converted; raise the first of its errors, choices and `validation` included."""
        errors: list[ShieldException] = []
        value = self.to_value(value)
        self.collect(value, () if self.field_name is None else (self.field_name,), errors)
        if errors:
            raise errors[0]
        return value

    def collect(self, value: Any, path: Path, errors: list[ShieldException]) -> None:
        """Append to *errors* what is wrong with *value*, which a document keeps at *path*, and which is not None."""
        try:
            if reason := self._other_choice(value):
                raise self.error(reason, value)
            if self.validation is not None and not self.validation(value):
                raise self.error("Value does not match custom validation method.", value)
            self.inspect(value, path, errors)
        except ShieldException as error:
            # It was raised by the field alone, or about something within its value.
            within = error.path[1:] if error.path[:1] == (self.field_name,) else ()
            error.path = (*path, *within)
            if error.field_name is None:
                error.field_name = self.field_name
            # Its traceback holds this frame, which holds the errors: a circle for the garbage collector.
            errors.append(error.with_traceback(None))
        except MISFIT:
            errors.append(ShieldException("Invalid value", self.field_name, value, path))
        except RecursionError:
            errors.append(ShieldException("Nested too deeply", self.field_name, None, path))

    def inspect(self, value: Any, path: Path, errors: list[ShieldException]) -> None:
        """Do what `collect` does after choices and `validation`; the first error may be raised instead."""
        self.validate(value)

    def read(self, value: Any, path: Path, place: str | int, errors: list[ShieldException]) -> Any:
        """Do `to_value` and `collect` in one go, for a *value* that is to stand at *place* below *path*."""
        if self.is_judged_by_problem and not self._custom_methods and self.validation is None:
            try:
                taken = self.convert(value)
                reason = self._other_choice(taken) or self.problem(taken)
            except ShieldException as error:
                taken, reason = value, self._other_choice(value)
                if reason is None:
                    error.path = (*path, place)
                    error.field_name = self.field_name
                    errors.append(error.with_traceback(None))
            except MISFIT:
                taken, reason = value, "Invalid value"
            if reason is not None:
                errors.append(ShieldException(reason, self.field_name, taken, (*path, place)))
            return taken
        taken = self.to_value(value)
        self.collect(taken, (*path, place), errors)
        return taken

    def read_items(self, items: Any, path: Path, errors: list[ShieldException]) -> list[Any]:
        """Do `read` for each item of the list that is to stand at *path*."""
        taken: list[Any] = []
        for number, item in enumerate(items):
            if item is None:
                self.collect(None, (*path, number), errors)
                taken.append(None)
            else:
                taken.append(self.read(item, path, number, errors))
            if len(errors) >= MOST_ERRORS:
                break
        return taken

    def _other_choice(self, value: Any) -> str | None:
        """Return what is wrong with a value that is none of the choices."""
        return None if self.choices is None or value in self.choices else self._choice_reason

    @cached_property
    def _choice_reason(self) -> str:
        return f"Value must be one of {self.choices}."

    def error(self, reason: str, value: Any) -> ShieldException:
        """Return the error to raise for a value that does not fit."""
        return ShieldException(reason, self.field_name, value)

    # -- giving it out

    def for_python(self, value: Any) -> Any:
        """Return a kept value as plain Python data."""
        return value

    def for_json(self, value: Any) -> Any:
        """Return a kept value as data that JSON can hold."""
        return self.for_python(value)

    def release(self, value: Any, release: Release) -> Any:
        """Return a kept value as *release* lets it out."""
        return release.plain(self.for_json(value) if release.is_json else self.for_python(value))

    # -- the JSON Schema of DictShield

    def for_jsonschema(self) -> dict[str, Any]:
        """Return the field's schema in the shape of DictShield 0.4, which is JSON Schema draft 3."""
        known = {
            "type": self.json_type,
            "title": self.field_name,
            "description": self.description,
            "required": True if self.required else None,
            "default": None if callable(self.default) or self.default is None else self.for_json(self.default_value()),
            "enum": None if self.choices is None else list(self.choices),
            **self.schema_limits(),
        }
        return {name: value for name, value in known.items() if value is not None}

    def schema_limits(self) -> dict[str, Any]:
        """Return the keywords that narrow the legacy type; a None is left out."""
        return {}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        """Return the schema of a value in JSON Schema 2020-12; *schemas* refers to those of other documents."""
        return {}

    # -- what msgspec and the generated functions know of it

    def is_custom(self, *methods: str) -> bool:
        """Tell whether one of *methods* is of a subclass that is not of this package."""
        return not self._custom_methods.isdisjoint(methods)

    def inner_fields(self) -> Iterator[BaseField[Any]]:
        """Yield the fields that this one is made of."""
        return iter(())

    def embedded_documents(self) -> Iterator[Any]:
        """Yield the document classes that a value may hold."""
        for field in self.inner_fields():
            yield from field.embedded_documents()

    def annotation(self) -> Any:
        """Return the type by which msgspec takes in a value, or None if only `convert` can.

        What msgspec takes for this type must be what `convert` makes of the same value.
        """
        return Any

    def absence(self, value: str) -> str:
        """Return an expression that is true if *value* of a required field is not there, for `write_post`.

        It is "" where msgspec sees that, or the class of the value says it.
        """
        return f'{value} is None or {value} == ""' if self.annotation() is Any else ""

    def kind(self) -> type | None:
        """Return the class that every valid value is of; None if there is no such."""
        return None

    def text_kind(self) -> type | None:
        """Return the type as which msgspec reads text, all of which is then valid; None if there is none."""
        return None

    def limits(self, code: Code, value: str) -> list[str]:
        """Return expressions of which one is true for every *value*, of the right `kind`, that may be invalid."""
        return [] if self.annotation() is Any else ["True"]

    def unseen(self, code: Code, value: str, is_json: bool) -> list[str]:
        """Return the same for a value that msgspec took for `annotation`."""
        return []

    def more_doubts(self, code: Code, value: str) -> list[str]:
        """Return the expressions for choices, `validation` and a `validate` of the application's."""
        if self.is_custom("validate", "_validate", "collect", "inspect"):
            return [f"{code.name(self._doubts, 'doubts')}({value})"]
        doubts = []
        if self.choices is not None:
            doubts.append(f"{value} not in {code.name(self.choices, 'choices')}")
        if self.validation is not None:
            doubts.append(f"not {code.name(self.validation, 'validation')}({value})")
        return doubts

    def write_check(self, code: Code, value: str, may_be_none: bool) -> None:
        """Write statements that return False unless *value* is sure to be valid, or None where that may be."""
        kind, doubts = self.kind(), self.limits(code, value) + self.more_doubts(code, value)
        if kind is None:
            self._write_check_of_any(code, value, may_be_none, doubts)
            return
        name = code.name(kind, kind.__name__)
        before = len(code)
        # The class first: most values have it, and whether one is None matters only if it has not.
        with code.block(f"if type({value}) is {name}:"):
            write_doubts(code, doubts)
            self.write_inner_check(code, value)
        if len(code) > before:
            code.line(f"elif {value} is not None: return False" if may_be_none else "else: return False")
        else:
            code.line(f"if type({value}) is not {name}{f' and {value} is not None' * may_be_none}: return False")

    def _write_check_of_any(self, code: Code, value: str, may_be_none: bool, doubts: list[str]) -> None:
        if may_be_none:
            with code.block(f"if {value} is not None:"):
                write_doubts(code, doubts)
        else:
            write_doubts(code, [f'{value} is None or {value} == ""', *doubts])

    def write_inner_check(self, code: Code, value: str) -> None:
        """Write the same for what is in a *value* of the right `kind`."""

    def write_post(self, code: Code, value: str, is_json: bool) -> None:
        """Write the same for a value that msgspec took."""
        write_doubts(code, self.unseen(code, value, is_json) + self.more_doubts(code, value))

    def write_plain(self, code: Code, value: str) -> None:
        """Write statements that return False if msgspec could take *value* for what it is not, or would not copy it."""
        if self.annotation() is Any:
            code.line(f"if type({value}) in {code.name(CONTAINERS, 'containers')}: return {code.refusal}")

    def view(self, code: Code, value: str, role: str | None) -> str:
        """Return an expression for what msgspec is to write of *value*, which may be None, for *role*."""
        if self.is_custom("for_json", "for_python", "release"):
            return self.view_call(code, value, self.for_json)
        return value

    def view_call(self, code: Code, value: str, function: Callable[[Any], Any]) -> str:
        """Return the expression for *function* of *value*."""
        variable = code.variable()
        return f"None if ({variable} := {value}) is None else {code.name(function, 'json')}({variable})"

    def loosely(self, code: Code, role: str | None) -> str:
        """Return the name of the function that lets out a value which may be invalid, or None."""
        release = Release(role, is_json=True)
        return code.name(lambda value: None if value is None else self.release(value, release), "loosely")

    def _doubts(self, value: Any) -> bool:
        errors: list[ShieldException] = []
        self.collect(value, (), errors)
        return bool(errors)


def copied(value: Any) -> Any:
    """Return *value* with the lists and dictionaries in it copied, and numbers as Python has them."""
    kind = value.__class__
    if kind is dict:
        return {key: copied(item) for key, item in value.items()}
    if kind is list:
        return [copied(item) for item in value]
    if kind is tuple:
        return tuple([copied(item) for item in value])
    if isinstance(value, dict):
        return value.copy()
    return float(value) if isinstance(value, NumberText) else value


CONTAINERS = frozenset({dict, list, tuple, set, frozenset, MultiValueDict})


def write_doubts(code: Code, doubts: list[str]) -> None:
    """Write the statement that returns False if one of *doubts* is true."""
    if doubts:
        code.line(f"if {' or '.join(doubts)}: return False")
