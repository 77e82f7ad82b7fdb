"""What the client wants the answer to be: its media type, and how much of it (RFC 9110 §12.5.1, RFC 7240)."""

from __future__ import annotations

import re
from functools import lru_cache

from brubeck_wsgi.errors import HTTPError, UnsupportedMediaType
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import JSON

EVENT_STREAM = "text/event-stream"
MERGE_PATCH = "application/merge-patch+json"

_MOST_BYTES = 2000  # of an Accept header: what is longer is not read, and takes anything
_RETURN = re.compile(r'(?:\A|[,;\s])return\s*=\s*"?(minimal|representation)"?(?=\Z|[,;\s])', re.IGNORECASE)


class NotAcceptable(HTTPError):
    """406: what the client takes is nothing that there is."""

    def __init__(self, offers: tuple[str, ...]) -> None:
        super().__init__(406, f"expected an Accept header that takes one of {', '.join(offers)}")


def chosen_type(environ: Environ, offers: tuple[str, ...] = (JSON,)) -> str:
    """Return the media type to answer with, the first of the best.

    Raises:
        NotAcceptable: the client takes none of *offers*.
    """
    accept = environ.get("HTTP_ACCEPT")
    if not accept or accept == "*/*" or accept == offers[0]:
        return offers[0]
    chosen = _chosen(accept, offers)
    if chosen is None:
        raise NotAcceptable(offers)
    return chosen


@lru_cache(maxsize=256)  # clients say the same all the time
def _chosen(accept: str, offers: tuple[str, ...]) -> str | None:
    from webob.acceptparse import create_accept_header

    if len(accept) > _MOST_BYTES:
        return offers[0]
    acceptable = create_accept_header(accept).acceptable_offers(list(offers))
    return max(acceptable, key=lambda offer: offer[1])[0] if acceptable else None


def preferred_return(environ: Environ) -> str | None:
    """Return how the client would have it answered: ``minimal`` or ``representation`` (RFC 7240 §4.2), or None."""
    prefer = environ.get("HTTP_PREFER")
    if prefer is None:
        return None
    found = _RETURN.search(prefer)
    return found[1].lower() if found else None


def check_content_type(environ: Environ, kinds: tuple[str, ...] = (JSON,)) -> None:
    """Raise `UnsupportedMediaType` unless the body is of one of *kinds*, JSON in any of its names aside.

    A browser sends JSON across sites only after it asked: this is part of the protection against forged requests.
    """
    given = environ.get("CONTENT_TYPE", "")
    if given == JSON:
        return
    kind = given.partition(";")[0].strip().lower()
    if kind not in kinds and kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        named = ", ".join(kinds)
        headers = {"Accept-Patch" if MERGE_PATCH in kinds else "Accept-Post": named, "Accept": named}
        raise UnsupportedMediaType(f"expected a body of {named}, got Content-Type {kind[:60]!r}", headers=headers)
    # RFC 8259 §8.1: JSON is UTF-8. What says that it is something else would be read wrong.
    charset = re.search(r'charset\s*=\s*"?([^\s";]+)', given, re.IGNORECASE)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(f"expected JSON in UTF-8, got charset {charset[1][:40]!r}", headers={"Accept": JSON})
