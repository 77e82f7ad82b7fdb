"""What a message of Mongrel2 is, and the WSGI environ of those that are requests (PEP 3333)."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from brubeck_wsgi.gateway.body import EMPTY_INPUT
from brubeck_wsgi.gateway.files import FileWrapper
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.mongrel2 import uploads
from brubeck_wsgi.mongrel2.settings import Settings
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.mongrel2 import Headers, is_notice, parse_head
from brubeck_wsgi.protocols.tnetstring import TextReader

_MOST_REMEMBERED = 512
_LONGEST_REMEMBERED = 4096
_LONGEST_NAME_REMEMBERED = 64
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"[!#$%&'*+\-.^`|~0-9a-z]+")  # a token in lower case (RFC 9110 §5.6.2), without underscores
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_HOST = re.compile(r"(?:[0-9A-Za-z\-._~!$&'()*+,;=%]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_FLAGS = re.compile(r"0x[0-9A-Fa-f]{1,2}")
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MOST_LENGTH_DIGITS = 10
# Never the client's to say, and never the application's to see.
_DROPPED = "x-mongrel2-upload-"
_SINGLE = frozenset(("host", "content-length", "content-type"))
_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Kind(Enum):
    """What a message is, told from what no client can write."""

    REQUEST = "a request"
    HANDSHAKE = "a request for a WebSocket"
    FRAME = "a frame of a WebSocket"
    DISCONNECT = "the end of a connection"
    NOTHING = "nothing that has to be done"


class Request(NamedTuple):
    """What a message says, but for its body.

    Attributes:
        kind: what it is.
        environ: that of a request, to be copied; empty for others.
        is_modern: whether it is of HTTP/1.1.
        persists: whether the connection may be used for another.
        length: what Content-Length says, 0 without; None for a chunked body.
        stored: where Mongrel2 has put the body; None if it has not.
        flags: the first byte of a frame.
    """

    kind: Kind
    environ: Environ = {}  # noqa: RUF012  # copied before it is used
    is_modern: bool = True
    persists: bool = True
    length: int | None = 0
    stored: str | None = None
    flags: int = 0


_DISCONNECT = Request(Kind.DISCONNECT)
_NOTHING = Request(Kind.NOTHING)


class RequestReader:
    """Reads messages; what it has read before, it remembers within bounds.

    Args:
        settings: of the handler.
        constants: what all environs have in common.
    """

    def __init__(self, settings: Settings, constants: Environ) -> None:
        self._settings = settings
        self._template = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "SERVER_NAME": settings.server_name,
            "SERVER_PORT": settings.server_port or "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "",
            "REMOTE_PORT": "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": EMPTY_INPUT,
            "wsgi.input_terminated": True,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            **constants,
        }
        self._texts = TextReader()
        self._keys: dict[str, str] = {}
        self._known: dict[bytes, Request] = {}
        self._bodiless: dict[bytes, Request] = {}
        self._seen: set[bytes] = set()

    def recall(self, rest: bytes) -> Request | None:
        """Return what a message without a body says, if the same has been read before; else None.

        Args:
            rest: the message without its address.
        """
        return self._bodiless.get(rest)

    def read(self, head: bytes, body: bytes) -> Request:
        """Return what a message says.

        Args:
            head, body: of the message.

        Raises:
            RemoteProtocolError: it says what no request may say; it is to be refused.
        """
        known = self._known.get(head)
        if known is not None and (known.length == len(body) or known.kind is not Kind.REQUEST):
            return known
        path, headers = parse_head(head, self._texts)
        if is_notice(head) and "PATTERN" not in headers:
            return _DISCONNECT if headers.get("METHOD") == "JSON" and b"disconnect" in body else _NOTHING
        request = self._read_request(path, headers, body)
        # Many clients send the same again and again, and the frames of a WebSocket have all of its headers.
        if request.stored is None and request.kind is not Kind.NOTHING and len(head) <= _LONGEST_REMEMBERED:
            self._remember(head, request, is_bodiless=not body)
        return request

    def _remember(self, head: bytes, request: Request, is_bodiless: bool) -> None:
        if head not in self._seen:
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.clear()
            self._seen.add(head)
            return
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
            self._bodiless.clear()
        self._known[head] = request
        if is_bodiless and request.kind is Kind.REQUEST:
            self._bodiless[head + b"0:,"] = request

    def _read_request(self, path: str, headers: Headers, body: bytes) -> Request:
        method = headers.get("METHOD")
        if not isinstance(method, str) or not _METHOD.fullmatch(method) or headers.get("PATH") != path:
            raise RemoteProtocolError("expected METHOD and PATH in the headers of a request")
        if "UPLOAD_STREAM" in headers:
            raise RemoteProtocolError("expected the body in one piece or in a file, upload.stream has to be 0", 501)
        flags = headers.get("FLAGS")
        if method == "WEBSOCKET" and flags is not None:
            if not isinstance(flags, str) or not _FLAGS.fullmatch(flags):
                raise RemoteProtocolError(f"expected the first byte of a frame, got {flags!r:.40}")
            return Request(Kind.FRAME, flags=int(flags, 16))
        is_handshake = method == "WEBSOCKET_HANDSHAKE"
        is_modern = headers.get("VERSION") != "HTTP/1.0"
        environ = self._make(path, headers, "GET" if is_handshake else method)
        wishes = [wish.strip(" \t") for wish in environ.get("HTTP_CONNECTION", "").lower().split(",")]
        persists = "close" not in wishes if is_modern else "keep-alive" in wishes
        if is_handshake:
            environ.pop("CONTENT_LENGTH", None)
            return Request(Kind.HANDSHAKE, environ, is_modern, persists=False)
        return self._framed(headers, environ, body, is_modern, persists)

    def _framed(self, headers: Headers, environ: Environ, body: bytes, is_modern: bool, persists: bool) -> Request:
        """Return a request whose body is where its headers say that it is."""
        length = _length(headers)
        stored = None
        if not body and (length is None or 0 < length <= uploads.LARGEST):
            stored = uploads.stored_path(headers, length, self._settings)
            if stored is None and uploads.is_beginning(headers, length, self._settings):
                return _NOTHING  # the application runs when all is there
        if stored is None and length is None:
            raise RemoteProtocolError("expected a chunked body in a file, upload.temp_store has to be set", 411)
        if stored is None and length != len(body) and not (length == 0 and "content-length" not in headers):
            raise RemoteProtocolError(f"expected a body of {length} bytes, got {len(body)}")
        if length is None:
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        elif "content-length" not in headers and body:
            environ["CONTENT_LENGTH"] = str(len(body))
            length = len(body)
        return Request(Kind.REQUEST, environ, is_modern, persists, length, stored)

    def _make(self, path: str, headers: Headers, method: str) -> Environ:
        environ = self._template.copy()
        environ["REQUEST_METHOD"] = method
        keys = self._keys
        for name, sent in headers.items():
            key = keys.get(name)
            if key is None:
                key = self._key(name)
            if key:
                environ[key] = _value(name, sent)
        uri = _text(headers, "URI") or path
        environ["RAW_URI"] = environ["REQUEST_URI"] = uri
        environ["QUERY_STRING"] = _text(headers, "QUERY")
        environ["REMOTE_ADDR"] = _text(headers, "REMOTE_ADDR")
        environ["SERVER_PROTOCOL"] = "HTTP/1.0" if headers.get("VERSION") == "HTTP/1.0" else "HTTP/1.1"
        if headers.get("URL_SCHEME") == "https":
            environ["wsgi.url_scheme"] = "https"
        if "%" in path:
            if _ESCAPES.search(path):
                raise RemoteProtocolError("expected two hexadecimal digits after each percent sign of the path")
            path = unquote_to_bytes(path).decode("latin-1")
        environ["PATH_INFO"] = path
        if self._settings.has_script_name:
            _split_path(environ, _text(headers, "PATTERN"))
        self._name_server(environ)
        return environ

    def _key(self, name: str) -> str:
        """Return the key of a header; nothing for what is Mongrel2's own, or would shadow another, or poison it."""
        if name.isupper() or name.startswith(_DROPPED) or not _NAME.fullmatch(name):
            key = ""
        else:
            key = _PLAIN.get(name) or "HTTP_" + name.upper().replace("-", "_")
        if len(self._keys) < _MOST_REMEMBERED and len(name) <= _LONGEST_NAME_REMEMBERED:
            self._keys[name] = key
        return key

    def _name_server(self, environ: Environ) -> None:
        host = environ.get("HTTP_HOST", "")
        if not _HOST.fullmatch(host):
            raise RemoteProtocolError(f"expected a host and perhaps a port as Host, got {host[:60]!r}")
        name, colon, port = host.rpartition(":")
        if not colon or port.endswith("]"):
            name, port = host, ""
        default = "443" if environ["wsgi.url_scheme"] == "https" else "80"
        if name:
            environ["SERVER_NAME"] = name
            environ["SERVER_PORT"] = port or default
        else:
            environ["SERVER_PORT"] = self._settings.server_port or default


