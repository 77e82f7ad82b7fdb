"""The list of an API: which part of it is wanted, and what is answered with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any  # the handler that this is part of, and its objects

from brubeck_wsgi.autoapi.access import LIST
from brubeck_wsgi.autoapi.arguments import PLAIN, Arguments, Wanted, page_links, read_arguments
from brubeck_wsgi.autoapi.bodies import CONTENT_TYPE, Body
from brubeck_wsgi.autoapi.feed import answer_socket, answer_stream
from brubeck_wsgi.autoapi.negotiation import EVENT_STREAM, chosen_type
from brubeck_wsgi.autoapi.outcomes import Outcome
from brubeck_wsgi.formdata import parse_urlencoded
from brubeck_wsgi.queryset import Filter, Page
from brubeck_wsgi.response import JSON


class ListingMixin:
    """How a handler of an API answers its list."""

    def list_headers(
        self: Any, page: Page, wanted: Wanted, arguments: Mapping[str, list[str]]
    ) -> list[tuple[str, str]]:
        """Return the headers that say which part of a list it is."""
        headers = [("Cache-Control", self.cache_control), ("Vary", "Accept")]
        if page.total is not None:
            first = wanted.offset
            span = f"{first}-{first + len(page.items) - 1}" if page.items else "*"
            headers += [("X-Total-Count", str(page.total)), ("Content-Range", f"{self.label} {span}/{page.total}")]
        links = page_links(self.own_path(), arguments, page, wanted) if self.dialect == PLAIN else None
        return [*headers, ("Link", links)] if links else headers

    def asked(self: Any, arguments: Arguments, role: str | None) -> Wanted:
        """Return what the client wants of the list, by the arguments of a query."""
        keys = frozenset(self.selectable) & (self.plan.seen(role) | {self.plan.id_key})
        return read_arguments(arguments, self.dialect, keys, self.page_size, self.max_page_size)

    def wanted(self: Any, arguments: Arguments, role: str | None) -> Wanted:
        """Return the same, as the application has it: see `before_list`."""
        asked: Wanted = self.asked(arguments, role)
        return self.before_list(asked) or asked if self.has_hook["before_list"] else asked

    def filters(self: Any, conditions: list[tuple[str, str, str]]) -> list[Filter]:
        """Return conditions of clients as those of the queryset; `SelectionError` for what makes no sense."""
        names, text_filter = self.selectable, self.queries.filter_from_text
        return [text_filter(names[key], operator, text) for key, operator, text in conditions]

    def _list(self: Any, _: None) -> Any:
        arguments = parse_urlencoded(self.environ.get("QUERY_STRING", ""))
        if self.feed:
            if self.environ.get("HTTP_UPGRADE", "").lower() == "websocket":
                return answer_socket(self, arguments)
            if chosen_type(self.environ, (JSON, EVENT_STREAM)) == EVENT_STREAM:
                return answer_stream(self, arguments)
        else:
            chosen_type(self.environ)
        role = self.role_for(None)
        wanted = self.wanted(arguments, role)
        page = self._page(wanted)
        roles = self._roles(page, role)
        if self.payload != PLAIN:
            return self.answer_many([Outcome(200, *one) for one in zip(page.items, roles, strict=True)])
        of, base = self.bodies.of, self._base()
        bodies = [of(stored, one, base) for stored, one in zip(page.items, roles, strict=True)]
        return self._answer_page(bodies, self.list_headers(page, wanted, arguments))

    def _page(self: Any, wanted: Wanted) -> Page:
        names, filters = self.selectable, self.filters(wanted.filters)
        if self.rules.needs_owner(LIST):
            filters.append(Filter(self.owner_field, "eq", self.owner_id()))
        # What rules of one's own refuse is not counted either, nor does a cursor lead past it.
        accepts = partial(self.is_allowed, LIST) if self.judges_objects else None
        if not wanted.limit:
            return Page([], total=self.queries.count(filters, accepts=accepts) if wanted.with_total else None)
        sort = [f"-{names[one[1:]]}" if one.startswith("-") else names[one] for one in wanted.sort]
        page: Page = self.queries.select(
            filters,
            sort,
            cursor=wanted.cursor,
            offset=wanted.offset,
            limit=wanted.limit,
            with_total=wanted.with_total,
            accepts=accepts,
        )
        return page

    def _roles(self: Any, page: Page, role: str | None) -> list[str | None]:
        """Return who sees each object of a page; the application is told of these."""
        if not self.has_roles_by_object and not self.has_hook["after_list"]:
            return [role] * len(page.items)
        values = [stored.value for stored in page.items]
        roles = [self.role_for(value) for value in values]
        if self.has_hook["after_list"]:
            self.after_list(values)
        return roles

    def _answer_page(self: Any, bodies: list[Body], headers: list[tuple[str, str]]) -> Any:
        mark = "".join([body.etag for body in bodies]) + repr(headers) + self._base()
        etag = f'"{hashlib.sha1(mark.encode(), usedforsecurity=False).hexdigest()[:20]}"'
        text = b"[%b]" % b",".join([body.text for body in bodies])
        return self._conditional(text, etag, [CONTENT_TYPE, ("ETag", etag), *headers])
