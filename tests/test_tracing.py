"""Spans: one for each request, named after its route, current where its handler runs, child of the caller's."""

from __future__ import annotations

import io
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace as tracing
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from test_strands import run  # noqa: F401  # a fixture
from webtest import TestApp

from brubeck_wsgi import Brubeck, MissingLibrary, NotFound, Response, WebMessageHandler
from brubeck_wsgi.concurrency import Event, TaskGroup, gather, sleep
from brubeck_wsgi.concurrency.deferring import finish_deferred
from brubeck_wsgi.tracing import Tracing, trace
from tests.apps.worker_clients import HUBS, ask, serving

# WebTest and wsgiref.validate know few methods.
pytestmark = pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{CALLER}-01"


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture
def app(provider):
    app = Brubeck()
    trace(app, provider)
    return app


@pytest.fixture
def child(provider):
    """Makes a span below the current one, and ends it."""

    def make(name):
        provider.get_tracer("tests").start_span(name).end()

    return make


@pytest.fixture
def spans(exporter):
    """Returns the spans that are over, by name."""
    return lambda: {span.name: span for span in exporter.get_finished_spans()}


def parent_of(span):
    return f"{span.parent.span_id:016x}"


@pytest.mark.parametrize(
    ("method", "path", "name", "status", "route"),
    [
        ("GET", "/todo/5?secret=1", "GET /todo/{number:int}", 200, "/todo/{number:int}"),
        ("POST", "/todo/5", "POST /todo/{number:int}", 405, "/todo/{number:int}"),
        ("GET", "/nowhere/5", "GET", 404, None),
        ("MADEUP", "/nowhere", "HTTP", 404, None),
    ],
)
def test_span_is_named_after_method_and_route(app, spans, method, path, name, status, route):
    app.get("/todo/{number:int}")(lambda application, message, number: "todo")

    TestApp(app).request(path, method=method, status="*", headers={"User-Agent": "tests"})

    span = spans()[name]
    assert (span.kind, span.status.status_code) == (SpanKind.SERVER, StatusCode.UNSET)
    assert dict(span.attributes) == {
        "http.request.method": "_OTHER" if method == "MADEUP" else method,
        "http.response.status_code": status,
        "url.path": path.partition("?")[0],
        "url.scheme": "http",
        "network.protocol.version": "1.0",
        "server.address": "localhost:80",
        "user_agent.original": "tests",
    } | ({"http.route": route} if route else {}) | ({"http.request.method_original": method} if name == "HTTP" else {})


def test_span_goes_on_from_where_the_caller_was(app, spans):
    app.get("/")(lambda application, message: "hello")

    TestApp(app).get("/", headers={"traceparent": PARENT})

    span = spans()["GET /"]
    assert (f"{span.context.trace_id:032x}", parent_of(span)) == (TRACE, CALLER)


@pytest.mark.parametrize("header", ["", "00-00000000000000000000000000000000-0000000000000000-01", "\xff", "00-1-1-1"])
def test_traceparent_that_is_none_begins_a_trace(app, spans, header):
    app.get("/")(lambda application, message: "hello")

    TestApp(app).get("/", extra_environ={"HTTP_TRACEPARENT": header})

    assert spans()["GET /"].parent is None


def test_span_is_current_in_the_handler_in_its_tasks_and_in_what_it_defers(app, spans, child, run):  # noqa: F811
    class Shop(WebMessageHandler):
        def get(self):
            child("handler")
            self.tasks.spawn(lambda: (sleep(0.01), child("task")))
            self.defer(child, "deferred")
            gather(lambda: child("gathered"), lambda: gather(lambda: child("grandchild")))
            return "sold"

    app.route("/shop")(Shop)

    run(lambda: (TestApp(app).get("/shop", headers={"traceparent": PARENT}), finish_deferred(20)))

    found = spans()
    request = f"{found['GET /shop'].context.span_id:016x}"
    names = ("handler", "task", "gathered", "grandchild", "deferred")
    assert {name: parent_of(found[name]) for name in names} == dict.fromkeys(names, request)
    assert {f"{span.context.trace_id:032x}" for span in found.values()} == {TRACE}


