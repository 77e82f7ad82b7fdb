"""What a request says, and that nothing a client sends is answered with a status of 500 or more."""

from __future__ import annotations

import io
from unittest.mock import patch

import pytest
import webob
from hypothesis import given, settings
from hypothesis import strategies as st
from webtest import TestApp

from brubeck_wsgi import Brubeck, Request
from brubeck_wsgi.errors import BadRequest, ContentTooLarge, HTTPError, UnsupportedMediaType

answer = Brubeck.__call__  # as it is before conftest.py puts wsgiref.validate around it

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=blue"


def file_form(content):
    """Return the body of a multipart form: the field ``take``, and the file ``notes`` with this content."""
    field = b'--blue\r\nContent-Disposition: form-data; name="take"\r\n\r\n5\r\n'
    file = b'--blue\r\nContent-Disposition: form-data; name="notes"; filename="five.txt"\r\n\r\n%b\r\n' % content
    return field + file + b"--blue--\r\n"


MULTIPART_BODY = file_form(b"Take Five")


def request_of(body=b"", content_type="", path="/", **environ):
    """Return a request with a body; the environ's own keys may be given too, None leaves one out."""
    request = Request.blank(path)
    request.environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": content_type}
    request.environ |= environ
    for key in [key for key, value in request.environ.items() if value is None]:
        del request.environ[key]
    return request


def app_of(function, **options):
    """Return an application that answers every request with what ``function(message)`` returns."""
    return Brubeck(handler_tuples=[("", lambda application, message: function(message))], **options)


def answer_of(app, environ):
    """Return status and body of the answer to a client that is too bad for `wsgiref.validate` and WebTest."""
    statuses = []
    with patch.object(Brubeck, "__call__", answer):  # which the application calls itself for its first request
        body = b"".join(app(environ, lambda status, headers: statuses.append(status)))
    return int(statuses[0][:3]), body


@pytest.fixture
def client():
    """A client of an application that answers the arguments of the request."""
    return TestApp(app_of(lambda message: message.arguments))


# -- arguments


def test_arguments_are_those_of_the_query_then_those_of_the_form(client):
    response = client.post("/?take=1&by=Dave&take=2", [("take", "3"), ("on", "sax")])

    assert response.json == {"take": ["1", "2", "3"], "by": ["Dave"], "on": ["sax"]}


def test_arguments_are_those_of_a_multipart_form_too(client):
    response = client.post("/?take=1", {"take": "2"}, upload_files=[("notes", "five.txt", b"Take Five")])

    assert response.json == {"take": ["1", "2"]}


def test_arguments_of_a_body_that_is_no_form_are_those_of_the_query(client):
    assert client.post_json("/?take=5", {"take": 6}).json == {"take": ["5"]}


def test_last_value_of_an_argument_wins():
    request = request_of(b"take=3&take=4", FORM, "/?take=1&take=2")

    assert request.get_argument("take") == "4"
    assert request.get_arguments("take") == ["1", "2", "3", "4"]


def test_argument_that_was_not_sent_has_a_default():
    request = request_of(path="/?empty=")

    assert request.get_argument("take") is None
    assert request.get_argument("take", "five") == "five"
    assert request.get_argument("empty", "five") == ""
    assert request.get_arguments("take") == []


@pytest.mark.parametrize(
    ("query", "strip", "value"),
    [
        ("take=+five+%0a", True, "five"),
        ("take=+five+", False, " five "),
        ("take=fi%00ve%1f", True, "fi ve"),
        ("take=fi%00ve%1f", False, "fi ve "),
        ("take=five%09%0a", False, "five\t\n"),
        ("take=%E2%98%83", True, "☃"),
    ],
)
def test_argument_is_stripped_and_without_control_characters(query, strip, value):
    request = request_of(path=f"/?{query}")

    assert request.get_argument("take", strip=strip) == value
    assert request.get_arguments("take", strip) == [value]


def test_arguments_are_as_they_were_sent():
    assert request_of(path="/?take=+fi%00ve+").arguments == {"take": [" fi\0ve "]}


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", f" {FORM.upper()} ;"])
def test_form_is_known_by_its_content_type(content_type):
    assert request_of(b"take=5", content_type).arguments == {"take": ["5"]}


def test_requests_over_one_environ_read_the_form_once():
    first = request_of(MULTIPART_BODY, MULTIPART)
    second = Request(first.environ)

    assert first.arguments == second.arguments == {"take": ["5"]}
    assert first.files["notes"][0] is second.files["notes"][0]


