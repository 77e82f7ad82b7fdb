"""The fields that DictShield 0.4 had in ``dictshield.fields.compound``."""

from brubeck_wsgi.dictshield.fields.dictionaries import MultiValueDictField
from brubeck_wsgi.dictshield.fields.embedded import RECURSIVE_REFERENCE_CONSTANT, EmbeddedDocumentField
from brubeck_wsgi.dictshield.fields.lists import ListField, SortedListField

__all__ = [
    "RECURSIVE_REFERENCE_CONSTANT",
    "EmbeddedDocumentField",
    "ListField",
    "MultiValueDictField",
    "SortedListField",
]
