"""Templates: one mixin over four engines, whose environments all have ``get_template(name).render(**context)``.

A template makes HTML, and what it is given is escaped there, unless its name ends in ``.txt``.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeAlias

from brubeck_wsgi.errors import ConfigurationError, MissingLibrary
from brubeck_wsgi.handlers import WebMessageHandler
from brubeck_wsgi.response import Response

Folders: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]
Loader: TypeAlias = Callable[[], Any]
"""What `Brubeck` takes as its ``template_loader``. Any: the environment is the engine's own class."""

_ENGINE_SUFFIXES = {".jinja", ".jinja2", ".j2", ".mako", ".mustache"}
_PARSED_TEMPLATES = 512
_MISSING_TEMPLATE = "expected a template in the folder of templates, got the name {!r:.200}"


class Page(str):
    """Rendered HTML: text that handlers answer as ``text/html``, and that templates do not escape again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


class Template(Protocol):
    """What is rendered."""

    def render(self, **context: Any) -> str:
        """Return the text for this context."""


def is_html(name: str | None) -> bool:
    """Tell by its name whether a template makes HTML; what has no name does."""
    path = PurePosixPath(name or "")
    return (PurePosixPath(path.stem).suffix if path.suffix in _ENGINE_SUFFIXES else path.suffix) != ".txt"


def render_template(environment: Any, template_file: str, context: dict[str, Any]) -> str:
    """Return the text of a template; a `Page` if it is HTML, so that a handler that returns it answers HTML.

    Raises:
        ConfigurationError: *environment* is None; the application has no `template_loader`.
        Exception: whatever the engine raises where the template is missing, or fails.
    """
    if environment is None:
        raise ConfigurationError("expected Brubeck(template_loader=…) to render templates with")
    text: str = environment.get_template(template_file).render(**context)
    return Page(text) if is_html(template_file) else text


class TemplateRendering(WebMessageHandler):
    """A handler whose answers, errors too, come from templates.

    Attributes:
        errors_template: what `render_error` renders, with the status as ``error_code``.
    """

    errors_template = "errors.html"

    def render_template(self, template_file: str, /, _status_code: int = 200, **context: Any) -> Response:
        """Return the template as the answer.

        Args:
            template_file: its name in the folder of templates.
            _status_code: 200 to 599.
            context: what the template has to do with.
        """
        page = render_template(self.application.template_env, template_file, context)
        self.set_body(page, status_code=_status_code)
        return self.render()

    def render_error(
        self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None, **options: Any
    ) -> Response:
        """Return the errors template as the answer in place of what was to be said.

        Args:
            status_code: 400 to 599; the template has it as ``error_code``.
            status_msg: the reason phrase; as ``error_msg``, with the registered phrase by default.
            extra_txt: what went wrong, for the client; as ``error_txt``.
        """
        self.clear_payload()
        self.set_status(status_code, status_msg)
        context = {"error_code": status_code, "error_msg": self.status_msg, "error_txt": extra_txt or ""}
        self.body = render_template(self.application.template_env, self.errors_template, context)
        return self.render()

    def error(self, err: Exception) -> Response:
        """Answer an unexpected exception, one of a template for example, by the errors template."""
        return self.render_error(self._SERVER_ERROR)


class Jinja2Rendering(TemplateRendering):
    """A handler with Jinja2's templates; see `load_jinja2_env`."""


class MakoRendering(TemplateRendering):
    """A handler with Mako's templates; see `load_mako_env`."""


class TornadoRendering(TemplateRendering):
    """A handler with Tornado's templates; see `load_tornado_env`."""


class MustacheRendering(TemplateRendering):
    """A handler with Mustache templates, which are named without their suffix; see `load_mustache_env`."""

    errors_template = "errors"


def load_jinja2_env(template_dir: Folders, **options: Any) -> Loader:
    """Return what loads the templates of a folder, or of several, for Jinja2.

    Args:
        options: of `jinja2.Environment`.
    """

    def load() -> Any:
        try:
            from jinja2 import Environment, FileSystemLoader
        except ImportError as error:
            raise MissingLibrary("jinja2", "jinja2") from error
        own: dict[str, Any] = {"autoescape": is_html, "loader": FileSystemLoader(_folders(template_dir))}
        return Environment(**own | options)  # noqa: S701  # the linter does not look into a dictionary

    return load


