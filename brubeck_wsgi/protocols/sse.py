"""Server-Sent Events (WHATWG HTML §9.2): events become bytes, and bytes events. No socket and no clock."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from typing import NamedTuple

CONTENT_TYPE = "text/event-stream"
"""Always UTF-8; a charset, if one is said at all, can only be that (§9.2.1)."""

HEARTBEAT = b":\n\n"
"""A comment that says nothing."""

MOST_RETRY_MILLISECONDS = 2**31 - 1
_LINE_END = re.compile(r"\r\n|\r|\n")  # and nothing else: str.splitlines knows many more
_UNFIT_FOR_EVENT = re.compile(r"[\r\n]")
_UNFIT_FOR_ID = re.compile(r"[\r\n\0]")


class Event(NamedTuple):
    """What a client dispatches.

    Attributes:
        data: its lines, joined with line feeds.
        event: its type.
        last_id: the id of this or the last event before that had one; ``""`` if none had.
    """

    data: str
    event: str = "message"
    last_id: str = ""


def serialize_event(
    data: str | None = None,
    event: str | None = None,
    id: str | None = None,  # the field's own name
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """Return an event as it is sent; what is None is left out.

    Args:
        data: any text. Without it nothing is dispatched, though an id and a retry count.
        event: the type; in one line.
        id: what a client that comes back says it had last; in one line, and without NUL, which clients ignore.
        retry: after how many milliseconds a client is to come back.
        comment: what no client looks at.

    Raises:
        ValueError: the type or the id would become something else, or the text is none that UTF-8 can hold.
    """
    lines = []
    if comment is not None:
        lines += [f": {line}" if line else ":" for line in _LINE_END.split(comment)]
    if event is not None:
        lines.append(f"event: {_fit('type of an event', event, _UNFIT_FOR_EVENT)}")
    if id is not None:
        lines.append(f"id: {_fit('id of an event', id, _UNFIT_FOR_ID)}")
    if retry is not None:
        lines.append(f"retry: {checked_retry(retry)}")
    if data is not None:
        lines += [f"data: {line}" for line in _LINE_END.split(data)]
    lines.append("\n")
    return "\n".join(lines).encode() if len(lines) > 1 else HEARTBEAT


def checked_retry(retry: int) -> int:
    """Return *retry*; `ValueError` if it is no number of milliseconds."""
    if not isinstance(retry, int) or isinstance(retry, bool) or not 0 <= retry <= MOST_RETRY_MILLISECONDS:
        raise ValueError(f"expected retry as milliseconds, 0 or more, got {retry!r:.80}")
    return retry


def _fit(name: str, text: str, unfit: re.Pattern[str]) -> str:
    if unfit.search(text):
        raise ValueError(f"expected the {name} in one line, got {text!r:.80}")
    return text


class EventParser:
    """Reads a stream as a client does (§9.2.6).

    Args:
        most_characters: how long a line, and the data of an event, may be.

    Attributes:
        last_id: what the client would send as Last-Event-ID.
        retry: after how many milliseconds it would come back; None if the stream has not said.
        comments: all comments.
    """

    def __init__(self, most_characters: int = 1024 * 1024) -> None:
        self.last_id = ""
        self.retry: int | None = None
        self.comments: list[str] = []
        self._most = most_characters
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._text: str | None = None  # what has come of a line; None at the beginning, where a byte order mark goes
        self._data: list[str] = []
        self._size = 0
        self._event = ""
        self._id = ""

    def receive(self, data: bytes) -> list[Event]:
        """Return the events that are complete with *data*; `ValueError` if one becomes too long."""
        text = self._decode(data)
        if self._text is None and text:
            text = text.removeprefix("\ufeff")
            self._text = ""
        text = (self._text or "") + text
        if text.endswith("\r"):  # the line feed that belongs to it may come yet
            text, kept = text[:-1], "\r"
        else:
            kept = ""
        *lines, rest = _LINE_END.split(text)
        if self._text is not None:
            self._text = rest + kept
        if len(rest) > self._most:
            raise ValueError(f"expected lines of at most {self._most} characters")
        events = []
        for line in lines:
            if line:
                self._take_line(line)
            else:
                events += self._dispatch()
        return events

    def _take_line(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            self.comments.append(value)
        elif name == "data":
            self._size += len(value) + 1
            if self._size > self._most:
                raise ValueError(f"expected events of at most {self._most} characters")
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry = int(value[:15])

    def _dispatch(self) -> list[Event]:
        self.last_id = self._id
        data, event = self._data, self._event
        self._data, self._event, self._size = [], "", 0
        return [Event("\n".join(data), event or "message", self.last_id)] if data else []
