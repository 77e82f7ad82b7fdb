"""From a path to what answers it: converters, rules, and the router that finds the first match."""

from brubeck_wsgi.routing.converters import Converter
from brubeck_wsgi.routing.router import Found, Miss, Router
from brubeck_wsgi.routing.rules import Rule

__all__ = ["Converter", "Found", "Miss", "Router", "Rule"]
