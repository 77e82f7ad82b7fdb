"""Compression: who gets what compressed, what is left as it is, and what the headers say of it."""

from __future__ import annotations

import gzip
import zlib
from contextlib import closing
from typing import NamedTuple
from wsgiref.validate import validator

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from webob import Request

from brubeck_wsgi import Brubeck, ConfigurationError, MissingLibrary, Response
from brubeck_wsgi.middleware import Compression, compressors
from brubeck_wsgi.middleware.codings import preferred_codings
from brubeck_wsgi.staticfiles import StaticFiles

TEXT = b"take five, " * 200
OFFERED = ("zstd", "br", "gzip")
DECODERS = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    None: bytes,
}


class Upstream:
    """A WSGI application that answers what it is told, and counts how often its body is closed."""

    def __init__(self, body=(TEXT,), status="200 OK", **headers):
        self.body = body
        self.status = status
        self.headers = {"Content-Type": "text/plain"} | {name.replace("_", "-"): text for name, text in headers.items()}
        self.closed = 0

    def __call__(self, environ, start_response):
        start_response(self.status, [pair for pair in self.headers.items() if pair[1] is not None])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.body if isinstance(self.body, list) else self

    def __iter__(self):
        return iter(self.body)

    def close(self):
        self.closed += 1


class Answer(NamedTuple):
    """What a server would send, as it is."""

    status: str
    headers: dict[str, str]
    body: bytes


def ask(application, accepted="gzip", method="GET", path="/", **headers):
    """Return the answer to a client that accepts some codings; None for one that says nothing of them."""
    request = Request.blank(path, method=method, headers=headers)
    if accepted is not None:
        request.headers["Accept-Encoding"] = accepted
    started = []
    body = validator(application)(request.environ, lambda *start: started.append(start) or (lambda data: None))
    with closing(body):
        content = b"".join(body)
    status, pairs = started[-1][:2]
    assert len(pairs) == len(dict(pairs))
    return Answer(status, dict(pairs), content)


def whole(body=TEXT, **headers):
    """Return an application that answers *body*, all of it at once."""
    return Upstream([body], Content_Length=str(len(body)), **headers)


# -- who gets what


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("gzip", ("gzip",)),
        ("x-gzip", ("gzip",)),
        ("GZip ; q=0.5", ("gzip",)),
        ("gzip, deflate, br, zstd", ("zstd", "br", "gzip")),
        ("gzip;q=1.0, br;q=0.9, zstd;q=0.1", ("gzip", "br", "zstd")),
        ("*", ("zstd", "br", "gzip")),
        ("*;q=0.5, gzip", ("gzip", "zstd", "br")),
        ("*, zstd;q=0", ("br", "gzip")),
        ("gzip;q=0", ()),
        ("gzip;q=0.0", ()),
        ("*;q=0", ()),
        ("identity", ()),
        ("identity;q=0, br", ("br",)),
        ("identity;q=0.5, br;q=0.4, gzip;q=0.5", ("gzip",)),
        ("gzip;q=1.1", ()),
        ("gzip;q=0.1234", ()),
        ("gzip;q=-1", ()),
        ("gzip;q", ()),
        ("gzip;level=9", ()),
        ("gzip;q=nan", ()),
        ("gzip br", ()),
        ("gzipped", ()),
        ("br;q=0, br", ()),
        (",, gzip ,", ("gzip",)),
        ("", ()),
    ],
)
def test_accept_encoding_is_read_as_the_rfc_has_it(header, codings):
    assert preferred_codings(header, OFFERED) == codings


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_accept_encoding_can_be_read(header):
    assert set(preferred_codings(header, OFFERED)) <= set(OFFERED)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("br, gzip", "br"), ("deflate", None), ("", None), (None, None)],
)
def test_answer_is_compressed_for_those_who_take_it(accepted, coding):
    answer = ask(Compression(whole()), accepted)

    assert answer.headers.get("Content-Encoding") == coding
    assert DECODERS[coding](answer.body) == TEXT
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert coding is None or len(answer.body) < len(TEXT) / 10


