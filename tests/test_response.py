"""A response, from what it is made of to what the server gets (PEP 3333)."""

from __future__ import annotations

import io
from http import HTTPStatus
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from webtest import TestApp, TestRequest

from brubeck_wsgi import Brubeck, Response, WebMessageHandler
from brubeck_wsgi.response import PHRASES, status_line


class Pieces:
    """A body in pieces that counts how often it was closed; a piece that is an exception is raised."""

    def __init__(self, *pieces):
        self._pieces = pieces
        self.closed = 0

    def __iter__(self):
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self):
        self.closed += 1


class NotedFile(io.BytesIO):
    """A file that counts how often it was closed."""

    closings = 0

    def close(self):
        self.closings += 1
        super().close()


def call(application, method="GET", **environ):
    """Return the status, the headers and the iterable that a server gets, as it gets them."""
    head = []
    request = TestRequest.blank("/", method=method, environ=environ)
    iterable = application(request.environ, lambda *arguments: head.extend(arguments))
    return head[0], head[1], iterable


def send(response, method="GET", **environ):
    """Return the status, the headers and the body that a client gets, as PEP 3333 has it."""
    status, headers, iterable = call(validator(response), method, **environ)
    try:
        return status, dict(headers), b"".join(iterable)
    finally:
        iterable.close()


def client_of(handler) -> TestApp:
    return TestApp(Brubeck(handler_tuples=[("^/$", handler)]))


# -- the status


@pytest.mark.parametrize(
    ("status_code", "status_msg", "line"),
    [
        (200, None, "200 OK"),
        (HTTPStatus.CREATED, None, "201 Created"),
        (404, "No Such Take", "404 No Such Take"),
        (413, None, "413 Content Too Large"),
        (422, None, "422 Unprocessable Content"),
        (299, None, "299 Unknown"),
        (599, "", "599 Unknown"),
        (200, "Très bien", "200 Très bien"),
        (200, "五", "200 ?"),
    ],
)
def test_status_line_has_the_registered_phrase_or_the_one_given(status_code, status_msg, line):
    assert status_line(status_code, status_msg) == line
    assert send(Response("5", status_code, status_msg=status_msg))[0] == line


@pytest.mark.parametrize("status_code", [0, 99, 100, 101, 199, 600, -200, True, "200", None])
def test_status_that_cannot_be_an_answer_is_refused(status_code):
    response = Response("5")

    with pytest.raises(ValueError, match="expected a status from 200 to 599"):
        Response("5", status_code)
    with pytest.raises(ValueError, match="expected a status from 200 to 599"):
        response.status_code = status_code
    assert response.status_code == 200


@pytest.mark.parametrize("status_msg", ["a\r\nX-Name: b", "a\nb", "a\x00", "a\x85b"])
def test_phrase_that_could_break_the_status_line_is_refused(status_msg):
    response = Response("5")

    with pytest.raises(ValueError, match="expected a reason phrase in printable characters"):
        Response("5", status_msg=status_msg)
    with pytest.raises(ValueError, match="expected a reason phrase in printable characters"):
        response.status_msg = status_msg
    assert response.status_msg is None


# -- the headers


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("5", "text/plain; charset=utf-8"),
        ("", "text/plain; charset=utf-8"),
        (b"", "text/plain; charset=utf-8"),
        (b"5", "application/octet-stream"),
        (bytearray(b"5"), "application/octet-stream"),
        ([b"5"], "application/octet-stream"),
    ],
)
def test_content_type_is_that_of_the_body_unless_one_is_said(body, content_type):
    assert send(Response(body))[1]["Content-Type"] == content_type
    assert send(Response(body, headers={"content-type": "text/css"}))[1]["content-type"] == "text/css"
    assert send(Response(body, content_type="text/css"))[1]["Content-Type"] == "text/css"


