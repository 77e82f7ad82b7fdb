"""The field that DictShield 0.4 had in ``dictshield.fields.mongo``."""

from brubeck_wsgi.dictshield.fields.identity import ObjectIdField

__all__ = ["ObjectIdField"]
