"""What goes wrong between a client and an application, and is neither's bug."""

from __future__ import annotations


class ClientLeft(ConnectionError):
    """The client closed or reset the connection, or stopped reading; nothing more can be sent to it."""


class BrokenBody(OSError):
    """A body ended early, dripped, or was framed wrongly; raised where the application reads it.

    Attributes:
        status: the HTTP status that tells the client, 400 to 499.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
