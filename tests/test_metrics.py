"""Metrics in this process: what is counted under which names, where streams end, and who may see the page."""

from __future__ import annotations

import io
import sys
from threading import Thread
from wsgiref.util import FileWrapper

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from test_strands import run  # noqa: F401  # a fixture
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, Converter, MissingLibrary, NotFound, Response, WebMessageHandler
from brubeck_wsgi.concurrency import Event
from brubeck_wsgi.gateway.files import FileWrapper as GatewayFileWrapper
from brubeck_wsgi.metrics import UNKNOWN_METHOD, UNKNOWN_ROUTE, Metrics, Observing, PrometheusMetrics

# WebTest and wsgiref.validate know few methods.
pytestmark = pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")

TOKEN = "a-token-of-24-characters"


class Todo(WebMessageHandler):
    def get(self, number):
        return f"todo {number}"


def fail(application, message):
    raise LookupError("on purpose")


def make_app(**options):
    app = Brubeck([("^/old/(\\d+)$", Todo)], **options)
    app.route("/todo/{number:int}")(Todo)
    app.get("/fail")(fail)
    app.add_route_rule("^/any", lambda application, message: "any")
    return app


@pytest.fixture
def app():
    return make_app()


@pytest.fixture
def metrics(app):
    return Metrics().install(app)


@pytest.fixture
def client(app):
    return TestApp(app, extra_environ={"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"})


def ask(client, method, path):
    return client.request(path, method=method, status="*", expect_errors=True)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/todo/5", ("/todo/{number:int}", "GET", "200")),
        ("HEAD", "/todo/5", ("/todo/{number:int}", "HEAD", "200")),
        ("GET", "/old/5", ("^/old/(\\d+)$", "GET", "200")),
        ("OPTIONS", "/todo/5", ("/todo/{number:int}", "OPTIONS", "204")),
        ("POST", "/todo/5", ("/todo/{number:int}", "POST", "405")),
        ("GET", "/todo/five", (UNKNOWN_ROUTE, "GET", "404")),
        ("GET", "/fail", ("/fail", "GET", "500")),
        ("MADEUP", "/any", ("^/any", UNKNOWN_METHOD, "200")),
        ("get", "/any", ("^/any", UNKNOWN_METHOD, "200")),
    ],
)
def test_request_is_counted_under_its_route_its_method_and_its_status(client, metrics, method, path, expected):
    ask(client, method, path)

    assert metrics.requests == {expected: 1}
    assert metrics.in_flight == 0


def test_what_clients_make_up_makes_no_new_figures(client, metrics):
    for number in range(20):
        ask(client, "GET", f"/nowhere/{number}")
        ask(client, "GET", f"/todo/{number}")
        ask(client, f"X{number}", "/any")

    assert len(metrics.requests) == len(metrics.durations) == 3


def test_route_that_is_added_later_has_its_name_too(app, client, metrics):
    app.get("/late/{name}")(lambda application, message, name: name)

    ask(client, "GET", "/late/1")

    assert list(metrics.requests) == [("/late/{name}", "GET", "200")]


def test_converter_is_not_asked_again_for_the_name_of_the_route(app, client, metrics):
    asked = []

    class Noted(Converter):
        regex = "[a-z]+"

        def load(self, text):
            asked.append(text)
            return text

    app.add_converter("noted", Noted())
    app.get("/noted/{name:noted}")(lambda application, message, name: name)

    ask(client, "GET", "/noted/five")

    assert (list(metrics.requests), asked) == ([("/noted/{name:noted}", "GET", "200")], ["five"])


def test_answer_of_a_hook_is_of_no_route(app, client, metrics):
    app.before_request(lambda application, message: ("closed", 503))

    ask(client, "GET", "/todo/5")

    assert list(metrics.requests) == [(UNKNOWN_ROUTE, "GET", "503")]


def test_durations_fall_into_their_classes():
    metrics = Metrics(buckets=[0.1, 1])

    for seconds in (0.05, 0.1, 0.5, 7.0):
        metrics.begin()
        metrics.end("/", "GET", "200", seconds)

    durations = metrics.durations["/", "GET"]
    assert (durations.buckets, durations.count, durations.seconds) == ([2, 1, 1], 4, pytest.approx(7.65))


@pytest.mark.parametrize("buckets", [[], [1, 1], [2, 1], [0, 1], ["1"]])
def test_buckets_that_make_no_sense_are_refused(buckets):
    with pytest.raises(ConfigurationError, match="expected buckets as seconds"):
        Metrics(buckets)


