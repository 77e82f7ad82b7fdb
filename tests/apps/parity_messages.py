"""Parity: what a request has, what headers and bodies an answer takes, uploads, and a long poll."""

from __future__ import annotations

import hashlib
import time

from brubeck_wsgi import Brubeck, WebMessageHandler

GROUPS = ("args", "message", "headers", "body", "upload", "long polling")
FEED_SECONDS = 1

BODIES = {
    "unicode": "café ☃",
    "utf8bytes": "café".encode(),
    "bytes": b"\x00\xff\xfe\x80",
    "none": None,
    "int": 5,
    "empty": "",
}
PROBES = {
    None: ("X-Probe", "plain"),
    "int": ("X-Probe", 5),
    "unicode": ("X-Probe", "café"),
    "inject": ("X-Probe", "a\r\nX-Injected: 1"),
    "name": ("X-Bad\r\nX-Injected", "1"),
    "replace": ("X-Probe", "plain"),
    "ctype": ("Content-Type", "text/css"),
    "case": ("content-type", "text/css"),
}


class ArgsHandler(WebMessageHandler):
    def get(self):
        return {
            "one": self.get_argument("a"),
            "raw": self.get_argument("a", strip=False),
            "many": self.get_arguments("a"),
            "default": self.get_argument("a", "dflt"),
            "none": self.get_argument("zzz"),
            "nonelist": self.get_arguments("zzz"),
            "all": self.message.arguments,
        }

    post = put = patch = delete = get


class EchoHandler(WebMessageHandler):
    def post(self):
        self.headers["Content-Type"] = "application/octet-stream"
        self.set_body(self.message.body)
        return self.render()


class InfoHandler(WebMessageHandler):
    def get(self):
        return {
            "method": self.message.method,
            "path": self.message.path,
            "url": self.message.url,
            "content_type": self.message.content_type,
            "body": self.message.text,
            "header": self.message.headers.get("x-probe"),
            "remote_addr": self.message.remote_addr,
        }

    post = get


class HeadersHandler(WebMessageHandler):
    def get(self):
        kind = self.get_argument("kind")
        self.set_body("x")
        name, value = PROBES[kind]
        self.headers[name] = value
        if kind == "replace":
            self.set_body("y", headers={"X-Other": "after"})
        return self.render()


class BodyHandler(WebMessageHandler):
    def get(self):
        self.set_body(BODIES[self.get_argument("kind")])
        return self.render()


class UploadHandler(WebMessageHandler):
    def post(self):
        return {
            "has_files": hasattr(self.message, "files"),
            "arguments": self.message.arguments,
            "a": self.get_argument("a"),
            "files": {name: [_described(file) for file in files] for name, files in self.message.files.items()},
        }

    put = post


class FeedHandler(WebMessageHandler):
    def get(self):
        time.sleep(FEED_SECONDS)
        self.headers["Content-Type"] = "text/plain"
        self.set_body("fed")
        return self.render()


def add_routes(app: Brubeck) -> None:
    """Add the routes of this part."""
    app.init_routes(
        [
            (r"^/args$", ArgsHandler),
            (r"^/echo$", EchoHandler),
            (r"^/info", InfoHandler),
            (r"^/headers$", HeadersHandler),
            (r"^/body$", BodyHandler),
            (r"^/upload$", UploadHandler),
            (r"^/feed$", FeedHandler),
        ]
    )


def _described(file):
    return {
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size,
        "md5": hashlib.md5(file.body).hexdigest(),
    }
