"""Gunicorn's settings, as the workers keep them, on both hubs."""

from __future__ import annotations

import os
import re
import socket

import pytest
from servers import free_port

from brubeck_wsgi.workers.configuration import trust
from tests.apps.worker_app import SHORT_FILE
from tests.apps.worker_clients import HUBS, Client, ask, serving, wait_for_handler

pytestmark = pytest.mark.serving

REGISTER = "from brubeck_wsgi.workers import register\nregister()\n"


# -- which worker, on which library


WITHOUT_LIBRARY = """
import sys
sys.modules[{hidden!r}] = None
from gunicorn.app.wsgiapp import run
sys.exit(run())
"""


@pytest.mark.parametrize("hub", HUBS)
def test_library_that_is_missing_is_named_in_one_line(hub):
    with pytest.raises(AssertionError) as ended, serving(hub, starter=WITHOUT_LIBRARY.format(hidden=hub)):
        pass

    requirement = {"gevent": "gevent", "eventlet": "'brubeck-wsgi[eventlet]'"}[hub]
    output = f"the {hub} worker needs {hub}: pip install {requirement}\n"
    assert str(ended.value) == f"ended with status 1 before answer; output:\n{output}"


TELL_OF_MASTER = """
import sys, threading, time, _thread
def on_exit(server):
    libraries = {"gevent", "eventlet"} & set(sys.modules)
    server.log.info("master: %s %s %s", libraries, time.sleep.__module__, threading.local.__module__)
"""


@pytest.mark.parametrize("hub", HUBS)
@pytest.mark.parametrize(("name", "config"), [("egg:brubeck-wsgi#{}", ""), ("{}", REGISTER)])
def test_worker_has_short_names_and_needs_no_other_library(hub, name, config):
    other = next(name for name in HUBS if name != hub)
    starter = WITHOUT_LIBRARY.format(hidden=other)
    with serving(hub, "-k", name.format(hub), config=config, starter=starter) as server:
        assert "brubeck.upgrade" in ask(server, "/environ").json()["keys"]
        assert ask(server, "/process").json()["sleep"].startswith(hub)
        assert f"Using worker: {name.format(hub)}" in server.output()


TELL_OF_MASTER = """
import sys, threading, time, _thread
def on_exit(server):
    libraries = {"gevent", "eventlet"} & set(sys.modules)
    server.log.info("master: %s %s %s", libraries, time.sleep.__module__, threading.local.__module__)
"""


@pytest.mark.parametrize("hub", HUBS)
def test_one_library_does_without_the_other(hub):
    other = next(name for name in HUBS if name != hub)
    with serving(hub, starter=WITHOUT_LIBRARY.format(hidden=other)) as server:
        assert ask(server, "/process").json()["sleep"].startswith(hub)


@pytest.mark.parametrize("hub", HUBS)
def test_application_loaded_in_the_master_is_served_and_the_master_left_as_it_was(hub):
    with serving(hub, "--preload", config=TELL_OF_MASTER) as server:
        with Client(server) as first, Client(server) as second:
            for client in (first, second):
                client.request(f"/hold?name={client.socket.fileno()}")
                wait_for_handler(server, str(client.socket.fileno()))
            process = ask(server, "/process").json()
            ask(server, "/release")
            assert (first.answer().body, second.answer().body) == (b"released", b"released")

        assert process["loaded_by"] == process["parent"] == server.process.pid
        assert process["sleep"].startswith(hub)
        assert server.stop() == 0
        assert "master: set() time _thread" in server.output()


# -- limits

LINE, FIELDS, FIELD = 100, 5, 60


@pytest.fixture(scope="module", params=HUBS)
def limited(request):
    config = f"limit_request_line, limit_request_fields, limit_request_field_size = {LINE}, {FIELDS}, {FIELD}\n"
    with serving(request.param, config=config + "keepalive = 1\nworker_connections = 3\n") as server:
        yield server


def head(line=LINE - 10, fields=FIELDS - 1, field=FIELD - 10) -> bytes:
    """Return the head of a request with so many bytes in its line, so many fields, and so many bytes in one of them."""
    lines = ["GET /".ljust(line - len(" HTTP/1.1\r\n"), "x") + " HTTP/1.1", "Host: test"]
    lines += [f"X-{number}: ".ljust(field - 2, "x") for number in range(fields - 1)]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head(), 404),
        (head(line=LINE), 404),
        (head(line=LINE + 3), 414),
        (head(fields=FIELDS), 404),
        (head(fields=FIELDS + 1), 431),
        (head(field=FIELD), 404),
        (head(field=FIELD + 3), 431),
    ],
)
def test_head_over_a_limit_is_refused(limited, sent, status):
    with Client(limited) as client:
        client.send(sent)

        assert client.answer().status == status
        if status != 404:
            assert client.is_closed()


def test_idle_connection_is_closed_after_a_while(limited):
    with Client(limited) as client:
        assert client.ask().get("Connection") is None

        assert client.is_closed()


