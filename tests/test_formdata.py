"""Forms: urlencoded text and multipart bodies, as browsers send them and as nobody should."""

from __future__ import annotations

import gc
import io
from contextlib import suppress
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brubeck_wsgi.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from brubeck_wsgi.formdata import MOST_FIELDS, parse_multipart, parse_urlencoded

HEADER = "multipart/form-data; boundary=blue"
LIMIT = 1_000_000
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LATIN_1 = st.text(st.characters(max_codepoint=255))


class Pieces:
    """A stream that gives at most *most* bytes at a time."""

    def __init__(self, body, most):
        self.stream = io.BytesIO(body)
        self.most = most

    def read(self, size):
        return self.stream.read(min(size, self.most))


def part(content, disposition='form-data; name="take"', *headers):
    """Return one part of a multipart body as it goes over the wire."""
    lines = [f"Content-Disposition: {disposition}", *headers]
    return b"--blue\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


def form(*parts):
    return b"".join(parts) + b"--blue--\r\n"


def file_part(content, filename, *headers):
    return part(content, f'form-data; name="take"; filename="{filename}"', *headers)


def parsed(body, header=HEADER, limit=LIMIT):
    return parse_multipart(io.BytesIO(body), header, limit)


# -- urlencoded


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("take=5", {"take": ["5"]}),
        ("take=5&by=Dave&take=6", {"take": ["5", "6"], "by": ["Dave"]}),
        ("take", {"take": [""]}),
        ("take=", {"take": [""]}),
        ("=5", {"": ["5"]}),
        ("&&take=5&", {"take": ["5"]}),
        ("take=5=6", {"take": ["5=6"]}),
        ("take=5;by=Dave", {"take": ["5;by=Dave"]}),
        ("take=five+six%20seven", {"take": ["five six seven"]}),
        ("t%C3%A4ke=%E2%98%83", {"täke": ["☃"]}),
        ("t\xc3\xa4ke=\xe2\x98\x83", {"täke": ["☃"]}),
        ("a=%26%3D%2B%25", {"a": ["&=+%"]}),
        ("a=%zz&b=100%", {"a": ["%zz"], "b": ["100%"]}),
        ("a=\x00\r\n", {"a": ["\x00\r\n"]}),
    ],
)
def test_urlencoded_text_reads_as_names_with_values(text, arguments):
    assert parse_urlencoded(text) == arguments


@pytest.mark.parametrize(
    "text", ["%ff", "a=%ff", "%ff=a", "a=%c3", "a=%C3%28", "\xff", "a=\xc3", "a=%ed%a0%80", "%c0%af"]
)
def test_urlencoded_text_that_is_not_utf_8_is_a_bad_request(text):
    with pytest.raises(BadRequest, match="expected UTF-8"):
        parse_urlencoded(text)


@pytest.mark.parametrize("field", ["a=5", "a=%35", "a"])
def test_more_fields_than_a_form_may_have_are_a_bad_request(field):
    assert parse_urlencoded("&".join([field] * MOST_FIELDS)).keys() == {"a"}

    with pytest.raises(BadRequest, match="at most 1000 fields"):
        parse_urlencoded("&".join([field] * (MOST_FIELDS + 1)))


@given(pairs=st.lists(st.tuples(TEXTS, TEXTS)))
def test_urlencoded_pairs_come_back_as_they_were_sent(pairs):
    arguments = parse_urlencoded(urlencode(pairs))

    assert [(name, value) for name in arguments for value in arguments[name]] == [
        (name, value) for first in dict.fromkeys(name for name, _ in pairs) for name, value in pairs if name == first
    ]


@given(text=LATIN_1 | st.text("a=&+%3", max_size=20))
def test_any_text_reads_as_the_standard_library_has_it_or_is_a_bad_request(text):
    try:
        arguments = parse_urlencoded(text)
    except BadRequest:
        with pytest.raises(UnicodeError):
            parse_qs(text.encode("latin-1").decode(), errors="strict", keep_blank_values=True)
    else:
        assert arguments == parse_qs(text.encode("latin-1").decode(), errors="strict", keep_blank_values=True)