@pytest.mark.parametrize("status_code", sorted(PHRASES.keys() - range(200)))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_answer_of_any_status_keeps_to_the_rules(status_code, method):
    status, headers, body = send(Response("5", status_code), method)

    is_bodiless = status_code in (204, 304)
    assert status == f"{status_code} {PHRASES[status_code]}"
    assert body == (b"" if is_bodiless or method == "HEAD" else b"5")
    assert headers.get("Content-Length") == (None if is_bodiless else "1")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\x00b"])
@pytest.mark.parametrize(
    "change",
    [
        lambda value: Response("5", headers={"X-Name": value}),
        lambda value: Response("5", headers=[("X-Name", value)]),
        lambda value: Response("5", content_type=value),
        lambda value: Response("5").headers.__setitem__("X-Name", value),
        lambda value: Response("5").headers.add("X-Name", value),
    ],
)
def test_header_with_a_line_break_is_refused(change, value):
    with pytest.raises(ValueError, match="expected a value without control characters"):
        change(value)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 100_000])
@pytest.mark.parametrize("headers", [{}, {"Age": 5}, {"Content-Length": 7}, {"Age": 5, "content-length": 7}])
def test_content_length_is_that_of_the_body(size, headers):
    _, sent, iterable = call(Response(b"5" * size, headers=headers))

    assert [value for name, value in sent if name.lower() == "content-length"] == [str(size)]
    assert b"".join(iterable) == b"5" * size


@pytest.mark.parametrize("body", ["", b""])
def test_head_of_its_own_says_the_length_of_get(body):
    headers = {"Content-Length": 5, "Content-Type": "text/plain"}

    _, sent, iterable = call(Response(body, headers=headers), "HEAD")

    assert [value for name, value in sent if name == "Content-Length"] == ["5"]
    assert list(iterable) == []


@pytest.mark.parametrize("make", [lambda: "5", lambda: iter(["5"]), lambda: ""])
@pytest.mark.parametrize("status_code", [200, 204])
def test_request_id_of_the_request_is_sent_once(make, status_code):
    response = Response(make(), status_code, headers={"x-request-id": "of the handler"})

    _, sent, _ = call(response, HTTP_X_REQUEST_ID="set-1")

    assert [value for name, value in sent if name.lower() == "x-request-id"] == ["set-1"]


def test_cookies_stand_beside_each_other():
    response = Response("5")

    response.set_cookie("take", "5", max_age=60)
    response.set_cookie("name", "Dave", secret="secret")
    response.delete_cookie("old", path="/old")

    plain, signed, deleted = response.headers.get_all("Set-Cookie")
    assert plain == "take=5; Max-Age=60; Path=/"
    assert {"HttpOnly", "SameSite=Lax"} <= set(signed.split("; "))
    assert {"Max-Age=0", "Path=/old"} <= set(deleted.split("; "))


@pytest.mark.parametrize("name", ["__Host-name", "__SECURE-name"])
def test_cookie_that_browsers_take_only_as_secure_is_deleted_so(name):
    response = Response("5")

    response.delete_cookie(name, samesite="Strict")

    assert response.headers["Set-Cookie"] == (
        f"{name}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Strict; Secure"
    )


def test_cookie_with_a_line_break_in_an_attribute_is_refused():
    with pytest.raises(ValueError, match="expected a cookie attribute"):
        Response("5").set_cookie("take", "5", path="/\r\nX-Name: b")


# -- the body


@pytest.mark.parametrize(
    "body",
    [
        "Déjà vu",
        "Déjà vu".encode(),
        bytearray("Déjà vu".encode()),
        memoryview("Déjà vu".encode()),
        ["Déjà", b" ", "vu"],
        io.BytesIO("Déjà vu".encode()),
        io.StringIO("Déjà vu"),
    ],
    ids=lambda body: type(body).__name__,
)
def test_body_is_text_bytes_pieces_or_a_file(body):
    assert send(Response(body))[2] == "Déjà vu".encode()


def test_response_of_bytes_is_sent_any_number_of_times():
    response = Response("5", headers={"Age": "1"})

    assert [send(response)[2] for _ in range(3)] == [b"5", b"5", b"5"]


