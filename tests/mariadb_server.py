"""A real MariaDB for tests, in a directory of its own, which keeps nothing.

The fixture `mariadb` starts it once for all tests; its users take a database each.
"""

from __future__ import annotations

import itertools
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from database_servers import private_directory, run_as, running_as, user_in_place_of_root
from servers import free_port

# Nothing has to outlive the test.
_SETTINGS = ("--skip-grant-tables", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin")


class MariaDB:
    """A server that is running.

    Attributes:
        port: where it listens on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = itertools.count(1)

    def url(self, database: str) -> str:
        """Return how SQLAlchemy connects to a database."""
        return f"mariadb+pymysql://tester@127.0.0.1:{self.port}/{database}?charset=utf8mb4"

    def new_database(self) -> str:
        """Make an empty database, and return its name."""
        import pymysql

        name = f"test{next(self._numbers)}"
        with pymysql.connect(host="127.0.0.1", port=self.port, user="tester") as connection:
            connection.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name


def is_installed() -> bool:
    """Tell whether there is a server to start."""
    return bool(shutil.which("mariadb-install-db") and _server())


@contextmanager
def running_mariadb() -> Iterator[MariaDB]:
    """Start a server, and yield it once it answers."""
    user = user_in_place_of_root("mysql")
    with private_directory(user) as directory:
        data = f"--datadir={directory / 'data'}"
        run_as(user, ["mariadb-install-db", "--no-defaults", data, "--skip-test-db", "--skip-log-bin"], directory)
        mariadb = MariaDB(free_port())
        places = [f"--socket={directory / 'socket'}", f"--pid-file={directory / 'pid'}", f"--port={mariadb.port}"]
        command = [_server(), "--no-defaults", data, "--bind-address=127.0.0.1", *places, *_SETTINGS]
        with running_as(user, command, directory, lambda: _answers(mariadb), ending=signal.SIGKILL):
            yield mariadb


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A server for all tests of a run."""
    if not is_installed():
        pytest.skip("MariaDB is not installed (Debian: mariadb-server)")
    with running_mariadb() as server:
        yield server


def _server() -> str:
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin") or ""


def _answers(mariadb: MariaDB) -> bool:
    import pymysql

    try:
        pymysql.connect(host="127.0.0.1", port=mariadb.port, user="tester").close()
    except pymysql.err.OperationalError:
        return False
    return True
