"""What processes say to each other over ZeroMQ, and how it is written: MessagePack, checked when it is read.

Each process publishes what happens in it under one topic, and numbers that without a gap. Who has missed something
subscribes to a topic that asks for it, which the publisher sees, and to which it sends what it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

LIVE = b"m"
"""The topic of what happens."""

ALL = "*"
"""Whom an ask is for that is for everybody."""

ABSENT = "~"
"""What stands before a process that has ended: the ask is for all others, about that one."""

MESSAGE, ENTER, LEAVE, BEAT, BYE = "m", "e", "l", "b", "x"

_CHUNK_BYTES = 512 * 1024


class Happening(msgspec.Struct, array_like=True):
    """Something that has happened in a process.

    Attributes:
        kind: a message was published, a member has come or left, nothing has happened, or the process ends.
        publisher: the process.
        number: of the happening; for the last two kinds that of the last one.
        stamp: of a message.
        channel: where.
        member: who.
        json: the message, or what is said about the member.
    """

    kind: str
    publisher: str
    number: int
    stamp: int = 0
    channel: str = ""
    member: str = ""
    json: bytes = b""


class Kept(msgspec.Struct, array_like=True):
    """A message of history; see `brubeck_wsgi.channels.logs.Entry`."""

    channel: str
    json: bytes
    publisher: str
    number: int
    stamp: int


class Gone(msgspec.Struct, array_like=True):
    """The last message that a publisher has sent to a channel, and that is not kept any more."""

    channel: str
    publisher: str
    number: int
    stamp: int


class Answer(msgspec.Struct, array_like=True):
    """A part of the answer to an ask.

    Attributes:
        publisher: who answers.
        number: of the last thing that has happened there.
        is_last: whether this is the last part, which has what follows.
        kept: history, of the publisher, and of those that do not live any more where all was asked for.
        gone: what history had of the same.
        heard: of whom the publisher has heard, and up to which number.
        members: who is served there.
    """

    publisher: str
    number: int
    is_last: bool
    kept: list[Kept]
    gone: list[Gone] = []  # msgspec copies it
    heard: dict[str, int] = {}
    members: dict[str, dict[str, Any]] = {}


class Ask(NamedTuple):
    """A question, which is a topic.

    Attributes:
        asker: the process.
        target: whom it asks, `ALL` or a process; or `ABSENT` and about whom.
        after: it has all up to this number.
        nonce: what makes it another than the last one.
        endpoint: where the asker publishes.
    """

    asker: str
    target: str
    after: int
    nonce: int
    endpoint: str

    @property
    def absent(self) -> str | None:
        """About which process that has ended it is; None if it is for one that lives."""
        return self.target.removeprefix(ABSENT) if self.target.startswith(ABSENT) else None

    def topic(self) -> bytes:
        """Return it as a topic."""
        return f"?{self.asker} {self.target} {self.after} {self.nonce} {self.endpoint}".encode()

    @classmethod
    def parse(cls, topic: bytes) -> Ask | None:
        """Read it; None if the topic is none."""
        if topic[:1] != b"?" or len(topic) > 500:
            return None
        try:
            asker, target, after, nonce, endpoint = topic[1:].decode().split(" ")
            return cls(asker, target, int(after), int(nonce), endpoint)
        except ValueError:
            return None


encode = msgspec.msgpack.Encoder().encode
decode_happening = msgspec.msgpack.Decoder(Happening).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def in_parts(answer: Answer) -> Iterator[Answer]:
    """Yield *answer*, which is the last part then, behind parts that have as much of its history as can be sent."""
    piece: list[Kept] = []
    size = 0
    for one in answer.kept:
        piece.append(one)
        size += len(one.json) + 100
        if size > _CHUNK_BYTES:
            yield Answer(answer.publisher, answer.number, False, piece)
            piece, size = [], 0
    answer.kept = piece
    yield answer
