"""The fields of a path template: what each kind matches, what value it becomes, and kinds of one's own."""

from __future__ import annotations

from datetime import date

import pytest
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, Converter

ID = "0190163d-8694-739b-aea5-966c26f8ad91"


class DayConverter(Converter):
    regex = r"\d{4}-\d{2}-\d{2}"

    def load(self, text):
        return date.fromisoformat(text)


class ListConverter(Converter):
    def load(self, text):
        return text.split("+")


def show(application, message, value):
    return f"{type(value).__name__} {value}"


def client_of(template, **converters):
    app = Brubeck()
    for name, converter in converters.items():
        app.add_converter(name, converter)
    app.get(template)(show)
    return TestApp(app)


@pytest.mark.parametrize(
    ("field", "text", "shown"),
    [
        ("value", "Dave", "str Dave"),
        ("value", "5", "str 5"),
        ("value:str", "Kind%20of%20Blue", "str Kind of Blue"),
        ("value:str", "caf%C3%A9", "str café"),
        ("value:str", "a%0A", "str a\n"),
        ("value:int", "5", "int 5"),
        ("value:int", "-07", "int -7"),
        ("value:int", "9" * 18, f"int {'9' * 18}"),
        ("value:float", "5", "float 5.0"),
        ("value:float", "-1.25", "float -1.25"),
        ("value:uuid", ID, f"UUID {ID}"),
        ("value:uuid", ID.upper(), f"UUID {ID}"),
        ("value:path", "a", "str a"),
        ("value:path", "a//b/", "str a//b/"),
        ("value:path", "a%0Ab", "str a\nb"),
    ],
)
def test_field_becomes_a_value_of_its_kind(field, text, shown):
    client = client_of(f"/at/{{{field}}}")

    assert client.get(f"/at/{text}").text == shown


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("value", ""),
        ("value", "a/b"),
        ("value", "a%2Fb"),
        ("value:int", ""),
        ("value:int", "five"),
        ("value:int", "+5"),
        ("value:int", "5%0A"),
        ("value:int", "%D9%A5"),  # a digit, in Arabic
        ("value:int", "9" * 19),
        ("value:float", "1."),
        ("value:float", ".5"),
        ("value:float", "1e5"),
        ("value:float", "nan"),
        ("value:uuid", ID.replace("-", "")),
        ("value:uuid", f"{{{ID}}}"),
        ("value:uuid", f"{ID}0"),
        ("value:path", ""),
    ],
)
def test_text_that_is_not_of_its_kind_is_no_match(field, text):
    client = client_of(f"/at/{{{field}}}")

    client.get(f"/at/{text}", status=404)


def test_fields_share_a_segment_with_each_other_and_with_text():
    app = Brubeck()
    app.get("/v{major:int}.{minor:int}/{name}.{kind}")(lambda application, message, **values: values)

    assert TestApp(app).get("/v5.4/time.out.txt").json == {"major": 5, "minor": 4, "name": "time.out", "kind": "txt"}


def test_own_converter_makes_the_value():
    client = client_of("/on/{value:day}", day=DayConverter())

    assert client.get("/on/1959-12-14").text == "date 1959-12-14"


def test_own_converter_matches_one_segment_unless_it_says_otherwise():
    client = client_of("/in/{value:list}", list=ListConverter())

    assert client.get("/in/a+b").text == "list ['a', 'b']"
    client.get("/in/a+b/c", status=404)


def test_own_regex_with_alternatives_stays_within_its_field():
    class SideConverter(Converter):
        regex = "a|b"

    client = client_of("/side-{value:side}/1", side=SideConverter())

    assert client.get("/side-b/1").text == "str b"
    client.get("/side-a", status=404)


def test_converter_that_refuses_what_it_matched_leaves_the_path_to_the_next_route():
    app = Brubeck()
    app.add_converter("day", DayConverter())
    app.get("/on/{value:day}")(show)
    app.get("/on/{value}")(show)

    assert TestApp(app).get("/on/1959-02-30").text == "str 1959-02-30"


