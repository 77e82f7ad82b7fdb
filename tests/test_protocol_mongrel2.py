"""The messages of Mongrel2: as they came over the wire, and as they would come from somebody who means harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck_wsgi.protocols import tnetstring
from brubeck_wsgi.protocols.errors import LocalProtocolError, RemoteProtocolError
from brubeck_wsgi.protocols.mongrel2 import (
    cancel_reply,
    is_notice,
    keep_alive_reply,
    masked_frame,
    reply_prefix,
    serialize_replies,
    split_message,
)
from brubeck_wsgi.protocols.mongrel2 import parse_head as parse_head_with

SENDER = b"2c1d5b1e-0000-4000-8000-000000000001"
HEADERS = {
    "REMOTE_ADDR": "127.0.0.1",
    "METHOD": "GET",
    "VERSION": "HTTP/1.1",
    "PATH": "/a/b%20c",
    "cookie": ["a=1", "b=2"],
    "x-l": "caf\xe9 \xc3\xa9 \x01",
}


def parse_head(head):
    return parse_head_with(head, tnetstring.TextReader())


def as_tnetstring(headers):
    return tnetstring.serialize(
        {
            key.encode("latin-1"): [item.encode("latin-1") for item in value]
            if isinstance(value, list)
            else value.encode("latin-1")
            for key, value in headers.items()
        }
    )


def as_json(headers):
    """Write as Mongrel2 does: it escapes quotes and backslashes, and nothing else."""

    def text(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    parts = [
        text(key) + ":" + ("[" + ",".join(map(text, value)) + "]" if isinstance(value, list) else text(value))
        for key, value in headers.items()
    ]
    data = ("{" + ",".join(parts) + "}").encode("latin-1")
    return b"%d:%b," % (len(data), data)


def message(headers=HEADERS, body=b"", path=b"/a/b%20c", write=as_tnetstring):
    return b"%b 2 %b %b%d:%b," % (SENDER, path, write(headers), len(body), body)


@pytest.mark.parametrize("write", [as_tnetstring, as_json])
@pytest.mark.parametrize("body", [b"", b"\x00\xff\r\n,}", b"x" * 100_000])
def test_request_is_read_from_either_format(write, body):
    key, head, read_body = split_message(message(body=body, write=write))

    assert (key, read_body) == (SENDER + b" 2", body)
    assert parse_head(head) == ("/a/b%20c", HEADERS)


def test_headers_of_mongrel2_are_json_only_in_name():
    head = b'/ 27:{"x-l":"caf\xe9 \xc3\xa9","x\x01l":"\x1f"},'

    assert parse_head(head)[1] == {"x-l": "caf\xe9 \xc3\xa9", "x\x01l": "\x1f"}


def test_notice_is_known_by_its_path():
    notice = b'%b 2 @* 17:{"METHOD":"JSON"},21:{"type":"disconnect"},' % SENDER

    assert is_notice(split_message(notice).head)
    assert not is_notice(split_message(message()).head)


@given(st.binary(max_size=80), st.integers(0, 400), st.sampled_from([as_tnetstring, as_json]))
def test_message_with_anything_in_it_is_read_or_refused(junk, place, write):
    data = message(write=write)
    mutated = data[:place] + junk + data[place + len(junk) :]

    try:
        _, head, _ = split_message(mutated)
        _, headers = parse_head(head)
    except RemoteProtocolError:
        return
    for value in headers.values():
        assert isinstance(value, str) or all(isinstance(item, str) for item in value)


@pytest.mark.parametrize("write", [as_tnetstring, as_json])
def test_message_cut_anywhere_is_refused(write):
    data = message(body=b"body", write=write)

    for cut in range(len(data)):
        with pytest.raises(RemoteProtocolError):
            split_message(data[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 2 / 2:{},0:,",
        b"bad_sender 2 / 2:{},0:,",
        b"s x / 2:{},0:,",
        b"s 99999999999 / 2:{},0:,",
        b"s -1 / 2:{},0:,",
        b"s 2 /",
        b"s 2 / -2:{},0:,",
        b"s 2 / 2:{},0:,more",
        b"s 2 / 2:{},0:}",
        b"s 2 / " + b"9" * 300 + b":{},0:,",
        b"s 2 / 2:{},5:x,",
        b"s 2 " + b"/" * 100_000,
    ],
)
def test_message_that_nobody_could_be_answered_for_is_refused(data):
    with pytest.raises(RemoteProtocolError):
        split_message(data)


@pytest.mark.parametrize(
    "headers",
    [
        b"[]",
        b"1",
        b'{"a":1}',
        b'{"a":null}',
        b'{"a":{}}',
        b'{"a":["b",1]}',
        b'{"a":[["b"]]}',
        b"{",
        b'{"a":NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b"\xff\xfe",
    ],
)
def test_headers_that_are_no_texts_are_refused(headers):
    with pytest.raises(RemoteProtocolError):
        parse_head(b"/ %d:%b," % (len(headers), headers))


def test_headers_of_an_unknown_type_are_refused():
    with pytest.raises(RemoteProtocolError, match="JSON or tnetstring"):
        parse_head(b"/ 2:{}#")


def test_answer_to_one_is_what_mongrel2_reads():
    assert reply_prefix(SENDER + b" 7") + b"data" == SENDER + b" 1:7, data"
    assert serialize_replies(SENDER, [b"7"], b"data") == [SENDER + b" 1:7, data"]


def test_answer_to_many_is_cut_to_what_mongrel2_takes():
    connections = [b"%d" % number for number in range(300)]

    replies = serialize_replies(SENDER, connections, b"data")

    targets = [reply.partition(b":")[2].partition(b",")[0].split(b" ") for reply in replies]
    assert [len(group) for group in targets] == [128, 128, 44]
    assert [target for group in targets for target in group] == connections
    lengths = [int(reply.split(b" ", 1)[1].partition(b":")[0]) for reply in replies]
    assert lengths == [len(b" ".join(group)) for group in targets]


@pytest.mark.parametrize(
    ("sender", "connections"),
    [(b"", [b"1"]), (b"a b", [b"1"]), (b"a", [b""]), (b"a", [b"x"]), (b"a", [b"1 2"]), (b"a", [b"1", b"2,"])],
)
def test_answer_that_would_stall_mongrel2_is_not_written(sender, connections):
    with pytest.raises(LocalProtocolError):
        serialize_replies(sender, connections, b"data")


def test_control_answers_count_their_mark():
    key = SENDER + b" 7"

    assert keep_alive_reply(key) == SENDER + b" 3:X 7, 31:3:ctl,21:10:keep-alive,4:true!}]"
    assert cancel_reply(key) == SENDER + b" 3:X 7, 26:3:ctl,16:6:cancel,4:true!}]"


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frame_is_written_as_its_client_might_have(size):
    from wsproto.connection import Connection, ConnectionType

    payload = bytes(size)
    connection = Connection(ConnectionType.SERVER)

    connection.receive_data(masked_frame(0x82, payload))

    events = list(connection.events())
    assert b"".join(event.data for event in events) == payload
    assert events[-1].message_finished


def test_json_of_the_tests_is_that_of_mongrel2():
    assert json.loads(as_json({"a": 'quote " and \\'}).partition(b":")[2][:-1]) == {"a": 'quote " and \\'}