def test_requests_beside_each_other_have_each_their_own_span(app, spans, child, run):  # noqa: F811
    @app.get("/wait/{name}")
    def wait(application, message, name):
        entered.append(name)
        if len(entered) == 5:
            everybody_is_here.set()
        everybody_is_here.wait(20)
        child(f"child of {name}")
        return name

    entered, everybody_is_here = [], Event()

    def ask_all():
        with TaskGroup() as group:
            for number in range(5):
                headers = {"traceparent": f"00-{number + 1:032x}-{CALLER}-01"}
                group.spawn(TestApp(app).get, f"/wait/{number}", headers=headers)

    run(ask_all)

    children = {name: span.context.trace_id for name, span in spans().items() if name.startswith("child")}
    assert children == {f"child of {number}": number + 1 for number in range(5)}


def test_span_of_a_streamed_answer_ends_with_it_and_is_current_in_each_piece(app, spans, child):
    @app.get("/stream")
    def stream(application, message):
        try:
            for number in range(3):
                child(f"piece {number}")
                yield b"x"
        finally:
            child("closing")

    environ = TestApp(app).RequestClass.blank("/stream", headers={"traceparent": PARENT}).environ
    pieces = app(environ, lambda *arguments: lambda data: None)
    iterator = iter(pieces)
    next(iterator)
    next(iterator)

    assert "GET /stream" not in spans()
    assert not tracing.get_current_span().get_span_context().is_valid  # between the pieces it is not
    pieces.close()
    found = spans()
    request = f"{found['GET /stream'].context.span_id:016x}"
    assert {name for name, span in found.items() if span.parent and parent_of(span) == request} == {
        *("piece 0", "piece 1", "closing")
    }


def fail_at_once(application, message):
    raise LookupError("on purpose")


def fail_later(application, message):
    yield b"begun"
    raise LookupError("on purpose")


@pytest.mark.parametrize("handler", [fail_at_once, fail_later])
def test_unexpected_exception_is_in_the_span(app, spans, handler):
    app.get("/")(handler)

    try:
        TestApp(app).get("/", status=500)
    except LookupError:
        assert handler is fail_later

    span = spans()["GET /"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "builtins.LookupError"
    (event,) = [event for event in span.events if event.name == "exception"]
    assert event.attributes["exception.message"] == "on purpose"


def test_answer_that_is_an_error_of_the_server_is_one_in_the_span(app, spans):
    app.get("/")(lambda application, message: ("closed", 503))

    TestApp(app).get("/", status=503)

    span = spans()["GET /"]
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "503")


def test_error_of_the_client_is_none_of_the_server(app, spans):
    @app.get("/")
    def miss(application, message):
        raise NotFound

    TestApp(app).get("/", status=404)

    assert spans()["GET /"].status.status_code is StatusCode.UNSET
    assert not spans()["GET /"].events


def test_application_that_raises_has_a_span_nevertheless(provider, spans):
    def application(environ, start_response):
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        Tracing(application, provider)({"REQUEST_METHOD": "GET"}, None)

    assert spans()["GET"].attributes["http.response.status_code"] == 500
    assert not tracing.get_current_span().get_span_context().is_valid


def test_file_is_sent_by_an_application_that_is_traced(app, spans):
    app.get("/file")(lambda application, message: Response(io.BytesIO(b"take five")))

    assert TestApp(app).get("/file").body == b"take five"
    assert "GET /file" in spans()


def test_what_a_client_sends_is_cut_short(app, spans):
    app.get("/")(lambda application, message: "hello")

    TestApp(app).get("/", headers={"User-Agent": "x" * 10_000})

    assert len(spans()["GET /"].attributes["user_agent.original"]) == 1024


def test_without_an_sdk_nothing_is_recorded_and_everything_is_answered():
    app = Brubeck()
    app.get("/")(lambda application, message: str(tracing.get_current_span().is_recording()))
    trace(app)

    assert TestApp(app).get("/", headers={"traceparent": PARENT}).text == "False"


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(MissingLibrary, match=r"pip install 'brubeck-wsgi\[opentelemetry\]'"):
        trace(Brubeck())


@pytest.mark.serving
@pytest.mark.parametrize("hub", HUBS)
def test_tasks_of_requests_in_a_worker_belong_to_the_trace_of_their_client(hub):
    with serving(hub, app="tests.apps.tracing_app:app") as server, ThreadPoolExecutor(10) as pool:
        traces = [f"{number:032x}" for number in range(1, 31)]

        answers = list(pool.map(lambda one: ask(server, "/", f"traceparent: 00-{one}-{CALLER}-01").json(), traces))

    assert answers == [[one] * 3 for one in traces]