def test_webob_sees_the_same_form():
    request = request_of(MULTIPART_BODY, MULTIPART, "/?by=Dave")

    assert (request.POST["take"], request.POST["notes"].filename) == ("5", "five.txt")
    assert (request.GET["by"], request.params["by"], request.params["take"]) == ("Dave", "Dave", "5")


# -- files, cookies, headers, address


def test_files_are_known_by_the_name_of_their_field():
    client = TestApp(app_of(lambda message: [[file.filename, file.body.decode()] for file in message.files["notes"]]))

    response = client.post("/", upload_files=[("notes", "a.txt", b"Take"), ("notes", "b.txt", b"Five")])

    assert response.json == [["a.txt", "Take"], ["b.txt", "Five"]]


@pytest.mark.parametrize(("body", "content_type"), [(b"take=5", FORM), (b"{}", JSON), (b"", "")])
def test_body_that_is_no_multipart_form_has_no_files(body, content_type):
    assert request_of(body, content_type).files == {}


def test_cookies_are_known_by_name():
    assert request_of(HTTP_COOKIE='take=five; by="D\\303\\240ve"').cookies == {"take": "five", "by": "Dàve"}


@pytest.mark.parametrize("name", ["X-Take", "x-take", "X-TAKE"])
def test_headers_are_known_by_name_whatever_the_case(name):
    request = request_of(HTTP_X_TAKE="five", content_type=JSON)

    assert request.headers[name] == "five"
    assert name in request.headers
    assert request.headers["content-type"] == JSON
    assert request.headers.get("X-Bass") is None


def test_address_is_that_of_the_peer():
    assert request_of(REMOTE_ADDR="192.0.2.5", HTTP_X_FORWARDED_FOR="198.51.100.1").remote_addr == "192.0.2.5"
    assert request_of().remote_addr is None


def test_url_is_what_the_client_asked_for():
    request = request_of(path="/t%C3%A4ke/5?by=D%C3%A0ve", SCRIPT_NAME="/app", HTTP_HOST="example.com:8080")

    assert request.url == "http://example.com:8080/app/t%C3%A4ke/5?by=D%C3%A0ve"
    assert (request.path, request.path_info) == ("/app/t%C3%A4ke/5", "/täke/5")


def test_path_that_the_server_left_out_is_empty():
    request = request_of(SCRIPT_NAME="/app", PATH_INFO=None)

    assert (request.path_info, request.path, request.url) == ("", "/app", "http://localhost/app")


@pytest.mark.parametrize(
    ("protocol", "connection", "closes"),
    [
        ("HTTP/1.1", None, False),
        ("HTTP/1.1", "keep-alive", False),
        ("HTTP/1.1", "close", True),
        ("HTTP/1.1", "Upgrade, Close", True),
        ("HTTP/1.1", "closed", False),
        ("HTTP/1.0", None, True),
        ("HTTP/1.0", "Keep-Alive", False),
        ("HTTP/1.0", "keep-alive, close", True),
    ],
)
def test_connection_is_to_be_closed_as_rfc_9112_says(protocol, connection, closes):
    request = request_of(SERVER_PROTOCOL=protocol, HTTP_CONNECTION=connection)

    assert request.should_close() is closes


def test_request_over_wsgi_is_never_the_notice_that_a_client_left():
    assert not request_of().is_disconnect()


# -- the body


@pytest.mark.parametrize(
    "content_type",
    [JSON, "Application/JSON", "application/json; charset=utf-8", "application/json ;a=b", "application/problem+json"],
)
def test_json_is_read_whatever_kind_of_json_it_is(content_type):
    request = request_of('{"take": [5, 2.5, null, "é"]}'.encode(), content_type)

    assert request.json == request.json_body == {"take": [5, 2.5, None, "é"]}


@pytest.mark.parametrize(
    "content_type",
    ["", FORM, MULTIPART, "text/plain", "text/json", "application/jsonp", "application/json, a/b", "json"],
)
def test_json_of_another_content_type_is_an_unsupported_media_type(content_type):
    with pytest.raises(UnsupportedMediaType, match="expected a JSON body, got Content-Type"):
        _ = request_of(b"{}", content_type).json


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1,]",
        b"{} {}",
        b"{'take': 5}",
        b"NaN",
        b"\xff",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        rb'"\ud800"',
        "{}".encode("utf-16"),
        b"1" * 5000,
        b"1e999",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_json_that_is_none_is_a_bad_request(body):
    with pytest.raises(BadRequest, match="expected a JSON body"):
        _ = request_of(body, JSON).json


