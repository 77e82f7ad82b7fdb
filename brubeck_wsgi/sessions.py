"""Sessions: what is remembered of a visitor from one request to the next, in a signed cookie or in a store.

An id is taken only if the store has it, so nobody can have a visitor use an id of their choice; and
whoever logs in gets a new one, so an id that was seen before is worth nothing afterwards.
"""

from __future__ import annotations

import hashlib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, MutableMapping
from typing import Any

import msgspec

from brubeck_wsgi.auth.users import UserHandlingMixin, vary_by_cookie
from brubeck_wsgi.caching import CacheStore, Clock, generate_session_id
from brubeck_wsgi.handlers import WebMessageHandler
from brubeck_wsgi.response import Response

IDLE_SECONDS = 24 * 3600
ABSOLUTE_SECONDS = 14 * 24 * 3600

_USER = "_user_id"  # no name that a handler would use for something else
_REFRESHED_PARTS = 60  # a cookie is written again when such a part of its idle time has passed, not every time


class _Record(msgspec.Struct):
    """A session as it is kept; times are seconds since 1970-01-01 UTC."""

    data: dict[str, Any]
    created: float
    used: float


class Session(MutableMapping[str, Any]):
    """A dictionary of what JSON can hold, kept for one visitor; an empty one is not kept at all.

    Attributes:
        created: when it began, in seconds since 1970-01-01 UTC.
        used: when it was last written or refreshed, likewise.
        id: what the store has it by; None in a cookie, and as long as it was never kept.
        is_rotated: whether it has to be known by another id from now on.
    """

    def __init__(self, data: dict[str, Any], created: float, used: float = 0, id: str | None = None) -> None:
        self.created = created
        self.used = used
        self.id = id
        self._data = data
        self._kept = msgspec.json.encode(data)
        self.is_rotated = False

    @property
    def is_changed(self) -> bool:
        """Whether it has to be kept anew; a change inside a list of the session counts too."""
        return self.is_rotated or msgspec.json.encode(self._data) != self._kept

    @property
    def is_known(self) -> bool:
        """Whether the browser has it."""
        return self._kept != b"{}"

    def rotate(self) -> None:
        """Have the session known by another id, and the old one be worth nothing.

        For whenever the visitor becomes somebody else, or may do more; `SessionUserMixin` does it by itself.
        """
        self.is_rotated = True

    def note_kept(self, id: str | None = None) -> None:
        """Note that it is kept as it is now, by *id*."""
        self.id = id
        self._kept = msgspec.json.encode(self._data)
        self.is_rotated = False

    def as_dict(self) -> dict[str, Any]:
        """Return what is in it."""
        return self._data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._data[name] = value

    def __delitem__(self, name: str) -> None:
        del self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


class Sessions(ABC):
    """How the sessions of an application are kept, and how long.

    Args:
        cookie: the name of the cookie.
        idle_seconds: how long a session is kept that is not used.
        absolute_seconds: how long a session is kept, used or not, from its beginning or its login.
        is_persistent: whether it outlives the browser's being closed.
        clock: what time it is.
        attributes: of the cookie, as `set_cookie` takes them; ``HttpOnly``, ``SameSite=Lax``, and ``Secure``
            over https, if nothing else is said.
    """

    def __init__(
        self,
        cookie: str = "session",
        idle_seconds: float = IDLE_SECONDS,
        absolute_seconds: float = ABSOLUTE_SECONDS,
        is_persistent: bool = False,
        clock: Clock = time.time,
        **attributes: Any,
    ) -> None:
        self.clock = clock
        self._cookie = cookie
        self._idle_seconds = idle_seconds
        self._absolute_seconds = absolute_seconds
        self._is_persistent = is_persistent
        self._attributes: dict[str, Any] = {"path": "/", "httponly": True, "samesite": "Lax"} | attributes

    @abstractmethod
    def load(self, handler: WebMessageHandler) -> Session:
        """Return the session of the request; an empty one if it has none that still holds."""

    @abstractmethod
    def save(self, handler: WebMessageHandler, session: Session) -> None:
        """Keep the session, and have the browser know of it, as far as something has changed."""

    def _is_over(self, created: float, used: float) -> bool:
        now = self.clock()
        return now >= created + self._absolute_seconds or now >= used + self._idle_seconds

    def _set_cookie(self, handler: WebMessageHandler, session: Session, value: Any, secret: bool) -> None:
        attributes = {"secure": handler.environ.get("wsgi.url_scheme") == "https"} | self._attributes
        if self._is_persistent:
            attributes["max_age"] = math.ceil(session.created + self._absolute_seconds - self.clock())
        handler.set_cookie(self._cookie, value, secret=secret, **attributes)

    def _delete_cookie(self, handler: WebMessageHandler) -> None:
        handler.delete_cookie(self._cookie, self._attributes["path"], self._attributes.get("domain"))


