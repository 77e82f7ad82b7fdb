"""Arguments that say which data is meant: whose, since when, which page of it.

`OwnedModelMixin` and `StreamedModelMixin` lend documents the fields that these go by. What a client sends never
fails here: an argument that makes no sense counts as one that was not sent, and every number is within its limits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from brubeck_wsgi.models import OwnedModelMixin, StreamedModelMixin

__all__ = ["OwnedHandlerMixin", "OwnedModelMixin", "StreamedHandlerMixin", "StreamedModelMixin", "get_typed_argument"]

Value = TypeVar("Value")

LARGEST = 2**63 - 1
"""The largest number that goes on to a database: an integer of 64 bits."""


def get_typed_argument(arg_name: str, default: Any, handler: Any, type_fun: Callable[[Any], Any]) -> Any:
    """Return an argument of the request as *type_fun* makes it of the text.

    Args:
        arg_name: the name of the argument.
        default: what to return if it was not sent, or *type_fun* raises `ValueError` or the like.
        handler: the handler of the request.
        type_fun: `int`, `float`, `uuid.UUID`, `datetime.date.fromisoformat`, an enumeration …
    """
    value = handler.get_argument(arg_name)
    if value is None:
        return default
    try:
        return type_fun(value)
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return default


class OwnedHandlerMixin:
    """Knows whose data is meant: the argument ``owner``, the `owner_username` of the model."""

    @overload
    def get_owner_username(self) -> str | None: ...
    @overload
    def get_owner_username(self, default_username: Value) -> str | Value: ...
    def get_owner_username(self, default_username: Any = None) -> Any:
        """Return the argument ``owner``; *default_username* if it was not sent, or is empty."""
        return get_typed_argument("owner", default_username, self, str) or default_username


class StreamedHandlerMixin:
    """Knows what part of much data is meant: the arguments ``since``, ``page``, ``count`` and ``skip``."""

    def get_stream_offset(self, default_since: int = 0) -> int:
        """Return the argument ``since``, to compare with `created_at` or `updated_at` of the model.

        Returns:
            Milliseconds since 1970-01-01 UTC.
        """
        since: int = get_typed_argument("since", default_since, self, int)
        return _within(since, -LARGEST, LARGEST)

    def get_paging_arguments(
        self, default_page: int = 0, default_count: int = 25, max_count: int | None = 25
    ) -> tuple[int, int, int]:
        """Return which page, how many things on a page, and how many come before it.

        Args:
            default_page: for the argument ``page``, which counts from 0.
            default_count: for the argument ``count``.
            max_count: the most things on a page; None for any number.

        Returns:
            (page, count, skip), none of them negative; *skip* is the argument of that name if it was sent.
        """
        page = _within(get_typed_argument("page", default_page, self, int), 0, LARGEST)
        most = LARGEST if max_count is None else max_count
        count = _within(get_typed_argument("count", default_count, self, int), 0, most)
        skip = get_typed_argument("skip", page * count, self, int)
        return page, count, _within(skip, 0, LARGEST)


def _within(number: int, least: int, most: int) -> int:
    return max(least, min(number, most))
