"""The dictionary that DictShield 0.4 had in ``dictshield.datastructures``."""

from brubeck_wsgi.dictshield.multivalue import MultiValueDict, MultiValueDictKeyError

__all__ = ["MultiValueDict", "MultiValueDictKeyError"]
