"""The settings of an application: each is checked as it is given, and what cannot be used is a `ConfigurationError`."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from brubeck_wsgi.cookies import Secret
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.handlers.running import Handler
from brubeck_wsgi.interfaces import ServerConnection

if TYPE_CHECKING:
    from brubeck_wsgi.channels import Channels
    from brubeck_wsgi.formdata import FormLimits
    from brubeck_wsgi.request import Request

Pattern: TypeAlias = str | re.Pattern[str]
HandlerTuples: TypeAlias = Iterable[tuple[Pattern, Handler]]


def configure_logging(level: int | str) -> None:
    """Set the level of the ``brubeck`` loggers; have them write to standard error if nothing else is set up."""
    root = logging.getLogger("brubeck")
    try:
        root.setLevel(level)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"expected a logging level, got {level!r}") from error
    if not root.hasHandlers():
        stream = logging.StreamHandler()
        stream.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(stream)


def connection_and_pairs(
    first: ServerConnection | HandlerTuples | None, second: ServerConnection | HandlerTuples | None
) -> tuple[ServerConnection | None, HandlerTuples | None]:
    """Return the two in Brubeck's order, whichever came first: who writes only routes puts them first."""
    connection, pairs = first, second
    if _is_connection(second) or (first is not None and not _is_connection(first)):
        connection, pairs = second, first
    if (connection is None or _is_connection(connection)) and (pairs is None or isinstance(pairs, Iterable)):
        return connection, pairs
    given = " and ".join(f"{one!r:.80}" for one in (first, second) if one is not None)
    raise ConfigurationError(f"expected a connection to serve on and (pattern, handler) pairs, got {given}")


def checked_request_class(request_class: type[Request] | None, form_limits: FormLimits | None) -> type[Request]:
    """Return the class of the messages, `Request` if none is said, with the limits of forms that are."""
    # WebOb takes most of the time that importing this package would; an application has it loaded
    # when it is made, before any worker forks.
    from brubeck_wsgi.formdata import FormLimits
    from brubeck_wsgi.request import Request

    if request_class is None:
        request_class = Request
    elif not isinstance(request_class, type) or not issubclass(request_class, Request):
        raise ConfigurationError(f"expected request_class as a subclass of Request, got {request_class!r:.80}")
    if form_limits is None:
        return request_class
    if not isinstance(form_limits, FormLimits):
        raise ConfigurationError(f"expected form_limits as FormLimits(…), got {form_limits!r:.80}")
    return type(request_class.__name__, (request_class,), {"form_limits": form_limits})


def checked_channels(channels: Channels | None) -> Channels | None:
    """Return what carries messages between handlers, if it can."""
    if channels is not None and (isinstance(channels, type) or not hasattr(channels, "subscribe")):
        raise ConfigurationError(f"expected channels like ZMQChannels(), made already, got {channels!r:.80}")
    return channels


def checked_secret(secret: Secret | None) -> Secret | None:
    """Return what signs cookies, one text or several."""
    if secret is not None:
        secrets = [secret] if isinstance(secret, str) else list(secret)
        if not secrets or not all(isinstance(one, str) and one for one in secrets):
            raise ConfigurationError("expected cookie_secret as text or a list of texts, and none of them empty")
    return secret


def checked_size(size: int) -> int:
    """Return the largest size of a body in bytes."""
    if not isinstance(size, int) or size < 0:
        raise ConfigurationError(f"expected max_body_size as a number of bytes, got {size!r}")
    return size


def load_templates(loader: Callable[[], Any] | None) -> Any:
    """Return the template environment that *loader* loads; None without one."""
    if loader is None:
        return None
    if not callable(loader):
        raise ConfigurationError(f"expected template_loader as a function, got {loader!r:.80}")
    environment = loader()
    if not environment:
        raise ConfigurationError(f"expected template_loader to return a template environment, got {environment!r}")
    return environment


def _is_connection(value: object) -> TypeGuard[ServerConnection]:
    return hasattr(value, "recv_forever_ever")
