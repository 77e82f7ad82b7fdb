"""The APIs of `autoapi_app`, and more of the same model, whose feeds are to be filtered."""

from __future__ import annotations

from brubeck_wsgi.autoapi import AutoAPIBase
from brubeck_wsgi.queryset import DictQueryset
from tests.apps.autoapi_app import Todo, make_app


def queries() -> DictQueryset:
    return DictQueryset(indexed=("title", "completed", "order"))


class SimpleAPI(AutoAPIBase):
    model = Todo
    queries = queries()
    dialect = "simple-rest"


class ServerAPI(AutoAPIBase):
    model = Todo
    queries = queries()
    dialect = "json-server"


class GuardedAPI(AutoAPIBase):
    """Todos of which nobody sees others than those of order 0."""

    model = Todo
    queries = queries()

    def before_list(self, wanted):
        wanted.filters.append(("order", "eq", "0"))


app = make_app()
for api in (SimpleAPI, ServerAPI, GuardedAPI):
    app.register_api(api)
