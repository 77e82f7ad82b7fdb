"""The loggers of the tree ``brubeck``, the line of each request, and the id that ties them together."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from servers import ROOT
from webtest import TestApp, TestRequest

from brubeck_wsgi import Brubeck, ConfigurationError, NotFound, Response, WebMessageHandler, requestid

NEW_ID = r"[0-9a-f]{16}-\d+"


@pytest.fixture
def access(caplog):
    """What is logged, with the access log on."""
    caplog.set_level(logging.INFO, logger="brubeck.access")
    return caplog


@pytest.fixture
def brubeck_logger():
    """The root of our loggers, as it was afterwards."""
    logger = logging.getLogger("brubeck")
    level, handlers, propagates = logger.level, list(logger.handlers), logger.propagate
    yield logger
    logger.setLevel(level)
    logger.handlers[:], logger.propagate = handlers, propagates


def run_python(code) -> str:
    """Return what *code* prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def make_app() -> Brubeck:
    app = Brubeck()

    @app.get("/take")
    def take(application, message):
        return "five"

    @app.get("/stream")
    def stream(application, message):
        yield "4"
        yield message.request_id

    @app.get("/id")
    def identify(application, message):
        return message.request_id

    @app.get("/fail")
    def fail(application, message):
        raise LookupError("no take")

    @app.get("/{path:path}")
    def echo(application, message, path):
        if path == "lost":
            raise NotFound("no take")
        return path

    return app


@pytest.fixture
def client():
    return TestApp(make_app())


# -- one line for each request


@pytest.mark.parametrize(
    ("method", "path", "line"),
    [
        ("GET", "/take", "200 GET /take"),
        ("HEAD", "/take", "200 HEAD /take"),
        ("GET", "/stream", "200 GET /stream"),
        ("HEAD", "/stream", "200 HEAD /stream"),
        ("GET", "/lost", "404 GET /lost"),
        ("PUT", "/take", "405 PUT /take"),
        ("OPTIONS", "/take", "204 OPTIONS /take"),
        ("GET", "/fail", "500 GET /fail"),
    ],
)
def test_request_leaves_one_line(access, method, path, line):
    client = TestApp(make_app(), extra_environ={"REMOTE_ADDR": "192.0.2.1"})

    client.request(f"{path}?password=5", method=method, expect_errors=True)

    [record] = [record for record in access.records if record.name == "brubeck.access"]
    assert re.fullmatch(rf"{line} 192\.0\.2\.1 \d+\.\dms \[{NEW_ID}\]", record.getMessage())
    assert record.levelname == "INFO"
    assert record.getMessage().endswith(f"[{record.request_id}]")


def test_client_without_an_address_is_a_dash(client, access):
    client.get("/take")

    assert access.records[0].getMessage().startswith("200 GET /take - ")


def test_path_of_a_mounted_application_is_logged_whole(client, access):
    client.get("/take", extra_environ={"SCRIPT_NAME": "/band"})

    assert access.records[0].getMessage().startswith("200 GET /band/take ")


def test_stream_is_logged_when_it_is_over(access):
    iterable = make_app()(TestRequest.blank("/stream").environ, lambda status, headers: print)
    assert not access.records
    iterable.close()

    assert [record.getMessage()[:16] for record in access.records] == ["200 GET /stream "]


def test_response_that_an_after_hook_put_in_place_is_what_is_logged(access):
    app = make_app()
    app.after_request(lambda application, message, response: Response("", 404))

    TestApp(app).get("/stream", status=404)

    assert [record.getMessage()[:16] for record in access.records] == ["404 GET /stream "]


def test_request_is_not_logged_below_info(client, caplog):
    caplog.set_level(logging.WARNING, logger="brubeck.access")

    client.get("/take")

    assert not caplog.records


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("/a%0A500%20GET%20/forged", "/a%0A500%20GET%20/forged"),
        ("/a%0D%0Ab", "/a%0D%0Ab"),
        ("/a%1B[31m", "/a%1B%5B31m"),
        ("/a%00", "/a%00"),
        ("/d%C3%A9j%C3%A0%20vu", "/d%C3%A9j%C3%A0%20vu"),
        ("/%E2%80%AEtxt", "/%E2%80%AEtxt"),
        ("/%ff", "/%FF"),
        ("/100%25", "/100%25"),
        ('/"quoted"', "/%22quoted%22"),
    ],
)
def test_path_cannot_forge_a_line(client, access, sent, logged):
    answer = client.get(sent, expect_errors=True)

    [record] = access.records
    assert record.getMessage().startswith(f"{answer.status_code} GET {logged} - ")
    assert record.getMessage().isprintable()


def test_failure_is_logged_with_a_path_that_forges_no_line(caplog):
    def fail(application, message):
        raise LookupError("no\ntake")

    TestApp(Brubeck(no_handler=fail)).get("/a%0Ab", headers={"X-Request-Id": "set-1"}, status=500)

    assert caplog.records[0].getMessage() == r"GET /a%0Ab failed: LookupError('no\ntake') [set-1]"


# -- the id


@pytest.mark.parametrize("sent", ["a", "5", "7d0c2a91f4b3e865-1", "A.b_c+d/e=f:g@h-i", "x" * 128])
def test_sane_id_of_the_client_is_taken(client, access, sent):
    answer = client.get("/id", headers={"X-Request-Id": sent})

    assert (answer.text, answer.headers["X-Request-Id"], access.records[0].request_id) == (sent, sent, sent)


