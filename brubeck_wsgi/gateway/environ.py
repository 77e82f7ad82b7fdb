"""The head of a request as a WSGI environ (PEP 3333, "environ Variables"; names as Gunicorn has them)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Any, Protocol, TypeAlias
from urllib.parse import unquote_to_bytes

from brubeck_wsgi.gateway.body import EMPTY_INPUT
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.head import RequestHead, check_transfer_encoding

Remembered: TypeAlias = tuple[Environ, bool, int, int]
"""An environ, whether the request is of HTTP/1.1, its ``connection_close``, and how many bytes its body has."""

_MOST_REMEMBERED = 1024
_MOST_HEADS_REMEMBERED = 256
_LONGEST_HEAD_REMEMBERED = 2048
_OF_THE_CLIENT = (
    *("REMOTE_ADDR", "REMOTE_PORT", "gunicorn.socket", "wsgi.early_hints"),
    *("brubeck.upgrade", "brubeck.disconnected"),
)
_LONGEST_REMEMBERED = 64
_PLAIN = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 3986 §3.2.2 and §3.2.3: a name, an IPv4 address, or an IPv6 address in brackets; and a port.
_HOST = re.compile(r"(?:(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(r"(?i:http(s?))://([^/?]+)([^?]*)((?:\?.*)?)", re.S)


@dataclass(frozen=True)
class HeaderPolicy:
    """What the headers of proxies may say, and which names are refused; Gunicorn's settings of the same names.

    Attributes:
        header_map: ``"drop"``, ``"refuse"`` or ``"dangerous"``: names with an underscore, which would fall on
            the same key as those with a hyphen.
        forwarder_headers: names with an underscore that a trusted peer may send, in upper case.
        secure_scheme_headers: the value of each header by which a trusted peer says that its client used
            https; names in upper case.
        is_trusted: tells of the address of a peer, ``""`` for a unix socket, whether it may say such things.
    """

    header_map: str = "drop"
    forwarder_headers: Collection[str] = ()
    secure_scheme_headers: Mapping[str, str] = field(default_factory=dict)
    is_trusted: Callable[[str], bool] = lambda address: False


class Client(Protocol):
    """What an environ tells about the connection.

    Attributes:
        remote_addr: the address of the peer; ``""`` for a unix socket.
        remote_port: its port as text; ``""`` for a unix socket.
        socket_face: what ``gunicorn.socket`` is.
        send_early_hints: what ``wsgi.early_hints`` is.
        upgrade: what ``brubeck.upgrade`` is.
        disconnected: what ``brubeck.disconnected`` is.
    """

    remote_addr: str
    remote_port: str

    @property
    def socket_face(self) -> Any: ...

    @property
    def send_early_hints(self) -> Any: ...

    @property
    def upgrade(self) -> Any: ...

    @property
    def disconnected(self) -> Any: ...


class EnvironMaker:
    """Makes the environ of each request that arrives on one listener.

    Args:
        constants: what all of them have in common, SERVER_NAME and SERVER_PORT included.
        policy: what is done about headers that proxies send.
        has_name: whether SERVER_NAME is known; on a unix socket the Host header stands in.
    """

    def __init__(self, constants: Environ, policy: HeaderPolicy, has_name: bool = True) -> None:
        self._policy = policy
        self._has_name = has_name
        self._template = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "RAW_URI": "/",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "",
            "REMOTE_PORT": "",
            "wsgi.url_scheme": "http",
            "wsgi.input": EMPTY_INPUT,
            "wsgi.early_hints": None,
            "gunicorn.socket": None,
            "brubeck.upgrade": None,
            "brubeck.disconnected": None,
            **constants,
        }
        self._size = len(self._template)
        self._keys: dict[bytes, str] = {}
        self._methods: dict[bytes, str] = {}
        self._hosts: set[str] = set()
        self._recalled: dict[bytes, Remembered] = {}
        self._seen: set[bytes] = set()
        self._is_particular = False  # whether the last environ depends on more than the head

    def recall(self, data: bytes, client: Client) -> Remembered | None:
        """Return what `remember` was given for a head that was the same, byte for byte; None if there was none.

        The environ is a copy, and the client's.
        """
        known = self._recalled.get(data) if len(data) <= _LONGEST_HEAD_REMEMBERED else None
        if known is None:
            return None
        environ = known[0].copy()
        environ["REMOTE_ADDR"] = client.remote_addr
        environ["REMOTE_PORT"] = client.remote_port
        environ["gunicorn.socket"] = client.socket_face
        environ["wsgi.early_hints"] = client.send_early_hints
        environ["brubeck.upgrade"] = client.upgrade
        environ["brubeck.disconnected"] = client.disconnected
        return environ, known[1], known[2], known[3]

    def remember(self, data: bytes, environ: Environ, is_modern: bool, wish: int, size: int = 0) -> None:
        """Keep what became of a head, if it comes twice: many clients send the same again and again.

        Args:
            data: the head and nothing else; its body, if there is one, is of a declared size.
            environ: what `make` made of it, and nobody has changed.
            is_modern: whether it was of HTTP/1.1.
            wish: its ``connection_close``.
            size: how many bytes its body has.
        """
        if self._is_particular or len(data) > _LONGEST_HEAD_REMEMBERED:
            return
        if data not in self._seen:
            if len(self._seen) >= _MOST_HEADS_REMEMBERED:
                self._seen.clear()
            self._seen.add(data)
            return
        if len(self._recalled) >= _MOST_HEADS_REMEMBERED:
            self._recalled.clear()
        kept = environ.copy()
        for key in _OF_THE_CLIENT:
            kept[key] = None
        self._recalled[data] = kept, is_modern, wish, size

    def make(self, head: RequestHead, client: Client) -> Environ:
        """Return the environ of a request; ``wsgi.input`` is empty until the caller sets another.

        Raises:
            RemoteProtocolError: the head says what no request may say, or what this server does not do.
        """
        environ = self._template.copy()
        target = head.path.decode("ascii")
        path, _, query = target.partition("?")
        method = self._methods.get(head.method) or self._method(head.method)
        environ["REQUEST_METHOD"] = method
        environ["RAW_URI"] = target
        environ["QUERY_STRING"] = query
        environ["REMOTE_ADDR"] = client.remote_addr
        environ["REMOTE_PORT"] = client.remote_port
        environ["gunicorn.socket"] = client.socket_face
        environ["wsgi.early_hints"] = client.send_early_hints
        environ["brubeck.upgrade"] = client.upgrade
        environ["brubeck.disconnected"] = client.disconnected
        keys = self._keys
        self._is_particular = False
        specials = None
        for name, value in head.headers:
            key = keys.get(name)
            if key is None:
                key = self._key(name)
                if key is None:
                    specials = specials or []
                    specials.append((name, value))
                    continue
            environ[key] = value.decode("latin-1")
        if len(environ) != self._size + head.header_count:
            self._is_particular = True
            self._add_others(environ, head, specials or [], client)
        host = environ.get("HTTP_HOST")
        if target[0] != "/":
            path, host = self._read_other_target(environ, target, head, client)
        if host not in self._hosts:
            self._check_host(host, head)
        if head.minor_version == 0:
            environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        if "%" in path:
            path = _unquoted(path)
        environ["PATH_INFO"] = path
        if environ["SCRIPT_NAME"]:
            _split_path(environ, path)
        if not self._has_name:
            _name_by_host(environ, host)
        return environ

    def _method(self, method: bytes) -> str:
        text = method.decode("ascii")
        if text == "CONNECT":
            raise RemoteProtocolError("expected another method than CONNECT, this is no proxy", 501)
        if len(self._methods) < _MOST_REMEMBERED:
            self._methods[method] = text
        return text

    def _key(self, name: bytes) -> str | None:
        """Return the key of a header that needs no thought; None for those that do."""
        text = name.decode("ascii").upper()
        if "_" in text or text in _DELICATE or text in self._policy.secure_scheme_headers:
            return None
        key = _PLAIN.get(name.lower()) or "HTTP_" + text.replace("-", "_")
        if len(self._keys) < _MOST_REMEMBERED and len(name) <= _LONGEST_REMEMBERED:
            self._keys[name] = key
        return key

    def _add_others(
        self, environ: Environ, head: RequestHead, specials: list[tuple[bytes, bytes]], client: Client
    ) -> None:
        """Add what needs thought: repeated headers, and those that say something to the server."""
        policy = self._policy
        repeated: dict[str, list[str]] = {}
        for name, value in head.headers:
            key = self._keys.get(name) or self._key(name)
            if key is not None:
                repeated.setdefault(key, []).append(value.decode("latin-1"))
        is_secure: bool | None = None
        for sent_name, sent_value in specials:
            special, text = sent_name.decode("ascii").upper(), sent_value.decode("latin-1")
            if "_" in special:
                if special in policy.forwarder_headers and policy.is_trusted(client.remote_addr):
                    if special == "SCRIPT_NAME":
                        environ["SCRIPT_NAME"] = text
                elif policy.header_map == "drop":
                    continue
                elif policy.header_map != "dangerous":
                    raise RemoteProtocolError("expected no underscore in the name of a header")
            elif special == "TRANSFER-ENCODING":
                check_transfer_encoding(sent_value, head)
            elif special == "EXPECT" and text.lower() != "100-continue":
                raise RemoteProtocolError("expected no expectation but 100-continue", 417)
            elif special in policy.secure_scheme_headers and policy.is_trusted(client.remote_addr):
                says_secure = text == policy.secure_scheme_headers[special]
                if is_secure not in (None, says_secure):
                    raise RemoteProtocolError("expected headers that agree on the scheme")
                is_secure = says_secure
            repeated.setdefault("HTTP_" + special.replace("-", "_"), []).append(text)
        if is_secure is not None:
            environ["wsgi.url_scheme"] = "https" if is_secure else "http"
        for key, values in repeated.items():
            # RFC 6265 §5.4 forbids several Cookie fields, HTTP/2 front ends make them; a comma would spoil them.
            environ[key] = ("; " if key == "HTTP_COOKIE" else ",").join(values)

    def _check_host(self, host: str | None, head: RequestHead) -> None:
        """Refuse a request without a Host that can be one (RFC 9112 §3.2)."""
        if host is None:
            if head.minor_version == 0:
                return
            raise RemoteProtocolError("expected a Host header")
        if host and not _is_host(host):
            raise RemoteProtocolError(f"expected a host and perhaps a port as Host, got {host[:60]!r}")
        if len(self._hosts) < _MOST_REMEMBERED and len(host) <= _LONGEST_REMEMBERED:
            self._hosts.add(host)

    def _read_other_target(
        self, environ: Environ, target: str, head: RequestHead, client: Client
    ) -> tuple[str, str | None]:
        """Read a target that is no path (RFC 9112 §3.2.2 and §3.2.4); return its path and the host that counts."""
        host = environ.get("HTTP_HOST")
        if target == "*":
            return "", host
        self._check_host(host, head)  # it does not count, and still has to be right, as the one of the URL has
        match = _ABSOLUTE.fullmatch(target)
        if match is None:
            raise RemoteProtocolError(f"expected a path or an http URL as the request target, got {target[:60]!r}")
        if match[1] and environ["wsgi.url_scheme"] != "https":
            # RFC 9110 §7.4: what came in the clear is no request for https, unless a gateway says that it is.
            self._is_particular = True
            if not self._policy.is_trusted(client.remote_addr):
                raise RemoteProtocolError("expected an https URL over TLS only", 421)
            environ["wsgi.url_scheme"] = "https"
        environ["QUERY_STRING"] = match[4][1:]
        environ["HTTP_HOST"] = match[2]
        return match[3] or "/", match[2]


_DELICATE = frozenset(("TRANSFER-ENCODING", "EXPECT"))


def _is_host(text: str) -> bool:
    """Tell whether *text* is a host and perhaps a port (RFC 9110 §7.2); a port alone is not."""
    match = _HOST.fullmatch(text)
    if match is None:
        return False
    try:
        return match[1] is None or bool(IPv6Address(match[1]))
    except ValueError:
        return False


def _unquoted(path: str) -> str:
    if _ESCAPES.search(path):
        raise RemoteProtocolError("expected two hexadecimal digits after each percent sign of the path")
    return unquote_to_bytes(path).decode("latin-1")


def _split_path(environ: Environ, path: str) -> None:
    script_name = environ["SCRIPT_NAME"]
    rest = path.removeprefix(script_name)
    if not path.startswith(script_name) or (rest and rest[0] != "/"):
        raise RemoteProtocolError(f"expected a path below {script_name!r}", 404)
    environ["PATH_INFO"] = rest


def _name_by_host(environ: Environ, host: str | None) -> None:
    name, colon, port = (host or "").rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host or "", ""
    environ["SERVER_NAME"] = name or "localhost"
    environ["SERVER_PORT"] = port or ("443" if environ["wsgi.url_scheme"] == "https" else "80")
