"""What an environ says, and whose word counts; tests/corpus has it for whole requests under Gunicorn's defaults."""

from __future__ import annotations

import io
import tracemalloc
from wsgiref.validate import check_environ

import pytest
from fuzz.strategies import requests
from hypothesis import given, settings

from brubeck_wsgi.gateway.body import EMPTY_INPUT
from brubeck_wsgi.gateway.environ import EnvironMaker, HeaderPolicy
from brubeck_wsgi.protocols.errors import RemoteProtocolError
from brubeck_wsgi.protocols.http1.head import HeadParser

GATEWAY, STRANGER, UNIX = "192.0.2.1", "198.51.100.1", ""
SECURE = {"X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"}
CONSTANTS = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "wsgi.version": (1, 0)}


class Peer:
    """A client, as an environ tells of it."""

    def __init__(self, address: str = STRANGER) -> None:
        self.remote_addr = address
        self.remote_port = "50000" if address else ""
        self.socket_face = object()
        self.send_early_hints = object()
        self.upgrade = object()
        self.disconnected = object()


def maker_with(constants=CONSTANTS, has_name=True, **policy) -> EnvironMaker:
    """Return a maker that trusts `GATEWAY` and unix sockets."""
    policy = {"secure_scheme_headers": SECURE, "is_trusted": (GATEWAY, UNIX).__contains__} | policy
    return EnvironMaker(dict(constants), HeaderPolicy(**policy), has_name)


def environ_of(wire: bytes, peer: str = STRANGER, **options):
    """Return the environ of a whole head, or of the lines of one."""
    if not wire.endswith(b"\r\n\r\n"):
        wire = b"GET /app/x HTTP/1.1\r\nHost: a\r\n" + wire + b"\r\n\r\n"
    return maker_with(**options).make(HeadParser().parse(wire), Peer(peer))


def status_of(wire: bytes, peer: str = STRANGER, **options) -> int:
    """Return the status that a head is refused with."""
    with pytest.raises(RemoteProtocolError) as caught:
        environ_of(wire, peer, **options)
    return caught.value.status


# -- what is always there