# -- multipart


@pytest.mark.parametrize("most", [1, 2, 7, 4096])
def test_multipart_form_reads_the_same_however_it_arrives(most):
    body = form(part(b"5"), file_part(b"five\r\n--blu\r\n", "five.txt", "Content-Type: text/plain"), part("☃".encode()))

    arguments, files = parse_multipart(Pieces(body, most), HEADER, LIMIT)

    assert arguments == {"take": ["5", "☃"]}
    assert [file.body for file in files["take"]] == [b"five\r\n--blu\r\n"]


@pytest.mark.parametrize(
    "body",
    [
        form(),
        b"\r\n" + form(),
        b"nothing\r\n" + form(),
        form() + b"\r\nnothing",
        form().rstrip(),
        form(part(b"")).replace(b"form-data;", b"form-data;\r\n"),
    ],
)
@pytest.mark.parametrize("most", [1, 4096])
def test_multipart_form_may_have_what_rfc_2046_says_to_ignore(body, most):
    assert set(parse_multipart(Pieces(body, most), HEADER, LIMIT)[0]) <= {"take"}


def test_uploaded_file_knows_what_the_client_said_of_it():
    body = form(file_part(b"Take Five", "five.txt", "Content-Type: text/plain; charset=utf-8"))

    (file,) = parsed(body)[1]["take"]

    assert (file.name, file.filename, file.content_type, file.size) == ("take", "five.txt", "text/plain", 9)
    assert (file.file.read(), file.body) == (b"Take Five", b"Take Five")
    assert repr(file) == "<UploadedFile 'five.txt' text/plain 9 bytes>"


def test_files_of_one_field_keep_their_order():
    body = form(file_part(b"1", "a"), part(b"2", 'form-data; name="other"; filename="b"'), file_part(b"3", "c"))

    files = parsed(body)[1]

    assert {name: [file.filename for file in some] for name, some in files.items()} == {
        "take": ["a", "c"],
        "other": ["b"],
    }


