"""A folder as clients see it: what is found and what is not, validators, ranges, precompressed files, real servers."""

from __future__ import annotations

import errno
import io
import os
import socket
import time
from contextlib import closing
from email import message_from_bytes
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import free_port, running
from webob import Request
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError
from brubeck_wsgi.staticfiles import StaticFiles
from brubeck_wsgi.staticfiles.bodies import ByteRanges, FileSlice
from brubeck_wsgi.staticfiles.conditions import parse_http_date
from brubeck_wsgi.staticfiles.content_types import content_type_of
from brubeck_wsgi.staticfiles.ranges import MOST_RANGES, parse_range

MODIFIED = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE, AFTER = "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"
LETTERS = b"abcdefghijklmnopqrstuvwxyz"
LARGE = bytes(range(256)) * 1024
SECRET = b"nobody is to read this"
FILES = {
    "index.html": b"<h1>Time Out</h1>",
    "letters.txt": LETTERS,
    "empty.txt": b"",
    "large.bin": LARGE,
    "app.js": b"take(5)",
    "app.js.gz": b"gzipped",
    "app.js.br": b"brotlied",
    "app.js.zst": b"zstandarded",
    "stale.css": b"new",
    "stale.css.gz": b"old",
    "albums/index.html": b"<h1>Albums</h1>",
    "albums/time out.txt": b"Take Five",
    "albums/\N{MUSIC NATURAL SIGN}.txt": b"natural",
    "bare/one.txt": b"1",
    "a:b/index.html": b"colon",
    ".git/config": SECRET,
    ".well-known/security.txt": b"call us",
    "sub/.env": SECRET,
}


def write(folder, files, modified=MODIFIED):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (modified, modified))


def serving(folder, **options):
    """Return a client of an application that serves *folder* at /static/."""
    app = Brubeck()
    files = StaticFiles(folder, **options)
    app.get("/static/{path:path}", name="static")(files)
    app.get("/static/")(files)
    return TestApp(app)


def ask(client, path, query=""):
    """Ask for what no well-behaved client would: *path* is unquoted once, as servers do, and otherwise left alone."""
    request = Request.blank("/")
    request.environ["PATH_INFO"] = "/static/" + unquote_to_bytes(path).decode("latin-1")
    request.environ["QUERY_STRING"] = query.encode().decode("latin-1")
    return whole(client, request)


def encoded(client, path, accepted, **headers):
    """Return the answer to a client that accepts some codings, as it is; WebTest would decode it."""
    headers = headers if accepted is None else {**headers, "Accept-Encoding": accepted}
    return whole(client, Request.blank(f"/static/{path}", headers=headers))


def whole(client, request):
    """Return the answer to *request* with all of its body read, as it is."""
    answer = request.get_response(client.app)
    answer.body  # noqa: B018  # reads and closes it
    return answer


@pytest.fixture
def folder(tmp_path):
    """A folder to serve, beside which lies what is not to be served."""
    write(tmp_path, {"secret.txt": SECRET, "public-too/secret.txt": SECRET})
    folder = tmp_path / "public"
    write(folder, FILES)
    os.utime(folder / "stale.css", (MODIFIED + 60, MODIFIED + 60))
    return folder


@pytest.fixture
def client(folder):
    return serving(folder)


# -- what is found


@pytest.mark.parametrize(
    ("path", "content_type", "content"),
    [
        ("letters.txt", "text/plain; charset=utf-8", LETTERS),
        ("empty.txt", "text/plain; charset=utf-8", b""),
        ("large.bin", "application/octet-stream", LARGE),
        ("albums/time%20out.txt", "text/plain; charset=utf-8", b"Take Five"),
        ("albums/%E2%99%AE.txt", "text/plain; charset=utf-8", b"natural"),
        ("", "text/html; charset=utf-8", FILES["index.html"]),
        ("albums/", "text/html; charset=utf-8", FILES["albums/index.html"]),
    ],
)
def test_file_is_answered_with_its_type_and_validators(client, path, content_type, content):
    answer = client.get(f"/static/{path}")

    assert (answer.headers["Content-Type"], answer.body) == (content_type, content)
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Last-Modified"] == DATE
    assert answer.headers["ETag"].startswith('"')
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["letters.txt", "empty.txt", "large.bin", "app.js"])
def test_head_has_the_headers_of_get_and_no_body(client, path):
    got, head = client.get(f"/static/{path}"), client.head(f"/static/{path}")

    assert head.body == b""
    assert {**head.headers, "X-Request-Id": ""} == {**got.headers, "X-Request-Id": ""}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("pattern", ["/static/{path:path}", r"^/static/(?P<path>.*)$"])
