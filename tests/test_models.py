"""Users, their profiles, and what belongs to them."""

from __future__ import annotations

import re

import pytest

from brubeck_wsgi import ValidationError, models, passwords
from brubeck_wsgi.dictshield import Document, ShieldException, StringField
from brubeck_wsgi.models import MillisecondField, OwnedModelMixin, StreamedModelMixin, User, UserProfile
from brubeck_wsgi.timekeeping import curtime

SOME_ID = "2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d"


@pytest.fixture
def dave():
    user = User.create_user("Dave", "take five", " Dave@Example.com ")
    user.is_active = True
    return user


def test_new_user_has_what_a_user_needs(dave):
    assert dave.validate()
    assert (dave.username, dave.email, str(dave)) == ("dave", "dave@example.com", "dave")
    assert abs(dave.date_joined - curtime()) < 60_000
    assert User.create_user("x", "y").is_active is False


@pytest.mark.parametrize(
    ("username", "password", "email"),
    [
        ("", "x", ""),
        ("x" * 31, "x", ""),
        ("dave", None, ""),
        ("dave", b"x", ""),
        ("dave", "x", "nope"),
        ("d", "x", "@"),
        ("bad name", "x", ""),
        ("name\n", "x", ""),
    ],
)
def test_what_would_be_no_user_is_refused(username, password, email):
    with pytest.raises(ValidationError):
        User.create_user(username, password, email)


def test_other_names_are_for_subclasses_to_allow():
    class Visitor(User):
        username_regex = re.compile(r"[\w ]+")

    assert Visitor.create_user("José Öz", "x").username == "josé öz"


def test_password_is_kept_as_a_hash_only(dave):
    assert "take five" not in dave.to_json()
    assert dave.check_password("take five")
    assert not dave.check_password("Take Five")
    assert not User(username="x").check_password("")


def test_nobody_sees_the_hash(dave):
    assert set(User.make_ownersafe(dave)) == {"username", "email", "last_login", "date_joined"}
    assert User.make_publicsafe(dave) == {}


def test_login_notes_the_time(dave, monkeypatch):
    monkeypatch.setattr(models, "curtime", lambda: 5)

    assert dave.log_in("take five")
    assert dave.last_login == 5


def test_login_fails_with_a_wrong_password_or_for_a_user_who_is_not_active(dave):
    before = dave.last_login

    assert not dave.log_in("wrong")
    dave.is_active = False
    assert not dave.log_in("take five")
    assert dave.last_login == before


def test_login_hashes_the_password_anew_where_that_is_due(dave, monkeypatch):
    dave.password = old = passwords._scrypt_line(b"take five", 4, 1, 1)

    assert dave.log_in("take five")

    assert dave.password != old
    assert not passwords.needs_rehash(dave.password)
    assert dave.check_password("take five")


def test_password_that_is_too_long_to_hash_is_refused(dave):
    with pytest.raises(ValidationError, match="at most 4096 bytes"):
        dave.set_password("x" * 4097)
    assert not dave.check_password("x" * 4097)


def test_profile_shows_what_is_to_be_seen_and_not_whose_it_is(dave):
    profile = UserProfile(
        owner_id=str(dave.id or "2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d"), owner_username="dave", name="x"
    )

    assert profile.validate()
    assert {"owner_id", "owner_username", "email"}.isdisjoint(UserProfile.make_publicsafe(profile))
    assert {"owner_id", "owner_username"}.isdisjoint(UserProfile.make_ownersafe(profile))
    with pytest.raises(ShieldException):
        UserProfile().validate()


def test_mixins_lend_their_fields_to_any_document():
    class Song(Document, OwnedModelMixin, StreamedModelMixin):
        title = StringField()

    song = Song(
        owner_username="dave", owner_id="2b1c9dc1-1d4c-4b7a-9c1e-0f2d3a4b5c6d", created_at="2026-05-18T00:00:00Z"
    )

    assert song.validate()
    assert song.created_at == 1779062400000
    assert isinstance(Song.updated_at, MillisecondField)
    assert Song._class_name == "Song"
    assert Song.load(song.to_json()) == song


def test_touched_document_has_changed_now(monkeypatch):
    class Song(Document, StreamedModelMixin):
        pass

    song = Song(created_at=1, updated_at=1)
    monkeypatch.setattr(models, "curtime", lambda: 5)

    song.touch()

    assert (song.created_at, song.updated_at) == (1, 5)
