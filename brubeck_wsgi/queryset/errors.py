"""What a queryset raises beside `NotFound`, which Brubeck calls `FourOhFourException`."""

from __future__ import annotations

from brubeck_wsgi.errors import BrubeckError, Conflict, ServiceUnavailable, ValidationError


class VersionConflict(Conflict):
    """An object has another version than the one that was to be changed, and was left as it is.

    Args:
        id: which object.
        expected: the version that it should have had.
    """

    def __init__(self, id: str, expected: str) -> None:
        super().__init__(f"expected version {expected!r:.60} of {id!r:.60}, which has changed since")
        self.id = id
        self.expected = expected


class AlreadyExists(Conflict):
    """An object was to be created, and there is one with its id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"expected a new id, got {id!r:.60}, which exists")
        self.id = id


class Refused(Conflict):
    """The store's own rules, such as a unique column, do not let a change in."""


class Busy(ServiceUnavailable):
    """Others held the store for longer than it waits; nothing is changed, and it may be tried again."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "1"})


class Unstorable(ValidationError):
    """A store cannot hold a value: it is too long or too large for it, say."""


class Unreadable(BrubeckError):
    """What is in the store does not fit its model: it was written by others, or the model has changed."""

    def __init__(self, id: str, reason: str) -> None:
        super().__init__(f"expected a valid object at {id!r:.60} in the store: {reason:.500}")
        self.id = id


class SelectionError(ValidationError):
    """What was to be selected makes no sense: an unknown field, a value of another kind, a cursor of another list."""
