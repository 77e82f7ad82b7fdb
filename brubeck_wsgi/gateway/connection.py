"""One HTTP/1.1 connection, from its first byte to its last (RFC 9112 §9).

A connection has no greenlet of its own. When something arrives, a runner calls `Connection.serve`, which reads,
answers one request, and gives the runner back.
"""

from __future__ import annotations

import os
import socket
from _socket import socket as Socket  # noqa: N812  # the plain one, which no hub has replaced
from collections.abc import Sequence
from enum import Enum
from functools import partial
from typing import Any, Protocol

from brubeck_wsgi.concurrency.hub import GreenletExit
from brubeck_wsgi.gateway.body import BodyInput
from brubeck_wsgi.gateway.environ import EnvironMaker
from brubeck_wsgi.gateway.errors import BrokenBody, ClientLeft
from brubeck_wsgi.gateway.exchange import Exchange, FailureLog, error_response
from brubeck_wsgi.gateway.faces import Disconnected, SocketFace
from brubeck_wsgi.gateway.observer import Log, Observer
from brubeck_wsgi.gateway.patience import Patience
from brubeck_wsgi.gateway.tunnel import Tunnel
from brubeck_wsgi.gateway.wire import AT_ONCE, Clock, Wire
from brubeck_wsgi.interfaces import WSGIApplication
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.framing import BodyDecoder, ChunkedDecoder, LengthDecoder
from brubeck_wsgi.protocols.http1.head import HeadParser
from brubeck_wsgi.protocols.http1.response import CONTINUE, HeadWriter, early_hints, switching_protocols

_HEAD_READ = 16 * 1024
_HEAD_END = b"\r\n\r\n"
_BODY_READ = 64 * 1024
_MOST_DISCARDED = 256 * 1024  # of a body that the application did not read, to keep the connection


class Keeper(Clock, Protocol):
    """The server that a connection belongs to.

    Attributes:
        application: what answers.
        parser, writer: read and write heads.
        observer: is there when a request is answered; None if nobody needs to.
        log: where to say what happens.
        log_failure: where exceptions of the application go.
        persists: whether connections may be kept for another request.
        head_deadline, idle_deadline, linger_deadline: when a head that begins now has to be there, a connection
            that becomes idle now is closed, and one that has had its last answer.
    """

    application: WSGIApplication
    parser: HeadParser
    writer: HeadWriter
    observer: Observer | None
    log: Log
    log_failure: FailureLog
    persists: bool
    head_deadline: float
    idle_deadline: float
    linger_deadline: float

    def count_request(self) -> None: ...

    def make_ready(self, connection: Connection) -> None: ...

    def forget(self, connection: Connection) -> None: ...

    def release(self, connection: Connection) -> None: ...


class State(Enum):
    """What the next bytes of the peer are."""

    HEAD = "a request"
    DISCARDING = "the rest of a body that nobody reads"
    LINGERING = "nothing that counts: the last answer has been sent"
    CLOSED = "nothing"


# Python 3.11 takes 0.2 µs to look up a member of an enumeration, ten times as long as for a global name.
_HEAD, _DISCARDING, _LINGERING, _CLOSED = State


