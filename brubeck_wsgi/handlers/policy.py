"""What keeps a handler within bounds: what may be said of it, on the application, on its class and on its route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from brubeck_wsgi.errors import ConfigurationError


class Bounds(TypedDict, total=False):
    """What a route may say of its handler, before what the handler's class says, and that before the application.

    Attributes:
        timeout: how many seconds the handler may take, a streamed answer included; None for any number.
        timeout_status: what the client gets then, 503, or 504 for a handler that waits for another server.
        stop_on_disconnect: whether the handler is stopped when its client leaves; None for GET, HEAD and OPTIONS only.
        max_concurrent: how many may run at a time, of this handler, or of the application; None for any number.
        max_waiting: how many more may wait for that; who comes after them gets 503.
    """

    timeout: float | None
    timeout_status: int
    stop_on_disconnect: bool | None
    max_concurrent: int | None
    max_waiting: int


@dataclass(frozen=True)
class Policy:
    """The bounds of one handler, checked; see `Bounds`."""

    timeout: float | None = None
    timeout_status: int = 503
    stop_on_disconnect: bool | None = None
    max_concurrent: int | None = None
    max_waiting: int = 0

    def __post_init__(self) -> None:
        checked_seconds("timeout", self.timeout)
        _check("timeout_status", "503 or 504", self.timeout_status, self.timeout_status in (503, 504))
        _check("stop_on_disconnect", "True, False or None", self.stop_on_disconnect, self.stop_on_disconnect in _SWITCH)
        most = self.max_concurrent
        _check("max_concurrent", "a number, 1 or more", most, most is None or _is_count(most, 1))
        _check("max_waiting", "a number, 0 or more", self.max_waiting, _is_count(self.max_waiting, 0))

    def but(self, said: Mapping[str, Any]) -> Policy:
        """Return this policy with what is *said* in place of its own."""
        unknown = said.keys() - _NAMES
        if unknown:
            raise TypeError(f"expected some of {', '.join(sorted(_NAMES))}, got {', '.join(sorted(unknown))}")
        return Policy(**{name: said.get(name, getattr(self, name)) for name in _NAMES})


_SWITCH = (True, False, None)
_NAMES = frozenset(field.name for field in fields(Policy))


def said_by_class(handler: Any) -> dict[str, Any]:
    """Return what a handler class says of its bounds; nothing for a function."""
    if not isinstance(handler, type):
        return {}
    return {name: getattr(handler, name) for name in _NAMES if hasattr(handler, name)}


def checked_seconds(name: str, seconds: float | None) -> float | None:
    """Return *seconds*; `ConfigurationError` if they are none, more than 0, and not None either."""
    _check(name, "seconds, more than 0", seconds, seconds is None or _is_seconds(seconds))
    return seconds


def _check(name: str, expected: str, value: Any, is_good: bool) -> None:
    if not is_good:
        raise ConfigurationError(f"expected {name} as {expected}, got {value!r:.80}")


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
