"""What a message of Mongrel2 becomes: the environ, complete and safe, or a refusal."""

from __future__ import annotations

import os
from wsgiref.validate import check_environ

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.mongrel2.requests import Kind, RequestReader
from brubeck_wsgi.mongrel2.settings import Settings, fronts_from_environment, make_fronts, with_uploads
from brubeck_wsgi.mongrel2.uploads import open_stored, sweep
from brubeck_wsgi.protocols import tnetstring
from brubeck_wsgi.protocols.errors import RemoteProtocolError

OWN = {
    "REMOTE_ADDR": "192.0.2.7",
    "METHOD": "GET",
    "VERSION": "HTTP/1.1",
    "URL_SCHEME": "http",
    "PATTERN": "/",
    "URI": "/",
}
UPLOAD = {"x-mongrel2-upload-start": "/tmp/up.V5Zsz4", "x-mongrel2-upload-done": "/tmp/up.V5Zsz4"}


class Errors:
    def write(self, text): ...
    def writelines(self, lines): ...
    def flush(self): ...


ERRORS = Errors()


def head_of(headers, path="/"):
    def written(value):
        return [item.encode("latin-1") for item in value] if isinstance(value, list) else value.encode("latin-1")

    everything = {**OWN, "PATH": path, **headers}
    pairs = {key.encode("latin-1"): written(value) for key, value in everything.items() if value is not None}
    return path.encode("latin-1") + b" " + tnetstring.serialize(pairs)


def reader(**settings):
    return RequestReader(Settings(**settings), {"wsgi.errors": ERRORS})


def read(headers, body=b"", path="/", **settings):
    return reader(**settings).read(head_of(headers, path), body)


def environ_of(headers, body=b"", path="/", **settings):
    return read(headers, body, path, **settings).environ


def test_environ_is_complete():
    environ = environ_of(
        {"URI": "/a%20b/%C3%A9?x=1&y=%C3%A9", "QUERY": "x=1&y=%C3%A9", "host": "example.com:8080", "x-foo": "bar"},
        path="/a%20b/%C3%A9",
    )

    check_environ(environ)
    assert environ["PATH_INFO"] == "/a b/\xc3\xa9"
    assert environ["QUERY_STRING"] == "x=1&y=%C3%A9"
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/a%20b/%C3%A9?x=1&y=%C3%A9"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("example.com", "8080")
    assert (environ["REMOTE_ADDR"], environ["HTTP_X_FOO"]) == ("192.0.2.7", "bar")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"METHOD": "PROPFIND"}, {"REQUEST_METHOD": "PROPFIND"}),
        ({"METHOD": "JSON"}, {"REQUEST_METHOD": "JSON"}),
        ({"VERSION": "HTTP/1.0"}, {"SERVER_PROTOCOL": "HTTP/1.0"}),
        ({"URL_SCHEME": "https"}, {"wsgi.url_scheme": "https", "SERVER_PORT": "443"}),
        ({"QUERY": ""}, {"QUERY_STRING": ""}),
        ({"host": "[::1]:80"}, {"SERVER_NAME": "[::1]", "SERVER_PORT": "80"}),
        ({"host": "[::1]"}, {"SERVER_NAME": "[::1]", "SERVER_PORT": "80"}),
        ({"host": ""}, {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}),
        ({"x-forwarded-for": "10.0.0.1"}, {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "10.0.0.1"}),
        ({"cookie": ["a=1", "b=2"]}, {"HTTP_COOKIE": "a=1; b=2"}),
        ({"x-foo": ["one", " two "]}, {"HTTP_X_FOO": "one,two"}),
        ({"x-foo": "  spaced \t"}, {"HTTP_X_FOO": "spaced"}),
        ({"x-foo": "caf\xe9"}, {"HTTP_X_FOO": "caf\xe9"}),
        ({"content-type": "text/plain"}, {"CONTENT_TYPE": "text/plain"}),
        ({"path": "/evil"}, {"PATH_INFO": "/", "HTTP_PATH": "/evil"}),
        ({"FRAGMENT": "x"}, {"PATH_INFO": "/"}),
    ],
)
def test_environ_says_what_the_message_says(headers, expected):
    environ = environ_of(headers)

    assert {key: environ[key] for key in expected} == expected


