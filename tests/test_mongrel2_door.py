"""The door without a Mongrel2: messages in, answers out, one after the other."""

from __future__ import annotations

import logging
from collections import deque

import pytest

from brubeck_wsgi.concurrency.with_threads import ThreadHub
from brubeck_wsgi.mongrel2.door import Door
from brubeck_wsgi.mongrel2.requests import RequestReader
from brubeck_wsgi.mongrel2.settings import Settings
from brubeck_wsgi.protocols import tnetstring
from brubeck_wsgi.protocols.http1.response import HeadWriter

SENDER = b"2c1d5b1e-0000-4000-8000-000000000001"
OWN = {b"PATH": b"/", b"METHOD": b"GET", b"VERSION": b"HTTP/1.1", b"URI": b"/", b"PATTERN": b"/"}
DISCONNECT = b'@* 16:6:METHOD,4:JSON,}21:{"type":"disconnect"},'


class Crew:
    """Serves when it is told to, on the spot."""

    def __init__(self):
        self.ready = deque()

    def run_ready(self):
        while self.ready:
            client = self.ready.popleft()
            if client.serve():
                self.ready.append(client)


class Front:
    """Remembers what is sent."""

    is_full = False

    def __init__(self):
        self.is_alive = True
        self.sent = []

    def publish(self, message):
        if self.is_alive:
            self.sent.append(message)

    def wait(self): ...


class Notes:
    def __init__(self):
        self.lines = []

    def done(self, key):
        self.lines.append(("done", key))

    def begun(self, key):
        self.lines.append(("begun", key))

    def upgraded(self, key):
        self.lines.append(("upgraded", key))


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Served:
    """A door, and what is around it."""

    def __init__(self, application):
        self.front, self.crew, self.notes, self.clock = Front(), Crew(), Notes(), Clock()
        self.failures = []
        self.limits = []
        settings = Settings(most_requests=3, keep_alive_seconds=10)
        self.door = Door(
            ThreadHub(),
            self.crew,
            application,
            RequestReader(settings, {}),
            HeadWriter("test"),
            settings,
            logging.getLogger("test"),
            lambda message, environ, *, with_traceback: self.failures.append(message),
            notes=self.notes,
            limit=2,
            on_limit=lambda: self.limits.append(True),
            clock=self.clock,
        )
        self.door.front_opened(SENDER, self.front)

    def take(self, number, headers=(), body=b"", rest=None, sender=SENDER):
        pairs = tnetstring.serialize({**OWN, **dict(headers)})
        rest = rest or b"/ %b%d:%b," % (pairs, len(body), body)
        self.door.take(b"%b %d %b" % (sender, number, rest))

    def ask(self, *arguments, **options):
        """Have one request answered; return what was sent."""
        self.take(*arguments, **options)
        self.door.run()
        sent, self.front.sent = self.front.sent, []
        return sent