def test_method_other_than_get_and_head_is_not_allowed(folder, method, pattern):
    app = Brubeck()
    app.route(pattern)(StaticFiles(folder))

    refused = TestApp(app).request("/static/letters.txt", method=method, status=405)

    assert "GET, HEAD" in refused.headers["Allow"]


def test_handler_tuples_take_it_as_they_take_functions(folder):
    client = TestApp(Brubeck(handler_tuples=[(r"^/(?P<path>.*)$", StaticFiles(folder))]))

    assert client.get("/letters.txt").body == LETTERS
    assert client.get("/").body == FILES["index.html"]


def test_url_of_a_file_comes_from_the_name_of_the_route(client):
    assert client.app.url_for("static", path="albums/time out.txt") == "/static/albums/time%20out.txt"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("albums", "./albums/"),
        ("albums?a=1&b=%20", "./albums/?a=1&b=%20"),
        ("albums?x\u00e9 y", "./albums/?x%C3%A9%20y"),
        ("a:b", "./a%3Ab/"),
    ],
)
def test_folder_without_its_slash_is_redirected_to_where_relative_links_are_right(client, path, location):
    moved = ask(client, *path.split("?"))

    assert (moved.status_code, moved.headers["Location"]) == (301, location)


def test_folder_without_an_index_is_not_found(folder):
    assert serving(folder).get("/static/bare/", status=404).content_type == "application/problem+json"
    assert serving(folder, index=None).get("/static/albums/", status=404)
    assert serving(folder, index="one.txt").get("/static/bare/").body == b"1"


def test_index_that_is_a_folder_is_not_found(folder):
    assert serving(folder, index="albums").get("/static/", status=404)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.JS", "text/javascript; charset=utf-8"),
        ("a.min.css", "text/css; charset=utf-8"),
        ("a.tar.gz", "application/gzip"),
        ("a.svg", "image/svg+xml"),
        ("a.woff2", "font/woff2"),
        ("html", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("a.exe", "application/octet-stream"),
        ("js.d/a", "application/octet-stream"),
    ],
)
def test_content_type_follows_from_the_ending_alone(name, content_type):
    assert content_type_of(name) == content_type


def test_types_of_its_own_come_before_the_known_ones(folder):
    client = serving(folder, types={".TXT": "text/x-score", "bin": "audio/midi"})

    assert client.get("/static/letters.txt").headers["Content-Type"] == "text/x-score"
    assert client.get("/static/large.bin").headers["Content-Type"] == "audio/midi"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (None, None),
        ("public, max-age=60", "public, max-age=60"),
        (lambda path: "immutable" if path.startswith("albums/") else None, "immutable"),
    ],
)
def test_cache_control_is_what_the_option_says(folder, option, expected):
    answer = serving(folder, cache_control=option).get("/static/albums/time%20out.txt")

    assert answer.headers.get("Cache-Control") == expected


# -- what is not


