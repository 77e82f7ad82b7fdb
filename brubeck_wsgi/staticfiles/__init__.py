"""A folder served as it lies there: validators, ranges, precompressed files, and nothing outside of it."""

from brubeck_wsgi.staticfiles.handler import StaticFiles

__all__ = ["StaticFiles"]