def hello(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def served():
    return Served(hello)


def key(number):
    return SENDER + b" %d" % number


def test_answer_is_one_message_to_the_client_that_asked(served):
    (answer,) = served.ask(7)

    assert answer.startswith(SENDER + b" 1:7, HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhello")
    assert served.door.open_clients == served.door.in_hand == 0
    assert served.notes.lines == [("begun", key(7)), ("done", key(7))]


def test_close_is_a_message_without_data(served):
    answer, close = served.ask(7, {b"connection": b"close"})

    assert b"\r\nConnection: close\r\n" in answer
    assert close == SENDER + b" 1:7, "


def test_answers_to_pipelined_requests_are_one_message(served):
    for _ in range(20):
        served.take(7)
    (answers,) = served.ask(7)

    assert answers.count(b"HTTP/1.1 200 OK") == 21
    assert len(served.notes.lines) == 22


def test_client_that_sends_without_waiting_for_answers_is_cut_off(served):
    for _ in range(65):
        served.take(7)
    (cancel,) = served.ask(7)

    assert cancel.endswith(b"26:3:ctl,16:6:cancel,4:true!}]")
    assert served.door.in_hand == 0
    assert served.notes.lines.count(("done", key(7))) == 66


def test_message_that_is_none_is_counted_and_dropped(served, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            served.door.take(b"\x00\xff")

    assert served.door.malformed == 100
    assert len(caplog.records) == 1
    assert served.front.sent == []


def test_request_of_a_front_that_takes_no_answers_is_dropped(served):
    assert served.ask(7, sender=b"another-front") == []
    assert served.notes.lines == [("done", b"another-front 7")]


def test_front_may_subscribe_to_a_prefix():
    served = Served(hello)
    served.door.front_closed(SENDER)
    front = Front()
    served.door.front_opened(SENDER[:8], front)

    served.ask(7)

    assert len(front.sent) == 1


def test_request_that_means_two_things_is_refused_and_closed(served):
    answer, close = served.ask(7, {b"content-length": [b"1", b"2"]}, b"x")

    assert b"HTTP/1.1 400 Bad Request" in answer
    assert close == SENDER + b" 1:7, "


def test_refusal_waits_for_the_answers_before_it(served):
    served.take(7)
    answers = served.ask(7, {b"content-length": b"x"})

    assert b"".join(answers).index(b"200 OK") < b"".join(answers).index(b"400 Bad")


def test_notice_for_nobody_is_answered_with_nothing(served):
    assert served.ask(7, rest=DISCONNECT) == []
    assert served.notes.lines == []


def test_frame_for_nobody_is_answered_with_nothing(served):
    assert served.ask(7, {b"METHOD": b"WEBSOCKET", b"FLAGS": b"0x81"}, b"text") == []
    assert served.notes.lines == [("done", key(7))]


def test_notice_reaches_the_request_that_runs_and_nothing_is_sent_after_it():
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"one"
        served.take(7, rest=DISCONNECT)
        assert environ["brubeck.disconnected"].is_set()
        yield b"two"
        raise AssertionError("expected to be closed")

    served = Served(application)

    sent = served.ask(7)

    assert len(sent) == 1
    assert served.failures == []
    assert served.door.open_clients == 0


def test_end_of_a_front_ends_its_requests_and_its_successor_has_its_own():
    def application(environ, start_response):
        if served.front.is_alive and not later.sent:
            served.door.front_closed(SENDER)
            served.door.front_opened(SENDER, later)
            served.take(7)
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]

    served, later = Served(application), Front()

    assert served.ask(7) == []

    assert [answer[-5:] for answer in later.sent] == [b"hello"]
    assert served.door.open_clients == 0
    # What the last run of the front wanted is nobody's business any more.
    assert served.notes.lines == [("begun", key(7)), ("done", key(7))]


def test_connection_on_which_a_request_waits_is_kept_alive():
    def application(environ, start_response):
        served.clock.now += 5
        served.door.sweep()
        assert served.front.sent == []
        served.clock.now += 6
        served.door.sweep()
        served.door.sweep()
        return hello(environ, start_response)

    served = Served(application)

    keep_alive, _ = served.ask(7)

    assert keep_alive.endswith(b"31:3:ctl,21:10:keep-alive,4:true!}]")


def test_failure_in_the_middle_cancels():
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"one"
        raise RuntimeError("on purpose")

    *_, cancel = Served(application).ask(7)

    assert cancel.endswith(b"6:cancel,4:true!}]")


def test_upgrade_of_a_plain_request_is_not_offered():
    def application(environ, start_response):
        assert "brubeck.upgrade" not in environ
        return hello(environ, start_response)

    assert len(Served(application).ask(7)) == 1


def test_web_socket_takes_no_place_of_a_request():
    def application(environ, start_response):
        tunnel = environ["brubeck.upgrade"]("websocket")
        assert served.door.in_hand == 0
        served.take(7, {b"METHOD": b"WEBSOCKET", b"FLAGS": b"0x81"}, b"hi")
        assert tunnel.receive() == b"\x81\x82\0\0\0\0hi"
        served.take(7, rest=DISCONNECT)
        assert tunnel.receive() == b""
        return []

    served = Served(application)

    switched, close = served.ask(7, {b"METHOD": b"WEBSOCKET_HANDSHAKE"})

    assert b"HTTP/1.1 101 Switching Protocols" in switched
    assert close == SENDER + b" 1:7, "
    assert served.notes.lines == [("begun", key(7)), ("upgraded", key(7)), ("done", key(7)), ("done", key(7))]


def take_frame(served, first, payload):
    served.take(7, {b"METHOD": b"WEBSOCKET", b"FLAGS": b"0x%x" % first}, payload)


def pings_in(messages):
    """Return the payloads of the pings in messages to a client whose other frames are one block of zeros each."""
    data = b"".join(message.partition(b", ")[2] for message in messages).lstrip(b"\0")
    return [ping[1 : 1 + ping[0]] for ping in data.split(b"\x89")[1:]]


def talk_until_full(tunnel):
    """Send blocks with their marks, as `WebSocketChannel` does, until the next one would have to wait."""
    for _ in range(16):
        payload = tunnel.mark(65536)
        tunnel.send(bytes(65536) + (b"" if payload is None else b"\x89%c%b" % (len(payload), payload)))


class WaitingHub(ThreadHub):
    """Has events during whose waiting *meanwhile* happens, or else the clock goes on until the time is over."""

    def __init__(self, clock, meanwhile):
        super().__init__()
        self._clock, self._meanwhile = clock, list(meanwhile)

    def event(self):
        event = super().event()
        hub = self

        class Waiting:
            set = event.set

            def wait(self, timeout=None):
                if hub._meanwhile:
                    hub._meanwhile.pop(0)()
                else:
                    hub._clock.now += timeout

        return Waiting()


def serve_flood(meanwhile):
    """Serve a WebSocket that sends too much; return what it was told in the end, and all that was sent."""
    told = []

    def application(environ, start_response):
        tunnel = environ["brubeck.upgrade"]("websocket")
        talk_until_full(tunnel)
        try:
            tunnel.send(b"more")
            told.append("sent")
        except ConnectionError as error:
            told.append(str(error))
        return []

    served = Served(application)
    served.door.hub = WaitingHub(served.clock, [lambda: meanwhile(served)] if meanwhile else [])
    sent = served.ask(7, {b"METHOD": b"WEBSOCKET_HANDSHAKE"})
    return told, sent


def test_client_that_reads_nothing_is_given_up_when_patience_is_over():
    told, sent = serve_flood(None)

    assert told == ["the client does not read what it is sent"]
    assert sent[-1].endswith(b"6:cancel,4:true!}]")


def test_sender_goes_on_when_the_client_has_read():
    def read(served):
        take_frame(served, 0x8A, pings_in(served.front.sent)[-1])

    told, sent = serve_flood(read)

    assert told == ["sent"]
    assert sent[-1] == SENDER + b" 1:7, "
    assert sent[-2].endswith(b"more")


def test_sender_does_not_wait_for_a_client_that_has_begun_to_close():
    told, _ = serve_flood(lambda served: take_frame(served, 0x88, b"\x03\xe8"))

    assert told == ["sent"]


def test_sender_does_not_wait_for_a_client_that_has_left():
    told, sent = serve_flood(lambda served: served.take(7, rest=DISCONNECT))

    assert told == ["the client has left"]
    assert not sent[-1].endswith(b"6:cancel,4:true!}]")


def test_pong_that_answers_the_applications_ping_reaches_it():
    def application(environ, start_response):
        tunnel = environ["brubeck.upgrade"]("websocket")
        talk_until_full(tunnel)
        take_frame(served, 0x8A, pings_in(served.front.sent)[0])
        take_frame(served, 0x8A, b"mine")
        assert tunnel.receive() == b"\x8a\x84\0\0\0\0mine"
        return []

    served = Served(application)

    served.ask(7, {b"METHOD": b"WEBSOCKET_HANDSHAKE"})

    assert served.failures == []


def test_requests_are_counted_up_to_the_limit(served):
    for number in range(4):
        served.ask(number)

    assert served.door.requests == 4
    assert served.limits == [True]


def test_room_is_told_of_when_there_is_some_again(served):
    told = []
    for number in range(3):
        served.take(number)
    assert not served.door.has_room
    served.door.call_when_room(lambda: told.append(True))

    served.door.run()

    assert told == [True]
