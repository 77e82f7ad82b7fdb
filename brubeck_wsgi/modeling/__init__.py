"""Models of every kind behind one small face: documents, msgspec Structs, dataclasses, TypedDicts, attrs, pydantic.

What takes data in, keeps it or shows it knows a model by `Model` alone, and `adapt` makes one of a class.
"""

from brubeck_wsgi.modeling.adapting import adapt, is_model, show
from brubeck_wsgi.modeling.interface import Fault, Invalid, Malformed, Model, counted

__all__ = ["Fault", "Invalid", "Malformed", "Model", "adapt", "counted", "is_model", "show"]
