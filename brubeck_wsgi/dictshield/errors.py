"""What a document may raise: one error, all of its errors, or a mistake in how its class is put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any  # the values that were refused, which may be anything

from brubeck_wsgi.errors import ConfigurationError, ValidationError

Path = tuple[str | int, ...]
"""Where a value stands in a document: ``("comments", 3, "text")``."""


class InvalidShield(ConfigurationError):
    """A document class or a field is put together wrongly."""


class DictFieldNotFound(Exception):
    """There is no such field."""


class ShieldException(ValidationError):
    """A value does not fit its field.

    Args:
        reason: what is wrong, for people.
        field_name: the field that says so; for an item of a list, the list.
        field_value: the value as it was given.
        path: where it stands, from the document that was validated.
        detail: the reason of the item, where *reason* is that of the list around it.
    """

    def __init__(
        self,
        reason: str,
        field_name: str | None = None,
        field_value: Any = None,
        path: Path | None = None,
        detail: str | None = None,
    ) -> None:
        # What it was called with is in its args already; there are many of these at a time.
        self.reason = reason
        self.field_name = field_name
        self.field_value = field_value
        if path is None:
            path = () if field_name is None else (field_name,)
        self.path: Path = path
        self.detail = detail or reason

    def __str__(self) -> str:
        return f"{self.reason} - {self.field_name}:{self.field_value!s:.200}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.field_name, self.field_value, self.path, self.detail)


DictPunch = ShieldException
"""An older name of `ShieldException`."""


class ShieldDocException(ValidationError):
    """A document has errors.

    Args:
        doc_name: the class name of the document.
        error_list: every error, in the order of the fields.
    """

    def __init__(self, doc_name: str, error_list: Iterable[ShieldException]) -> None:
        self.doc = doc_name
        self.error_list = list(error_list)

    def __str__(self) -> str:
        return f"Document had {len(self.error_list)} errors - {[str(error) for error in self.error_list]}"


class MalformedDocument(ShieldDocException):
    """What was to be a document is no JSON at all."""


MOST_ERRORS = 1000
"""How many errors are looked for: once there are so many, items of lists that are left are not looked at."""

# What functions of the application, and Python on its behalf, may raise over a value that does not fit: it is
# reported as one more error of the document and goes no further.
MISFIT = (ValueError, TypeError, AttributeError, AssertionError, LookupError, ArithmeticError)