def test_codings_are_offered_in_the_order_that_is_asked_for():
    assert ask(Compression(whole(), codings=["gzip", "br"]), "br, gzip, zstd").headers["Content-Encoding"] == "gzip"


def test_coding_whose_library_is_missing_is_not_offered(monkeypatch):
    monkeypatch.setattr(compressors, "find_spec", lambda name: None)

    assert ask(Compression(whole()), "zstd, br, gzip;q=0.1").headers["Content-Encoding"] == "gzip"
    with pytest.raises(MissingLibrary, match="brotli is not installed"):
        Compression(whole(), codings=["br"])


@pytest.mark.parametrize("options", [{"codings": ["deflate"]}, {"codings": "gzip"}, {"types": "text/x"}])
def test_options_that_cannot_be_used_are_refused_at_once(options):
    with pytest.raises(ConfigurationError):
        Compression(whole(), **options)


# -- what is left as it is


@pytest.mark.parametrize(
    "application",
    [
        whole(b"short"),
        whole(b""),
        whole(Content_Type="image/png"),
        whole(Content_Type="application/octet-stream"),
        whole(Content_Type="application/zip"),
        whole(Content_Encoding="br"),
        whole(Content_Encoding="identity"),
        whole(Cache_Control="no-transform"),
        whole(Cache_Control="public, No-Transform , max-age=5"),
        whole(Repr_Digest="sha-256=:abc=:"),
        whole(Content_Digest="sha-256=:abc=:"),
        whole(status="206 Partial Content", Content_Range="bytes 0-2199/5000"),
        Upstream([TEXT], "416 Range Not Satisfiable", Content_Range="bytes */5"),
    ],
)
def test_answer_that_is_not_to_be_compressed_is_left_as_it_is(application):
    answer = ask(Compression(application))

    assert answer.body == b"".join(application.body)
    assert dict(answer.headers) == application.headers


def test_answer_without_a_content_type_is_left_as_it_is():
    def application(environ, start_response):
        start_response("200 OK", [])
        return [TEXT]

    environ = Request.blank("/", headers={"Accept-Encoding": "gzip"}).environ
    started = []

    assert Compression(application)(environ, lambda *start: started.append(start)) == [TEXT]
    assert started == [("200 OK", [])]


@pytest.mark.parametrize("header", ["no-transform", "max-age=0, no-transform"])
def test_client_that_wants_nothing_transformed_is_heard(header):
    assert ask(Compression(whole()), **{"Cache-Control": header}).body == TEXT


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/html; charset=utf-8", "TEXT/CSS", "application/json", "application/problem+json; charset=utf-8"),
        *("image/svg+xml", "application/javascript", "application/atom+xml", "font/ttf", "application/x-score"),
    ],
)
def test_type_that_gets_smaller_is_compressed(content_type):
    application = Compression(whole(Content_Type=content_type), types=["application/X-Score"])

    assert ask(application).headers["Content-Encoding"] == "gzip"


def test_what_would_get_longer_is_sent_as_it_is():
    noise = zlib.compress(TEXT)
    application = Compression(whole(noise, Content_Type="text/plain", ETag='"a"'), minimum_size=1)

    answer = ask(application)

    assert (answer.body, answer.headers["Content-Length"], answer.headers["ETag"]) == (noise, str(len(noise)), '"a"')
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(("size", "is_compressed"), [(999, False), (1000, True)])
def test_minimum_size_is_the_least_that_is_compressed(size, is_compressed):
    answer = ask(Compression(whole(b"x" * size), minimum_size=1000))

    assert ("Content-Encoding" in answer.headers) is is_compressed


# -- what the headers say


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "Accept-Encoding"),
        ("Cookie", "Cookie, Accept-Encoding"),
        ("cookie, accept-encoding", "cookie, accept-encoding"),
        ("*", "*"),
        ("", "Accept-Encoding"),
    ],
)
@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_vary_names_accept_encoding_once(before, after, accepted):
    assert ask(Compression(whole(Vary=before)), accepted).headers["Vary"] == after