def test_copy_has_headers_and_status_of_its_own():
    response = Response("5", 201, {"Age": "1"}, status_msg="Taken")

    copy = response.copy()
    copy.headers["Age"] = "2"
    copy.status_code, copy.status_msg = 202, None

    assert repr(response) == "<Response 201 Taken>"
    assert (response.headers["Age"], copy.headers["Age"]) == ("1", "2")
    assert (send(copy)[0], send(copy)[2]) == ("202 Accepted", b"5")


# -- streams, closed exactly once


@pytest.mark.parametrize("status_code", [200, 204, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_stream_is_closed_once_when_it_is_sent(status_code, method):
    pieces = Pieces("4", b"5")

    _, headers, body = send(Response(pieces, status_code), method)

    assert body == (b"45" if (status_code, method) == (200, "GET") else b"")
    assert "Content-Length" not in headers
    assert pieces.closed == 1


@pytest.mark.parametrize("taken", [0, 1, 2])
@pytest.mark.parametrize("waits", [True, False])
def test_stream_is_closed_once_when_the_client_leaves(taken, waits):
    pieces, closed = Pieces("4", "5", "6"), []
    response = Response(pieces)
    if waits:
        response.on_close(lambda: closed.append(pieces.closed))

    _, _, iterable = call(response)
    begun = iter(iterable)
    got = [next(begun) for _ in range(taken)]
    iterable.close()
    iterable.close()

    assert got == [b"4", b"5", b"6"][:taken]
    assert pieces.closed == 1
    assert closed == [1] * waits


def test_finally_block_of_a_generator_runs_when_the_client_leaves():
    closed = []

    def count():
        try:
            yield "4"
            yield "5"
        finally:
            closed.append("here")

    _, _, iterable = call(Response(count()))
    next(iter(iterable))
    assert closed == []
    iterable.close()

    assert closed == ["here"]


def test_stream_that_fails_at_once_is_closed_and_says_so():
    pieces, closed = Pieces(LookupError("no piece")), []
    response = Response(pieces)
    response.on_close(lambda: closed.append("here"))

    with pytest.raises(LookupError, match="no piece"):
        call(response)

    assert pieces.closed == 1
    assert closed == ["here"]


def test_stream_that_fails_half_way_goes_on_failing_to_the_server():
    pieces = Pieces("4", LookupError("no piece"))

    _, _, iterable = call(Response(pieces))
    begun = iter(iterable)

    assert next(begun) == b"4"
    with pytest.raises(LookupError, match="no piece"):
        next(begun)
    iterable.close()
    assert pieces.closed == 1


def test_failure_while_a_stream_is_closed_goes_to_the_server():
    def count():
        try:
            yield "4"
        finally:
            raise LookupError("no end")

    _, _, iterable = call(Response(count()))

    with pytest.raises(LookupError, match="no end"):
        iterable.close()


def test_response_that_is_never_sent_is_closed_by_hand():
    pieces, closed = Pieces("4"), []
    response = Response(pieces)
    response.on_close(lambda: closed.append("here"))

    response.close()

    assert (pieces.closed, closed) == (1, ["here"])


def test_what_waits_for_the_end_is_called_in_order_even_if_one_fails():
    called = []
    response = Response("5")
    response.on_close(lambda: called.append("first"))
    response.on_close(lambda: called.append(1 / 0))
    response.on_close(lambda: called.append("last"))

    _, _, iterable = call(response)
    assert (called, list(iterable)) == ([], [b"5"])
    with pytest.raises(ZeroDivisionError):
        iterable.close()

    assert called == ["first", "last"]


def test_what_waits_for_the_end_goes_along_with_a_copy():
    called = []
    response = Response("5")
    response.on_close(lambda: called.append("closed"))

    response.copy().close()
    response.close()

    assert called == ["closed"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_stream_of_a_handler_is_finished_when_it_is_over(method):
    events = []

    class CountHandler(WebMessageHandler):
        def get(self):
            try:
                events.append("begun")
                yield "4"
                yield "5"
            finally:
                events.append("closed")

        def on_finish(self):
            events.append("finished")

    answer = client_of(CountHandler).request("/", method=method)

    assert answer.body == (b"45" if method == "GET" else b"")
    assert events == ["begun", "closed", "finished"]


@pytest.mark.parametrize("answers_errors", [True, False])
def test_handler_whose_stream_fails_at_once_is_finished_all_the_same(answers_errors, caplog):
    events = []

    class FailingHandler(WebMessageHandler):
        def get(self):
            raise LookupError("no piece")
            yield ""

        def on_finish(self):
            events.append("finished")

    if answers_errors:
        FailingHandler.error = lambda self, err: iter([f"sorry, {err}"])

    answer = client_of(FailingHandler).get("/", expect_errors=True)

    assert ("sorry, no piece" in answer.text) is answers_errors
    assert caplog.text.count("failed: LookupError('no piece')") == 1
    assert events == ["finished"]


# -- files


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_file_is_read_in_blocks_and_closed_once(method):
    file = NotedFile(b"5" * 100_000)

    _, _, body = send(Response(file), method)

    assert body == (b"5" * 100_000 if method == "GET" else b"")
    assert file.closings == 1


def test_file_goes_to_the_wrapper_of_the_server():
    file = NotedFile(b"take five")
    response = Response(file, headers={"Content-Length": 9})

    _, headers, iterable = call(response, **{"wsgi.file_wrapper": FileWrapper})

    assert type(iterable) is FileWrapper
    assert iterable.filelike is file
    assert ("Content-Length", "9") in headers
    assert b"".join(iterable) == b"take five"
    iterable.close()
    assert file.closings == 1


def test_wrapper_of_the_server_is_outermost_when_something_waits_for_the_end(tmp_path):
    path, called = tmp_path / "take.txt", []
    path.write_bytes(b"take five")
    file = path.open("rb")
    response = Response(file)
    response.on_close(lambda: called.append(file.closed))

    _, _, iterable = call(response, **{"wsgi.file_wrapper": FileWrapper})

    assert type(iterable) is FileWrapper
    assert iterable.filelike.fileno() == file.fileno()  # what a server needs for sendfile
    assert b"".join(iterable) == b"take five"
    assert called == []
    iterable.close()
    assert called == [True]


without_content = pytest.mark.parametrize(
    ("method", "status_code"), [("HEAD", 200), ("HEAD", 201), ("GET", 204), ("GET", 304)]
)


@without_content
def test_file_that_is_not_sent_is_closed(method, status_code):
    file = NotedFile(b"take five")

    _, _, iterable = call(Response(file, status_code), method, **{"wsgi.file_wrapper": FileWrapper})

    assert list(iterable) == []
    iterable.close()
    assert file.closings == 1


@without_content
@pytest.mark.parametrize("body", [b"take five", [b"take ", b"five"]], ids=["whole", "pieces"])
def test_what_waits_for_the_end_of_an_answer_without_content_waits_until_it_is_sent(method, status_code, body):
    response, called = Response(body, status_code), []
    response.on_close(lambda: called.append("closed"))

    _, _, iterable = call(response, method)

    assert (list(iterable), called) == ([], [])
    iterable.close()
    assert called == ["closed"]


def test_file_without_a_close_is_sent_too():
    class Reader:
        def __init__(self, data):
            self.read = io.BytesIO(data).read

    assert send(Response(Reader(b"take five")))[2] == b"take five"


def test_file_that_cannot_be_read_is_500(caplog):
    class BrokenFile(io.BytesIO):
        def read(self, size=-1):
            raise OSError("disk on fire")

    client_of(lambda application, message: Response(BrokenFile())).get("/", status=500)

    assert caplog.text.count("failed: OSError('disk on fire')") == 1
