"""Models in and out of handlers: the body of a request becomes an object, and an object the body of an answer.

`brubeck_wsgi.modeling` is imported when the first model is met; many applications have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast  # Any: objects of the application's classes
from urllib.parse import quote

import msgspec

from brubeck_wsgi.errors import BadRequest, UnprocessableContent, UnsupportedMediaType

if TYPE_CHECKING:
    from brubeck_wsgi.modeling import Invalid
    from brubeck_wsgi.request import Request

M = TypeVar("M")

_MARKS = ("_class_name", "model_dump", "__struct_config__", "__dataclass_fields__", "__attrs_attrs__")

MOST_ERRORS = 100
"""How many errors an answer lists."""


def load_model(message: Request, model: type[M]) -> M:
    """Return the object that the JSON body of a request stands for.

    Args:
        message: the request.
        model: a document class, a pydantic model, a msgspec Struct, a dataclass, a TypedDict, or a class of attrs.

    Raises:
        UnsupportedMediaType: the Content-Type is not JSON.
        BadRequest: it is no JSON.
        UnprocessableContent: it is no valid object; its ``errors`` list what is wrong, and where, by JSON pointers.
    """
    from brubeck_wsgi.modeling import Invalid, adapt

    text = _json_text(message)
    try:
        found: M = adapt(cast(Any, model)).load(text)
    except Invalid as error:
        raise refusal(error) from None
    return found


def load_part(message: Request, model: type) -> dict[str, Any]:
    """Return the fields of *model* that the JSON body of a PATCH has, by their names; errors as `load_model` has."""
    from brubeck_wsgi.modeling import Invalid, adapt

    text = _json_text(message)
    try:
        return adapt(model).load_partial(text)
    except Invalid as error:
        raise refusal(error) from None


def refusal(error: Invalid) -> BadRequest | UnprocessableContent:
    """Return the error with which a request ends whose data is invalid."""
    from brubeck_wsgi.modeling import Malformed, counted

    if isinstance(error, Malformed):
        return BadRequest(error.errors[0].reason)
    listed = [
        # RFC 9457 §3 has its pointers as fragments of a URI (RFC 6901 §6). What stood there, the client knows.
        {"pointer": "#" + quote(one.pointer, safe="/~!$&'()*+,;=:@"), "detail": one.reason}
        for one in error.errors[:MOST_ERRORS]
    ]
    return UnprocessableContent(f"expected a valid {error.name}, got {counted(error.errors)}", errors=listed)


def shown(value: Any, role: str = "public") -> Any:
    """Return what *role* sees of an object, for msgspec to write; other values as they are."""
    if not may_be_model(value):
        return value
    from brubeck_wsgi.modeling import is_model, show

    if is_model(value):
        return show(value, role)
    dump = getattr(value, "model_dump", None)  # what is like pydantic's models, and none of them
    return value if dump is None else dump(mode="json")


def may_be_model(value: object) -> bool:
    """Tell whether to ask `brubeck_wsgi.modeling` of *value*, which takes longer, and much longer the first time."""
    return any(hasattr(type(value), mark) for mark in _MARKS)


def dump_model(value: Any, role: str = "public") -> bytes:
    """Return what *role* sees of an object, or of a list of objects, as JSON."""
    if isinstance(value, list | tuple):
        return msgspec.json.encode([shown(one, role) for one in value])
    seen = shown(value, role)
    return msgspec.json.encode(seen)


def _json_text(message: Request) -> bytes:
    # A browser sends JSON across sites only after it asked: this is part of the protection against forged requests.
    kind = message.content_type.strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(f"expected a JSON body, got Content-Type {kind[:60]!r}")
    return message.body
