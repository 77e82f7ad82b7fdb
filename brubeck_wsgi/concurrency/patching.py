"""What blocks the loop although the standard library is cooperative: what was imported too early, and drivers in C."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

_BLOCKING = {
    *(("time", "sleep"), ("select", "select"), ("select", "poll"), ("subprocess", "Popen")),
    *(("socket", name) for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname")),
    *(("_socket", name) for name in ("getaddrinfo", "gethostbyname")),
}
_KINDS = (BuiltinFunctionType, FunctionType, type)  # of other things to ask for a name may do anything
# Whose business it is to have both.
_EXEMPT = ("gevent", "eventlet", "greenlet", "gunicorn", "brubeck_wsgi", "dns")
_EVENTLETS_COPIES = ("__original_module_", "__patched_module_")


def _waits_in_psycopg2(module: ModuleType) -> bool:
    return sys.modules["psycopg2.extensions"].get_wait_callback() is None


def _waits_in_psycopg(module: ModuleType) -> bool:
    # It chooses when it is imported, and waits in C unless gevent has patched by then; of eventlet it knows nothing.
    return module.wait is getattr(module, "wait_c", None)


_DRIVERS: dict[str, tuple[Callable[[ModuleType], bool], str]] = {
    "psycopg2._psycopg": (_waits_in_psycopg2, "set a wait callback (psycogreen), or use psycopg 3"),
    "psycopg.waiting": (_waits_in_psycopg, "set PSYCOPG_WAIT_FUNC=wait_selector in the environment of the server"),
    "MySQLdb._mysql": (lambda module: True, "mysqlclient waits in C: use PyMySQL"),
    "_mysql_connector": (lambda module: True, "connect with use_pure=True, or use PyMySQL"),
    "pyodbc": (lambda module: True, "it waits in C: run its calls in threads of their own"),
    "cx_Oracle": (lambda module: True, "it waits in C: use oracledb in its thin mode"),
    "pymssql._mssql": (lambda module: True, "it waits in C: run its calls in threads of their own"),
    "pylibmc": (lambda module: True, "it waits in C: use pymemcache"),
    "grpc._cython.cygrpc": (lambda module: True, "call grpc.experimental.gevent.init_gevent() under gevent"),
}


def find_blocking() -> list[str]:
    """Return a sentence about each loaded module that would block the loop, with what to do about it.

    It is right where the standard library has been made cooperative, and else finds only the drivers.
    """
    return _imported_too_early() + _blocking_drivers()


def _imported_too_early() -> list[str]:
    found = []
    for module_name, module in sorted(sys.modules.items()):
        package = module_name.partition(".")[0]
        is_exempt = package in _EXEMPT or package.startswith(_EVENTLETS_COPIES) or package in sys.stdlib_module_names
        if is_exempt or not isinstance(module, ModuleType):
            continue
        names = sorted({kept for value in list(vars(module).values()) if (kept := _kept_original(value))})
        if names:
            found.append(
                f"{module_name} was imported before the standard library was patched, and keeps the "
                f"{' and the '.join(names)} that blocks: import it later, in the application, or patch first"
            )
    return found


def _kept_original(value: Any) -> str:
    """Return the name of the blocking thing that *value* is, ``""`` if it is none or nobody has replaced it."""
    if type(value) not in _KINDS or (value.__module__, value.__name__) not in _BLOCKING:
        return ""
    module, name = value.__module__, value.__name__
    module = module.removeprefix("_")
    return "" if getattr(sys.modules.get(module), name, value) is value else f"{module}.{name}"


def _blocking_drivers() -> list[str]:
    return [
        f"{name.partition('.')[0]} blocks: {advice}"
        for name, (blocks, advice) in _DRIVERS.items()
        if (module := sys.modules.get(name)) is not None and blocks(module)
    ]
