"""The identity that MongoDB gives to documents: twelve bytes, written as 24 hexadecimal digits.

Where the bson of PyMongo is installed, `ObjectId` is its class, so that a store takes our ids and we take its;
elsewhere it is the one below.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import re
import secrets
import time
from datetime import UTC, datetime
from functools import lru_cache, total_ordering
from typing import Any

_HEX = re.compile(r"[0-9a-fA-F]{24}")
_counter = itertools.count(secrets.randbelow(1 << 24))


@lru_cache(maxsize=1)
def _mark_of(process: int) -> bytes:
    return secrets.token_bytes(5)  # each process has its own, or two workers would make the same ids


@total_ordering
class OwnObjectId:
    """An identity of twelve bytes: seconds since 1970, five of the process, a counter.

    Args:
        oid: 24 hexadecimal digits, 12 bytes, or another one; None for a new one.

    Raises:
        ValueError: it is none of these.
    """

    __slots__ = ("binary",)

    binary: bytes

    def __init__(self, oid: Any = None) -> None:
        if oid is None:
            count = next(_counter) & 0xFFFFFF
            oid = (int(time.time()) & 0xFFFFFFFF).to_bytes(4, "big") + _mark_of(os.getpid()) + count.to_bytes(3, "big")
        elif isinstance(oid, str) and _HEX.fullmatch(oid):
            oid = bytes.fromhex(oid)
        elif isinstance(oid, OwnObjectId):
            oid = oid.binary
        elif not isinstance(oid, bytes) or len(oid) != 12:
            raise ValueError(f"expected 24 hexadecimal digits or 12 bytes, got {oid!r:.60}")
        object.__setattr__(self, "binary", oid)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an ObjectId does not change")

    @property
    def generation_time(self) -> datetime:
        """When it was made, to the second."""
        return datetime.fromtimestamp(int.from_bytes(self.binary[:4], "big"), UTC)

    def __str__(self) -> str:
        return self.binary.hex()

    def __repr__(self) -> str:
        return f"ObjectId({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnObjectId) and self.binary == other.binary

    def __lt__(self, other: object) -> bool:
        return self.binary < other.binary if isinstance(other, OwnObjectId) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.binary)

    def __reduce__(self) -> tuple[Any, ...]:
        return OwnObjectId, (self.binary,)


ObjectId: Any = OwnObjectId
with contextlib.suppress(ImportError):
    # By its name, not by an import statement: nothing here needs it, and it is no extra of this distribution.
    ObjectId = importlib.import_module("bson.objectid").ObjectId