def test_path_that_its_converter_refuses_is_not_found_whatever_the_method():
    client = client_of("/on/{value:day}", day=DayConverter())

    client.get("/on/1959-02-30", status=404)
    client.post("/on/1959-02-30", status=404)


def test_converter_makes_a_new_value_for_each_request_also_where_another_route_names_the_path():
    app = Brubeck()
    app.add_converter("list", ListConverter())
    app.get("/records/all")(lambda application, message: "all")

    @app.post("/records/{names:list}")
    def change(application, message, names):
        names.append("changed")
        return ", ".join(names)

    client = TestApp(app)
    client.post("/records/all")

    assert client.post("/records/all").text == "all, changed"
    assert client.get("/records/all").text == "all"


def test_converter_is_asked_at_each_request_whether_a_path_matches():
    class KnownConverter(Converter):
        def load(self, text):
            return known[text] if text in known else int(text)

    app, known = Brubeck(), {}
    app.add_converter("known", KnownConverter())
    app.put("/records/new")(lambda application, message: "new")
    app.get("/records/{value:known}")(show)
    client = TestApp(app)
    client.get("/records/new", status=405)

    known["new"] = "found"

    assert client.get("/records/new").text == "str found"


def test_converter_that_fails_is_an_error_of_the_application_on_its_own_paths_only():
    class BrokenConverter(Converter):
        def load(self, text):
            raise KeyError(text)

    app = Brubeck()
    app.add_converter("broken", BrokenConverter())
    app.get("/records/{value:broken}")(show)
    app.get("/records/new")(lambda application, message: "new")
    app.get("/about")(lambda application, message: "about")
    client = TestApp(app)

    client.get("/records/new", status=500)

    assert client.get("/about").text == "about"


def test_converter_counts_for_templates_that_are_added_after_it():
    class HexConverter(Converter):
        regex = "[0-9a-f]+"

        def load(self, text):
            return int(text, 16)

    app = Brubeck()
    app.get("/before/{value:int}")(show)
    app.add_converter("int", HexConverter())
    app.get("/after/{value:int}")(show)
    client = TestApp(app)

    assert client.get("/before/10").text == "int 10"
    assert client.get("/after/10").text == "int 16"


def test_converter_of_one_application_is_not_known_to_another():
    Brubeck().add_converter("day", DayConverter())

    with pytest.raises(ConfigurationError, match=r"expected one of float, int, path, str, uuid in .*, got 'day'"):
        Brubeck().get("/{on:day}")(show)


@pytest.mark.parametrize("name", ["", "a b", "5th", "day\n", None])
def test_name_that_no_template_could_use_is_refused(name):
    with pytest.raises(ConfigurationError, match="expected a converter name"):
        Brubeck().add_converter(name, DayConverter())


@pytest.mark.parametrize("converter", [DayConverter, None, int])
def test_converter_is_an_instance(converter):
    with pytest.raises(ConfigurationError, match="expected an instance of Converter for 'day'"):
        Brubeck().add_converter("day", converter)


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        (r"(\d+)", "expected no capturing groups"),
        (r"(?P<year>\d+)", "expected no capturing groups"),
        (r"a)(b", "expected no capturing groups"),
        (r"[a", "unterminated character set"),
        (r"(?i)a", "global flags not at the start"),
        (r"\1", "cannot refer to an open group"),
        (r"a{99999999999999999999}", "repetition number is too large"),
        (rb"\d+", "expected text as the regex"),
        (None, "expected text as the regex"),
    ],
)
def test_regex_that_could_not_stand_in_a_template_is_refused(regex, message):
    converter = DayConverter()
    converter.regex = regex

    with pytest.raises(ConfigurationError, match=message):
        Brubeck().add_converter("day", converter)
