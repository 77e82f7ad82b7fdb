"""The routes that describe the APIs of an application: OpenAPI, JSON Schemas, and a page that shows them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any  # applications
from urllib.parse import quote
from weakref import WeakKeyDictionary

import msgspec

from brubeck_wsgi.autoapi.conditions import check_read_conditions
from brubeck_wsgi.autoapi.openapi import DIALECT, openapi_document
from brubeck_wsgi.errors import ConfigurationError
from brubeck_wsgi.interfaces import Environ
from brubeck_wsgi.response import JSON, Response
from brubeck_wsgi.routing.rules import PATH_SAFE
from brubeck_wsgi.staticfiles import StaticFiles

OPENAPI_PATH = "/openapi.json"
MANIFEST_PATH = "/manifest.json"
DOCS_PATH = "/docs"
SCHEMA_JSON = "application/schema+json"

PREFIX = re.compile(r"(?:/[A-Za-z0-9_.~!$&'()*+,;=:@-]+)+\Z")
"""What paths may begin with."""

_PAGE_FOLDER = Path(__file__).parent / "page"
# The page is all its own: nothing from elsewhere runs in it, and nobody shows it in a page of theirs.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class Registry:
    """The APIs of one application, and what is said of them all.

    Attributes:
        apis: in the order in which they were registered.
        info: title, version and more, as OpenAPI has them.
        below: what the paths of the descriptions begin with; None if there are to be none.
    """

    def __init__(self) -> None:
        self.apis: list[Any] = []
        self.info: dict[str, Any] = {"title": "API", "version": "1.0.0"}
        self.below: str | None = ""
        self._made: dict[tuple[str, str, int], bytes] = {}

    def openapi(self, application: Any, mount: str) -> bytes:
        """Return the OpenAPI document as JSON."""
        key = ("openapi", mount, len(application.router.rules))
        if key not in self._made:
            document = openapi_document(application, self.apis, self.info, mount)
            self._made = {**_few(self._made), key: msgspec.json.encode(document)}
        return self._made[key]

    def manifest(self) -> bytes:
        """Return the JSON Schemas of what the APIs show, one each, as JSON."""
        schemas = [
            {"$schema": DIALECT, "title": api.plan.face.name, **api.plan.output_schema(api.role)} for api in self.apis
        ]
        return msgspec.json.encode(schemas)


_registries: WeakKeyDictionary[Any, Registry] = WeakKeyDictionary()


def registry_of(application: Any) -> Registry:
    """Return the registry of an application, which is made with its first API."""
    registry = _registries.get(application)
    if registry is None:
        registry = _registries[application] = Registry()
    return registry


def describe_apis(application: Any, title: str, version: str = "1.0.0", *, below: str | None = "", **info: Any) -> None:
    """Say what the APIs of an application are called, and where they are described.

    Args:
        application: an application.
        title: what they are called together.
        version: of them all.
        below: what the paths of the descriptions begin with, ``"/internal"``; None for no descriptions. It is said
            before the first API is registered.
        info: more of what OpenAPI has about them.

    Raises:
        ConfigurationError: *below* is no such path, or comes too late.
    """
    registry = registry_of(application)
    if below and not PREFIX.match(below):
        raise ConfigurationError(f"expected below to be like '/internal', or None, got {below!r:.60}")
    if not registry.apis:
        registry.below = below
    elif below not in ("", registry.below):
        raise ConfigurationError(f"expected below before the first API is registered, got {below!r:.60} after it")
    registry.info = {"title": title, "version": version, **info}


def add_descriptions(application: Any) -> None:
    """Add the routes that describe all APIs of an application."""
    registry = registry_of(application)
    if registry.below is None:
        return
    below, docs_path = registry.below, f"{registry.below}{DOCS_PATH}"
    files = StaticFiles(_PAGE_FOLDER)

    def openapi(application: Any, message: Any) -> Response:
        mount = quote(message.environ.get("SCRIPT_NAME", "").encode("latin-1"), safe=PATH_SAFE)
        return _document(registry.openapi(application, mount), JSON, message.environ)

    def manifest(application: Any, message: Any) -> Response:
        return _document(registry.manifest(), SCHEMA_JSON, message.environ)

    def docs(application: Any, message: Any, path: str = "") -> Any:
        if message.path_info == docs_path:
            return Response("", 308, {"Location": "docs/"})
        response = files(application, message, path)
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
        return response

    for path, handler in ((OPENAPI_PATH, openapi), (MANIFEST_PATH, manifest)):
        application.route(f"{below}{path}", methods=["GET"])(handler)
    for path in (docs_path, f"{docs_path}/", f"{docs_path}/{{path}}"):
        application.route(path, methods=["GET"])(docs)


def _document(text: bytes, kind: str, environ: Environ) -> Response:
    etag = f'"{hashlib.sha1(text, usedforsecurity=False).hexdigest()[:20]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if check_read_conditions(environ, etag):
        return Response(b"", 304, headers)
    return Response(text, 200, headers, content_type=kind)


def _few(made: dict[Any, bytes]) -> dict[Any, bytes]:
    """Return what was made before, unless that is for so many places that a client may be making them up."""
    return made if len(made) < 8 else {}
