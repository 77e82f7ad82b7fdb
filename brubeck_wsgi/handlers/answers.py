"""What a handler may return, and the response that it becomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator
from typing import Any

import msgspec

from brubeck_wsgi.headers import Headers
from brubeck_wsgi.response import BINARY, HTML, JSON, TEXT, Response, WebObResponse, is_file, made

_EXPECTED = (
    "text, bytes, a dict or list, a model (msgspec, pydantic, attrs, dataclass), a generator or file, "
    "a Response, a webob.Response, or a tuple (body, status) or (body, status, headers)"
)
TEXT_HEADER = ("Content-Type", TEXT)
_BINARY_HEADER = ("Content-Type", BINARY)
_JSON_HEADER = ("Content-Type", JSON)


def encode_json(value: object) -> bytes:
    """Return *value* as JSON; datetimes, UUIDs, decimals and models included, NaN as null.

    Raises:
        TypeError: something in it cannot be JSON.
    """
    return _encode(value)


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


def _jsonable(value: object) -> object:
    dump = getattr(value, "model_dump", None)  # pydantic's models, which need not be imported to be known
    if dump is not None:
        return dump(mode="json")
    raise TypeError(f"expected a value that JSON can hold, got {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_jsonable).encode


def _of_bytes(body: bytes) -> Response:
    return made(body, [_BINARY_HEADER])


def _of_json(value: object) -> Response:
    return made(_encode(value), [_JSON_HEADER])


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
    if hasattr(answer, "model_dump_json"):
        return made(answer.model_dump_json().encode(), [_JSON_HEADER])
    if _is_record(answer):  # before files: a record may have a field called read
        return _of_json(answer)
    if is_file(answer):
        return Response(answer)
    if isinstance(answer, Iterator) or hasattr(answer, "read"):
        return _of_pieces(answer)
    raise TypeError(f"expected a handler to return {_EXPECTED}; got {type(answer).__name__}")


def is_webob_response(answer: object) -> bool:
    """Tell a `webob.Response`, or one of webob.exc, without importing either."""
    return hasattr(answer, "app_iter") and hasattr(answer, "headerlist")


def _is_record(answer: object) -> bool:
    return (
        isinstance(answer, msgspec.Struct)
        or (dataclasses.is_dataclass(answer) and not isinstance(answer, type))
        or hasattr(type(answer), "__attrs_attrs__")
    )


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
