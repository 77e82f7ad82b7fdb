"""A mongrel2.conf for an application, as ``m2sh load`` reads it."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.mongrel2.settings import Front

DEFAULT_FRONT = Front("tcp://127.0.0.1:9997", "tcp://127.0.0.1:9996")
TEMP_STORE = "/tmp/up.XXXXXX"  # noqa: S108  # below the chroot, and made by mkstemp
"""Where large bodies are stored: ``upload.temp_store``."""

_HOST = re.compile(r"[0-9A-Za-z.:_-]+")
_ROUTE = re.compile(r"/[^\s'\"\\]*")
_PATH = re.compile(r"[^'\"\\\n]+")


@dataclass(frozen=True)
class Wishes:
    """What the configuration is to say.

    Attributes:
        front: where the handlers are to connect; as they say it, so ``recv`` is Mongrel2's ``send_spec``.
        hosts: the names that the server answers to; the first also to those that are none of them.
        bind: the address to listen on.
        port: the port to listen on.
        route: the path below which the application answers.
        static: directories below the chroot by the path that shows them.
        chroot: where Mongrel2 runs; its logs, its pid file and what it stores are in there.
        content_length: how large a body may be and still come in a message, in bytes; larger ones are stored. Not
            less than *head_size*: what Mongrel2 has read of a body with the head would not fit into its buffer, and
            it writes beyond it.
        uploads: whether larger ones are stored, and not refused.
        head_size: how large the head of a request may be, in bytes.
        idle_seconds: after how long Mongrel2 closes a connection on which nothing arrives; 0 for never.
        is_identity_fresh: whether each call makes a new identity, so that no answer to a predecessor is taken.
    """

    front: Front = DEFAULT_FRONT
    hosts: Sequence[str] = ("127.0.0.1",)
    bind: str = "127.0.0.1"
    port: int = 6767
    route: str = "/"
    static: Mapping[str, str] = field(default_factory=dict)
    chroot: str = "."
    content_length: int = 1024 * 1024
    uploads: bool = True
    head_size: int = 32 * 1024
    idle_seconds: int = 120
    settings: Mapping[str, int | str] = field(default_factory=dict)


def make_configuration(wishes: Wishes, server_uuid: str | None = None, identity: str | None = None) -> str:
    """Return the text of a mongrel2.conf.

    Args:
        wishes: what it is to say.
        server_uuid: the name of the server in the database; a new one by default.
        identity: of the handler, at which its answers are known; a new one by default, so that what was meant
            for a server that ran before reaches nobody.

    Raises:
        ConfigurationError: something cannot be written into such a file.
    """
    for host in wishes.hosts:
        _check(_HOST, host, "the name of a host")
    for route, directory in wishes.static.items():
        _check(_ROUTE, route, "a path that begins with a slash")
        _check(_PATH, directory, "a directory without quotes")
    _check(_ROUTE, wishes.route, "a path that begins with a slash")
    _check(_PATH, wishes.chroot, "a directory without quotes")
    if wishes.content_length < wishes.head_size:
        raise ConfigurationError(
            f"expected content_length to be at least head_size, got {wishes.content_length} and {wishes.head_size}"
        )
    identity = identity or str(uuid.uuid4())
    chroot = os.path.abspath(wishes.chroot)
    routes = "".join(
        f"    '{route}': Dir(base='{directory.rstrip('/')}/', index_file='index.html', default_ctype='text/plain'),\n"
        for route, directory in wishes.static.items()
    )
    hosts = "".join(f"site_{number} = Host(name='{host}', routes=routes)\n" for number, host in enumerate(wishes.hosts))
    names = ", ".join(f"site_{number}" for number in range(len(wishes.hosts)))
    settings = {
        "server.daemonize": 0,
        "limits.buffer_size": wishes.head_size,
        "limits.client_read_retries": 200,
        "limits.content_length": wishes.content_length,
        "limits.min_ping": wishes.idle_seconds,
        **({"upload.temp_store": TEMP_STORE, "upload.temp_store_mode": "0660"} if wishes.uploads else {}),
        **wishes.settings,
    }
    lines = ",\n".join(
        f'    "{name}": {value}' if isinstance(value, int) else f'    "{name}": "{value}"'
        for name, value in settings.items()
    )
    return f"""app = Handler(
    send_spec='{wishes.front.recv}', send_ident='{identity}',
    recv_spec='{wishes.front.send}', recv_ident='{identity}',
    protocol='tnetstring')

routes = {{
{routes}    '{wishes.route}': app
}}

{hosts}
main = Server(
    uuid='{server_uuid or uuid.uuid4()}', name='main', bind_addr='{wishes.bind}', port={wishes.port},
    chroot='{chroot}', default_host='{wishes.hosts[0]}', hosts=[{names}],
    access_log='/logs/access.log', error_log='/logs/error.log',
    pid_file='/run/mongrel2.pid', control_port='ipc://run/control')

settings = {{
{lines}
}}

servers = [main]
"""


def _check(pattern: re.Pattern[str], text: str, what: str) -> None:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise ConfigurationError(f"expected {what}, got {text!r:.80}")
