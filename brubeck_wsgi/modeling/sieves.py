"""What a role may write of the objects in an object, which is no more than it sees of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple  # Any: classes of models, and JSON

import msgspec

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.modeling.adapting import adapt
from brubeck_wsgi.modeling.inputs import Kinds, hidden_names, inputs_of, merged_kinds, models_held, possible
from brubeck_wsgi.modeling.interface import Fault, Malformed

_DEEPEST = 100


class _Part(NamedTuple):
    """A field by one of its names.

    Attributes:
        key: what it is called where it is written.
        rank: how many other names count before this one.
        is_hidden: whether the role does not see it.
        holds: what it may hold.
    """

    key: str
    rank: int
    is_hidden: bool
    holds: Kinds


class Sieve:
    """What comes of data that stands for an object: one name for each field, and at every depth what a role sees.

    The fields of the object itself keep their values whoever sees them: who writes these is the caller's matter.

    Args:
        model: the class of the object.
        role: who sends the data; None for a store, which sees all.

    Raises:
        ConfigurationError: data may name a field of a class in a way that nobody can tell.
    """

    def __init__(self, model: Any, role: str | None) -> None:
        self._model = model
        self._top = Kinds((model,))
        self._role = role
        self._parts: dict[Any, dict[str, _Part]] = {}
        self.is_needed = self._is_needed()

    def sifted(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return *data* with each field by the name it is written by, and without what the role does not see."""
        return self._sifted_object(self._top, data, 0)

    def kept(self, data: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """Return *data*, which was sifted, with what the role does not see of the same objects in *before*.

        Of two lists those items are the same that have the same identity. Where they have none, it is those that look
        the same to the role, and else those in the same place.
        """
        found: dict[str, Any] = self._kept(self._top, data, before, 0)
        return found

    def hidden(self) -> dict[str, set[str]]:
        """Return what the role does not see of the objects in an object: names of fields, by those of classes."""
        found: dict[str, set[str]] = {}
        for model, parts in self._parts.items():
            name = str(getattr(model, "__name__", model))
            hidden = {key for key, part in parts.items() if part.is_hidden}
            # Of classes of one name one does not know which is meant.
            found[name] = found[name] & hidden if name in found else hidden
        return found

    def _is_needed(self) -> bool:
        models = [self._model]
        is_needed = False
        for one in models:  # which grows while it is gone through
            for part in self._named(one).values():
                models += [inner for inner in models_held(part.holds) if inner not in models]
            is_needed = is_needed or any(
                (part.rank and not (one is self._model and _is_document(one)))
                or (part.is_hidden and one is not self._model)
                for part in self._named(one).values()
            )
        # A model within itself may be in it, and hide something there.
        is_inside = any(self._model in models_held(part.holds) for one in models for part in self._named(one).values())
        return is_needed or (is_inside and any(part.is_hidden for part in self._named(self._model).values()))

    def _named(self, model: Any) -> dict[str, _Part]:
        parts = self._parts.get(model)
        if parts is None:
            hidden = hidden_names(model, self._role)
            parts = self._parts[model] = {
                name: _Part(one.key, rank, one.name in hidden, one.holds)
                for one in inputs_of(model)
                for rank, name in enumerate(one.names)
            }
        return parts

    def _sifted(self, kinds: Kinds | None, value: Any, depth: int) -> Any:
        if kinds is None:
            return value
        if depth > _DEEPEST:
            raise Malformed("object", [Fault((), "Malformed JSON: nested too deeply", None)])
        if isinstance(value, list):
            return [self._sifted(kinds.items, item, depth + 1) for item in value] if kinds.items else value
        if not isinstance(value, Mapping):
            return value
        if kinds.models:
            return self._sifted_object(kinds, value, depth)
        return {key: self._sifted(kinds.values, one, depth + 1) for key, one in value.items()}

    def _sifted_object(self, kinds: Kinds, data: Mapping[str, Any], depth: int) -> dict[str, Any]:
        parts = [self._named(model) for model in possible(kinds.models, data)]
        result: dict[str, Any] = {}
        ranks: dict[str, int] = {}
        for name, value in data.items():
            found = [part[name] for part in parts if name in part]
            if depth and any(one.is_hidden for one in found):
                continue
            holds = merged_kinds([one.holds for one in found]) if found else kinds.values
            # Of several classes one cannot tell which name is meant.
            key, rank = (found[0].key, found[0].rank) if len(parts) == 1 and found else (name, 0)
            if rank < ranks.get(key, len(data) + rank + 1):
                result[key], ranks[key] = self._sifted(holds, value, depth + 1), rank
        return result

    def _kept(self, kinds: Kinds | None, new: Any, old: Any, depth: int) -> Any:
        if kinds is None or depth > _DEEPEST:
            return new
        if isinstance(new, list) and isinstance(old, list):
            pairs = zip(new, self._counterparts(kinds.items, new, old), strict=True)
            return [self._kept(kinds.items, one, other, depth + 1) for one, other in pairs]
        if not isinstance(new, Mapping) or not isinstance(old, Mapping):
            return new
        if kinds.models:
            return self._kept_object(kinds, new, old, depth)
        return {
            key: self._kept(kinds.values, one, old[key], depth + 1) if key in old else one for key, one in new.items()
        }

    def _kept_object(self, kinds: Kinds, new: Mapping[str, Any], old: Mapping[str, Any], depth: int) -> dict[str, Any]:
        was = possible(kinds.models, old)
        parts = [self._named(model) for model in possible(kinds.models, new) if model in was]
        result = dict(new)
        for key in {one.key for part in parts for one in part.values()}:
            found = [part[key] for part in parts if key in part]
            if depth and any(one.is_hidden for one in found):
                result.pop(key, None)
                if key in old:
                    result[key] = old[key]
            elif key in result and key in old:
                holds = merged_kinds([one.holds for one in found])
                result[key] = self._kept(holds, result[key], old[key], depth + 1)
        return result

    def _counterparts(self, kinds: Kinds | None, new: Sequence[Any], old: Sequence[Any]) -> list[Any]:
        """Return for each item of a list the same one of another list; None where there is none."""
        found: list[Any] = [None] * len(new)
        identity = _identity_key(kinds)
        by_id = {str(one[identity]): one for one in old if isinstance(one, Mapping) and identity in one}
        left = defaultdict(list)
        for place, one in enumerate(old):
            left[self._looks(kinds, one)].append(place)
        nameless = []
        for place, one in enumerate(new):
            if isinstance(one, Mapping) and one.get(identity) is not None:
                found[place] = by_id.get(str(one[identity]))
            elif places := left.get(self._looks(kinds, one)):
                found[place] = old[places.pop(0)]
            else:
                nameless.append(place)
        free = {place for places in left.values() for place in places}
        for place in nameless:
            found[place] = old[place] if place in free else None
        return found

    def _looks(self, kinds: Kinds | None, item: Any) -> bytes:
        """Return what the role sees of an item of a list, in a form to compare."""
        return msgspec.json.encode(self._sifted(kinds, item, 1), order="deterministic")


def _identity_key(kinds: Kinds | None) -> str:
    """Return what the identity of objects is called; nothing where they have none."""
    if kinds is None or len(kinds.models) != 1:
        return ""
    (model,) = kinds.models
    try:
        name = adapt(model).identity
    except ConfigurationError:  # a generic class
        return ""
    return next((one.key for one in inputs_of(model) if one.name == name), "")


def _is_document(model: Any) -> bool:
    return hasattr(model, "_keys")