def load_mako_env(template_dir: Folders, **options: Any) -> Loader:
    """Return what loads the templates of a folder, or of several, for Mako.

    Every template is escaped; a ``.txt`` that is not to be says ``<%page expression_filter="n"/>``.

    Args:
        options: of `mako.lookup.TemplateLookup`.
    """

    def load() -> Any:
        try:
            from mako.lookup import TemplateLookup  # type: ignore[import-untyped]  # it has no types
        except ImportError as error:
            raise MissingLibrary("mako", "mako") from error
        return TemplateLookup(**{"directories": _folders(template_dir), "default_filters": ["h"]} | options)

    return load


def load_tornado_env(template_dir: str | PathLike[str], **options: Any) -> Loader:
    """Return what loads the templates of a folder for Tornado, each of them once.

    Every template is escaped; a ``.txt`` that is not to be says ``{% autoescape None %}``.

    Args:
        options: of `tornado.template.Loader`.
    """

    def load() -> Any:
        try:
            from tornado.template import Loader as Environment
        except ImportError as error:
            raise MissingLibrary("tornado", "tornado") from error

        class TornadoEnvironment(Environment):
            def get_template(self, name: str) -> Template:
                template = self.load(_checked_name(name))
                return _Template(lambda context: template.generate(**context).decode())

        return TornadoEnvironment(_folders(template_dir)[0], **options)

    return load


def load_mustache_env(template_dir: Folders, **options: Any) -> Loader:
    """Return what loads the ``.mustache`` files of a folder, or of several, by names without the suffix.

    A variable that has no value is empty, as Mustache has it; a partial that does not exist is an error.

    Args:
        options: of `pystache.Renderer`.
    """

    def load() -> Any:
        try:
            from pystache import Renderer, parse  # type: ignore[import-untyped]  # it has no types
            from pystache.common import TemplateNotFoundError  # type: ignore[import-untyped]  # likewise
        except ImportError as error:
            raise MissingLibrary("pystache", "mustache") from error

        @lru_cache(maxsize=_PARSED_TEMPLATES)
        def parsed(text: str) -> Any:
            # The parser takes a section that is not closed for the whole template: a mark at the beginning is lost.
            if not repr(parse(f"\0\n{text}"))[2:].startswith(r"\x00"):
                raise ValueError(f"expected every section to be closed in the template {text!r:.80}")
            return parse(text)

        class Environment:
            def get(self, name: str) -> str:
                """Return the text of a partial."""
                try:
                    text: str = renderer.load_template(_checked_name(name))
                except TemplateNotFoundError as error:  # which the renderer takes for an empty partial
                    raise LookupError(str(error)) from error
                parsed(text)
                return text

            def get_template(self, name: str) -> Template:
                template = parsed(self.get(name))
                return _Template(lambda context: renderer.render(template, context))

        environment = Environment()
        own = {"search_dirs": _folders(template_dir), "partials": environment, "escape": html.escape}
        renderer = Renderer(**own | options)
        return environment

    return load


class _Template:
    """A template of an engine that calls for its context in another way."""

    def __init__(self, render: Callable[[dict[str, Any]], str]) -> None:
        self._render = render

    def render(self, /, **context: Any) -> str:
        return self._render(context)


def _folders(template_dir: Folders) -> list[str]:
    folders = [template_dir] if isinstance(template_dir, str | PathLike) else list(template_dir)
    for folder in folders:
        if not Path(folder).is_dir():
            raise ConfigurationError(f"expected a folder of templates, got {str(folder)!r} in {str(Path.cwd())!r}")
    return [str(folder) for folder in folders]


def _checked_name(name: str) -> str:
    """Return *name* if it cannot lead out of the folder; the two engines above would follow it."""
    if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
        raise LookupError(_MISSING_TEMPLATE.format(name))
    return name
