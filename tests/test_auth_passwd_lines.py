"""Password lines as Brubeck had them."""

from __future__ import annotations

import sys

import pytest

from brubeck_wsgi import MissingLibrary
from brubeck_wsgi.auth import build_passwd_line, check_passwd_line, gen_hexdigest, split_passwd_line

ALGORITHMS = ["scrypt", "bcrypt"]
# Made by bcrypt with the cost 4, as Brubeck 0.4 stored it.
OLD_SALT = "$2b$04$abcdefghijklmnopqrstuu"
OLD_LINE = f"bcrypt|||{OLD_SALT}|||{OLD_SALT}sPAkIApvNSrrxdx0BTXtj7R2NfqZq36"

# Hashing is made to cost; these cost next to nothing.
CHEAP_SALTS = {"scrypt": "ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA==", "bcrypt": OLD_SALT}

every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def line_of(password, algorithm="scrypt"):
    return build_passwd_line(*gen_hexdigest(password, algorithm, CHEAP_SALTS[algorithm]))


@pytest.fixture(params=ALGORITHMS)
def line(request):
    """The line of the password "café", by each algorithm."""
    return line_of("café", request.param)


def test_line_has_three_parts(line):
    algorithm, salt, digest = split_passwd_line(line)

    assert line == f"{algorithm}|||{salt}|||{digest}"
    assert algorithm in ALGORITHMS
    assert "café" not in line


def test_digest_is_made_again_from_its_salt(line):
    algorithm, salt, digest = split_passwd_line(line)

    assert gen_hexdigest("café", algorithm, salt) == (algorithm, salt, digest)
    assert gen_hexdigest("cafe", algorithm, salt)[2] != digest


def test_line_is_checked_at_once(line):
    assert check_passwd_line("café", line)
    assert not check_passwd_line("cafe", line)
    assert not check_passwd_line("", line)


def test_scrypt_is_the_algorithm_by_default():
    line = build_passwd_line(*gen_hexdigest("foo"))

    assert line.startswith("scrypt|||ln=15,r=8,p=3$")
    assert check_passwd_line("foo", line)


@every_algorithm
def test_same_password_has_another_salt_each_time(algorithm):
    (_, one, first), (_, other, second) = gen_hexdigest("foo", algorithm), gen_hexdigest("foo", algorithm)

    assert one != other
    assert first != second


@pytest.mark.parametrize("password", ["", "x" * 100, "\udcff", "a\0b"])
def test_any_text_may_be_a_password(password):
    line = line_of(password)

    assert check_passwd_line(password, line)
    assert not check_passwd_line(password + "x", line)


def test_line_of_brubeck_is_checked():
    assert check_passwd_line("foo", OLD_LINE)
    assert not check_passwd_line("bar", OLD_LINE)
    assert build_passwd_line(*gen_hexdigest("foo", "bcrypt", OLD_SALT)) == OLD_LINE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "expected a password, got None"),
        (("x" * 4097,), "expected a password of at most 4096 bytes, got 4097"),
        (("x", "md5"), "expected one of the algorithms 'scrypt' and 'bcrypt', got 'md5'"),
        (("x", "scrypt", "salt"), "expected a salt that gen_hexdigest returned, got 'salt'"),
        (("x", "bcrypt", "salt"), "salt"),
        (("x", "scrypt", "ln=40,r=8,p=1$c2FsdA=="), "expected a salt that gen_hexdigest returned"),
        (("x", "scrypt", "ln=99,r=8,p=1$c2FsdA=="), "expected a salt that gen_hexdigest returned"),
        (("x", "scrypt", "ln=4,r=8,p=1$c2Fsd"), "expected a salt that gen_hexdigest returned"),
    ],
)
def test_what_cannot_be_hashed_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        gen_hexdigest(*arguments)


@pytest.mark.parametrize("line", ["foo", "md5|||salt|||digest", "scrypt|||salt|||digest", "bcrypt|||a|||b", "a|||b"])
def test_line_of_another_kind_is_nobodys_password(line):
    assert not check_passwd_line("foo", line)


def test_missing_library_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "bcrypt", None)

    with pytest.raises(MissingLibrary, match="bcrypt is not installed"):
        gen_hexdigest("foo", "bcrypt")
