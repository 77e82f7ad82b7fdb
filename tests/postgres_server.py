"""A real PostgreSQL for tests, on a free port and in a directory of its own, which keeps nothing.

The fixture `postgres` starts it once for all tests; its users take a database each.
"""

from __future__ import annotations

import itertools
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from database_servers import private_directory, run_as, running_as, user_in_place_of_root
from servers import free_port

# Debian has them beside the path, so that several versions may be there.
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
# Nothing has to outlive the test.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class Postgres:
    """A server that is running.

    Attributes:
        port: where it listens on 127.0.0.1.
        directory: where its Unix socket is.
    """

    def __init__(self, port: int, directory: Path) -> None:
        self.port = port
        self.directory = directory
        self._numbers = itertools.count(1)

    def dsn(self, database: str = "postgres") -> str:
        """Return how psycopg connects to a database."""
        return f"host=127.0.0.1 port={self.port} user=tester dbname={database}"

    def url(self, database: str = "postgres") -> str:
        """Return how SQLAlchemy connects to a database."""
        return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database, and return its name."""
        import psycopg

        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            # Text sorts as in English, and not by code points, as on most machines.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")
        return name


def find_binary(name: str) -> str | None:
    """Return where a program of PostgreSQL is; None if it is not installed."""
    places = [str(path / name) for path in reversed(_BINARIES) if (path / name).exists()]
    return shutil.which(name) or next(iter(places), None)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server, and yield it once it answers."""
    initdb, server = find_binary("initdb"), find_binary("postgres")
    assert initdb, "initdb is not installed"
    assert server, "postgres is not installed"
    user = user_in_place_of_root("postgres")
    with private_directory(user) as directory:
        data = directory / "data"
        options = ["--username=tester", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        run_as(user, [initdb, f"--pgdata={data}", *options], directory)
        postgres = Postgres(free_port(), directory)
        command = [server, "-D", str(data), "-p", str(postgres.port), "-h", "127.0.0.1", "-k", str(directory)]
        command += [part for setting in _SETTINGS for part in ("-c", setting)]
        with running_as(user, command, directory, lambda: _answers(postgres), ending=signal.SIGQUIT):
            yield postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for all tests of a run."""
    if find_binary("initdb") is None or find_binary("postgres") is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    with running_postgres() as server:
        yield server


def _answers(postgres: Postgres) -> bool:
    import psycopg

    try:
        psycopg.connect(postgres.dsn(), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
