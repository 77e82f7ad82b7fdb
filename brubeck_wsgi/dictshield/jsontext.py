"""JSON text as plain data, with nothing lost that a field may want."""

from __future__ import annotations

from typing import Any  # what JSON holds

import msgspec

from brubeck_wsgi.dictshield.errors import MalformedDocument, ShieldException


class NumberText(float):
    """A number of a JSON text, which knows how it was written: ``0.10`` and ``1e400`` are no floats.

    Attributes:
        text: what stood there.
    """

    text: str

    def __new__(cls, text: str) -> NumberText:
        number = super().__new__(cls, text)
        number.text = text
        return number


def decode_json(text: bytes | str) -> Any:
    """Return JSON text as plain data, its numbers with fractions as `NumberText`; `MalformedDocument` if it is none."""
    try:
        return _decode(text)
    except RecursionError:
        raise malformed("Nested too deeply") from None
    except ValueError as error:
        raise malformed(str(error)) from None


def malformed(reason: str) -> MalformedDocument:
    """Return the error for text that is no JSON."""
    return MalformedDocument("JSON", [ShieldException("Malformed JSON", detail=f"Malformed JSON: {reason[:200]}")])


_decode = msgspec.json.Decoder(float_hook=NumberText).decode