@pytest.mark.parametrize(
    "name",
    ["x_foo", "content_length", "x\x01l", "caf\xe9", "x foo", "x-mongrel2-upload-start", "x-mongrel2-upload-other", ""],
)
def test_header_that_would_shadow_or_poison_is_dropped(name):
    assert environ_of({name: "value"}) == environ_of({})


@pytest.mark.parametrize(
    ("path", "pattern", "script_name", "path_info"),
    [
        ("/api/x", "/api/", "/api", "/x"),
        ("/api/x", "/api/(.*)", "/api", "/x"),
        ("/api", "/api", "/api", ""),
        ("/apix", "/api", "", "/apix"),
        ("/x", "/", "", "/x"),
        ("/a%20b/x", "/a b/", "/a b", "/x"),
    ],
)
def test_route_becomes_script_name_where_it_is_asked_for(path, pattern, script_name, path_info):
    environ = environ_of({"PATTERN": pattern}, path=path, has_script_name=True)

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)
    assert environ_of({"PATTERN": pattern}, path=path)["SCRIPT_NAME"] == ""


@pytest.mark.parametrize(
    ("headers", "persists"),
    [
        ({}, True),
        ({"connection": "close"}, False),
        ({"connection": "Keep-Alive, CLOSE"}, False),
        ({"connection": ["x", "close"]}, False),
        ({"VERSION": "HTTP/1.0"}, False),
        ({"VERSION": "HTTP/1.0", "connection": "Keep-Alive"}, True),
    ],
)
def test_connection_persists_as_http_has_it(headers, persists):
    assert read(headers).persists is persists


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-length": "5", "transfer-encoding": "chunked"}, b"hello"),
        ({"content-length": ["5", "6"]}, b"hello"),
        ({"content-length": "abc"}, b""),
        ({"content-length": "-5"}, b""),
        ({"content-length": "+5"}, b"hello"),
        ({"content-length": "5abc"}, b"hello"),
        ({"content-length": ""}, b""),
        ({"content-length": "\xb2"}, b"he"),
        ({"content-length": "99999999999"}, b""),
        ({"content-length": "2147483648"}, b""),
        ({"content-length": "6"}, b"hello"),
        ({"content-length": "5"}, b""),
        ({"transfer-encoding": "Chunked"}, b""),
        ({"transfer-encoding": "gzip, chunked"}, b""),
        ({"transfer-encoding": ["chunked", "chunked"]}, b""),
        ({"transfer-encoding": "chunked"}, b""),
        ({"METHOD": None}, b""),
        ({"METHOD": ["GET"]}, b""),
        ({"METHOD": "G T"}, b""),
        ({"PATH": None}, b""),
        ({"PATH": "/other"}, b""),
        ({"URI": ["/"]}, b""),
        ({"host": ["a", "b"]}, b""),
        ({"host": "a b"}, b""),
        ({"host": "a/b"}, b""),
        ({"content-type": ["a", "b"]}, b""),
        ({"x-foo": "a\x01"}, b""),
        ({"x-foo": "a\x7f"}, b""),
        ({"METHOD": "WEBSOCKET", "FLAGS": "81"}, b""),
        ({"METHOD": "WEBSOCKET", "FLAGS": ["0x81"]}, b""),
        ({"UPLOAD_STREAM": "0"}, b"part"),
    ],
)
def test_request_that_two_could_read_differently_is_refused(headers, body):
    with pytest.raises(RemoteProtocolError):
        read(headers, body)


def test_path_with_half_an_escape_is_refused():
    with pytest.raises(RemoteProtocolError, match="hexadecimal"):
        read({}, path="/%zz")


