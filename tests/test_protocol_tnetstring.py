"""Tagged netstrings: what is written is read again, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.protocols.errors import LocalProtocolError, RemoteProtocolError
from brubeck_wsgi.protocols.tnetstring import TextReader, parse, serialize, split

numbers = st.integers(-(10**18), 10**18)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=8), inner, max_size=4),
    max_leaves=12,
)
texts = st.text(st.characters(max_codepoint=255), max_size=12)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (b"", b"0:,"),
        (b"hello", b"5:hello,"),
        (-12, b"3:-12#"),
        (True, b"4:true!"),
        (None, b"0:~"),
        ([b"a", 1], b"8:1:a,1:1#]"),
        ({b"keep-alive": True}, b"21:10:keep-alive,4:true!}"),
        ([b"ctl", {b"cancel": True}], b"26:3:ctl,16:6:cancel,4:true!}]"),
    ],
)
def test_values_are_written_as_mongrel2_reads_them(value, data):
    assert serialize(value) == data
    assert parse(data) == value


@given(values)
def test_what_is_written_is_read_again(value):
    assert parse(serialize(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_an_error(data):
    try:
        value = parse(data)
    except RemoteProtocolError:
        return
    assert isinstance(serialize(value), bytes)


@given(values, st.data())
def test_value_cut_anywhere_is_an_error(value, data):
    whole = serialize(value)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(RemoteProtocolError):
        parse(whole[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"5:hell,",
        b"-1:a,",
        b"+1:a,",
        b" 1:a,",
        b"99999999999999999999:a,",
        b"1:a?",
        b"5:maybe!",
        b"1:x#",
        b"3:--1#",
        b"1:a~",
        b"4:1:a,}",
        b"8:1:a,1:b,]1:c,",
        b"16:1:a,1:b,1:a,1:c,}",
        b"8:1:1#1:b,}",
        b"",
    ],
)
def test_what_is_no_value_is_an_error(data):
    with pytest.raises(RemoteProtocolError):
        parse(data)


def test_nesting_has_an_end():
    data = b"0:]"
    for _ in range(10_000):
        data = b"%d:%b]" % (len(data), data)

    with pytest.raises(RemoteProtocolError, match="inside each other"):
        parse(data)


def test_type_that_has_no_form_is_our_mistake():
    with pytest.raises(LocalProtocolError, match="expected bytes, a number"):
        serialize("text")


@given(st.dictionaries(texts, texts | st.lists(texts, max_size=3), max_size=6))
def test_headers_are_read_as_they_were_written(headers):
    def written(value):
        return [item.encode("latin-1") for item in value] if isinstance(value, list) else value.encode("latin-1")

    data = serialize({key.encode("latin-1"): written(value) for key, value in headers.items()})
    begin, end = split(data)

    assert TextReader().read(data, begin, end) == headers


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "x", "xy"]), max_size=4), max_size=6))
def test_what_was_read_before_changes_nothing(several):
    reader = TextReader()

    for headers in several:
        data = serialize({key.encode(): value.encode() for key, value in headers.items()})
        begin, end = split(data)
        assert reader.read(data, begin, end) == headers


def test_remembered_pair_does_not_reach_beyond_the_end():
    reader = TextReader()
    reader.read(b"1:a,3:b:c,", 0, 10)

    with pytest.raises(RemoteProtocolError):
        reader.read(b"1:a,3:b:c,", 0, 9)


@pytest.mark.parametrize(
    "data",
    [
        b"1:a,1:1#",
        b"1:a,4:true!",
        b"1:a,",
        b"1:a,0:}",
        b"1:a,3:0:],]",
        b"1:a,4:1:1#]",
        b"1:1#1:a,",
        b"1:a,1:b,1:a,1:c,",
        b"1:a,5:b,",
        b"9999999999999:a,1:b,",
        b"x",
    ],
)
def test_headers_are_texts_and_flat_lists_and_nothing_else(data):
    with pytest.raises(RemoteProtocolError):
        TextReader().read(data, 0, len(data))
