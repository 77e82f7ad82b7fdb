"""What the workers leave to Gunicorn's own code: TLS, HTTP/2, PROXY protocol and lenient parsing, on both hubs."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import ssl
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest
from gunicorn.config import Config
from servers import Server, free_port

from brubeck_wsgi.workers import GeventWorker
from tests.apps.worker_clients import CLASSES, HUBS, Client, ask, serving

pytestmark = pytest.mark.serving
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_h2 = pytest.mark.skipif(importlib.util.find_spec("h2") is None, reason="h2 is not installed")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, None),
        ({"certfile": "c", "keyfile": "k"}, "TLS"),
        ({"proxy_protocol": "v2"}, "PROXY protocol"),
        ({"protocol": "uwsgi"}, "uWSGI protocol"),
        ({"http_protocols": "h2,h1", "http2_cleartext": "upgrade"}, "HTTP/2"),
        ({"http_protocols": "h2,h1"}, None),  # without TLS nobody could speak it
        ({"permit_obsolete_folding": True}, "permit_obsolete_folding"),
        ({"strip_header_spaces": True}, "strip_header_spaces"),
        ({"casefold_http_method": True}, "casefold_http_method"),
        ({"http_parser": "python"}, "http_parser = 'python'"),
    ],
)
def test_worker_says_at_the_start_what_it_leaves_to_gunicorn(caplog, settings, said):
    config = Config()
    for name, value in settings.items():
        config.set(name, value)

    with caplog.at_level(logging.INFO):
        GeventWorker.check_config(config, logging.getLogger(__name__))

    expected = [] if said is None else [f"{said}: connections are served by Gunicorn's own code, at its speed"]
    assert caplog.messages == expected


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The paths of a certificate for 127.0.0.1, signed by itself, and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    paths = str(folder / "certificate.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return paths


@pytest.fixture(scope="module")
def tls(certificate):
    return ssl.create_default_context(cafile=certificate[0])


@contextmanager
def serving_tls(hub, certificate, tls, config=""):
    """Serve over TLS, with time for idle connections."""

    def is_answering(server):
        try:
            return ask(server, tls=tls).body == b"hello"
        except OSError:
            return False

    config = f"certfile, keyfile = {certificate!r}\nhttp_protocols = 'h2,h1'\nkeepalive = 90\n{config}"
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Server, "is_answering", is_answering)
            server = stack.enter_context(serving(hub, config=config))
        yield server


@pytest.fixture(scope="module", params=HUBS)
def secure(request, certificate, tls):
    with serving_tls(request.param, certificate, tls) as server:
        yield server


@needs_openssl
def test_requests_are_answered_over_tls(secure, tls):
    with Client(secure, tls) as client:
        environ = client.ask("/environ").json()
        body = bytes(range(256)) * 4096

        assert (environ["wsgi.url_scheme"], environ["SERVER_PORT"]) == ("https", str(secure.port))
        assert client.ask("/echo", method="POST", body=body).body == body
        assert client.ask("/bytes?count=1000000&step=10000").body == bytes(1_000_000)


@needs_openssl
def test_client_that_does_not_shake_hands_holds_up_nobody(secure, tls):
    with Client(secure), Client(secure) as other:
        other.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")  # which is no TLS

        assert ask(secure, tls=tls).body == b"hello"


@needs_openssl
@needs_curl
@needs_h2
def test_http_2_is_spoken_where_the_client_wants_it(secure, certificate):
    url = f"https://127.0.0.1:{secure.port}"
    command = ["curl", "--silent", "--cacert", certificate[0], "--http2", "--write-out", " HTTP/%{http_version}"]

    shown = subprocess.run([*command, f"{url}/", f"{url}/bytes?count=3&step=1"], capture_output=True, timeout=30)

    assert shown.stdout == b"hello HTTP/2\0\0\0 HTTP/2"


@needs_openssl
@pytest.mark.parametrize("hub", HUBS)
def test_server_that_speaks_tls_stops_when_all_is_answered(hub, certificate, tls):
    with (
        serving_tls(hub, certificate, tls) as server,
        Client(server, tls) as held,
        Client(server, tls) as idle,
        Client(server, tls) as busy,
        Client(server, tls) as late,
    ):
        for client in (idle, busy, late):
            client.ask()
        held.request("/hold")
        server.wait_until(lambda: idle.ask("/waiting").json() == ["somebody"], "handler that waits")
        server.process.terminate()
        while busy.ask().get("Connection") != "close":
            pass

        assert late.ask("/release").get("Connection") == "close"
        assert (held.answer().body, idle.rest(), server.process.wait(10)) == (b"released", b"", 0)


@needs_openssl
@pytest.mark.parametrize("hub", HUBS)
def test_certificate_that_cannot_be_read_ends_the_server(hub, tmp_path):
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        CLASSES[hub],
        "--certfile",
        str(nonsense),
        "--keyfile",
        str(nonsense),
    ]
    command += ["--no-control-socket", "-b", f"127.0.0.1:{free_port()}", "tests.apps.worker_app:app"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 3, ended.stderr
    assert "SSLError" in ended.stderr


@pytest.fixture(scope="module", params=HUBS)
def proxied(request):
    config = "proxy_protocol = True\nworker_connections = 2\nkeepalive = 90\n"
    with serving(request.param, config=config) as server:
        yield server


def test_proxy_protocol_tells_who_the_client_is(proxied):
    with Client(proxied) as client:
        client.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n")
        for _ in range(2):
            environ = client.ask("/environ").json()

            assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "1111")
            assert environ["PROXY_ADDR"] == "192.0.2.2"


def test_connections_beyond_the_limit_wait_there_too(proxied):
    with Client(proxied) as first, Client(proxied) as second, Client(proxied) as third:
        first.ask()
        second.ask()
        third.request()
        assert third.is_silent()

        first.close()

        assert third.answer().body == b"hello"


LENIENT_SETTINGS = [
    *("permit_obsolete_folding", "strip_header_spaces", "casefold_http_method"),
    "permit_unconventional_http_method",  # which Gunicorn wants for small letters too
]
LENIENT_REQUESTS = [
    (b"GET /environ HTTP/1.1\r\nHost: test\r\nX-A: 1\r\n 2\r\n\r\n", "HTTP_X_A", "1 2"),
    (b"GET /environ HTTP/1.1\r\nHost: test\r\nX-A : 1\r\n\r\n", "HTTP_X_A", "1"),
    (b"get /environ HTTP/1.1\r\nHost: test\r\n\r\n", "REQUEST_METHOD", "GET"),
]


@pytest.fixture(scope="module", params=HUBS)
def lenient(request):
    config = "".join(f"{setting} = True\n" for setting in LENIENT_SETTINGS)
    if importlib.util.find_spec("h2"):
        config += "http_protocols = 'h2,h1'\nhttp2_cleartext = 'both'\n"
    with serving(request.param, config=config) as server:
        yield server


@pytest.mark.parametrize(("request_", "key", "value"), LENIENT_REQUESTS)
def test_leniency_that_is_asked_for_is_gunicorns(lenient, request_, key, value):
    with Client(lenient) as client:
        client.send(request_)

        assert client.answer().json()[key] == value


@needs_curl
@needs_h2
def test_http_2_is_spoken_without_tls_where_it_is_allowed(lenient):
    command = ["curl", "--silent", "--http2-prior-knowledge", "--write-out", " HTTP/%{http_version}"]
    command.append(f"http://127.0.0.1:{lenient.port}/")

    assert subprocess.run(command, capture_output=True, timeout=30).stdout == b"hello HTTP/2"
