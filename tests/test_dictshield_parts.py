"""Forms, dictionaries with many values, and the ids of MongoDB."""

from __future__ import annotations

import copy
import pickle
import sys
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from brubeck_wsgi.dictshield import (
    BooleanField,
    Document,
    EmbeddedDocument,
    Form,
    FormPunch,
    IntField,
    MultiValueDict,
    ObjectId,
    StringField,
)
from brubeck_wsgi.dictshield.multivalue import MultiValueDictKeyError
from brubeck_wsgi.dictshield.objectid import OwnObjectId

# -- forms


class Tick(BooleanField):
    """A boolean of the application's own kind."""


class Song(Document):
    title = StringField()
    beat_count = IntField()
    password = StringField()
    loud = Tick()
    secret = StringField()
    _private_fields = ("secret",)


def test_form_has_a_paragraph_for_each_field_that_is_not_private():
    assert Form(Song).as_p() == "\n".join(
        [
            '<p>Title: <input type="text" name="title" /></p>',
            '<p>Beat Count: <input type="text" name="beat_count" /></p>',
            '<p>Password: <input type="password" name="password" /></p>',
            '<p>Loud: <input type="radio" name="loud" /></p>',
        ]
    )


def test_form_may_be_made_of_divs():
    assert Form(Song).as_div(skip_fields=["beat_count", "password", "loud"], div_class="row") == (
        '<div class="row">\n    <label>Title:</label>\n    <input type="text" name="title" />\n</div>\n'
    )


@pytest.mark.parametrize("values", [Song(title="x", beat_count=0), {"title": "x", "beat_count": 0, "rogue": 1}])
def test_form_is_filled_in_with_what_is_there_zero_included(values):
    form = Form(Song).as_p(values)

    assert 'name="title" value="x" />' in form
    assert 'name="beat_count" value="0" />' in form
    assert "rogue" not in form


def test_everything_in_a_form_is_escaped():
    form = Form(Song, field_map={"StringField": '"><script>'}).as_p({"title": '"><script>alert(1)</script>'}, '"x')

    assert "<script>" not in form
    assert 'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in form
    assert '<p class="&quot;x">' in form


def test_form_may_hide_other_fields_and_show_private_ones():
    form = Form(Song, private_fields=["title"], name_map={"secret": "hidden"}).as_p(input_class="wide")

    assert 'name="title"' not in form
    assert '<input class="wide" type="hidden" name="secret" />' in form


@pytest.mark.parametrize("model", [type("Part", (EmbeddedDocument,), {"__module__": __name__}), int, None])
def test_form_of_what_is_no_document_class_is_refused(model):
    with pytest.raises(FormPunch, match="expected a class of documents"):
        Form(model)


@pytest.mark.parametrize("values", [5, "x", [1]])
def test_form_is_not_filled_in_with_anything_else(values):
    with pytest.raises(FormPunch, match="expected a Song or a dictionary"):
        Form(Song).as_p(values)


# -- dictionaries with many values


@pytest.fixture
def many():
    return MultiValueDict({"a": [1, 2], "b": [], "c": 3})


def test_last_value_counts(many):
    assert (many["a"], many["b"], many["c"]) == (2, [], 3)
    assert many.get("a") == 2
    assert many.get("b", "none") == many.get("d", "none") == "none"
    assert many.items() == [("a", 2), ("b", []), ("c", 3)]
    assert many.values() == list(many.itervalues()) == [2, [], 3]
    assert many.dict() == dict(many.iteritems()) == {"a": 2, "b": [], "c": 3}


def test_key_that_is_not_there_is_a_key_error(many):
    with pytest.raises(MultiValueDictKeyError, match="Key 'd' not found"):
        many["d"]


def test_all_values_are_there(many):
    assert many.lists() == list(many.iterlists()) == [("a", [1, 2]), ("b", []), ("c", [3])]
    assert many.getlist("a") == [1, 2]
    assert (many.getlist("d"), many.getlist("d", [5])) == ([], [5])
    assert repr(many) == "<MultiValueDict: {'a': [1, 2], 'b': [], 'c': [3]}>"


