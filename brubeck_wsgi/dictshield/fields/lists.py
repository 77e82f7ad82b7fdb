"""Fields that hold lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar  # Any: values before validation

from brubeck_wsgi.dictshield.errors import MOST_ERRORS, InvalidShield, Path, ShieldException
from brubeck_wsgi.dictshield.fields.base import CONTAINERS, BaseField, copied
from brubeck_wsgi.dictshield.releasing import Release, is_document
from brubeck_wsgi.dictshield.sourcecode import Code

Item = TypeVar("Item")

_ITEM_REASON = "Invalid ListField item"


class ListField(BaseField[list[Item]], Generic[Item]):
    """A list of what another field takes.

    Args:
        fields: that field, or a list of fields of which each item has to fit one; with none, items are anything.
        primary_embedded: the field to try first.
        options: those of `BaseField`.
    """

    json_type = "array"
    is_judged_by_problem = False

    def __init__(
        self,
        fields: BaseField[Item] | Sequence[BaseField[Any]],
        primary_embedded: BaseField[Any] | None = None,
        **options: Any,
    ) -> None:
        alternatives = [fields] if isinstance(fields, BaseField) else fields
        if not isinstance(alternatives, list | tuple) or not all(isinstance(one, BaseField) for one in alternatives):
            raise InvalidShield(f"expected a field or a list of fields, got {fields!r:.80}")
        self.fields: list[BaseField[Any]] = sorted(alternatives, key=lambda one: one is not primary_embedded)
        options.setdefault("default", list)
        super().__init__(**options)

    @property
    def only_field(self) -> BaseField[Any] | None:
        """The field of every item, if there is but one."""
        return self.fields[0] if len(self.fields) == 1 else None

    def inner_fields(self) -> Iterator[BaseField[Any]]:
        return iter(self.fields)

    def convert(self, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise self.error("Only lists and tuples may be used in a list field", value)
        field = self.only_field
        if field is not None:
            take = field.to_value
            return [None if item is None else take(item) for item in value]
        if not self.fields:
            return copied(list(value))
        return [self._convert_any(item) for item in value]

    def _convert_any(self, item: Any) -> Any:
        if item is None or is_document(item):
            return item
        for field in self.fields:
            converted = field.to_value(item)
            if not _errors_of(field, converted):
                return converted
        return item

    def validate(self, value: Any) -> Any:
        """Return *value* with its items converted; `ShieldException` if one does not fit."""
        errors: list[ShieldException] = []
        value = self.convert(value)
        self._inspect_items(value, () if self.field_name is None else (self.field_name,), errors)
        if errors:
            raise errors[0]
        return value

    def inspect(self, value: Any, path: Path, errors: list[ShieldException]) -> None:
        if self.is_custom("validate"):
            self.validate(value)
        elif not isinstance(value, list | tuple):
            raise self.error("Only lists and tuples may be used in a list field", value)
        else:
            self._inspect_items(value, path, errors)

    def _inspect_items(self, items: Any, path: Path, errors: list[ShieldException]) -> None:
        field, before = self.only_field, len(errors)
        for place, item in enumerate(items) if self.fields else ():
            if field is not None:
                field.collect(item, (*path, place), errors)
            else:
                errors += self._errors_of_any(item, (*path, place))
            if len(errors) >= MOST_ERRORS:
                break
        self._claim(errors, before)

    def _claim(self, errors: list[ShieldException], before: int) -> None:
        """Make the errors of items those of the list."""
        for error in errors[before:]:
            error.reason, error.field_name = _ITEM_REASON, self.field_name
            error.args = (_ITEM_REASON, self.field_name, error.field_value)

    def read(self, value: Any, path: Path, place: str | int, errors: list[ShieldException]) -> Any:
        field = self.only_field
        is_plain = self.choices is None and self.validation is None and not self._custom_methods
        if field is None or not is_plain or not isinstance(value, list | tuple):
            return super().read(value, path, place, errors)
        before = len(errors)
        items = field.read_items(value, (*path, place), errors)
        if len(errors) > before:
            self._claim(errors, before)
        return items

    def _errors_of_any(self, item: Any, path: Path) -> list[ShieldException]:
        """Return what is wrong with an item that fits no field: as the field sees it that fits best."""
        takes = isinstance(item, Mapping)
        every = [_errors_of(field, field.to_value(item) if takes else item, path) for field in self.fields]
        if not all(every):
            return []
        return max(every, key=lambda errors: max(len(error.path) for error in errors))

    def for_python(self, value: Any) -> Any:
        return self.release(value, Release(None, is_json=False))

    def for_json(self, value: Any) -> Any:
        return self.release(value, Release(None, is_json=True))

    def release(self, value: Any, release: Release) -> Any:
        if not isinstance(value, list | tuple):
            return release.plain(value)
        field = self.only_field
        return [
            None if item is None else (field or self._field_of(item)).release(item, release)
            for item in self.ordered(value)
        ]

    def _field_of(self, item: Any) -> BaseField[Any]:
        """Return the field that lets *item* out."""
        if not is_document(item):
            for field in self.fields:
                if not _errors_of(field, field.to_value(item)):
                    return field
        # What fits no field leaves as the first would have it: for a dictionary, by the lists of a document.
        embedding = [field for field in self.fields if hasattr(field, "document_type")]
        return embedding[0] if embedding and isinstance(item, Mapping) else BaseField()

    def ordered(self, value: Any) -> Any:
        """Return the items in the order in which they leave."""
        return value

    def schema_limits(self) -> dict[str, Any]:
        return {"items": [field.for_jsonschema() for field in self.fields]}

    def json_schema(self, schemas: Any) -> dict[str, Any]:
        kinds = [schemas.of(field) for field in self.fields]
        items = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
        return {"type": "array", "items": items} if kinds else {"type": "array"}

    def annotation(self) -> Any:
        if not self.fields:
            return list
        field = self.only_field
        of_item = None if field is None or field.is_custom("convert", "to_value") else field.annotation()
        return None if of_item is None else list[of_item]  # type: ignore[valid-type]  # made at run time

    def kind(self) -> type | None:
        return list

    def limits(self, code: Code, value: str) -> list[str]:
        return [] if len(self.fields) <= 1 else ["True"]

    def write_inner_check(self, code: Code, value: str) -> None:
        field = self.only_field
        if field is not None:
            item = code.variable()
            with code.block(f"for {item} in {value}:"):
                field.write_check(code, item, may_be_none=False)

    def write_post(self, code: Code, value: str, is_json: bool) -> None:
        super().write_post(code, value, is_json)
        field = self.only_field
        if field is not None:
            item = code.variable()
            with code.block(f"for {item} in {value}:"):
                field.write_post(code, item, is_json)

    def write_plain(self, code: Code, value: str) -> None:
        code.line(f"if type({value}) is not list and type({value}) is not tuple: return {code.refusal}")
        field = self.only_field
        item = code.variable()
        with code.block(f"for {item} in {value}:"):
            if field is None:
                code.line(f"if type({item}) in {code.name(CONTAINERS, 'containers')}: return {code.refusal}")
            else:
                field.write_plain(code, item)

    def view(self, code: Code, value: str, role: str | None) -> str:
        field = self.only_field
        variable, item = code.variable(), code.variable()
        loosely = self.loosely(code, role)
        if field is None or self.is_custom("for_json", "for_python", "release", "ordered"):
            return f"{loosely}({value})"
        of_item = field.view(code, item, role)
        items = (
            variable if type(self).ordered is ListField.ordered else f"{code.name(self.ordered, 'ordered')}({variable})"
        )
        made = items if of_item == item else f"[{of_item} for {item} in {items}]"
        return f"{made} if ({variable} := {value}).__class__ is list else {loosely}({variable})"


class SortedListField(ListField[Item]):
    """A list that leaves in order.

    Args:
        field: what an item is.
        ordering: what of an item decides: the name of a field or key; the item itself by default.
        options: those of `ListField`.
    """

    def __init__(self, field: BaseField[Item] | Sequence[BaseField[Any]], ordering: Any = None, **options: Any) -> None:
        self._ordering = ordering
        super().__init__(field, **options)

    def ordered(self, value: Any) -> Any:
        try:
            return sorted(value, key=self._rank)
        except TypeError:  # items that are not to be compared stay as they are
            return value

    def _rank(self, item: Any) -> Any:
        if self._ordering is not None:
            if isinstance(item, Mapping):
                item = item.get(self._ordering)
            elif is_document(item):
                item = getattr(item, self._ordering, None)
            elif item is not None:
                item = item[self._ordering]
        return item is not None, item


def _errors_of(field: BaseField[Any], item: Any, path: Path = ()) -> list[ShieldException]:
    errors: list[ShieldException] = []
    field.collect(item, path, errors)
    return errors
