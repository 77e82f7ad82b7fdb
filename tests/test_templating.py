"""Templates: one contract over four engines."""

from __future__ import annotations

import logging
import sys

import pytest
from servers import ROOT
from webtest import TestApp

from brubeck_wsgi import Brubeck, ConfigurationError, MissingLibrary, WebMessageHandler
from brubeck_wsgi.templating import (
    Jinja2Rendering,
    MakoRendering,
    MustacheRendering,
    Page,
    TornadoRendering,
    is_html,
    load_jinja2_env,
    load_mako_env,
    load_mustache_env,
    load_tornado_env,
)

TEMPLATES = ROOT / "tests" / "apps" / "templates"
# What an engine has: the loader, the handler, the suffix of the names, the suffix of the files, and a variable.
ENGINES = {
    "jinja2": (load_jinja2_env, Jinja2Rendering, ".html", "", "{{ %s }}"),
    "mako": (load_mako_env, MakoRendering, ".html", "", "${%s}"),
    "tornado": (load_tornado_env, TornadoRendering, ".html", "", "{{ %s }}"),
    "mustache": (load_mustache_env, MustacheRendering, "", ".mustache", "{{%s}}"),
}
HOSTILE = "<script>&\"'☃"

every_engine = pytest.mark.parametrize("engine", ENGINES)


class Site:
    """An application with the templates of the parity app, or with those that a test writes."""

    def __init__(self, engine, folder=None):
        self.load, self.handler_class, self.suffix, self.file_suffix, self.variable = ENGINES[engine]
        self.folder = folder or TEMPLATES / engine
        self.answers = {}
        site = self

        class Handler(self.handler_class):
            def get(self, name):
                return site.answers[name](self)

        self.app = Brubeck(handler_tuples=[(r"^/(\w+)$", Handler)], template_loader=self.load(self.folder))
        self.client = TestApp(self.app)

    def get(self, answer, status=None, **options):
        """Return what a handler answers whose `get` does what the function *answer* says."""
        self.answers["page"] = answer
        return self.client.get("/page", status=status, **options)

    def write(self, name, text):
        (self.folder / f"{name}{self.file_suffix}").write_text(text)


@pytest.fixture(params=ENGINES)
def site(request):
    """The templates of the parity app in each engine."""
    return Site(request.param)


@pytest.fixture(params=ENGINES)
def own_site(request, tmp_path):
    """An empty folder for templates in each engine."""
    return Site(request.param, tmp_path)


def page_of(site, **context):
    return lambda handler: handler.render_template(f"page{site.suffix}", **context)


# -- rendering


def test_page_is_html_built_from_its_base(site):
    response = site.get(page_of(site, name="Dave"))

    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.html.title.text == "Page"
    assert response.html.p.text == "Hello, Dave!"
    assert response.text.startswith("<!doctype html>")


def test_what_is_given_to_a_page_is_escaped(site):
    response = site.get(page_of(site, name=HOSTILE))

    assert "<script>" not in response.text
    assert not set("\"'") & set(response.text.partition("<p>")[2].partition("</p>")[0])
    assert response.html.p.text == f"Hello, {HOSTILE}!"


def test_attribute_in_either_quotes_cannot_be_left(own_site):
    variable = own_site.variable % "name"
    own_site.write(f"page{own_site.suffix}", f"<p title='{variable}'><b title=\"{variable}\"></b></p>")

    html = own_site.get(page_of(own_site, name="' onclick=\" x")).html

    assert html.p.attrs == html.b.attrs == {"title": "' onclick=\" x"}


def test_page_is_sent_with_the_status_it_is_rendered_with(site):
    response = site.get(lambda handler: handler.render_template(f"page{site.suffix}", _status_code=201, name="made"))

    assert (response.status, response.html.p.text) == ("201 Created", "Hello, made!")


def test_headers_and_cookies_of_the_handler_go_with_the_page(site):
    def answer(handler):
        handler.headers["X-Probe"] = "1"
        handler.headers["Content-Type"] = "application/xhtml+xml"
        handler.set_cookie("seen", "yes")
        return handler.render_template(f"page{site.suffix}", name="Dave")

    response = site.get(answer)

    assert (response.headers["X-Probe"], response.content_type) == ("1", "application/xhtml+xml")
    assert response.headers["Set-Cookie"] == "seen=yes; Path=/"


def test_application_renders_the_same_text_outside_of_handlers(site):
    text = site.app.render_template(f"page{site.suffix}", name="Dave")

    assert text == site.get(page_of(site, name="Dave")).text


