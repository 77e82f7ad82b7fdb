"""What came of an operation on each object, and the one answer that tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple  # Any: members of problem documents

from brubeck_wsgi.errors import BadRequest, HTTPError, UnprocessableContent, ValidationError
from brubeck_wsgi.handlers.loading import refusal
from brubeck_wsgi.modeling import Invalid
from brubeck_wsgi.queryset import SelectionError, Stored
from brubeck_wsgi.response import PHRASES

MULTI_STATUS = 207


class Outcome(NamedTuple):
    """What came of an operation on one object.

    Attributes:
        status: of HTTP.
        stored: the object as it is now, or was; None where there is none.
        role: who sees it.
        error: why there is none.
        value: the object itself, where there is one already.
    """

    status: int
    stored: Stored | None = None
    role: str | None = None
    error: HTTPError | None = None
    value: Any = None


def failed(error: HTTPError) -> Outcome:
    """Return the outcome of an operation that failed."""
    return Outcome(error.status, error=error)


def as_http_error(error: Exception) -> HTTPError:
    """Return what to answer where data or a selection were refused; other exceptions are raised again."""
    if isinstance(error, HTTPError):
        return error
    if isinstance(error, Invalid):
        return refusal(error)
    if isinstance(error, SelectionError):
        return BadRequest(str(error))
    if isinstance(error, ValidationError):
        return UnprocessableContent(str(error))
    raise error


def common_status(outcomes: Sequence[Outcome]) -> int:
    """Return the status of an answer about several objects: theirs if it is the same, else 207."""
    statuses = {one.status for one in outcomes}
    return statuses.pop() if len(statuses) == 1 else MULTI_STATUS


def problem_of(error: HTTPError) -> dict[str, Any]:
    """Return an error as part of an answer (RFC 9457)."""
    title = error.title or PHRASES.get(error.status, "Error")
    document = {**error.members, "type": error.type, "title": title, "status": error.status}
    return {**document, "detail": error.detail} if error.detail else document
