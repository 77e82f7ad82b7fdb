"""Response headers: a list of pairs, in order, that can be used like a dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TypeAlias

from brubeck_wsgi.interfaces import HeaderList

HeaderValue: TypeAlias = str | int | float
HeaderSource: TypeAlias = Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]]

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def checked_header(name: str, value: HeaderValue) -> tuple[str, str]:
    """Return the header as a pair that may be sent; `ValueError` if it may not.

    Args:
        name: a token (RFC 9110 §5.1).
        value: text that fits latin-1 and holds no control characters (PEP 3333, so CR and LF
            cannot smuggle in a second header), or a number.

    Raises:
        TypeError: the value is neither.
    """
    text = value if isinstance(value, str) else _number_text(name, value)
    if not isinstance(name, str) or not _NAME.match(name):
        raise ValueError(f"expected a header name made of token characters, got {name!r}")
    if _CONTROL.search(text):
        raise ValueError(f"expected a value without control characters for header {name}, got {text[:60]!r}")
    if not text.isascii():
        try:
            text.encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(
                f"expected latin-1 text for header {name}, got {text[:60]!r}; encode other text as RFC 8187 has it"
            ) from None
    return name, text.strip(" ")


class Headers(MutableMapping[str, str]):
    """Headers by name, whatever the case; one name may have several values.

    Args:
        source: headers to begin with; each is checked.

    Setting a name replaces all its values; `add` appends one. Reading gives the first.
    """

    __slots__ = ("pairs",)

    def __init__(self, source: HeaderSource = ()) -> None:
        self.pairs: HeaderList = []
        if isinstance(source, Headers):
            source = source.pairs  # as a mapping it has one value for each name
        for name, value in source.items() if isinstance(source, Mapping) else source:
            self.add(name, value)

    @classmethod
    def over(cls, pairs: HeaderList) -> Headers:
        """Return a view that reads and changes *pairs* itself; they are taken as checked."""
        view = cls.__new__(cls)
        view.pairs = pairs
        return view

    def add(self, name: str, value: HeaderValue) -> None:
        """Append a header, beside those of the same name."""
        self.pairs.append(checked_header(name, value))

    def get_all(self, name: str) -> list[str]:
        """Return every value of *name*, in order; ``[]`` if there is none."""
        lowered = name.lower()
        return [value for key, value in self.pairs if key.lower() == lowered]

    def __getitem__(self, name: str) -> str:
        lowered = name.lower()
        for key, value in self.pairs:
            if key.lower() == lowered:
                return value
        raise KeyError(name)

    def __setitem__(self, name: str, value: HeaderValue) -> None:
        pair = checked_header(name, value)
        lowered = name.lower()
        places = [place for place, (key, _) in enumerate(self.pairs) if key.lower() == lowered]
        if not places:
            self.pairs.append(pair)
            return
        self.pairs[places[0]] = pair
        for place in reversed(places[1:]):
            del self.pairs[place]

    def __delitem__(self, name: str) -> None:
        lowered = name.lower()
        kept = [pair for pair in self.pairs if pair[0].lower() != lowered]
        if len(kept) == len(self.pairs):
            raise KeyError(name)
        self.pairs[:] = kept

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key.lower() == name.lower() for key, _ in self.pairs)

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for name, _ in self.pairs:
            if name.lower() not in seen:
                seen.add(name.lower())
                yield name

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.pairs})

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


def with_vary(pairs: HeaderList, *names: str) -> HeaderList:
    """Return *pairs* with *names* in Vary (RFC 9110 §12.5.5), in one line with what stood there."""
    varying = [name.strip() for line in Headers.over(pairs).get_all("Vary") for name in line.split(",")]
    known = {name.lower() for name in varying}
    added = [name for name in names if name.lower() not in known]
    if "*" in known or not added:
        return pairs
    vary = ", ".join([*filter(None, varying), *added])
    return [*(pair for pair in pairs if pair[0].lower() != "vary"), ("Vary", vary)]


def _number_text(name: str, value: float) -> str:
    if not isinstance(value, int | float):
        raise TypeError(f"expected text or a number for header {name}, got {type(value).__name__}")
    return str(value)
