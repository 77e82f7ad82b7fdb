"""A POST that may be sent again: its answer is kept under the client's Idempotency-Key, and sent again with it.

As the draft of the IETF's HTTPAPI group has it ("The Idempotency-Key HTTP Header Field").
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable

from brubeck_wsgi.caching import CacheStore, MemoryCacheStore
from brubeck_wsgi.errors import BadRequest, Conflict, UnprocessableContent
from brubeck_wsgi.headers import Headers
from brubeck_wsgi.response import Response

KEPT_SECONDS = 24 * 3600
PENDING_SECONDS = 120
"""For how long the key of a request that never ended is taken."""

KEY_PATTERN = r'^(?:"[!#-\[\]-~]{1,200}"|[!#-+\--\[\]-~]{1,200})$'
"""What a key is: visible characters, in quotes or without; then also without commas."""

_KEY = re.compile(KEY_PATTERN[:-1] + r"\Z")
_KEPT_HEADERS = ("content-type", "location", "etag", "link", "preference-applied")
_LARGEST = 1024 * 1024


class IdempotentAnswers:
    """The answers that are kept.

    Args:
        store: where; by default in this process, which suffices where there is one. For several, a `RedisCacheStore`.
        clock: what time it is, in seconds since 1970-01-01 UTC.
    """

    def __init__(self, store: CacheStore | None = None, clock: Callable[[], float] = time.time) -> None:
        self._store: CacheStore = MemoryCacheStore(8 * 1024 * 1024) if store is None else store
        self._clock = clock

    def answer(self, key: str, who: str, request: bytes, make: Callable[[], Response]) -> Response:
        """Return the answer that was given before, or that of *make*, which is kept.

        Args:
            key: the header.
            who: whose key it is, and for which resource.
            request: what is asked; with another one the key is refused.
            make: answers it.

        Raises:
            BadRequest: the header is none.
            Conflict: the same request is just being answered.
            UnprocessableContent: the key was used for another request.
        """
        name = hashlib.sha256(f"{who}\n{_read_key(key)}".encode()).hexdigest()
        fingerprint = hashlib.sha256(request).hexdigest()
        kept = self._kept(name, fingerprint)
        if kept is not None:
            return kept
        if self._store.increment(f"pending-{name}", PENDING_SECONDS) > 1:
            raise Conflict(
                "the request with this Idempotency-Key is being answered; try again", headers={"Retry-After": "1"}
            )
        try:
            # The answer may have been kept between the two looks: the first request ended in between.
            kept = self._kept(name, fingerprint)
            return kept if kept is not None else self._made(name, fingerprint, make)
        finally:
            self._store.delete(f"pending-{name}")

    def _made(self, name: str, fingerprint: str, make: Callable[[], Response]) -> Response:
        response = make()
        body = response.body
        if response.status_code < 500 and isinstance(body, bytes) and len(body) <= _LARGEST:
            headers = [pair for pair in response.header_list if pair[0].lower() in _KEPT_HEADERS]
            kept = {
                "fingerprint": fingerprint,
                "status": response.status_code,
                "headers": headers,
                "body": body.decode(),
            }
            self._store.save(f"answer-{name}", kept, self._clock() + KEPT_SECONDS)
        return response

    def _kept(self, name: str, fingerprint: str) -> Response | None:
        kept = self._store.load(f"answer-{name}")
        if kept is None:
            return None
        if kept["fingerprint"] != fingerprint:
            raise UnprocessableContent("the Idempotency-Key was used for another request")
        headers = Headers([(name, value) for name, value in kept["headers"]])
        headers["Idempotency-Replayed"] = "true"
        return Response(kept["body"].encode(), kept["status"], headers)


def _read_key(header: str) -> str:
    key = header.strip()
    if not _KEY.match(key):
        raise BadRequest('expected an Idempotency-Key of 1 to 200 visible characters, in quotes: "8e03978e-40d5"')
    return key.strip('"')