@pytest.mark.parametrize(("before", "after"), [('"abc"', 'W/"abc"'), ('W/"abc"', 'W/"abc"')])
def test_etag_becomes_weak(before, after):
    assert ask(Compression(whole(ETag=before))).headers["ETag"] == after
    assert ask(Compression(whole(ETag=before)), "identity").headers["ETag"] == before


def test_ranges_are_no_longer_offered():
    assert "Accept-Ranges" not in ask(Compression(whole(Accept_Ranges="bytes"))).headers


def test_head_has_the_headers_of_get_but_the_length():
    application = Compression(whole(ETag='"a"'))
    got, head = ask(application), ask(application, method="HEAD")

    expected = {name: value for name, value in got.headers.items() if name != "Content-Length"}
    assert (dict(head.headers), head.body) == (expected, b"")


@pytest.mark.parametrize(
    ("known", "expected"), [('W/"abc"', 'W/"abc"'), ('"abc"', '"abc"'), ('"x", W/"abc"', 'W/"abc"'), ("*", '"abc"')]
)
def test_304_has_the_etag_that_the_client_knows(known, expected):
    application = Upstream([], "304 Not Modified", Content_Type=None, ETag='"abc"')

    answer = ask(Compression(application), **{"If-None-Match": known})

    assert answer.headers["ETag"] == expected


# -- streams


def test_stream_is_left_as_it_is():
    application = Upstream((b"data: 1\n\n" * 200, b"data: 2\n\n"), Content_Type="text/event-stream")

    answer = ask(Compression(application))

    assert answer.body == b"".join(application.body)
    assert dict(answer.headers) == application.headers
    assert application.closed == 1


@pytest.mark.parametrize("coding", OFFERED)
@pytest.mark.parametrize("length", [None, "18"])
def test_what_is_compressed_in_pieces_can_be_read_piece_by_piece(coding, length):
    pieces = [b"data: 1\n\n", b"", b"data: 2\n\n"]
    application = Upstream(tuple(pieces), Content_Type="text/event-stream", Content_Length=length)
    environ = Request.blank("/", headers={"Accept-Encoding": coding}).environ
    decoder = {
        "gzip": lambda: zlib.decompressobj(31).decompress,
        "br": lambda: brotli.Decompressor().process,
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
    }[coding]()

    body = Compression(application, streams=True, minimum_size=1)(environ, lambda status, headers: None)

    assert [decoder(piece) for piece in body] == [*pieces, b""]
    body.close()
    assert application.closed == 1


def test_body_of_known_length_that_comes_in_pieces_is_compressed_and_closed():
    application = Upstream((TEXT, b"", TEXT), Content_Length=str(2 * len(TEXT)))

    answer = ask(Compression(application))

    assert gzip.decompress(answer.body) == TEXT * 2
    assert "Content-Length" not in answer.headers
    assert application.closed == 1


@pytest.mark.parametrize("declared", [len(TEXT) + 1, len(TEXT) - 1])
def test_body_that_breaks_its_length_does_not_end_as_if_it_were_complete(declared):
    application = Upstream((TEXT,), Content_Length=str(declared))
    environ = Request.blank("/", headers={"Accept-Encoding": "gzip"}).environ
    body = Compression(application)(environ, lambda status, headers: None)

    with pytest.raises(RuntimeError, match="Content-Length"):
        list(body)


# -- whatever WSGI allows


def test_generator_that_starts_late_is_compressed():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(TEXT)))])
        yield TEXT

    assert gzip.decompress(ask(Compression(application)).body) == TEXT


def test_generator_that_fails_before_it_starts_is_closed_and_its_error_goes_on():
    closed = []

    def application(environ, start_response):
        try:
            yield from {}["out of tune"]
        finally:
            closed.append(True)

    with pytest.raises(KeyError, match="out of tune"):
        Compression(application)({}, None)
    assert closed == [True]


