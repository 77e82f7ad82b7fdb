"""An application whose requests have spans, and say which trace they belong to: ``tests.apps.tracing_app:app``."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span

from brubeck_wsgi import Brubeck
from brubeck_wsgi.concurrency import gather, sleep
from brubeck_wsgi.tracing import trace

app = Brubeck()
trace(app, TracerProvider())


def current_trace():
    return f"{get_current_span().get_span_context().trace_id:032x}"


def current_trace_later():
    sleep(0.02)
    return current_trace()


@app.get("/")
def tell_traces(application, message):
    return [current_trace(), *gather(current_trace, current_trace_later)]
