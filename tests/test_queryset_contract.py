"""The contract of querysets, over dictionaries, a real Redis, SQLite, a real PostgreSQL and a real MariaDB."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from querysets import Album

from brubeck_wsgi import ConfigurationError, FourOhFourException, ValidationError
from brubeck_wsgi.modeling import Invalid
from brubeck_wsgi.queryset import (
    ANY_VERSION,
    AbstractQueryset,
    AlreadyExists,
    ChangeKind,
    SelectionError,
    Status,
    Unstorable,
    VersionConflict,
)

pytest_plugins = ["queryset_fixtures"]

INDEXED = ("title", "year", "rating", "is_sold", "recorded")


SHELF = [
    {"title": "Time Out", "year": 1959, "rating": 4.5, "is_sold": True},
    {"title": "time out", "year": 1961, "rating": -0.5},
    {"title": "Countdown—Time in Outer Space", "year": None, "rating": 0.0},
    {"title": "Café ☃ 𝄞", "year": -5, "rating": 1e300, "recorded": datetime(1959, 8, 18, 12, tzinfo=UTC)},
    {"title": "", "year": 2**53 + 1, "rating": 0.25, "recorded": datetime(1959, 8, 18, 12, 0, 0, 5, tzinfo=UTC)},
    {"title": "50% off_", "year": 2**53, "is_sold": True},
]


@pytest.fixture
def albums(make_queryset):
    """An empty queryset of each kind."""
    return make_queryset(indexed=INDEXED)


@pytest.fixture
def changes(albums):
    """What the queryset tells of its changes."""
    changes = []
    albums.on_change(lambda change: changes.append((change.kind, change.id, change.value, change.version)))
    return changes


@pytest.fixture(scope="module")
def shelves():
    """The shelves that were filled; by what they are kept in."""
    return {}


@pytest.fixture
def shelf(make_queryset, request, shelves):
    """A queryset of each kind with what is on the shelf, as a to f; for tests that change nothing."""
    store = request.node.callspec.params["make_queryset"]
    if store not in shelves:
        shelves[store] = make_queryset(indexed=INDEXED, api_id="id")
        fill(shelves[store], *SHELF)
    return shelves[store]


def album(id="time-out", title="Time Out", **values):
    return Album(title, id=id, **values)


def fill(albums, *values):
    """Create an album for each of *values*, with ids a, b, c and so on."""
    albums.create([Album(id=chr(ord("a") + number), **{"title": "", **one}) for number, one in enumerate(values)])


def ids(items):
    return "".join(item.id for item in items)


# -- create


def test_object_that_was_created_is_read_again(albums):
    one = album(year=1959, rating=4.5, is_sold=True, recorded=datetime(1959, 8, 18, tzinfo=UTC), players=["Paul", "☃"])

    status, created = albums.create(one)

    assert (status, created) == ("Created", one)
    assert albums.read("time-out") == ("OK", one)


def test_object_in_place_of_another_with_its_id_is_updated(albums):
    albums.create(album())

    status, _ = albums.create(album(title="Time Further Out"))

    assert status is Status.UPDATED
    assert [one.value.title for one in albums.read()] == ["Time Further Out"]


def test_mapping_makes_an_object(albums):
    assert albums.create({"title": "Jazz Impressions", "id": "jazz"}).value == Album("Jazz Impressions", id="jazz")


def test_object_without_an_id_is_given_one(albums):
    one, other = Album("one"), Album("other")

    results = albums.create([one, other])

    assert [status for status, _ in results] == ["Created", "Created"]
    assert one.id
    assert one.id != other.id
    assert albums.read(other.id).value == other


def test_created_are_told_apart_from_updated(albums):
    albums.create(album(id="b"))

    results = albums.create([album(id="a"), album(id="b", title="new"), album(id="c")])

    assert [status for status, _ in results] == ["Created", "Updated", "Created"]
    assert [albums.read_one(one).value.title for one in "abc"] == ["Time Out", "new", "Time Out"]


def test_last_of_several_with_the_same_id_stays(albums):
    results = albums.create([album(title="first"), album(id="other"), album(title="last")])

    assert [status for status, _ in results] == ["Created", "Created", "Updated"]
    assert albums.read_one("time-out").value.title == "last"


def test_creating_nothing_creates_nothing(albums):
    assert albums.create([]) == []
    assert albums.count() == 0


def test_existing_id_is_refused_where_only_new_ones_are_wanted(albums):
    albums.create_one(album(), create_only=True)

    with pytest.raises(AlreadyExists):
        albums.create(album(title="other"), create_only=True)

    assert albums.read_one("time-out").value.title == "Time Out"


def test_existing_ids_among_many_fail_where_only_new_ones_are_wanted(albums):
    albums.create(album(id="b"))

    results = albums.create([album(id=one, title="new") for one in "abcc"], create_only=True)

    assert [status for status, _ in results] == ["Created", "Failed", "Created", "Failed"]
    assert albums.read_one("b").value.title == "Time Out"


@pytest.mark.parametrize("id", ["", "x" * 256, "nul\0", "\ud800"], ids=ascii)
def test_text_that_is_no_id_is_refused(albums, id):
    with pytest.raises(Unstorable):
        albums.create(album(id=id))


@pytest.mark.parametrize("id", ["x" * 255, "a,b/c d", "ID", "id ", "'; DROP TABLE albums; --", "{}", "☃", "-1"])
def test_id_may_be_any_short_text(albums, id):
    albums.create([album(id=id), album(id="id")])

    assert albums.read_one(id).value.id == id
    assert albums.count() == 2
    assert albums.destroy_one(id).value.id == id


def test_what_does_not_fit_the_model_is_not_stored(albums):
    wrong = album()
    wrong.title = 5

    with pytest.raises(Invalid):
        albums.create([album(id="right"), wrong])

    assert albums.read() == []


def test_object_of_another_class_is_refused(albums):
    class Other(msgspec.Struct):
        id: str

    with pytest.raises(TypeError):
        albums.create(Other("time-out"))


def test_text_that_is_too_long_to_sort_by_is_refused(albums):
    with pytest.raises(Unstorable):
        albums.create(album(title="x" * 1001))


def test_text_that_nobody_sorts_by_may_be_long(albums):
    one = album(players=["x" * 100_000])

    albums.create(one)

    assert albums.read_one(one.id).value == one


def test_long_list_is_created_and_destroyed(albums):
    many = [album(id=f"{number:05}", year=number) for number in range(1234)]

    albums.create(many)

    assert albums.count() == 1234
    assert [one.value for one in albums.read_many([one.id for one in many])] == many
    assert len(albums.destroy([one.id for one in many])) == 1234
    assert albums.count() == 0


# -- read


def test_missing_object_is_not_found(albums):
    for operation in (albums.read, albums.read_one, albums.get, albums.destroy, albums.destroy_one):
        with pytest.raises(FourOhFourException):
            operation("nowhere")


@pytest.mark.parametrize("id", ["\0", "\ud800", "x" * 1000, None, 5, ("a",)], ids=ascii)
def test_what_can_be_no_id_is_not_found(albums, id):
    with pytest.raises(FourOhFourException):
        albums.read_one(id)


def test_each_of_many_has_a_result(albums):
    albums.create([album(id="a"), album(id="b")])

    results = albums.read(["b", "nowhere", "a", "b", "\0"])

    assert results == [
        ("OK", album(id="b")),
        ("Not Found", None),
        ("OK", album(id="a")),
        ("OK", album(id="b")),
        ("Not Found", None),
    ]


@pytest.mark.parametrize("nothing", [[], "", None], ids=repr)
def test_reading_nothing_reads_all(albums, nothing):
    albums.create([album(id="a"), album(id="b")])

    results = albums.read(nothing)

    assert sorted(value.id for _, value in results) == ["a", "b"]
    assert {status for status, _ in results} == {"OK"}


def test_what_was_read_is_nobody_elses(albums):
    albums.create(album(players=["Paul"]))
    albums.read_one("time-out").value.players.append("Joe")

    assert albums.read_one("time-out").value.players == ["Paul"]


def test_what_was_created_may_change_afterwards(albums):
    albums.create(one := album())
    one.title = "Time In"

    assert albums.read_one("time-out").value.title == "Time Out"


def test_stored_object_has_its_json(albums):
    albums.create(album(year=1959))

    stored = albums.get("time-out")

    assert msgspec.json.decode(stored.data, type=Album) == stored.value == album(year=1959)
    assert [one and one.id for one in albums.get_many(["nowhere", "time-out"])] == [None, "time-out"]


# -- versions


def test_version_changes_with_the_object_and_only_then(albums):
    first = albums.create(album()).version
    again = albums.update(album()).version
    second = albums.update(album(year=1959)).version

    assert first == again != second == albums.get("time-out").version == albums.read("time-out").version


@pytest.mark.parametrize("operation", ["update", "patch", "destroy"])
def test_change_of_the_expected_version_is_made(albums, operation):
    version = albums.create(album()).version

    result = change(albums, operation, "time-out", version)

    assert result.status == "Updated"
    assert [one.value.title for one in albums.read()] == ([] if operation == "destroy" else ["changed"])


@pytest.mark.parametrize("operation", ["update", "patch", "destroy"])
def test_change_of_another_version_is_refused(albums, changes, operation):
    version = albums.create(album()).version
    albums.update(album(title="other"))
    del changes[:]

    with pytest.raises(VersionConflict) as conflict:
        change(albums, operation, "time-out", version)

    assert conflict.value.status == 409
    assert (albums.read_one("time-out").value.title, changes) == ("other", [])


@pytest.mark.parametrize("operation", ["update", "patch", "destroy"])
@pytest.mark.parametrize("length", [0, 1, 19, 21])
def test_part_of_a_version_is_another_one(albums, operation, length):
    version = f"{albums.create(album()).version}0"[:length]

    with pytest.raises(VersionConflict):
        change(albums, operation, "time-out", version)


@pytest.mark.parametrize("operation", ["update", "patch", "destroy"])
@pytest.mark.parametrize("version", [ANY_VERSION, "0" * 20])
def test_version_of_a_missing_object_is_not_found(albums, operation, version):
    with pytest.raises(FourOhFourException):
        change(albums, operation, "nowhere", version)

    assert albums.count() == 0


@pytest.mark.parametrize("operation", ["update", "patch", "destroy"])
def test_any_version_will_do(albums, operation):
    albums.create(album())

    assert change(albums, operation, "time-out", ANY_VERSION).status == "Updated"


def change(albums, operation, id, version):
    match operation:
        case "update":
            return albums.update(album(id=id, title="changed"), if_version=version)
        case "patch":
            return albums.patch_one(id, {"title": "changed"}, if_version=version)
    return albums.destroy(id, if_version=version)


# -- update


def test_update_replaces_the_whole_object(albums):
    albums.create(album(year=1959, players=["Paul"]))

    assert albums.update(album(title="Time In")) == ("Updated", album(title="Time In"))
    assert albums.read_one("time-out").value == album(title="Time In")


def test_update_of_what_is_new_creates_it_as_in_brubeck(albums):
    assert albums.update(album()).status == "Created"


def test_many_updates_have_a_result_each(albums):
    albums.create([album(id="a", year=1), album(id="b", year=2)])

    results = albums.update([album(id="b", year=20), album(id="c", year=30), album(id="a", players=["Joe"])])

    assert [status for status, _ in results] == ["Updated", "Created", "Updated"]
    assert albums.read_one("a").value == album(id="a", players=["Joe"])
    assert [albums.read_one(one).value.year for one in "abc"] == [None, 20, 30]


def test_patch_leaves_the_rest_as_it_is(albums):
    albums.create(album(year=1959, players=["Paul"]))

    result = albums.patch_one("time-out", {"title": "Time In", "recorded": datetime(2000, 1, 1, tzinfo=UTC)})

    expected = album(title="Time In", year=1959, players=["Paul"], recorded=datetime(2000, 1, 1, tzinfo=UTC))
    assert result == ("Updated", expected)
    assert albums.read_one("time-out") == ("OK", expected)


@pytest.mark.parametrize("changes", [{"title": 5}, {"title": None}, {"id": "other"}], ids=repr)
def test_patch_that_does_not_fit_changes_nothing(albums, changes):
    albums.create(album())

    with pytest.raises(ValidationError):
        albums.patch_one("time-out", changes)

    assert albums.read() == [("OK", album())]


def test_change_is_made_anew_when_another_came_between(albums):
    albums.create(album(year=1))
    seen = []

    def add_one(stored):
        seen.append(stored.value.year)
        if len(seen) == 1:
            albums.update(album(year=10))
        return album(year=stored.value.year + 1)

    albums.change_one("time-out", add_one)

    assert seen == [1, 10]
    assert albums.read_one("time-out").value.year == 11


# -- destroy


def test_destroyed_object_is_gone(albums):
    albums.create([album(), album(id="other")])

    assert albums.destroy("time-out") == ("Updated", album())
    assert [one.value.id for one in albums.read()] == ["other"]


def test_each_of_many_to_destroy_has_a_result(albums):
    fill(albums, {}, {}, {})

    results = albums.destroy(["c", "nowhere", "a", "c"])

    assert [(status, value and value.id) for status, value in results] == [
        *(("Updated", "c"), ("Not Found", None), ("Updated", "a"), ("Not Found", None))
    ]
    assert ids(albums.select().items) == "b"


def test_destroying_nothing_destroys_nothing(albums):
    albums.create(album())

    assert albums.destroy([]) == []
    assert albums.count() == 1


def test_all_are_destroyed_at_once(albums):
    fill(albums, {"year": 1}, {"year": 2})

    results = albums.destroy_all()

    assert sorted(value.id for _, value in results) == ["a", "b"]
    assert (albums.read(), albums.count(), albums.select([("year", "eq", 1)]).items) == ([], 0, [])


def test_id_may_be_used_again(albums):
    albums.create(album(year=1))
    albums.destroy("time-out")
    albums.create(album(year=2))

    assert [one.value.year for one in albums.select(sort=["year"]).items] == [2]


# -- filters


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], "abcdef"),
        ([("year", "eq", 1959)], "a"),
        ([("year", "eq", 1960)], ""),
        ([("year", "eq", 2**53)], "f"),
        ([("year", "ne", 1959)], "bcdef"),
        ([("year", "lt", 1959)], "d"),
        ([("year", "le", 1959)], "ad"),
        ([("year", "gt", 1959)], "bef"),
        ([("year", "ge", 1961)], "bef"),
        ([("year", "in", [1959, -5, 7])], "ad"),
        ([("year", "in", [])], ""),
        ([("year", "isnull", True)], "c"),
        ([("year", "isnull", False)], "abdef"),
        ([("rating", "lt", 0)], "b"),
        ([("rating", "eq", 0)], "cf"),
        ([("rating", "eq", -0.0)], "cf"),
        ([("rating", "ge", 0.25)], "ade"),
        ([("is_sold", "eq", True)], "af"),
        ([("is_sold", "ne", True)], "bcde"),
        ([("title", "eq", "Time Out")], "a"),
        ([("title", "eq", "")], "e"),
        ([("title", "lt", "Time")], "cdef"),
        ([("title", "gt", "Time")], "ab"),
        ([("title", "contains", "Time")], "ac"),
        ([("title", "contains", "☃ 𝄞")], "d"),
        ([("title", "contains", "")], "abcdef"),
        ([("title", "contains", "%")], "f"),
        ([("title", "contains", "_")], "f"),
        ([("title", "startswith", "Time")], "a"),
        ([("title", "startswith", "Café ☃")], "d"),
        ([("title", "startswith", "")], "abcdef"),
        ([("title", "startswith", "_")], ""),
        ([("title", "in", ["", "time out", "'"])], "be"),
        ([("id", "in", ["a", "e", "z"])], "ae"),
        ([("id", "gt", "d")], "ef"),
        ([("recorded", "eq", datetime(1959, 8, 18, 12, tzinfo=UTC))], "d"),
        ([("recorded", "gt", "1959-08-18T14:00:00+02:00")], "e"),
        ([("recorded", "isnull", True)], "abcf"),
        ([("year", "ge", 1959), ("is_sold", "eq", True)], "af"),
        ([("year", "ge", 1959), ("year", "lt", 2000)], "ab"),
        ([("year", "ge", 1959), ("title", "contains", "O"), ("rating", "ne", 4.5)], ""),
        ([("title", "contains", "o"), ("is_sold", "eq", False)], "bc"),
    ],
    ids=repr,
)
def test_filters_select_what_meets_all_of_them(shelf, filters, expected):
    assert ids(shelf.select(filters).items) == expected
    assert ids(shelf.select(filters, ["-rating", "id"]).items) == ids(
        sorted(shelf.select(filters).items, key=lambda one: -one.value.rating)
    )
    assert shelf.count(filters) == len(expected)


@pytest.mark.parametrize(
    "filters",
    [
        [("players", "eq", "Paul")],
        [("nowhere", "eq", 1)],
        [("year", "like", 1)],
        [("year", "eq", "1959")],
        [("year", "eq", True)],
        [("year", "eq", 2**63)],
        [("year", "eq", None)],
        [("year", "contains", 1)],
        [("rating", "eq", float("nan"))],
        [("rating", "lt", float("inf"))],
        [("title", "eq", 5)],
        [("title", "eq", "\0")],
        [("title", "eq", "\ud800")],
        [("title", "eq", "x" * 1001)],
        [("title", "in", "abc")],
        [("title", "in", ["x"] + [str(number) for number in range(200)])],
        [("is_sold", "eq", 1)],
        [("year", "isnull", 1)],
        [("recorded", "eq", "yesterday")],
        [("year", "eq", 1)] * 21,
    ],
    ids=lambda filters: ascii(filters[0])[:40],
)
def test_filter_that_makes_no_sense_is_refused(shelf, filters):
    for operation in (shelf.select, shelf.count):
        with pytest.raises(SelectionError):
            operation(filters)


@pytest.mark.parametrize(
    ("field", "operator", "text", "value"),
    [
        ("year", "ge", "1959", 1959),
        ("rating", "lt", "4.5", 4.5),
        ("is_sold", "eq", "true", True),
        ("is_sold", "eq", "0", False),
        ("title", "eq", "1959", "1959"),
        ("year", "in", "1,2,1", (1, 2)),
        ("year", "isnull", "true", True),
        ("recorded", "gt", "1959-08-18T14:00:00+02:00", "1959-08-18T12:00:00.000000Z"),
    ],
)
def test_filter_is_read_from_text(field, operator, text, value):
    queryset = AbstractQueryset(model=Album, indexed=INDEXED)

    assert queryset.filter_from_text(field, operator, text) == (field, operator, value)


@pytest.mark.parametrize(
    ("field", "operator", "text"),
    [
        ("year", "ge", "MCMLIX"),
        ("year", "eq", "1.5"),
        ("is_sold", "eq", "maybe"),
        ("year", "isnull", ""),
        ("x", "eq", ""),
    ],
)
def test_text_that_means_no_filter_is_refused(field, operator, text):
    queryset = AbstractQueryset(model=Album, indexed=INDEXED)

    with pytest.raises(SelectionError):
        queryset.filter_from_text(field, operator, text)


class Anything(msgspec.Struct):
    """Something with a field that may be null, though nobody says so."""

    id: str
    data: Any = None
    other: Any = 5


@pytest.mark.parametrize("value", [None, 0, "", "text", [], {"a": [1, None]}], ids=repr)
def test_field_of_anything_keeps_anything(make_queryset, value):
    things = make_queryset(Anything)

    things.create([Anything("a"), Anything("b", value, value)])

    assert things.read_one("a").value == Anything("a", None, 5)
    assert things.read_one("b").value == Anything("b", value, value)
    assert things.update(Anything("b"), if_version=things.get("b").version).status == Status.UPDATED


# -- order and pages


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([], "abcdef"),
        (["id"], "abcdef"),
        (["-id"], "fedcba"),
        (["year"], "cdabfe"),
        (["-year"], "efbadc"),
        (["rating"], "bcfead"),
        (["-rating"], "daefcb"),
        (["title"], "efdcab"),
        (["is_sold", "-rating"], "decbaf"),
        (["-is_sold", "year"], "afcdbe"),
        (["recorded", "-id"], "fcbade"),
        (["is_sold", "-id"], "edcbfa"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("limit", [2, 6])
def test_pages_go_through_all_in_order_and_back(shelf, sort, expected, limit):
    pages = [shelf.select(sort=sort, limit=limit)]
    while pages[-1].next_cursor:
        pages.append(shelf.select(sort=sort, limit=limit, cursor=pages[-1].next_cursor))
    back = [pages[-1]]
    while back[-1].previous_cursor:
        back.append(shelf.select(sort=sort, limit=limit, cursor=back[-1].previous_cursor))

    assert ids(item for page in pages for item in page.items) == expected
    assert {len(page.items) for page in pages[:-1]} <= {limit}
    assert [ids(page.items) for page in reversed(back)] == [ids(page.items) for page in pages]


@pytest.mark.parametrize("sort", [[], ["year"], ["-title"]], ids=repr)
def test_pages_keep_to_the_filters(shelf, sort):
    filters = [("rating", "ge", 0), ("title", "ne", "")]

    first = shelf.select(filters, sort, limit=2, with_total=True)
    second = shelf.select(filters, sort, limit=2, cursor=first.next_cursor)

    assert sorted(ids(first.items + second.items)) == list("acdf")
    assert (first.total, second.total, second.next_cursor) == (4, None, None)


@pytest.mark.parametrize("filters", [[], [("title", "ne", "x")]], ids=["all", "filtered"])
def test_offset_passes_over_some(shelf, filters):
    page = shelf.select(filters, ["-id"], offset=2, limit=3)

    assert ids(page.items) == "dcb"
    assert ids(shelf.select(filters, ["-id"], cursor=page.previous_cursor).items) == "fe"
    assert ids(shelf.select(filters, ["-id"], cursor=page.next_cursor).items) == "a"
    assert shelf.select(filters, offset=6).items == []


@pytest.mark.parametrize("batch", [1, 2, 500])
@pytest.mark.parametrize(("sort", "expected"), [([], "acdf"), (["-year"], "fadc"), (["rating"], "cfad")], ids=repr)
def test_pages_have_what_is_accepted_alone(shelf, sort, expected, batch, monkeypatch):
    monkeypatch.setattr("brubeck_wsgi.queryset.selectable._BATCH", batch)
    options = {"accepts": lambda stored: stored.value.rating >= 0, "filters": [("title", "ne", "")], "sort": sort}

    first = shelf.select(limit=3, with_total=True, **options)
    second = shelf.select(limit=3, cursor=first.next_cursor, **options)
    back = shelf.select(limit=1, cursor=second.previous_cursor, **options)

    assert (ids(first.items), ids(second.items), ids(back.items)) == (expected[:3], expected[3:], expected[2])
    assert (first.total, second.next_cursor, shelf.count(accepts=options["accepts"])) == (4, None, 5)
    assert ids(shelf.select(offset=1, limit=2, **options).items) == expected[1:3]
    assert shelf.select(accepts=lambda stored: False, limit=1) == ([], None, None, None)


def test_page_goes_on_where_it_was_though_others_come_and_go(albums):
    fill(albums, *[{"year": number} for number in range(6)])
    page = albums.select(sort=["year"], limit=2)

    albums.destroy(["b", "c"])
    albums.create([album(id="new", year=-1), album(id="later", year=3)])

    assert [one.id for one in albums.select(sort=["year"], limit=3, cursor=page.next_cursor).items] == [
        "d",
        "later",
        "e",
    ]


LONG = "\U0001f3b7" * 990


@pytest.mark.parametrize("sort", [["title"], ["-title"], ["year", "-title"], ["-title", "year"]], ids=repr)
def test_cursor_of_long_texts_is_short_and_leads_through_all(albums, sort):
    titles = [LONG + end for end in ("a", "b", "", "\x01", "\U0010ffff")] + ["\x01" * 99, LONG + "b", LONG[:5], ""]
    fill(albums, *[{"title": title} for title in titles])
    expected = ids(albums.select(sort=sort).items)

    pages = [albums.select(sort=sort, limit=2)]
    while pages[-1].next_cursor:
        assert len(pages[-1].next_cursor) < 300
        pages.append(albums.select(sort=sort, limit=2, cursor=pages[-1].next_cursor))
    back = albums.select(sort=sort, limit=2, cursor=pages[-1].previous_cursor)

    assert "".join(ids(page.items) for page in pages) == expected
    assert ids(back.items) == ids(pages[-2].items)


@pytest.mark.parametrize("sort", ["title", "-title"])
@pytest.mark.parametrize("change", [{"title": LONG + "zz"}, {"title": LONG + "!"}, {"title": ""}, None], ids="abcd")
def test_nothing_is_missed_behind_a_long_text_that_is_gone_or_another(albums, sort, change):
    fill(albums, *[{"title": LONG + end} for end in "abcdef"])
    first = albums.select(sort=[sort], limit=3)
    (place,) = first.items[-1:]

    if change is None:
        albums.destroy(place.id)
    else:
        albums.patch_one(place.id, change)
    following = albums.select(sort=[sort], cursor=first.next_cursor).items

    others = ids(one for one in following if one.id != place.id)
    assert others[-3:] == ("def" if sort == "title" else "cba")


@pytest.mark.parametrize(
    "place",
    [[["a"], "a"], [["a", 1.5], "a"], [["a", 1, 1], "a"], [[5, 1], "a"], ["a", ["a", 1]], [["a" * 1001, 1], "a"]],
)
def test_cursor_with_a_beginning_of_no_text_is_refused(shelf, place):
    text = msgspec.json.encode([False, ["title", "id"], place])

    with pytest.raises(SelectionError):
        shelf.select(sort=["title"], cursor=base64.urlsafe_b64encode(text).decode().rstrip("="))


def test_page_behind_which_nothing_is_left_leads_back(albums):
    fill(albums, *SHELF)
    page = albums.select(limit=3)
    albums.destroy(list("def"))

    last = albums.select(limit=3, cursor=page.next_cursor)

    assert (last.items, last.next_cursor) == ([], None)
    assert ids(albums.select(limit=3, cursor=last.previous_cursor).items) == "abc"


def test_empty_queryset_has_an_empty_page(albums):
    assert albums.select(with_total=True) == ([], None, None, 0)


@pytest.mark.parametrize(
    "cursor",
    ["x", "é", "!!!", "bnVsbA", "W10", "W2ZhbHNlLFsiaWQiXSxbXV0", "W2ZhbHNlLFsiaWQiXSxbNV1d", "W" * 9000, "W1tbW1tb"],
    ids=lambda cursor: cursor[:25],
)
def test_hostile_cursor_is_refused(shelf, cursor):
    with pytest.raises(SelectionError):
        shelf.select(cursor=cursor)


def test_cursor_of_another_order_is_refused(shelf):
    cursor = shelf.select(sort=["year"], limit=1).next_cursor

    for sort in ([], ["-year"], ["rating"], ["year", "rating"]):
        with pytest.raises(SelectionError):
            shelf.select(sort=sort, cursor=cursor)


@pytest.mark.parametrize(
    "options",
    [
        *({"limit": 0}, {"limit": 1001}, {"limit": -1}, {"offset": -1}, {"offset": 1, "cursor": "x"}),
        *({"sort": ["nowhere"]}, {"sort": ["players"]}, {"sort": ["year", "-year"]}, {"sort": ["--year"]}),
    ],
    ids=repr,
)
def test_page_that_makes_no_sense_is_refused(shelf, options):
    with pytest.raises(SelectionError):
        shelf.select(**options)


# -- the change stream


def test_listener_is_told_of_every_change(albums, changes):
    created = albums.create(album()).version
    updated = albums.update(album(year=1)).version
    patched = albums.patch_one("time-out", {"year": 2}).version
    albums.destroy("time-out")

    assert changes == [
        (ChangeKind.CREATED, "time-out", album(), created),
        (ChangeKind.UPDATED, "time-out", album(year=1), updated),
        (ChangeKind.UPDATED, "time-out", album(year=2), patched),
        (ChangeKind.DESTROYED, "time-out", album(year=2), patched),
    ]


def test_listener_is_told_of_each_of_many(albums, changes):
    albums.create([album(id="a"), album(id="b")])
    albums.create([album(id="b"), album(id="c")], create_only=True)
    albums.update([album(id="b"), album(id="d")])
    albums.destroy(["a", "nowhere"])
    albums.destroy_all()

    assert [change[:2] for change in changes[:6]] == [
        *(("created", "a"), ("created", "b"), ("created", "c"), ("updated", "b"), ("created", "d"), ("destroyed", "a"))
    ]
    assert sorted(change[:2] for change in changes[6:]) == [("destroyed", one) for one in "bcd"]


def test_listener_is_not_told_of_what_did_not_happen(albums, changes):
    version = albums.create(album()).version
    del changes[:]

    for operation in (
        lambda: albums.create(album(), create_only=True),
        lambda: albums.destroy("nowhere"),
        lambda: albums.update(album(title="x"), if_version="0" * 20),
        lambda: albums.patch_one("time-out", {"title": 5}, if_version=version),
    ):
        with pytest.raises((AlreadyExists, FourOhFourException, VersionConflict, Invalid)):
            operation()

    assert changes == []


def test_listener_may_change_things_itself(albums):
    def follow(change):
        if change.kind == "created" and change.id == "a":
            albums.create(album(id="b"))
        told.append((change.kind, change.id))

    told = []
    albums.on_change(follow)
    albums.create(album(id="a"))

    assert told == [("created", "a"), ("created", "b")]


def test_failure_of_a_listener_is_logged_and_the_others_are_told(albums, caplog):
    told = []
    albums.on_change(lambda change: 1 / 0)
    albums.on_change(told.append)

    assert albums.create(album()).status == "Created"

    assert [change.id for change in told] == ["time-out"]
    assert "ZeroDivisionError" in caplog.text


def test_listener_that_was_removed_is_told_no_more(albums):
    told = []
    stop = albums.on_change(told.append)
    stop()

    albums.create(album())

    assert told == []


# -- setting up


def test_model_is_that_of_the_first_object(make_queryset):
    albums = make_queryset(model=None)

    albums.create(album())

    assert albums.read_one("time-out").value == album()
    with pytest.raises(ConfigurationError):
        albums.bind(int)


def test_nothing_can_be_selected_before_the_model_is_known(make_queryset):
    with pytest.raises(ConfigurationError):
        make_queryset(model=None).select()


@pytest.mark.parametrize("field", ["players", "nowhere"])
def test_field_that_cannot_be_compared_cannot_be_indexed(make_queryset, field):
    with pytest.raises(ConfigurationError):
        make_queryset(indexed=[field]).select()


@pytest.mark.parametrize(
    "operation",
    [
        *("create_one", "create_many", "read_one", "read_many", "read_all", "update_one", "update_many"),
        *("destroy_one", "destroy_many", "destroy_all", "select", "count"),
    ],
)
def test_abstract_queryset_keeps_nothing(operation):
    arguments = {"many": [[album()]], "one": [album()], "all": []}
    queryset = AbstractQueryset(model=Album)

    with pytest.raises(NotImplementedError):
        getattr(queryset, operation)(*arguments.get(operation.split("_")[-1], []))
