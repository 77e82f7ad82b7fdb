"""DictShield: documents that validate their data and know who may see what of it.

The API of DictShield 0.4 under its own names, all of them here.
"""

from typing import TYPE_CHECKING, Any

from brubeck_wsgi.dictshield.document import BaseDocument, Document, EmbeddedDocument, diff_id_field, swap_field
from brubeck_wsgi.dictshield.errors import (
    DictFieldNotFound,
    DictPunch,
    InvalidShield,
    MalformedDocument,
    ShieldDocException,
    ShieldException,
)
from brubeck_wsgi.dictshield.fields import (
    BaseField,
    BooleanField,
    DateTimeField,
    DecimalField,
    DictField,
    EmailField,
    EmbeddedDocumentField,
    FloatField,
    GeoPointField,
    IntField,
    ListField,
    LongField,
    MD5Field,
    MillisecondField,
    MultiValueDictField,
    NumberField,
    ObjectIdField,
    SHA1Field,
    SortedListField,
    StringField,
    TimeStampField,
    URLField,
    UUIDField,
)
from brubeck_wsgi.dictshield.multivalue import MultiValueDict

if TYPE_CHECKING:
    from brubeck_wsgi.dictshield.forms import Form, FormPunch
    from brubeck_wsgi.dictshield.objectid import ObjectId

__all__ = [
    "BaseDocument",
    "BaseField",
    "BooleanField",
    "DateTimeField",
    "DecimalField",
    "DictField",
    "DictFieldNotFound",
    "DictPunch",
    "Document",
    "EmailField",
    "EmbeddedDocument",
    "EmbeddedDocumentField",
    "FloatField",
    "Form",
    "FormPunch",
    "GeoPointField",
    "IntField",
    "InvalidShield",
    "ListField",
    "LongField",
    "MD5Field",
    "MalformedDocument",
    "MillisecondField",
    "MultiValueDict",
    "MultiValueDictField",
    "NumberField",
    "ObjectId",
    "ObjectIdField",
    "SHA1Field",
    "ShieldDocException",
    "ShieldException",
    "SortedListField",
    "StringField",
    "TimeStampField",
    "URLField",
    "UUIDField",
    "diff_id_field",
    "swap_field",
]


def __getattr__(name: str) -> Any:
    # Few programs draw forms or talk to MongoDB, for which its bson may have to be loaded (PEP 562).
    if name in ("Form", "FormPunch"):
        from brubeck_wsgi.dictshield import forms

        return getattr(forms, name)
    if name == "ObjectId":
        from brubeck_wsgi.dictshield.objectid import ObjectId

        return ObjectId
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