@pytest.mark.parametrize(
    "path",
    [
        *("nothing.txt", "letters.txt/", "letters.txt/x", "nothing/", "albums//index.html", "/letters.txt", "/"),
        *("../secret.txt", "albums/../../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "%2e%2e%2fsecret.txt"),
        *("albums/../letters.txt", "./letters.txt", "albums/./index.html", "..", ".", "../", "albums/.."),
        *(
            "%252e%252e/secret.txt",
            "..%5csecret.txt",
            "..%5c..%5csecret.txt",
            "albums%5ctime%20out.txt",
            "%5csecret.txt",
        ),
        *("..%00/secret.txt", "letters.txt%00", "letters.txt%00.html", "%00", "..;/secret.txt", "...//secret.txt"),
        *("%2fetc/passwd", "//etc/passwd", "%2Fetc%2Fpasswd", "file:///etc/passwd", "..%c0%af..%c0%afsecret.txt"),
        *(".git/config", ".git/", ".git", "sub/.env", ".well-known/security.txt", "../public/letters.txt"),
        *("../public-too/secret.txt", "letters.txt%20", "letters.txt.", "%e2%80%ae", "x" * 5000, "a/" * 2000, "~root"),
        *("letters.txt%0a", "%0d%0aX-Evil:%201", "con", "letters.txt::$DATA"),
    ],
)
def test_path_that_is_none_of_the_folder_is_refused(client, path):
    answer = ask(client, path)

    assert answer.status_code in (301, 400, 404)
    assert SECRET not in answer.body
    assert b"root:" not in answer.body
    if answer.status_code == 301:
        assert answer.headers["Location"].startswith("./")


@pytest.mark.parametrize(
    ("link", "target", "is_served"),
    [
        ("inside.txt", "letters.txt", True),
        ("deep/inside.txt", "../letters.txt", True),
        ("folder", "albums", True),
        ("twice", "folder", True),
        ("outside.txt", "../secret.txt", False),
        ("root", "/", False),
        ("up", "..", False),
        ("beside", "../public-too", False),
        ("hidden.txt", ".git/config", False),
        ("hiding", ".git", False),
        ("nowhere", "nothing", False),
        ("loop", "loop", False),
    ],
)
def test_link_is_followed_within_the_folder_only(folder, client, link, target, is_served):
    (folder / "deep").mkdir()
    (folder / "folder").symlink_to("albums")
    if link != "folder":
        (folder / link).symlink_to(target)
    tails = {"root": "etc/passwd", "up": "secret.txt", "beside": "secret.txt", "hiding": "config"}
    path = f"{link}/{tails[link]}" if link in tails else f"{link}/" if target in ("albums", "folder") else link

    answer = client.get(f"/static/{path}", expect_errors=True)

    assert answer.status_code == (200 if is_served else 404)


@pytest.fixture(scope="module")
def maze(tmp_path_factory):
    """A client of a folder full of links, some of them out of it."""
    place = tmp_path_factory.mktemp("maze")
    write(place, {"secret.txt": SECRET, "public/one.txt": b"1", "public/deep/two.txt": b"2", "public/.env": SECRET})
    links = {
        "out": "..",
        "self": ".",
        "in": "deep",
        "file": "deep/two.txt",
        "deep/up": "..",
        "deep/out": "../..",
        "hid": ".env",
    }
    for link, target in links.items():
        (place / "public" / link).symlink_to(target)
    return serving(place / "public")


@given(
    st.lists(
        st.sampled_from(["out", "self", "in", "file", "deep", "up", "hid", "one.txt", "two.txt", ".env", "secret.txt"])
        | st.sampled_from(["", ".", "..", "%2e%2e", "..%5c", "%00", "public", "~", "*", " ", "%2f", "..;"])
    ),
    st.sampled_from(["/", "//", "%5c", "%2f"]),
)
def test_no_way_through_a_maze_of_links_leads_out(maze, segments, separator):
    answer = ask(maze, separator.join(segments))

    assert answer.status_code in (200, 301, 404)
    assert answer.status_code != 200 or answer.body in (b"1", b"2")


def test_absolute_link_back_into_the_folder_is_followed(folder, client):
    (folder / "absolute.txt").symlink_to(folder / "letters.txt")

    assert client.get("/static/absolute.txt").body == LETTERS


def test_folder_that_is_a_link_itself_is_followed_anew_each_time(tmp_path, folder):
    write(tmp_path / "second", {"letters.txt": b"second"})
    current = tmp_path / "current"
    current.symlink_to(folder)
    client = serving(current)
    first = client.get("/static/letters.txt").body
    current.unlink()
    current.symlink_to("second")

    assert (first, client.get("/static/letters.txt").body) == (LETTERS, b"second")


def test_link_put_in_place_of_a_folder_after_it_was_resolved_is_not_followed(tmp_path, folder, monkeypatch):
    (folder / "linked").symlink_to("albums")
    (tmp_path / "albums").mkdir()
    write(tmp_path / "albums", {"index.html": SECRET})
    client = serving(folder)
    resolve = os.path.realpath

    def resolve_and_exchange(path, **options):
        real = resolve(path, **options)
        if real.endswith("albums/index.html"):
            (folder / "albums").rename(folder / "gone")
            (folder / "albums").symlink_to(tmp_path / "albums")
        return real

    monkeypatch.setattr(os.path, "realpath", resolve_and_exchange)

    assert client.get("/static/linked/", status=404)


def test_dotfile_that_is_named_is_served(folder):
    client = serving(folder, dotfiles=[".well-known"])

    assert client.get("/static/.well-known/security.txt").body == b"call us"
    assert client.get("/static/.git/config", status=404)


def test_pipe_and_socket_are_not_found_and_do_not_hang(folder, client):
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))

        assert client.get("/static/pipe", status=404)
        assert client.get("/static/socket", status=404)