def test_json_is_read_after_arguments_were():
    request = request_of(b"[5]", JSON, "/?take=5")

    assert request.get_argument("take") == "5"
    assert request.files == {}
    assert request.json == [5]


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        (None, "é☃".encode(), "é☃"),
        ("utf-8", "é☃".encode(), "é☃"),
        ("UTF8", "é☃".encode(), "é☃"),
        ("latin-1", b"\xe9", "é"),
        ('"utf-16"', "☃".encode("utf-16"), "☃"),
    ],
)
def test_text_is_in_the_charset_that_the_client_says(charset, body, text):
    content_type = f"text/plain; charset={charset}" if charset else "text/plain"

    assert request_of(body, content_type).text == text


@pytest.mark.parametrize(
    "charset",
    ["utf-8", "ascii", "klingon", "base64", "rot13", "undefined", "idna", "utf-16", "\xff", "a\0b", "x" * 5000],
)
def test_text_that_is_not_in_its_charset_is_a_bad_request(charset):
    with pytest.raises(BadRequest, match="expected a body in "):
        _ = request_of(b"\xff\xfe\xff", f"text/plain; charset={charset}").text


def test_body_can_be_read_again_in_any_way():
    request = request_of(b"take=5", FORM)

    assert request.body == request.body == b"take=5"
    assert (request.text, request.arguments) == ("take=5", {"take": ["5"]})
    assert request.environ["wsgi.input"].read() == b"take=5"
    assert webob.Request(request.copy().environ).body == b"take=5"


def test_body_is_read_before_the_multipart_form_in_it():
    request = request_of(MULTIPART_BODY, MULTIPART)

    assert request.body == MULTIPART_BODY
    assert (request.arguments, list(request.files)) == ({"take": ["5"]}, ["notes"])


@pytest.mark.parametrize("name", ["body", "text"])
def test_body_whose_multipart_form_was_read_is_an_unsupported_media_type(name):
    # It is the client who decides that a handler which reads arguments, then the body, gets such a form.
    request = request_of(MULTIPART_BODY, MULTIPART)
    assert request.get_argument("take") == "5"

    with pytest.raises(UnsupportedMediaType, match="no multipart form"):
        getattr(request, name)


def test_body_that_is_set_takes_the_place_of_the_one_that_was_sent():
    request = request_of(b"take=5", FORM)
    assert request.get_argument("take") == "5"

    request.body = b"take=6&by=Dave"

    assert request.arguments == {"take": ["6"], "by": ["Dave"]}
    assert (request.content_length, request.body_file.read()) == (14, b"take=6&by=Dave")


def test_body_can_be_read_as_a_file():
    request = request_of(b"one\ntwo\n")

    assert request.body_file.readline() == b"one\n"
    assert request.body_file.read() == b"two\n"
    assert request.body == b""


def test_body_file_that_is_set_is_read_to_its_end():
    request = request_of(b"take=5", FORM)
    assert request.arguments == {"take": ["5"]}

    request.body_file = io.BytesIO(b"take=6")

    assert request.arguments == {"take": ["6"]}


def test_body_file_that_can_seek_begins_anew():
    request = request_of(b"take=5")
    request.body_file_seekable.read()

    assert request.body_file_seekable.read() == b"take=5"


@pytest.mark.parametrize(
    ("length", "sent", "error"),
    [
        ("7", b"take=5", BadRequest),
        ("five", b"", BadRequest),
        ("11", b"", ContentTooLarge),
        (None, b"5" * 11, ContentTooLarge),
    ],
)
@pytest.mark.parametrize("read", [lambda request: request.body, lambda request: request.body_file.read(), Request.copy])
def test_every_way_to_the_body_refuses_one_that_is_too_long_or_too_short(length, sent, error, read):
    environ = request_of(sent, CONTENT_LENGTH=length, **{"wsgi.input_terminated": True}).environ

    with pytest.raises(error):
        read(Request(environ, max_body_size=10))