class CookieSessions(Sessions):
    """Keeps each session whole in its cookie, signed with the application's `cookie_secret`.

    The visitor can read it, and whoever has copied the cookie has the session until it expires: to end
    sessions at the logout takes `StoreSessions`. It holds some 2 KiB.
    """

    def load(self, handler: WebMessageHandler) -> Session:
        """Do as `Sessions.load`."""
        record = _record(handler.get_cookie(self._cookie, secret=True, max_age=None))
        if record is None or self._is_over(record.created, record.used):
            return Session({}, self.clock())
        return Session(record.data, record.created, record.used)

    def save(self, handler: WebMessageHandler, session: Session) -> None:
        """Do as `Sessions.save`; `ValueError` if it is too large for a cookie."""
        now = self.clock()
        is_stale = session.is_known and now >= session.used + self._idle_seconds / _REFRESHED_PARTS
        if not session.is_changed and not is_stale:
            return
        if session:
            session.used = now
            record = {"data": session.as_dict(), "created": session.created, "used": now}
            self._set_cookie(handler, session, record, secret=True)
        elif session.is_known:
            self._delete_cookie(handler)
        session.note_kept()


class StoreSessions(Sessions):
    """Keeps sessions in a store, and in the cookie nothing but an id.

    Two requests of one session at the same time: what the later one saves stays.

    Args:
        store: `MemoryCacheStore` for one process, `RedisCacheStore` for several.
        options: as `Sessions` takes them.
    """

    def __init__(self, store: CacheStore, **options: Any) -> None:
        super().__init__(**options)
        self._store = store

    def load(self, handler: WebMessageHandler) -> Session:
        """Do as `Sessions.load`."""
        now = self.clock()
        session_id = handler.get_cookie(self._cookie, default="")
        record = _record(self._store.load(_key(session_id), expire=now + self._idle_seconds)) if session_id else None
        if record is None or self._is_over(record.created, now):
            return Session({}, now)
        return Session(record.data, record.created, now, session_id)

    def save(self, handler: WebMessageHandler, session: Session) -> None:
        """Do as `Sessions.save`."""
        if not session.is_changed:
            return
        if session.id is not None and (session.is_rotated or not session):
            self._store.delete(_key(session.id))
        if session:
            session.note_kept(self._keep(handler, session))
        else:
            if session.is_known:
                self._delete_cookie(handler)
            session.note_kept()

    def _keep(self, handler: WebMessageHandler, session: Session) -> str:
        record = {"data": session.as_dict(), "created": session.created, "used": self.clock()}
        expire = min(self.clock() + self._idle_seconds, session.created + self._absolute_seconds)
        if session.id is not None and not session.is_rotated:
            # Only where it still is: another request may have logged the visitor out since this one began.
            if not self._store.replace(_key(session.id), record, expire):
                self._delete_cookie(handler)
            return session.id
        session_id = generate_session_id()
        self._store.save(_key(session_id), record, expire)
        self._set_cookie(handler, session, session_id, secret=False)
        return session_id


class SessionHandling(WebMessageHandler):
    """A handler with a `session`.

    Attributes:
        sessions: how they are kept; one object for all handlers of an application.
    """

    sessions: Sessions = CookieSessions()

    @property
    def session(self) -> Session:
        """The session of the visitor, kept when the answer is made; an error that is raised keeps nothing."""
        session: Session | None = self.__dict__.get("_session")
        if session is None:
            session = self.__dict__["_session"] = self.sessions.load(self)
            vary_by_cookie(self)
        self._is_changed = True
        self._rendered = self._rendered and False
        return session

    def complete(self, response: Response) -> Response:
        self._save_session()
        return super().complete(response)

    def render_error(
        self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None, **options: Any
    ) -> Response:
        """Do as the handler does without a session, and keep that."""
        self._save_session()
        return super().render_error(status_code, status_msg, extra_txt, **options)

    def forget(self) -> None:
        super().forget()
        self.__dict__.pop("_session", None)

    def _save_session(self) -> None:
        session = self.__dict__.get("_session")
        if session is not None:
            self.sessions.save(self, session)


class SessionUserMixin(SessionHandling, UserHandlingMixin):
    """Knows the user by the session: the one who has logged in, until the logout or until it expires."""

    @property
    def user_id(self) -> Any:
        """What `log_in` was given; None if nobody is logged in."""
        return self.session.get(_USER)

    def get_current_user(self) -> Any:
        """Return the id of the user; a subclass may return the user that has it."""
        return self.user_id

    def log_in(self, user_id: Any) -> None:
        """Have the session be that of a user, by an id that nobody can have seen.

        What it holds of before the login stays, unless it was another user's.

        Args:
            user_id: anything that JSON can hold.
        """
        session = self.session
        if session.get(_USER, user_id) != user_id:
            session.clear()
        session.rotate()
        session.created = self.sessions.clock()
        session[_USER] = user_id
        self.__dict__.pop("current_user", None)

    def log_out(self) -> None:
        """Forget the session, and everything in it."""
        self.session.clear()
        self.__dict__.pop("current_user", None)


def _record(value: Any) -> _Record | None:
    try:
        return msgspec.convert(value, _Record)
    except msgspec.ValidationError:
        return None


def _key(id: str) -> str:
    # A hash: whoever reads the store has no id to use.
    return "session:" + hashlib.sha256(id.encode(errors="surrogatepass")).hexdigest()
