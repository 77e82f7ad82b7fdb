"""How often somebody may try to log in."""

from __future__ import annotations

import hashlib
import math

from brubeck_wsgi.caching import CacheStore
from brubeck_wsgi.errors import TooManyRequests


class LoginThrottle:
    """Counts attempts by a name, an account's or an address; more than *limit* in *seconds* are refused.

    An attempt counts before the password is looked at, so that many at once are no way around it.

    Args:
        store: keeps the counts; processes and machines that share it count together.
        limit: how many attempts there are.
        seconds: how long after the first of them all are forgotten.
        prefix: stands before the keys, and keeps two throttles of one store apart.
    """

    def __init__(
        self, store: CacheStore, limit: int = 5, seconds: float = 300, prefix: str = "login attempts:"
    ) -> None:
        self._store = store
        self._limit = limit
        self._seconds = seconds
        self._prefix = prefix

    def attempt(self, name: str) -> None:
        """Count an attempt.

        Raises:
            TooManyRequests: there were too many already; it says when to come back.
        """
        if self._store.increment(self._key(name), self._seconds) > self._limit:
            wait = math.ceil(self._seconds)
            raise TooManyRequests(f"try again in {wait} seconds", headers={"Retry-After": str(wait)})

    def forget(self, name: str) -> None:
        """Begin anew for *name*, whose password was right. An address is better not forgotten."""
        self._store.delete(self._key(name))

    def _key(self, name: str) -> str:
        # A hash, as a client may send a name of any length.
        return self._prefix + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
