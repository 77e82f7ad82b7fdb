"""Every example behind one door: the header X-Example says which."""

from __future__ import annotations

from importlib import import_module


def app(environ, start_response):
    """Have the example answer that was asked for."""
    example = import_module(f"examples.{environ.get('HTTP_X_EXAMPLE', 'hello')}")
    return example.app(environ, start_response)
