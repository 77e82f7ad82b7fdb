"""Password lines as Brubeck had them, ``algorithm|||salt|||digest``; `brubeck_wsgi.passwords` is what new code takes.

A digest is made again from its salt, which says how it was made: scrypt (RFC 7914) by default, and bcrypt for
the lines of Brubeck 0.4, if it is installed.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from brubeck_wsgi.errors import MissingLibrary
from brubeck_wsgi.passwords import LONGEST_BYTES, verify_password

SCRYPT = "scrypt"
BCRYPT = "bcrypt"
PASSWD_DELIM = "|||"  # noqa: S105  # no password

_COST = "ln=15,r=8,p=3"  # as brubeck_wsgi.passwords has it
_SCRYPT_SALT = re.compile(r"ln=([12]?\d),r=(\d{1,3}),p=(\d{1,3})\$([\w+/]+=*)", re.ASCII)
_LARGEST_MEMORY = 2**30


def gen_hexdigest(raw_password: str, algorithm: str = SCRYPT, salt: str | None = None) -> tuple[str, str, str]:
    """Return the three parts of a password line.

    Args:
        raw_password: the password; an empty one is a password too.
        algorithm: `SCRYPT` or `BCRYPT`.
        salt: that of a line, to make its digest again; None for a new one.

    Raises:
        ValueError: there is no password or it is longer than 4096 bytes, or the algorithm or the salt is not known.
        MissingLibrary: bcrypt is not installed.
    """
    if raw_password is None:
        raise ValueError("expected a password, got None")
    secret = raw_password.encode("utf-8", "surrogatepass")
    if len(secret) > LONGEST_BYTES:
        raise ValueError(f"expected a password of at most {LONGEST_BYTES} bytes, got {len(secret)}")
    if algorithm == SCRYPT:
        return _scrypt(secret, salt)
    if algorithm == BCRYPT:
        return _bcrypt(secret, salt)
    raise ValueError(f"expected one of the algorithms {SCRYPT!r} and {BCRYPT!r}, got {algorithm!r:.40}")


def build_passwd_line(algorithm: str, salt: str, digest: str) -> str:
    """Return the line to store, of the parts that `gen_hexdigest` returned."""
    return PASSWD_DELIM.join((algorithm, salt, digest))


def split_passwd_line(password_line: str) -> list[str]:
    """Return the parts of a line: algorithm, salt and digest."""
    return password_line.split(PASSWD_DELIM)


def check_passwd_line(raw_password: str, password_line: str) -> bool:
    """Tell whether *raw_password* is the one that the line was made of, in a time that tells nothing else.

    Raises:
        MissingLibrary: bcrypt made it, and is not installed.
    """
    algorithm, _, rest = password_line.partition(PASSWD_DELIM)
    salt, _, digest = rest.partition(PASSWD_DELIM)
    if algorithm == SCRYPT:
        return verify_password(raw_password, f"$scrypt${salt}${digest}")
    return algorithm == BCRYPT and verify_password(raw_password, digest)


def _scrypt(secret: bytes, salt: str | None) -> tuple[str, str, str]:
    if salt is None:
        salt = f"{_COST}${base64.b64encode(secrets.token_bytes(16)).decode()}"
    match = _SCRYPT_SALT.fullmatch(salt)
    if match is None:
        raise ValueError(f"expected a salt that gen_hexdigest returned, got {salt!r:.60}")
    log2_cost, block_size, parallel = (int(part) for part in match.groups()[:3])
    memory = min(128 * block_size * (2**log2_cost + parallel + 2), _LARGEST_MEMORY)
    options = {"n": 2**log2_cost, "r": block_size, "p": parallel, "maxmem": memory, "dklen": 32}
    try:
        digest = hashlib.scrypt(secret, salt=base64.b64decode(match[4]), **options)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"expected a salt that gen_hexdigest returned, got {salt!r:.60}: {error}") from error
    return SCRYPT, salt, base64.b64encode(digest).decode()


def _bcrypt(secret: bytes, salt: str | None) -> tuple[str, str, str]:
    try:
        import bcrypt
    except ImportError as error:
        raise MissingLibrary("bcrypt", "bcrypt") from error
    octets = bcrypt.gensalt() if salt is None else salt.encode()
    # bcrypt never looked further than 72 bytes; its newer versions want to be asked no more than that.
    return BCRYPT, octets.decode(), bcrypt.hashpw(secret[:72], octets).decode()