@pytest.mark.parametrize(
    ("sent", "filename"),
    [
        ("five.txt", "five.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        (r"C:\takes\five.txt", "five.txt"),
        (r"..\five.txt", "five.txt"),
        ("takes/", ""),
        ("", ""),
        ("f%22ive%0D%0A.txt", 'f"ive\r\n.txt'),
        ("fünf.txt", "fünf.txt"),
    ],
)
def test_filename_has_no_folders(sent, filename):
    (file,) = parsed(form(file_part(b"", sent)))[1]["take"]

    assert file.filename == filename


def test_large_file_is_kept_on_disk_and_closed_with_its_object(tmp_path):
    content = b"five " * 20_000
    (file,) = parsed(form(file_part(content, "five.txt")))[1].pop("take")

    assert file.file.name is not None  # a SpooledTemporaryFile has one once it is on disk
    assert file.save_as(str(tmp_path / "five.txt")) == len(content)
    assert (tmp_path / "five.txt").read_bytes() == content == file.body
    del file


def test_large_field_is_read_and_leaves_no_file_behind(recwarn):
    arguments, _ = parsed(form(part(b"five " * 20_000)))
    gc.collect()

    assert arguments == {"take": ["five " * 20_000]}
    assert not recwarn.list


def test_field_is_text_of_the_charset_that_it_says():
    assert parsed(form(part(b"\xe9", 'form-data; name="take"', "Content-Type: text/plain; charset=latin-1")))[0] == {
        "take": ["é"]
    }


@pytest.mark.parametrize(
    "header",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; bound=blue",
        "multipart/form-data, boundary=blue",
        "multipart/form-data; boundary=\xff",
    ],
)
def test_multipart_form_without_a_boundary_is_an_unsupported_media_type(header):
    with pytest.raises(UnsupportedMediaType, match="expected a boundary"):
        parsed(form(part(b"5")), header)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"take=5",
        b"--blue",
        b"--blue\r\n",
        b"--red\r\n\r\n--red--\r\n",
        part(b"5"),
        part(b"5") + b"--blue",
        b"more" + form(part(b"5")),
        form(part(b"5")).replace(b"\r\n", b"\n"),
        form(b"--blue\r\n\r\n5\r\n"),
        form(b"--blue\r\nContent-Type: text/plain\r\n\r\n5\r\n"),
        form(b"--blue\r\nno header\r\n\r\n5\r\n"),
        form(b"--blue\r\n: 5\r\n\r\n5\r\n"),
        form(b"--blue\r\nContent-Disposition: \xff; name=take\r\n\r\n5\r\n"),
        form(part(b"5", "attachment; name=take")),
        form(part(b"5", "form-data")),
        form(part(b"5", "form-data; filename=five")),
        form(part(b"5", 'form-data; name=""')),
        form(part(b"5", 'form-data; name="take"', "Content-Length: 2")),
        form(part(b"5", 'form-data; name="take"', "Content-Type: text/plain; charset=klingon")),
        form(part(b"5", 'form-data; name="take"', 'Content-Type: text/plain; charset="a\0b"')),
        form(part(b"5", 'form-data; name="take"', "Content-Type: text/plain; charset=base64")),
        form(part(b"\xff")),
        form(part(b"\xff", 'form-data; name="take"', "Content-Type: text/plain; charset=ascii")),
    ],
)
def test_malformed_multipart_form_is_a_bad_request(body):
    with pytest.raises(BadRequest, match=r"expected a (multipart form: |name for each part)"):
        parsed(body)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (form(*[part(b"")] * (MOST_FIELDS + 1)), LIMIT),
        (form(part(b"5" * 101)), 100),
        (form(*[part(b"5" * 10)] * 11), 100),
        (form(file_part(b"5" * 200_000, "five")), 100_000),
        (form(*[file_part(b"5" * 70_000, "five")] * 2), 100_000),
        (form(part(b"5", 'form-data; name="take"', "X-Long: " + "5" * 5000)), LIMIT),
        (form(part(b"5", 'form-data; name="take"', *["X-Many: 5"] * 9)), LIMIT),
    ],
)
def test_multipart_form_beyond_a_limit_is_too_large(body, limit):
    with pytest.raises(ContentTooLarge, match="multipart form: "):
        parsed(body, limit=limit)


@given(
    fields=st.lists(st.tuples(st.text("abc", min_size=1), TEXTS)),
    files=st.lists(st.tuples(st.text("abc", min_size=1), st.binary(max_size=50))),
    most=st.integers(1, 100),
)
def test_multipart_fields_and_files_come_back_as_they_were_sent(fields, files, most):
    parts = [part(text.encode(), f'form-data; name="{name}"') for name, text in fields]
    parts += [part(content, f'form-data; name="{name}"; filename="x"') for name, content in files]

    arguments, uploads = parse_multipart(Pieces(form(*parts), most), HEADER, LIMIT)

    assert sorted((name, text) for name, texts in arguments.items() for text in texts) == sorted(fields)
    assert sorted((name, file.body) for name, some in uploads.items() for file in some) == sorted(files)


@given(
    place=st.integers(0, 200),
    removed=st.integers(0, 20),
    inserted=st.binary(max_size=5)
    | st.sampled_from([b"\r\n", b"--blue", b"--", b'"', b";", b": ", b"\0", b"=", b"%0D"]),
    header=st.sampled_from([HEADER, HEADER.upper()]) | LATIN_1.map("multipart/form-data; boundary={}".format),
)
@example(place=0, removed=0, inserted=b"", header=HEADER)
def test_multipart_form_with_any_mistake_in_it_is_read_or_a_client_error(place, removed, inserted, header):
    body = form(part(b"5"), file_part(b"five", "five.txt", "Content-Type: text/plain; charset=utf-8"))

    with suppress(BadRequest, ContentTooLarge, UnsupportedMediaType):
        arguments, files = parsed(body[:place] + inserted + body[place + removed :], header)

        assert all(isinstance(text, str) for texts in arguments.values() for text in texts)
        assert all(isinstance(file.body, bytes) for some in files.values() for file in some)
