"""What a list is asked for: filters, order, and which part of it; in our own words or an admin front end's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple  # Any: values out of JSON
from urllib.parse import quote, urlencode

import msgspec

from brubeck_wsgi.errors import BadRequest
from brubeck_wsgi.queryset import Operator, Page

Arguments = Mapping[str, list[str]]

OPERATORS = tuple(str(one) for one in Operator if one is not Operator.EQ)
PLAIN, SIMPLE_REST, JSON_SERVER = "plain", "simple-rest", "json-server"
DIALECTS = (PLAIN, SIMPLE_REST, JSON_SERVER)

LONGEST_TEXT = 200
"""How many characters a text to compare with may have; a list of values may have that many for each."""

MOST_SORTS = 5
"""By how many fields a list is sorted."""

LARGEST_PLACE = 999_999_999
"""The number of the last object that a client can ask for."""

_OWN = frozenset({"limit", "offset", "cursor", "sort", "count"})
_Place = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_PLACE)]
_Text = str | int | float | bool
_NUMBER = re.compile(r"[0-9]{1,9}\Z")
_JSON_SERVER_ENDINGS = {"_gte": "ge", "_lte": "le", "_ne": "ne", "_like": "contains"}
_JSON_SERVER_OWN = frozenset({"_sort", "_order", "_start", "_end", "_limit", "_page", "_embed", "_expand", "q"})


class Wanted(NamedTuple):
    """What is wanted of a list.

    Attributes:
        filters: (key, operator, text) of each condition; of ``in`` the texts, separated by commas.
        sort: keys, descending with ``-`` in front.
        cursor: where to begin.
        offset: how many to pass over.
        limit: the most to return.
        with_total: whether to count all.
    """

    filters: list[tuple[str, str, str]]
    sort: list[str]
    cursor: str | None
    offset: int
    limit: int
    with_total: bool


def read_arguments(arguments: Arguments, dialect: str, keys: frozenset[str], size: int, most: int) -> Wanted:
    """Return what the query of a list asks for.

    Args:
        arguments: of the query, values by name.
        dialect: one of `DIALECTS`.
        keys: of the fields that may be filtered and sorted by.
        size: of a page where nothing is said of it.
        most: the largest that may be asked for.

    Raises:
        BadRequest: an argument is not known, or makes no sense.
    """
    if not arguments and dialect == PLAIN:
        return Wanted([], [], None, 0, size, False)
    read = {PLAIN: _read_plain, SIMPLE_REST: _read_simple_rest, JSON_SERVER: _read_json_server}[dialect]
    wanted = read(arguments, keys, size)
    if dialect != PLAIN:  # which say where a page ends, and may find nothing there
        wanted = wanted._replace(limit=max(0, min(wanted.limit, most)))
    elif not 1 <= wanted.limit <= most:
        raise BadRequest(f"expected a page of 1 to {most}, got {wanted.limit}")
    if len(wanted.sort) > MOST_SORTS or len(set(wanted.sort)) != len(wanted.sort):
        raise BadRequest(f"expected at most {MOST_SORTS} fields to sort by, each once")
    for key in (*(one[0] for one in wanted.filters), *(one.removeprefix("-") for one in wanted.sort)):
        if key not in keys:
            raise BadRequest(f"expected one of {', '.join(sorted(keys))} to filter or sort by, got {key[:60]!r}")
    for key, operator, text in wanted.filters:
        if len(text) > LONGEST_TEXT and (operator != "in" or max(map(len, text.split(","))) > LONGEST_TEXT):
            raise BadRequest(f"expected at most {LONGEST_TEXT} characters to compare {key} with, got {len(text)}")
    order = {one.removeprefix("-"): one for one in reversed(wanted.sort)}  # of two directions the first counts
    return wanted._replace(sort=[order[key] for key in dict.fromkeys(one.removeprefix("-") for one in wanted.sort)])


def check_feed_arguments(arguments: Arguments, dialect: str) -> None:
    """Raise `BadRequest` if arguments ask a feed for a part of the list, or for an order: it has neither."""
    of_pages = {PLAIN: _OWN, SIMPLE_REST: {"sort", "range"}, JSON_SERVER: _JSON_SERVER_OWN}[dialect]
    wrong = sorted(of_pages & arguments.keys())
    if wrong:
        raise BadRequest(f"expected filters alone, since a feed has no pages and no order, got {wrong[0]}")


def _read_plain(arguments: Arguments, keys: frozenset[str], size: int) -> Wanted:
    filters = []
    for name, values in arguments.items():
        if name in _OWN:
            _single(name, values)
            continue
        key, _, operator = name.rpartition("__")
        if name in keys or operator not in OPERATORS:
            if name not in keys and key in keys:
                raise BadRequest(f"expected an operator {', '.join(OPERATORS)}, got {operator[:60]!r}")
            key, operator = name, "eq"
        filters += [(key, operator, value) for value in values]
    count = _one(arguments, "count")
    if count not in (None, "true", "false"):
        raise BadRequest(f"expected count=true or count=false, got {count[:40]!r}")
    return Wanted(
        filters,
        _names(_one(arguments, "sort")),
        _one(arguments, "cursor") or None,
        _number(arguments, "offset", 0),
        _number(arguments, "limit", size),
        count == "true",
    )


def _read_simple_rest(arguments: Arguments, keys: frozenset[str], size: int) -> Wanted:
    unknown = set(arguments) - {"sort", "range", "filter"}
    if unknown:
        raise BadRequest(f"expected sort, range or filter, got {min(unknown)[:60]!r}")
    sort = _json(arguments, "sort", tuple[str, Literal["ASC", "DESC"]], None)
    first, last = _json(arguments, "range", tuple[_Place, _Place], (0, size - 1))
    conditions = _json(arguments, "filter", dict[str, _Text | list[_Text]], {})
    filters = []
    for key, value in conditions.items():
        name = key if key in keys or key != "ids" else "id"
        if isinstance(value, list):
            filters.append((name, "in", ",".join(map(_text, value))))
        else:
            filters.append((name, "eq", _text(value)))
    order = [] if sort is None else [f"-{sort[0]}" if sort[1] == "DESC" else sort[0]]
    return Wanted(filters, order, None, first, last - first + 1, True)


def _read_json_server(arguments: Arguments, keys: frozenset[str], size: int) -> Wanted:
    start = _number(arguments, "_start", 0)
    limit = _number(arguments, "_limit", size)
    if "_page" in arguments:
        start = max(0, _number(arguments, "_page", 1) - 1) * limit
    if "_end" in arguments:
        limit = _number(arguments, "_end", 0) - start
    filters = []
    for name, values in arguments.items():
        if name in _JSON_SERVER_OWN:
            continue
        ending = next((one for one in _JSON_SERVER_ENDINGS if name.endswith(one) and name not in keys), "")
        key, operator = (name.removesuffix(ending), _JSON_SERVER_ENDINGS[ending]) if ending else (name, "eq")
        if operator == "eq" and len(values) > 1:
            filters.append((key, "in", ",".join(values)))
        else:
            filters += [(key, operator, value) for value in values]
    orders = [one.lower() for one in _names(_one(arguments, "_order"))]
    if not {"asc", "desc"}.issuperset(orders):
        raise BadRequest(f"expected asc or desc as _order, got {arguments['_order'][-1][:40]!r}")
    sort = [
        f"-{key}" if place < len(orders) and orders[place] == "desc" else key
        for place, key in enumerate(_names(_one(arguments, "_sort")))
    ]
    return Wanted(filters, sort, None, start, limit, True)


def page_links(path: str, arguments: Arguments, page: Page, wanted: Wanted) -> str | None:
    """Return the Link header that leads to the pages beside this one (RFC 8288); None if there are none."""
    links = []
    if page.previous_cursor is not None or wanted.offset or wanted.cursor:
        links.append(_link(path, arguments, None, "first"))
    if page.previous_cursor is not None and page.items:
        links.append(_link(path, arguments, page.previous_cursor, "prev"))
    if page.next_cursor is not None:
        links.append(_link(path, arguments, page.next_cursor, "next"))
    return ", ".join(links) or None


def _link(path: str, arguments: Arguments, cursor: str | None, relation: str) -> str:
    pairs = [(name, value) for name, values in arguments.items() for value in values]
    kept = [pair for pair in pairs if pair[0] not in ("cursor", "offset", "count")]
    query = urlencode([*kept, ("cursor", cursor)] if cursor else kept, quote_via=quote)
    return f'<{path}{"?" if query else ""}{query}>; rel="{relation}"'


def _one(arguments: Arguments, name: str) -> str | None:
    values = arguments.get(name)
    return values[-1] if values else None


def _single(name: str, values: list[str]) -> None:
    if len(values) > 1:
        raise BadRequest(f"expected {name} once, got it {len(values)} times")


def _names(text: str | None) -> list[str]:
    names = [] if text is None else [name.strip() for name in text.split(",")]
    if "" in names:
        raise BadRequest(f"expected names with commas between them, got {text!r:.60}")
    return names


def _number(arguments: Arguments, name: str, default: int) -> int:
    text = _one(arguments, name)
    if text is None:
        return default
    if not _NUMBER.match(text):
        raise BadRequest(f"expected a number as {name}, got {text[:40]!r}")
    return int(text)


def _json(arguments: Arguments, name: str, kind: Any, default: Any) -> Any:
    text = _one(arguments, name)
    if text is None:
        return default
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise BadRequest(f"expected JSON as {name}: {str(error)[:200]}") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