def test_figures_of_all_threads_add_up(client, metrics):
    def ask_often():
        for _ in range(50):
            ask(client, "GET", "/todo/5")

    threads = [Thread(target=ask_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (metrics.requests, metrics.in_flight) == ({("/todo/{number:int}", "GET", "200"): 200}, 0)


def test_snapshot_is_json_and_says_how_the_process_does(app, client, metrics):
    app.get("/figures")(lambda application, message: metrics.snapshot())
    ask(client, "GET", "/todo/5")

    figures = client.get("/figures").json

    assert figures["requests"] == [{"route": "/todo/{number:int}", "method": "GET", "status": "200", "count": 1}]
    assert sum(figures["durations"][0]["buckets"].values()) == 1
    assert (figures["in_flight"], figures["lag"], figures["blocks"], figures["tasks"]) == (1, 0, 0, 0)


def test_tasks_that_run_are_counted(app, metrics, run):  # noqa: F811
    may_end = Event()
    counts = []

    class Shop(WebMessageHandler):
        def get(self):
            has_begun = [Event(), Event()]
            for begun in has_begun:
                self.tasks.spawn(lambda begun=begun: (begun.set(), may_end.wait()))
            for begun in has_begun:
                assert begun.wait(20)
            counts.append(metrics.snapshot()["tasks"])
            may_end.set()
            return "sold"

    app.route("/shop")(Shop)

    run(lambda: TestApp(app).get("/shop"))

    assert counts == [2]
    assert metrics.snapshot()["tasks"] == 0


def test_application_without_a_watchdog_has_figures_nevertheless():
    app = make_app(watchdog=None)

    metrics = Metrics().install(app)

    assert metrics.snapshot()["lag"] == 0


# -- the end of an answer


def observed(application, **more):
    """Return what a server gets from *application*, and what is counted of it."""
    metrics = Metrics()
    environ = TestApp(application).RequestClass.blank("/").environ | more
    body = Observing(application, metrics)(environ, lambda *arguments: lambda data: None)
    return body, metrics


def test_streamed_answer_counts_until_it_is_closed():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"a"
        yield b"b"

    body, metrics = observed(application)

    assert (metrics.in_flight, metrics.requests) == (1, {})
    assert list(body) == [b"a", b"b"]
    assert metrics.in_flight == 1
    body.close()
    body.close()
    assert (metrics.in_flight, metrics.requests) == (0, {(UNKNOWN_ROUTE, "GET", "200"): 1})


@pytest.mark.parametrize("wrapper", [FileWrapper, GatewayFileWrapper])
def test_file_stays_in_the_wrapper_of_the_server_and_counts_until_it_is_closed(tmp_path, wrapper):
    path = tmp_path / "take.txt"
    path.write_bytes(b"take five")
    file = path.open("rb")

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](file)

    body, metrics = observed(application, **{"wsgi.file_wrapper": wrapper})

    assert type(body) is wrapper
    assert body.filelike.fileno() == file.fileno()  # what a server needs for sendfile
    assert b"".join(body) == b"take five"
    assert metrics.in_flight == 1
    body.close()
    assert (metrics.in_flight, file.closed) == (0, True)


def test_application_that_raises_is_counted_as_500():
    def application(environ, start_response):
        raise LookupError

    metrics = Metrics()
    with pytest.raises(LookupError):
        Observing(application, metrics)({"REQUEST_METHOD": "GET"}, None)

    assert (metrics.in_flight, metrics.requests) == (0, {(UNKNOWN_ROUTE, "GET", "500"): 1})


def test_connection_that_becomes_something_else_is_over_as_a_request():
    seen = []

    def application(environ, start_response):
        seen.append(environ["brubeck.upgrade"]("websocket"))
        seen.append(dict(metrics.requests))
        start_response("200 OK", [])
        return []

    metrics = Metrics()
    environ = {"REQUEST_METHOD": "GET", "HTTP_UPGRADE": "websocket", "brubeck.upgrade": lambda name: f"way of {name}"}
    Observing(application, metrics)(environ, lambda *arguments: None)

    assert seen == ["way of websocket", {(UNKNOWN_ROUTE, "GET", "101"): 1}]
    assert (metrics.in_flight, sum(metrics.requests.values())) == (0, 1)


# -- for Prometheus


@pytest.fixture
def registry():
    return CollectorRegistry()


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_page_has_counters_histograms_and_gauges(app, client, registry):
    PrometheusMetrics(registry=registry, buckets=[0.5, 5]).install(app)
    ask(client, "GET", "/todo/5")
    ask(client, "GET", "/nowhere")

    answer = client.get("/metrics")

    found = samples(answer.text)
    labels = ("method", "GET"), ("route", "/todo/{number:int}")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert found["brubeck_requests_total", *labels, ("status", "200")] == 1
    assert found["brubeck_requests_total", ("method", "GET"), ("route", UNKNOWN_ROUTE), ("status", "404")] == 1
    assert found["brubeck_request_duration_seconds_count", *labels] == 1
    assert found["brubeck_request_duration_seconds_bucket", ("le", "0.5"), *labels] == 1
    assert found["brubeck_requests_in_flight",] == 0  # the page is none of the application's
    assert {("brubeck_loop_lag_seconds",), ("brubeck_tasks",), ("brubeck_loop_blocks_total",)} <= found.keys()


def test_page_is_there_in_the_format_that_is_asked_for(app, client, registry):
    PrometheusMetrics(registry=registry).install(app)

    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_nothing_is_there_until_it_is_asked_for(client):
    client.get("/metrics", status=404)


def test_page_can_be_elsewhere_or_nowhere(app, client, registry):
    PrometheusMetrics(registry=registry).install(app, path="/figures")
    PrometheusMetrics(registry=registry, namespace="second").install(app, path=None)

    assert "second_requests_total" in client.get("/figures").text
    client.get("/metrics", status=404)


def test_names_that_are_registered_already_are_refused(registry):
    PrometheusMetrics(registry=registry)

    with pytest.raises(ConfigurationError, match="cannot register the metrics"):
        PrometheusMetrics(registry=registry)


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"}, 200),
        ({"REMOTE_ADDR": "192.0.2.1"}, 403),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ({"HTTP_HOST": "rebound.example"}, 403),
    ],
)
def test_page_is_for_clients_on_this_machine(app, client, registry, environ, status):
    PrometheusMetrics(registry=registry).install(app)

    client.get("/metrics", extra_environ=environ, status=status)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer \xff", 401),
        ("", 401),
    ],
)
def test_page_with_a_token_is_for_who_has_it_from_wherever(app, client, registry, header, status):
    PrometheusMetrics(registry=registry).install(app, token=TOKEN)

    environ = {"HTTP_AUTHORIZATION": header, "REMOTE_ADDR": "192.0.2.1"}
    answer = client.get("/metrics", extra_environ=environ, status=status)

    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("options", [{"token": ""}, {"token": "short"}, {"token": 5}, {"path": "metrics"}, {"path": 5}])