class Connection(Wire):
    """A client's connection.

    Args:
        server: what it belongs to.
        connected: the plain socket.
        address: of the peer, as ``accept`` returned it.
        maker: makes the environ of its requests.

    Attributes:
        is_busy: whether it waits for a runner or has one.
        is_upgraded: whether the application has taken the connection over.
        body: of the request that is being answered, or is to be discarded; None if it has none.
    """

    __slots__ = (
        *("body", "disconnected", "is_busy", "is_upgraded", "remote_addr", "remote_port", "socket_face", "state"),
        *(
            "_buffer",
            "_discarded",
            "_exchange",
            "_is_modern",
            "_maker",
            "_patience",
            "_scanned",
            "_server",
        ),
    )

    def __init__(self, server: Keeper, connected: Socket, address: Any, maker: EnvironMaker) -> None:
        super().__init__(server, connected)
        self._server = server
        if isinstance(address, tuple):
            self.remote_addr, self.remote_port = address[0], str(address[1])
        else:
            self.remote_addr = self.remote_port = ""
        self._maker = maker
        self.socket_face = SocketFace(self)
        self.disconnected = Disconnected(self, server.hub)
        self.state = _HEAD
        self.is_busy = self.is_upgraded = False
        self.body: BodyInput | None = None
        self.deadline = server.head_deadline
        self._buffer = b""
        self._scanned = 0
        self._is_modern = True
        self._patience: Patience | None = None
        self._exchange: Exchange | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost if it were closed now."""
        return not self.is_busy and (not self._buffer or self.state is not _HEAD)

    # -- what runners and the poller call

    def serve(self) -> bool:
        """Do what can be done with what has arrived, up to one request; return whether there is more to do."""
        try:
            if self.state is _HEAD:
                return self._serve_request()
            return self._discard()
        except ClientLeft:
            self.close()
        except RemoteProtocolError as error:
            self._refuse(error)
        except GreenletExit:
            self.close()
        except BaseException:  # the time-outs of the hubs are none of Exception's
            self._server.log.exception("error in a connection")
            self.close()
        return False

    def _notice_end(self, is_reset: bool) -> None:
        super()._notice_end(is_reset)
        if self.disconnected is not None:
            self.disconnected.happen()

    def expire(self) -> None:
        """Do what is due at the deadline; called in the loop."""
        if self.expire_waiting() or self.is_busy:
            return  # somebody has been told, or the application takes its time
        if self.state is _HEAD and self._buffer:
            self._refuse(RemoteProtocolError("expected a whole head in time", 408))
        else:
            self.close()

    def answer_last(self) -> None:
        """Let the answer in progress be the last, if it can still say so."""
        if self._exchange is None or not self._exchange.is_started:
            self.persists = False

    def close(self) -> None:
        """End the connection; what was sent still arrives."""
        if self.state is _CLOSED:
            return
        self.state = _CLOSED
        self._server.forget(self)
        self._socket.close()
        self.has_left = True
        self.disconnected.happen()
        if self.is_waited_for:
            self._server.hub.soon(partial(self.notice, 0))
        # These refer back to the connection: without them nothing is left to the garbage collector.
        self.socket_face = self.disconnected = None  # type: ignore[assignment]  # nobody asks a closed connection
        self.body = self._exchange = None
        self._buffer = b""

    # -- a request

    def _serve_request(self) -> bool:
        data = self._buffer
        if len(data) == self._scanned:  # nothing, or not enough
            try:
                arrived = self._socket.recv(_HEAD_READ, AT_ONCE)
            except BlockingIOError:
                self._is_pending = False
                if not self.has_left:
                    return self._rest()
                arrived = b""
            except OSError:
                arrived = b""
            if not arrived:
                self.close()
                return False
            self._is_pending = len(arrived) == _HEAD_READ
            data = data + arrived if data else arrived
        server = self._server
        maker = self._maker
        known = None
        if not self._scanned:
            known = maker.recall(data, self)
            end = len(data)
            if known is None:  # a body may be behind the head
                end = data.find(_HEAD_END) + len(_HEAD_END)
                if len(_HEAD_END) <= end < len(data):
                    known = maker.recall(data[:end], self)
        if known is not None:
            environ, is_modern, wish, size = known
            decoder: BodyDecoder | None = LengthDecoder(size) if size else None
        else:
            self._buffer = data  # for `_refuse` to look at
            head = server.parser.parse(data, self._scanned)
            if head is None:
                return self._keep_partial(data)
            environ = maker.make(head, self)
            self._scanned = 0
            is_modern = head.minor_version != 0
            wish = head.connection_close
            if wish == 0 and "close" in environ["HTTP_CONNECTION"].lower():
                wish = 1  # the parser lets the last line win, RFC 9112 §9.3 has close win
            end = head.consumed
            if head.has_chunked:
                decoder = ChunkedDecoder()
            else:
                size = max(head.content_length, 0)
                decoder = LengthDecoder(size) if size else None
                maker.remember(data[:end], environ, is_modern, wish, size)
        self._is_modern = is_modern
        self._buffer = data[end:]
        if decoder is not None:
            environ["wsgi.input"] = self._begin_body(decoder, environ, self._buffer)
        self.persists = server.persists and (wish != 1 if is_modern else wish == 0)
        exchange = self._exchange = Exchange(self, environ, server.writer, is_modern, server.log_failure)
        server.count_request()
        if server.observer is None:
            exchange.run(server.application)
        else:
            server.observer.run(exchange, server.application)
        self._exchange = None
        if self.body is not None:
            self._end_body(self.body)
        if self.state is not _HEAD:
            return self.state is _DISCARDING and self._is_pending
        if not self.persists or self.is_upgraded:
            self._end_connection()
            return False
        if self._buffer:
            return True
        return self._rest()

    def _rest(self) -> bool:
        """Wait for the poller to tell that more has arrived; return True if it has told already."""
        if self._is_pending or self.has_left:
            return True
        if not self._buffer:
            self.deadline = self._server.idle_deadline
        self.is_busy = False
        return False

    def _keep_partial(self, data: bytes) -> bool:
        if not self._scanned:
            self.deadline = self._server.head_deadline
        self._buffer = data
        self._scanned = len(data)
        return self._rest()

    # -- its body

    def _begin_body(self, decoder: BodyDecoder, environ: dict[str, Any], arrived: bytes) -> BodyInput:
        is_awaited = self._is_modern and not arrived and "HTTP_EXPECT" in environ
        body = self.body = BodyInput(decoder, self._receive, self._send_continue if is_awaited else None)
        self._buffer = b""
        self._patience = None
        if arrived:
            try:
                body.feed(arrived)
            except BrokenBody as error:
                raise RemoteProtocolError(str(error), error.status) from error
        return body

    def _send_continue(self) -> None:
        if self._exchange is not None and not self._exchange.is_started:
            self.send(CONTINUE)

    def _receive(self) -> bytes:
        """Wait for more of a body."""
        patience = self._patience = self._patience or Patience()
        while True:
            try:
                data = self._socket.recv(_BODY_READ, AT_ONCE)
            except BlockingIOError:
                self._is_pending = False
                if not self._wait_for_body(patience):
                    self.persists = False
                    raise BrokenBody("expected the body in time", 408) from None
                continue
            except OSError as error:
                self.persists = False
                self.has_left = True
                raise BrokenBody("the client has left") from error
            if not data:
                self.persists = False
            self._is_pending = len(data) == _BODY_READ
            patience.moved(len(data))
            return data

    def _wait_for_body(self, patience: Patience) -> bool:
        deadline = patience.begin(self._server.now)
        is_in_time = self._wait_to_read(deadline)
        patience.end(self._server.now)
        return is_in_time

    def settle(self) -> None:
        """Decide, before the head of the answer says so, whether the connection can persist."""
        body = self.body
        if body is None or body.is_complete:
            return
        remaining = getattr(body.decoder, "remaining", 0)
        if body.is_awaited or body.is_broken or remaining > _MOST_DISCARDED:
            self.persists = False

    def _end_body(self, body: BodyInput) -> None:
        if body.is_complete:
            self._buffer = body.decoder.rest
            self.body = None
        elif self.persists and not body.is_broken:
            self.state = _DISCARDING
            self._discarded = 0
            self.deadline = self._server.head_deadline
            self._is_pending = True
        else:
            self._linger()

    def _discard(self) -> bool:
        """Throw away what is of no use to anybody."""
        try:
            data = self._socket.recv(_BODY_READ, AT_ONCE)
        except BlockingIOError:
            self._is_pending = False
            if self.has_left:
                self.close()
            self.is_busy = False
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            return False
        self._discarded += len(data)
        self._is_pending = len(data) == _BODY_READ
        if self._discarded > _MOST_DISCARDED:
            if self.state is _LINGERING:
                self.close()
            else:
                self._linger()
            return False
        if self.state is _DISCARDING and self.body is not None:
            try:
                self.body.decoder.receive(data)
            except RemoteProtocolError:
                self._linger()
                return False
            if self.body.is_complete:
                self._buffer = self.body.decoder.rest
                self.body = None
                self.state = _HEAD
                if self._buffer:
                    return True
                return self._rest()
        if self._is_pending or self.has_left:
            return True
        self.is_busy = False
        return False

    # -- the end

    def _end_connection(self) -> None:
        """Close after the last answer; wait for the peer if closing at once could lose it that answer."""
        if self._buffer or self._is_pending:
            self._linger()
        else:
            self.close()

    def _linger(self) -> None:
        """Say that nothing more comes, and let the peer read it before the connection is closed.

        Closed with something unread, the connection would be reset, and the answer with it (RFC 9112 §9.6).
        """
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self.state = _LINGERING
        self.body = None
        self._buffer = b""
        self._discarded = 0
        self.deadline = self._server.linger_deadline
        self.is_busy = False
        if self._is_pending or self.has_left:
            self._server.make_ready(self)

    def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer what cannot be taken as a request, and interpret nothing of the rest."""
        self._server.log.warning("Invalid request from ip=%s: %s", self.remote_addr, error)
        self.persists = False
        status, headers, body = error_response(error.status, str(error))
        lines = self._server.writer.write(status, headers)[0]
        lines.append(b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
        if not self._buffer.lstrip(b"\r\n").startswith(b"HEAD "):  # RFC 9110 §9.3.2
            lines.append(body)
        try:
            self._socket.send(b"".join(lines), AT_ONCE)  # what does not fit now is not worth waiting for
        except OSError:
            self.close()
            return
        self._is_pending = True
        self._linger()

    # -- what the environ offers to the application

    def send_early_hints(self, headers: Sequence[tuple[str, str]]) -> None:
        """Send 103 Early Hints (RFC 8297); nothing to clients of HTTP/1.0, or once the answer has begun."""
        response = early_hints(headers)
        if self._is_modern and self._exchange is not None and not self._exchange.is_started:
            self.send(response)

    def upgrade(self, protocol: str, headers: Sequence[tuple[str, str]] = ()) -> Tunnel:
        """Answer 101 Switching Protocols (RFC 9110 §15.2.2), and hand the connection over.

        Args:
            protocol: for the Upgrade header, ``"websocket"``.
            headers: more (name, value) pairs for the head.

        Returns:
            The way to send and receive bytes from now on; it ends when the application returns.

        Raises:
            RuntimeError: the answer has begun, or the request has a body.
        """
        if self._exchange is None or self._exchange.is_started or self.is_upgraded or self.body is not None:
            raise RuntimeError("expected to upgrade before anything is answered, and a request without a body")
        self.send(switching_protocols(protocol, headers))
        self._exchange.status = "101 Switching Protocols"
        return self._hand_over()

    def _hand_over(self) -> Tunnel:
        self.is_upgraded = True
        self.persists = False
        early, self._buffer = self._buffer, b""
        return Tunnel(self, early)

    def abort(self) -> None:
        """End the connection, whoever waits for it."""
        self.close()

    @property
    def plain_socket(self) -> Socket:
        """The socket, to ask and not to read from or write to."""
        return self._socket

    def take_over(self) -> Any:
        """Hand the connection over as a socket of the hub's, which the application has to close.

        Raises:
            RuntimeError: the client has sent more than its request, which such a socket would never show.
        """
        if self._buffer or self.body is not None:
            raise RuntimeError("expected to take over a connection on which nothing but the request has arrived")
        self.is_upgraded = True
        self.persists = False
        self._server.release(self)
        plain = self._socket
        return self._server.hub.cooperative_socket(plain.family, plain.type, os.dup(self.descriptor))
