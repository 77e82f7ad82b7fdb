"""The id of a request: the client's ``X-Request-Id`` if it is sane, or one made for it.

An id is kept in the environ from the moment that anybody asks for it; one that nobody asked for is made
when the answer leaves, and kept nowhere: adding a key to an environ costs more than making the id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import chain, count, repeat
from operator import attrgetter

from brubeck_wsgi.interfaces import Environ

HEADER = "X-Request-Id"

KEPT = "brubeck.request_id"
"""The key of the environ where the id is kept once somebody asked."""

SENT = "HTTP_X_REQUEST_ID"
"""The key of the environ where a server puts the client's."""

_SANE = re.compile(r"[\w.+/=:@-]{1,128}\Z", re.ASCII)  # what can stand in a log line and in a header


def request_id(environ: Environ) -> str:
    """Return the id of the request, the same at each call."""
    known: str | None = environ.get(KEPT)
    if known is None:
        known = environ[KEPT] = identity_header(environ)[1]
    return known


def identity_header(environ: Environ) -> tuple[str, str]:
    """Return the header that tells the client the id; only right as the last call for this request."""
    known: str | None = environ.get(KEPT) or environ.get(SENT)
    if known is not None and _SANE.match(known):
        return HEADER, known
    return next(identities)


def _begin() -> None:
    global identities
    process = f"{os.urandom(8).hex()}-"
    # All in C, and a thousand tails for each head, since str(number) takes longer than all the rest: a hundred
    # nanoseconds, where a function that does the same takes four times that.
    heads = map(process.__add__, map(str, count(1)))
    thousands = map(map, map(attrgetter("__add__"), heads), repeat([f"{number:03d}" for number in range(1000)]))
    first = map(process.__add__, map(str, range(1, 1000)))
    identities = zip(repeat(HEADER), chain(first, chain.from_iterable(thousands)), strict=False)


identities: Iterator[tuple[str, str]]
"""Headers of ids that were never given out: random digits of this process, and a number."""
_begin()
# A forked worker must not give out the ids of its siblings.
os.register_at_fork(after_in_child=_begin)
