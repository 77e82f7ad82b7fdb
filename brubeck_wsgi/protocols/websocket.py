"""The server's side of a WebSocket (RFC 6455, and RFC 7692 for compression), on wsproto: bytes in, messages out."""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import Any, cast

from wsproto.frame_protocol import CloseReason, Frame, Opcode, ParseFailed

from brubeck_wsgi.protocols.deflate import agree
from brubeck_wsgi.protocols.errors import LocalProtocolError
from brubeck_wsgi.protocols.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    MASKED,
    MEDIUM_SIZE,
    PING,
    PONG,
    TEXT,
    QuickDecoder,
    find_simple,
    serialize_frame,
    unmask,
)

NORMAL, GOING_AWAY, NO_STATUS, ABNORMAL = 1000, 1001, 1005, 1006
INVALID, POLICY_VIOLATION, FAILED, TRY_AGAIN = 1007, 1008, 1011, 1013
"""Close codes (RFC 6455 §7.4.1)."""

_MOST_PING_BYTES = 125
_LONGEST_REASON = 123
_SIMPLE = (TEXT, BINARY)
_SHORTEST = 6  # bytes, of which 4 are the mask
_NO_TEXT = "expected text in UTF-8"
_SMALL_PIECES = 256
_MOST_AT_ONCE = 256  # frames: whoever answers them lets others run in between
# As registered with IANA: 1004, 1005, 1006 and 1015 never stand in a frame.
_RECEIVABLE = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))
_SENDABLE = _RECEIVABLE - {1010}  # which is for clients


