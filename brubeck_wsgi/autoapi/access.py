"""Who may do what with the objects of an API, and in which role they see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar  # Any: users, and objects of the application's classes
from uuid import UUID

from brubeck_wsgi.auth import UserHandlingMixin
from brubeck_wsgi.errors import ConfigurationError, Forbidden, HTTPError, NotFound, Unauthorized
from brubeck_wsgi.queryset import Stored

LIST, READ, CREATE, UPDATE, PATCH, DELETE, DELETE_ALL = OPERATIONS = (
    *("list", "read", "create", "update", "patch", "delete"),
    "delete_all",
)
ANYONE, USER, OWNER = LEVELS = ("anyone", "user", "owner")


class AccessRules:
    """The operations that an API has, and who they are for.

    Args:
        operations: the names of those that there are.
        access: who they are for, one of `LEVELS`: one for all of them, or by operation; what is not named there is for
            nobody.
    """

    def __init__(self, operations: tuple[str, ...], access: str | Mapping[str, str]) -> None:
        named = dict.fromkeys(operations, access) if isinstance(access, str) else dict(access)
        wrong = [one for one in (*operations, *named) if one not in OPERATIONS]
        if wrong:
            raise ConfigurationError(f"expected operations of {', '.join(OPERATIONS)}, got {wrong[0]!r:.60}")
        levels = [level for level in named.values() if level not in LEVELS]
        if levels:
            raise ConfigurationError(f"expected access of {', '.join(LEVELS)}, got {levels[0]!r:.60}")
        self.levels = {one: named[one] for one in OPERATIONS if one in operations and one in named}

    def __contains__(self, operation: str) -> bool:
        return operation in self.levels

    def is_open(self, operation: str) -> bool:
        """Tell whether an operation is for anyone."""
        return self.levels.get(operation) == ANYONE

    def needs_owner(self, operation: str) -> bool:
        """Tell whether an operation is for the owner of what it is about."""
        return self.levels.get(operation) == OWNER


class AccessMixin(UserHandlingMixin):
    """What a handler of an API knows of its user.

    Attributes:
        owner_field: the field that says whose an object is; None if nobody owns any.
        role: the role in which everybody sees objects; see `roles`.
        roles: the role by what the user is to an object, ``anyone``, ``user`` or ``owner``; None for `role` always.
    """

    owner_field: str | None = None
    role: str | None = "owner"
    roles: Mapping[str, str] | None = None
    rules: AccessRules
    queries: ClassVar[Any]
    has_own_rules: ClassVar[bool]
    judges_objects: ClassVar[bool]
    has_roles_by_object: ClassVar[bool]

    def is_guarded(self, operation: str) -> bool:
        """Tell whether it depends on the object, or may do so, who is allowed an operation, or sees what of it."""
        return self.has_own_rules or not self.rules.is_open(operation)

    def is_allowed(self, operation: str, stored: Stored) -> bool:
        """Tell whether the user may do this with an object."""
        try:
            self.authorize(operation, stored.value)
        except HTTPError as error:
            if error.status >= 500:  # which says nothing of the object
                raise
            return False
        return True

    def nothing_with(self, value: Any) -> str:
        """Return what is said of an object that is not there, for one of which the user is not to know that it is."""
        face = self.queries.model
        return f"there is no {face.name} with the id {str(face.get_id(value))!r:.80}"

    def owner_id(self) -> Any:
        """Return what `owner_field` of the user's own objects has; None without a user. Override it for other users.

        It is the user if that is text, a number or a UUID, else its `username`, else its `id`. Nothing else tells it
        from other users: `ConfigurationError`.
        """
        user = self.current_user
        if not user:
            return None
        if isinstance(user, str | int | UUID) and user is not True:
            return user
        for name in ("username", "id"):
            found = getattr(user, name, None)
            if found is not None and found != "":
                return found
        raise ConfigurationError(
            "expected the user to be text, a number, or to have username or id; override owner_id(), "
            f"got an object of {type(user).__name__}"
        )

    def is_owner(self, value: Any) -> bool:
        """Tell whether an object is the user's own."""
        owner = None if self.owner_field is None else self.owner_id()
        if owner is None or self.owner_field is None:
            return False
        found = value.get(self.owner_field) if isinstance(value, dict) else getattr(value, self.owner_field, None)
        return found is not None and str(found) == str(owner)

    def role_for(self, value: Any) -> str | None:
        """Return the role in which the user sees an object; None as value: objects in general."""
        roles = self.roles
        if roles is None:
            return self.role
        if value is not None and OWNER in roles and self.is_owner(value):
            return roles[OWNER]
        if USER in roles and self.current_user:
            return roles[USER]
        return roles.get(ANYONE, self.role)

    def writing_role(self, value: Any) -> str | None:
        """Return the role whose fields the user may write; None as value: of a new object, which will be the user's."""
        if value is None and self.roles is not None and OWNER in self.roles and self.owner_id() is not None:
            return self.roles[OWNER]
        return self.role_for(value)

    def authorize(self, operation: str, value: Any = None) -> None:
        """Return if the user may do this; override it for rules of your own.

        It is asked first without an object, before anything else is said of a request, and then about each object: as
        it is before a change, as it would be stored if it is a new one, and about each of a list, which has nothing
        else than what is allowed.

        Args:
            operation: one of `OPERATIONS`.
            value: the object that it is about; None before there is one.

        Raises:
            Unauthorized: nobody knows the user.
            Forbidden: the user may not.
            NotFound: the user may not even know of the object.
        """
        level = self.rules.levels[operation]
        if level == ANYONE:
            return
        if not self.current_user:
            raise Unauthorized("expected a user", headers={"WWW-Authenticate": self.auth_challenge})
        if level == OWNER and value is not None and not self.is_owner(value):
            if self.rules.levels.get(READ, OWNER) == OWNER:
                raise NotFound(self.nothing_with(value))
            raise Forbidden("expected something of your own")