@pytest.mark.parametrize(
    ("headers", "path", "kind"),
    [
        ({"METHOD": "JSON", "PATTERN": None}, "@*", Kind.DISCONNECT),
        ({"METHOD": "JSON", "PATTERN": "@chat"}, "@chat", Kind.REQUEST),
        ({"METHOD": "JSON", "PATTERN": "@*"}, "@*", Kind.REQUEST),
        ({"METHOD": "WEBSOCKET_HANDSHAKE"}, "/", Kind.HANDSHAKE),
        ({"METHOD": "WEBSOCKET", "FLAGS": "0x81"}, "/", Kind.FRAME),
        ({"METHOD": "WEBSOCKET"}, "/", Kind.REQUEST),
    ],
)
def test_kind_is_told_from_what_no_client_can_write(headers, path, kind):
    assert read(headers, b'{"type":"disconnect"}', path).kind is kind


def test_notice_of_credits_is_nothing_to_do():
    request = read({"METHOD": "JSON", "PATTERN": None, "DOWNLOAD_CREDITS": "40"}, b'{"type":"credits"}', "@*")

    assert request.kind is Kind.NOTHING


def test_handshake_is_a_get_without_a_body():
    environ = environ_of({"METHOD": "WEBSOCKET_HANDSHAKE", "content-length": "5"}, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    assert environ["REQUEST_METHOD"] == "GET"
    assert "CONTENT_LENGTH" not in environ


def test_same_head_is_read_once_and_means_the_same():
    known = reader()
    head = head_of({"content-length": "5"})

    requests = [known.read(head, b"hello") for _ in range(4)]

    assert requests[3] is requests[2]
    assert requests[3] == requests[0]
    with pytest.raises(RemoteProtocolError):
        known.read(head, b"hello, smuggled")


# -- uploads


def uploading(tmp_path):
    return with_uploads(Settings(chroot=str(tmp_path)), "/tmp/up.XXXXXX")


def read_upload(tmp_path, headers, body=b""):
    settings = uploading(tmp_path)
    return RequestReader(settings, {"wsgi.errors": ERRORS}).read(head_of(headers), body)


def test_start_of_an_upload_runs_nothing(tmp_path):
    headers = {"content-length": "100000", "x-mongrel2-upload-start": "/tmp/up.V5Zsz4"}

    assert read_upload(tmp_path, headers).kind is Kind.NOTHING


@pytest.mark.parametrize("framing", [{"content-length": "100000"}, {"transfer-encoding": "chunked"}])
def test_finished_upload_is_a_request_with_a_file(tmp_path, framing):
    request = read_upload(tmp_path, {**framing, **UPLOAD})

    assert request.kind is Kind.REQUEST
    assert request.stored == str(tmp_path / "tmp" / "up.V5Zsz4")
    assert not any("UPLOAD" in key for key in request.environ)
    assert "HTTP_TRANSFER_ENCODING" not in request.environ


@pytest.mark.parametrize(
    "forged",
    [
        {**UPLOAD},
        {**UPLOAD, "content-length": "0"},
        {**UPLOAD, "content-length": "99999999999"},
        {**UPLOAD, "transfer-encoding": "Chunked"},
        {**UPLOAD, "content-length": "5", "transfer-encoding": "chunked"},
        {"content-length": "5", "x-mongrel2-upload-start": "/etc/passwd", "x-mongrel2-upload-done": "/etc/passwd"},
        *(
            {"content-length": "5", "x-mongrel2-upload-start": path, "x-mongrel2-upload-done": path}
            for path in (
                "/tmp/up.",
                "/tmp/up.a/../../etc/passwd",
                "/tmp/sub/up.aaaaaa",
                "/tmp/other",
                "up.a",
                "/tmp/up.a\0",
            )
        ),
        {"content-length": "5", "x-mongrel2-upload-start": ["/tmp/up.a"] * 2, "x-mongrel2-upload-done": "/tmp/up.a"},
        {"content-length": "5", "x-mongrel2-upload-done": "/tmp/up.a"},
    ],
)
def test_forged_upload_reads_no_file(tmp_path, forged):
    try:
        request = read_upload(tmp_path, forged)
    except RemoteProtocolError:
        return
    assert request.stored is None


def test_upload_beside_a_body_is_forged(tmp_path):
    request = read_upload(tmp_path, {**UPLOAD, "content-length": "5"}, b"hello")

    assert request.stored is None


def test_uploads_are_off_without_a_directory():
    with pytest.raises(RemoteProtocolError):
        read({**UPLOAD, "content-length": "100"})


def test_stored_body_ends_where_its_length_says(tmp_path):
    path = tmp_path / "up.abcdef"
    path.write_bytes(b"hello\nworldGET / HTTP/1.1")

    body, size = open_stored(str(path), 11)

    with body:
        assert size == 11
        assert body.readline() == b"hello\n"
        assert body.read() == b"world"
        assert body.read() == b""
    assert not path.exists()


def test_stored_body_that_was_chunked_is_all_of_the_file(tmp_path):
    path = tmp_path / "up.abcdef"
    path.write_bytes(b"x" * 100_000)

    body, size = open_stored(str(path), None)

    with body:
        assert (size, len(body.read())) == (100_000, 100_000)


def test_stored_body_that_is_no_whole_file_is_refused(tmp_path):
    (tmp_path / "up.short").write_bytes(b"x")
    (tmp_path / "up.link").symlink_to(tmp_path / "up.short")
    (tmp_path / "up.directory").mkdir()
    os.mkfifo(tmp_path / "up.pipe")

    for name in ("up.short", "up.link", "up.directory", "up.pipe", "up.missing"):
        with pytest.raises(RemoteProtocolError):
            open_stored(str(tmp_path / name), 5)


def test_only_old_uploads_are_swept(tmp_path):
    settings = uploading(tmp_path)
    directory = tmp_path / "tmp"
    directory.mkdir()
    for name in ("up.old", "other.old"):
        (directory / name).write_bytes(b"")
        os.utime(directory / name, (0, 0))
    (directory / "up.new").write_bytes(b"")

    assert sweep(settings) == 1
    assert sorted(path.name for path in directory.iterdir()) == ["other.old", "up.new"]


# -- settings


@pytest.mark.parametrize(
    ("recv", "send"),
    [
        ("127.0.0.1:9997", "tcp://127.0.0.1:9996"),
        ("tcp://127.0.0.1", "tcp://127.0.0.1:9996"),
        ("http://127.0.0.1:1", "tcp://127.0.0.1:9996"),
        (["tcp://127.0.0.1:1"], []),
        ([], []),
        (None, "tcp://127.0.0.1:9996"),
    ],
)
def test_address_that_is_none_is_a_configuration_error(recv, send):
    with pytest.raises(ConfigurationError):
        make_fronts(recv, send)


def test_several_fronts_come_from_the_environment():
    fronts = fronts_from_environment(
        {"MONGREL2_RECV": "tcp://127.0.0.1:1,ipc://run/a", "MONGREL2_SEND": "tcp://[::1]:2,ipc://run/b"}
    )

    assert fronts == [("tcp://127.0.0.1:1", "tcp://[::1]:2"), ("ipc://run/a", "ipc://run/b")]


@pytest.mark.parametrize("environment", [{}, {"MONGREL2_RECV": "tcp://127.0.0.1:1"}])
def test_missing_address_is_named(environment):
    with pytest.raises(ConfigurationError, match=r"MONGREL2_\w+"):
        fronts_from_environment(environment)


@pytest.mark.parametrize("template", ["/tmp/up", "up.XXXXXX", "/tmp/"])
def test_temp_store_is_a_template(template):
    with pytest.raises(ConfigurationError, match="temp_store"):
        with_uploads(Settings(), template)


@given(
    st.dictionaries(
        st.text(st.characters(max_codepoint=255), max_size=12)
        | st.sampled_from(["host", "content-length", "connection", "cookie", "transfer-encoding", "FLAGS", "METHOD"]),
        st.text(st.characters(max_codepoint=255), max_size=12)
        | st.lists(st.text(st.characters(max_codepoint=255), max_size=6), max_size=3),
        max_size=6,
    ),
    st.binary(max_size=6),
)
def test_any_headers_are_a_request_or_refused(headers, body):
    try:
        request = read(headers, body)
    except RemoteProtocolError:
        return
    if request.kind in (Kind.REQUEST, Kind.HANDSHAKE):
        for key, value in request.environ.items():
            assert not key.startswith("HTTP_") or ("\n" not in value and "\r" not in value and "\0" not in value)