def test_page_that_a_function_returns_is_html(site):
    site.app.add_route_rule("^/function/$", lambda app, message: app.render_template(f"page{site.suffix}", name="Dave"))

    response = site.client.get("/function/")

    assert (response.content_type, response.html.p.text) == ("text/html", "Hello, Dave!")


# -- plain text


@every_engine
def test_template_of_plain_text_is_sent_as_that(engine, tmp_path):
    site = Site(engine, tmp_path)
    site.write("mail.txt", site.variable % "name")

    assert site.get(lambda handler: handler.render_template("mail.txt", name="Dave")).content_type == "text/plain"


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("jinja2", "{{ name }}"),
        ("mako", '<%page expression_filter="n"/>${name}'),
        ("tornado", "{% autoescape None %}{{ name }}"),
        ("mustache", "{{{name}}}"),
    ],
)
def test_plain_text_need_not_be_escaped(engine, text, tmp_path):
    site = Site(engine, tmp_path)
    site.write("mail.txt", text)

    assert site.get(lambda handler: handler.render_template("mail.txt", name=HOSTILE)).text == HOSTILE


@pytest.mark.parametrize(
    "name", ["a.html", "a.htm", "a.xml", "a", "a.html.j2", "a.txt/b", "txt", ".txt.html", "", None]
)
def test_template_is_html_unless_its_name_says_otherwise(name):
    assert is_html(name)


@pytest.mark.parametrize("name", ["a.txt", "mail/a.txt", "a.html.txt", "a.txt.j2", "a.txt.mako", "a.txt.mustache"])
def test_template_whose_name_ends_in_txt_is_plain_text(name):
    assert not is_html(name)


def test_page_inside_a_page_is_not_escaped_again(tmp_path):
    site = Site("jinja2", tmp_path)
    site.write("page.html", "<p>{{ name }}</p>")

    assert site.get(page_of(site, name=Page("<b>Dave</b>"))).text == "<p><b>Dave</b></p>"


# -- errors


@pytest.mark.parametrize("code", [400, 404, 503])
def test_error_is_rendered_by_the_errors_template(site, code):
    response = site.get(lambda handler: handler.render_error(code), status=code)

    assert (response.content_type, response.html.h1.text) == ("text/html", f"Error {code}")


def test_errors_template_knows_what_the_handler_said(own_site):
    code, reason, text = (own_site.variable % name for name in ("error_code", "error_msg", "error_txt"))
    own_site.write(f"errors{own_site.suffix}", f"{code}|{reason}|{text}")

    said = own_site.get(lambda handler: handler.render_error(404, extra_txt="no <such> tune"), status=404)
    named = own_site.get(lambda handler: handler.render_error(404, "Lost"), status=404)

    assert said.text == "404|Not Found|no &lt;such&gt; tune"
    assert (named.status, named.text) == ("404 Lost", "404|Lost|")


def test_error_is_rendered_in_place_of_what_was_to_be_said(site):
    def answer(handler):
        handler.set_body("half a page", headers={"Content-Type": "text/plain", "X-Probe": "1"}, status_code=201)
        return handler.render_error(403)

    response = site.get(answer, status=403)

    assert (response.content_type, response.headers["X-Probe"]) == ("text/html", "1")
    assert "half a page" not in response.text


def missing_template(handler):
    return handler.render_template("nowhere")


def failing_code(handler):
    raise ValueError("secret detail")


@pytest.mark.parametrize("answer", [missing_template, failing_code])
def test_exception_is_logged_once_and_answered_by_the_errors_template(site, caplog, answer):
    response = site.get(answer, status=500)

    assert response.html.h1.text == "Error 500"
    assert "secret detail" not in response.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("jinja2", "{{ 1 / 0 }}"),
        ("jinja2", "{% nonsense %}"),
        ("jinja2", '{% include "nowhere.html" %}'),
        ("mako", "${1 / 0}"),
        ("mako", "${undefined}"),
        ("mako", "<% nonsense"),
        ("mako", '<%include file="nowhere.html"/>'),
        ("tornado", "{{ 1 / 0 }}"),
        ("tornado", "{{ undefined }}"),
        ("tornado", "{% nonsense %}"),
        ("tornado", '{% include "nowhere.html" %}'),
        ("mustache", "{{fail}}"),
        ("mustache", "{{#open}}"),
        ("mustache", "{{> nowhere}}"),
    ],
)
def test_mistake_in_a_template_is_logged_and_answered_500(engine, text, tmp_path, caplog):
    site = Site(engine, tmp_path)
    site.write(f"page{site.suffix}", text)
    site.write(f"errors{site.suffix}", "Error " + site.variable % "error_code")

    response = site.get(page_of(site, fail=lambda: 1 / 0), status=500)

    assert response.text.strip() == "Error 500"
    assert len(caplog.records) == 1