@pytest.mark.parametrize(
    ("error", "status"), [(errno.EACCES, 403), (errno.EMFILE, 500), (errno.EIO, 500), (errno.ENAMETOOLONG, 404)]
)
def test_error_of_the_system_is_answered_by_whose_fault_it_is(client, monkeypatch, error, status):
    def fail(*arguments, **options):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "open", fail)

    assert client.get("/static/letters.txt", status=status)


@pytest.mark.parametrize(
    ("folder_name", "options"),
    [
        ("nothing", {}),
        ("public/letters.txt", {}),
        ("public", {"dotfiles": [".."]}),
        ("public", {"dotfiles": ["git"]}),
        ("public", {"dotfiles": ".git"}),
    ],
)
def test_options_that_cannot_be_used_are_refused_at_once(folder, folder_name, options):
    with pytest.raises(ConfigurationError):
        StaticFiles(folder.parent / folder_name, **options)


@pytest.mark.parametrize("path", ["letters.txt", "large.bin", "nothing", "albums", "app.js", "albums/", "linked.txt"])
@pytest.mark.parametrize(
    "headers", [{}, {"Range": "bytes=1-2,200-300"}, {"Range": "bytes=999999-"}, {"If-Match": '"x"'}]
)
def test_nothing_stays_open(folder, client, path, headers):
    (folder / "linked.txt").symlink_to("letters.txt")
    before = len(os.listdir("/proc/self/fd"))

    for method in ("GET", "HEAD"):
        whole(client, Request.blank(f"/static/{path}", method=method, headers={"Accept-Encoding": "br", **headers}))

    assert len(os.listdir("/proc/self/fd")) == before


