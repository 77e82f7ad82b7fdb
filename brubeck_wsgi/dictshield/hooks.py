"""Types that msgspec does not know: it hands what stands there to the field, which converts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # what stands there


class _Anything(type):
    """The class of types of which everything is an instance."""

    take: Callable[[Any], Any]

    def __instancecheck__(cls, instance: object) -> bool:
        return True


def hooked(take: Callable[[Any], Any]) -> Any:
    """Return a type for msgspec whose values *take* makes out of what stands there."""
    return _Anything("Hooked", (), {"take": staticmethod(take)})


def is_hook(kind: object) -> bool:
    """Tell whether a type is one of `hooked`."""
    return isinstance(kind, _Anything)


def take(hook: Any, value: Any) -> Any:
    """Do for msgspec, as its ``dec_hook``, what a type of `hooked` is for."""
    return hook.take(value)
