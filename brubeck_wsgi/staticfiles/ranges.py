"""Which parts of a file a client asks for (RFC 9110 §14.1 and §14.2)."""

from __future__ import annotations

import re
from typing import TypeAlias

MOST_RANGES = 16
"""The most ranges that one request may have: many small ones cost a server more than the whole (RFC 9110 §17.15)."""

Range: TypeAlias = tuple[int, int]
"""The first byte, and the one after the last."""

_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_MOST_DIGITS = 19  # more make a number that is past the end of any file, and so does cutting it off here
_GAP = 80  # about what the head of one more part takes


def parse_range(header: str, size: int) -> list[Range] | None:
    """Read a Range header.

    Args:
        header: the field value.
        size: of the file, in bytes.

    Returns:
        The ranges in the client's order, those that overlap or nearly touch made one; ``[]`` if none of them lies
        in the file. None if the header is to be ignored: malformed, of another unit, or with more than
        `MOST_RANGES` ranges.
    """
    unit, _, specs = header.partition("=")
    if unit.strip().lower() != "bytes" or specs.count(",") >= MOST_RANGES:
        return None
    ranges = []
    for spec in specs.split(","):
        spec = spec.strip(" \t")
        if not spec:  # RFC 9110 §5.6.1.2: a list may have empty elements
            continue
        match = _SPEC.fullmatch(spec)
        if match is None or spec == "-":
            return None
        first, last = match.groups()
        if first and last and _number(last) < _number(first):
            return None
        ranges.append(_within(first, last, size))
    if not ranges:
        return None
    return _coalesced([found for found in ranges if found is not None])


def _within(first: str, last: str, size: int) -> Range | None:
    """Return what of a range lies in the file; None if nothing does."""
    if not first:
        start, stop = max(size - _number(last), 0), size
        # An empty file has nothing to send a part of; all of it is what a suffix of any length asks for.
        return (start, stop) if _number(last) else None
    start = _number(first)
    stop = min(_number(last) + 1, size) if last else size
    return (start, stop) if start < size else None


def _number(digits: str) -> int:
    return int(digits.lstrip("0")[:_MOST_DIGITS] or "0")


def _coalesced(ranges: list[Range]) -> list[Range]:
    kept: list[Range] = []
    for start, stop in ranges:
        near = [other for other in kept if start <= other[1] + _GAP and other[0] <= stop + _GAP]
        if not near:
            kept.append((start, stop))
            continue
        place = kept.index(near[0])
        joined = min(start, *(other[0] for other in near)), max(stop, *(other[1] for other in near))
        kept = [*kept[:place], joined, *(other for other in kept[place:] if other not in near)]
    return kept
