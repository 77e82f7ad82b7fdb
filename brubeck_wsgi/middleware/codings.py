"""Which content codings a client would rather have (RFC 9110 §12.5.3)."""

from __future__ import annotations

import re
from functools import lru_cache

_WEIGHT = re.compile(r"[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*")
_ALIASES = {"x-gzip": "gzip"}  # RFC 9110 §8.4.1.3


@lru_cache(128)
def preferred_codings(header: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codings that the client accepts and does not like less than none at all.

    Args:
        header: the value of Accept-Encoding; ``""`` if there is none, since few who send none can decode any.
        offered: codings in lower case, in the server's own order of preference.

    Returns:
        Some of *offered*, best first; equal ones keep their order. Members with a malformed weight count as not sent.
    """
    weights = _weights(header)
    others = weights.get("*", 0.0)
    found = [(weights.get(coding, others), coding) for coding in offered]
    least = weights.get("identity", 0.0)
    return tuple(coding for weight, coding in sorted(found, key=lambda pair: -pair[0]) if weight and weight >= least)


def _weights(header: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for member in header.split(","):
        coding, semicolon, rest = member.partition(";")
        match = _WEIGHT.fullmatch(semicolon + rest)
        if semicolon and match is None:
            continue
        coding = coding.strip(" \t").lower()
        weights.setdefault(_ALIASES.get(coding, coding), float(match[1]) if match else 1.0)
    return weights
