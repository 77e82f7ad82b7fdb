"""Server-Sent Events as bytes: what is written is what a client reads, and nobody can write more than one event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.protocols.sse import HEARTBEAT, Event, EventParser, serialize_event

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n:\0 \ufeff\u2028\x0b\x85"), max_size=80)
one_line = texts.map(lambda text: "".join(character for character in text if character not in "\r\n\0"))


def read(wire, step=1_000_000):
    parser = EventParser()
    return [event for at in range(0, len(wire), step) for event in parser.receive(wire[at : at + step])]


@pytest.mark.parametrize(
    ("fields", "wire"),
    [
        ({"data": "hello"}, b"data: hello\n\n"),
        ({"data": ""}, b"data: \n\n"),
        ({"data": "one\ntwo\r\nthree\rfour"}, b"data: one\ndata: two\ndata: three\ndata: four\n\n"),
        ({"data": " caf\u00e9"}, b"data:  caf\xc3\xa9\n\n"),
        ({"data": "x", "event": "tick"}, b"event: tick\ndata: x\n\n"),
        ({"data": "x", "id": "7"}, b"id: 7\ndata: x\n\n"),
        ({"id": ""}, b"id: \n\n"),
        ({"retry": 0}, b"retry: 0\n\n"),
        ({"comment": "a\n\nb"}, b": a\n:\n: b\n\n"),
        ({}, b":\n\n"),
    ],
)
def test_event_is_written_as_the_standard_has_it(fields, wire):
    assert serialize_event(**fields) == wire


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "a\ndata: forged"},
        {"event": "a\r"},
        {"id": "1\nevent: forged"},
        {"id": "1\r"},
        {"id": "1\0"},
        {"retry": -1},
        {"retry": "5\ndata: forged"},
        {"retry": True},
        {"retry": 2**31},
        {"data": "\ud800"},
    ],
)
def test_field_that_would_become_another_is_refused(fields):
    with pytest.raises(ValueError, match=r"expected|surrogates"):
        serialize_event(**{"data": "x"} | fields)


@given(texts, one_line, one_line, st.none() | texts, st.integers(1, 7))
def test_any_event_is_read_as_it_was_however_it_is_cut(data, event, identity, comment, step):
    wire = serialize_event(data, event, identity, None, comment)

    expected = data.replace("\r\n", "\n").replace("\r", "\n")
    assert read(wire, step) == [Event(expected, event or "message", identity)]


@given(st.lists(texts, max_size=5))
def test_events_stay_apart(texts):
    events = read(b"".join(serialize_event(text) + HEARTBEAT for text in texts))

    assert [event.data for event in events] == [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]


@pytest.mark.parametrize(
    ("wire", "events"),
    [
        (b"\xef\xbb\xbfdata: x\n\n", [Event("x")]),
        (b"data\n\n", [Event("")]),
        (b"data: x\n", []),
        (b"data: x\r\rdata: y\r\n\r\n", [Event("x"), Event("y")]),
        (b"event: only\n\n", []),
        (b"id: 1\n\ndata: x\n\n", [Event("x", "message", "1")]),
        (b"id: 1\0\ndata: x\n\n", [Event("x")]),
        (b"data:x\ndata:  y\n\n", [Event("x\n y")]),
        (b"unknown: 1\n: comment\ndata: x\n\n", [Event("x")]),
        (b"data: a\xffb\n\n", [Event("a\ufffdb")]),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_stream_is_read_as_a_browser_reads_it(wire, events, step):
    assert read(wire, step) == events


def test_parser_knows_retry_and_the_last_id():
    parser = EventParser()

    parser.receive(b"retry: 300\nretry: 3x\nid: 5\n\n: still here\n")

    assert (parser.retry, parser.last_id, parser.comments) == (300, "5", ["still here"])


@pytest.mark.parametrize("wire", [b"data: " + b"x" * 200, b"data: xxxxxxxx\n" * 20])
def test_parser_holds_no_more_than_it_may(wire):
    with pytest.raises(ValueError, match="at most 100"):
        EventParser(most_characters=100).receive(wire)