# -- conditions (RFC 9110 §13)


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"If-None-Match": "ETAG"}, 304),
        ({"If-None-Match": "W/ETAG"}, 304),
        ({"If-None-Match": '"x", ETAG, "y,z"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-None-Match": "garbage"}, 200),
        ({"If-None-Match": ""}, 200),
        ({"If-Modified-Since": DATE}, 304),
        ({"If-Modified-Since": AFTER}, 304),
        ({"If-Modified-Since": BEFORE}, 200),
        ({"If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT"}, 304),
        ({"If-Modified-Since": "Sun Nov  6 08:49:37 1994"}, 304),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": f"{DATE}, {AFTER}"}, 200),
        # §13.2.2: the tag decides, the date is not looked at.
        ({"If-None-Match": '"x"', "If-Modified-Since": AFTER}, 200),
        ({"If-None-Match": "ETAG", "If-Modified-Since": BEFORE}, 304),
        ({"If-Match": "ETAG"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": "W/ETAG"}, 412),
        ({"If-Match": "ETAG", "If-Unmodified-Since": BEFORE}, 200),
        ({"If-Unmodified-Since": DATE}, 200),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Unmodified-Since": "never"}, 200),
        ({"If-Match": '"x"', "If-None-Match": "ETAG"}, 412),
        ({"If-Match": "ETAG", "If-None-Match": "ETAG"}, 304),
        # Conditions come before ranges.
        ({"If-None-Match": "ETAG", "Range": "bytes=0-1"}, 304),
        ({"If-Match": '"x"', "Range": "bytes=0-1"}, 412),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_condition_decides_the_status(client, conditions, status, method):
    etag = client.get("/static/letters.txt").headers["ETag"]
    headers = {name: value.replace("ETAG", etag) for name, value in conditions.items()}

    answer = client.request("/static/letters.txt", method=method, headers=headers, expect_errors=True)

    assert answer.status_code == status


def test_304_has_the_headers_that_a_cache_wants_and_none_of_content(client):
    first = client.get("/static/letters.txt")

    second = client.get("/static/letters.txt", headers={"If-None-Match": first.headers["ETag"]}, status=304)

    assert second.body == b""
    for name in ("ETag", "Cache-Control", "Vary"):
        assert second.headers[name] == first.headers[name]
    assert not {"Content-Type", "Content-Length", "Last-Modified"} & set(second.headers)


@pytest.mark.parametrize(("content", "moment"), [(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", MODIFIED + 1), (b"a", MODIFIED)])
def test_etag_changes_with_time_and_size(folder, client, content, moment):
    before = client.get("/static/letters.txt").headers["ETag"]
    write(folder, {"letters.txt": content}, moment)

    assert client.get("/static/letters.txt").headers["ETag"] != before


def test_last_modified_is_never_in_the_future(folder, client):
    write(folder, {"letters.txt": b"x"}, time.time() + 9999)

    said = parse_http_date(client.get("/static/letters.txt").headers["Last-Modified"])

    assert said <= time.time()


def test_file_older_than_1970_has_a_date_that_can_be_written(folder, client):
    write(folder, {"letters.txt": b"x"}, -5)

    assert client.get("/static/letters.txt").headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (DATE, MODIFIED),
        ("Sunday, 06-Nov-94 08:49:37 GMT", MODIFIED),
        ("Sun Nov  6 08:49:37 1994", MODIFIED),
        ("Sun Nov 16 08:49:37 1994", MODIFIED + 864000),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1483228799),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 +0100", None),
        ("Sun, 06 nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("Sun, \u0660\u0666 Nov 1994 08:49:37 GMT", None),
        ("784111777", None),
        ("", None),
    ],
)
def test_date_is_read_in_the_three_forms_of_http_and_no_other(text, seconds):
    assert parse_http_date(text) == seconds


# -- ranges (RFC 9110 §14)


@pytest.mark.parametrize(
    ("header", "size", "ranges"),
    [
        ("bytes=0-4", 26, [(0, 5)]),
        ("bytes=20-", 26, [(20, 26)]),
        ("bytes=-5", 26, [(21, 26)]),
        ("bytes=-500", 26, [(0, 26)]),
        ("bytes=0-500", 26, [(0, 26)]),
        ("BYTES=0-0", 26, [(0, 1)]),
        ("bytes = 0-4 ,\t", 26, [(0, 5)]),
        ("bytes=,,0-4,", 26, [(0, 5)]),
        (f"bytes=0-{'9' * 5000}", 26, [(0, 26)]),
        (f"bytes={'0' * 5000}3-4", 26, [(3, 5)]),
        ("bytes=26-", 26, []),
        (f"bytes={'9' * 5000}-", 26, []),
        ("bytes=-0", 26, []),
        ("bytes=0-", 0, []),
        ("bytes=-5", 0, [(0, 0)]),
        ("bytes=26-,0-1", 26, [(0, 2)]),
        # Apart, in the client's order; overlapping, in each other, or nearly touching, as one.
        ("bytes=900-999,0-9", 1000, [(900, 1000), (0, 10)]),
        ("bytes=0-99,50-149", 1000, [(0, 150)]),
        ("bytes=50-149,0-99", 1000, [(0, 150)]),
        ("bytes=0-9,20-29", 1000, [(0, 30)]),
        ("bytes=0-9,300-309,5-305", 1000, [(0, 310)]),
        ("bytes=500-509,0-9,-1,495-520", 1000, [(495, 521), (0, 10), (999, 1000)]),
        ("bytes=" + ",".join(["0-"] * MOST_RANGES), 1000, [(0, 1000)]),
        ("bytes=" + ",".join(["0-"] * (MOST_RANGES + 1)), 1000, None),
        ("bytes=5-4", 26, None),
        ("bytes=0-1,5-4", 26, None),
        ("bytes=", 26, None),
        ("bytes=-", 26, None),
        ("bytes=,", 26, None),
        ("bytes=a-b", 26, None),
        ("bytes=0x0-4", 26, None),
        ("bytes=\u00b2-\u00b3", 26, None),
        ("bytes=+1-4", 26, None),
        ("bytes=1--4", 26, None),
        ("bytes=1-4;2-3", 26, None),
        ("bytes 0-4", 26, None),
        ("lines=0-4", 26, None),
        ("", 26, None),
    ],
)
def test_range_header_is_read_as_the_rfc_has_it(header, size, ranges):
    assert parse_range(header, size) == ranges


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)).map(sorted), max_size=MOST_RANGES))
def test_ranges_hold_all_that_was_asked_for_once(asked):
    ranges = parse_range("bytes=" + ",".join(f"{first}-{last}" for first, last in asked), 2000)

    wanted = {place for first, last in asked for place in range(first, min(last + 1, 2000))}
    sent = [place for start, stop in ranges or () for place in range(start, stop)]
    assert wanted <= set(sent)
    assert len(sent) == len(set(sent))


def test_single_range_is_answered_with_its_place(client):
    answer = client.get("/static/letters.txt", headers={"Range": "bytes=3-5"}, status=206)

    assert (answer.body, answer.headers["Content-Range"]) == (b"def", "bytes 3-5/26")
    assert (answer.headers["Content-Length"], answer.content_type) == ("3", "text/plain")
    assert answer.headers["Last-Modified"] == DATE


def test_several_ranges_are_the_parts_of_a_multipart(client):
    answer = client.get("/static/large.bin", headers={"Range": "bytes=262142-,0-3,256-100255"}, status=206)

    document = message_from_bytes(f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode() + answer.body)
    parts = [
        (part["Content-Range"], part["Content-Type"], part.get_payload(decode=True)) for part in document.get_payload()
    ]
    assert parts == [
        ("bytes 262142-262143/262144", "application/octet-stream", LARGE[-2:]),
        ("bytes 0-3/262144", "application/octet-stream", LARGE[:4]),
        ("bytes 256-100255/262144", "application/octet-stream", LARGE[256:100256]),
    ]
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert "Content-Range" not in answer.headers


def test_range_outside_of_the_file_cannot_be_satisfied(client):
    refused = client.get("/static/letters.txt", headers={"Range": "bytes=26-"}, status=416)

    assert refused.headers["Content-Range"] == "bytes */26"


@pytest.mark.parametrize("header", ["lines=1-2", "bytes=5-4", "bytes=" + "0-0," * 500])
def test_range_that_is_to_be_ignored_is_answered_with_all(client, header):
    assert client.get("/static/letters.txt", headers={"Range": header}, status=200).body == LETTERS


def test_head_ignores_the_range(client):
    assert client.head("/static/letters.txt", headers={"Range": "bytes=0-1"}).status_code == 200


def test_end_of_an_empty_file_is_all_of_it(client):
    assert client.get("/static/empty.txt", headers={"Range": "bytes=-5"}, status=200).body == b""


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("ETAG", 206),
        ("W/ETAG", 200),
        ('"x"', 200),
        (DATE, 206),
        (BEFORE, 200),
        (AFTER, 200),
        ("", 200),
        ("ETAG, ETAG", 200),
    ],
)
@pytest.mark.parametrize("ranges", ["bytes=0-1", "bytes=99-"])
def test_if_range_lets_only_the_same_state_be_sent_in_parts(client, condition, status, ranges):
    etag = client.get("/static/letters.txt").headers["ETag"]
    headers = {"Range": ranges, "If-Range": condition.replace("ETAG", etag)}

    answer = client.get("/static/letters.txt", headers=headers, expect_errors=True)

    assert answer.status_code == (416 if status == 206 and "99" in ranges else status)


