"""Tagged netstrings, the data format of Mongrel2: ``length:data`` and a byte that tells the type.

https://tnetstrings.info; floats, which Mongrel2 never sends, are left out.
"""

from __future__ import annotations

from typing import TypeAlias

from brubeck_wsgi.protocols.errors import LocalProtocolError, RemoteProtocolError

Value: TypeAlias = "bytes | int | bool | list[Value] | dict[bytes, Value] | None"

_DEEPEST = 16
_MOST_LENGTH_DIGITS = 10
_MOST_NUMBER_DIGITS = 20
_MOST_REMEMBERED = 256
_LONGEST_REMEMBERED = 512


def split(data: bytes, position: int = 0) -> tuple[int, int]:
    """Find the data of the netstring that begins at *position*.

    Returns:
        Where its data begin and end; the byte at the end is the type, and is there.

    Raises:
        RemoteProtocolError: there is no whole netstring.
    """
    colon = data.find(b":", position, position + _MOST_LENGTH_DIGITS + 1)
    digits = data[position:colon]
    if colon < 0 or not digits.isdigit():
        raise RemoteProtocolError(f"expected the length of a netstring, got {data[position : position + 20]!r}")
    begin = colon + 1
    end = begin + int(digits)
    if end >= len(data):
        raise RemoteProtocolError(f"expected {end - begin} bytes and a type, got {len(data) - begin} bytes")
    return begin, end


def parse(data: bytes) -> Value:
    """Return the one value that *data* is; text is bytes.

    Raises:
        RemoteProtocolError: it is no value, or nests deeper than anybody needs.
    """
    value, end = _parse_at(data, 0, 0)
    if end != len(data):
        raise RemoteProtocolError(f"expected one value, got {data[end : end + 20]!r} after it")
    return value


def serialize(value: Value) -> bytes:
    """Return *value* as a tnetstring; `LocalProtocolError` if it is of no type that there is."""
    if isinstance(value, bytes):
        data, kind = value, b","
    elif isinstance(value, bool):
        data, kind = (b"true" if value else b"false"), b"!"
    elif isinstance(value, int):
        data, kind = b"%d" % value, b"#"
    elif value is None:
        data, kind = b"", b"~"
    elif isinstance(value, list):
        data, kind = b"".join(map(serialize, value)), b"]"
    elif isinstance(value, dict):
        data, kind = b"".join(serialize(item) for pair in value.items() for item in pair), b"}"
    else:
        raise LocalProtocolError(f"expected bytes, a number, a truth value, a list, a dict or None, got {value!r:.80}")
    return b"%d:%b%b" % (len(data), data, kind)


class TextReader:
    """Reads dicts of texts and flat lists of texts, as request headers are; texts as latin-1.

    Who sends headers sends much the same again: after ``host`` often comes what came after it before. The pair that
    followed each key is remembered, and where it stands again, it is not taken apart again.
    """

    def __init__(self) -> None:
        self._following: dict[str, tuple[str, str, str, int]] = {}

    def read(self, data: bytes, begin: int, end: int) -> dict[str, str | list[str]]:
        """Return the dict that stands in ``data[begin:end]``.

        Raises:
            RemoteProtocolError: it is anything else, or has a key twice.
        """
        found: dict[str, str | list[str]] = {}
        text = data[begin:end].decode("latin-1")
        size = len(text)
        following = self._following
        key = ""
        position = count = 0
        # Written out: this is most of what a message costs (benchmarks/mongrel2.py).
        while position < size:
            known = following.get(key)
            if known is not None and text.startswith(known[0], position):
                key = known[1]
                found[key] = known[2]
                position += known[3]
            else:
                first, previous = position, key
                key, value, position = _parse_pair(text, position)
                found[key] = value
                if position - first <= _LONGEST_REMEMBERED and value.__class__ is str:
                    self._remember(previous, text[first:position], key, value)
            count += 1
        if count != len(found):
            raise RemoteProtocolError("expected each key once")
        return found

    def _remember(self, previous: str, pair: str, key: str, value: str) -> None:
        if len(self._following) >= _MOST_REMEMBERED and previous not in self._following:
            self._following.clear()
        self._following[previous] = pair, key, value, len(pair)


def _parse_pair(text: str, position: int) -> tuple[str, str | list[str], int]:
    """Return a key, its value, and where they end."""
    begin, stop = _bounds(text, position)
    if text[stop : stop + 1] != ",":
        raise _no_texts(text, position)
    key = text[begin:stop]
    begin, stop = _bounds(text, stop + 1)
    kind = text[stop : stop + 1]
    if kind == ",":
        return key, text[begin:stop], stop + 1
    if kind == "]":
        return key, _parse_list(text[begin:stop]), stop + 1
    raise _no_texts(text, position)


def _parse_list(text: str) -> list[str]:
    texts = []
    position = 0
    while position < len(text):
        begin, stop = _bounds(text, position)
        if text[stop : stop + 1] != ",":
            raise _no_texts(text, position)
        texts.append(text[begin:stop])
        position = stop + 1
    return texts


def _bounds(text: str, position: int) -> tuple[int, int]:
    """Return where the data of the netstring that stands at *position* begin and end."""
    colon = text.find(":", position, position + _MOST_LENGTH_DIGITS + 1)
    digits = text[position:colon]
    if colon < 0 or not digits.isascii() or not digits.isdigit():
        raise _no_texts(text, position)
    return colon + 1, colon + 1 + int(digits)


def _no_texts(text: str, position: int) -> RemoteProtocolError:
    return RemoteProtocolError(f"expected texts and lists of texts, got {text[position : position + 20]!r}")


def _parse_at(data: bytes, position: int, depth: int) -> tuple[Value, int]:
    if depth > _DEEPEST:
        raise RemoteProtocolError(f"expected at most {_DEEPEST} values inside each other")
    begin, end = split(data, position)
    kind = data[end : end + 1]
    inner = data[begin:end]
    if kind == b",":
        return inner, end + 1
    if kind == b"#":
        if len(inner) > _MOST_NUMBER_DIGITS or not inner.removeprefix(b"-").isdigit():
            raise RemoteProtocolError(f"expected a number, got {inner[:20]!r}")
        return int(inner), end + 1
    if kind == b"!" and inner in (b"true", b"false"):
        return inner == b"true", end + 1
    if kind == b"~" and not inner:
        return None, end + 1
    if kind in (b"]", b"}"):
        values = _parse_all(inner, depth)
        return (values if kind == b"]" else _paired(values)), end + 1
    raise RemoteProtocolError(f"expected a type, got {kind!r} after {inner[:20]!r}")


def _parse_all(data: bytes, depth: int) -> list[Value]:
    values = []
    position = 0
    while position < len(data):
        value, position = _parse_at(data, position, depth + 1)
        values.append(value)
    return values


def _paired(values: list[Value]) -> dict[bytes, Value]:
    found: dict[bytes, Value] = {}
    if len(values) % 2:
        raise RemoteProtocolError("expected a value after each key")
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not isinstance(key, bytes) or key in found:
            raise RemoteProtocolError(f"expected each key once and as text, got {key!r:.40}")
        found[key] = value
    return found
