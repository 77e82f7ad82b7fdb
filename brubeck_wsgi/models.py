"""Documents that most applications have: a user, what others see of one, and what belongs to one."""

from __future__ import annotations

import re
from typing import Self

from brubeck_wsgi.dictshield.document import Document, EmbeddedDocument
from brubeck_wsgi.dictshield.fields import BooleanField, EmailField, MillisecondField, StringField, URLField, UUIDField
from brubeck_wsgi.errors import ValidationError
from brubeck_wsgi.passwords import hash_password, needs_rehash, verify_password
from brubeck_wsgi.timekeeping import curtime

__all__ = ["MillisecondField", "OwnedModelMixin", "StreamedModelMixin", "User", "UserProfile"]


class User(Document):
    """Somebody who can log in.

    The owner does not see the hash of the password, and does not decide whether the account is active; the public
    sees nothing (see `UserProfile`).
    """

    username = StringField(max_length=30, required=True)
    email = EmailField(max_length=100)
    password = StringField(max_length=255, description="A line of brubeck_wsgi.passwords, never the password")
    is_active = BooleanField(default=False)
    last_login = MillisecondField(default=curtime)
    date_joined = MillisecondField(default=curtime)

    _private_fields = ("password", "is_active")

    username_regex = re.compile(r"[A-Za-z0-9._]+")
    """What a name must match as a whole; a subclass may have another."""

    def __unicode__(self) -> str:
        return self.username or ""

    @classmethod
    def create_user(cls, username: str, password: str, email: str = "") -> Self:
        """Return a new user, whose name and address are in lower case.

        Raises:
            ValidationError: the name or the address is none, or the password is none or too long to be hashed.
        """
        now = curtime()
        user = cls(username=username.lower(), email=email.strip().lower(), date_joined=now, last_login=now)
        if not cls.username_regex.fullmatch(user.username):
            raise ValidationError(f"expected a username of letters, digits, '.' and '_', got {username[:40]!r}")
        user.set_password(password)
        user.validate()
        return user

    def set_password(self, raw_passwd: str) -> None:
        """Keep the hash of a password; `ValidationError` if it is none or too long."""
        self.password = hash_password(raw_passwd)

    def check_password(self, raw_passwd: str) -> bool:
        """Tell whether it is the user's password.

        Raises:
            MissingLibrary: the library that hashed it is not installed.
        """
        return verify_password(raw_passwd, self.password)

    def log_in(self, raw_passwd: str) -> bool:
        """Tell whether it is the password of an active user; if so, note the time, and hash it anew if that is due.

        Store the user after that. Errors are those of `check_password`.
        """
        if not self.check_password(raw_passwd) or not self.is_active:
            return False
        if needs_rehash(self.password):
            self.set_password(raw_passwd)
        self.last_login = curtime()
        return True


class OwnedModelMixin(EmbeddedDocument):
    """Lends a document the user that it belongs to, whom the owner knows and others need not."""

    class Meta:
        """It is no class of stored documents."""

        mixin = True

    owner_id = UUIDField(required=True)
    owner_username = StringField(max_length=30, required=True)

    _private_fields = ("owner_id", "owner_username")


class StreamedModelMixin(EmbeddedDocument):
    """Lends a document the times at which it was made and last changed."""

    class Meta:
        """It is no class of stored documents."""

        mixin = True

    created_at = MillisecondField(default=curtime)
    updated_at = MillisecondField(default=curtime)

    def touch(self) -> None:
        """Note that it changed now."""
        self.updated_at = curtime()


class UserProfile(Document, OwnedModelMixin, StreamedModelMixin):  # type: ignore[misc]  # each mixin has its own Meta
    """What a user shows of itself, apart from what is to be kept."""

    name = StringField(max_length=255)
    email = EmailField(max_length=100)
    website = URLField(max_length=255)
    bio = StringField(max_length=1000)
    location_text = StringField(max_length=100)
    avatar_url = URLField(max_length=255)

    _public_fields = ("name", "website", "bio", "location_text", "avatar_url", "created_at", "updated_at")