def test_date_of_this_second_is_no_proof_for_a_range(folder, client):
    write(folder, {"letters.txt": b"changed just now"}, time.time())
    date = client.get("/static/letters.txt").headers["Last-Modified"]

    answer = client.get("/static/letters.txt", headers={"Range": "bytes=0-1", "If-Range": date})

    assert answer.status_code == 200


def test_slice_reads_like_a_file_that_ends_where_it_does(folder):
    part = FileSlice(io.FileIO(folder / "letters.txt"), (3, 8))

    assert (part.tell(), part.read(2), part.read(), part.read(5)) == (3, b"de", b"fgh", b"")
    assert (part.seek(4), part.read(100), part.tell()) == (4, b"efgh", 8)
    assert (part.seek(20), part.read()) == (20, b"")
    part.close()


def test_parts_of_a_file_that_has_become_shorter_do_not_end_as_if_they_were_complete(folder):
    parts = ByteRanges(io.FileIO(folder / "letters.txt"), [(0, 2), (20, 26)], 26, "text/plain")
    os.truncate(folder / "letters.txt", 22)

    with closing(parts), pytest.raises(OSError, match="shorter"):
        list(parts)


# -- precompressed files (RFC 9110 §12.5.3)


@pytest.mark.parametrize(
    ("accepted", "coding", "content"),
    [
        ("gzip", "gzip", b"gzipped"),
        ("x-gzip", "gzip", b"gzipped"),
        ("GZIP;Q=1.0", "gzip", b"gzipped"),
        ("br", "br", b"brotlied"),
        ("zstd", "zstd", b"zstandarded"),
        ("gzip, deflate, br, zstd", "br", b"brotlied"),
        ("gzip;q=1, br;q=0.5", "gzip", b"gzipped"),
        ("*", "br", b"brotlied"),
        ("*, br;q=0", "zstd", b"zstandarded"),
        ("gzip;q=0", None, b"take(5)"),
        ("gzip;q=0.000, *;q=0", None, b"take(5)"),
        ("identity, gzip;q=0.5", None, b"take(5)"),
        ("identity;q=0", None, b"take(5)"),
        ("gzip;q=2", None, b"take(5)"),
        ("gzip;q=", None, b"take(5)"),
        ("gzipped", None, b"take(5)"),
        ("deflate", None, b"take(5)"),
        ("", None, b"take(5)"),
        (None, None, b"take(5)"),
    ],
)
def test_precompressed_file_is_chosen_by_what_the_client_accepts(client, accepted, coding, content):
    answer = encoded(client, "app.js", accepted)

    assert (answer.headers.get("Content-Encoding"), answer.body) == (coding, content)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_each_coding_has_an_etag_of_its_own(client):
    codings = ("identity", "gzip", "br", "zstd")

    tags = {encoded(client, "app.js", coding).headers["ETag"] for coding in codings}

    assert len(tags) == 4


