"""``wsgi.input``: the body of one request, and never a byte of the next (PEP 3333, "Input and Error Streams")."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Final

from brubeck_wsgi.gateway.errors import BrokenBody
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.framing import BodyDecoder


class EmptyInput:
    """The body of a request that has none; one serves all of them."""

    def read(self, size: int | None = -1, /) -> bytes:
        return b""

    def readline(self, size: int | None = -1, /) -> bytes:
        return b""

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        return []

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


EMPTY_INPUT: Final = EmptyInput()


class BodyInput:
    """A body that is read while it arrives.

    Args:
        decoder: knows where it ends.
        receive: waits for the next bytes of the connection; ``b""`` if the client has closed its side.
        before: called once, before anything is waited for: the place to say that the client may go on.

    Every way of reading may raise `BrokenBody`.

    Attributes:
        is_broken: whether it has, and what follows on the connection means nothing.
    """

    def __init__(
        self, decoder: BodyDecoder, receive: Callable[[], bytes], before: Callable[[], None] | None = None
    ) -> None:
        self._decoder = decoder
        self._receive = receive
        self._before = before
        self._buffer = io.BytesIO()
        self.is_broken = False

    def feed(self, data: bytes) -> None:
        """Take bytes that have arrived already; called once, before anything is read."""
        self._buffer = io.BytesIO(self._decode(data))

    def read(self, size: int | None = -1, /) -> bytes:
        """Return *size* bytes, fewer only at the end of the body; all of the rest if it is None or negative."""
        if size is None or size < 0:
            return b"".join((self._buffer.read(), *iter(self._next, b"")))
        pieces = [self._buffer.read(size)]
        missing = size - len(pieces[0])
        while missing > 0:
            piece = self._next()
            if not piece:
                break
            if len(piece) > missing:
                self._buffer = io.BytesIO(piece)
                piece = self._buffer.read(missing)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces) if len(pieces) > 1 else pieces[0]

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return bytes up to and with the next line feed, at most *size* of them if that is not negative."""
        missing = -1 if size is None or size < 0 else size
        piece = self._buffer.readline(missing)
        pieces = [piece]
        while not piece.endswith(b"\n"):
            if missing >= 0:
                missing -= len(piece)
                if not missing:
                    break
            arrived = self._next()
            if not arrived:
                break
            self._buffer = io.BytesIO(arrived)
            piece = self._buffer.readline(missing)
            pieces.append(piece)
        return b"".join(pieces) if len(pieces) > 1 else piece

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        """Return lines; no more once they have *hint* bytes, if that is positive."""
        lines = []
        total = 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @property
    def is_complete(self) -> bool:
        """Whether all of the body has arrived, read by the application or not."""
        return self._decoder.is_complete

    @property
    def is_awaited(self) -> bool:
        """Whether the client still waits to be told that it may send the body."""
        return self._before is not None

    @property
    def decoder(self) -> BodyDecoder:
        """What finds the end of the body."""
        return self._decoder

    def _next(self) -> bytes:
        """Wait for more of the body; return ``b""`` at its end."""
        if self._before is not None:
            before, self._before = self._before, None
            if not self._decoder.is_complete:
                before()
        while not self._decoder.is_complete:
            piece = self._decode(self._receive_some())
            if piece:
                return piece
        return b""

    def _receive_some(self) -> bytes:
        try:
            data = self._receive()
        except BrokenBody:
            self.is_broken = True
            raise
        if not data:
            self.is_broken = True
            raise BrokenBody("expected the rest of the body, the client has left")
        return data

    def _decode(self, data: bytes) -> bytes:
        try:
            return self._decoder.receive(data)
        except RemoteProtocolError as error:
            self.is_broken = True
            raise BrokenBody(str(error), error.status) from error