def test_values_are_set_and_added(many):
    many["a"] = 5
    many.setlist("b", [6, 7])
    many.appendlist("c", 8)
    many.appendlist("d", 9)
    assert many.setdefault("e", 10) == many.setdefault("e", 11) == 10
    assert many.setlistdefault("f", [12]) == many.setlistdefault("f") == [12]

    assert dict(many.lists()) == {"a": [5], "b": [6, 7], "c": [3, 8], "d": [9], "e": [10], "f": [12]}
    assert many.pop("a") == [5]


def test_update_adds_to_what_is_there(many):
    many.update({"a": 5}, b=6)
    many.update(MultiValueDict({"a": [7, 8]}))

    assert dict(many.lists()) == {"a": [1, 2, 5, 7, 8], "b": [6], "c": [3]}
    with pytest.raises(TypeError, match="at most 1"):
        many.update({}, {})
    with pytest.raises(ValueError, match="expected a MultiValueDict"):
        many.update(5)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, MultiValueDict, lambda one: one.copy()])
def test_copy_has_lists_of_its_own(many, duplicate):
    other = duplicate(many)
    assert other == many

    other.appendlist("a", 5)

    assert many.getlist("a") == [1, 2]


def test_dictionary_with_many_values_survives_pickling(many):
    again = pickle.loads(pickle.dumps(many))

    assert (type(again), again.lists()) == (MultiValueDict, many.lists())


# -- ids of MongoDB


def test_new_ids_differ_and_are_in_order():
    before = datetime.now(UTC) - timedelta(seconds=2)
    ids = [OwnObjectId() for _ in range(100)]

    assert len(set(ids)) == 100
    assert all(len(str(one)) == 24 for one in ids)
    assert before < ids[0].generation_time <= datetime.now(UTC)


def test_id_comes_back_from_its_text_and_its_bytes():
    one = OwnObjectId("507f1f77bcf86cd799439011")

    assert one == OwnObjectId(one.binary) == OwnObjectId(one) == OwnObjectId(str(one).upper())
    assert one < OwnObjectId("507f1f77bcf86cd799439012")
    assert repr(one) == "ObjectId('507f1f77bcf86cd799439011')"
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != "507f1f77bcf86cd799439011"
    with pytest.raises(TypeError):
        _ = one < 5


@pytest.mark.parametrize("wrong", ["", "507f1f77bcf86cd79943901", "z" * 24, b"x", 5, " " + "a" * 24])
def test_what_is_no_id_is_refused(wrong):
    with pytest.raises(ValueError, match="24 hexadecimal digits"):
        OwnObjectId(wrong)


def test_id_does_not_change():
    with pytest.raises(AttributeError, match="does not change"):
        OwnObjectId().binary = b"x"


def test_id_of_the_bson_that_is_installed_is_taken(monkeypatch):
    class Foreign:
        """An id as bson has them."""

        def __init__(self, oid=None):
            if oid is not None and len(oid) not in (12, 24):
                raise type("InvalidId", (Exception,), {})
            self.oid = oid

    module = ModuleType("bson.objectid")
    module.ObjectId = Foreign
    monkeypatch.setitem(sys.modules, "bson", ModuleType("bson"))
    monkeypatch.setitem(sys.modules, "bson.objectid", module)
    monkeypatch.delitem(sys.modules, "brubeck_wsgi.dictshield.objectid")

    from brubeck_wsgi.dictshield import ObjectId as Found
    from brubeck_wsgi.dictshield import ObjectIdField

    field = ObjectIdField()

    assert Found is Foreign
    assert isinstance(field.convert("507f1f77bcf86cd799439011"), Foreign)
    assert field.to_value(b"x") == b"x"
    assert ObjectId is OwnObjectId or ObjectId is not Foreign
