"""The exceptions that DictShield 0.4 had in ``dictshield.base``."""

from brubeck_wsgi.dictshield.errors import DictPunch, InvalidShield, ShieldDocException, ShieldException

__all__ = ["DictPunch", "InvalidShield", "ShieldDocException", "ShieldException"]
