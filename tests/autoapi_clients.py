"""Clients of APIs for tests, over WSGI."""

from __future__ import annotations

import json
from uuid import uuid4

from webtest import TestApp

from brubeck_wsgi import Brubeck
from brubeck_wsgi.queryset import DictQueryset

MERGE = "application/merge-patch+json"
NOBODY = str(uuid4())


def client_of(api, **options):
    """Return a client of an application with one API, a subclass of *api* with an empty store of its own."""
    indexed = api.queries.shapes if api.queries is not None and api.queries.model_class else ()
    own = {"queries": DictQueryset(model=api.model, indexed=indexed), "name": api.name or api.__name__[:-3]}
    app = Brubeck()
    app.register_api(type(api.__name__, (api,), own | options))
    return TestApp(app)


def ask(client, method, path, data=None, **headers):
    """Return the answer, whatever its status; *data* is sent as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        named.setdefault("Content-Type", "application/json")
    body = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
    return client.request(path, method=method, body=body, headers=named, expect_errors=True)


def made(client, path="/todo/", **fields):
    """Return the path of an object that was just made, and its ETag."""
    answer = ask(client, "POST", path, {"title": "buy milk"} | fields)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"], answer.headers["ETag"]
