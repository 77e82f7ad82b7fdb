"""Passwords: made into lines, and told again from them, by today's algorithms and those of yesterday."""

from __future__ import annotations

import builtins
import sys

import pytest

from brubeck_wsgi import MissingLibrary, ValidationError, passwords
from brubeck_wsgi.passwords import hash_password, needs_rehash, verify_password

WITHOUT_ARGON2 = pytest.param(False, id="scrypt")
WITH_ARGON2 = pytest.param(True, id="argon2")


@pytest.fixture
def missing(monkeypatch):
    """Return what makes a library one that is not installed."""
    importing = builtins.__import__

    def hide(*libraries):
        def guarded(name, *arguments, **options):
            if name.partition(".")[0] in libraries:
                raise ImportError(name)
            return importing(name, *arguments, **options)

        monkeypatch.setattr(builtins, "__import__", guarded)
        for library in libraries:
            monkeypatch.delitem(sys.modules, library, raising=False)
        passwords._line_of_nobody.cache_clear()

    yield hide
    passwords._line_of_nobody.cache_clear()


@pytest.fixture(params=[WITHOUT_ARGON2, WITH_ARGON2])
def _algorithm(request, missing):
    if request.param:
        pytest.importorskip("argon2")
    else:
        missing("argon2")


@pytest.mark.usefixtures("_algorithm")
@pytest.mark.parametrize("password", ["", "take fivé\x00\ud800", "x" * 4096])
def test_password_is_told_from_its_line(password):
    line = hash_password(password)

    assert verify_password(password, line)
    assert not verify_password("other", line)
    assert not needs_rehash(line)
    assert len(line) < 255


@pytest.mark.usefixtures("_algorithm")
def test_two_lines_of_one_password_differ():
    assert hash_password("x") != hash_password("x")


def test_password_that_is_too_long_is_not_hashed():
    with pytest.raises(ValidationError):
        hash_password("x" * 4097)
    assert not verify_password("x" * 4097, "$scrypt$ln=4,r=1,p=1$YWJj$YWJj")


@pytest.mark.usefixtures("_algorithm")
@pytest.mark.parametrize("line", [None, ""])
def test_nobody_has_no_password_and_takes_as_long(line, monkeypatch):
    asked = []
    verify = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda *given: asked.append(given) or verify(*given))

    assert not verify_password("", line)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "$scrypt$",
        "$scrypt$ln=4,r=1,p=1$a$b",
        "$scrypt$ln=4,r=1,p=1$YWJj$",
        "$scrypt$ln=99,r=8,p=1$YWJj$YWJj",
        "$scrypt$ln=24,r=8,p=1$YWJj$YWJj",
        "$scrypt$ln=0,r=0,p=0$YWJj$YWJj",
        "$argon2id$v=19$m=8,t=1,p=1$x$y",
        "$argon2id$",
        "$2b$99$" + "a" * 53,
        "bcrypt|||x|||y",
    ],
)
def test_line_that_is_broken_verifies_nothing(line):
    assert not verify_password("x", line)
    assert needs_rehash(line)


BCRYPT = "$2b$04$ZUuMbw5zLFYrLqrh5yNMMuUo4KgFBnGHpZzLpNeGbvqNBH5VqsXkq"


@pytest.mark.parametrize("form", ["{digest}", "bcrypt|||{salt}|||{digest}", "bcrypt||{salt}||{digest}"])
def test_line_of_brubeck_is_verified_and_due_to_be_replaced(form):
    bcrypt = pytest.importorskip("bcrypt")
    salt = bcrypt.gensalt(4)
    line = form.format(salt=salt.decode(), digest=bcrypt.hashpw(b"take five", salt).decode())

    assert verify_password("take five", line)
    assert not verify_password("take six", line)
    assert not verify_password("take\x00five", line)
    assert needs_rehash(line)


def test_bcrypt_looks_at_72_bytes_as_it_always_did():
    bcrypt = pytest.importorskip("bcrypt")
    line = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()

    assert verify_password("x" * 80, line)


@pytest.mark.parametrize(("library", "line"), [("argon2", "$argon2id$v=19$m=8,t=1,p=1$x$y"), ("bcrypt", BCRYPT)])
def test_line_whose_library_is_missing_says_what_to_install(missing, library, line):
    missing(library)

    with pytest.raises(MissingLibrary, match=rf"{library} is not installed: pip install 'brubeck-wsgi\[{library}\]'"):
        verify_password("x", line)


def test_line_of_less_cost_is_due_to_be_replaced(missing):
    weak = passwords._scrypt_line(b"take five", 4, 1, 1)

    assert verify_password("take five", weak)
    assert needs_rehash(weak)
    missing("argon2")
    assert needs_rehash(weak)
    assert not needs_rehash(hash_password("x"))
    assert not needs_rehash("$argon2id$v=19$m=65536,t=3,p=4$x$y")
