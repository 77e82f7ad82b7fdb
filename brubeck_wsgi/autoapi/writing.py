"""How one object is made, replaced, changed or destroyed: rules of the API, hooks, preconditions, and the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any  # objects of the application's classes, and JSON

from brubeck_wsgi.autoapi.access import CREATE, DELETE, PATCH, UPDATE
from brubeck_wsgi.autoapi.conditions import PreconditionFailed, check_conditions, wants_existing
from brubeck_wsgi.autoapi.outcomes import Outcome, as_http_error
from brubeck_wsgi.autoapi.plan import merged
from brubeck_wsgi.errors import HTTPError, NotFound, ValidationError
from brubeck_wsgi.modeling import Fault, Invalid
from brubeck_wsgi.queryset import AlreadyExists, Result, VersionConflict

_MOST_TRIES = 200
_TOO_MANY = "others change the same object all the time; try again"

_Changing = Callable[[str | None, dict[str, Any]], dict[str, Any]]
"""Makes of a role, and of an object before, what it is to be."""


def create(api: Any, data: Any) -> Outcome:
    """Make an object of what a client sent, and store it; in the place of another only as a change of that."""
    named = _object(api, data)
    api.authorize(CREATE)
    if not api.overwrites:
        return _make(api, named)
    for _ in range(_MOST_TRIES):
        key = _taken_id(api, named)
        try:
            return _make_new(api, named) if key is None else _overwrite(api, key, named)
        except AlreadyExists:  # since we looked; or it is no id that the client has said
            if _taken_id(api, named) is None:
                raise
        except NotFound:
            if _taken_id(api, named) is not None:
                raise
    raise HTTPError(409, _TOO_MANY)


def replace(api: Any, key: str, data: Any) -> Outcome:
    """Put what a client sent in the place of an object (RFC 9110 §9.3.4)."""
    plan = api.plan
    named = _object(api, data)
    try:
        return _change(api, UPDATE, key, _replacing(api, key, named))
    except NotFound:
        if not api.puts_new or CREATE not in api.rules or wants_existing(api):
            raise
    wanted = {**named, plan.id_key: plan.id_value(key)}
    _check(api, wanted, _id_faults(api, key, named))
    api.authorize(CREATE)
    return _make(api, wanted)


def patch(api: Any, key: str, data: Any) -> Outcome:
    """Merge what a client sent into an object (RFC 7396)."""
    plan = api.plan
    named = _object(api, data)

    def change(role: str | None, before: dict[str, Any]) -> dict[str, Any]:
        given = plan.sifted(named, role)
        part = plan.writable(given, api.writable_keys(role) | {plan.id_key})
        faults = _id_faults(api, key, part) + _fixed_faults(api, given, before)
        part.pop(plan.id_key, None)
        _check(api, part, faults)
        return {**merged(before, part), plan.id_key: plan.id_value(key)}

    return _change(api, PATCH, key, change)


def destroy(api: Any, key: str, operation: str = DELETE) -> Outcome:
    """Remove an object, by itself or as one of all."""
    for _ in range(_MOST_TRIES):
        stored = api.queries.get(key)
        value = stored.value if api.has_hook["before_delete"] or api.is_guarded(operation) else None
        api.authorize(operation, value)
        if operation == DELETE:
            check_conditions(api, stored)
        if api.has_hook["before_delete"]:
            api.before_delete(value)
        try:
            result = api.queries.destroy_one(key, if_version=stored.version)
        except VersionConflict:
            continue
        if api.has_hook["after_delete"]:
            api.after_delete(result.value)
        return _outcome(api, 204, result)
    raise HTTPError(409, _TOO_MANY)


def check_objects(api: Any, data: list[Any]) -> None:
    """Raise an error, before anything is done, if something in a list is no object."""
    faults = [Fault((place,), "Expected an object", one) for place, one in enumerate(data) if not isinstance(one, dict)]
    if faults:
        raise as_http_error(Invalid(api.plan.face.name, faults))


def _make(api: Any, named: dict[str, Any]) -> Outcome:
    plan, role = api.plan, api.writing_role(None)
    given = plan.sifted(named, role)
    wanted = plan.writable(given, api.writable_keys(role))
    if api.takes_ids and given.get(plan.id_key) is not None:
        wanted[plan.id_key] = given[plan.id_key]
    _check(api, wanted, [Fault((key,), "Read-only", None) for key in api.read_only_keys if key in given])
    if api.owner_key is not None and (owner := api.owner_id()) is not None:
        wanted[api.owner_key] = owner
    if plan.id_key in plan.required and plan.id_key not in wanted and plan.new_id is not None:
        wanted[plan.id_key] = plan.new_id()
    value = _load(api, wanted)
    value = _hooked(api.before_create(value), value)
    if api.judges_objects:
        api.authorize(CREATE, value)
    result = api.queries.create_one(value, create_only=True)
    if api.has_hook["after_create"]:
        api.after_create(result.value)
    return _outcome(api, 201, result)


def _make_new(api: Any, named: dict[str, Any]) -> Outcome:
    if wants_existing(api):
        raise PreconditionFailed
    return _make(api, named)


def _overwrite(api: Any, key: str, named: dict[str, Any]) -> Outcome:
    """Have who makes an object in the place of another obey the rules for changing that."""
    if UPDATE not in api.rules:
        raise AlreadyExists(key)
    return _change(api, UPDATE, key, _replacing(api, key, named))


def _taken_id(api: Any, named: Mapping[str, Any]) -> str | None:
    """Return the id that a client has said for a new object, if there is one with it."""
    given = named.get(api.plan.id_key) if api.takes_ids else None
    if given is None:
        return None
    try:
        key: str = api.plan.parse_id(str(given))
    except NotFound:  # no id at all, which is said when the object is made
        return None
    return None if api.queries.get_many([key])[0] is None else key


def _replacing(api: Any, key: str, named: dict[str, Any]) -> _Changing:
    """Return what puts data in the place of an object, as far as its client may write."""
    plan = api.plan

    def change(role: str | None, before: dict[str, Any]) -> dict[str, Any]:
        given = plan.sifted(named, role)
        keys = api.writable_keys(role)
        wanted = plan.writable(given, keys | {plan.id_key})
        faults = _id_faults(api, key, wanted) + _fixed_faults(api, given, before)
        fixed = {one: value for one, value in before.items() if one not in keys or one in api.write_once_keys}
        _check(api, wanted, faults)
        return {**fixed, **wanted, plan.id_key: plan.id_value(key)}

    return change


def _change(
    api: Any,
    operation: str,
    key: str,
    change: _Changing,
) -> Outcome:
    for _ in range(_MOST_TRIES):
        stored = api.queries.get(key)
        old = stored.value if api.needs_old or api.is_guarded(operation) else None
        api.authorize(operation, old)
        check_conditions(api, stored)
        before = api.plan.stored(stored.data)
        role = api.writing_role(old) if old is not None else api.role_for(None)
        value = _load_changed(api, change(role, before), before, role)
        if api.has_hook[f"before_{operation}"]:
            value = _hooked(getattr(api, f"before_{operation}")(value, old), value)
        try:
            result = api.queries.update_one(value, if_version=stored.version)
        except VersionConflict:
            continue  # it is to be changed as it is now, if it still is as the client expects
        if api.has_hook[f"after_{operation}"]:
            getattr(api, f"after_{operation}")(result.value, old)
        return _outcome(api, 200, result)
    raise HTTPError(409, _TOO_MANY)


def _outcome(api: Any, status: int, result: Result) -> Outcome:
    role = api.role_for(result.value if api.has_roles_by_object else None)
    return Outcome(status, result.stored, role, value=result.value)


def _object(api: Any, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise as_http_error(Invalid(api.plan.face.name, [Fault((), "Expected an object", None)]))
    named: dict[str, Any] = api.plan.named(data)
    return named


def _check(api: Any, data: Mapping[str, Any], faults: list[Fault]) -> None:
    found = faults + api.plan.faults_of(data)
    if found:
        try:  # all that is wrong is told at once
            api.plan.face.load_partial(dict(data))
        except Invalid as error:
            known = {one.path for one in found}
            found += [one for one in error.errors if one.path not in known]
        raise as_http_error(Invalid(api.plan.face.name, found))


def _load(api: Any, data: dict[str, Any]) -> Any:
    try:
        return api.plan.face.load(data)
    except ValidationError as error:
        raise as_http_error(error) from None


def _load_changed(api: Any, wanted: dict[str, Any], before: dict[str, Any], role: str | None) -> Any:
    """Return the object of *wanted*; what *role* does not see of the objects in it is as it was before."""
    plan = api.plan
    if not plan.hides_parts(role):
        return _load(api, wanted)
    value = _load(api, plan.kept(wanted, before, role))
    # Only now one sees what stands by default where nothing was said: it takes the place of what was hidden there too.
    data = plan.stored(plan.face.dump(value, None))
    kept = plan.kept(data, before, role)
    return value if kept == data else _load(api, kept)


def _id_faults(api: Any, key: str, data: Mapping[str, Any]) -> list[Fault]:
    given = data.get(api.plan.id_key)
    if given is None or str(given).lower() == key.lower():
        return []
    return [Fault((api.plan.id_key,), f"Expected the id of the path, {key}", given)]


def _fixed_faults(api: Any, given: Mapping[str, Any], before: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with values for fields that do not change: they may be sent as they are."""
    return [
        Fault((key,), "Cannot be changed", given[key])
        for key in (*api.read_only_keys, *api.write_once_keys)
        if key in given and given[key] != before.get(key) and not (key in api.write_once_keys and key not in before)
    ]


def _hooked(returned: Any, value: Any) -> Any:
    return value if returned is None else returned