def test_range_is_one_of_the_compressed_bytes(client):
    answer = encoded(client, "app.js", "gzip", Range="bytes=0-3")

    assert (answer.status_code, answer.body, answer.headers["Content-Encoding"]) == (206, b"gzip", "gzip")
    assert answer.headers["Content-Range"] == "bytes 0-3/7"


def test_precompressed_file_older_than_the_file_is_left_alone(client):
    assert encoded(client, "stale.css", "gzip").body == b"new"


def test_precompressed_files_can_be_turned_off(folder):
    answer = encoded(serving(folder, precompressed=False), "app.js", "gzip")

    assert answer.body == b"take(5)"
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_only_looks_precompressed_is_left_alone(folder, client, kind):
    place = folder / "letters.txt.gz"
    {"link": lambda: place.symlink_to("../secret.txt"), "folder": place.mkdir, "pipe": lambda: os.mkfifo(place)}[kind]()

    assert encoded(client, "letters.txt", "gzip").body == LETTERS


# -- real servers

WORKERS = {
    "gevent": "brubeck_wsgi.workers.GeventWorker",
    "eventlet": "brubeck_wsgi.workers.EventletWorker",
    "stock gevent": "gunicorn.workers.ggevent.GeventWorker",
    "gthread": "gthread",
}
APP = """
from brubeck_wsgi import Brubeck
from brubeck_wsgi.staticfiles import StaticFiles
from brubeck_wsgi.staticfiles.bodies import ByteRanges, FileSlice

app = Brubeck()
app.get("/{path:path}")(StaticFiles("public"))
app.get("/")(lambda application, message: "ready")
"""