def test_page_that_could_not_be_protected_or_found_is_refused(app, registry, options):
    with pytest.raises(ConfigurationError, match=f"expected {next(iter(options))} as"):
        PrometheusMetrics(registry=registry).install(app, **options)


def test_page_is_read_and_not_written(app, client, registry):
    PrometheusMetrics(registry=registry).install(app)

    assert client.post("/metrics", status=405).headers["Allow"] == "GET, HEAD"
    assert client.head("/metrics").body == b""


def test_page_is_there_while_the_application_takes_no_requests(registry):
    app = make_app(max_concurrent=1)
    app.before_request(lambda application, message: ("closed", 503))
    PrometheusMetrics(registry=registry).install(app)
    client = TestApp(app, extra_environ={"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost"})

    client.get("/todo/5", status=503)
    client.get("/metrics", status=200)


def test_page_of_one_of_several_workers_says_that_it_would_be_wrong(app, client, registry, caplog):
    PrometheusMetrics(registry=registry).install(app)

    answer = client.get("/metrics", extra_environ={"wsgi.multiprocess": True}, status=503)

    assert "share_metrics()" in answer.json["detail"]
    assert [record.name for record in caplog.records] == ["brubeck.metrics"]


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(MissingLibrary, match=r"pip install 'brubeck-wsgi\[prometheus\]'"):
        PrometheusMetrics()


def test_file_of_a_handler_is_sent_by_an_application_that_is_watched(app, client, metrics):
    app.get("/file")(lambda application, message: Response(io.BytesIO(b"take five")))

    assert client.get("/file").body == b"take five"
    assert metrics.requests == {("/file", "GET", "200"): 1}


def test_error_that_a_handler_raises_is_counted_with_its_status(app, client, metrics):
    @app.get("/raises")
    def raises(application, message):
        raise NotFound("no such take")

    client.get("/raises", status=404)

    assert metrics.requests == {("/raises", "GET", "404"): 1}
