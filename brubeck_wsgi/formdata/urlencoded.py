"""Queries and forms of names and values (WHATWG URL §5.1, application/x-www-form-urlencoded)."""

from __future__ import annotations

from typing import TypeAlias
from urllib.parse import parse_qsl

from brubeck_wsgi.errors import BadRequest

MOST_FIELDS = 1000
"""The most fields that one query or form may have: each costs memory before anyone has seen it."""

Arguments: TypeAlias = dict[str, list[str]]


def parse_urlencoded(text: str) -> Arguments:
    """Read a query string or a urlencoded form.

    Args:
        text: as WSGI gives it, each character one byte.

    Returns:
        Every name with its values, both in order; empty values are kept.

    Raises:
        BadRequest: it is not UTF-8, or has more than `MOST_FIELDS` fields.
    """
    arguments: Arguments = {}
    if len(text) < MOST_FIELDS and "%" not in text and "+" not in text and text.isascii():
        # Nothing to decode: a fifth of parse_qsl's time (benchmarks/framework.py, query argument).
        for piece in text.split("&"):
            if piece:
                name, _, value = piece.partition("=")
                if name in arguments:
                    arguments[name].append(value)
                else:
                    arguments[name] = [value]
    else:
        for name, value in _decoded_pairs(text):
            arguments.setdefault(name, []).append(value)
    return arguments


def _decoded_pairs(text: str) -> list[tuple[str, str]]:
    try:
        decoded = text if text.isascii() else text.encode("latin-1").decode()
        return parse_qsl(decoded, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeError:
        raise BadRequest("expected UTF-8 in the query or the form") from None
    except ValueError:
        raise BadRequest(f"expected at most {MOST_FIELDS} fields in the query or the form") from None