@pytest.fixture(scope="module", params=WORKERS)
def server(request, tmp_path_factory):
    """A folder behind each worker."""
    place = tmp_path_factory.mktemp("served")
    write(place / "public", {"letters.txt": LETTERS, "large.bin": LARGE})
    (place / "served_folder.py").write_text(APP)
    port = free_port()
    command = ["gunicorn", "--no-control-socket", "-k", WORKERS[request.param], "-b", f"127.0.0.1:{port}"]
    with running([*command, "served_folder:app"], port, cwd=place) as server:
        yield server


@pytest.mark.serving
@pytest.mark.parametrize(
    ("path", "header", "status", "content"),
    [
        ("letters.txt", None, 200, LETTERS),
        ("large.bin", None, 200, LARGE),
        ("large.bin", "bytes=1000-2000", 206, LARGE[1000:2001]),
        ("large.bin", "bytes=1-", 206, LARGE[1:]),
        ("large.bin", "bytes=-1", 206, LARGE[-1:]),
        ("large.bin", "bytes=262144-", 416, None),
        ("large.bin", "bytes=0-1,5000-5001", 206, None),
    ],
)
def test_worker_sends_the_file_or_its_part_and_keeps_the_connection(server, path, header, status, content):
    headers = {} if header is None else {"Range": header}
    with closing(server.connect()) as client:
        for _ in range(2):
            client.request("HEAD", f"/{path}", headers=headers)
            head = client.getresponse()
            head.read()
            client.request("GET", f"/{path}", headers=headers)
            got = client.getresponse()
            body = got.read()

            assert (head.status, got.status) == (200, status)
            assert content is None or body == content


@pytest.mark.serving
def test_worker_keeps_no_file_open_when_the_client_leaves_in_the_middle(server):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(1)

    def are_all_closed():
        opened = [
            f"/proc/{pid}/fd" for pid in os.listdir("/proc") if pid.isdigit() and _is_below(pid, server.process.pid)
        ]
        return not any(_leads_to_large(folder) for folder in opened)

    server.wait_until(are_all_closed, "close the file")


def _is_below(pid, ancestor):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1]) == ancestor
    except OSError:
        return False


def _leads_to_large(folder):
    links = []
    for name in os.listdir(folder):
        try:
            links.append(os.readlink(f"{folder}/{name}"))
        except OSError:
            continue
    return any(link.endswith("large.bin") for link in links)


@pytest.mark.serving
@pytest.mark.parametrize(
    "target", ["/../served_folder.py", "/%2e%2e/served_folder.py", "/..%2fserved_folder.py", "//etc/passwd"]
)
def test_worker_lets_no_path_out_of_the_folder(server, target):
    assert server.get(target)[0] in (400, 404)