def test_connections_beyond_the_limit_wait_and_are_not_refused(limited):
    with Client(limited) as first, Client(limited) as second, Client(limited) as third, Client(limited) as fourth:
        for client in (first, second, third):
            client.request("/sleep?seconds=0.4")
        fourth.request()
        assert fourth.is_silent()

        assert first.answer().body == b"slept"
        first.close()

        assert fourth.answer().body == b"hello"


FEW_DESCRIPTORS = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"


@pytest.mark.parametrize(("hub", "config"), [("gevent", ""), ("eventlet", ""), ("gevent", "proxy_protocol = True\n")])
def test_server_that_is_out_of_descriptors_goes_on_when_there_are_some(hub, config):
    with serving(hub, config=FEW_DESCRIPTORS + config) as server:
        ask(server, "/exhaust?seconds=0.3")

        server.wait_until(lambda: "exhausted" in ask(server, "/happened").json(), "answer after all were used")


# -- how long, how many


@pytest.fixture(scope="module", params=HUBS)
def timed(request):
    config = "timeout = 1\ndef worker_abort(worker):\n    worker.log.info('hook of the abort')\n"
    with serving(request.param, config=config) as server:
        yield server


def test_worker_that_waits_in_its_handlers_is_not_taken_for_blocked(timed):
    before = ask(timed, "/process").json()["pid"]

    assert ask(timed, "/sleep?seconds=2.1").body == b"slept"

    assert ask(timed, "/process").json()["pid"] == before


def test_worker_whose_loop_is_blocked_is_replaced(timed):
    before = ask(timed, "/process").json()["pid"]
    with Client(timed) as client:
        client.request("/block")

        def is_replaced():
            return "Booting worker" in timed.output().partition("WORKER TIMEOUT")[2]

        timed.wait_until(is_replaced, "new worker")
    assert ask(timed, "/process").json()["pid"] != before
    assert f"WORKER TIMEOUT (pid:{before})" in timed.output()
    assert "hook of the abort" in timed.output()


@pytest.mark.parametrize("hub", HUBS)
def test_request_that_takes_too_long_is_cut_when_the_server_stops(hub):
    with serving(hub, config="graceful_timeout = 1\n") as server, Client(server) as client:
        client.request("/hold")
        wait_for_handler(server, "somebody")

        assert server.stop() == 0

        assert client.is_closed()


@pytest.mark.parametrize("hub", HUBS)
def test_worker_is_replaced_after_so_many_requests(hub):
    with serving(hub, config="max_requests = 5\nmax_requests_jitter = 2\n") as server:
        told = "Autorestarting worker after current request."
        before = ask(server, "/process").json()["pid"]
        for _ in range(2):
            ask(server)
        assert told not in server.output()  # after four, with the one of `serving`

        for _ in range(3):
            ask(server)

        assert server.output().count(told) == 1
        server.wait_until(lambda: f"Worker exiting (pid: {before})" in server.output(), "end of the worker")
        assert ask(server, "/process").json()["pid"] != before


# -- proxies


@pytest.mark.parametrize(
    ("allowed", "address", "is_trusted"),
    [
        ([], "127.0.0.1", False),
        (["127.0.0.1", "::1"], "127.0.0.1", True),
        (["127.0.0.1", "::1"], "127.0.0.2", False),
        (["127.0.0.1", "::1"], "::1", True),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "11.1.2.3", False),
        (["10.0.0.0/8"], "nonsense", False),
        ([], "", True),  # a unix socket
        (["*"], "nonsense", True),
    ],
)
def test_peer_is_trusted_by_its_address(allowed, address, is_trusted):
    assert trust(allowed)(address) is is_trusted


@pytest.fixture(scope="module", params=HUBS)
def trusting(request):
    config = "header_map = 'refuse'\nsecure_scheme_headers = {'X-FORWARDED-PROTO': 'https', 'X-SSL': 'on'}\n"
    with serving(request.param, config=config, SCRIPT_NAME="/app") as server:
        yield server


@pytest.fixture(scope="module", params=HUBS)
def distrusting(request):
    with serving(
        request.param, config="forwarded_allow_ips = '192.0.2.1'\nsendfile = False\nkeepalive = 0\n"
    ) as server:
        yield server


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), {"wsgi.url_scheme": "http", "SCRIPT_NAME": "/app", "PATH_INFO": "/environ"}),
        (("X-Forwarded-Proto: https",), {"wsgi.url_scheme": "https", "HTTP_X_FORWARDED_PROTO": "https"}),
        (("X-SSL: on",), {"wsgi.url_scheme": "https"}),
        (("X-SSL: off",), {"wsgi.url_scheme": "http"}),
        (("SCRIPT_NAME: /app/environ",), {"SCRIPT_NAME": "/app/environ", "PATH_INFO": ""}),
    ],
)
def test_proxy_that_is_trusted_speaks_for_its_client(trusting, headers, expected):
    answer = ask(trusting, "/app/environ", *headers)

    if expected.get("PATH_INFO") == "":
        assert answer.body == b"hello"
    else:
        environ = answer.json()
        assert {key: environ[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("X-Forwarded-Proto: https", "X-SSL: off"), 400),
        (("X_Forwarded_Proto: https",), 400),
        (("X_Other: 1",), 400),
        (("SCRIPT_NAME: /other",), 404),
    ],
)
def test_proxy_that_is_trusted_is_refused_what_cannot_be_true(trusting, headers, status):
    assert ask(trusting, "/app/environ", *headers).status == status


