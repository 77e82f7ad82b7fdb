"""Requests for hypothesis: good ones, made from the grammar, and ones that something was done to."""

from __future__ import annotations

from corpus import CASES
from hypothesis import strategies as st

TOKEN = "!#$%&'*+-.^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
PIECES = [
    *(b"\r\n", b"\n", b"\r", b"\0", b"\t", b" ", b"  ", b"\x0b", b"\x7f", b"\x80", b":", b",", b";", b"=", b'"', b"#"),
    *(b"%", b"_", b"+", b"-", b"0", b"5", b"0x", b"\r\n ", b"\r\n\r\n", b"chunked", b"HTTP/1.1", b"HTTP/1.0", b"GET /"),
    *(b"Host: b\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Content-Length", b"Transfer-Encoding"),
]

_methods = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ-", min_size=3, max_size=20).filter(lambda name: name != "CONNECT")
_names = st.text(TOKEN, min_size=1, max_size=8).map(lambda name: f"X-{name}")
_values = st.text(VISIBLE + " \t\xe9", max_size=12).map(lambda value: value.strip(" \t"))
_space = st.text(" \t", max_size=2)
_paths = st.text(VISIBLE.replace("#", "").replace("?", "").replace("%", ""), max_size=12)
_queries = st.text(VISIBLE.replace("#", ""), max_size=12)
_bodies = st.binary(max_size=40)
_extensions = st.sampled_from([b"", b"", b";a", b" ; a = b", b';a="b;\\"c"', b";a;b=c"])


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    """*body* in chunks of any sizes, written in any of the ways that there are."""
    wire = b""
    while body:
        size = draw(st.integers(1, len(body)))
        digits = draw(st.sampled_from(["%x", "%X", "%04x"])) % size
        wire += b"%b%b\r\n%b\r\n" % (digits.encode(), draw(_extensions), body[:size])
        body = body[size:]
    return wire + b"0%b\r\n%b\r\n" % (draw(_extensions), draw(st.sampled_from([b"", b"X-Sum: 5\r\n"])))


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, dict[str, object]]:
    """A request as it may be sent, and what it says."""
    method = draw(_methods)
    path, query = "/" + draw(_paths), draw(_queries)
    origin = draw(st.sampled_from(["", "", "http://b", "HTTP://b:80", "http://[::1]"]))
    fields = draw(st.lists(st.tuples(_names, _values), max_size=5))
    body = draw(_bodies)
    is_chunked = draw(st.booleans())
    framing = ("transfer-encoding", "Chunked") if is_chunked else ("CONTENT-LENGTH", str(len(body)))
    all_fields = draw(st.permutations([("hOST", "a"), framing, *fields]))
    lines = [f"{method} {origin}{path}?{query} HTTP/1.1"]
    lines += [f"{name}:{draw(_space)}{value}{draw(_space)}" for name, value in all_fields]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    wire = draw(st.sampled_from([b"", b"\r\n"])) + head + (draw(chunked(body)) if is_chunked else body)
    return wire, {"method": method, "path": path, "query": query, "fields": all_fields, "body": body}


@st.composite
def mistreated_requests(draw: st.DrawFn) -> bytes:
    """A request of the corpus or a good one, with bytes put in, taken out, doubled and exchanged."""
    known = st.sampled_from(CASES).map(lambda case: case.request[:1000])
    data = draw(known | requests().map(lambda made: made[0]))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(start + draw(st.integers(0, 6)), len(data))
        put = draw(st.sampled_from(PIECES) | st.binary(max_size=2) | st.just(data[start:end] * 2))
        data = data[:start] + put + data[end:]
    return data
