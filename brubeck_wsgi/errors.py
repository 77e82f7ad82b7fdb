"""What an application may raise or catch, and the errors that name a mistake in its set-up.

The client's fault is an `HTTPError` with a 4xx status; the application's fault is any other
exception; a mistake in how the application is put together is a `ConfigurationError`, raised
while it is put together and not while it serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class BrubeckError(Exception):
    """The root of every exception of this package."""


class ConfigurationError(BrubeckError):
    """The application is put together wrongly; the message says what was expected."""


class MissingLibrary(ConfigurationError):
    """An optional library is not installed.

    Args:
        library: the name to import, ``"jinja2"``.
        extra: the extra of this distribution that brings it, ``"jinja2"``.
    """

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed: pip install 'brubeck-wsgi[{extra}]'")
        self.library = library
        self.extra = extra


class ValidationError(BrubeckError, ValueError):
    """A value does not fit what it is meant for; the message says what was expected."""


class HTTPError(BrubeckError):
    """Ends a request with an error status (RFC 9110 §15); the client reads *detail*.

    Leaves as ``application/problem+json`` (RFC 9457) or as a page, by what the client accepts.

    Args:
        status: 400 to 599.
        detail: what went wrong, for the client; nothing secret.
        title: the short name of the problem; the status's own phrase by default.
        type: a URI that identifies the kind of problem (RFC 9457 §3.1.1).
        headers: extra response headers.
        members: extension members of the problem document (RFC 9457 §3.2).
    """

    status = 500

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        title: str | None = None,
        type: str = "about:blank",
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"expected an error status from 400 to 599, got {status!r}")
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title
        self.type = type
        self.headers = dict(headers or {})
        self.members = members


class _NamedError(HTTPError):
    """An `HTTPError` whose class says the status."""

    def __init__(self, detail: str = "", **options: object) -> None:
        super().__init__(type(self).status, detail, **options)  # type: ignore[arg-type]  # checked there


class BadRequest(_NamedError):
    """400: what the client sent cannot be understood."""

    status = 400


class Unauthorized(_NamedError):
    """401: the client has to say who it is."""

    status = 401


class Forbidden(_NamedError):
    """403: the client is known, and may not."""

    status = 403


class NotFound(_NamedError):
    """404: there is no such thing."""

    status = 404


FourOhFourException = NotFound
"""Brubeck's name for `NotFound`."""


class MethodNotAllowed(_NamedError):
    """405: the path exists, but not for this method (RFC 9110 §15.5.6).

    Args:
        allowed: the methods that the path has; they become the ``Allow`` header.
        detail: for the client.
    """

    status = 405

    def __init__(self, allowed: Iterable[str], detail: str = "") -> None:
        self.allowed = tuple(allowed)
        super().__init__(detail, headers={"Allow": ", ".join(self.allowed)})


class Conflict(_NamedError):
    """409: the request does not fit the state of the thing."""

    status = 409


class ContentTooLarge(_NamedError):
    """413: the body is larger than the application takes."""

    status = 413


class UnsupportedMediaType(_NamedError):
    """415: the body is of a kind that the handler does not read."""

    status = 415


class UnprocessableContent(_NamedError):
    """422: the body was read, and its content is not acceptable."""

    status = 422


class TooManyRequests(_NamedError):
    """429: the client asks too often."""

    status = 429


class ServiceUnavailable(_NamedError):
    """503: not now; perhaps later."""

    status = 503
