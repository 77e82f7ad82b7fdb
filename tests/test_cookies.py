"""Cookies as clients send them and as answers set them, plain and signed."""

from __future__ import annotations

from datetime import UTC, datetime
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner
from webtest import TestApp

from brubeck_wsgi import Brubeck, Response, WebMessageHandler
from brubeck_wsgi.cookies import SIGNED_LIFETIME, CookieJar, parse_cookies, serialize_cookie, sign, unsign
from brubeck_wsgi.errors import BadRequest, ConfigurationError

NAMES = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def clock(monkeypatch):
    """The clock that signatures are dated by, in seconds since 1970: ``clock["now"]``."""
    clock = {"now": 2_000_000_000}
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: clock["now"])
    return clock


# -- what clients send


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("", {}),
        ("take=five", {"take": "five"}),
        ("take=five; by=Dave", {"take": "five", "by": "Dave"}),
        ("take=five;by=Dave", {"take": "five", "by": "Dave"}),
        (" take \t=\t five ; ", {"take": "five"}),
        ("take=", {"take": ""}),
        ("take=five=5", {"take": "five=5"}),
        ("take=first; take=second", {"take": "first"}),
        ('take="five"', {"take": "five"}),
        ('take="', {"take": '"'}),
        ('take=""', {"take": ""}),
        (r'take="f\"i\\v\145"', {"take": r'f"i\ve'}),
        (r'take="five\073\054"', {"take": "five;,"}),
        (r'take="\303\251"', {"take": "é"}),
        ("take=\xc3\xa9", {"take": "é"}),
        ("take=[1, 2]", {"take": "[1, 2]"}),
    ],
)
def test_cookie_header_reads_as_browsers_mean_it(header, cookies):
    assert parse_cookies(header) == cookies


@pytest.mark.parametrize(
    "rubbish", ["take", "=five", "=", ";;;", "ta ke=five", "t\xe9ke=\xff", "take\x00=1", "{}=1", ","]
)
def test_pair_that_nobody_can_have_set_is_left_out(rubbish):
    assert parse_cookies(f"a=1; {rubbish}; b=2") == {"a": "1", "b": "2"}


@pytest.mark.parametrize("value", ["\xff", "\xc3", "\xc3\x28", '"\xff"', r'"\377"', r'"\303"', "\xed\xa0\x80"])
def test_value_that_is_not_utf_8_is_a_bad_request(value):
    with pytest.raises(BadRequest, match="expected UTF-8 in the cookie 'take'"):
        parse_cookies(f"by=Dave; take={value}")


@given(header=st.text(st.characters(max_codepoint=255)) | st.text('a=";\\123 \xff,', max_size=30))
def test_any_cookie_header_is_read_or_a_bad_request(header):
    try:
        cookies = parse_cookies(header)
    except BadRequest:
        return

    assert all(name and isinstance(value, str) for name, value in cookies.items())


# -- what answers set


@given(name=NAMES, value=TEXTS)
def test_value_comes_back_as_it_was_set(name, value):
    pair = serialize_cookie(name, value, path=None)

    assert parse_cookies(f"first=1; {pair}; last=2")[name] == value
    assert pair.isascii()
    assert pair.isprintable()


@given(value=st.text(st.characters(max_codepoint=127, exclude_categories=["Cc"]), max_size=50))
def test_value_reads_the_same_in_the_standard_library(value):
    assert SimpleCookie(serialize_cookie("take", value))["take"].value == value


@pytest.mark.parametrize("value", ["five", "", "eyJhIjoxfQ==", "a/b:c@d", "{}()<>[]"])
def test_value_that_a_cookie_can_hold_goes_as_it_is(value):
    assert serialize_cookie("take", value, path=None) == f"take={value}"


@pytest.mark.parametrize(
    ("attributes", "line"),
    [
        ({}, "take=five; Path=/"),
        ({"path": "/blue"}, "take=five; Path=/blue"),
        ({"path": None}, "take=five"),
        ({"domain": "example.com"}, "take=five; Domain=example.com; Path=/"),
        ({"max_age": 60}, "take=five; Max-Age=60; Path=/"),
        ({"max_age": 0}, "take=five; Max-Age=0; Path=/"),
        ({"expires": 0}, "take=five; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"),
        (
            {"expires": datetime(2033, 5, 18, 3, 33, 20, tzinfo=UTC)},
            "take=five; Expires=Wed, 18 May 2033 03:33:20 GMT; Path=/",
        ),
        ({"secure": True, "httponly": True}, "take=five; HttpOnly; Path=/; Secure"),
        ({"samesite": "Strict"}, "take=five; Path=/; SameSite=Strict"),
        ({"samesite": "None", "secure": True}, "take=five; Path=/; SameSite=None; Secure"),
    ],
)
def test_attributes_stand_after_the_value(attributes, line):
    assert serialize_cookie("take", "five", **attributes) == line


