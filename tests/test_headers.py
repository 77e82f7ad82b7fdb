"""Headers: what may be sent, names whatever their case; and the dates that stand in them."""

from __future__ import annotations

import locale
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob.headers import ResponseHeaders

from brubeck_wsgi import Response
from brubeck_wsgi.headers import Headers, checked_header
from brubeck_wsgi.timekeeping import curtime, http_date

NAMES = st.sampled_from(["A", "a", "X-Take", "x-take", "X-TAKE", "Content-Type", "content-type"])
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=5)


@pytest.mark.parametrize(
    ("value", "sent"),
    [("five", "five"), ("", ""), ("é", "é"), (" five ", "five"), (5, "5"), (2.5, "2.5"), ('a; b="c"', 'a; b="c"')],
)
def test_value_of_a_header_is_latin_1_text_or_a_number(value, sent):
    assert checked_header("X-Take", value) == ("X-Take", sent)


@pytest.mark.parametrize("code", [*range(32), 127])
def test_control_character_in_a_value_is_refused(code):
    with pytest.raises(ValueError, match="without control characters for header X-Take"):
        checked_header("X-Take", f"five{chr(code)}Set-Cookie: a=b")


@pytest.mark.parametrize("value", ["☃", "ā", "\ud800"])
def test_value_that_latin_1_does_not_have_is_refused(value):
    with pytest.raises(ValueError, match="expected latin-1 text for header X-Take"):
        checked_header("X-Take", value)


@pytest.mark.parametrize("value", [b"five", None, ["five"], object()])
def test_value_that_is_neither_text_nor_number_is_refused(value):
    with pytest.raises(TypeError, match="expected text or a number for header X-Take"):
        checked_header("X-Take", value)


@pytest.mark.parametrize("name", ["", " ", "X Take", "X-Take:", "X-Take\r\n", "X\n", "É", "X\0", "(X)", b"X", None, 5])
def test_name_that_is_no_token_is_refused(name):
    with pytest.raises(ValueError, match="expected a header name made of token characters"):
        checked_header(name, "five")


@pytest.mark.parametrize(
    "change",
    [
        lambda headers: Headers({"X-Take": "a\r\nb"}),
        lambda headers: Headers([("X-Take", "a\r\nb")]),
        lambda headers: headers.add("X-Take", "a\r\nb"),
        lambda headers: headers.update({"X-Take": "a\r\nb"}),
        lambda headers: headers.setdefault("X-Take", "a\r\nb"),
        lambda headers: headers.__setitem__("X-Take", "a\r\nb"),
    ],
)
def test_no_way_of_setting_a_header_lets_a_second_one_in(change):
    headers = Headers()

    with pytest.raises(ValueError, match="without control characters"):
        change(headers)

    assert headers.pairs == []


def test_setting_a_name_replaces_its_values_where_the_first_stood():
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])

    headers["a"] = 4

    assert headers.pairs == [("a", "4"), ("B", "2")]


def test_adding_keeps_the_values_of_the_same_name():
    headers = Headers({"Vary": "Accept"})

    headers.add("VARY", "Cookie")

    assert headers["vary"] == "Accept"
    assert headers.get_all("vary") == ["Accept", "Cookie"]
    assert headers.get_all("Allow") == []


@pytest.mark.parametrize(
    "source",
    [
        Headers([("A", "1"), ("B", "2"), ("a", "3")]),
        Response(headers=[("A", "1"), ("B", "2"), ("a", "3")], content_type="text/css").headers,
        ResponseHeaders([("A", "1"), ("B", "2"), ("a", "3")]),
    ],
    ids=["headers", "response", "webob"],
)
def test_headers_made_of_headers_keep_the_values_of_the_same_name(source):
    assert Headers(source).get_all("A") == ["1", "3"]


def test_headers_made_of_headers_are_their_own():
    headers = Headers({"A": "1"})

    Headers(headers).add("B", "2")

    assert headers.pairs == [("A", "1")]


@pytest.mark.parametrize("missing", ["B", "", 5])
def test_name_that_is_missing_is_no_member(missing):
    assert missing not in Headers({"A": "1"})


def test_reading_or_deleting_a_missing_name_is_a_key_error():
    headers = Headers({"A": "1"})

    with pytest.raises(KeyError):
        headers["B"]
    with pytest.raises(KeyError):
        del headers["B"]
    assert headers.get("B", "none") == "none"


def test_view_changes_the_list_that_it_is_over():
    pairs = [("A", "1"), ("B", "2")]

    view = Headers.over(pairs)
    del view["a"]
    view["C"] = "3"

    assert pairs == [("B", "2"), ("C", "3")]


@given(steps=st.lists(st.tuples(st.sampled_from(["set", "add", "delete"]), NAMES, VALUES)))
def test_headers_are_a_mapping_that_ignores_case(steps):
    headers, model = Headers(), {}
    for step, name, value in steps:
        if step == "set":
            headers[name] = value
            model[name.lower()] = [value]
        elif step == "add":
            headers.add(name, value)
            model.setdefault(name.lower(), []).append(value)
        else:
            headers.pop(name, None)
            model.pop(name.lower(), None)

    assert {name.lower(): headers.get_all(name.swapcase()) for name in headers} == model
    assert {name.lower(): value for name, value in headers.items()} == {name: model[name][0] for name in model}
    assert len(headers) == len(list(headers)) == len(model)
    assert all(name.upper() in headers and headers[name.upper()] == values[0] for name, values in model.items())
    assert sorted(value for _, value in headers.pairs) == sorted(value for values in model.values() for value in values)


# -- dates


@given(seconds=st.integers(-62135596800, 253402300799))
def test_http_date_of_seconds_is_that_of_the_standard_library(seconds):
    assert http_date(seconds) == formatdate(seconds, usegmt=True)


@given(
    moment=st.datetimes(
        datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9.5))])
    )
)
def test_http_date_of_a_moment_is_that_of_the_standard_library(moment):
    assert http_date(moment) == format_datetime(moment.astimezone(UTC), usegmt=True)


def test_http_date_takes_a_moment_without_time_zone_as_utc():
    assert http_date(datetime(2033, 5, 18, 3, 33, 20)) == "Wed, 18 May 2033 03:33:20 GMT"


@pytest.fixture
def _far_away(monkeypatch):
    """Have the process stand in another time zone."""
    monkeypatch.setenv("TZ", "CHAST-12:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def _foreign(monkeypatch, tmp_path):
    """Have the C library name days and months in German."""
    made = shutil.which("localedef") and subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", tmp_path / "de_DE.UTF-8"], capture_output=True
    )
    if not made or made.returncode != 0:
        pytest.skip("needs localedef and its sources to make a locale with")
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    before = locale.setlocale(locale.LC_TIME)
    locale.setlocale(locale.LC_TIME, "de_DE.UTF-8")
    yield
    locale.setlocale(locale.LC_TIME, before)


@pytest.mark.usefixtures("_far_away")
@pytest.mark.parametrize("moment", [2_000_000_000, datetime(2033, 5, 18, 3, 33, 20)])
def test_http_date_is_the_same_in_any_time_zone(moment):
    assert time.timezone != 0
    assert http_date(moment) == "Wed, 18 May 2033 03:33:20 GMT"


@pytest.mark.usefixtures("_foreign")
def test_http_date_is_the_same_in_any_language():
    assert time.strftime("%B", (2033, 5, 18, 3, 33, 20, 2, 138, 0)) == "Mai"
    assert http_date(2_000_000_000) == "Wed, 18 May 2033 03:33:20 GMT"


def test_current_time_is_in_milliseconds(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.1239)

    assert curtime() == 2_000_000_000_123
