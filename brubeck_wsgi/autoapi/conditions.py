"""In which state a client expects what it reads or changes to be (RFC 9110 §13): its ETag says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any  # handlers of APIs

from brubeck_wsgi.errors import BadRequest, HTTPError
from brubeck_wsgi.queryset import Stored
from brubeck_wsgi.staticfiles.conditions import is_known, is_matched


class PreconditionFailed(HTTPError):
    """412: the object is not in the state that the client expects (RFC 9110 §15.5.13)."""

    def __init__(self) -> None:
        super().__init__(412, "the object has changed since, or is not what it was expected to be")


class PreconditionRequired(HTTPError):
    """428: the client has to say which state it changes (RFC 6585 §3)."""

    def __init__(self) -> None:
        super().__init__(428, "expected an If-Match header with the ETag of what is to be changed")


def check_several(api: Any, number: int) -> None:
    """Raise an error if a change of several objects, or of one in the form of several, cannot meet conditions."""
    if not has_conditions(api.environ):
        if api.requires_conditions:
            raise PreconditionRequired
    elif number > 1:
        raise BadRequest("expected no If-Match or If-None-Match with several objects: each has an ETag of its own")


def has_conditions(environ: Mapping[str, Any]) -> bool:
    """Tell whether a client says in which state something is to be."""
    return "HTTP_IF_MATCH" in environ or "HTTP_IF_NONE_MATCH" in environ


def check_read_conditions(environ: Mapping[str, Any], etag: str) -> bool:
    """Tell whether the client has what is to be answered (RFC 9110 §13.2.2); `PreconditionFailed` by If-Match."""
    matching = environ.get("HTTP_IF_MATCH")
    if matching is not None and not is_matched(matching, etag):
        raise PreconditionFailed
    known = environ.get("HTTP_IF_NONE_MATCH")
    return known is not None and is_known(known, etag)


def wants_existing(api: Any) -> bool:
    """Tell whether a client expects that there is something."""
    return "HTTP_IF_MATCH" in api.environ


def check_conditions(api: Any, stored: Stored) -> None:
    """Raise an error unless what is to be changed is in the state that the client expects."""
    environ = api.environ
    if not has_conditions(environ):
        if api.requires_conditions:
            raise PreconditionRequired
        return
    role = api.role_for(stored.value if api.has_roles_by_object else None)
    if check_read_conditions(environ, api.bodies.etag(stored, role, api._base())):
        raise PreconditionFailed
