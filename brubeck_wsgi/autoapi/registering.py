"""How an API becomes routes of an application."""

from __future__ import annotations

import re
from typing import Any  # applications, and classes of APIs

from brubeck_wsgi.autoapi.access import (
    CREATE,
    DELETE,
    DELETE_ALL,
    LIST,
    OWNER,
    PATCH,
    READ,
    UPDATE,
    AccessMixin,
    AccessRules,
)
from brubeck_wsgi.autoapi.answering import BRUBECK
from brubeck_wsgi.autoapi.bodies import Bodies
from brubeck_wsgi.autoapi.checking import check_options, check_roles, check_users
from brubeck_wsgi.autoapi.describing import PREFIX, add_descriptions, registry_of
from brubeck_wsgi.autoapi.feed import publish_changes
from brubeck_wsgi.autoapi.hooks import overridden
from brubeck_wsgi.autoapi.idempotency import IdempotentAnswers
from brubeck_wsgi.autoapi.plan import Plan
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.queryset import AbstractQueryset

LIST_METHODS = {"GET": LIST, "POST": CREATE, "DELETE": DELETE_ALL}
ITEM_METHODS = {"GET": READ, "PUT": UPDATE, "PATCH": PATCH, "DELETE": DELETE}


def register(api: Any, application: Any, prefix: str | None = None) -> None:
    """Add the routes of an API to an application, and those that describe all its APIs with the first.

    Args:
        prefix: where it is, ``"/api/v1/todo"``; by default `api_base_url` with the name of the API.

    Raises:
        ConfigurationError: something that the class says cannot be.
    """
    path = _path(api, application, prefix)
    made = prepared(api, path)
    known = registry_of(application).apis
    if any(one.path == path for one in known):
        raise ConfigurationError(f"expected one API at {path}, got another one")
    made.label = _free(made.label, {one.label for one in known})
    if not known:
        add_descriptions(application)
    known.append(made)
    if made.feed:
        publish_changes(made, application)
    # The list first: an item's template matches no empty id.
    for route in (path, path.rstrip("/")):
        _add(application, route, made, LIST_METHODS, f"{made.label}-list" if route == path else None)
    for route in (f"{path}{{ids}}", f"{path}{{ids}}/"):
        _add(application, route, made, ITEM_METHODS, f"{made.label}-item" if not route.endswith("/") else None)


def prepared(api: Any, path: str) -> Any:
    """Return a subclass of an API that knows all that follows from what the class says."""
    _check_parts(api)
    api.queries.bind(api.model)
    check_options(api)
    plan = Plan(api.model)
    rules = AccessRules(tuple(api.operations), api.access)
    check_roles(api, plan)
    label = _label(api)
    keys = plan.keys_by_name
    own = {
        "plan": plan,
        "rules": rules,
        "writable": {},
        "path": path,
        "label": label,
        "bodies": Bodies(plan, path, api.url_field, api.cache_control),
        "has_hook": overridden(api),
        "owner_key": None if api.owner_field is None else _key(api, keys, "owner_field", api.owner_field),
        "read_only_keys": frozenset(_key(api, keys, "read_only", name) for name in api.read_only),
        "write_once_keys": frozenset(_key(api, keys, "write_once", name) for name in api.write_once),
        "selectable": {keys.get(name, name): name for name in api.queries.shapes},
        "idempotent_answers": IdempotentAnswers() if api.idempotent_answers is True else api.idempotent_answers or None,
        "overwrites": _or_brubeck(api, api.post_overwrites),
        "puts_new": _or_brubeck(api, api.put_creates),
        "__doc__": api.__doc__,
        "__module__": api.__module__,
    }
    made: Any = type(api.__name__, (api,), own)
    hooks = made.has_hook
    made.needs_old = made.roles is not None or any(
        hooks[f"{when}_{operation}"] for when in ("before", "after") for operation in (UPDATE, PATCH)
    )
    made.judges_objects = made.authorize is not AccessMixin.authorize
    made.has_own_rules = made.judges_objects or made.role_for is not AccessMixin.role_for
    made.has_roles_by_object = made.roles is not None or made.role_for is not AccessMixin.role_for
    made.reads_plainly = _is_plain(made, READ)
    if made.owner_field is None and any(level == OWNER for level in rules.levels.values()):
        raise ConfigurationError(f"expected {api.__name__} to have an owner_field, since some of it is for owners")
    if rules.needs_owner(LIST) and made.owner_field not in made.queries.shapes:
        whose, there = f"owner_field of {api.__name__}, {made.owner_field!r:.60},", ", ".join(made.queries.shapes)
        raise ConfigurationError(f"expected {whose} to be indexed by its queries, got {there}")
    check_users(api, rules.levels.values())
    return made


def _is_plain(api: Any, operation: str) -> bool:
    """Tell whether reading an object is nothing but that, for everybody."""
    return (
        api.payload != BRUBECK
        and api.roles is None
        and api.rules.is_open(operation)
        and not api.has_own_rules
        and not api.has_hook["before_read"]
        and not api.has_hook["after_read"]
    )


def _add(application: Any, route: str, api: Any, methods: dict[str, str], name: str | None) -> None:
    wanted = [method for method, operation in methods.items() if operation in api.rules]
    if wanted and route:
        free = name is not None and not application.router.has_name(name)
        application.route(route, methods=wanted, name=name if free else None)(api)


def _path(api: Any, application: Any, prefix: str | None) -> str:
    path = f"{application.api_base_url.rstrip('/')}/{_label(api)}" if prefix is None else prefix
    path = path.rstrip("/")
    if not PREFIX.match(path):
        raise ConfigurationError(f"expected a prefix like '/todo', got {path!r:.80}")
    return f"{path}/"


def _label(api: Any) -> str:
    name = str(api.name or api.__name__.removesuffix("API") or api.model.__name__)
    label = re.sub(r"[^a-z0-9_-]", "", name.lower())
    if not label:
        raise ConfigurationError(f"expected a name for {api.__name__}")
    return label


def _free(label: str, taken: set[str]) -> str:
    """Return a label that no other API of the application has."""
    free, number = label, 1
    while free in taken:
        number += 1
        free = f"{label}-{number}"
    return free


def _check_parts(api: Any) -> None:
    """Raise `ConfigurationError` if an API has no model, or no store for objects of it."""
    model, queries = api.model, api.queries
    if model is None:
        raise ConfigurationError(f"expected {api.__name__} to have a model, the class of its objects, got none")
    if queries is None:
        raise ConfigurationError(f"expected {api.__name__} to have queries, a queryset, got none")
    if isinstance(queries, type):
        raise ConfigurationError(f"expected queries of {api.__name__} to be a queryset, got the class; call it")
    if not isinstance(queries, AbstractQueryset):
        raise ConfigurationError(f"expected queries of {api.__name__} to be a queryset, got {queries!r:.60}")
    if queries.model_class not in (None, model):
        name = getattr(model, "__name__", repr(model))
        raise ConfigurationError(f"expected queries of {api.__name__} to keep {name:.60}, got {queries!r:.120}")


def _key(api: Any, keys: dict[str, str], option: str, name: str) -> str:
    if name not in keys:
        fields = ", ".join(keys)
        raise ConfigurationError(f"expected {option} of {api.__name__} to be of the fields {fields}, got {name!r:.60}")
    return keys[name]


def _or_brubeck(api: Any, said: bool | None) -> bool:
    return api.payload == BRUBECK if said is None else said
