"""The examples of chat, progress and a board do what they show, in real browsers too."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager

import pytest
from browsers import chromium
from channel_makers import wait_until
from doors import SERVERS, serving
from mongrel2_servers import gunicorn, mongrel2
from webtest import TestApp

from examples import long_poll_board, progress

MOST_TRIES = 40

every_server = pytest.mark.parametrize("door", SERVERS)


@contextmanager
def two_workers(door, application):
    """Serve with two workers behind one of `SERVERS`."""
    if door == "mongrel2":
        with mongrel2(static={}) as front, gunicorn(application, front, arguments=("-w", "2")) as server:
            yield server
    else:
        with serving(door, application, WEB_CONCURRENCY="2") as server:
            yield server


@contextmanager
def browsers(directory, server, count):
    """Have so many browsers on the first page of a server."""
    with ExitStack() as stack:
        opened = [stack.enter_context(chromium(directory / f"profile{number}")) for number in range(count)]
        for browser in opened:
            browser.get(f"http://127.0.0.1:{server.port}/")
        yield opened


def fill(browser, name, text):
    field = browser.find_element("name", name)
    field.send_keys(text)
    field.submit()


def text_of(browser, identity):
    return browser.find_element("id", identity).text


# -- the board


def test_board_answers_the_notes_after_a_position():
    client = TestApp(long_poll_board.app)
    client.post("/notes", {"text": "first"}, status=204)
    first = client.get("/notes").json
    client.post("/notes", {"text": "<second>"}, status=204)

    second = client.get("/notes", {"after": first["after"]}).json

    assert first["notes"][-1] == "first"
    assert (second["notes"], second["is_complete"]) == (["<second>"], True)


@pytest.mark.parametrize("text", ["", "  ", "x" * 501])
def test_board_takes_no_note_that_is_none(text):
    TestApp(long_poll_board.app).post("/notes", {"text": text}, status=400)


@pytest.mark.browser
@every_server
def test_note_appears_in_another_browser(tmp_path, door):
    with (
        serving(door, "examples.long_poll_board:app") as server,
        browsers(tmp_path, server, 2) as (one, other),
    ):
        for text in ("first", "<b>second</b>"):
            fill(one, "text", text)
            wait_until(lambda text=text: text in text_of(other, "notes"), "note in the other browser")

        wait_until(lambda: text_of(one, "notes") == text_of(other, "notes"), "the same in both")
        assert text_of(other, "notes").splitlines() == ["first", "<b>second</b>"]


# -- progress


def test_job_tells_its_progress_from_the_beginning_and_ends(monkeypatch):
    monkeypatch.setattr(progress, "PAUSE_SECONDS", 0)
    client = TestApp(progress.app)

    job = client.post("/jobs").json["job"]
    answer = client.get(f"/jobs/{job}")

    assert answer.content_type == "text/event-stream"
    percents = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert percents == [str(percent) for percent in range(0, 101, 5)]


@pytest.mark.browser
@every_server
def test_bar_fills_and_clock_goes_on(tmp_path, door):
    with serving(door, "examples.progress:app") as server, browsers(tmp_path, server, 1) as (browser,):
        wait_until(lambda: text_of(browser, "clock").count(":") == 2, "time")
        begun = text_of(browser, "clock")
        browser.find_element("id", "start").click()

        wait_until(lambda: text_of(browser, "percent") == "100 %", "end of the job")
        wait_until(lambda: text_of(browser, "clock") > begun, "next second")
        assert browser.find_element("id", "bar").get_property("value") == 100


# -- the chat


def workers_of_members(browser):
    """Return the processes that serve those who are here, as the page tells it."""
    title = browser.find_element("id", "members").get_attribute("title")
    return set(re.findall(r"is served by process ([0-9]+)", title))


def join(browsers):
    """Have Ann and Bob come, until a different worker serves each: which one, chance decides."""
    ann, bob = browsers
    address = bob.current_url
    fill(ann, "name", "Ann")
    wait_until(lambda: text_of(ann, "members") == "Ann", "Ann to be here")
    for _ in range(MOST_TRIES):
        fill(bob, "name", "<Bob>")
        for browser in browsers:
            wait_until(lambda browser=browser: text_of(browser, "members") == "<Bob>, Ann", "both to be here")
        if len(workers_of_members(bob)) == 2:
            return
        bob.get(address)
        wait_until(lambda: text_of(ann, "members") == "Ann", "Bob to have left")
    raise AssertionError("expected two workers to serve two browsers")


@pytest.mark.browser
@every_server
def test_browsers_on_two_workers_both_see_each_message_and_who_is_here(tmp_path, door):
    with two_workers(door, "examples.chat:app") as server, browsers(tmp_path, server, 2) as (ann, bob):
        join((ann, bob))

        fill(ann, "text", "Take five!")
        for browser in (ann, bob):
            wait_until(lambda browser=browser: "Ann: Take five!" in text_of(browser, "messages"), "message")
        fill(bob, "text", "<i>Five</i> it is.")
        for browser in (ann, bob):
            wait_until(
                lambda browser=browser: (
                    text_of(browser, "messages").splitlines() == ["Ann: Take five!", "<Bob>: <i>Five</i> it is."]
                ),
                "answer",
            )

        assert workers_of_members(ann) == workers_of_members(bob)
        assert len(workers_of_members(ann)) == 2
        bob.get("about:blank")
        wait_until(lambda: text_of(ann, "members") == "Ann", "Bob to have left")
