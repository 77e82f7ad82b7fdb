"""AutoAPI: from a model and a queryset to a REST API, with its description, its documentation and its change feed."""

from brubeck_wsgi.autoapi.describing import describe_apis
from brubeck_wsgi.autoapi.idempotency import IdempotentAnswers
from brubeck_wsgi.autoapi.operations import describe
from brubeck_wsgi.autoapi.resource import AutoAPIBase

__all__ = ["AutoAPIBase", "IdempotentAnswers", "describe", "describe_apis"]