@pytest.mark.parametrize("attribute", ["path", "domain", "samesite"])
@pytest.mark.parametrize("value", ["/\r\nX: y", "/\n", "/\r", "/\0", "/; Secure", "/é", "/☃", "/\x7f", "/\t"])
def test_attribute_that_could_say_more_than_it_should_is_refused(attribute, value):
    with pytest.raises(ValueError, match="expected"):
        serialize_cookie("take", "five", **{attribute: value})


@pytest.mark.parametrize("samesite", ["lax", "none", "", True, "Lax; Secure"])
def test_samesite_is_one_of_three_words(samesite):
    with pytest.raises(ValueError, match="expected samesite as one of"):
        serialize_cookie("take", "five", samesite=samesite)


def test_samesite_none_demands_secure():
    with pytest.raises(ValueError, match="expected secure=True"):
        serialize_cookie("take", "five", samesite="None")


@pytest.mark.parametrize(
    "name", ["", "ta ke", "take;", "take=", "take\r\n", "take\n", "täke", '"take"', "take,", b"take"]
)
def test_name_that_is_no_token_is_refused(name):
    with pytest.raises(ValueError, match="expected a cookie name made of token characters"):
        serialize_cookie(name, "five")


@pytest.mark.parametrize("value", [5, None, b"five", ["five"]])
def test_plain_value_that_is_no_text_is_a_type_error(value):
    with pytest.raises(TypeError, match="sign other values"):
        serialize_cookie("take", value)


def test_cookie_larger_than_browsers_keep_is_refused():
    assert len(serialize_cookie("take", "5" * 4092, path=None)) == 4097  # "=" does not count

    with pytest.raises(ValueError, match="at most 4096 bytes, 'take' has 4097"):
        serialize_cookie("take", "5" * 4093)
    with pytest.raises(ValueError, match="at most 4096 bytes"):
        serialize_cookie("take", "☃" * 400)  # 12 characters each: three octets, escaped


# -- signed


@given(value=JSON, name=NAMES)
def test_signed_value_comes_back_as_it_was_signed(value, name):
    signed = sign(name, value, "secret")

    assert unsign(name, signed, "secret") == value
    assert parse_cookies(serialize_cookie(name, signed, path=None))[name] == signed


def test_signed_text_is_a_cookie_without_quotes():
    assert '"' not in serialize_cookie("take", sign("take", {"by": "Dave", "takes": [5] * 100}, "secret"))


@pytest.mark.parametrize(
    ("name", "secret"), [("take", "other"), ("Take", "secret"), ("tak", "secret"), ("take", ["other", "another"])]
)
def test_signature_holds_for_one_name_and_secret_only(name, secret):
    signed = sign("take", 5, "secret")

    with pytest.raises(ValueError, match=f"cookie '{name}' has no valid signature"):
        unsign(name, signed, secret)


def test_signature_does_not_hold_once_any_character_is_another():
    signed = sign("take", {"by": "Dave"}, "secret")

    for place, character in enumerate(signed):
        # The last character has bits that nobody reads; "A" and "-" differ from all others in those that count.
        tampered = signed[:place] + ("-" if character == "A" else "A") + signed[place + 1 :]
        with pytest.raises(ValueError, match="no valid signature"):
            unsign("take", tampered, "secret")


@pytest.mark.parametrize("signed", ["", ".", "..", "...", "NQ", "NQ.a.b", "é", "☃.☃.☃", "\0", "." * 4096])
def test_text_that_nobody_signed_has_no_signature(signed):
    with pytest.raises(ValueError, match="no valid signature"):
        unsign("take", signed, "secret")


@given(signed=st.text(max_size=100) | st.text(".-_AZaz09", max_size=100))
def test_any_text_that_nobody_signed_has_no_signature(signed):
    with pytest.raises(ValueError, match="no valid signature"):
        unsign("take", signed, "secret")


def test_first_secret_signs_and_all_verify():
    old, new = sign("take", "old", "first"), sign("take", "new", ["second", "first"])

    assert unsign("take", old, ["second", "first"]) == "old"
    assert unsign("take", new, "second") == "new"
    with pytest.raises(ValueError, match="no valid signature"):
        unsign("take", new, "first")


@pytest.mark.parametrize("secret", ["", [], (), ["secret", ""], b"secret", [b"secret"], [None]])
def test_secret_that_is_no_text_is_a_configuration_error(secret):
    with pytest.raises(ConfigurationError, match="expected a cookie secret"):
        sign("take", 5, secret)


@pytest.mark.parametrize(
    ("max_age", "age", "is_valid"),
    [
        (60, 0, True),
        (60, 60, True),
        (60, 61, False),
        (0, 0, True),
        (0, 1, False),
        (60, -1, False),  # from the future
        (SIGNED_LIFETIME, SIGNED_LIFETIME, True),
        (SIGNED_LIFETIME, SIGNED_LIFETIME + 1, False),
        (None, 10**9, True),
    ],
)
def test_signature_holds_as_long_as_max_age_says(clock, max_age, age, is_valid):
    signed = sign("take", 5, "secret")
    clock["now"] += age

    if is_valid:
        assert unsign("take", signed, "secret", max_age) == 5
    else:
        with pytest.raises(ValueError, match="no valid signature"):
            unsign("take", signed, "secret", max_age)


