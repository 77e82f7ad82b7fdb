"""The model of a store: what its objects are, what tells them apart, and what they are as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any  # objects of the application's classes
from uuid import uuid4

import msgspec

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.modeling import Model, adapt, is_model
from brubeck_wsgi.modeling.shapes import is_typed_dict
from brubeck_wsgi.queryset.errors import SelectionError, Unstorable
from brubeck_wsgi.queryset.kinds import FieldShape, Kind, indexed_shapes, shapes_of
from brubeck_wsgi.queryset.results import Stored, version_of

LONGEST_ID = 255


class ModelBound:
    """Something that keeps objects of one model.

    Args:
        api_id: the field that tells objects apart; None for the identity of the model.
        model: the class of the objects; None for that of the first that comes.
        indexed: names of fields to find objects by.

    Attributes:
        model_class: the class of the objects; None as long as it is not known.
    """

    def __init__(self, api_id: str | None, model: Any, indexed: Iterable[str]) -> None:
        self.api_id = api_id
        self.model_class: Any = None
        if isinstance(indexed, str):
            raise ConfigurationError(f"expected indexed to be names in a list or tuple, got {indexed!r:.60}")
        self._indexed = tuple(indexed)
        if model is not None:
            self.bind(model)

    def bind(self, model: Any) -> None:
        """Say which class the objects are of, if it is not said yet; `ConfigurationError` if it is another one."""
        if self.model_class is None:
            self._model = adapt(model)
            self.model_class = model
            self._prepare()
        elif self.model_class is not model:
            raise ConfigurationError(
                f"expected one model in {self!r}, got {getattr(model, '__name__', model)!s:.60} too"
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}{self._of_model()}>"

    def _of_model(self) -> str:
        return "" if self.model_class is None else f" of {self._model.name}"

    @property
    def model(self) -> Model:
        """The face of the class of the objects; `ConfigurationError` before there is one."""
        if self.model_class is None:
            raise ConfigurationError(f"expected {type(self).__name__}(model=…), or to create an object first")
        return self._model

    @cached_property
    def all_shapes(self) -> dict[str, FieldShape]:
        """All fields of the model, by their names."""
        return shapes_of(self.model_class, self.model)

    @cached_property
    def identity(self) -> FieldShape:
        """The field that tells objects apart."""
        name = self.api_id if self.api_id in self.all_shapes else self.model.identity
        if name is None or name not in self.all_shapes:
            raise ConfigurationError(f"expected {self.model.name} to have an identity, got none: say api_id")
        return indexed_shapes(self.all_shapes, (name,))[name]

    @cached_property
    def shapes(self) -> dict[str, FieldShape]:
        """The fields to find objects by, by their names: the identity first, then those that were declared."""
        return indexed_shapes(self.all_shapes, tuple(dict.fromkeys((self.identity.name, *self._indexed))))

    def _prepare(self) -> None:
        """Get ready, now that the model is known."""

    def _next_number(self) -> int:
        """Return a number that no object has for an id."""
        raise NotImplementedError

    def _object(self, shield: Any) -> Any:
        """Return an object of the model, for one or a mapping."""
        if self.model_class is not None and type(shield) is self.model_class:
            return shield
        if isinstance(shield, Mapping) and not is_model(shield):
            return self.model.load(shield)
        if self.model_class is None:
            self.bind(type(shield))
        if not is_typed_dict(self.model_class) and isinstance(shield, self.model_class):
            return shield
        raise TypeError(f"expected an object of {self.model.name}, got {shield!r:.80}")

    def _stored(self, value: Any) -> Stored:
        """Return an object as it is to be stored; one without an id is given one."""
        if self._id_of(value) is None:
            self._set_id(value, self._made_id())
        key = self._key(found := self._id_of(value))
        if not key:
            raise Unstorable(f"expected an id of 1 to {LONGEST_ID} characters and no NUL, got {str(found)!r:.80}")
        data = self._checked_data(value)
        return Stored(key, data, self._version(data), self._model)

    def _checked_data(self, value: Any) -> bytes:
        data = self._model.dump(value, None)
        self._model.load(data)  # what could not be read again would be in the way of all that is stored
        self._check_places(data)
        return data

    def _version(self, data: bytes) -> str:
        return version_of(data)

    def _key(self, item_id: Any) -> str:
        """Return an id as text; nothing, which is no id, for what none can be."""
        key = str(item_id)
        if len(key) > LONGEST_ID or "\0" in key:
            return ""
        try:
            key.encode()
        except UnicodeEncodeError:
            return ""
        return key

    def _check_places(self, data: bytes) -> None:
        if len(self.shapes) == 1:
            return
        document = msgspec.json.decode(data)
        for shape in self.shapes.values():
            value = document.get(shape.key)
            if value is not None:
                try:
                    shape.comparable(value)
                except SelectionError as error:
                    raise Unstorable(f"expected {shape.name} to be of kind {shape.kind}, got {value!r:.80}") from error

    def _id_of(self, value: Any) -> Any:
        if self.identity.name == self._model.identity:
            return self._model.get_id(value)
        return value.get(self.identity.name) if isinstance(value, dict) else getattr(value, self.identity.name)

    def _set_id(self, value: Any, made: Any) -> None:
        if self.identity.name != self._model.identity:
            raise Unstorable(f"expected {self.identity.name} to have a value, got none")
        self._model.set_id(value, made)

    def _made_id(self) -> Any:
        if self.identity.kind is Kind.UUID:
            return uuid4()
        if self.identity.kind is Kind.INTEGER:
            return self._next_number()
        if self.identity.kind is Kind.TEXT:
            return uuid4().hex
        raise Unstorable(f"expected {self.identity.name} to have a value, got none")
