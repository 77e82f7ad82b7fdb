"""Compressed messages of a WebSocket, within bounds (RFC 7692, permessage-deflate): the server's side, for wsproto.

Nothing is kept from one message to the next: contexts would take up to 300 KiB a connection. What a message may become
is known before it is inflated.
"""

from __future__ import annotations

import re
import zlib
from typing import Any

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

NAME = "permessage-deflate"

_LEAST_COMPRESSED = 1024  # bytes: below that a packet is a packet
_TAIL = b"\x00\x00\xff\xff"  # what the sender of a message leaves out (RFC 7692 §7.2.1)
_LEAST_WINDOW, _MOST_WINDOW = 9, 15  # bits; zlib does not write with 8
_BITS = re.compile(r"8|9|1[0-5]")
_MOST_OFFERS = 16
_UNCOMPRESSED, _MAY_BE_COMPRESSED = RsvBits(False, False, False), RsvBits(True, False, False)


class Deflate(Extension):
    """The compression that was agreed on.

    Args:
        most_bytes: the largest message that is taken.
        window_bits: how far back what is sent may refer, as a power of 2: 9 to 15.
        is_limited: whether the client has asked for that.

    Attributes:
        answer: the value for Sec-WebSocket-Extensions.
    """

    name = NAME

    def __init__(self, most_bytes: int, window_bits: int = _MOST_WINDOW, is_limited: bool = False) -> None:
        self._most = most_bytes
        self._window_bits = window_bits
        self.answer = f"{NAME}; server_no_context_takeover; client_no_context_takeover"
        if is_limited:
            self.answer += f"; server_max_window_bits={window_bits}"
        self._inflater: Any = None  # zlib's, while a compressed message comes
        self._is_inside = False  # a message
        self._room = 0

    def offer(self) -> str:
        """Return what a client would offer; this is a server's."""
        raise NotImplementedError("expected the server's side to answer offers, and to make none")

    def enabled(self) -> bool:
        """Return True: it was agreed on."""
        return True

    def compress(self, payload: bytes) -> bytes | None:
        """Return *payload* compressed; None if that is not worth it."""
        size = len(payload)
        if size < _LEAST_COMPRESSED:
            return None
        bits = min(self._window_bits, max(_LEAST_WINDOW, size.bit_length()))
        compressor = zlib.compressobj(wbits=-bits, memLevel=min(8, bits - 6))
        compressed = (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
        return compressed if len(compressed) < size else None

    def frame_inbound_header(self, proto: Any, opcode: Opcode, rsv: RsvBits, payload_length: int) -> Any:
        """Look at the head of a frame, and say which bits may be set in it."""
        if opcode.iscontrol():
            return _UNCOMPRESSED
        if opcode is Opcode.CONTINUATION:
            return _UNCOMPRESSED
        if not self._is_inside:
            self._is_inside = True
            self._room = self._most
            self._inflater = zlib.decompressobj(-_MOST_WINDOW) if rsv.rsv1 else None
        return _MAY_BE_COMPRESSED

    def frame_inbound_payload_data(self, proto: Any, data: bytes) -> bytes | CloseReason:
        """Return what *data*, a part of the payload of a frame, stands for."""
        if self._inflater is None or proto.header.opcode.iscontrol():
            return data
        return self._inflate(data)

    def frame_inbound_complete(self, proto: Any, fin: bool) -> bytes | CloseReason | None:
        """Return what is left of a message at its end."""
        if not fin or proto.header.opcode.iscontrol():
            return None
        self._is_inside = False
        if self._inflater is None:
            return None
        rest = self._inflate(_TAIL)
        self._inflater = None
        return rest

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        if self._inflater.eof:
            return b""  # what follows the last block means nothing (RFC 7692 §7.2.3.4)
        try:
            inflated: bytes = self._inflater.decompress(data, self._room + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._room -= len(inflated)
        return inflated if self._room >= 0 else CloseReason.MESSAGE_TOO_BIG


def agree(offers: str, most_bytes: int) -> Deflate | None:
    """Return what is made of a client's offers, best first; None if nothing can be.

    Args:
        offers: the value of Sec-WebSocket-Extensions.
        most_bytes: the largest message that is taken.
    """
    for offer in offers.split(",", _MOST_OFFERS)[:_MOST_OFFERS]:
        name, *parameters = (part.strip(" \t") for part in offer.split(";"))
        if name == NAME:
            wishes = _read_wishes(parameters)
            if wishes is not None:
                bits = int(wishes.get("server_max_window_bits") or _MOST_WINDOW)
                if bits >= _LEAST_WINDOW:
                    return Deflate(most_bytes, bits, "server_max_window_bits" in wishes)
    return None


_PARAMETERS = {  # whether each has a value: always, never, or as it likes
    "server_no_context_takeover": {False},
    "client_no_context_takeover": {False},
    "server_max_window_bits": {True},
    "client_max_window_bits": {True, False},
}


def _read_wishes(parameters: list[str]) -> dict[str, str] | None:
    """Return the parameters of an offer; None if it has to be declined (RFC 7692 §7.1)."""
    wishes: dict[str, str] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        name, value = name.rstrip(" \t"), value.strip(' \t"')
        if name in wishes or bool(equals) not in _PARAMETERS.get(name, ()):
            return None
        if equals and not _BITS.fullmatch(value):
            return None
        wishes[name] = value
    return wishes
