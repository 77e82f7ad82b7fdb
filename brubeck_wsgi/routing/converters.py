"""What a field of a path template matches, and what value it becomes: ``{id:int}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


class Converter:
    """One kind of template field; subclass it for your own.

    Attributes:
        regex: what the field matches, without capturing groups.
    """

    regex = r"[^/]+"

    def load(self, text: str) -> Any:
        """Return the value of *text*, which matches `regex`; `ValueError` if it is no match after all."""
        return text

    def dump(self, value: Any) -> str:
        """Return the text of *value* for a URL, not yet quoted; `url_for` checks it against `regex`."""
        return str(value)


class TextConverter(Converter):
    """One segment of a path, not empty."""


class PathConverter(Converter):
    """The rest of a path, slashes and all, not empty."""

    regex = r"(?s:.+)"


class IntConverter(Converter):
    """Decimal digits, at most 18 of them, so that a 64-bit column can hold the number."""

    regex = r"-?[0-9]{1,18}"

    def load(self, text: str) -> int:
        return int(text)


class FloatConverter(Converter):
    """A decimal number, ``1`` or ``-1.5``, without exponent."""

    regex = r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?"

    def load(self, text: str) -> float:
        return float(text)


class UUIDConverter(Converter):
    """A UUID in its usual form (RFC 9562 §4), in either case."""

    regex = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

    def load(self, text: str) -> Any:
        from uuid import UUID

        return UUID(text)


CONVERTERS: Mapping[str, Converter] = {
    "str": TextConverter(),
    "int": IntConverter(),
    "float": FloatConverter(),
    "uuid": UUIDConverter(),
    "path": PathConverter(),
}
"""The converters that every application has, by the name that a template uses."""


def check_converter(name: str, converter: Converter) -> None:
    """Raise `ValueError` unless *converter* can stand in templates under *name*."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f"expected a converter name like 'int', got {name!r}")
    if not isinstance(converter, Converter):
        raise ValueError(f"expected an instance of Converter for {name!r}, got {converter!r}")
    if not isinstance(converter.regex, str):
        raise ValueError(f"expected text as the regex of converter {name!r}, got {converter.regex!r}")
    try:
        groups = re.compile(f"(?P<field>{converter.regex})").groups  # as it stands in templates
    except (re.error, OverflowError) as error:
        raise ValueError(f"regex {converter.regex!r} of converter {name!r}: {error}") from error
    if groups > 1:
        raise ValueError(f"expected no capturing groups in the regex of converter {name!r}: use (?:…)")