class WebSocket:
    """A WebSocket after the handshake.

    Args:
        offers: the client's Sec-WebSocket-Extensions; what is taken of it, `extensions` says.
        most_bytes: the largest message that is taken, inflated if it came compressed.

    Attributes:
        extensions: the value for Sec-WebSocket-Extensions; None for none.
        close_code, close_reason: how it was closed; None while it is open.
        awaits_close: whether it has been closed here, and the peer has not answered that.
        pongs: how many have come.
        has_more: whether there is something to `proceed` with.
        outgoing: frames for the peer, until `take_outgoing` takes them.
    """

    __slots__ = (
        *("awaits_close", "close_code", "close_reason", "extensions", "has_more", "outgoing", "pongs"),
        *("_decoder", "_deflate", "_failure", "_gathered", "_left", "_most", "_most_short"),
    )

    def __init__(self, offers: str = "", most_bytes: int = 16 * 1024 * 1024) -> None:
        self._deflate = agree(offers, most_bytes) if offers else None
        self.extensions = None if self._deflate is None else self._deflate.answer
        self._most = most_bytes
        self._most_short = min(most_bytes, MEDIUM_SIZE - 1)
        self._decoder: QuickDecoder | None = None  # while a frame comes that is not simple
        self._gathered: Gathered | None = None  # what there is of a message that comes in several frames
        self._left = b""  # of what was received, simple frames that have not been looked at
        self.outgoing: list[bytes] = []
        self.close_code: int | None = None
        self.close_reason = ""
        self.awaits_close = False
        self.has_more = False
        self._failure: ParseFailed | None = None  # behind messages that can still be answered
        self.pongs = 0

    def take_outgoing(self) -> bytes:
        """Return what is to be sent to the peer.

        It may be called in one thread while `receive` is in another.
        """
        outgoing = self.outgoing
        if not outgoing:
            return b""
        count = len(outgoing)
        if count == 1:
            return outgoing.pop(0)
        data = b"".join(outgoing[:count])
        del outgoing[:count]  # and not what another thread has added meanwhile
        return data

    def receive_single(self, data: bytes) -> str | bytes | None:
        """Return the message if *data* is one simple frame and nothing else; None if `receive` has to have it.

        Nearly all data are that, and this is faster.
        """
        size = len(data) - _SHORTEST
        if size < 0 or self._gathered is not None or self._decoder is not None or self.close_code is not None:
            return None
        if data[1] == size + MASKED and size <= self._most_short:
            payload = unmask(data[_SHORTEST:], data[2:_SHORTEST])
        else:
            found = find_simple(data, 0)
            if found is None or found[1] != len(data) or size > self._most:
                return None
            start = found[0]
            payload = unmask(data[start:], data[start - 4 : start])
        first = data[0]
        if first != TEXT:
            return payload if first == BINARY else None
        try:
            return payload.decode()
        except UnicodeDecodeError:
            return None

    def receive(self, data: bytes) -> list[str | bytes]:
        """Return messages that are complete with *data*; no data is the end of the connection.

        What has to be answered, pings and the peer's close, is in `take_outgoing`. What breaks a rule closes.

        They are not all where they are many, or inflate to much, or the peer has broken a rule behind them: then
        `has_more` is true, and *data* is only to come once it is not.
        """
        if not data:
            self._end(ABNORMAL if self.close_code is None else self.close_code, self.close_reason)
        elif self.close_code is None or self.awaits_close:  # what comes after a close means nothing
            return self._take(data)
        return []

    def proceed(self) -> list[str | bytes]:
        """Return more messages of what has been received, once those before have been dealt with; if `has_more`."""
        self.has_more = False
        if self._failure is not None:
            self._fail(self._failure)
        elif self.close_code is None or self.awaits_close:
            left, self._left = self._left, b""
            return self._take(left)
        return []

    def send(self, message: str | bytes) -> bytes:
        """Send a message, text or binary; `LocalProtocolError` if it is closed.

        Returns:
            What is to be sent to the peer by now, as `take_outgoing` has it.
        """
        if self.close_code is not None:
            self._check_open()
        if isinstance(message, str):
            first, payload = TEXT, message.encode()
        elif isinstance(message, bytes):
            first, payload = BINARY, message
        else:
            raise TypeError(f"expected text or bytes to send, got {type(message).__name__}")
        if self._deflate is not None:
            compressed = self._deflate.compress(payload)
            if compressed is not None:
                first, payload = first | COMPRESSED, compressed
        frame = serialize_frame(first, payload)
        if not self.outgoing:
            return frame
        self.outgoing.append(frame)
        return self.take_outgoing()

    def ping(self, payload: bytes = b"") -> None:
        """Send a ping, with up to 125 bytes in it."""
        self._check_open()
        if len(payload) > _MOST_PING_BYTES:
            raise LocalProtocolError(f"expected at most {_MOST_PING_BYTES} bytes in a ping, got {len(payload)}")
        self.outgoing.append(serialize_frame(PING, payload))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Begin to close, if it is open.

        Raises:
            LocalProtocolError: nobody may send this code.
        """
        if code not in _SENDABLE and not 3000 <= code <= 4999:
            raise LocalProtocolError(f"expected a close code that may be sent, 1000 or 3000 to 4999, got {code!r}")
        if self.close_code is None:
            self.outgoing.append(serialize_frame(CLOSE, _close_payload(code, reason)))
            self.close_code, self.close_reason = code, reason
            self.awaits_close = True

    def _check_open(self) -> None:
        if self.close_code is not None:
            raise LocalProtocolError(f"expected an open WebSocket, it was closed with {self.close_code}")

    def _take(self, data: bytes) -> list[str | bytes]:
        messages: list[str | bytes] = []
        try:
            self._receive(data, messages)
        except ParseFailed as error:
            if messages:
                self._failure = error
                self.has_more = True
            else:
                self._fail(error)
        return messages

    def _receive(self, data: bytes, messages: list[str | bytes]) -> None:
        decoder = self._decoder
        if self._gathered is None and decoder is None:
            data = self._take_simple(data, messages)
            if not data:
                return
            if len(messages) >= _MOST_AT_ONCE:
                self._left = data
                self.has_more = True
                return
        if decoder is None:
            decoder = self._decoder = QuickDecoder(False, [] if self._deflate is None else [self._deflate])
        decoder.receive_bytes(data)
        room = self._most
        for _ in range(_MOST_AT_ONCE):  # frames, whether they make messages or not
            if room <= 0 or (self.close_code is not None and not self.awaits_close):
                break
            frame = decoder.process_buffer()
            if frame is None:
                if decoder.header is None and not len(decoder.buffer):
                    self._decoder = None
                return
            # Of a frame that has come in part, what follows is a continuation as well.
            if frame.opcode.iscontrol():
                self._take_control(frame.opcode, cast(bytes, frame.payload))
            else:
                self._take_piece(frame, messages)
                room -= len(frame.payload)
        self.has_more = self.close_code is None or self.awaits_close

    def _take_simple(self, data: bytes, messages: list[str | bytes]) -> bytes:
        """Take the messages of one simple frame each that *data* begins with; return the rest.

        They are nearly all there are, and this is 5 times as fast as wsproto (benchmarks/websocket_echo.py).
        """
        position, end = 0, len(data)
        while position < end and len(messages) < _MOST_AT_ONCE:
            first = data[position]
            found = find_simple(data, position) if first in _SIMPLE else None
            if found is None or found[1] - found[0] > self._most:
                break
            start, position = found
            payload = unmask(data[start:position], data[start - 4 : start])
            message = _text(payload) if first == TEXT else payload
            if self.close_code is None:
                messages.append(message)
        return data[position:]

    def _take_piece(self, frame: Frame, messages: list[str | bytes]) -> None:
        """Take a frame of a message, or a part of one."""
        gathered = self._gathered
        if gathered is None:
            if frame.opcode is Opcode.CONTINUATION:
                raise ParseFailed("expected a continuation to continue something")
            gathered = self._gathered = Gathered(frame.opcode is Opcode.TEXT, self._most)
        elif frame.opcode is not Opcode.CONTINUATION:
            raise ParseFailed("expected a continuation")
        is_last = frame.frame_finished and frame.message_finished
        gathered.add(cast(bytes, frame.payload), is_last)
        if is_last:
            self._gathered = None
            if self.close_code is None:
                messages.append(gathered.message())

    def _take_control(self, opcode: Opcode, payload: bytes) -> None:
        if opcode is Opcode.PONG:
            self.pongs += 1
        elif opcode is Opcode.PING:
            if not self.awaits_close:
                self.outgoing.append(serialize_frame(PONG, payload))
        elif self.awaits_close:  # the answer to ours
            _read_close(payload)
            self._end(self.close_code or NO_STATUS, self.close_reason)
        else:
            code, reason = _read_close(payload)
            self.outgoing.append(serialize_frame(CLOSE, payload))
            self._end(code, reason)

    def _fail(self, failure: ParseFailed) -> None:
        """Close because the peer has broken a rule."""
        if self.close_code is None:
            self.close_code, self.close_reason = int(failure.code), str(failure)
            self.outgoing.append(serialize_frame(CLOSE, _close_payload(self.close_code, self.close_reason)))
        self._end(self.close_code, self.close_reason)

    def _end(self, code: int, reason: str) -> None:
        self.close_code, self.close_reason = int(code), reason
        self.awaits_close = False
        self._gathered = self._decoder = self._failure = None
        self.has_more = False


class Gathered:
    """What there is of a message that comes in several pieces.

    Args:
        is_text: whether it is text.
        most_bytes: how large it may become.
    """

    __slots__ = ("_decode", "_most", "_pieces", "_size", "_small")

    def __init__(self, is_text: bool, most_bytes: int) -> None:
        self._decode = getincrementaldecoder("utf-8")().decode if is_text else None
        self._most = most_bytes
        self._size = 0
        self._pieces: list[Any] = []  # all text, or all bytes
        self._small: list[Any] = []

    def add(self, piece: bytes, is_last: bool) -> None:
        """Add a piece.

        Raises:
            ParseFailed: it is too large by now, or no text.
        """
        self._size += len(piece)
        if self._size > self._most:
            raise ParseFailed(f"expected messages of at most {self._most} bytes", CloseReason.MESSAGE_TOO_BIG)
        if self._decode is None:
            decoded: str | bytes = piece
        else:
            try:
                decoded = self._decode(piece, is_last)
            except UnicodeDecodeError as error:
                raise ParseFailed(_NO_TEXT, CloseReason.INVALID_FRAME_PAYLOAD_DATA) from error
        if decoded:  # who sends a message byte by byte must not cost us 50 bytes for each
            self._small.append(decoded)
            if len(self._small) >= _SMALL_PIECES:
                self._join_small()

    def message(self) -> str | bytes:
        """Return the message."""
        self._join_small()
        joined: str | bytes = ("" if self._decode is not None else b"").join(self._pieces)
        return joined

    def _join_small(self) -> None:
        self._pieces.append(("" if self._decode is not None else b"").join(self._small))
        self._small.clear()


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise ParseFailed(_NO_TEXT, CloseReason.INVALID_FRAME_PAYLOAD_DATA) from error


def _close_payload(code: int, reason: str) -> bytes:
    if code == NO_STATUS:
        return b""
    text = reason.encode(errors="replace")[:_LONGEST_REASON]
    return code.to_bytes(2, "big") + text.decode("utf-8", "ignore").encode()


def _read_close(payload: bytes) -> tuple[int, str]:
    """Return the code and the reason of a close frame (RFC 6455 §5.5.1 and §7.4); `ParseFailed` if there is none."""
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or (code not in _RECEIVABLE and not 3000 <= code <= 4999):
        raise ParseFailed(f"expected a close code that may be sent, got {payload[:2].hex()}")
    return code, _text(payload[2:])
