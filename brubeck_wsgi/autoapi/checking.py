"""What a class says of its API, looked at once when it is registered: names, kinds of values, roles, and users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple  # Any: classes of APIs, and what they say

from brubeck_wsgi.auth import BasicAuthMixin, BearerAuthMixin, UserHandlingMixin
from brubeck_wsgi.autoapi.access import ANYONE, LEVELS, AccessMixin
from brubeck_wsgi.autoapi.answering import PAYLOADS
from brubeck_wsgi.autoapi.arguments import DIALECTS
from brubeck_wsgi.autoapi.hooks import NAMES
from brubeck_wsgi.autoapi.idempotency import IdempotentAnswers
from brubeck_wsgi.autoapi.plan import Plan
from brubeck_wsgi.dictshield.roles import OWNER, PUBLIC
from brubeck_wsgi.errors import ConfigurationError

_LARGEST_PAGE = 1000
_LIKENESS = 0.78
"""How much of a name has to be that of another one to be taken for it, from 0 to 1."""


class _Wanted(NamedTuple):
    text: str
    accepts: Callable[[Any], bool]


_TEXT = _Wanted("text", lambda value: isinstance(value, str))
_TEXT_OR_NONE = _Wanted("text or None", lambda value: value is None or isinstance(value, str))
_BOOLEAN = _Wanted("True or False", lambda value: isinstance(value, bool))
_BOOLEAN_OR_NONE = _Wanted("True, False or None", lambda value: value is None or isinstance(value, bool))
_NUMBER = _Wanted("a number from 1", lambda value: type(value) is int and value >= 1)
_NAMES = _Wanted("names in a list or tuple", lambda value: isinstance(value, Iterable) and not isinstance(value, str))
_MAPPING = _Wanted("a mapping", lambda value: isinstance(value, Mapping))
_OPTIONS = {
    **dict.fromkeys(("role", "owner_field", "url_field"), _TEXT_OR_NONE),
    **dict.fromkeys(("operations", "read_only", "write_once"), _NAMES),
    **dict.fromkeys(("takes_ids", "requires_conditions", "hide_status", "feed"), _BOOLEAN),
    **dict.fromkeys(("put_creates", "post_overwrites"), _BOOLEAN_OR_NONE),
    **dict.fromkeys(("page_size", "max_page_size", "max_items"), _NUMBER),
    "access": _Wanted("text or a mapping", lambda value: isinstance(value, str | Mapping)),
    "cache_control": _TEXT,
    "idempotent_answers": _Wanted(
        "an IdempotentAnswers, True or None",
        lambda value: value is None or isinstance(value, bool | IdempotentAnswers),
    ),
    "roles": _Wanted("a mapping", lambda value: value is None or isinstance(value, Mapping)),
    "security_schemes": _MAPPING,
}
_METHODS = (
    *("authorize", "owner_id", "is_owner", "role_for", "writing_role"),
    *("get_current_user", "check_token", "check_credentials"),
)
_KNOWN = (*_OPTIONS, "model", "queries", "name", "payload", "dialect", *NAMES, *_METHODS)


def check_names(api: Any, base: type) -> None:
    """Raise `ConfigurationError` for an attribute that is taken for a misspelled one; *base* knows the right ones."""
    for name in _own_names(api, base):
        if name == "prefix":
            raise _unknown(api, name, f"register_api({api.__name__}, prefix={api.prefix!r:.60})")
        meant = [] if name in _KNOWN else get_close_matches(name, _KNOWN, 1, _LIKENESS)
        if meant:
            raise _unknown(api, name, meant[0])


def check_options(api: Any) -> None:
    """Raise `ConfigurationError` for an option with a value of a kind that it does not take."""
    for name, wanted in _OPTIONS.items():
        value = getattr(api, name)
        if not wanted.accepts(value):
            raise ConfigurationError(f"expected {name} of {api.__name__} to be {wanted.text}, got {value!r:.60}")
    for option, choices in (("payload", PAYLOADS), ("dialect", DIALECTS)):
        if getattr(api, option) not in choices:
            raise ConfigurationError(f"expected {option} to be one of {choices}, got {getattr(api, option)!r:.60}")
    if not api.page_size <= api.max_page_size <= _LARGEST_PAGE:
        sizes = f"{api.page_size} and {api.max_page_size}"
        raise ConfigurationError(f"expected page sizes from 1 to {_LARGEST_PAGE}, got {sizes}")


def check_roles(api: Any, plan: Plan) -> None:
    """Raise `ConfigurationError` for a role that the model does not declare: it would see nothing, and write nothing.

    A model that says nothing of roles shows all, as long as the API says nothing of them either.
    """
    roles = api.roles or {}
    wrong = [level for level in roles if level not in LEVELS]
    if wrong:
        raise ConfigurationError(f"expected roles of {api.__name__} by {', '.join(LEVELS)}, got {wrong[0]!r:.60}")
    if not roles and not plan.has_roles and api.role == AccessMixin.role:
        return
    declared = _declared_roles(plan)
    for role in _used_roles(api):
        if role not in declared:
            by = "_public_fields or __roles__" if plan.is_document and role == PUBLIC else "__roles__"
            there = ", ".join(sorted(declared)) or "none"
            raise ConfigurationError(f"expected {plan.face.name} to declare the role {role!r:.60} by {by}, got {there}")


def check_users(api: Any, levels: Iterable[str]) -> None:
    """Raise `ConfigurationError` if something is for users, and nothing says who they are."""
    is_open = all(level == ANYONE for level in levels)
    if is_open or not _asks_for_user(api):
        return
    for mixin, method in ((BearerAuthMixin, "check_token"), (BasicAuthMixin, "check_credentials")):
        known: Any = mixin
        if api.get_current_user is known.get_current_user and getattr(api, method) is getattr(known, method):
            raise _unknown_users(api, f"{method}()")
    if api.get_current_user is UserHandlingMixin.get_current_user:
        raise _unknown_users(api, "get_current_user(), or a mixin of brubeck_wsgi.auth")


def _own_names(api: Any, base: type) -> list[str]:
    """Return the public names that an application has given to its class, and that *base* does not know."""
    own = [one for one in api.__mro__ if one not in base.__mro__ and not one.__module__.startswith("brubeck_wsgi.")]
    names = dict.fromkeys(name for one in own for name in vars(one))
    return [name for name in names if not name.startswith("_") and not hasattr(base, name)]


def _unknown(api: Any, name: str, meant: str) -> ConfigurationError:
    return ConfigurationError(f"expected what {api.__name__} can say of itself, got {name}; did you mean {meant}?")


def _used_roles(api: Any) -> list[str]:
    """Return the roles that are said beforehand; what a method says is its own affair."""
    roles = api.roles or {}
    is_said = api.role_for is AccessMixin.role_for and ANYONE not in roles and api.role is not None
    return [*roles.values(), *([api.role] if is_said else [])]


def _declared_roles(plan: Plan) -> set[str]:
    model = plan.model
    if not plan.is_document:
        return set(getattr(model, "__roles__", None) or ())
    declared = {role for one in model.__mro__ for role in vars(one).get("__roles__") or ()}
    return declared | {OWNER} | ({PUBLIC} if model._public_fields is not None else set())


def _asks_for_user(api: Any) -> bool:
    """Tell whether who may do something is found out by `get_current_user`, as far as one can see."""
    return api.authorize is AccessMixin.authorize and api.current_user is UserHandlingMixin.current_user


def _unknown_users(api: Any, method: str) -> ConfigurationError:
    return ConfigurationError(f"expected {api.__name__} to have {method}, since some of it is for users, got none")
