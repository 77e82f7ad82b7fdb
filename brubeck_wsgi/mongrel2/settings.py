"""How a handler of Mongrel2 is set up: where its fronts are, and what it believes and allows."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from brubeck_wsgi.errors import ConfigurationError

_ADDRESS = re.compile(r"tcp://(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):[0-9]{1,5}|ipc://\S+")


class Front(NamedTuple):
    """A Mongrel2, or one Handler of it.

    Attributes:
        recv: where requests come from: Mongrel2's ``send_spec``.
        send: where answers go: its ``recv_spec``.
    """

    recv: str
    send: str


class Settings(NamedTuple):
    """How a handler behaves.

    Attributes:
        upload_directory: where Mongrel2 stores large bodies, as this process sees it; None takes none.
        upload_prefix: how the names of the files begin: ``upload.temp_store`` without its directory and X's.
        chroot: what stands before the paths that Mongrel2 tells; empty if it runs without a chroot.
        most_requests: how many requests are taken at a time.
        has_script_name: whether the fixed part of a route's pattern becomes SCRIPT_NAME.
        server_name, server_port: for requests without a Host header.
        keep_alive_seconds: how often Mongrel2 is told that a connection on which a request waits is in use.
    """

    upload_directory: str | None = None
    upload_prefix: str = ""
    chroot: str = ""
    most_requests: int = 1000
    has_script_name: bool = False
    server_name: str = "localhost"
    server_port: str = ""
    keep_alive_seconds: float = 10.0


def make_fronts(recv: str | Sequence[str], send: str | Sequence[str]) -> list[Front]:
    """Return the fronts whose addresses are given, one for one.

    Args:
        recv: ``"tcp://127.0.0.1:9997"`` or ``"ipc://run/send"``, or several.
        send: as many.

    Raises:
        ConfigurationError: an address is none, or one is missing.
    """
    receiving = [recv] if isinstance(recv, str) else list(recv or ())
    sending = [send] if isinstance(send, str) else list(send or ())
    for address in (*receiving, *sending):
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise ConfigurationError(f"expected 'tcp://HOST:PORT' or 'ipc://PATH' as an address, got {address!r}")
    if len(receiving) != len(sending) or not receiving:
        raise ConfigurationError(
            f"expected an address to send to for each to receive from, got {len(receiving)} and {len(sending)}"
        )
    return [Front(*pair) for pair in zip(receiving, sending, strict=True)]


def fronts_from_environment(environment: Mapping[str, str] = os.environ) -> list[Front]:
    """Return the fronts that MONGREL2_RECV and MONGREL2_SEND name, with commas between several.

    Raises:
        ConfigurationError: they do not.
    """
    try:
        recv, send = environment["MONGREL2_RECV"], environment["MONGREL2_SEND"]
    except KeyError as error:
        raise ConfigurationError(f"expected {error} in the environment, for example tcp://127.0.0.1:9997") from None
    return make_fronts(recv.split(","), send.split(","))


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return what MONGREL2_UPLOADS, MONGREL2_CHROOT and MONGREL2_SCRIPT_NAME say."""
    return with_uploads(
        Settings(
            chroot=environment.get("MONGREL2_CHROOT", ""),
            has_script_name=environment.get("MONGREL2_SCRIPT_NAME", "") not in ("", "0"),
        ),
        environment.get("MONGREL2_UPLOADS"),
    )


def with_uploads(settings: Settings, temp_store: str | None) -> Settings:
    """Return *settings* for a Mongrel2 whose ``upload.temp_store`` is *temp_store*.

    Args:
        temp_store: ``"/tmp/up.XXXXXX"``, as Mongrel2 has it; None or nothing for none.

    Raises:
        ConfigurationError: it is no such template.
    """
    if not temp_store:
        return settings
    directory, prefix = os.path.split(temp_store)
    if not prefix.endswith("XXXXXX") or not os.path.isabs(temp_store):
        raise ConfigurationError(f"expected upload.temp_store as Mongrel2 has it, '/tmp/up.XXXXXX', got {temp_store!r}")
    return settings._replace(
        upload_directory=os.path.normpath(settings.chroot + directory), upload_prefix=prefix.rstrip("X")
    )