def test_environ_of_the_simplest_request():
    peer = Peer()

    environ = maker_with().make(HeadParser().parse(b"GET / HTTP/1.0\r\n\r\n"), peer)

    assert environ == CONSTANTS | {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "RAW_URI": "/",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "REMOTE_ADDR": STRANGER,
        "REMOTE_PORT": "50000",
        "wsgi.url_scheme": "http",
        "wsgi.input": EMPTY_INPUT,
        "wsgi.early_hints": peer.send_early_hints,
        "gunicorn.socket": peer.socket_face,
        "brubeck.upgrade": peer.upgrade,
        "brubeck.disconnected": peer.disconnected,
    }


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@settings(deadline=None)
@given(requests())
def test_environ_is_one_by_pep_3333(made):
    wire, _ = made
    of_the_process = {"wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False}
    maker = maker_with(CONSTANTS | of_the_process | {"wsgi.errors": io.StringIO()})

    check_environ(maker.make(HeadParser().parse(wire), Peer()))


def test_environs_of_two_requests_are_two():
    maker = maker_with()
    head = HeadParser().parse(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    maker.make(head, Peer())["X"] = "changed"

    assert "X" not in maker.make(head, Peer())


# -- header_map


@pytest.mark.parametrize("name", [b"X_Take", b"X-Take_Two", b"_", b"Content_Length"])
def test_name_with_an_underscore_may_be_refused(name):
    assert status_of(name + b": 5", header_map="refuse") == 400


def test_name_with_an_underscore_may_be_dropped():
    environ = environ_of(b"X-Take: 5\r\nX_Take: 6", header_map="drop")

    assert environ["HTTP_X_TAKE"] == "5"


def test_name_with_an_underscore_may_be_taken_for_one_with_a_hyphen():
    environ = environ_of(b"X-Take: 5\r\nX_Take: 6\r\nX-Take: 7", header_map="dangerous")

    assert sorted(environ["HTTP_X_TAKE"].split(",")) == ["5", "6", "7"]


@pytest.mark.parametrize("name", [b"Content_Length", b"Content_Type", b"Transfer_Encoding", b"Host_", b"SCRIPT_NAME"])
def test_name_with_an_underscore_means_nothing_to_the_server_even_then(name):
    environ = environ_of(name + b": 5", header_map="dangerous")

    assert environ["HTTP_HOST"] == "a"
    assert not {"CONTENT_LENGTH", "CONTENT_TYPE"} & environ.keys()
    assert environ["SCRIPT_NAME"] == ""


# -- forwarder_headers


@pytest.mark.parametrize("peer", [GATEWAY, UNIX])
@pytest.mark.parametrize("header_map", ["drop", "refuse", "dangerous"])
def test_trusted_peer_may_say_where_the_application_is_mounted(peer, header_map):
    environ = environ_of(b"SCRIPT_NAME: /app", peer, forwarder_headers=["SCRIPT_NAME"], header_map=header_map)

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", "/x")


def test_trusted_peer_may_say_who_the_user_is():
    environ = environ_of(b"Remote_User: dave", GATEWAY, forwarder_headers=["REMOTE_USER"])

    assert environ["HTTP_REMOTE_USER"] == "dave"


@pytest.mark.parametrize(
    ("peer", "names"), [(STRANGER, ["SCRIPT_NAME"]), (GATEWAY, []), (GATEWAY, ["REMOTE_USER"]), (STRANGER, [])]
)
def test_nobody_else_may_say_where_the_application_is_mounted(peer, names):
    environ = environ_of(b"SCRIPT_NAME: /app", peer, forwarder_headers=names)

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/app/x")
    assert "HTTP_SCRIPT_NAME" not in environ


@pytest.mark.parametrize(
    ("path", "expected"), [(b"/app", ""), (b"/app/", "/"), (b"/app/x", "/x"), (b"/%61pp/x", "/x"), (b"/app//x", "//x")]
)
def test_path_below_the_mount_point_is_what_is_left(path, expected):
    environ = environ_of(b"GET " + path + b" HTTP/1.0\r\n\r\n", constants=CONSTANTS | {"SCRIPT_NAME": "/app"})

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", expected)


@pytest.mark.parametrize("path", [b"/", b"/ap", b"/apple", b"/x/app", b"/APP/x"])
def test_path_outside_of_the_mount_point_is_not_found(path):
    wire = b"GET " + path + b" HTTP/1.0\r\n\r\n"

    assert status_of(wire, constants=CONSTANTS | {"SCRIPT_NAME": "/app"}) == 404


# -- the scheme


@pytest.mark.parametrize("lines", [b"X-Forwarded-Proto: https", b"x-forwarded-ssl: on"])
@pytest.mark.parametrize(("peer", "scheme"), [(GATEWAY, "https"), (UNIX, "https"), (STRANGER, "http")])
def test_only_a_trusted_peer_may_say_that_its_client_used_https(lines, peer, scheme):
    assert environ_of(lines, peer)["wsgi.url_scheme"] == scheme


def test_scheme_headers_of_strangers_need_not_agree():
    environ = environ_of(b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off", STRANGER)

    assert environ["wsgi.url_scheme"] == "http"
    assert (environ["HTTP_X_FORWARDED_PROTO"], environ["HTTP_X_FORWARDED_SSL"]) == ("https", "off")


def test_scheme_headers_of_a_trusted_peer_must_agree():
    assert status_of(b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off", GATEWAY) == 400


@pytest.mark.parametrize(("peer", "lines"), [(GATEWAY, b""), (GATEWAY, b"X-Forwarded-Proto: https\r\n"), (UNIX, b"")])
def test_url_for_https_is_taken_from_a_trusted_peer(peer, lines):
    environ = environ_of(b"GET https://b/x HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n", peer)

    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"], environ["PATH_INFO"]) == ("https", "b", "/x")


def test_url_for_https_from_a_stranger_is_misdirected():
    assert status_of(b"GET https://b/x HTTP/1.1\r\nHost: a\r\n\r\n", STRANGER) == 421


# -- the name of the server


@pytest.mark.parametrize(
    ("lines", "name", "port"),
    [
        (b"Host: a", "a", "80"),
        (b"Host: a:8000", "a", "8000"),
        (b"Host: a:", "a", "80"),
        (b"Host: [::1]", "[::1]", "80"),
        (b"Host: [::1]:8000", "[::1]", "8000"),
        (b"Host:", "localhost", "80"),
        (b"Host: a\r\nX-Forwarded-Proto: https", "a", "443"),
        (b"Host: a:8000\r\nX-Forwarded-Proto: https", "a", "8000"),
    ],
)
def test_host_stands_in_for_the_name_that_a_unix_socket_has_not(lines, name, port):
    environ = environ_of(b"GET / HTTP/1.1\r\n" + lines + b"\r\n\r\n", UNIX, has_name=False)

    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (name, port)
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("", "")


def test_server_without_a_name_or_a_host_is_localhost():
    environ = environ_of(b"GET / HTTP/1.0\r\n\r\n", UNIX, has_name=False)

    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")


def test_host_of_a_url_stands_in_as_well():
    environ = environ_of(b"GET http://b:81/ HTTP/1.1\r\nHost: a:80\r\n\r\n", UNIX, has_name=False)

    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("b", "81")


# -- what is remembered


def remembering(maker: EnvironMaker, wire: bytes, times: int, peer: Peer | None = None):
    """Have *wire* come so many times; return what is recalled of it then."""
    peer = peer or Peer()
    for _ in range(times):
        head = HeadParser().parse(wire)
        maker.remember(wire, maker.make(head, peer), True, head.connection_close)
    return maker.recall(wire, peer)


PLAIN = b"GET /x?y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: close\r\n\r\n"


def test_head_is_recalled_once_it_has_come_twice():
    assert remembering(maker_with(), PLAIN, 1) is None
    assert remembering(maker_with(), PLAIN, 2) is not None


def test_what_is_recalled_is_what_was_made():
    maker, peer = maker_with(), Peer()

    environ, is_modern, wish, size = remembering(maker, PLAIN, 2)

    maker.recall(PLAIN, peer)
    assert maker.recall(PLAIN, peer)[0] == maker.make(HeadParser().parse(PLAIN), peer)
    assert (environ["PATH_INFO"], is_modern, wish, size) == ("/x", True, 1, 0)


def test_what_is_recalled_is_about_the_client_that_asks():
    maker, first, second = maker_with(), Peer(), Peer(GATEWAY)
    remembering(maker, PLAIN, 2, first)

    environ = maker.recall(PLAIN, second)[0]

    assert (environ["REMOTE_ADDR"], environ["gunicorn.socket"]) == (GATEWAY, second.socket_face)
    assert not {first.socket_face, first.send_early_hints, first.upgrade, first.disconnected} & {*environ.values()}


def test_what_is_remembered_stays_as_it_is_for_the_request_that_it_was_of():
    maker, peer = maker_with(), Peer()
    remembering(maker, PLAIN, 1)
    environ = maker.make(HeadParser().parse(PLAIN), peer)

    maker.remember(PLAIN, environ, True, 1)

    assert environ == maker.make(HeadParser().parse(PLAIN), peer)


def test_what_an_application_did_to_its_environ_is_not_recalled():
    maker = maker_with()
    remembering(maker, PLAIN, 1)
    made = maker.make(HeadParser().parse(PLAIN), Peer())
    maker.remember(PLAIN, made, True, 1)

    for environ in (made, maker.recall(PLAIN, Peer())[0]):
        environ["user"] = "dave"
        environ["PATH_INFO"] = "/other"

        assert maker.recall(PLAIN, Peer())[0]["PATH_INFO"] == "/x"
        assert "user" not in maker.recall(PLAIN, Peer())[0]


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: \r\n\r\n",
        b"GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: %b\r\n\r\n" % (b"a" * 2048),
    ],
)
def test_head_that_needs_thought_is_not_remembered(wire):
    maker = maker_with(forwarder_headers=["SCRIPT_NAME"])

    assert remembering(maker, wire, 3, Peer(GATEWAY)) is None


def test_head_that_is_a_byte_different_is_not_recalled():
    maker = maker_with()
    remembering(maker, PLAIN, 2)

    assert all(maker.recall(PLAIN[:i] + b"~" + PLAIN[i + 1 :], Peer()) is None for i in range(len(PLAIN)))
    assert maker.recall(PLAIN + b"\r\n", Peer()) is None


def test_nothing_is_remembered_without_bounds():
    maker = maker_with()

    def remember(numbers: range) -> int:
        for number in numbers:
            wire = b"M%d / HTTP/1.1\r\nHost: h%d\r\nX-%d: 5\r\n\r\n" % (number, number, number)
            remembering(maker, wire, 2)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    full = remember(range(10_000, 12_048))
    still_full = remember(range(12_048, 14_096))
    tracemalloc.stop()

    assert still_full - full < 50_000