def test_body_is_not_read_unless_somebody_asks():
    class Untouchable:
        def read(self, *_):
            raise AssertionError("nobody asked")

        readline = readlines = __iter__ = read

    environ = request_of(b"", JSON, "/?take=5", **{"CONTENT_LENGTH": "1000000000", "wsgi.input": Untouchable()}).environ

    assert answer_of(app_of(lambda message: message.get_argument("take")), environ) == (200, b"5")


# -- what WebOb has


def test_blank_request_is_made_as_webob_makes_one():
    request = Request.blank("/?take=5", method="PUT", headers={"X-By": "Dave"}, body=b"{}", content_type=JSON)

    assert isinstance(request, Request)
    assert (request.method, request.arguments, request.headers["X-By"]) == ("PUT", {"take": ["5"]}, "Dave")
    assert request.json == {}
    assert Request.blank("/", POST={"take": "5"}).get_argument("take") == "5"


def test_copy_reads_by_itself():
    request = Request(request_of(b"take=5", FORM).environ, max_body_size=10)

    copy = request.copy()
    copy.body = b"take=6"

    assert (request.get_argument("take"), copy.get_argument("take")) == ("5", "6")
    assert copy.max_body_size == 10


def test_copy_for_get_has_no_body():
    request = request_of(b"take=5", FORM, "/?by=Dave", REQUEST_METHOD="POST")
    assert request.get_argument("take") == "5"

    copy = request.copy_get()

    assert (copy.method, copy.body, copy.arguments) == ("GET", b"", {"by": ["Dave"]})
    assert request.body == b"take=5"


# -- hostile clients


