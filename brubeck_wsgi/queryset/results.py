"""What a queryset answers with: results, stored objects, pages and changes."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, NamedTuple  # Any: objects of the application's classes

from brubeck_wsgi.errors import ValidationError
from brubeck_wsgi.modeling import Model
from brubeck_wsgi.queryset.errors import Unreadable

_VERSION_DIGITS = 20  # the scripts of Redis know it too


class Status(StrEnum):
    """What came of an operation on one object; each equals the text that Brubeck had for it."""

    OK = "OK"
    UPDATED = "Updated"
    CREATED = "Created"
    NOT_FOUND = "Not Found"
    FAILED = "Failed"


def version_of(data: bytes) -> str:
    """Return the version of an object that is stored as *data*: the same wherever and whenever it is the same."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()[:_VERSION_DIGITS]


class Stored:
    """An object in a store; it never changes.

    Attributes:
        id: which it is, as text.
        data: all of it as JSON, as `Model.dump` has it for a store.
        version: a text that is another one whenever the object is.
    """

    __slots__ = ("_model", "data", "id", "version")

    def __init__(self, id: str, data: bytes, version: str, model: Model) -> None:
        self.id = id
        self.data = data
        self.version = version
        self._model = model

    @property
    def value(self) -> Any:
        """The object, made anew each time; `Unreadable` if what is stored does not fit its model."""
        try:
            return self._model.load(self.data)
        except ValidationError as error:
            raise Unreadable(self.id, str(error)) from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stored):
            return NotImplemented
        return (self.id, self.version) == (other.id, other.version)

    def __hash__(self) -> int:
        return hash((self.id, self.version))

    def __repr__(self) -> str:
        return f"Stored({self.id!r}, {self.data[:80]!r}, {self.version!r})"


class _StatusAndValue(NamedTuple):
    status: Status
    value: Any


class Result(_StatusAndValue):
    """What came of an operation on one object; it unpacks in two: ``status, datum = queryset.read_one(id)``.

    Attributes:
        status: what came of it.
        value: the object; None where there is none.
        stored: the same as it is, or was, in the store; None where there is none.
    """

    stored: Stored | None

    def __new__(cls, status: Status, value: Any, stored: Stored | None = None) -> Result:
        """Put the two together."""
        made = super().__new__(cls, status, value)
        made.stored = stored
        return made

    def __repr__(self) -> str:
        what = "" if self.value is None else f" {type(self.value).__name__}"
        return f"<{type(self).__name__} {self.status}{what}{'' if self.stored is None else f' {self.stored.id!r:.60}'}>"

    @property
    def version(self) -> str | None:
        """The version of the object; None where there is none."""
        return None if self.stored is None else self.stored.version


class Page(NamedTuple):
    """Some of the objects that were selected, in their order.

    Attributes:
        items: the objects as they are stored.
        next_cursor: selects what comes after these; None if nothing does.
        previous_cursor: selects what comes before these; None if nothing does.
        total: how many are selected on all pages; None if that was not asked.
    """

    items: list[Stored]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    total: int | None = None


class ChangeKind(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    UPDATED = "updated"
    DESTROYED = "destroyed"


class Change(NamedTuple):
    """Something that happened to an object.

    Attributes:
        kind: what happened.
        stored: the object as it is now; as it was last, if it is destroyed.
    """

    kind: ChangeKind
    stored: Stored

    @property
    def id(self) -> str:
        """Which object it is."""
        return self.stored.id

    @property
    def value(self) -> Any:
        """The object."""
        return self.stored.value

    @property
    def version(self) -> str:
        """The version of the object."""
        return self.stored.version
