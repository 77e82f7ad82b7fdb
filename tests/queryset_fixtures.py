"""Fixtures that make querysets of each kind; a module of tests takes them by ``pytest_plugins``."""

from __future__ import annotations

import pytest
from querysets import STORES, Makers
from redis_server import running_redis


@pytest.fixture(scope="session")
def queryset_redis_url():
    """A real Redis for all tests of querysets."""
    with running_redis() as url:
        yield url


@pytest.fixture(scope="module")
def queryset_makers(request, tmp_path_factory):
    """Makes querysets for the tests of a module."""
    makers = Makers(request, tmp_path_factory.mktemp("querysets"))
    yield makers
    makers.close()


@pytest.fixture(params=STORES)
def make_queryset(request, queryset_makers):
    """Makes empty querysets of each kind."""
    return lambda *args, **options: queryset_makers.make(request.param, *args, **options)
