"""What a model is to those who use it, and what it raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from typing import Any, NamedTuple, Protocol  # Any: objects of the application's classes, and what clients send

from brubeck_wsgi.errors import ValidationError

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing that is wrong with data.

    Attributes:
        path: where it stands: ``("comments", 3, "text")``.
        reason: what is wrong, for people.
        value: what stands there; not for the client, who sent it, nor for a log, as it may be a secret.
    """

    path: Path
    reason: str
    value: Any

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer (RFC 6901)."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)


def counted(errors: Sized) -> str:
    """Return how many there are, as people say it."""
    return "1 error" if len(errors) == 1 else f"{len(errors)} errors"


class Invalid(ValidationError):
    """Data does not fit a model.

    Args:
        name: the name of the model.
        errors: all that is wrong.
    """

    def __init__(self, name: str, errors: Iterable[Fault]) -> None:
        self.name = name
        self.errors = list(errors)
        super().__init__(name, self.errors)

    def __str__(self) -> str:
        shown = "; ".join(f"{error.pointer or '/'}: {error.reason}" for error in self.errors[:5])
        return f"expected a valid {self.name}, got {counted(self.errors)}: {shown:.500}"


class Malformed(Invalid):
    """Text is no JSON at all."""


class Model(Protocol):
    """A class of objects, as all that stores and shows data knows it.

    Attributes:
        name: what it is called.
        identity: the field that tells its objects apart; None if there is none. A class says it by `__identity__`;
            else it is ``id``, or ``_id``.
    """

    name: str
    identity: str | None

    def load(self, data: bytes | str | Mapping[str, Any]) -> Any:
        """Return the object that JSON text or a mapping stands for.

        Raises:
            Malformed: the text is no JSON.
            Invalid: it is no valid object; with every error.
        """
        ...

    def load_partial(self, data: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
        """Return what *data* has by the names of fields; nothing is required. Errors are those of `load`."""
        ...

    def dump(self, obj: Any, role: str | None) -> bytes:
        """Return what *role* sees of an object, or a list of them, as JSON.

        To a role that the class of an object does not declare, it shows nothing. None is a store, and sees all.
        """
        ...

    def dump_python(self, obj: Any, role: str | None) -> Any:
        """Return the same as plain Python data."""
        ...

    def json_schema(self, role: str | None = None) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of what `load` takes, or of what *role* sees."""
        ...

    def get_id(self, obj: Any) -> Any:
        """Return the identity of an object."""
        ...

    def set_id(self, obj: Any, value: Any) -> None:
        """Give an object its identity."""
        ...


def identity_of(model: type, names: Iterable[str]) -> str | None:
    """Return the identity of a class with fields called *names*."""
    declared = getattr(model, "__identity__", None)
    if isinstance(declared, str):
        return declared
    known = set(names)
    return next((name for name in ("id", "_id") if name in known), None)