def _value(name: str, sent: str | list[str]) -> str:
    if isinstance(sent, list):
        if name in _SINGLE:
            raise RemoteProtocolError(f"expected one {name} header, got {len(sent)}")
        # RFC 6265 §5.4 forbids several Cookie fields, some send them; a comma would spoil them.
        value = ("; " if name == "cookie" else ",").join(item.strip(" \t") for item in sent)
    else:
        value = sent.strip(" \t")
    if not (value.isascii() and value.isprintable()) and not _VALUE.fullmatch(value):
        raise RemoteProtocolError(f"expected no control characters in the header {name}")
    return value


def _length(headers: Headers) -> int | None:
    """Return the length of the body, None if it is chunked; refuse what two readers could understand differently."""
    declared, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None:
        # Mongrel2 lets the length win, so that the chunks' frames would be taken for the body, or the rest of
        # it for another request: how requests are smuggled (RFC 9112 §6.3).
        if declared is not None or coding != "chunked":
            raise RemoteProtocolError("expected one way to tell the length of the body: Content-Length or chunked")
        return None
    if declared is None:
        return 0
    digits = declared.strip(" \t") if isinstance(declared, str) else ""
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MOST_LENGTH_DIGITS:
        raise RemoteProtocolError(f"expected digits as Content-Length, got {declared!r:.40}")
    length = int(digits)
    if length > uploads.LARGEST:
        raise RemoteProtocolError(f"expected a body of at most {uploads.LARGEST} bytes", 413)
    return length


def _split_path(environ: Environ, pattern: str) -> None:
    """Take the fixed part of a route off the path, where the path has it."""
    fixed = re.split(r"[(\[]", pattern, maxsplit=1)[0].rstrip("/")
    path = environ["PATH_INFO"]
    if fixed and path.startswith(fixed) and path[len(fixed) :][:1] in ("", "/"):
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = fixed, path[len(fixed) :]


def _text(headers: dict[str, Any], name: str) -> str:
    value = headers.get(name, "")
    if not isinstance(value, str):
        raise RemoteProtocolError(f"expected a text as {name}, got {value!r:.40}")
    return value