@pytest.mark.parametrize("sent", ["", " ", "a b", "a,b", "x" * 129, "a\x1b[31m", "é", "<b>", 'a"b', "a;b", "a%0Ab"])
def test_other_id_of_the_client_is_replaced(client, access, sent):
    answer = client.get("/id", extra_environ={"HTTP_X_REQUEST_ID": sent})

    assert re.fullmatch(NEW_ID, answer.text)
    assert answer.headers["X-Request-Id"] == access.records[0].request_id == answer.text


@pytest.mark.parametrize("path", ["/take", "/id", "/stream", "/lost", "/fail"])
@pytest.mark.parametrize("sent", [{}, {"X-Request-Id": "set-1"}, {"X-Request-Id": "not sane"}])
def test_answer_and_every_log_line_have_one_id(client, access, path, sent):
    answer = client.get(path, headers=sent, expect_errors=True)

    ids = {record.request_id for record in access.records}
    assert ids == {answer.headers["X-Request-Id"]}
    if path == "/id":
        assert {answer.text} == ids


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_stream_knows_the_id_that_its_answer_has(client, caplog, level):
    caplog.set_level(level, logger="brubeck.access")

    answer = client.get("/stream")

    assert answer.text == f"4{answer.headers['X-Request-Id']}"


def test_stream_that_fails_is_logged_with_the_id_that_its_answer_has(caplog):
    def count(application, message):
        yield "4"
        raise LookupError("no piece")

    sent = []

    def start_response(status, headers):
        sent.extend(headers)
        return print

    iterable = Brubeck(no_handler=count)(TestRequest.blank("/").environ, start_response)
    with pytest.raises(LookupError):
        list(iterable)
    iterable.close()

    assert dict(sent)["X-Request-Id"] == caplog.records[0].request_id


def test_handler_knows_the_id_when_it_is_finished(access):
    finished = []

    class StreamHandler(WebMessageHandler):
        def get(self):
            yield "5"

        def on_finish(self):
            finished.append(self.message.request_id)

    answer = TestApp(Brubeck(handler_tuples=[("^/$", StreamHandler)])).get("/")

    assert finished == [answer.headers["X-Request-Id"]]


def test_ids_are_never_the_same():
    app = make_app()

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda number: TestApp(app).get("/take").headers["X-Request-Id"], range(400)))

    assert len(ids) == 400


def test_ids_count_the_requests():
    first, *others = (int(next(requestid.identities)[1].rpartition("-")[2]) for _ in range(2500))

    assert others == list(range(first + 1, first + 2500))


def test_forked_workers_give_out_ids_of_their_own():
    code = """
import os
from brubeck_wsgi import requestid
next(requestid.identities)
children = [os.fork() for _ in range(2)]  # four processes
os.write(1, f"{next(requestid.identities)[1]} {next(requestid.identities)[1]} ".encode())
for child in filter(None, children):
    os.waitpid(child, 0)
"""

    ids = run_python(code).split()

    assert len(ids) == len(set(ids)) == 8
    assert len({one.partition("-")[0] for one in ids}) == 4


# -- the tree, and its level


def test_importing_configures_no_logging():
    code = """
import logging
before = set(logging.root.manager.loggerDict), list(logging.root.handlers), logging.root.level
import brubeck_wsgi
brubeck_wsgi.Brubeck(), brubeck_wsgi.WSGIConnection, brubeck_wsgi.Request
for name, logger in logging.root.manager.loggerDict.items():
    if name.startswith("brubeck"):
        assert not getattr(logger, "handlers", []) and not getattr(logger, "level", 0), name
assert (logging.root.handlers, logging.root.level) == before[1:]
print(*sorted(name for name in logging.root.manager.loggerDict if name.startswith("brubeck")))
"""

    assert run_python(code).split() == ["brubeck", "brubeck.access", "brubeck.app", "brubeck.watchdog"]


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, "WARNING", "ERROR"])
def test_log_level_sets_the_level_of_the_tree(brubeck_logger, level):
    Brubeck(log_level=level)

    assert brubeck_logger.level == logging.getLogger("brubeck.access").getEffectiveLevel()
    assert level in (brubeck_logger.level, logging.getLevelName(brubeck_logger.level))


def test_no_log_level_leaves_the_tree_alone(brubeck_logger):
    before = brubeck_logger.level, list(brubeck_logger.handlers)

    Brubeck()

    assert (brubeck_logger.level, brubeck_logger.handlers) == before


def test_log_level_adds_no_handler_where_the_program_has_one(brubeck_logger):
    handler = logging.NullHandler()
    brubeck_logger.addHandler(handler)

    Brubeck(log_level="INFO")

    assert brubeck_logger.handlers == [handler]


def test_log_level_has_the_tree_write_to_standard_error_once(brubeck_logger, capsys):
    brubeck_logger.propagate = False  # pytest has a handler at the root

    for _ in range(2):
        app = Brubeck(log_level="INFO", no_handler=lambda application, message: "five")
    TestApp(app).get("/take", headers={"X-Request-Id": "set-1"})

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO brubeck.access: 200 GET /take - \d+\.\dms \[set-1\]\n",
        capsys.readouterr().err,
    )


@pytest.mark.parametrize("level", ["LOUD", "", object(), 1.5])
def test_log_level_that_is_none_is_a_configuration_error(brubeck_logger, level):
    with pytest.raises(ConfigurationError, match="expected a logging level, got"):
        Brubeck(log_level=level)
