"""What a protocol raises: the peer broke a rule, or our own side did."""

from __future__ import annotations


class ProtocolError(Exception):
    """A rule of a protocol was broken; the message says what was expected."""


class RemoteProtocolError(ProtocolError):
    """The peer broke a rule; answer with ``status`` and close the connection.

    Attributes:
        status: the HTTP status to answer with, 400 to 599.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class LocalProtocolError(ProtocolError):
    """Our own side, which includes the application, broke a rule."""
