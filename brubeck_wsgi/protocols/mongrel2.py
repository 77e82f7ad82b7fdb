"""The messages between Mongrel2 and its handlers, as Mongrel2 1.12 sends and takes them: bytes in, bytes out.

A request message is ``SENDER CONNECTION PATH HEADERS BODY``, the last two as netstrings. An answer is
``SENDER LENGTH:CONNECTION CONNECTION…, DATA``, where DATA goes to the clients untouched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from brubeck_wsgi.protocols import tnetstring
from brubeck_wsgi.protocols.errors import LocalProtocolError, RemoteProtocolError

Headers: TypeAlias = dict[str, str | list[str]]
"""Lower-case names are the client's headers; upper-case ones are what Mongrel2 itself says. Texts are latin-1."""

MOST_TARGETS = 128
"""How many connections one answer may go to: Mongrel2's ``limits.handler_targets``. One more, and none gets it."""

# Mongrel2 takes back no other identity; an answer that it cannot parse holds up all others for half a second.
_ADDRESS = re.compile(rb"[0-9A-Za-z-]{1,128} [0-9]{1,10} ")
_SENDER = re.compile(rb"[0-9A-Za-z-]{1,128}")
_CONNECTION = re.compile(rb"[0-9]{1,10}")
_LONGEST_PATH = 64 * 1024
# Mongrel2 escapes nothing but quotes and backslashes: control characters stand in its strings as they are.
_JSON = json.JSONDecoder(strict=False)


class Message(NamedTuple):
    """A message, taken apart as far as its address.

    Attributes:
        key: sender and connection with a space between: whom an answer is for.
        head: path, headers and the type byte of the headers, for `parse_head`.
        body: what came with it.
    """

    key: bytes
    head: bytes
    body: bytes


def split_address(data: bytes) -> tuple[bytes, bytes]:
    """Return the key of a message, and the rest, for `split_rest`.

    Raises:
        RemoteProtocolError: it is no message; nobody could be answered.
    """
    match = _ADDRESS.match(data)
    if match is None:
        raise RemoteProtocolError(f"expected a sender and a connection, got {data[:60]!r}")
    end = match.end()
    return data[: end - 1], data[end:]


def split_rest(rest: bytes) -> tuple[bytes, bytes]:
    """Return the head and the body of a message.

    Raises:
        RemoteProtocolError: they are not there as a whole.
    """
    space = rest.find(b" ", 0, _LONGEST_PATH)
    if space < 0:
        raise RemoteProtocolError(f"expected a path, got {rest[:60]!r}")
    _, end = tnetstring.split(rest, space + 1)
    body_begin, body_end = tnetstring.split(rest, end + 1)
    if body_end + 1 != len(rest) or rest[body_end] != 44:  # ","
        raise RemoteProtocolError("expected the message to end with a body")
    return rest[: end + 1], rest[body_begin:body_end]


def split_message(data: bytes) -> Message:
    """Take a message apart.

    Raises:
        RemoteProtocolError: it is none; nobody could be answered.
    """
    key, rest = split_address(data)
    return Message(key, *split_rest(rest))


def parse_head(head: bytes, texts: tnetstring.TextReader) -> tuple[str, Headers]:
    """Return the path and the headers of a message; JSON and tnetstrings are told apart by their type byte.

    Args:
        head: of a message.
        texts: reads tnetstrings, and has read others before.

    Raises:
        RemoteProtocolError: the headers are not texts and lists of texts.
    """
    space = head.index(b" ")
    begin, end = tnetstring.split(head, space + 1)
    path = head[:space].decode("latin-1")
    if head[end] == 125:  # "}"
        return path, texts.read(head, begin, end)
    if head[end] != 44:  # ","
        raise RemoteProtocolError(f"expected headers as JSON or tnetstring, got the type {head[end:]!r}")
    try:
        headers = _JSON.decode(head[begin:end].decode("latin-1"))
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"expected headers as JSON, got {head[begin : begin + 40]!r}") from error
    if not isinstance(headers, dict):
        raise RemoteProtocolError(f"expected a JSON object as headers, got {head[begin : begin + 40]!r}")
    for value in headers.values():
        if value.__class__ is not str and not _is_list_of_texts(value):
            raise RemoteProtocolError(f"expected texts and lists of texts as headers, got {value!r:.40}")
    return path, headers


def is_notice(head: bytes) -> bool:
    """Tell whether a message may be Mongrel2's own, about a connection, from the path that clients cannot send."""
    return head.startswith(b"@* ")


def reply_prefix(key: bytes) -> bytes:
    """Return what stands before the data of an answer to one connection; *key* is that of a `Message`."""
    sender, _, connection = key.partition(b" ")
    return b"%b %d:%b, " % (sender, len(connection), connection)


def serialize_replies(sender: bytes, connections: Sequence[bytes], data: bytes) -> list[bytes]:
    """Return answers that bring *data* to each of *connections*, as few as Mongrel2 takes; no data closes them.

    Raises:
        LocalProtocolError: the sender is no identity, or a connection no number.
    """
    if not _SENDER.fullmatch(sender):
        raise LocalProtocolError(f"expected the identity of a Mongrel2, got {sender!r:.80}")
    for connection in connections:
        if not _CONNECTION.fullmatch(connection):
            raise LocalProtocolError(f"expected the number of a connection, got {connection!r:.80}")
    replies = []
    for first in range(0, len(connections), MOST_TARGETS):
        targets = b" ".join(connections[first : first + MOST_TARGETS])
        replies.append(b"%b %d:%b, %b" % (sender, len(targets), targets, data))
    return replies


def _control_reply(key: bytes, name: bytes) -> bytes:
    sender, _, connection = key.partition(b" ")
    data = tnetstring.serialize([b"ctl", {name: True}])
    return b"%b %d:X %b, %b" % (sender, len(connection) + 2, connection, data)


def cancel_reply(key: bytes) -> bytes:
    """Return an answer that ends a connection at once, whatever is still to be sent to it."""
    return _control_reply(key, b"cancel")


def keep_alive_reply(key: bytes) -> bytes:
    """Return an answer that sends nothing, and lets Mongrel2 take the connection for one in use."""
    return _control_reply(key, b"keep-alive")


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def masked_frame(flags: int, payload: bytes) -> bytes:
    """Return a frame of a WebSocket as its client might have sent it (RFC 6455 §5.2), masked with zeros.

    Mongrel2 takes masks off and joins fragments; who reads frames wants to see them whole.

    Args:
        flags: the first byte of the frame, as Mongrel2 tells it.
        payload: what was in it.
    """
    size = len(payload)
    first = flags | 0x80
    if size < 126:
        return b"%c%c\0\0\0\0%b" % (first, 0x80 | size, payload)
    if size < 65536:
        return b"%c\xfe%b\0\0\0\0%b" % (first, size.to_bytes(2, "big"), payload)
    return b"%c\xff%b\0\0\0\0%b" % (first, size.to_bytes(8, "big"), payload)
