"""Every field: what a value of a document may be."""

from brubeck_wsgi.dictshield.errors import DictFieldNotFound
from brubeck_wsgi.dictshield.fields.base import BaseField
from brubeck_wsgi.dictshield.fields.dictionaries import DictField, GeoPointField, MultiValueDictField
from brubeck_wsgi.dictshield.fields.embedded import EmbeddedDocumentField
from brubeck_wsgi.dictshield.fields.identity import ObjectIdField, UUIDField
from brubeck_wsgi.dictshield.fields.lists import ListField, SortedListField
from brubeck_wsgi.dictshield.fields.numbers import (
    BooleanField,
    DecimalField,
    FloatField,
    IntField,
    LongField,
    NumberField,
)
from brubeck_wsgi.dictshield.fields.temporal import DateTimeField, MillisecondField, TimeStampField
from brubeck_wsgi.dictshield.fields.text import EmailField, MD5Field, SHA1Field, StringField, URLField

__all__ = [
    "BaseField",
    "BooleanField",
    "DateTimeField",
    "DecimalField",
    "DictField",
    "DictFieldNotFound",
    "EmailField",
    "EmbeddedDocumentField",
    "FloatField",
    "GeoPointField",
    "IntField",
    "ListField",
    "LongField",
    "MD5Field",
    "MillisecondField",
    "MultiValueDictField",
    "NumberField",
    "ObjectIdField",
    "SHA1Field",
    "SortedListField",
    "StringField",
    "TimeStampField",
    "URLField",
    "UUIDField",
]