def test_what_is_written_is_left_as_it_is():
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(TEXT)
        write(TEXT)
        return [TEXT]

    environ = Request.blank("/", headers={"Accept-Encoding": "gzip"}).environ
    sent = []

    body = Compression(application)(environ, lambda status, headers: sent.append(headers) or sent.append)

    assert [*sent, *body] == [[("Content-Type", "text/plain")], TEXT, TEXT, TEXT]


def test_answer_replaced_after_an_error_is_what_is_sent():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise ValueError("out of tune")
        except ValueError as error:
            start_response("500 Oh", [("Content-Type", "text/html")], (type(error), error, error.__traceback__))
        return [TEXT]

    answer = ask(Compression(application))

    assert (answer.status, answer.headers["Content-Type"], gzip.decompress(answer.body)) == (
        "500 Oh",
        "text/html",
        TEXT,
    )


def test_application_that_starts_twice_is_told_by_the_server():
    starts = []

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [TEXT]

    Compression(application)({"REQUEST_METHOD": "GET"}, lambda *arguments: starts.append(arguments))

    assert len(starts) == 2


def test_body_is_closed_when_its_head_cannot_be_sent():
    application = Upstream((TEXT,), Content_Length=str(len(TEXT)))

    def refuse(status, headers):
        raise ValueError("no such header")

    with pytest.raises(ValueError, match="no such header"):
        Compression(application)(Request.blank("/", headers={"Accept-Encoding": "gzip"}).environ, refuse)
    assert application.closed == 1


def test_error_after_the_head_was_sent_is_told_to_the_server():
    starts = []

    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(TEXT)
        start_response("500 Oh", [("Content-Type", "text/plain")], ("the", "error", None))
        return []

    Compression(application)(Request.blank("/").environ, lambda *start: starts.append(start) or (lambda data: None))

    assert [start[0] for start in starts] == ["200 OK", "500 Oh"]
    assert starts[1][2] == ("the", "error", None)


# -- around an application


@pytest.fixture
def app(tmp_path):
    """An application that answers in many ways, with compression around it."""
    (tmp_path / "large.txt").write_bytes(TEXT * 100)
    app = Brubeck()
    app.get("/text")(lambda application, message: TEXT.decode())
    app.get("/json")(lambda application, message: {"takes": [5] * 1000})
    app.get("/stream")(lambda application, message: (piece for piece in [TEXT, TEXT]))
    app.get("/short")(lambda application, message: "5")
    app.get("/stopped")(lambda application, message: Response(TEXT, headers={"Cache-Control": "no-transform"}))
    app.get("/files/{path:path}")(StaticFiles(tmp_path))
    app.add_middleware(Compression, codings=["gzip"])
    return app


@pytest.mark.parametrize(
    ("path", "is_compressed"),
    [
        ("/text", True),
        ("/json", True),
        ("/stream", False),
        ("/short", False),
        ("/stopped", False),
        ("/files/large.txt", True),
    ],
)
def test_application_is_compressed_where_it_is_worth_it(app, path, is_compressed):
    plain, answer = ask(app, "identity", path=path), ask(app, "gzip", path=path)

    assert ("Content-Encoding" in answer.headers) is is_compressed
    assert (gzip.decompress(answer.body) if is_compressed else answer.body) == plain.body


def test_compressed_file_is_revalidated_by_its_weak_etag(app):
    first = ask(app, path="/files/large.txt")

    second = ask(app, path="/files/large.txt", **{"If-None-Match": first.headers["ETag"]})

    assert first.headers["ETag"].startswith("W/")
    assert (second.status[:3], second.headers["ETag"]) == ("304", first.headers["ETag"])
    assert second.headers["Vary"] == first.headers["Vary"] == "Accept-Encoding"


def test_range_of_a_file_is_not_compressed(app):
    answer = ask(app, path="/files/large.txt", Range="bytes=0-1999")

    assert (answer.status[:3], answer.body) == ("206", (TEXT * 100)[:2000])
