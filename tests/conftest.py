"""What holds for every test: an application that answers in this process keeps to PEP 3333, both ways."""

from __future__ import annotations

from wsgiref.validate import validator

import hypothesis
import pytest
from mariadb_server import mariadb  # noqa: F401  # a fixture
from postgres_server import postgres  # noqa: F401  # a fixture

from brubeck_wsgi import Brubeck

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")


@pytest.fixture(autouse=True)
def _validated(monkeypatch):
    """Put `wsgiref.validate` around every application; WebTest has a lint of its own outside of that."""
    answer = Brubeck.__call__

    def validated_answer(app, environ, start_response):
        return validator(lambda *call: answer(app, *call))(environ, start_response)

    monkeypatch.setattr(Brubeck, "__call__", validated_answer)
