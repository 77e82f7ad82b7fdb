"""Cookies, plain and signed (RFC 6265; signatures by itsdangerous)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import msgspec

from brubeck_wsgi.errors import BadRequest, ConfigurationError
from brubeck_wsgi.timekeeping import http_date

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

Secret: TypeAlias = str | Sequence[str]
SameSite: TypeAlias = Literal["Strict", "Lax", "None"]

SIGNED_LIFETIME = 31 * 24 * 3600
"""How old a signed cookie may be by default, in seconds: a stolen one is not good for ever."""

# Browsers take a cookie with such a name, and its deletion, only if it is Secure (RFC 6265bis §4.1.3).
_SECURE_PREFIXES = ("__secure-", "__host-")
_LARGEST = 4096  # RFC 6265bis §5.6: browsers drop a larger pair of name and value without a word.
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_ATTRIBUTE = re.compile(r"[ -:<-~]*\Z")
_PLAIN_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*\Z")  # RFC 6265 §4.1.1: cookie-octet
_UNSAFE = re.compile(r"[^ !#-+\--:<-\[\]-~]")
_ESCAPE = re.compile(rb"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)
_SALT = "brubeck_wsgi.cookies:"


def parse_cookies(header: str) -> dict[str, str]:
    """Read a Cookie header (RFC 6265 §5.4).

    Args:
        header: the field value as WSGI gives it, each character one byte.

    Returns:
        The values by name; of several with one name the first, which is the most specific path's.
        Pairs that no application can have set (no name, no ``=``) are left out.

    Raises:
        BadRequest: a value is not UTF-8.
    """
    cookies: dict[str, str] = {}
    for piece in header.split(";"):
        name, equals, value = piece.partition("=")
        name = name.strip(" \t")
        if equals and name not in cookies and _NAME.match(name):
            cookies[name] = _decode_value(name, value.strip(" \t"))
    return cookies


def serialize_cookie(
    name: str,
    value: str,
    *,
    path: str | None = "/",
    domain: str | None = None,
    max_age: int | None = None,
    expires: datetime | float | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: SameSite | None = None,
) -> str:
    """Write the value of a Set-Cookie header (RFC 6265 §4.1).

    Args:
        name: a token.
        value: any text; what a cookie cannot hold as it is goes as quoted UTF-8 octets.
        path: where the browser sends it; None leaves the attribute out.
        max_age: seconds; 0 or less deletes the cookie.
        expires: a datetime (UTC if it has no time zone) or seconds since 1970.
        samesite: ``"None"`` needs *secure*.

    Raises:
        ValueError: a name, an attribute or a size that browsers refuse.
        TypeError: the value is not text.
    """
    if not isinstance(value, str):
        raise TypeError(f"expected text as the value of cookie {name!r}, got {type(value).__name__}; sign other values")
    if not isinstance(name, str) or not _NAME.match(name):
        raise ValueError(f"expected a cookie name made of token characters, got {name!r}")
    for attribute in (path, domain):
        if attribute is not None and not _ATTRIBUTE.match(attribute):
            raise ValueError(f"expected a cookie attribute in printable ASCII without ';', got {attribute!r}")
    if samesite is not None and samesite not in get_args(SameSite):
        raise ValueError(f"expected samesite as one of {get_args(SameSite)}, got {samesite!r}")
    if samesite == "None" and not secure:
        raise ValueError("expected secure=True with samesite='None', which browsers demand")
    coded = _encode_value(value)
    if len(name) + len(coded) > _LARGEST:
        raise ValueError(f"expected a cookie of at most {_LARGEST} bytes, {name!r} has {len(name) + len(coded)}")
    pieces = [
        f"{name}={coded}",
        f"Domain={domain}" if domain else "",
        "" if expires is None else f"Expires={http_date(expires)}",
        "HttpOnly" if httponly else "",
        "" if max_age is None else f"Max-Age={int(max_age)}",
        f"Path={path}" if path else "",
        f"SameSite={samesite}" if samesite else "",
        "Secure" if secure else "",
    ]
    return "; ".join(filter(None, pieces))


def deletion(name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that have a browser forget the cookie that was set with *attributes*."""
    secure = {"secure": True} if name.lower().startswith(_SECURE_PREFIXES) else {}
    return {**attributes, **secure, "max_age": 0, "expires": 0}


