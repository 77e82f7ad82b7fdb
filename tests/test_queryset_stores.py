"""What each store of querysets has of its own: snapshots, Brubeck's hashes, tables that were there."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import TypedDict
from uuid import UUID, uuid4

import attrs
import msgspec
import pydantic
import pytest
import redis
import sqlalchemy
from querysets import Album
from sqlalchemy import Column, MetaData, Table
from webtest import TestApp

from brubeck_wsgi import AutoAPIBase, Brubeck, ConfigurationError, FourOhFourException, MissingLibrary, ValidationError
from brubeck_wsgi.dictshield import Document
from brubeck_wsgi.dictshield.fields import BooleanField, DateTimeField, IntField, StringField, UUIDField
from brubeck_wsgi.modeling import adapt
from brubeck_wsgi.queryset import (
    Busy,
    DictQueryset,
    RedisQueryset,
    Refused,
    SQLQueryset,
    Unreadable,
    Unstorable,
    VersionConflict,
    dict_store,
    ordering,
    redis_finding,
)
from brubeck_wsgi.queryset.selecting import read_order

pytest_plugins = ["queryset_fixtures"]

databases = pytest.mark.parametrize(
    "store",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)


def ids(items):
    return "".join(item.id for item in items)


# -- models of all kinds


class TodoDocument(Document):
    title = StringField(required=True)
    done = BooleanField(default=False)
    due = DateTimeField()
    count = IntField()


class TodoModel(pydantic.BaseModel):
    title: str = pydantic.Field(alias="Title")
    id: int | None = None
    due: datetime | None = None
    done: bool = False


@dataclasses.dataclass
class TodoDataclass:
    title: str
    id: UUID | None = None
    tags: dict[str, list[int]] = dataclasses.field(default_factory=dict)


@attrs.define
class TodoAttrs:
    title: str
    id: str | None = None


class TodoDict(TypedDict, total=False):
    id: int
    title: str


class TodoNumber(msgspec.Struct):
    title: str
    id: int | None = None


KINDS = [
    (TodoDocument, lambda: TodoDocument(title="☃", due=datetime(2026, 1, 2, 3, 4, 5)), UUID),
    (TodoModel, lambda: TodoModel(Title="☃", due=datetime(2026, 1, 2, tzinfo=UTC)), int),
    (TodoDataclass, lambda: TodoDataclass("☃", tags={"a": [1, 2]}), UUID),
    (TodoAttrs, lambda: TodoAttrs("☃"), str),
    (TodoNumber, lambda: TodoNumber("☃"), int),
    (TodoDict, lambda: {"title": "☃"}, int),
]


@pytest.mark.parametrize(("model", "make", "kind"), KINDS, ids=[one[0].__name__ for one in KINDS])
def test_object_of_any_kind_is_given_an_id_and_kept(make_queryset, model, make, kind):
    todos = make_queryset(model, indexed=["title"])
    get_id = adapt(model).get_id
    one, other = make(), make()

    results = todos.create([one, other])

    first, second = (get_id(result.value) for result in results)
    assert first != second
    assert isinstance(first, kind)
    assert todos.read_one(first) == ("OK", results[0].value)
    assert [item.value for item in todos.select([("title", "eq", "☃")], limit=1).items] == [
        min(results, key=lambda result: get_id(result.value)).value
    ]


def test_field_that_is_no_identity_may_tell_objects_apart(make_queryset):
    albums = make_queryset(Album, api_id="title")

    albums.create([Album("Time Out", year=1), Album("Time In", year=2), Album("Time Out", year=3)])

    assert albums.read_one("Time Out").value.year == 3
    assert albums.count() == 2


# -- in memory


def test_snapshot_has_everything_after_a_restart(tmp_path):
    path = tmp_path / "albums.json"
    albums = DictQueryset(model=Album, snapshot=path)
    version = albums.create(Album("Time Out", id="a")).version
    albums.create([Album("Time In", id="b"), Album("☃", id="c")])
    albums.destroy("b")

    again = DictQueryset(model=Album, snapshot=path, indexed=["title"])

    assert {stored.id: stored.version for stored in again.select().items}["a"] == version
    assert ids(again.select(sort=["-title"]).items) == "ca"
    assert sorted(json.loads(path.read_text())) == ["a", "c"]
    assert list(tmp_path.iterdir()) == [path]


def test_snapshot_goes_on_with_the_numbers(tmp_path):
    DictQueryset(model=TodoNumber, snapshot=tmp_path / "todos").create([TodoNumber("one"), TodoNumber("two")])

    again = DictQueryset(model=TodoNumber, snapshot=tmp_path / "todos")

    assert again.create(TodoNumber("three")).value.id == 3


def test_file_that_is_no_snapshot_is_refused(tmp_path):
    (tmp_path / "albums").write_text('{"a": ')

    with pytest.raises(ConfigurationError):
        DictQueryset(model=Album, snapshot=tmp_path / "albums")


def test_snapshot_that_cannot_be_written_says_so(tmp_path):
    albums = DictQueryset(model=Album, snapshot=tmp_path / "nowhere" / "albums")

    with pytest.raises(FileNotFoundError):
        albums.create(Album("Time Out"))


def test_orders_that_are_wanted_again_are_kept_however_many_there_are():
    albums = DictQueryset(model=Album, indexed=["title", "year", "rating", "is_sold"])
    albums.create([Album("ab"[n % 2], id=chr(97 + n)) for n in range(6)])
    names = [f"{sign}{name}" for name in ("title", "year", "rating", "is_sold") for sign in ("", "-")]
    odd = [[one, other] for one in names for other in names if one.strip("-") != other.strip("-")]

    def in_order(sort):
        return albums._in_order(read_order(sort, albums.shapes, albums.identity))

    wanted = in_order([])
    for sort in odd:
        assert in_order(sort) is in_order(sort)
        assert in_order([]) is wanted
    assert len(albums._sorted) <= dict_store._MOST_ORDERS < len(odd)
    first = in_order(["year"])
    for sort in odd[:30]:
        albums.select(sort=sort)
    assert in_order(["year"]) is not first  # and lists that nobody wants any more are let go


def test_order_is_that_of_the_moment():
    albums = DictQueryset(model=Album, indexed=["year"])
    albums.create([Album("", id="a", year=2), Album("", id="b", year=1)])
    before = ids(albums.select(sort=["year"]).items)

    albums.update(Album("", id="b", year=3))

    assert [before, ids(albums.select(sort=["year"]).items)] == ["ba", "ab"]


# -- in Redis


@pytest.fixture
def client(queryset_redis_url):
    with redis.Redis.from_url(queryset_redis_url, db=1) as client:
        client.flushdb()
        yield client


@pytest.mark.redis
@pytest.mark.parametrize("compress", [False, True])
def test_redis_has_a_hash_of_json_as_brubeck_does(client, compress):
    RedisQueryset(client, model=Album, compress=compress).create(Album("Time Out", id="a"))

    data = client.hget("id", "a")
    assert json.loads(zlib.decompress(data) if compress else data)["title"] == "Time Out"


@pytest.mark.redis
def test_what_brubeck_wrote_is_read_and_found(client):
    plain = (
        b'{"_types": ["TodoDocument"], "title": "plain", "id": "%s", "_cls": "TodoDocument"}' % str(uuid4()).encode()
    )
    client.hset("id", json.loads(plain)["id"], plain)
    pressed = plain.replace(b"plain", b"pressed").replace(json.loads(plain)["id"].encode(), str(uuid4()).encode())
    client.hset("id", json.loads(pressed)["id"], zlib.compress(pressed))
    todos = RedisQueryset(client, "id", model=TodoDocument, indexed=["title"])

    assert {one.value.title for one in todos.read()} == {"plain", "pressed"}
    assert [one.value.title for one in todos.select(sort=["-title"]).items] == ["pressed", "plain"]
    one = todos.get(json.loads(plain)["id"])
    assert todos.destroy(one.id, if_version=one.version).status == "Updated"


@pytest.mark.redis
def test_fields_that_are_declared_later_are_indexed(client):
    RedisQueryset(client, model=Album).create([Album("", id="a", year=2), Album("", id="b", year=1)])

    assert ids(RedisQueryset(client, model=Album, indexed=["year"]).select(sort=["year"]).items) == "ba"


@pytest.mark.redis
def test_client_may_decode_what_redis_answers(queryset_redis_url, client):
    with redis.Redis.from_url(queryset_redis_url, db=1, decode_responses=True) as decoding:
        albums = RedisQueryset(decoding, model=Album, indexed=["title"])
        albums.create([Album("☃", id="é"), Album("Time Out", id="a")])
        albums.patch_one("a", {"year": 1})

        assert [one.value.year for one in albums.select(sort=["title"], limit=1).items] == [1]
        assert [one.value.id for one in albums.destroy(["é"])] == ["é"]


@pytest.mark.redis
@pytest.mark.parametrize("data", [b"", b"nonsense", b'{"title": 5}', b"\x78\x9c"])
def test_what_does_not_fit_the_model_is_not_the_clients_fault(client, data):
    client.hset("id", "a", data)

    with pytest.raises(Unreadable):
        RedisQueryset(client, model=Album).read_one("a")


@pytest.mark.redis
def test_nothing_is_left_of_what_is_destroyed(client):
    albums = RedisQueryset(client, name="albums", model=Album, indexed=["title", "year"])
    albums.create([Album("☃", id=str(number), year=number) for number in range(5)])
    albums.update(Album("other", id="1", year=7))

    albums.destroy(["0", "1"])
    albums.destroy("2", if_version="*")
    indexes = {name: client.zcard(f"{{albums}}:index:{name}") for name in ("id", "title", "year")}
    albums.destroy(["3", "4"])

    assert indexes == {"id": 2, "title": 2, "year": 2}
    assert client.keys("*") == []


@pytest.mark.redis
@pytest.mark.parametrize(
    "sort", [[], ["-id"], ["year"], ["-year"], ["year", "-title"], ["-is_sold", "year"], ["title", "-id"]], ids=repr
)
@pytest.mark.parametrize("offset", [0, 1, 3])
def test_filters_that_leave_many_are_met_along_the_order(client, monkeypatch, sort, offset):
    monkeypatch.setattr(redis_finding, "_FEW", -1)
    monkeypatch.setattr(redis_finding, "BATCH", 2)
    options = {"model": Album, "indexed": ["year", "title", "is_sold"]}
    albums, expected = RedisQueryset(client, **options), DictQueryset(**options)
    for one in (albums, expected):
        one.create([Album("ab"[n % 2], id=chr(97 + n), year=n % 4 or None, is_sold=n % 3 > 0) for n in range(12)])
    filters = [("is_sold", "eq", True), ("title", "contains", "a"), ("year", "gt", 0)]

    for number in range(4):
        page = albums.select(filters[:number], sort, offset=offset, limit=2)
        wanted = expected.select(filters[:number], sort, offset=offset, limit=2)
        assert ids(page.items) == ids(wanted.items)
        if wanted.next_cursor:
            following = [one.select(filters[:number], sort, cursor=wanted.next_cursor) for one in (albums, expected)]
            assert ids(following[0].items) == ids(following[1].items)
        assert albums.count(filters[:number]) == expected.count(filters[:number])


@pytest.mark.redis
@pytest.mark.parametrize("sort", [["year", "-title"], ["-year", "title"], ["is_sold", "title", "-year"]], ids=repr)
@pytest.mark.parametrize("spare", [0, 500])
def test_order_by_several_fields_reads_no_more_than_it_needs(client, monkeypatch, sort, spare):
    monkeypatch.setattr(redis_finding, "BATCH", 4)
    monkeypatch.setattr(ordering, "_SPARE", spare)
    options = {"model": Album, "indexed": ["year", "title", "is_sold"]}
    albums, expected = RedisQueryset(client, **options), DictQueryset(**options)
    for one in (albums, expected):
        one.create([Album("abc"[n % 3], id=f"{n:02}", year=n % 6 or None, is_sold=n > 30) for n in range(60)])

    pages, wanted = [albums.select(sort=sort, limit=7)], expected.select(sort=sort, limit=100).items
    before = client.info("commandstats")["cmdstat_hget"]["calls"]
    albums.select(sort=sort, limit=3)
    read = client.info("commandstats")["cmdstat_hget"]["calls"] - before
    while pages[-1].next_cursor:
        pages.append(albums.select(sort=sort, limit=7, cursor=pages[-1].next_cursor))
    back = albums.select(sort=sort, limit=7, cursor=pages[-1].previous_cursor)

    assert [one.id for page in pages for one in page.items] == [one.id for one in wanted]
    assert ids(back.items) == ids(pages[-2].items)
    assert read <= (36 if "is_sold" in sort else 16)


# -- in databases


class Recording(msgspec.Struct):
    """Kinds of values that columns of a table may have types for."""

    id: UUID
    title: str
    made: datetime
    price: Decimal
    is_live: bool = False
    seconds: float = 0.0
    takes: list[int] = []
    data: bytes = b""


@pytest.fixture
def recordings_table(queryset_makers, store):
    """A table that was there before us, with a rule of its own and a column that we do not know."""
    engine = queryset_makers.engine(store)
    table = Table(
        "recordings",
        MetaData(),
        Column("id", sqlalchemy.Uuid(), primary_key=True),
        Column("title", sqlalchemy.String(40), unique=True, nullable=False),
        Column("made", sqlalchemy.DateTime()),
        Column("price", sqlalchemy.Numeric(10, 2)),
        Column("is_live", sqlalchemy.Boolean()),
        Column("seconds", sqlalchemy.Float(53)),
        Column("takes", sqlalchemy.JSON()),
        Column("data", sqlalchemy.LargeBinary()),
        Column("unknown", sqlalchemy.String(10), default="x"),
        Column("version", sqlalchemy.String(40)),
    )
    table.metadata.drop_all(engine)
    table.create(engine)
    return table


def recording(**values):
    given = {"title": "Take Five", "made": datetime(1959, 7, 1, 10, 30), "price": Decimal("9.90"), **values}
    return Recording(UUID(int=1), seconds=324.5, is_live=True, takes=[1, 2], data=b"\x00\xff", **given)


@databases
@pytest.mark.parametrize("version", [None, "version"])
def test_table_that_was_there_keeps_its_types(queryset_makers, recordings_table, store, version):
    engine = queryset_makers.engine(store)
    recordings = SQLQueryset(
        engine, model=Recording, table=recordings_table, version=version, indexed=["made", "is_live"]
    )

    created = recordings.create(recording())

    assert recordings.read_one(UUID(int=1)) == ("OK", recording())
    assert recordings.get(UUID(int=1)).version == created.version
    assert recordings.count([("made", "ge", datetime(1959, 7, 1)), ("is_live", "eq", True)]) == 1
    with engine.connect() as connection:
        row = connection.execute(sqlalchemy.select(recordings_table)).one()
    assert (row.made, row.price, row.id, row.data) == (*(recording().made, Decimal("9.90"), UUID(int=1)), b"\x00\xff")


@databases
@pytest.mark.parametrize("version", [None, "version"])
def test_many_rows_of_a_table_that_was_there_are_replaced(queryset_makers, recordings_table, store, version):
    recordings = SQLQueryset(queryset_makers.engine(store), model=Recording, table=recordings_table, version=version)
    recordings.create([one := recording(), other := msgspec.structs.replace(recording(title="b"), id=UUID(int=2))])
    new = msgspec.structs.replace(recording(title="new"), id=UUID(int=3))
    one.price, other.made = Decimal("1.50"), datetime(1960, 1, 1)

    results = recordings.update([other, new, one])

    assert [status for status, _ in results] == ["Updated", "Created", "Updated"]
    assert recordings.read([1, UUID(int=1), UUID(int=2), UUID(int=3)])[1:] == [("OK", one), ("OK", other), ("OK", new)]
    assert [result.version for result in results] == [recordings.get(result.value.id).version for result in results]


@databases
@pytest.mark.parametrize("version", [None, "version"])
def test_versions_of_a_table_that_was_there_are_compared(queryset_makers, recordings_table, store, version):
    recordings = SQLQueryset(queryset_makers.engine(store), model=Recording, table=recordings_table, version=version)
    first = recordings.create(recording()).version
    second = recordings.update(recording(price=Decimal(10)), if_version=first).version

    for change in (
        lambda: recordings.update(recording(), if_version=first),
        lambda: recordings.destroy(UUID(int=1), if_version=first),
    ):
        with pytest.raises(VersionConflict):
            change()

    assert first != second == recordings.get(UUID(int=1)).version
    assert recordings.destroy(UUID(int=1), if_version=second).value.price == 10


@databases
def test_change_by_others_is_another_version(queryset_makers, recordings_table, store):
    engine = queryset_makers.engine(store)
    recordings = SQLQueryset(engine, model=Recording, table=recordings_table)
    version = recordings.create(recording()).version
    with engine.begin() as connection:
        connection.execute(recordings_table.update().values(title="Blue Rondo"))

    with pytest.raises(VersionConflict):
        recordings.patch_one(UUID(int=1), {"seconds": 1.0}, if_version=version)


@databases
def test_rules_of_the_database_are_kept(queryset_makers, recordings_table, store):
    recordings = SQLQueryset(queryset_makers.engine(store), model=Recording, table=recordings_table)
    recordings.create(recording())
    other = recording()
    other.id = UUID(int=2)

    for operation in (recordings.create, lambda one: recordings.create(one, create_only=True)):
        with pytest.raises(Refused):
            operation(other)

    assert recordings.count() == 1


@databases
def test_what_does_not_fit_its_column_is_refused_and_nothing_is_stored(queryset_makers, store):
    class Large(msgspec.Struct):
        id: str
        number: int = 0

    larges = SQLQueryset(queryset_makers.engine(store), model=Large, table="larges")

    with pytest.raises(Unstorable):
        larges.create([Large("a"), Large("b", 2**64)])

    assert larges.count() == 0


@databases
def test_table_is_made_of_the_model(queryset_makers, store):
    engine = queryset_makers.engine(store)
    albums = SQLQueryset(engine, model=Album, indexed=["year"])

    albums.create(Album("Time Out", id="a", year=1959, is_sold=True))

    with engine.connect() as connection:
        row = connection.execute(sqlalchemy.select(Table("album", MetaData(), autoload_with=engine))).mappings().one()
    assert {name: row[name] for name in ("id", "title", "year")} == {"id": "a", "title": "Time Out", "year": 1959}
    assert "album_by_year" in [one["name"] for one in sqlalchemy.inspect(engine).get_indexes("album")]


@databases
def test_document_of_a_class_below_comes_back_as_one(queryset_makers, store):
    class Task(TodoDocument):
        extra = StringField()

    todos = SQLQueryset(queryset_makers.engine(store), model=TodoDocument, table="tasks")
    todos.create(one := Task(title="a", extra="more", id=uuid4()))

    assert b'"extra":"more"' in todos.get(one.id).data


def test_table_without_a_column_for_a_field_is_refused():
    table = Table("albums", MetaData(), Column("id", sqlalchemy.String(40), primary_key=True))

    with pytest.raises(ConfigurationError, match="title"):
        SQLQueryset(sqlalchemy.create_engine("sqlite://"), model=Album, table=table)


def test_table_cannot_be_read_before_the_model_is_known():
    with pytest.raises(ConfigurationError, match="model="):
        SQLQueryset(sqlalchemy.create_engine("sqlite://")).read_one("a")


def test_missing_sqlalchemy_is_named(monkeypatch):
    package = importlib.import_module("brubeck_wsgi.queryset")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for name in ("sql_store", "sql_tables", "sql_statements", "sql_errors"):
        monkeypatch.delitem(sys.modules, f"brubeck_wsgi.queryset.{name}", raising=False)

    with pytest.raises(MissingLibrary, match=r"brubeck-wsgi\[sql\]"):
        _ = package.SQLQueryset


def test_field_of_identity_may_be_given_by_the_client():
    class Named(Document):
        name = StringField(required=True)
        id = UUIDField()

    named = DictQueryset(model=Named, api_id="name")
    named.create(Named(name="dave"))

    assert named.read_one("dave").value.name == "dave"


def test_lists_that_are_kept_in_order_stay_so_while_others_write():
    things = DictQueryset(model=Album, indexed=["year", "title"])
    things.create([Album(str(number % 3), id=f"{number:03}", year=number % 7 or None) for number in range(50)])
    sorts = [[], ["year"], ["-year"], ["title", "-year"]]
    stop = Event()
    failures = []

    def read():
        while not stop.is_set():
            for sort in sorts:
                pages = [one.id for one in things.select(sort=sort, limit=100).items]
                if len(set(pages)) != len(pages):
                    failures.append(pages)

    def write(offset):
        for number in range(200):
            things.update(Album(str(number % 5), id=f"{(number + offset) % 60:03}", year=number % 9 or None))
            if number % 5 == 0:
                things.destroy([f"{number % 60:03}"])

    with ThreadPoolExecutor(6) as threads:
        readers = [threads.submit(read) for _ in range(3)]
        for writer in [threads.submit(write, offset) for offset in (0, 20, 40)]:
            writer.result()
        stop.set()
        for reader in readers:
            reader.result()

    anew = DictQueryset(model=Album, indexed=["year", "title"])
    anew.create([one.value for one in things.read()])
    assert failures == []
    assert [ids(things.select(sort=sort, limit=100).items) for sort in sorts] == [
        ids(anew.select(sort=sort, limit=100).items) for sort in sorts
    ]


# -- a database that somebody else holds


@pytest.fixture
def held(tmp_path):
    """A queryset in a file of SQLite that another connection has locked, and does not wait; and what frees it."""
    url = f"sqlite:///{tmp_path}/albums.db"
    queries = SQLQueryset(sqlalchemy.create_engine(url, connect_args={"timeout": 0}), model=Album)
    queries.create_one(Album(id="a", title="A"))
    with sqlalchemy.create_engine(url).connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE")
        yield queries, other.rollback


@pytest.mark.parametrize(
    "operation",
    [
        lambda queries: queries.create_one(Album(id="b", title="B")),
        lambda queries: queries.patch_one("a", {"title": "B"}),
        lambda queries: queries.destroy_one("a"),
        lambda queries: queries.read_one("a"),
        lambda queries: queries.count(),
        lambda queries: SQLQueryset(queries.db_conn, model=Album, table="others").read_all(),
    ],
)
def test_database_that_others_hold_is_busy_and_may_be_asked_again(held, operation):
    queries, free = held

    with pytest.raises(Busy) as caught:
        operation(queries)

    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
    free()
    operation(queries)


def test_api_over_a_database_that_others_hold_answers_503(held):
    queries, free = held
    app = Brubeck()
    app.register_api(type("AlbumAPI", (AutoAPIBase,), {"model": Album, "queries": queries}))
    client = TestApp(app)

    answer = client.post_json("/album/", {"id": "b", "title": "B"}, status=503)

    assert answer.headers["Retry-After"] == "1"
    free()
    client.post_json("/album/", {"id": "b", "title": "B"}, status=201)


def test_all_that_querysets_raise_is_found_beside_them():
    module = importlib.import_module("brubeck_wsgi.queryset")

    assert module.NotFound is FourOhFourException
    assert issubclass(module.Invalid, ValidationError)
    assert {"NotFound", "Invalid", "Busy"} <= set(module.__all__)


# -- mistakes, and what one reads of a store in a shell


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SQLQueryset("sqlite:///x.db"), "expected an engine, sqlalchemy.create_engine(…), got str"),
        (lambda: RedisQueryset("redis://x"), "expected a client, redis.Redis.from_url(…), got str"),
        (lambda: DictQueryset(indexed="title"), "expected indexed to be names in a list or tuple, got 'title'"),
        (
            lambda: DictQueryset(model=Album).bind(TodoModel),
            "expected one model in <DictQueryset of Album, 0 objects>, got TodoModel too",
        ),
    ],
)
def test_mistake_in_how_a_store_is_made_is_named(make, message):
    with pytest.raises(ConfigurationError) as caught:
        make()

    assert str(caught.value) == message


def test_stores_and_results_say_what_they_are():
    albums = DictQueryset(model=Album)
    created = albums.create(Album("Time Out", id="a"))
    engine = sqlalchemy.create_engine("sqlite://")

    assert repr(albums) == "<DictQueryset of Album, 1 object>"
    assert repr(DictQueryset()) == "<DictQueryset, 0 objects>"
    assert repr(SQLQueryset(engine, model=Album)) == "<SQLQueryset of Album in 'album'>"
    assert repr(SQLQueryset(engine, table="old")) == "<SQLQueryset in 'old'>"
    assert repr(RedisQueryset(redis.Redis(), name="old", model=Album)) == "<RedisQueryset of Album in 'old'>"
    assert repr(created) == "<Result Created Album 'a'>"
    assert repr(albums.read(["b"])[0]) == "<Result Not Found>"
