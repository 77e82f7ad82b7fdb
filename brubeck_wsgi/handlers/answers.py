"""What a handler may return, and the response that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID

import msgspec

from brubeck_wsgi.handlers.loading import may_be_model, shown
from brubeck_wsgi.headers import Headers
from brubeck_wsgi.response import BINARY, HTML, JSON, TEXT, Response, WebObResponse, made
from brubeck_wsgi.streams import is_file

_EXPECTED = (
    "text, bytes, a dict or list, a model (document, msgspec, pydantic, attrs, dataclass), a generator or file, "
    "a Response, a webob.Response, or a tuple (body, status) or (body, status, headers)"
)
TEXT_HEADER = ("Content-Type", TEXT)
_BINARY_HEADER = ("Content-Type", BINARY)
_JSON_HEADER = ("Content-Type", JSON)


def encode_json(value: object) -> bytes:
    """Return *value* as JSON; datetimes, UUIDs, decimals and models included, NaN as null.

    Of a model the public form is written, be it *value*, an item of it or a value in it; what is deeper in plain data
    is written as msgspec does it, documents and pydantic's models aside: those are always asked what is public.

    Raises:
        TypeError: something in it cannot be JSON.
    """
    return _encode(_public(value))


def make_response(answer: Any) -> Response:
    """Return the response that *answer* stands for.

    Args:
        answer: what a handler returned, not None.

    Raises:
        TypeError: it is nothing that a handler may return; the message says what may be.
    """
    maker = _MAKERS.get(type(answer))
    return maker(answer) if maker is not None else _of_other_type(answer)


def text_response(text: str) -> Response:
    """Return the answer that is plain text."""
    return made(text.encode(), [TEXT_HEADER])


def _public(value: Any) -> Any:
    """Return *value* with the models in it, not those further in, as the public sees them."""
    kind = value.__class__
    if kind is dict:
        if not _PLAIN.issuperset(map(type, value.values())):
            return {key: _public_item(item) for key, item in value.items()}
    elif kind is list:
        if not _PLAIN.issuperset(map(type, value)):
            return [_public_item(item) for item in value]
    elif kind not in _PLAIN:
        return _public_item(value)
    return value


def _public_item(item: Any) -> Any:
    return item if item.__class__ in _PLAIN else shown(item)


def _jsonable(value: object) -> object:
    seen = shown(value)
    if seen is value:
        raise TypeError(f"expected a value that JSON can hold, got {type(value).__name__}")
    return seen


_encode = msgspec.json.Encoder(enc_hook=_jsonable).encode


def _of_bytes(body: bytes) -> Response:
    return made(body, [_BINARY_HEADER])


def _of_json(value: object) -> Response:
    return made(_encode(_public(value)), [_JSON_HEADER])


def _of_pieces(pieces: Any) -> Response:
    return made(pieces, [TEXT_HEADER])


def _of_tuple(answer: tuple[Any, ...]) -> Response:
    if not 2 <= len(answer) <= 3 or not isinstance(answer[1], int) or isinstance(answer[1], bool):
        raise TypeError(f"expected a tuple (body, status) or (body, status, headers), got {answer!r:.100}")
    response = make_response("" if answer[0] is None else answer[0])
    if response is answer[0]:
        response = response.copy()  # it may be a constant of the application
    response.status_msg = None
    response.status_code = answer[1]
    if len(answer) == 3:
        headers = Headers(answer[2])
        for name in headers:
            response.headers.pop(name, None)
        response.header_list += headers.pairs
    return response


def _of_other_type(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Generator):
        return _of_pieces(answer)
    if hasattr(answer, "__html__"):  # text that says of itself that it is safe HTML (markupsafe)
        return Response(str(answer.__html__()), content_type=HTML)
    for base, maker in _BY_BASE:
        if isinstance(answer, base):
            return maker(answer)
    if is_webob_response(answer):
        return WebObResponse(answer)
    if may_be_model(answer):  # before files: a model may have a field called read
        seen = shown(answer)
        is_like_pydantic = seen.__class__ is dict and hasattr(answer, "model_dump_json")
        return made(answer.model_dump_json().encode() if is_like_pydantic else _encode(seen), [_JSON_HEADER])
    if is_file(answer):
        return Response(answer)
    if isinstance(answer, Iterator) or hasattr(answer, "read"):
        return _of_pieces(answer)
    raise TypeError(f"expected a handler to return {_EXPECTED}; got {type(answer).__name__}")


def is_webob_response(answer: object) -> bool:
    """Tell a `webob.Response`, or one of webob.exc, without importing either."""
    return hasattr(answer, "app_iter") and hasattr(answer, "headerlist")


_PLAIN = frozenset({str, int, float, bool, NoneType, dict, list, datetime, UUID})
_MAKERS: dict[type, Callable[[Any], Response]] = {
    str: text_response,
    bytes: _of_bytes,
    dict: _of_json,
    list: _of_json,
    tuple: _of_tuple,
    Response: lambda response: response,
}
_BY_BASE: list[tuple[type, Callable[[Any], Response]]] = [
    (str, text_response),
    (bytes, lambda body: _of_bytes(bytes(body))),
    (bytearray, lambda body: _of_bytes(bytes(body))),
    (memoryview, lambda body: _of_bytes(bytes(body))),
    (dict, _of_json),
    (list, _of_json),
    (tuple, _of_tuple),
]
