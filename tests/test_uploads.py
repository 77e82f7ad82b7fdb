"""Uploads: files by name, forms read part by part as they arrive, and what clients may not do with them."""

from __future__ import annotations

import encodings
import gc
import io
import os
import socket
import time
import tracemalloc
from itertools import chain, repeat

import pytest
from servers import free_port, running
from webtest import TestApp

from brubeck_wsgi import Brubeck, Request, WebMessageHandler
from brubeck_wsgi.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from brubeck_wsgi.formdata import FormLimits

HEADER = "multipart/form-data; boundary=blue"
LARGE = b"take five " * 20_000


class Arriving:
    """A body that comes in pieces, and knows how much of it has been read."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)
        self.waiting = b""
        self.taken = 0

    def read(self, size=-1):
        while 0 <= len(self.waiting) < size:
            piece = next(self.pieces, None)
            if piece is None:
                break
            self.waiting += piece
        piece, self.waiting = self.waiting[:size], self.waiting[size:]
        self.taken += len(piece)
        return piece


def head(name, filename=None, *lines):
    """Return what begins a part."""
    said = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return "\r\n".join(["--blue", f"Content-Disposition: {said}", *lines, "", ""]).encode()


def part(content, name="take", filename=None, *lines):
    return head(name, filename, *lines) + content + b"\r\n"


def form(*parts):
    return b"".join(parts) + b"--blue--\r\n"


def request_of(body, *, limits=None, content_type=HEADER, query="", max_body_size=10**9):
    """Return a request for a body, which may be a stream."""

    class Limited(Request):
        form_limits = limits or FormLimits()

    is_whole = isinstance(body, bytes)
    environ = Request.blank(f"/?{query}", method="POST").environ | {
        "CONTENT_TYPE": content_type,
        "wsgi.input": io.BytesIO(body) if is_whole else body,
        "wsgi.input_terminated": True,
    }
    environ["CONTENT_LENGTH"] = str(len(body)) if is_whole else ""
    return Limited(environ, max_body_size)


def open_descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


# -- the whole form


def test_files_come_by_the_name_of_their_field():
    body = form(part(b"1", "take", "one.wav"), part(b"2", "cover", "a.png", "Content-Type: image/png"), part(b"3", "n"))

    message = request_of(body)

    assert message.arguments == {"n": ["3"]}
    assert {
        name: [(file.filename, file.content_type, file.body) for file in some] for name, some in message.files.items()
    } == {
        "take": [("one.wav", "application/octet-stream", b"1")],
        "cover": [("a.png", "image/png", b"2")],
    }


def test_file_can_be_asked_as_brubeck_had_it():
    (file,) = request_of(form(part(LARGE, "take", "five.wav"))).files["take"]

    assert (file["filename"], file["content_type"], file["body"]) == ("five.wav", "application/octet-stream", LARGE)
    with pytest.raises(KeyError, match="size"):
        file["size"]


def test_large_files_of_a_form_share_one_descriptor_and_give_it_back():
    before = open_descriptors()
    message = request_of(form(*[part(LARGE, "take", f"{number}.wav") for number in range(20)]))

    files = message.files["take"]

    assert open_descriptors() == before + 1
    assert all(file.body == LARGE for file in files)
    del message, files
    assert open_descriptors() == before


def test_files_that_share_a_descriptor_are_read_each_in_its_own_place():
    one, two = request_of(form(part(b"1" * 100_000, "take", "a"), part(b"2" * 100_000, "take", "b"))).files["take"]

    assert (one.file.read(3), two.file.read(2), one.file.read(1)) == (b"111", b"22", b"1")
    assert (one.file.tell(), two.file.tell()) == (4, 2)
    assert (one.file.seek(-2, os.SEEK_END), one.file.read(), two.file.seek(99_999), two.file.read(5)) == (
        *(99_998, b"11"),
        *(99_999, b"2"),
    )
    assert (one.file.seek(500_000), one.file.read()) == (500_000, b"")
    with pytest.raises(ValueError, match="place"):
        one.file.seek(-1)


def test_file_outlives_its_request_and_its_form(tmp_path):
    file = request_of(form(part(LARGE, "take", "a"))).files["take"][0].file
    gc.collect()

    assert file.read() == LARGE


@pytest.mark.parametrize("size", [65_536, 65_537])
def test_file_goes_to_disk_beyond_the_limit_and_reads_the_same(size):
    before = open_descriptors()
    (file,) = request_of(form(part(b"5" * size, "take", "a"))).files["take"]

    assert open_descriptors() - before == (1 if size > 65_536 else 0)
    assert (file.size, file.body, file.file.read(), file.body) == (size, *[b"5" * size] * 3)


def test_function_decides_where_a_file_goes(tmp_path):
    (file,) = request_of(form(part(LARGE, "take", "../../a"))).files["take"]
    file.file.read(5)

    assert file.save_as(str(tmp_path / "saved")) == len(LARGE)
    assert (tmp_path / "saved").read_bytes() == LARGE
    assert file.file.tell() == 5


# -- part by part


def test_parts_come_in_their_order():
    body = form(
        part(b"Take Five", "title"), part(LARGE, "take", "C:\\five.wav", "Content-Type: audio/wav"), part(b"", "end")
    )

    seen = [(part.name, part.filename, part.content_type, b"".join(part)) for part in request_of(body).parts()]

    assert seen == [
        ("title", None, "application/octet-stream", b"Take Five"),
        ("take", "five.wav", "audio/wav", LARGE),
        ("end", None, "application/octet-stream", b""),
    ]


def test_what_is_not_read_of_a_part_is_skipped():
    body = form(part(LARGE, "a", "a"), part(LARGE, "b", "b"), part(b"5", "c"))
    parts = request_of(body).parts()

    first = next(parts)
    piece = next(iter(first))
    next(parts)
    last = next(parts)

    assert LARGE.startswith(piece)
    assert list(first) == []
    assert (last.name, last.text(), last.text(), list(parts)) == ("c", "5", "", [])


def test_part_is_saved_or_read_as_text_of_its_charset(tmp_path):
    body = form(
        part("é".encode("latin-1"), "a", None, "Content-Type: text/plain; charset=latin-1"), part(LARGE, "b", "b")
    )
    parts = request_of(body).parts()

    assert next(parts).text() == "é"
    assert next(parts).save_as(str(tmp_path / "b")) == len(LARGE)
    assert (tmp_path / "b").read_bytes() == LARGE


def test_form_of_any_size_is_read_in_the_memory_of_a_few_blocks():
    size = 50 * 1024 * 1024
    block = b"take five " * 6_400
    body = Arriving(chain([head("take", "a.wav")], repeat(block, size // len(block)), [b"\r\n--blue--\r\n"]))
    part = next(request_of(body).parts())

    tracemalloc.start()
    taken = sum(len(piece) for piece in part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert taken == size // len(block) * len(block)
    assert peak < 1024 * 1024


def test_piece_is_there_before_the_rest_has_been_read():
    body = Arriving(chain([head("take", "a.wav")], repeat(b"5" * 1000, 10_000), [b"\r\n--blue--\r\n"]))

    piece = next(iter(next(request_of(body).parts())))

    assert piece
    assert body.taken <= 128 * 1024


def test_form_that_is_read_part_by_part_is_not_in_the_arguments():
    message = request_of(form(part(b"5", "take"), part(b"5", "file", "a")), query="page=2")

    assert [part.name for part in message.parts()] == ["take", "file"]
    assert (message.arguments, message.files) == ({"page": ["2"]}, {})


@pytest.mark.parametrize("read", [lambda message: message.arguments, lambda message: message.parts()])
def test_form_can_be_read_only_once(read):
    message = request_of(form(part(b"5")))
    read(message)

    with pytest.raises(RuntimeError, match="nobody has read"):
        message.parts()


def test_body_that_was_read_before_is_still_there_part_by_part():
    message = request_of(form(part(b"5")))

    assert message.body == form(part(b"5"))
    assert [part.text() for part in message.parts()] == ["5"]


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/mixed; boundary=blue", "", "x"]
)
def test_body_that_is_no_multipart_form_has_no_parts(content_type):
    with pytest.raises(UnsupportedMediaType, match="expected a multipart form"):
        request_of(form(part(b"5")), content_type=content_type).parts()


def test_form_without_a_boundary_has_no_parts():
    with pytest.raises(UnsupportedMediaType, match="boundary"):
        request_of(form(part(b"5")), content_type="multipart/form-data").parts()


# -- what clients may not do


def by_name(message):
    return message.files


def by_part(message):
    return [b"".join(part) for part in message.parts()]


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        (form(*[part(b"")] * 6), {"parts": 5}),
        (form(part(b"5" * 101, "take", "a")), {"part_bytes": 100}),
        (form(part(b"5" * 101)), {"part_bytes": 100}),
        (form(part(b"", "n" * 300)), {"head_bytes": 300}),
        (form(part(b"", "n", "f" * 300)), {"head_bytes": 300}),
        (form(part(b"", "n", None, "X-Long: " + "x" * 300)), {"head_bytes": 300}),
        (form(part(b"", "n" * 5000)), {}),
        (form(part(b"", "n", None, *["X-Many: 5"] * 9)), {}),
        (form(*[part(b"")] * 1001), {}),
    ],
)
@pytest.mark.parametrize("read", [by_name, by_part])
def test_form_beyond_a_limit_is_too_large(body, limits, read):
    with pytest.raises(ContentTooLarge, match="multipart form: "):
        read(request_of(body, limits=FormLimits(**limits)))


def test_fields_that_are_held_in_memory_have_a_limit_of_their_own():
    limits = FormLimits(fields_bytes=100)
    assert request_of(form(part(b"5" * 60), part(b"5" * 40), part(LARGE, "a", "a")), limits=limits).files

    with pytest.raises(ContentTooLarge, match="multipart form: "):
        _ = request_of(form(part(b"5" * 60), part(b"5" * 41)), limits=limits).arguments


@pytest.mark.parametrize("read", [by_name, by_part])
def test_body_beyond_its_limit_is_read_no_further(read):
    body = Arriving(chain([head("take", "a.wav")], repeat(b"5" * 10_000, 10_000)))

    with pytest.raises(ContentTooLarge):
        read(request_of(body, max_body_size=200_000))
    assert body.taken < 400_000


def test_text_of_a_part_has_a_limit():
    with pytest.raises(ContentTooLarge, match="take"):
        next(request_of(form(part(b"5" * 101))).parts()).text(100)


@pytest.mark.parametrize("cut", [1, 10, 30, 70, 100_000, 200_050])
@pytest.mark.parametrize("read", [by_name, by_part])
def test_form_that_breaks_off_is_a_bad_request(cut, read):
    body = form(part(LARGE, "take", "a.wav"))

    with pytest.raises(BadRequest):
        read(request_of(body[:cut]))


@pytest.mark.parametrize("charset", ["UTF-8", "utf8", "iso-8859-1", "Shift_JIS", "windows-1252", "GB18030", "koi8-r"])
def test_charset_that_browsers_know_is_read(charset):
    sent = "5/4".encode(charset)

    message = request_of(form(part(sent, "take", None, f"Content-Type: text/plain; charset={charset}")))

    assert message.arguments == {"take": ["5/4"]}


@pytest.mark.parametrize("charset", ["punycode", "idna", "Punycode", "klingon", "base64", "unicode_escape", "x" * 1000])
def test_charset_that_is_none_for_text_is_refused_at_once(charset):
    content = (b"a" * 200_000) + b"-" + b"a" * 200_000
    started = time.process_time()

    with pytest.raises(BadRequest, match=r"charset|codec|encoding"):
        _ = request_of(form(part(content, "take", None, f"Content-Type: text/plain; charset={charset}"))).arguments
    with pytest.raises(BadRequest, match="expected a body in"):
        _ = request_of(content, content_type=f"text/plain; charset={charset}").text

    assert time.process_time() - started < 5  # decoding it as Punycode takes minutes


def test_name_of_a_charset_that_there_is_not_is_not_remembered():
    with pytest.raises(BadRequest):
        request_of(b"5", content_type="text/plain; charset=take_five").text  # noqa: B018

    assert "take_five" not in encodings._cache  # where codecs.lookup() would have left it, for good


def test_name_with_a_line_break_or_a_quote_is_only_text():
    (file,) = request_of(form(part(b"", "ta%22ke%0D%0ASet-Cookie: a=b", "x%0D%0A.txt"))).files[
        'ta"ke\r\nSet-Cookie: a=b'
    ]

    assert file.filename == "x\r\n.txt"


def test_form_has_the_limits_of_its_application_or_of_its_handler_class():
    class PlainHandler(WebMessageHandler):
        def post(self):
            return sorted(self.message.files)

    class GenerousHandler(PlainHandler):
        form_limits = FormLimits(parts=3)

    class PreparedHandler(GenerousHandler):
        def prepare(self):
            pass

    routes = [("^/plain$", PlainHandler), ("^/generous$", GenerousHandler), ("^/prepared$", PreparedHandler)]
    client = TestApp(Brubeck(handler_tuples=routes, form_limits=FormLimits(parts=2)))

    def send(path, parts, status):
        client.post(path, upload_files=[(str(name), "a", b"5") for name in range(parts)], status=status)

    send("/plain", 2, 200)
    send("/plain", 3, 413)
    for path in ("/generous", "/prepared"):
        send(path, 3, 200)
        send(path, 4, 413)


def test_limits_of_the_application_come_before_those_of_its_request_class():
    class Strict(Request):
        form_limits = FormLimits(parts=2)

    assert Brubeck(request_class=Strict).request_class is Strict
    made = Brubeck(request_class=Strict, form_limits=FormLimits(parts=5)).request_class
    assert issubclass(made, Strict)
    assert made.form_limits.parts == 5


def test_application_answers_413_to_too_much_and_400_to_garbage():
    app = Brubeck(max_body_size=1000)
    app.post("/")(lambda application, message: [part.name for part in message.parts()])
    client = TestApp(app)

    assert client.post("/", upload_files=[("take", "a", b"5" * 100)]).json == ["take"]
    client.post("/", upload_files=[("take", "a", b"5" * 1001)], status=413)
    for body, content_type, status in [(b"--blue\r\nno", HEADER, 400), (b"", HEADER, 400), (b"{}", "text/plain", 415)]:
        client.request("/", method="POST", body=body, headers={"Content-Type": content_type}, status=status)


# -- real servers

APP = """
from brubeck_wsgi import Brubeck