def sign(name: str, value: object, secret: Secret) -> str:
    """Return *value* as signed, dated text that only a holder of *secret* can have made.

    It is signed, not encrypted: whoever has it can read it.

    Args:
        name: the cookie's name; a value signed for one name is not valid under another.
        value: anything that JSON can hold.
        secret: a secret, or several: the first signs, all verify.
    """
    signed = _serializer(_secrets(secret), name).dumps(value)
    return signed if isinstance(signed, str) else signed.decode("ascii")


def unsign(name: str, signed: str, secret: Secret, max_age: int | None = SIGNED_LIFETIME) -> Any:
    """Return the value that `sign` was given.

    Args:
        max_age: how old it may be in seconds; None for any age.

    Raises:
        ValueError: it was not signed with this name and one of these secrets, or is too old.
    """
    from itsdangerous import BadData

    try:
        return _serializer(_secrets(secret), name).loads(signed, max_age=max_age)
    except (BadData, UnicodeError) as error:
        raise ValueError(f"cookie {name!r} has no valid signature") from error


class CookieJar(Mapping[str, str]):
    """The cookies that a response sets, each a Set-Cookie value; the last of a name, path and domain stays."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str | None, str | None], str] = {}

    def set(self, name: str, value: object, *, secret: Secret | None = None, **attributes: Any) -> None:
        """Set a cookie; signed if there is a *secret*.

        Signed cookies are ``HttpOnly`` and ``SameSite=Lax`` unless *attributes* say otherwise; for the
        attributes see `serialize_cookie`.
        """
        if secret is not None:
            value = sign(name, value, secret)
            attributes.setdefault("httponly", True)
            attributes.setdefault("samesite", "Lax")
        line = serialize_cookie(name, value, **attributes)  # type: ignore[arg-type]  # it says what it expected
        self._lines[name, attributes.get("path", "/"), attributes.get("domain")] = line

    def delete(self, name: str, **attributes: Any) -> None:
        """Tell the browser to forget a cookie; *attributes* as they were when it was set."""
        self.set(name, "", **deletion(name, attributes))

    def lines(self) -> list[str]:
        """Return the values of the Set-Cookie headers, in the order of their setting."""
        return list(self._lines.values())

    def __getitem__(self, name: str) -> str:
        for (key, _, _), line in self._lines.items():
            if key == name:
                return line
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key for key, _, _ in self._lines))

    def __len__(self) -> int:
        return len({key for key, _, _ in self._lines})


def _encode_value(value: str) -> str:
    # Not http.cookies, which refuses control characters in its newer versions even where it escapes them.
    if _PLAIN_VALUE.match(value):
        return value
    octets = value.encode().decode("latin-1")
    return '"' + _UNSAFE.sub(lambda m: f"\\{ord(m[0]):03o}", octets) + '"'


def _decode_value(name: str, value: str) -> str:
    octets = value.encode("latin-1")
    if len(octets) > 1 and octets[:1] == b'"' == octets[-1:]:
        octets = _ESCAPE.sub(lambda m: bytes([int(m[1], 8)]) if m[1] else m[2], octets[1:-1])
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"expected UTF-8 in the cookie {name[:40]!r}") from None


def _secrets(secret: Secret) -> tuple[str, ...]:
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    if not secrets or not all(isinstance(each, str) and each for each in secrets):
        raise ConfigurationError("expected a cookie secret or a list of them, each as text that is not empty")
    return secrets


@lru_cache(maxsize=256)
def _serializer(secrets: tuple[str, ...], name: str) -> URLSafeTimedSerializer:
    from itsdangerous import URLSafeTimedSerializer

    return URLSafeTimedSerializer(
        list(reversed(secrets)),  # itsdangerous signs with its last
        salt=_SALT + name,
        serializer=_CompactJSON,
        signer_kwargs={"digest_method": hashlib.sha256},
    )


class _CompactJSON:
    """JSON the way itsdangerous calls for it."""

    @staticmethod
    def dumps(value: object) -> bytes:
        return msgspec.json.encode(value)

    @staticmethod
    def loads(data: bytes) -> Any:
        return msgspec.json.decode(data)
