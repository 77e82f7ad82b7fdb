"""Objects as they are answered, made once for each version of an object and each role."""

from __future__ import annotations

from typing import Any, NamedTuple  # Any: objects of the application's classes

import msgspec

from brubeck_wsgi.autoapi.plan import Plan
from brubeck_wsgi.interfaces import HeaderList
from brubeck_wsgi.queryset import Stored
from brubeck_wsgi.response import JSON

_MOST = 20_000
_MOST_BYTES = 16 * 1024 * 1024
_ENTRY_BYTES = 800  # what an entry costs beside its text

CONTENT_TYPE = ("Content-Type", JSON)


class Body(NamedTuple):
    """An object as a role sees it.

    Attributes:
        text: JSON.
        etag: tells this state of it from others.
        headers: of an answer that is this object.
    """

    text: bytes
    etag: str
    headers: HeaderList


class Bodies:
    """The bodies of one API; those of the last versions are kept.

    Args:
        plan: of its model.
        path: where it is, ``/todo/``.
        url_field: the key under which each object has its own URL; None for none.
        cache_control: of an answer that is an object.
    """

    def __init__(self, plan: Plan, path: str, url_field: str | None, cache_control: str) -> None:
        self._plan = plan
        self._path = path
        self._url_field = url_field
        self._cache_header = ("Cache-Control", cache_control)
        self.known: dict[tuple[str, str, str | None, str], Body] = {}
        self._bytes = 0

    def of(self, stored: Stored, role: str | None, base: str = "", value: Any = None) -> Body:
        """Return an object as *role* sees it.

        Args:
            base: what stands before the path in its URL, where it has one in it.
            value: the object itself, where there is one already.
        """
        key = (stored.version, stored.id, role, base)
        return self.known.get(key) or self._keep(key, self._make(stored, role, base, value))

    def once(self, stored: Stored, role: str | None, base: str, value: Any) -> Body:
        """Return the same, which is not kept: of what was just written there will be as much as there are writes."""
        return self._make(stored, role, base, value)

    def etag(self, stored: Stored, role: str | None, base: str) -> str:
        """Return the entity tag of an object as *role* sees it."""
        known = self.known.get((stored.version, stored.id, role, base))
        return (known or self._make(stored, role, base, None)).etag

    def _make(self, stored: Stored, role: str | None, base: str, value: Any) -> Body:
        shows_all, shown = self._plan.shows_all, self._plan.shown
        text = stored.data if shows_all else shown(stored.value if value is None else value, role)
        etag = f'"{self._plan.tag(stored, text)}"'
        if self._url_field is not None:
            url = msgspec.json.encode(f"{base}{self._path}{stored.id}")
            text = b'%b,"%b":%b}' % (text[:-1], self._url_field.encode(), url)
        return Body(text, etag, [CONTENT_TYPE, ("ETag", etag), self._cache_header])

    def _keep(self, key: tuple[str, str, str | None, str], body: Body) -> Body:
        if len(self.known) >= _MOST or self._bytes > _MOST_BYTES:  # rare enough to begin anew
            self.known, self._bytes = {}, 0
        self.known[key] = body
        self._bytes += len(body.text) + _ENTRY_BYTES
        return body