app = Brubeck(max_body_size=10**9)
app.get("/")(lambda application, message: "ready")


@app.post("/save")
def save(application, message):
    return [part.save_as("saved") for part in message.parts()]


@app.post("/files")
def files(application, message):
    return [file.size for file in message.files["take"]]
"""


@pytest.fixture(scope="module", params=["GeventWorker", "EventletWorker"])
def server(request, tmp_path_factory):
    """An application that takes uploads behind each worker; it saves them in `server.folder`."""
    folder = tmp_path_factory.mktemp("uploads")
    (folder / "uploads_app.py").write_text(APP)
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", f"brubeck_wsgi.workers.{request.param}"]
    with running([*command, "-b", f"127.0.0.1:{port}", "uploads_app:app"], port, cwd=folder) as server:
        server.folder = folder
        yield server


def begin(server, path, *lines):
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    request = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Type: {HEADER}", "Connection: close", *lines, "", ""]
    client.sendall("\r\n".join(request).encode())
    return client


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


@pytest.mark.serving
def test_worker_hands_on_a_part_while_the_rest_is_still_to_come(server):
    saved = server.folder / "saved"
    saved.unlink(missing_ok=True)
    with begin(server, "/save", "Transfer-Encoding: chunked") as client:
        client.sendall(chunked(head("take", "a.wav"), LARGE))
        server.wait_until(lambda: saved.exists() and saved.stat().st_size >= 64 * 1024, "save the first piece")
        client.sendall(chunked(LARGE, b"\r\n--blue--\r\n") + b"0\r\n\r\n")
        answer = client.makefile("rb").read()

    assert answer.endswith(b"[%d]" % (2 * len(LARGE)))
    assert saved.read_bytes() == LARGE * 2


@pytest.mark.serving
@pytest.mark.parametrize("path", ["/save", "/files"])
def test_worker_goes_on_when_a_client_leaves_in_the_middle_and_keeps_nothing_of_it(server, path):
    for _ in range(5):
        with begin(server, path, "Content-Length: 1000000") as client:
            client.sendall(head("take", "a.wav") + LARGE)
    body = form(part(LARGE, "take", "a.wav"))

    with begin(server, path, f"Content-Length: {len(body)}") as client:
        client.sendall(body)
        assert client.makefile("rb").read().endswith(b"[%d]" % len(LARGE))
    server.wait_until(lambda: not opened_by(server), "close what it has kept")


def opened_by(server):
    """Return the files that the workers of *server* hold open for uploads."""
    with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children") as children:
        workers = children.read().split()
    links = []
    for worker in workers:
        for name in os.listdir(f"/proc/{worker}/fd"):
            try:
                links.append(os.readlink(f"/proc/{worker}/fd/{name}"))
            except OSError:  # closed meanwhile
                continue
    return [link for link in links if link.endswith("saved") or "/#" in link]
