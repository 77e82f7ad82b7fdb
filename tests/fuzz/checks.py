"""What has to hold for any bytes that a client may send."""

from __future__ import annotations

from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.head import Limits
from fuzz import strict
from fuzz.pipeline import LIMITS, Conversation, Request, converse

STATUSES = frozenset((400, 404, 413, 414, 417, 431, 501, 505))


def check(data: bytes, limits: Limits = LIMITS) -> Conversation:
    """Send *data* through parser, environ and framing; `AssertionError` if anything comes of it that must not."""
    whole = converse(data, limits=limits)
    for request in whole.requests:
        _check_request(data, request)
    if whole.begun is not None:
        _check_head(data, whole.begun)
    if whole.refusal is not None:
        assert type(whole.refusal) is RemoteProtocolError
        assert whole.refusal.status in STATUSES
        assert str(whole.refusal).isprintable()
    for step in (1, 7):
        _check_same(whole, converse(data, step, limits), data)
    return whole


def _check_request(data: bytes, request: Request) -> None:
    """Check that a request is what the standard says it is, and ends where it says."""
    head = _check_head(data, request)
    behind = data[request.start + request.size :]
    if head.length is None:
        body, _ = strict.read_chunks(behind)
    else:
        assert len(behind) >= head.length
        body = behind[: head.length]
    assert request.body == body


def _check_head(data: bytes, request: Request) -> strict.Head:
    head = strict.read_head(data[request.start :])  # what it forbids, nobody may have taken
    parsed, environ = request.head, request.environ
    assert (parsed.method, parsed.path, parsed.minor_version) == (head.method, head.target, head.minor_version)
    assert list(parsed.headers) == head.fields
    assert parsed.consumed == request.size == head.size <= len(data)
    assert (parsed.has_chunked, max(parsed.content_length, 0)) == (head.length is None, head.length or 0)
    assert not (parsed.has_chunked and parsed.content_length >= 0)
    assert "CONTENT_LENGTH" not in environ or int(environ["CONTENT_LENGTH"]) == head.length
    assert environ["PATH_INFO"][:1] in ("", "/")
    for name, value in environ.items():
        if name.startswith(("HTTP_", "CONTENT_")):
            assert value.isascii() or value.encode("latin-1")
            assert not set(value) & set("\0\r\n")
    return head


def _check_same(whole: Conversation, split: Conversation, data: bytes) -> None:
    """Check that it does not matter how bytes arrive, but for when a head that is not complete is refused."""
    assert _facts(split) == _facts(whole)
    if (whole.refusal is None) != (split.refusal is None):
        assert whole.begun is None
        assert data.find(b"\r\n\r\n", whole.taken + 2) < 0


def _facts(conversation: Conversation) -> list[object]:
    facts = [(request.start, request.size, request.environ, request.body) for request in conversation.requests]
    begun = conversation.begun
    if begun is not None:  # of a body that is refused more or less was read before
        facts.append((begun.start, begun.size, begun.environ, b"" if conversation.refusal else begun.body))
    return [*facts, conversation.taken, conversation.is_over]