def test_path_outside_of_the_application_is_not_found(trusting):
    assert ask(trusting, "/environ").status == 404


def test_proxy_that_is_not_trusted_is_not_believed(distrusting):
    headers = ("X-Forwarded-Proto: https", "SCRIPT_NAME: /environ", "X_Other: 1")
    environ = ask(distrusting, "/environ", *headers).json()

    assert (environ["wsgi.url_scheme"], environ["SCRIPT_NAME"]) == ("http", "")
    assert "HTTP_X_OTHER" not in environ


def test_header_names_with_underscores_pass_where_that_is_asked_for():
    with serving("gevent", config="header_map = 'dangerous'\n") as server:
        assert ask(server, "/environ", "X_Other: 1", "X-Other: 2").json()["HTTP_X_OTHER"] in ("1,2", "2,1")


def test_no_connection_is_kept_where_keepalive_is_off(distrusting):
    with Client(distrusting) as client:
        assert client.ask().get("Connection") == "close"
        assert client.is_closed()


def test_file_is_read_where_sendfile_is_off(distrusting):
    assert ask(distrusting, "/file").body == SHORT_FILE

    assert "file read" in ask(distrusting, "/happened").json()


# -- where to listen


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module", params=HUBS)
def listening(request, tmp_path_factory):
    """A server on several addresses, and what they are."""
    addresses = {"unix": str(tmp_path_factory.mktemp("listening") / "socket"), "ipv4": free_port(), "ipv6": free_port()}
    options = ["-b", f"unix:{addresses['unix']}", "-b", f"127.0.0.1:{addresses['ipv4']}"]
    if has_ipv6():
        options += ["-b", f"[::1]:{addresses['ipv6']}"]
    with serving(request.param, *options) as server:
        yield server, addresses


def test_server_listens_on_several_addresses(listening):
    server, addresses = listening

    for port in (server.port, addresses["ipv4"]):
        assert ask(port, "/environ").json()["SERVER_PORT"] == str(port)


def test_server_listens_on_a_unix_socket(listening):
    with Client(listening[1]["unix"]) as client:
        environ = client.ask("/environ").json()

        assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("", "test", "80")
        assert client.ask("/echo", method="POST", body=bytes(1_000_000)).body == bytes(1_000_000)
        assert client.ask("/file").body == SHORT_FILE


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_server_listens_on_ipv6(listening):
    port = listening[1]["ipv6"]
    with Client(port, host="::1") as client:
        environ = client.ask("/environ").json()

        assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("::1", "::1", str(port))


def test_unix_socket_is_removed_at_the_end(listening):
    server, addresses = listening

    assert server.stop() == 0

    assert not os.path.exists(addresses["unix"])


WITH_SOCKET = """
import os, socket, sys
host, port = sys.argv[sys.argv.index("-b") + 1].split(":")
os.dup2(socket.create_server((host, int(port))).detach(), 3)
os.set_inheritable(3, True)
command = [sys.executable, "-m", "gunicorn", *sys.argv[1:]]
if {kind!r} == "fd":
    command += ["-b", "fd://3"]
else:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(command[0], command)
"""


@pytest.mark.parametrize("hub", HUBS)
@pytest.mark.parametrize("kind", ["fd", "systemd"])
def test_server_listens_on_a_socket_that_it_was_given(hub, kind):
    with serving(hub, starter=WITH_SOCKET.format(kind=kind)) as server:
        assert ask(server, "/environ").json()["SERVER_PORT"] == str(server.port)


@pytest.mark.parametrize("hub", HUBS)
def test_workers_may_have_a_socket_each(hub):
    with serving(hub, "--workers", "2", config="reuse_port = True\n") as server:
        found = set()

        def have_both_answered():
            found.add(ask(server, "/process").json()["pid"])
            return len(found) == 2

        server.wait_until(have_both_answered, "answer of the second worker")


# -- development


@pytest.mark.parametrize("hub", HUBS)
def test_worker_is_replaced_when_its_code_changes(hub, tmp_path):
    code = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [{!r}]\n"
    source = tmp_path / "reloaded.py"
    source.write_text(code.format(b"before"))
    with serving(hub, "--reload", "--pythonpath", str(tmp_path), app="reloaded:app") as server:
        assert ask(server).body == b"before"

        source.write_text(code.format(b"the new answer"))

        server.wait_until(lambda: server.get() == (200, b"the new answer"), "new answer")
        assert re.search(r"Worker reloading: .*reloaded\.py modified", server.output())
