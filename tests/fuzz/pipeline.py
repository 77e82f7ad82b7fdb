"""The way of bytes through parser, environ and framing, as a connection takes them, without the connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brubeck_wsgi.gateway.environ import EnvironMaker, HeaderPolicy
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.framing import ChunkedDecoder, LengthDecoder
from brubeck_wsgi.protocols.http1.head import HeadParser, Limits, RequestHead

# As tests/test_worker_corpus.py starts its servers, which trust the loopback addresses, and as Gunicorn has the rest.
LIMITS = Limits(request_line=200, fields=20, field_size=300)
POLICY = HeaderPolicy(
    forwarder_headers=("SCRIPT_NAME", "PATH_INFO"),
    secure_scheme_headers={"X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"},
    is_trusted=lambda address: address == "127.0.0.1",
)
CONSTANTS = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000"}


class Peer:
    """A client, as an environ tells of it."""

    remote_addr = "127.0.0.1"
    remote_port = "50000"
    socket_face = send_early_hints = upgrade = disconnected = None


@dataclass
class Request:
    """A request that was taken.

    Attributes:
        start: where it begins in the bytes.
        size: of the head in bytes.
    """

    start: int
    size: int
    head: RequestHead
    environ: dict[str, Any]
    body: bytes


@dataclass
class Conversation:
    """What came of some bytes.

    Attributes:
        requests: those that are complete.
        taken: how many bytes they had.
        refusal: what ended it; None if it goes on.
        begun: a request whose body is not all there; None if there is none.
        is_over: whether the last request asked for the end of the connection.
    """

    requests: list[Request] = field(default_factory=list)
    taken: int = 0
    refusal: RemoteProtocolError | None = None
    begun: Request | None = None
    is_over: bool = False


def converse(data: bytes, step: int | None = None, limits: Limits = LIMITS) -> Conversation:
    """Take requests out of *data*, which arrives *step* bytes at a time, all at once without."""
    conversation = Conversation()
    parser, maker = HeadParser(limits), EnvironMaker(CONSTANTS, POLICY)
    decoder: ChunkedDecoder | LengthDecoder | None = None
    buffer, scanned = b"", 0
    step = step or max(len(data), 1)
    try:
        for end in range(step, len(data) + step, step):
            buffer += data[end - step : end]
            while buffer and not conversation.is_over:
                if decoder is None:
                    head = parser.parse(buffer, scanned)
                    if head is None:
                        scanned = len(buffer)
                        break
                    environ = maker.make(head, Peer())
                    conversation.begun = Request(conversation.taken, head.consumed, head, environ, b"")
                    buffer, scanned = buffer[head.consumed :], 0
                    decoder = ChunkedDecoder() if head.has_chunked else LengthDecoder(max(head.content_length, 0))
                request = conversation.begun
                assert request is not None
                request.body += decoder.receive(buffer)
                buffer = b""
                if decoder.is_complete:
                    buffer, decoder = decoder.rest, None
                    conversation.requests.append(request)
                    conversation.begun = None
                    conversation.taken = min(end, len(data)) - len(buffer)
                    wish = request.head.connection_close
                    conversation.is_over = wish == 1 if request.head.minor_version else wish != 0
    except RemoteProtocolError as error:
        conversation.refusal = error
    return conversation
