"""One route's pattern: a regular expression or a path template, and the URL made back from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from re import _constants, _parser  # type: ignore[attr-defined]  # not in typeshed; how re itself reads a pattern
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.routing.converters import CONVERTERS, Converter

Endpoint = TypeVar("Endpoint")
UrlArguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_NOTHING: dict[str, Any] = {}
_FIELD = re.compile(r"\{([A-Za-z_]\w*)(?::([A-Za-z_]\w*))?\}")
_FIELD_ELSEWHERE = re.compile(r"<(?:\w+:)?\w+>")  # as some frameworks have them
PATH_SAFE = "/!$&'()*+,;=:@-._~"
"""What a path may hold as it is (RFC 3986 §3.3)."""


class Rule(Generic[Endpoint]):
    """A compiled pattern, the endpoints of its methods, and its place in the order.

    Args:
        pattern: a compiled regular expression or one that begins with ``^``, matched from the start of
            the path; else a path template, which matches the whole path.
        endpoints: what answers each method (``"GET"``).
        fallback: what answers any other method; None if nothing does.
        name: for `url_for`.
        converters: the converters that a template may name.
        handler: what the endpoints run, as it was registered.

    Attributes:
        by_place: whether the values go to the handler by place: they do where no group has a name, and may be
            told to where that makes no difference, since it takes half the time.
        converts: whether converters make the values, and may say of a path that it is no match after all.

    Raises:
        ConfigurationError: the pattern cannot be understood.
    """

    # Of ten thousand rules the next one is far away in memory: better in one piece.
    __slots__ = (
        *("by_place", "converts", "endpoints", "fallback", "handler", "name", "order", "regex", "template"),
        *("_converters", "_fields", "_url_form"),
    )

    def __init__(
        self,
        pattern: str | re.Pattern[str],
        endpoints: Mapping[str, Endpoint],
        fallback: Endpoint | None = None,
        name: str | None = None,
        converters: Mapping[str, Converter] = CONVERTERS,
        handler: Any = None,
    ) -> None:
        self.endpoints = endpoints
        self.fallback = fallback
        self.name = name
        self.handler = handler
        self.order = -1
        self.template: str | None = None
        self._fields: dict[str, Converter] = {}
        self._url_form = ""
        self.regex = self._compile(pattern, converters)
        self.by_place = not self.regex.groupindex
        self._converters = tuple(self._fields.values())
        self.converts = any(type(field).load is not Converter.load for field in self._converters)

    def arguments(self, match: re.Match[str]) -> UrlArguments | None:
        """Return the positional and the keyword arguments that *match* gives the handler.

        Named groups make keywords, unless they go `by_place` as all others do; a group that did not match
        is None. None instead of a pair: a converter says that this is no match.
        """
        if not self.converts:
            return (match.groups(), _NOTHING) if self.by_place else ((), match.groupdict())
        try:
            values = [field.load(text) for field, text in zip(self._converters, match.groups(), strict=True)]
        except ValueError:
            return None
        return (tuple(values), _NOTHING) if self.by_place else ((), dict(zip(self._fields, values, strict=True)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the groups in their order; empty if not every group has one."""
        names = tuple(self.regex.groupindex)
        return names if len(names) == self.regex.groups else ()

    def url(self, values: Mapping[str, Any]) -> str:
        """Return the path with *values* in its fields; those without a field become the query.

        Raises:
            ConfigurationError: the rule is a regular expression, from which no URL can be made.
            ValueError: a value is missing or does not match its field.
        """
        if self.template is None:
            raise ConfigurationError(f"expected a path template to make a URL from, {self.regex.pattern!r} is none")
        missing = self._fields.keys() - values.keys()
        if missing:
            raise ValueError(f"expected a value for {', '.join(sorted(missing))} of {self.template!r}")
        path = self._url_form.format_map({name: self._dump(name, values[name]) for name in self._fields})
        if path.startswith("//"):  # RFC 3986 §4.2: a host would come next
            path = f"/%2F{path[2:]}"
        query = urlencode({name: value for name, value in values.items() if name not in self._fields}, doseq=True)
        return f"{path}?{query}" if query else path

    def required_prefix(self) -> tuple[str, bool]:
        """Return what every matching path begins with, and whether that is all the pattern matches.

        Read off the pattern as the regular expression engine understands it, so that the two cannot
        disagree; where in doubt the prefix is shorter, down to ``""``.
        """
        if self.regex.flags & re.IGNORECASE:
            return "", False
        parsed = _parser.parse(self.regex.pattern, self.regex.flags)
        prefix, complete, anchored = _literal_prefix(parsed)
        return prefix, complete and anchored and not self.regex.flags & re.MULTILINE

    @property
    def pattern(self) -> str:
        """The template or the regular expression, as it was written."""
        return self.template if self.template is not None else self.regex.pattern

    def _compile(self, pattern: str | re.Pattern[str], converters: Mapping[str, Converter]) -> re.Pattern[str]:
        try:
            if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str):
                return pattern
            if not isinstance(pattern, str):
                raise TypeError("expected text, or a compiled pattern of text")
            if pattern.startswith("^"):
                return re.compile(pattern)
            return self._compile_template(pattern, converters)
        except (re.error, TypeError, OverflowError) as error:
            raise ConfigurationError(f"route {pattern!r}: {error}") from error

    def _compile_template(self, template: str, converters: Mapping[str, Converter]) -> re.Pattern[str]:
        if not template.startswith("/"):
            raise ConfigurationError(
                f"expected a path that starts with '/', or a regular expression that starts with '^', got {template!r}"
            )
        source, position = "", 0
        for field in _FIELD.finditer(template):
            name, kind = field[1], field[2] or "str"
            if kind not in converters:
                raise ConfigurationError(
                    f"expected one of {', '.join(sorted(converters))} in {template!r}, got {kind!r}"
                )
            if name in self._fields:
                raise ConfigurationError(f"expected each field once in {template!r}, {name!r} comes again")
            self._fields[name] = converters[kind]
            literal = _checked_literal(template, template[position : field.start()])
            source += f"{re.escape(literal)}(?P<{name}>{converters[kind].regex})"
            self._url_form += f"{quote(literal, safe=PATH_SAFE)}{{{name}}}"
            position = field.end()
        literal = _checked_literal(template, template[position:])
        self._url_form += quote(literal, safe=PATH_SAFE)
        self.template = template
        return re.compile(rf"{source}{re.escape(literal)}\Z")

    def _dump(self, name: str, value: Any) -> str:
        converter = self._fields[name]
        text = converter.dump(value)
        if not re.fullmatch(converter.regex, text):
            raise ValueError(f"expected a value for {name} of {self.template!r} that its field matches, got {value!r}")
        return quote(text, safe=PATH_SAFE)

    def __repr__(self) -> str:
        return f"<Rule {self.pattern}>"


def _checked_literal(template: str, text: str) -> str:
    if "{" in text or "}" in text or _FIELD_ELSEWHERE.search(text):
        raise ConfigurationError(f"expected fields like {{name}} or {{name:int}} in {template!r}, got {text!r}")
    return text


def _literal_prefix(parsed: Any) -> tuple[str, bool, bool]:
    """Return the literal prefix of a parsed pattern, whether it is all of it, and whether an end anchors it."""
    prefix, anchored = "", False
    for operation, argument in parsed:
        if operation is _constants.LITERAL and not anchored:
            prefix += chr(argument)
        elif operation is _constants.AT and argument in (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING):
            if prefix:
                return prefix, False, False
        elif operation is _constants.AT and argument in (_constants.AT_END, _constants.AT_END_STRING):
            anchored = True
        elif operation is _constants.SUBPATTERN and not anchored and not argument[1] and not argument[2]:
            inner, complete, inner_anchored = _literal_prefix(argument[3])
            prefix += inner
            if not complete:
                return prefix, False, False
            anchored = inner_anchored
        else:
            return prefix, False, False
    return prefix, True, anchored
