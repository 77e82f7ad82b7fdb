"""Pages of Markdown, followed as a reader would: the code is run, the commands are tried, the links lead somewhere.

A page's ``python`` blocks are run in order in one namespace, in an empty folder. A comment above a block says more:

    <!-- file: app.py -->                  the reader writes this file; it is run when something serves it
    <!-- more: app.py -->                  the reader adds this to the file
    <!-- change: app.py -->                the reader puts this line in place of the one with the same first two words
    <!-- include: examples/hello.py -->    the block is that file of the project, letter for letter

A ``console`` block has commands, each after ``$ ``, and below it what the command says, in which … stands for
anything. ``curl`` asks the application that was served last, or else the page's own ``app``; nothing listens.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gunicorn.config import Config
from packaging.requirements import Requirement
from servers import ROOT
from webtest import TestApp

from brubeck_wsgi.cli import main

README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))

_BLOCK = re.compile(
    r"^(?:<!-- (?P<role>file|more|change|include): (?P<path>\S+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_NEVER_TRIED = {"git", "heroku", "openssl", "source", "sudo"}  # what they do is not ours, or costs too much
_FROM_HERE = {"REMOTE_ADDR": "127.0.0.1"}
_METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@dataclass
class Block:
    """A fenced block of a page, and what the comment above it says."""

    language: str
    text: str
    role: str | None
    path: str | None
    line: int


def read_blocks(page):
    """Return the fenced blocks of *page*, in order."""
    source = page.read_text()
    return [
        Block(
            match["language"], match["text"], match["role"], match["path"], source.count("\n", 0, match.start("text"))
        )
        for match in _BLOCK.finditer(source)
    ]


def read_links(page):
    """Return where the links of *page* lead, as they are written."""
    return _LINK.findall(_BLOCK.sub("", page.read_text()))


def read_anchors(page):
    """Return the anchors that the headings of *page* have."""
    headings = _HEADING.findall(_BLOCK.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(page):
    """Assert that each link of *page* within the project leads to a file, and to a heading of it."""
    for link in read_links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", link
            continue
        target = page.parent / parts.path if parts.path else page
        assert target.exists(), link
        if parts.fragment:
            assert parts.fragment in read_anchors(target), link


def check_includes(page):
    """Assert that each included block of *page* equals its file."""
    for block in read_blocks(page):
        if block.role == "include":
            assert block.text == (ROOT / block.path).read_text(), f"{page}:{block.line} is not {block.path}"


class Reader:
    """Does what a page says, in *folder*."""

    def __init__(self, folder, monkeypatch, capsys):
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.namespace = {"__name__": "page", "__file__": str(folder / "page.py")}
        self.served = None
        self.application = None
        self.jar = None
        self.checks = 0
        monkeypatch.chdir(folder)

    def follow(self, page):
        """Go through *page* from its first block to its last."""
        for block in read_blocks(page):
            if block.language == "console":
                for command, output in _commands(block.text):
                    self.run(command, output)
            elif block.role in ("file", "more", "change"):
                self.write(block)
            elif block.language == "python":
                self.execute(block, page)

    def execute(self, block, page):
        """Run the block; an application that it makes is the one to ask from now on."""
        self.checks += block.text.count("assert ")
        known = self.namespace.get("app")
        source = "\n" * block.line + block.text  # so that a traceback has the page's lines
        self.namespace["__file__"] = str(ROOT / block.path if block.role == "include" else page)
        exec(compile(source, page, "exec"), self.namespace)
        if self.namespace.get("app") is not known:
            self.served = self.application = None

    def write(self, block):
        """Write, extend or change the block's file; what serves it starts again."""
        path = Path(block.path)
        if block.role == "file":
            path.write_text(block.text)
        elif block.role == "more":
            path.write_text(f"{path.read_text()}\n\n{block.text}")
        else:
            first_words = re.escape(" ".join(block.text.split()[:2]))
            changed, times = re.subn(rf"^{first_words}\b.*\n", block.text, path.read_text(), flags=re.M)
            assert times == 1, block.text
            path.write_text(changed)
        self.application = None

    def run(self, commands, output):
        """Try *commands*, one or several with ``&&`` between; the last must say *output*."""
        said = None
        for command in commands.split(" && "):
            program, *arguments = shlex.split(command)
            said = None if program in _NEVER_TRIED else getattr(self, f"_run_{program}")(*arguments)
        if output.strip():
            assert said is not None, f"{commands}: expected nothing below it"
            assert re.fullmatch(_pattern(output.rstrip("\n")), said.rstrip("\n"), re.S), f"{commands}\n{said}"

    def _run_curl(self, *arguments):
        self.checks += 1
        options = _CURL.parse_args(arguments)
        client = self._client(options.cookie or options.cookie_jar)
        url = urlsplit(options.url if "://" in options.url else f"//{options.url}")
        assert url.hostname in ("localhost", "127.0.0.1"), options.url
        headers = {"Host": url.netloc, "Accept": "*/*"}
        headers.update(header.split(": ", 1) for header in options.header)
        if options.data:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        method = options.request or ("POST" if options.data else "HEAD" if options.head else "GET")
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        body = "&".join(options.data).encode()
        response = client.request(path, method=method, headers=headers, body=body, expect_errors=True)
        assert response.status_code < 500 or options.include, response.text
        if not options.include and not options.head:
            return response.text
        lines = [f"HTTP/1.1 {response.status}"]
        lines += [f"{name}: {value}" for name, value in response.headerlist]
        return "\n".join([*lines, "", response.text])

    def _client(self, keeps_cookies):
        if self.application is None:
            self.application = self._load()
        if not keeps_cookies:
            return TestApp(self.application, extra_environ=_FROM_HERE)
        self.jar = self.jar or TestApp(self.application, extra_environ=_FROM_HERE)
        return self.jar

    def _load(self):
        if self.served is None:
            return self.namespace["app"]
        module, _, name = self.served.partition(":")
        path = Path(*module.split(".")).with_suffix(".py")
        return runpy.run_path(str(path if path.exists() else ROOT / path), run_name=module)[name]

    def _serve(self, reference):
        assert re.fullmatch(r"[\w.]+:\w+", reference), reference
        self.served, self.application = reference, None
        self._client(keeps_cookies=False)

    def _run_gunicorn(self, *arguments):
        options = Config().parser().parse_args(arguments)
        self._serve(*options.args)

    def _run_brubeck(self, *arguments):
        if arguments[0] == "serve":
            return self._serve_with_brubeck(*arguments)
        self.capsys.readouterr()
        with _nothing_stays_imported():
            assert main(arguments) == 0
        return self.capsys.readouterr().out

    def _serve_with_brubeck(self, *arguments):
        commands = []
        self.monkeypatch.setattr(os, "execv", lambda program, command: commands.append(command))
        with _nothing_stays_imported():
            assert main(arguments) == 0
        assert commands[0][1:3] == ["-m", "gunicorn"]
        self._run_gunicorn(*commands[0][3:])

    def _run_make(self, *targets):
        known = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
        assert set(targets) <= set(known)

    def _run_pip(self, command, *arguments):
        assert command == "install"
        if arguments[0] in ("-r", "--requirement"):
            assert Path(arguments[1]).exists()
            return
        for argument in arguments:
            wanted = Requirement(argument)
            if wanted.name == _METADATA["name"]:
                assert wanted.extras <= set(_METADATA["optional-dependencies"])
            else:
                assert wanted.name in ("pytest", "webtest")

    def _run_python(self, *arguments):
        self.checks += 1
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environ, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _run_python3(self, *arguments):
        assert arguments == ("-m", "venv", ".venv")

    def _run_cd(self, folder):
        self.monkeypatch.chdir(folder)


