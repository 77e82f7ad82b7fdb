"""Any operations in any order: a queryset is as a plain dictionary would be."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from brubeck_wsgi import NotFound
from brubeck_wsgi.queryset import AlreadyExists, VersionConflict

pytest_plugins = ["queryset_fixtures"]


class Thing(msgspec.Struct):
    id: str
    text: str = ""
    number: int | None = None


IDS = st.sampled_from(["a", "b", "A", "é", "a b"])
TEXTS = st.sampled_from(["", "a", "B", "b", "ab", "é", "☃", "%", "a_"])
NUMBERS = st.none() | st.sampled_from([-1, 0, 1, 10, 2**62])
THINGS = st.builds(Thing, IDS, TEXTS, NUMBERS)


class Comparison(RuleBasedStateMachine):
    """Does the same with a queryset and with a dictionary."""

    def __init__(self, queryset):
        super().__init__()
        self.queryset = queryset
        self.expected = {}
        self.changes = []
        self.told = []
        queryset.on_change(lambda change: self.told.append((str(change.kind), change.id)))

    def put(self, thing):
        kind = "updated" if thing.id in self.expected else "created"
        self.changes.append((kind, thing.id))
        self.expected[thing.id] = thing
        return kind

    @rule(thing=THINGS, is_update=st.booleans())
    def save(self, thing, is_update):
        result = (self.queryset.update if is_update else self.queryset.create)(thing)

        assert result.status.lower() == self.put(thing)

    @rule(things=st.lists(THINGS, max_size=4))
    def save_many(self, things):
        results = self.queryset.create(things)

        assert [one.status.lower() for one in results] == [self.put(thing) for thing in things]

    @rule(thing=THINGS)
    def create_new(self, thing):
        try:
            self.queryset.create(thing, create_only=True)
        except AlreadyExists:
            assert thing.id in self.expected
        else:
            assert thing.id not in self.expected
            self.put(thing)

    @rule(thing=THINGS, is_current=st.booleans())
    def swap(self, thing, is_current):
        stored = self.queryset.get_many([thing.id])[0]
        version = stored.version if stored and is_current else "0" * 20
        try:
            self.queryset.update(thing, if_version=version)
        except NotFound:
            assert thing.id not in self.expected
        except VersionConflict:
            assert thing.id in self.expected
            assert not is_current
        else:
            assert is_current
            self.put(thing)

    @rule(item_id=IDS, number=NUMBERS)
    def patch(self, item_id, number):
        try:
            self.queryset.patch_one(item_id, {"number": number})
        except NotFound:
            assert item_id not in self.expected
        else:
            self.put(Thing(item_id, self.expected[item_id].text, number))

    @rule(ids=st.lists(IDS, max_size=3))
    def destroy(self, ids):
        results = self.queryset.destroy(ids)

        assert [one.value for one in results] == [self.expected.pop(one, None) for one in ids]
        self.changes += [("destroyed", one.value.id) for one in results if one.value]

    @rule(text=TEXTS, number=NUMBERS.filter(lambda number: number is not None), is_descending=st.booleans())
    def select(self, text, number, is_descending):
        filters = [("text", "startswith", text), ("number", "le", number)]
        sign = "-" if is_descending else ""
        found = []
        cursor = None
        while True:
            page = self.queryset.select(filters, [f"{sign}number"], limit=2, cursor=cursor)
            found += [one.value for one in page.items]
            if (cursor := page.next_cursor) is None:
                break

        fitting = [
            one
            for one in self.expected.values()
            if one.text.startswith(text) and one.number is not None and one.number <= number
        ]
        assert found == sorted(fitting, key=lambda one: (one.number, one.id), reverse=is_descending)
        assert self.queryset.count(filters) == len(found)

    @invariant()
    def is_the_same(self):
        assert {one.value.id: one.value for one in self.queryset.read()} == self.expected
        assert [one.id for one in self.queryset.select(sort=["text"]).items] == [
            one.id for one in sorted(self.expected.values(), key=lambda one: (one.text, one.id))
        ]
        assert self.told == self.changes


def test_queryset_is_as_a_dictionary_would_be(make_queryset):
    run_state_machine_as_test(
        lambda: Comparison(make_queryset(Thing, indexed=["text", "number"])),
        settings=settings(
            max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