@pytest.mark.parametrize(
    ("name", "headers", "query", "status"),
    [
        ("arguments", {}, "?%ff", 400),
        ("arguments", {}, "?take=%c3%28", 400),
        ("arguments", {}, "?" + "a&" * 1000, 400),
        ("GET", {}, "?%ff", 400),
        ("params", {}, "?%ff", 400),
        ("cookies", {"Cookie": "take=\xff"}, "", 400),
        ("range", {"Range": "bytes=-"}, "", 400),
        ("range", {"Range": "bytes=5-2"}, "", 200),
        ("range", {"Range": "bytes=" + "9" * 5000 + "-"}, "", 400),
        ("if_modified_since", {"If-Modified-Since": "yesterday"}, "", 200),
        ("if_modified_since", {"If-Modified-Since": "Mon, 01 Jan 999999 00:00:00 GMT"}, "", 400),
        ("if_modified_since", {"If-Modified-Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, "", 400),
        ("if_unmodified_since", {"If-Unmodified-Since": "Mon, 01 Jan 2000 00:00:00 +99999999999999999999"}, "", 400),
        ("if_range", {"If-Range": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, "", 400),
        ("if_none_match", {"If-None-Match": '"', "If-Match": 'W/"'}, "", 200),
        ("max_forwards", {"Max-Forwards": "many"}, "", 400),
        ("accept", {"Accept": "html/;q=five,,\xff"}, "", 200),
        ("accept_language", {"Accept-Language": ";;q=,"}, "", 200),
        ("accept_charset", {"Accept-Charset": "\xff;q=2"}, "", 200),
        ("accept_encoding", {"Accept-Encoding": "gzip;q=-1"}, "", 200),
        ("authorization", {"Authorization": 'Digest realm="'}, "", 200),
        ("cache_control", {"Cache-Control": "max-age=five,=,"}, "", 200),
        ("url", {"Host": "[::1"}, "", 200),
        ("host_port", {"Host": ":"}, "", 200),
        ("domain", {"Host": "\xff:\xff"}, "", 200),
    ],
)
def test_header_that_cannot_be_read_is_answered_400_or_counts_as_none(name, headers, query, status):
    client = TestApp(app_of(lambda message: repr(getattr(message, name))))

    client.get(f"/{query}", headers=headers, status=status)


@pytest.mark.parametrize(
    ("name", "body", "content_type", "status"),
    [
        ("json", b"{", JSON, 400),
        ("json", b"[" * 9_000, JSON, 400),
        ("json", b"{}", "text/plain", 415),
        ("text", b"\xff", "text/plain", 400),
        ("text", b"five", "text/plain; charset=klingon", 400),
        ("arguments", b"take=%ff", FORM, 400),
        ("arguments", b"a&" * 1000, FORM, 400),
        ("arguments", MULTIPART_BODY[:-8], MULTIPART, 400),
        ("files", b"--red", MULTIPART, 400),
        ("POST", b"\r\n", MULTIPART, 400),
        ("arguments", MULTIPART_BODY, "multipart/form-data", 415),
        ("arguments", b"--blue\r\n" * 1_000, MULTIPART, 400),
        ("body", b"5" * 9_001, "", 413),
    ],
)
def test_body_that_cannot_be_read_is_answered_400_413_or_415(name, body, content_type, status):
    client = TestApp(app_of(lambda message: repr(getattr(message, name)), max_body_size=9_000))

    response = client.request("/", method="POST", body=body, content_type=content_type, status=status)

    assert response.json["status"] == status


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("body", ""), ("json", JSON), ("text", ""), ("arguments", FORM), ("files", MULTIPART), ("body_file_seekable", "")],
)
@pytest.mark.parametrize("is_declared", [True, False])
def test_body_over_the_limit_of_the_application_is_answered_413(name, content_type, is_declared):
    app = app_of(lambda message: repr(getattr(message, name)), max_body_size=100_000)
    environ = request_of(file_form(b"5" * 100_000), content_type, **{"wsgi.input_terminated": True}).environ
    if not is_declared:
        del environ["CONTENT_LENGTH"]

    assert answer_of(app, environ)[0] == 413


@pytest.mark.parametrize("length", ["-1", "five", "1.0", "0x5", "5, 5", "٣", "²", "9" * 5000])
def test_content_length_that_is_no_number_is_answered_400(length):
    request = request_of(b"take=5", CONTENT_LENGTH=length)

    assert answer_of(app_of(lambda message: "fine"), request.environ)[0] == 400


# -- anything whatever

PROPERTIES = sorted(name for name in dir(Request) if isinstance(getattr(Request, name), property))
WORDS = r"""
    bytes= 0- -5 * / text/html ;q= 1.5 , %ff %c3%a9 & = + W/" " \ \377 [ ] : Basic Digest realm= max-age= no-cache
    Mon, 01 Jan 2033 03:33:20 GMT -2359 99999999999999999999 ;charset= utf-8 ;boundary= blue
"""
FRAGMENTS = [*WORDS.split(), "1" * 5000, "\xff", "\xc3\xa9", "\0", "\r\n", " ", JSON, FORM, MULTIPART]
FRAGMENTED = st.lists(st.sampled_from(FRAGMENTS), max_size=5).map("".join)
VALUES = st.text(st.characters(max_codepoint=255), max_size=20) | FRAGMENTED
BODIES = (
    st.binary(max_size=50)
    | st.sampled_from([b"take=%ff", b'{"take": 5}', b"[" * 10_000, MULTIPART_BODY, MULTIPART_BODY[:-9], b"a" * 2000])
    | VALUES.map(lambda text: text.encode("latin-1"))
)
HEADERS = """
    ACCEPT ACCEPT_CHARSET ACCEPT_ENCODING ACCEPT_LANGUAGE AUTHORIZATION CACHE_CONTROL CONNECTION COOKIE DATE FORWARDED
    HOST IF_MATCH IF_MODIFIED_SINCE IF_NONE_MATCH IF_RANGE IF_UNMODIFIED_SINCE MAX_FORWARDS PRAGMA RANGE REFERER
    TRANSFER_ENCODING USER_AGENT X_FORWARDED_FOR X_REQUESTED_WITH X_REQUEST_ID
"""
KEYS = ["QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH", "REMOTE_ADDR", *(f"HTTP_{name}" for name in HEADERS.split())]


def read_everything(message):
    """Read each property in the order that the test says; raise the first error that an application would meet."""
    errors = []
    for name in message.environ["test.order"]:
        try:
            getattr(message, name)
        except HTTPError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return "fine"


APP = app_of(read_everything, max_body_size=1000)


@settings(deadline=None, max_examples=300)
@given(
    sent=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8),
    path=VALUES,
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "BREW"]),
    body=BODIES,
    has_length=st.booleans(),
    order=st.permutations(PROPERTIES),
)
def test_whatever_a_client_sends_is_answered_below_500(sent, path, method, body, has_length, order):
    environ = request_of(body, REQUEST_METHOD=method, PATH_INFO=f"/{path}").environ
    environ |= {"wsgi.input_terminated": True, "test.order": order}
    if not has_length:
        del environ["CONTENT_LENGTH"]
    environ |= sent

    assert answer_of(APP, environ)[0] in (200, 400, 413, 415)
