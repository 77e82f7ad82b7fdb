"""What `Brubeck.run` serves on where no server was started from a command line: Gunicorn, on a port.

A connection calls any WSGI application (PEP 3333) and knows nothing of what is inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.interfaces import WSGIApplication

if TYPE_CHECKING:
    from gunicorn.config import Config  # type: ignore[import-untyped]  # Gunicorn has no annotations

_COMMAND_SETTINGS = frozenset(
    (
        *("config", "chdir", "pythonpath", "wsgi_app", "paste", "raw_paste_global_conf"),
        *("reload", "reload_engine", "reload_extra_files", "daemon", "spew", "check_config", "print_config"),
    )
)
"""Settings about how Gunicorn's command finds and loads an application: ours is loaded, and they would be ignored."""


class WSGIConnection:
    """Serves a WSGI application over HTTP with Gunicorn.

    Gunicorn's command line, its environment variable and gunicorn.conf.py are not read: the arguments say all.

    Args:
        port: where to listen, 1 to 65535.
        host: the address to listen on; the default is for this machine only, ``"0.0.0.0"`` is for all.
        worker_class: ``"gevent"`` or ``"eventlet"`` for Brubeck's own workers, ``"gthread"``, ``"sync"``, or whatever
            else Gunicorn takes, a class too.
        workers: how many processes answer, 1 or more.
        gunicorn_settings: any other of Gunicorn's settings by its name; ``bind`` takes the place of *port* and *host*.

    Raises:
        ConfigurationError: an argument is not what is described here, or not what Gunicorn takes.
    """

    def __init__(
        self,
        port: int = 6767,
        host: str = "127.0.0.1",
        worker_class: str | type = "gevent",
        workers: int = 1,
        **gunicorn_settings: Any,
    ) -> None:
        if not isinstance(workers, int) or workers < 1:
            raise ConfigurationError(f"expected workers as a number of processes, 1 or more, got {workers!r}")
        self.settings: dict[str, Any] = {
            "bind": _address(host, port),
            "worker_class": worker_class,
            "workers": workers,
            # Gunicorn would open a socket under the home directory that takes orders; nobody asked for one.
            "control_socket_disable": True,
            **gunicorn_settings,
        }
        _make_config(self.settings)

    def recv_forever_ever(self, application: WSGIApplication) -> None:
        """Serve *application* until a signal ends the process, as Gunicorn has it: this does not return.

        Raises:
            ConfigurationError: the application cannot be called, or the worker class cannot be loaded.
        """
        from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # Gunicorn has no annotations

        from brubeck_wsgi.workers import register

        if not callable(application):
            raise ConfigurationError(f"expected a WSGI application, got {application!r:.80}")
        register()
        config = _make_config(self.settings)
        _check_worker_class(config)

        class Server(BaseApplication):  # type: ignore[misc]  # Gunicorn has no annotations
            def do_load_config(self) -> None:
                self.cfg = config

            def load(self) -> WSGIApplication:
                return application

        Server().run()


def _address(host: str, port: int) -> str:
    if not isinstance(host, str) or not host or host != "".join(host.split()):
        raise ConfigurationError(f"expected host as an address to listen on, for example '0.0.0.0', got {host!r}")
    if not isinstance(port, int) or not 1 <= port <= 65535:
        raise ConfigurationError(f"expected port as a number from 1 to 65535, got {port!r}")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _make_config(settings: dict[str, Any]) -> Config:
    from gunicorn.config import Config
    from gunicorn.errors import ConfigError  # type: ignore[import-untyped]  # Gunicorn has no annotations

    config = Config()
    for name, value in settings.items():
        if name not in config.settings:
            raise ConfigurationError(f"expected the name of a setting of Gunicorn's, got {name!r}")
        if name in _COMMAND_SETTINGS:
            raise ConfigurationError(f"expected settings for a loaded application, {name!r} is for gunicorn's command")
        try:
            config.set(name, value)
        except (TypeError, ValueError, ConfigError) as error:
            raise ConfigurationError(f"expected another value for {name} than {value!r:.80}: {error}") from error
    try:
        config.validate()
        _ = config.address  # read here because Gunicorn ends the process when it finds a bad one while starting
    except (ConfigError, RuntimeError) as error:
        raise ConfigurationError(f"expected settings that fit each other: {error}") from error
    return config


def _check_worker_class(config: Config) -> None:
    from gunicorn.util import load_class  # type: ignore[import-untyped]  # Gunicorn has no annotations

    wanted = config.settings["worker_class"].get()
    try:
        load_class(wanted)
    except (RuntimeError, ImportError, AttributeError) as error:
        raise ConfigurationError(f"expected a worker class that Gunicorn can load, got {wanted!r}") from error
