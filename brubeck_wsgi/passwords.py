"""Passwords: hash them, verify them, and tell when one should be hashed anew.

A hash is a line of text that says by which algorithm and with which parameters it was made, so that both may change
over the years. New ones are argon2id where argon2-cffi is installed, and scrypt (RFC 7914) of the standard library
where it is not. Lines of Brubeck 0.4, which are bcrypt, are verified if bcrypt is installed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from functools import lru_cache
from types import ModuleType
from typing import Any  # argon2 and bcrypt, which need not be there

from brubeck_wsgi.errors import MissingLibrary, ValidationError

LONGEST_BYTES = 4096
"""The longest password there may be: hashing is made to cost, and the client decides how much there is to hash."""

# 32 MiB and a fraction of a second, of the choices that OWASP's cheat sheet on storing passwords has as equal.
_LOG2_COST, _BLOCK_SIZE, _PARALLEL = 15, 8, 3
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([\w+/=]+)\$([\w+/=]+)", re.ASCII)
_LARGEST_MEMORY = 2**30
_BCRYPT = re.compile(r"(?:bcrypt\|{2,3}[^|]*\|{2,3})?(\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53})")


def hash_password(password: str) -> str:
    """Return the line to store for a password.

    Raises:
        ValidationError: it is no text, or longer than `LONGEST_BYTES`.
    """
    secret = _secret_of(password)
    argon2 = _find("argon2")
    if argon2 is not None:
        line: str = _argon2_hasher().hash(secret)
        return line
    return _scrypt_line(secret, _LOG2_COST, _BLOCK_SIZE, _PARALLEL)


def verify_password(password: str, line: str | None) -> bool:
    """Tell whether *password* is the one that *line* was made of.

    Args:
        password: what somebody typed in.
        line: what `hash_password` returned; None where there is no such user, which takes as long and is never true,
            so that the time does not tell who has an account.

    Raises:
        MissingLibrary: the library that made *line* is not installed.
    """
    try:
        secret = _secret_of(password)
    except ValidationError:
        return False
    if not line:
        _verify(secret, _line_of_nobody())
        return False
    return _verify(secret, line)


def needs_rehash(line: str) -> bool:
    """Tell whether a new line should be made at the next login: the algorithm or its cost is not today's."""
    argon2 = _find("argon2")
    if argon2 is not None:
        try:
            return bool(_argon2_hasher().check_needs_rehash(line))
        except argon2.exceptions.InvalidHashError:
            return True
    scrypt = _SCRYPT.fullmatch(line)
    wanted = (str(_LOG2_COST), str(_BLOCK_SIZE), str(_PARALLEL))
    return not line.startswith("$argon2") and (scrypt is None or scrypt.groups()[:3] != wanted)


def _verify(secret: bytes, line: str) -> bool:
    if line.startswith("$argon2"):
        return _verify_argon2(secret, line)
    bcrypt = _BCRYPT.fullmatch(line)
    if bcrypt is not None:
        return _verify_bcrypt(secret, bcrypt[1])
    scrypt = _SCRYPT.fullmatch(line)
    return scrypt is not None and _verify_scrypt(secret, scrypt)


def _verify_argon2(secret: bytes, line: str) -> bool:
    argon2 = _require("argon2", "argon2")
    try:
        _argon2_hasher().verify(line, secret)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return True


def _verify_bcrypt(secret: bytes, digest: str) -> bool:
    bcrypt = _require("bcrypt", "bcrypt")
    try:
        # bcrypt never looked further than 72 bytes; its newer versions want to be asked no more than that.
        return bool(bcrypt.checkpw(secret[:72], digest.encode()))
    except ValueError:  # a NUL, or a line that only looks like one
        return False


def _verify_scrypt(secret: bytes, line: re.Match[str]) -> bool:
    cost, block_size, parallel = (int(part) for part in line.groups()[:3])
    try:
        salt, digest = base64.b64decode(line[4]), base64.b64decode(line[5])
        return hmac.compare_digest(_scrypt(secret, salt, cost, block_size, parallel, len(digest)), digest)
    except (binascii.Error, ValueError, TypeError, OverflowError, MemoryError):  # a line with costs that there are not
        return False


def _scrypt_line(secret: bytes, log2_cost: int, block_size: int, parallel: int) -> str:
    salt = secrets.token_bytes(16)
    digest = _scrypt(secret, salt, log2_cost, block_size, parallel)
    return f"$scrypt$ln={log2_cost},r={block_size},p={parallel}${_text_of(salt)}${_text_of(digest)}"


def _scrypt(secret: bytes, salt: bytes, log2_cost: int, block_size: int, parallel: int, length: int = 32) -> bytes:
    memory = min(128 * block_size * (2**log2_cost + parallel + 2), _LARGEST_MEMORY)
    return hashlib.scrypt(secret, salt=salt, n=2**log2_cost, r=block_size, p=parallel, maxmem=memory, dklen=length)


def _secret_of(password: str) -> bytes:
    if not isinstance(password, str):
        raise ValidationError(f"expected a password as text, got {type(password).__name__}")
    secret = password.encode("utf-8", "surrogatepass")
    if len(secret) > LONGEST_BYTES:
        raise ValidationError(f"expected a password of at most {LONGEST_BYTES} bytes, got {len(secret)}")
    return secret


def _text_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@lru_cache(maxsize=1)
def _line_of_nobody() -> str:
    return hash_password(secrets.token_urlsafe())


@lru_cache(maxsize=1)
def _argon2_hasher() -> Any:
    return _require("argon2", "argon2").PasswordHasher()


def _require(library: str, extra: str) -> Any:
    found = _find(library)
    if found is None:
        raise MissingLibrary(library, extra)
    return found


def _find(library: str) -> ModuleType | None:
    try:
        if library == "argon2":
            import argon2

            return argon2
        import bcrypt

        return bcrypt
    except ImportError:
        return None
