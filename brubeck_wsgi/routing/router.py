"""Which of many rules answers a path: the first in order of registration, found without trying them all.

A path that a rule names letter for letter is looked up in a dictionary whose answer was worked out
beforehand, earlier rules that match it included. For the other rules a tree over the segments that each
requires at its beginning gives the few that can match, in order; then their patterns decide. A rule
that requires nothing at its beginning is tried always. Where the first segments of a path leave a few rules
only, and most do, these have been gathered beforehand.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from operator import attrgetter
from threading import Lock
from typing import Any, Generic, TypeAlias

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.routing.rules import Endpoint, Rule

_in_order = attrgetter("order")
_FEW = 3  # failing to match so many costs no more than looking at another segment


Found: TypeAlias = tuple[Endpoint, tuple[Any, ...], dict[str, Any]]
"""The endpoint that answers, and the positional and keyword arguments that the path gives it."""

Decorator: TypeAlias = Callable[[Endpoint, Rule[Endpoint]], Endpoint]
"""Called with an endpoint and its rule, returns what is to answer instead."""


class Miss(Generic[Endpoint]):
    """No endpoint answers.

    Attributes:
        allowed: the methods that the path has, in order; empty if the path is not known.
        rule: the first rule that matches the path; None if none does.
    """

    __slots__ = ("allowed", "rule")

    def __init__(self, allowed: tuple[str, ...], rule: Rule[Endpoint] | None) -> None:
        self.allowed = allowed
        self.rule = rule


class Router(Generic[Endpoint]):
    """Rules in the order they were added.

    Finding is safe from any number of threads, also while rules are added.

    Attributes:
        rules: all of them, in order.
        literal: what `find` returns for paths in ASCII that rules name letter for letter, by path and method, ``""``
            for any other method; what is a `Miss` is left out. Empty until `find` is called after a rule was added.
    """

    def __init__(self) -> None:
        self.literal: _Literal[Endpoint] = {}
        self.rules: list[Rule[Endpoint]] = []
        self._names: dict[str, Rule[Endpoint]] = {}
        self._decorator: Decorator[Endpoint] | None = None
        self._index: _Index[Endpoint] | None = None
        self._changing = Lock()

    def add(self, rule: Rule[Endpoint]) -> None:
        """Append *rule*; `ConfigurationError` if another one has its name."""
        named = self._names.setdefault(rule.name, rule) if rule.name is not None else rule
        if named is not rule:
            raise ConfigurationError(f"expected one route named {rule.name!r}, {named.pattern!r} has that name already")
        with self._changing:
            rule.order = len(self.rules)
            if self._decorator is not None:
                _decorate(rule, self._decorator)
            self.rules.append(rule)
            self._index, self.literal = None, {}

    def decorate(self, decorator: Decorator[Endpoint]) -> None:
        """Put *decorator* around the endpoints of all rules, those that are yet to be added too; once is enough."""
        with self._changing:
            if self._decorator is decorator:
                return
            self._decorator = decorator
            for rule in self.rules:
                _decorate(rule, decorator)
            self._index, self.literal = None, {}

    def find(self, path: str, method: str) -> Found[Endpoint] | Miss[Endpoint]:
        """Return what answers *method* on *path*.

        Args:
            path: decoded, beginning with a slash.
            method: as the request has it, ``"GET"``.

        Returns:
            The first rule, in order, that matches the path and has the method; otherwise a `Miss`.
        """
        index = self._index or self._build()
        known = index.literal.get(path)
        if known is not None:
            return known.get(method) or known.get("") or first_match(index.matching(path), path, method)
        segments = path.split("/")
        few: Any = index.few
        for segment in segments:
            few = few.get(segment)
            if few.__class__ is not dict:
                break
        is_few = few.__class__ is tuple and "\n" not in path  # before a line break at the end $ matches too
        return first_match(few if is_few else index.candidates(path, segments), path, method)

    def has_name(self, name: str) -> bool:
        """Tell whether a rule is called *name*."""
        return name in self._names

    def named(self, name: str) -> Rule[Endpoint]:
        """Return the rule called *name*; `ConfigurationError` if there is none."""
        try:
            return self._names[name]
        except KeyError:
            raise ConfigurationError(f"expected the name of a route, got {name!r}") from None

    def _build(self) -> _Index[Endpoint]:
        with self._changing:  # else an index without the rule that is just added could stay
            index = self._index or _Index(self.rules)
            self._index = index
            self.literal = {path: answers for path, answers in index.literal.items() if path.isascii()}
        return index


def first_match(rules: Sequence[Rule[Endpoint]], path: str, method: str) -> Found[Endpoint] | Miss[Endpoint]:
    """Try *rules* one after the other: what `Router.find` means."""
    passed: list[Rule[Endpoint]] | None = None
    for rule in rules:
        match = rule.regex.match(path)
        if match is not None:
            arguments = rule.arguments(match)
            if arguments is not None:
                endpoint = rule.endpoints.get(method, rule.fallback)
                if endpoint is not None:
                    return endpoint, arguments[0], arguments[1]
                passed = passed or []
                passed.append(rule)
    if passed is None:
        return _UNKNOWN
    return Miss(tuple(dict.fromkeys(name for rule in passed for name in rule.endpoints)), passed[0])


def _decorate(rule: Rule[Endpoint], decorator: Decorator[Endpoint]) -> None:
    rule.endpoints = {method: decorator(endpoint, rule) for method, endpoint in rule.endpoints.items()}
    if rule.fallback is not None:
        rule.fallback = decorator(rule.fallback, rule)


_Few: TypeAlias = "dict[str, tuple[Rule[Endpoint], ...] | _Few[Endpoint]]"
_Literal: TypeAlias = dict[str, dict[str, Found[Endpoint]]]
_UNKNOWN: Miss[Any] = Miss((), None)


class _Index(Generic[Endpoint]):
    """What `Router.find` looks things up in; never changed once built.

    Attributes:
        literal: for each path that some rule names letter for letter, what answers each method, and under ``""``
            what answers all others; methods that are a `Miss` are left out.
        few: by the first segments of a path, as many as that takes, the rules that can match it where they are few.
    """

    def __init__(self, rules: Sequence[Rule[Endpoint]]) -> None:
        self.literal: _Literal[Endpoint] = {}
        self._naming: dict[str, list[Rule[Endpoint]]] = {}
        self._root: _Node[Endpoint] = _Node()
        self.few: _Few[Endpoint] = {}
        literals: dict[str, list[Rule[Endpoint]]] = {}
        required: list[tuple[str, Rule[Endpoint]]] = []
        same: dict[Any, dict[str, Found[Endpoint]]] = {}
        for rule in rules:
            prefix, complete = rule.required_prefix()
            if complete and prefix[-1:] != "\n":
                literals.setdefault(prefix, []).append(rule)
            else:
                self._root.insert(prefix, rule)
                required.append((prefix, rule))
        for path, naming in literals.items():
            others = self.candidates(path, path.split("/"))
            if any(rule.converts and rule.regex.match(path) for rule in others):
                # Converters are asked at each request: they may change their mind, or make what can be changed.
                for rule in naming:
                    self._root.insert(path, rule)
                    required.append((path, rule))
            else:
                self._naming[path] = naming
                answers = _answers(sorted([*others, *naming], key=_in_order), path)
                # Those of one handler are the same for all its paths; what is there once is nearer in memory.
                key = tuple((method, id(found[0]), found[1], *found[2].items()) for method, found in answers.items())
                self.literal[path] = same.setdefault(key, answers)
        self._gather(required)

    def _gather(self, required: Sequence[tuple[str, Rule[Endpoint]]]) -> None:
        """Work out which rules the first segments of a path leave, as many segments as it takes until they are few."""
        waiting = [("", required, self.few)]
        deeper: _Few[Endpoint]
        while waiting:
            beginning, required, table = waiting.pop()
            below: dict[str, list[tuple[str, Rule[Endpoint]]]] = {}
            for prefix, rule in required:
                segment, slash, _ = prefix[len(beginning) :].partition("/")
                if slash:
                    below.setdefault(segment, []).append((prefix, rule))
            for segment, longer in below.items():
                longer_beginning = f"{beginning}{segment}/"
                found = {*self.candidates(longer_beginning, longer_beginning.split("/")), *(rule for _, rule in longer)}
                if len(found) <= _FEW:
                    table[segment] = tuple(sorted(found, key=_in_order))
                elif any("/" in prefix[len(longer_beginning) :] for prefix, _ in longer):
                    deeper = table[segment] = {}
                    waiting.append((longer_beginning, longer, deeper))

    def matching(self, path: str) -> Sequence[Rule[Endpoint]]:
        """Return the rules that can match *path*, which some of them name letter for letter, in order."""
        return sorted([*self.candidates(path, path.split("/")), *self._naming[path]], key=_in_order)

    def candidates(self, path: str, segments: Sequence[str]) -> Sequence[Rule[Endpoint]]:
        """Return the rules that can match *path* by what they require at its beginning, in order."""
        node = self._root
        found = node.rules
        for segment in segments:
            if node.tails:
                for length, tails in node.tails.items():
                    more = tails.get(segment[:length])
                    if more is not None:
                        found = sorted([*found, *more], key=_in_order) if found else more
            next_node = node.children.get(segment)
            if next_node is None:
                break
            node = next_node
            if node.rules:
                found = sorted([*found, *node.rules], key=_in_order) if found else node.rules
        if path[-1:] == "\n":  # a pattern's $ matches before it too
            found = sorted([*found, *self._naming.get(path[:-1], ())], key=_in_order)
        return found


def _answers(rules: Sequence[Rule[Endpoint]], path: str) -> dict[str, Found[Endpoint]]:
    methods = dict.fromkeys(method for rule in rules for method in rule.endpoints)
    found = {method: first_match(rules, path, method) for method in (*methods, "")}
    return {method: answer for method, answer in found.items() if isinstance(answer, tuple)}


class _Node(Generic[Endpoint]):
    """The rules whose required prefix ends here, and the segments that may follow.

    Attributes:
        children: by the whole next segment.
        tails: rules that require only the beginning of the next segment, by its length and text.
    """

    __slots__ = ("children", "rules", "tails")

    def __init__(self) -> None:
        self.children: dict[str, _Node[Endpoint]] = {}
        self.rules: list[Rule[Endpoint]] = []
        self.tails: dict[int, dict[str, list[Rule[Endpoint]]]] = {}

    def insert(self, prefix: str, rule: Rule[Endpoint]) -> None:
        *segments, tail = prefix.split("/")
        node = self
        for segment in segments:
            node = node.children.setdefault(segment, _Node())
        home = node.tails.setdefault(len(tail), {}).setdefault(tail, []) if tail else node.rules
        insort(home, rule, key=_in_order)