@contextmanager
def _nothing_stays_imported():
    """Have what the command imports from the reader's folder be imported anew the next time."""
    path, modules = sys.path[:], set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            del sys.modules[name]


@contextmanager
def restored_logging():
    """Undo what applications on a page set up."""
    loggers = [logging.getLogger(name) for name in (None, "brubeck", "brubeck.access")]
    before = [(logger.level, logger.handlers[:]) for logger in loggers]
    try:
        yield
    finally:
        for logger, (level, handlers) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.handlers[:] = handlers


def _commands(text):
    """Return the commands of a console block, each with what it says."""
    assert text.startswith("$ "), text
    return [piece.partition("\n")[::2] for piece in re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.M)[1:]]


def _pattern(output):
    """Return the regular expression of *output*; where it shows headers, there may be more of them."""
    pattern = re.escape(output).replace("…", ".*?")
    if output.startswith("HTTP/"):
        head, blank, body = pattern.partition("\\\n\\\n")
        pattern = head.replace("\\\n", "(?:\n[^\n]+)*?\n") + "(?:\n[^\n]+)*" + ("\n\n" + body if blank else "\n*")
    return pattern


_CURL = argparse.ArgumentParser(prog="curl")
_CURL.add_argument("url")
_CURL.add_argument("-i", "--include", action="store_true")
_CURL.add_argument("-I", "--head", action="store_true")
_CURL.add_argument("-N", "--no-buffer", action="store_true")
_CURL.add_argument("-X", "--request")
_CURL.add_argument("-H", "--header", action="append", default=[])
_CURL.add_argument("-d", "--data", action="append", default=[])
_CURL.add_argument("-b", "--cookie")
_CURL.add_argument("-c", "--cookie-jar")
