"""Frames of a WebSocket from a server's side (RFC 6455 §5.2): written, and the simple ones read at once."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from wsproto.frame_protocol import FrameDecoder, XorMaskerSimple

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
"""The first byte of a frame that is all of its message, and not compressed."""

COMPRESSED = 0x40
"""The bit of the first byte that says so (RFC 7692 §6)."""

MASKED = 0x80
"""The bit of the second byte that says that the payload is masked."""

MEDIUM_SIZE = 126
"""What stands in the second byte where the size of the payload does not: it is that or larger."""

_SHORT = [[bytes((first, size)) for size in range(MEDIUM_SIZE)] for first in range(256)]
_MEDIUM, _LONG = Struct("!BBH"), Struct("!BBQ")
_LONG_SIZE = 127
_from_bytes = int.from_bytes
_QUICKLY_XORED = 8192  # bytes up to which one large number is faster than four translations (3 µs against 11 for 1000)


def serialize_frame(first: int, payload: bytes) -> bytes:
    """Return a frame as a server sends it.

    Args:
        first: its first byte.
        payload: what is in it.
    """
    size = len(payload)
    if size < MEDIUM_SIZE:
        return _SHORT[first][size] + payload
    if size < 1 << 16:
        return _MEDIUM.pack(first, MEDIUM_SIZE, size) + payload
    return _LONG.pack(first, _LONG_SIZE, size) + payload


def find_simple(data: bytes, begin: int) -> tuple[int, int] | None:
    """Find where the payload of a frame is that is masked, whole, and below 64 KiB, as most are.

    Args:
        data: what a client has sent.
        begin: where its frame begins.

    Returns:
        Where the payload begins, 4 bytes behind its mask, and where it ends; None for any other frame.
    """
    end = len(data)
    if end - begin < 6:
        return None
    size = data[begin + 1] - MASKED
    start = begin + 6
    if size == MEDIUM_SIZE and end - begin >= 8:
        size = data[begin + 2] << 8 | data[begin + 3]
        start = begin + 8
        if size < MEDIUM_SIZE:
            return None  # RFC 6455 §5.2: the shortest form has to be used
    elif not 0 <= size < MEDIUM_SIZE:
        return None
    return (start, start + size) if start + size <= end else None


def unmask_slowly(payload: bytes | bytearray, mask: bytes) -> bytes:
    """Return *payload* without its *mask* of 4 bytes (RFC 6455 §5.3)."""
    size = len(payload)
    if size > _QUICKLY_XORED:
        return bytes(XorMaskerSimple(mask).process(bytearray(payload)))
    repeated = mask * ((size + 3) >> 2)
    return (_from_bytes(payload, "little") ^ _from_bytes(repeated[:size], "little")).to_bytes(size, "little")


def _fastest_unmask() -> Callable[[bytes | bytearray, bytes], bytes]:
    try:
        from websockets.speedups import apply_mask  # in C, of an optional library
    except ImportError:
        return unmask_slowly
    return apply_mask


unmask = _fastest_unmask()
"""Does what `unmask_slowly` does: in a third of the time for 100 bytes, in a fortieth for 8,000."""


class QuickDecoder(FrameDecoder):
    """Reads any frames, as wsproto does, and takes masks off with `unmask`."""

    def parse_header(self) -> bool:
        """Do as that of wsproto does, and have another take the mask off."""
        is_whole = super().parse_header()
        if is_whole and isinstance(self.masker, XorMaskerSimple) and unmask is not unmask_slowly:
            self.masker = _Masker(bytes(self.masker.process(bytearray(4))))  # nothing but the mask
        return is_whole


class _Masker(XorMaskerSimple):
    def __init__(self, mask: bytes) -> None:
        self._mask = mask

    def process(self, data: bytearray) -> bytearray:
        """Return a piece of a payload without its mask; the next piece goes on behind it."""
        mask, turn = self._mask, len(data) & 3
        self._mask = mask[turn:] + mask[:turn]
        return bytearray(unmask(data, mask))