def test_signed_cookie_is_good_for_a_month_by_default(clock):
    signed = sign("take", 5, "secret")
    clock["now"] += 31 * 24 * 3600

    assert unsign("take", signed, "secret") == 5
    clock["now"] += 1
    with pytest.raises(ValueError, match="no valid signature"):
        unsign("take", signed, "secret")


# -- the cookies of an answer


@pytest.mark.parametrize("cookies", [CookieJar(), Response()])
def test_signed_cookie_is_hidden_from_scripts_and_other_sites(cookies):
    setter = getattr(cookies, "set", None) or cookies.set_cookie

    setter("take", 5, secret="secret")

    line = cookies["take"] if isinstance(cookies, CookieJar) else cookies.headers["Set-Cookie"]
    assert line.endswith("; HttpOnly; Path=/; SameSite=Lax")


def test_attributes_of_a_signed_cookie_can_be_said_otherwise():
    jar = CookieJar()

    jar.set("take", 5, secret="secret", httponly=False, samesite=None, path="/blue")

    assert jar["take"].partition("; ")[2] == "Path=/blue"


def test_plain_cookie_has_only_the_attributes_that_were_said():
    jar = CookieJar()

    jar.set("take", "five")

    assert jar.lines() == ["take=five; Path=/"]


def test_cookie_replaces_one_of_the_same_name_path_and_domain():
    jar = CookieJar()

    for value, attributes in [("1", {}), ("2", {"path": "/blue"}), ("3", {"domain": "example.com"}), ("4", {})]:
        jar.set("take", value, **attributes)
    jar.set("by", "Dave")

    assert jar.lines() == [
        "take=4; Path=/",
        "take=2; Path=/blue",
        "take=3; Domain=example.com; Path=/",
        "by=Dave; Path=/",
    ]
    assert (list(jar), len(jar), jar["take"]) == (["take", "by"], 2, "take=4; Path=/")
    assert "bass" not in jar


def test_deleting_sets_a_cookie_that_is_over():
    jar = CookieJar()
    jar.set("take", "five", path="/blue", domain="example.com")

    jar.delete("take", path="/blue", domain="example.com")

    assert jar.lines() == [
        "take=; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/blue",
    ]


# -- through an application


class Visits(WebMessageHandler):
    """Counts visits in a signed cookie; the cookie of the query's ``read`` is read plainly."""

    def get(self):
        visits = self.get_cookie("visits", 0, secret=True, max_age=60) + 1
        self.set_cookie("visits", visits, secret=True)
        return f"{visits} {self.get_cookie(self.get_argument('read', ''), 'none')}"

    def delete(self):
        self.delete_cookies()


def client_of(secret):
    return TestApp(Brubeck(handler_tuples=[("^/$", Visits)], cookie_secret=secret))


def test_signed_cookie_survives_from_visit_to_visit():
    client = client_of("secret")

    assert [client.get("/").text for _ in range(3)] == ["1 none", "2 none", "3 none"]


def test_signed_cookie_survives_a_change_of_secrets():
    old, new, later = client_of("old"), client_of(["new", "old"]), client_of(["new"])
    old.get("/")

    new.set_cookie("visits", old.cookies["visits"])
    assert new.get("/").text == "2 none"
    later.set_cookie("visits", new.cookies["visits"])
    assert later.get("/").text == "3 none"
    later.set_cookie("visits", old.cookies["visits"])
    assert later.get("/").text == "1 none"


def test_signed_cookie_that_is_too_old_counts_as_none(clock):
    client = client_of("secret")
    client.get("/")
    clock["now"] += 61

    assert client.get("/").text == "1 none"


@pytest.mark.parametrize("sent", ["100", "", ".", "MTAw.aaaa.bbbb", "MTAw", '"\\303\\251"'])
def test_forged_cookie_counts_as_none(sent):
    assert client_of("secret").get("/", headers={"Cookie": f"visits={sent}"}).text == "1 none"


def test_cookie_signed_for_another_name_counts_as_none():
    client = client_of("secret")
    client.set_cookie("visits", sign("votes", 100, "secret"))

    assert client.get("/").text == "1 none"


def test_plain_cookie_is_read_as_it_was_sent():
    response = client_of("secret").get("/?read=by", headers={"Cookie": 'by="D\\303\\240ve"; take=5'})

    assert response.text == "1 Dàve"


def test_cookie_that_is_not_utf_8_is_answered_400():
    response = client_of("secret").get("/", headers={"Cookie": "visits=\xff"}, status=400)

    assert response.json["detail"] == "expected UTF-8 in the cookie 'visits'"


def test_cookies_that_were_deleted_are_not_sent_again():
    client = client_of("secret")
    client.get("/")

    client.delete("/")

    assert client.cookies == {}


def test_signed_cookie_over_https_is_sent_over_https_only():
    client = client_of("secret")

    plain = client.get("/").headers["Set-Cookie"]
    secure = client.get("/", extra_environ={"wsgi.url_scheme": "https"}).headers["Set-Cookie"]

    assert "Secure" not in plain
    assert secure.endswith("; HttpOnly; Path=/; SameSite=Lax; Secure")
