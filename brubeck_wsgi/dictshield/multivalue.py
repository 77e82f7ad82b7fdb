"""A dictionary in which each key has a list of values, the last of which is the one that counts."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self  # keys and values are the application's


class MultiValueDictKeyError(KeyError):
    """There is no such key."""


class MultiValueDict(dict[Any, Any]):
    """A dictionary with a list of values for each key, as query strings and forms have them.

    Args:
        key_to_list_mapping: the values by key; a value that is no list or tuple is a list of one.
    """

    def __init__(self, key_to_list_mapping: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()) -> None:
        if isinstance(key_to_list_mapping, MultiValueDict):
            key_to_list_mapping = key_to_list_mapping.lists()
        super().__init__((key, _listed(value)) for key, value in dict(key_to_list_mapping).items())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {dict(self.lists())!r}>"

    def __getitem__(self, key: Any) -> Any:
        """Return the last value of *key*, ``[]`` if it has none; `MultiValueDictKeyError` if it is not there."""
        try:
            values = super().__getitem__(key)
        except KeyError:
            raise MultiValueDictKeyError(f"Key {key!r} not found in {self!r:.200}") from None
        return values[-1] if values else []

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, [value])

    def __copy__(self) -> Self:
        return type(self)((key, list(values)) for key, values in self.lists())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        duplicate = memo[id(self)] = type(self)()
        for key, values in self.lists():
            duplicate.setlist(copy.deepcopy(key, memo), copy.deepcopy(values, memo))
        return duplicate

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self.lists()),)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the last value of *key*; *default* if it has none."""
        values = self.getlist(key)
        return values[-1] if values else default

    def getlist(self, key: Any, default: Any = None) -> Any:
        """Return the list of values of *key*; *default*, or else ``[]``, if it is not there."""
        try:
            return super().__getitem__(key)
        except KeyError:
            return [] if default is None else default

    def setlist(self, key: Any, list_: Any) -> None:
        """Have *key* stand for the values of *list_*."""
        super().__setitem__(key, list_)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the last value of *key*, which is *default* from now on if it was not there."""
        if key not in self:
            self[key] = default
        return self[key]

    def setlistdefault(self, key: Any, default_list: Iterable[Any] = ()) -> Any:
        """Return the list of *key*, which is *default_list* from now on if it was not there."""
        if key not in self:
            self.setlist(key, list(default_list))
        return self.getlist(key)

    def appendlist(self, key: Any, value: Any) -> None:
        """Add *value* to those of *key*."""
        self.setlistdefault(key).append(value)

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove *key* and return its list of values."""
        return super().pop(key, *default)

    # Other than those of dict, the three below are made anew, as in the original.

    def items(self) -> list[tuple[Any, Any]]:  # type: ignore[override]
        """Return each key with its last value."""
        return [(key, self[key]) for key in self]

    def values(self) -> list[Any]:  # type: ignore[override]
        """Return the last value of each key."""
        return [self[key] for key in self]

    def lists(self) -> list[tuple[Any, Any]]:
        """Return each key with its list of values."""
        return list(super().items())

    def iteritems(self) -> Iterator[tuple[Any, Any]]:
        """Yield what `items` returns."""
        return iter(self.items())

    def iterlists(self) -> Iterator[tuple[Any, Any]]:
        """Yield what `lists` returns."""
        return iter(self.lists())

    def itervalues(self) -> Iterator[Any]:
        """Yield what `values` returns."""
        return iter(self.values())

    def copy(self) -> Self:
        """Return a copy with lists of its own."""
        return copy.copy(self)

    def update(self, *others: Any, **values: Any) -> None:
        """Add to the values of each key: whole lists of a `MultiValueDict`, single values of another mapping."""
        if len(others) > 1:
            raise TypeError(f"expected at most 1 mapping, got {len(others)}")
        for other in others:
            if isinstance(other, MultiValueDict):
                for key, added in other.lists():
                    self.setlistdefault(key).extend(added)
            elif isinstance(other, Mapping):
                for key, value in other.items():
                    self.appendlist(key, value)
            else:
                raise ValueError(f"expected a MultiValueDict or another mapping, got {type(other).__name__}")
        for key, value in values.items():
            self.appendlist(key, value)

    def dict(self) -> dict[Any, Any]:
        """Return a plain dictionary with the last value of each key."""
        return {key: self[key] for key in self}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