def test_error_without_an_errors_template_is_a_problem_and_logged(own_site, caplog):
    response = own_site.get(lambda handler: handler.render_error(404), status=500)

    assert (response.content_type, response.json["status"]) == ("application/problem+json", 500)
    assert "errors" in caplog.text


def test_handler_may_have_an_errors_template_of_its_own(own_site):
    own_site.write(f"sorry{own_site.suffix}", "Sorry: " + own_site.variable % "error_code")

    class SorryHandler(own_site.handler_class):
        errors_template = f"sorry{own_site.suffix}"

        def get(self):
            return self.render_error(404)

    own_site.app.add_route_rule("^/sorry/$", SorryHandler)

    assert own_site.client.get("/sorry/", status=404).text == "Sorry: 404"


@pytest.mark.parametrize("name", ["../secret", "../secret.html", "a/../../secret.html"])
def test_name_cannot_lead_out_of_the_folder(engine_site_with_secret, name):
    site = engine_site_with_secret

    response = site.get(lambda handler: handler.render_template(name), status=500)

    assert "secret words" not in response.text


@pytest.fixture(params=ENGINES)
def engine_site_with_secret(request, tmp_path):
    """A folder of templates with a file beside it that looks like one."""
    (tmp_path / "templates" / "a").mkdir(parents=True)
    site = Site(request.param, tmp_path / "templates")
    for name in ("secret.html", "secret.mustache", "secret.html.mustache"):
        (tmp_path / name).write_text("secret words")
    return site


# -- loading


@every_engine
def test_folder_that_does_not_exist_is_told_when_the_application_is_made(engine, tmp_path):
    with pytest.raises(ConfigurationError, match=r"expected a folder of templates, got '.*nowhere' in '"):
        Brubeck(template_loader=ENGINES[engine][0](tmp_path / "nowhere"))


@pytest.mark.parametrize("engine", ["jinja2", "mako", "mustache"])
def test_first_of_several_folders_that_has_the_template_wins(engine, tmp_path):
    site = Site(engine, [TEMPLATES / engine, tmp_path])
    for name in ("page", "other"):
        (tmp_path / f"{name}{site.suffix}{site.file_suffix}").write_text("from the second")

    assert site.get(page_of(site, name="Dave")).html.p.text == "Hello, Dave!"
    assert site.get(lambda handler: handler.render_template(f"other{site.suffix}")).text == "from the second"


@pytest.mark.parametrize(
    ("engine", "library", "extra"),
    [
        ("jinja2", "jinja2", "jinja2"),
        ("mako", "mako", "mako"),
        ("tornado", "tornado", "tornado"),
        ("mustache", "pystache", "mustache"),
    ],
)
def test_missing_library_is_told_when_the_application_is_made(engine, library, extra, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(MissingLibrary, match=rf"{library} is not installed: pip install 'brubeck-wsgi\[{extra}\]'"):
        Brubeck(template_loader=ENGINES[engine][0](TEMPLATES / engine))


@pytest.mark.parametrize(
    ("engine", "options", "text"),
    [
        ("jinja2", {"autoescape": False}, "{{ name }}"),
        ("mako", {"default_filters": ["str"]}, "${name}"),
        ("tornado", {"autoescape": None}, "{{ name }}"),
        ("mustache", {"escape": str}, "{{name}}"),
    ],
)
def test_options_of_the_engine_come_before_ours(engine, options, text, tmp_path):
    load, _, suffix, file_suffix, _ = ENGINES[engine]
    (tmp_path / f"page{suffix}{file_suffix}").write_text(text)

    app = Brubeck(template_loader=load(tmp_path, **options))

    assert app.render_template(f"page{suffix}", name="<b>") == "<b>"


def test_handler_without_a_loader_says_what_is_missing(caplog):
    class Handler(Jinja2Rendering):
        def get(self):
            return self.render_template("page.html")

    TestApp(Brubeck(handler_tuples=[("^/$", Handler)])).get("/", status=500)

    assert "expected Brubeck(template_loader=…) to render templates with" in caplog.text


def test_mixin_goes_with_handlers_that_are_for_the_web_already():
    class Custom(WebMessageHandler):
        def greeting(self):
            return "Dave"

    class Handler(Custom, Jinja2Rendering):
        def get(self):
            return self.render_template("page.html", name=self.greeting())

    app = Brubeck(handler_tuples=[("^/$", Handler)], template_loader=load_jinja2_env(TEMPLATES / "jinja2"))

    assert TestApp(app).get("/").html.p.text == "Hello, Dave!"
